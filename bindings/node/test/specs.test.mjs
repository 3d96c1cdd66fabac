// Specs as documents: what needs no kernel.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  AikitError,
  diagnose,
  editSpec,
  importSpec,
  loadSpec,
  parseSpec,
  specSchema,
} from "../index.mjs";
import { withFolder } from "./support.mjs";

const TEXT = `# The helper of the front desk
agent: helper
version: 1.0.0
model: openai/gpt-4o-mini # the small one
tools: [calculator]
`;

function caught(call) {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof AikitError, `${error}`);
    assert.match(error.stack, /specs\.test\.mjs/);
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("a short form is the full document, and has its hash", () => {
  const short = parseSpec(TEXT);
  assert.equal(short.text, TEXT);
  assert.match(short.hash, /^sha256:[0-9a-f]{64}$/);
  const full = parseSpec(JSON.stringify(short));
  assert.equal(full.hash, short.hash);
  assert.deepEqual(full.toJSON().integration.tools, [{ name: "calculator" }]);
  assert.notEqual(parseSpec(TEXT.replace("1.0.0", "1.0.1")).hash, short.hash);
});

test("hash and text cannot be set, and are not printed", () => {
  const spec = parseSpec(TEXT);
  assert.throws(() => (spec.hash = "x"), TypeError);
  assert.throws(() => (spec.text = "x"), TypeError);
  assert.deepEqual(Object.keys(spec), ["agent_id", "name", "version", "model"]);
});

test("a spec without a model has an empty one, and a warning", () => {
  const spec = parseSpec("agent: plain\n");
  assert.equal(spec.model, "");
  const [warning] = spec.check();
  assert.deepEqual([warning.code, warning.severity], ["AK2002", "warning"]);
});

test("rendering gives a text that means the same", () => {
  const spec = parseSpec(TEXT);
  for (const format of ["yaml", "json"]) {
    assert.equal(parseSpec(spec.render(format)).hash, spec.hash, format);
  }
  assert.deepEqual(JSON.parse(spec.render("json")), spec.toJSON());
  assert.ok(JSON.parse(spec.render("oracle")).agentspec_version);
  assert.equal(JSON.parse(spec.render("a2a")).name, "helper");
  const error = caught(() => spec.render("toml"));
  assert.equal(error.code, "invalid_argument");
  assert.match(error.hint, /yaml/);
});

test("a difference is told in fields", () => {
  const before = parseSpec(TEXT);
  const after = parseSpec(`agent: helper\nversion: 1.1.0\nmodel: openai/gpt-4o-mini\nprompt: Help.\n`);
  assert.deepEqual(before.diff(after), [
    { path: "/identity/version", kind: "changed", before: "1.0.0", after: "1.1.0" },
    { path: "/integration/tools", kind: "removed", before: [{ name: "calculator" }] },
    { path: "/intelligence/system_prompt", kind: "added", after: "Help." },
  ]);
  assert.deepEqual(before.diff(parseSpec(before.render("yaml"))), []);
});

test("a text may extend presets, and files where it is given their folder", async () => {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "base.yaml"), "intelligence: {temperature: 0.5, model: openai/base}\n");
    const extending = "extends: [preset:precise, base.yaml]\nagent: a\n";
    const spec = parseSpec(extending, { base: folder });
    assert.equal(spec.model, "openai/base");
    assert.equal(spec.toJSON().intelligence.temperature, 0.5);
    assert.equal(parseSpec(spec.text).hash, spec.hash, "its text needs no folder");

    await writeFile(join(folder, "agent.yaml"), extending);
    assert.equal(loadSpec(join(folder, "agent.yaml")).hash, spec.hash);

    const nowhere = caught(() => parseSpec(extending));
    assert.equal(nowhere.code, "spec_invalid");
    assert.equal(nowhere.line, 1);
    assert.match(nowhere.hint, /base/);
    assert.deepEqual(diagnose(extending, { base: folder }), []);
    assert.equal(diagnose(extending)[0].severity, "error");

    await mkdir(join(folder, "below"));
    const outside = caught(() => parseSpec("extends: ../base.yaml\nagent: a\n", { base: join(folder, "below") }));
    assert.equal(outside.code, "spec_invalid");

    await writeFile(join(folder, "wrong.yaml"), "intelligence: {temperature: warm}\n");
    const found = diagnose("extends: wrong.yaml\nagent: a\nmodel: o/x\n", { base: folder });
    assert.deepEqual(found.map(({ file, line }) => [file, line]), [["wrong.yaml", 1]]);
  });
});

const WRONG = 'agent: a\n"model": nonsense\nintelligence: {temprature: 1}\n';

test("diagnose finds everything and never throws for a bad spec", () => {
  const found = diagnose(WRONG);
  assert.deepEqual(
    found.map(({ code, severity, path, line, column, end_line, end_column }) => [
      code, severity, path, line, column, end_line, end_column,
    ]),
    [
      ["AK1005", "error", "/model", 2, 10, 2, 18],
      ["AK1002", "error", "/intelligence/temprature", 3, 16, 3, 26],
    ],
  );
  assert.match(found[1].hint, /temperature/);
  assert.deepEqual(diagnose(TEXT), []);
  for (const text of ["", "\0", "[".repeat(100_000), "\t- x", "&a [*a]", "{".repeat(40)]) {
    const [first] = diagnose(text);
    assert.equal(first.severity, "error", text.slice(0, 10));
  }
});

test("diagnose gives what an editor and a terminal show", () => {
  // 🙂 is one character and two of JavaScript's code units.
  const text = 'agent: a\nmodel: o/x\nname: "🙂"\nintelligence: {temperature: "🙂", x: 1}\n';
  const spots = diagnose(text, { format: "lsp" }).map(({ range: { start, end }, ...rest }) => ({
    written: text.split("\n")[start.line].slice(start.character, end.character),
    ...rest,
  }));
  assert.deepEqual(spots.map(({ written }) => written), ['"🙂"', "x"]);
  assert.deepEqual([spots[0].severity, spots[0].source, spots[0].data.path], [1, "aikit", "/intelligence/temperature"]);

  const shown = diagnose(WRONG, { format: "text", file: "mine.yaml" });
  assert.match(shown, /^mine\.yaml:2:10: error\[AK1005\]: .*\n 2 \| "model": nonsense\n {3}\| {10}\^{8}\n/);
  assert.match(diagnose(WRONG, { format: "text" }), /^spec:2:10: /);
  assert.equal(diagnose(TEXT, { format: "text" }), "");
});

test("an edit sets one value and leaves the rest of the text alone", () => {
  const edited = editSpec(TEXT, "/model", "openai/gpt-4o");
  assert.equal(edited, TEXT.replace("openai/gpt-4o-mini", "openai/gpt-4o"));
  assert.equal(parseSpec(editSpec(TEXT, "/behavior", { max_turns: 3 })).toJSON().behavior.max_turns, 3);
  assert.equal(caught(() => editSpec(TEXT, "/nothing/here", 1)).code, "invalid_argument");
  assert.equal(caught(() => editSpec(TEXT, "/model", "nonsense")).code, "spec_invalid");
  assert.equal(caught(() => editSpec("agent: [", "/model", "o/x")).code, "spec_invalid");
});

test("another framework's document becomes specs, with a report of every part", () => {
  const text = `kind: Prompt
name: Greeter
instructions: Greet people.
model: {id: gpt-4o-mini, provider: OpenAI}
flavour: vanilla
`;
  const { format, specs, report } = importSpec(text);
  assert.equal(format, "agent-framework");
  assert.equal(specs.length, 1);
  assert.equal(parseSpec(specs[0].text).agent_id, specs[0].name);
  assert.deepEqual(
    report.map(({ path }) => path).sort(),
    ["/flavour", "/instructions", "/kind", "/model/id", "/model/provider", "/name"],
  );
  assert.equal(report.find(({ path }) => path === "/flavour").kind, "lost");
  assert.equal(importSpec(text, { from: "agent-framework", file: "greeter.yaml" }).format, format);

  assert.match(caught(() => importSpec("a: 1")).hint, /agent-framework/);
  assert.match(caught(() => importSpec(text, { from: "nobody" })).message, /nobody/);
  assert.equal(caught(() => importSpec("a: [")).code, "spec_invalid");
});

test("the JSON Schema is that of the documentation", () => {
  const schema = specSchema();
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  for (const key of ["agent", "model", "intelligence", "extends"]) assert.ok(schema.properties[key], key);
  schema.properties = {};
  assert.ok(specSchema().properties.agent, "everybody gets one of their own");
});

test("arguments that are wrong are refused", () => {
  const spec = parseSpec(TEXT);
  const circular = {};
  circular.self = circular;
  const calls = {
    parseBase: () => parseSpec(TEXT, { base: 5 }),
    parseOptions: () => parseSpec(TEXT, "."),
    parseUnknown: () => parseSpec(TEXT, { folder: "." }),
    diagnoseNothing: () => diagnose(),
    diagnoseFormat: () => diagnose(TEXT, { format: "xml" }),
    diagnoseUnknown: () => diagnose(TEXT, { path: "x" }),
    diagnoseSignal: () => diagnose(TEXT, { signal: new AbortController().signal }),
    editNothing: () => editSpec(),
    editPointer: () => editSpec(TEXT, ["model"], "o/x"),
    editUndefined: () => editSpec(TEXT, "/model", undefined),
    editFunction: () => editSpec(TEXT, "/model", () => {}),
    editNaN: () => editSpec(TEXT, "/behavior", { max_turns: Number.NaN }),
    editBigInt: () => editSpec(TEXT, "/model", 1n),
    editCircular: () => editSpec(TEXT, "/model", circular),
    importNothing: () => importSpec(),
    importFrom: () => importSpec("kind: Prompt", { from: 5 }),
    importUnknown: () => importSpec("kind: Prompt", { format: "adl" }),
    renderNothing: () => spec.render(),
    diffNothing: () => spec.diff(),
    diffDocument: () => spec.diff(spec.toJSON()),
    diffText: () => spec.diff(TEXT),
    diffPrototype: () => spec.diff(Object.create(spec)),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error = caught(call);
    assert.equal(error.code, "invalid_argument", `${name}: ${error.message}`);
  }
  const half = "a\ud800b";
  const halves = [
    () => diagnose(half),
    () => editSpec(half, "/model", "o/x"),
    () => editSpec(TEXT, half, "o/x"),
    () => importSpec(half),
    () => spec.render(half),
  ];
  for (const call of halves) assert.equal(caught(call).code, "invalid_utf8", String(call));
});
