import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import * as imported from "../index.mjs";
import { EXAMPLES, PACKAGE, withFolder } from "./support.mjs";

const require = createRequire(import.meta.url);
const required = require("../index.js");
const typescript = require("typescript");
const NAMES = [
  "AikitError",
  "diagnose",
  "editSpec",
  "importSpec",
  "loadSpec",
  "open",
  "openAdmin",
  "parseSpec",
  "specSchema",
  "version",
];

/** What TypeScript sees in index.d.ts: each exported name, and the members of interfaces. */
let seenByTypeScript;
const declared = () => (seenByTypeScript ??= readDeclarations());

function readDeclarations() {
  const file = join(PACKAGE, "index.d.ts");
  const built = typescript.createProgram([file], { strict: true });
  const checker = built.getTypeChecker();
  const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(built.getSourceFile(file)));
  const isValue = (symbol) => (symbol.flags & typescript.SymbolFlags.Value) !== 0;
  const members = (name) =>
    checker
      .getDeclaredTypeOfSymbol(symbols.find((symbol) => symbol.name === name))
      .getProperties()
      .map((property) => property.name.replace(/^__@(\w+)@\d+$/, "[$1]"))
      .sort();
  const unions = (name) => checker.getDeclaredTypeOfSymbol(symbols.find((symbol) => symbol.name === name)).types;
  return { values: symbols.filter(isValue).map(({ name }) => name).sort(), members, unions };
}

/** What an object of the package has. */
function members(object) {
  const all = [...Reflect.ownKeys(object), ...Reflect.ownKeys(Object.getPrototypeOf(object))];
  return [...new Set(all)]
    .filter((key) => key !== "constructor")
    .map((key) => (typeof key === "symbol" ? `[${key.description.replace(/^(Symbol|nodejs)\./, "")}]` : key))
    .sort();
}

test("require, import and index.d.ts export the same names", () => {
  assert.deepEqual(Object.keys(required).sort(), NAMES);
  assert.deepEqual(Object.keys(imported).sort(), NAMES);
  for (const name of NAMES) assert.equal(imported[name], required[name], name);
  assert.deepEqual(declared().values, NAMES);
});

test("every object has exactly the members that index.d.ts declares", async () => {
  const types = declared();
  const kernel = await imported.open();
  const agent = await kernel.agent(join(EXAMPLES, "specs", "quickstart.yaml"));
  const admin = await imported.openAdmin({ location: ":memory:", actor: "ada" });
  const objects = {
    Admin: admin,
    Kernel: kernel,
    Agent: agent,
    Spec: agent.spec,
    Specs: kernel.specs,
    Collection: kernel.collection("c"),
    Run: agent.start("go"),
  };
  for (const [name, object] of Object.entries(objects)) {
    assert.deepEqual(members(object), types.members(name), name);
  }
  await Promise.all([kernel.close(), admin.close()]);
});

test("a result and its events have exactly the declared fields", async () => {
  const types = declared();
  const kernel = await imported.open();
  await kernel.collection("handbook").ingest(join(EXAMPLES, "handbook"));
  kernel.tool({ name: "leave_balance", parameters: { type: "object" }, run: () => ({ days: 12 }) });
  const agent = await kernel.agent(join(EXAMPLES, "specs", "handbook.yaml"));
  const images = ["https://example.com/a.png"];
  const run = agent.start("How many days of leave do I have left?", { images });
  const kinds = new Map(
    types.unions("RunEvent").map((type) => [
      type.symbol.name,
      type.getProperties().map(({ name }) => name).sort(),
    ]),
  );
  const seen = new Set();
  for await (const event of run) {
    seen.add(event.type);
    const fields = kinds.get(camel(event.type)).filter((name) => event.type !== "tool_finished" || name !== "error");
    assert.deepEqual(Object.keys(event).sort(), fields, event.type);
  }
  assert.ok(seen.size >= 8, [...seen].join());
  const result = await run.result();
  // The spec has no output schema.
  const always = types.members("RunResult").filter((name) => name !== "output");
  assert.deepEqual(Object.keys(result).sort(), always);
  assert.deepEqual(Object.keys(result.citations[0]).sort(), types.members("Citation"));
  const [passage] = await kernel.collection("handbook").search("leave");
  assert.deepEqual(Object.keys(passage).sort(), types.members("Passage"));
  const [entry] = await kernel.collection("handbook").documents();
  assert.deepEqual(Object.keys(entry).sort(), types.members("DocumentEntry"));
  await kernel.close();
});

test("records, findings and changes have exactly the declared fields", async () => {
  const types = declared();
  const fields = (value, name, absent = []) => {
    const all = types.members(name).filter((member) => !absent.includes(member));
    assert.deepEqual(Object.keys(value).sort(), all, name);
  };
  const kernel = await imported.open();
  const { specs } = kernel;
  const text = "agent: a\nmodel: o/x\n";
  const record = await specs.save(imported.parseSpec(text));
  fields(record, "SpecRecord");
  const page = await specs.list();
  fields(page, "SpecPage");
  fields(page.specs[0], "SpecSummary");
  const bundle = await specs.export();
  fields(bundle, "SpecBundle");
  fields(bundle.specs[0], "SpecRecord");
  fields(bundle.history[0], "HistoryEntry");
  fields(await specs.import(bundle, { onConflict: "skip" }), "BundleReport");
  await kernel.close();

  const wrong = "agent: a\nmodel: 1\n";
  const hintless = imported.diagnose(wrong)[0];
  fields(hintless, "Diagnostic", ["file", ...("hint" in hintless ? [] : ["hint"])]);
  const [shown] = imported.diagnose(wrong, { format: "lsp" });
  fields(shown, "LspDiagnostic");
  fields(shown.range.start, "LspPosition");

  const one = imported.parseSpec("agent: a\nmodel: o/x\ndescription: x\n");
  const changes = one.diff(imported.parseSpec("agent: a\nmodel: o/y\ntags: [t]\n"));
  const kinds = { added: ["AddedField", ["before"]], removed: ["RemovedField", ["after"]], changed: ["ChangedField"] };
  assert.deepEqual(changes.map(({ kind }) => kind).sort(), Object.keys(kinds).sort());
  for (const change of changes) fields(change, ...kinds[change.kind]);

  const made = imported.importSpec("kind: Prompt\nname: x\ninstructions: Greet.\nflavour: vanilla\n");
  fields(made, "ImportedSpecs");
  assert.deepEqual(Object.keys(made.specs[0]), ["name", "text"]);
  for (const entry of made.report) {
    for (const key of Object.keys(entry)) assert.ok(types.members(`${camel(entry.kind)}Entry`).includes(key), key);
  }
});

test("what administrators get has exactly the declared fields", () =>
  withFolder(async (folder) => {
    const types = declared();
    const fields = (value, name) => assert.deepEqual(Object.keys(value).sort(), types.members(name), name);
    const location = join(folder, "store.db");
    const admin = await imported.openAdmin({ location, actor: "ada" });
    await admin.createTenant("top");
    const config = {
      default_model: "scripted/x",
      providers: { openai: { base_url: "http://127.0.0.1:9", api_key: { env: "NO_SUCH_KEY" } } },
      policy: { denied_tools: ["datetime"] },
      quotas: { max_documents: 5 },
      retention: { runs_days: 1 },
      prices: { "openai/x": { input_usd_per_million: 1, output_usd_per_million: 1 } },
      run: { max_turns: 3 },
    };
    const tenant = await admin.createTenant("acme", { parent: "top", config });
    fields(tenant, "Tenant");
    assert.deepEqual(tenant.config, config);
    fields(tenant.config, "TenantConfig");
    fields(await admin.tenants(), "TenantPage");
    await admin.grantRead("acme", "top");
    fields((await admin.readGrants("acme"))[0], "ReadGrant");

    const kernel = await imported.open({ location, tenant: "acme" });
    await kernel.collection("c").ingest(join(EXAMPLES, "handbook", "leave.md"));
    const spec = imported.parseSpec("agent: a\nmodel: scripted/x\nscript: [{text: hi}]\n");
    await (await kernel.agent(spec)).run("x");
    const usage = await kernel.usage();
    fields(usage, "TenantUsage");
    fields(usage.totals, "UsageTotals");
    fields(usage.days[0], "UsageDay");
    const always = ["key", "overruled", "source", "value"];
    const known = types.members("Setting");
    for (const setting of kernel.config(spec)) {
      for (const key of always) assert.ok(key in setting, key);
      for (const key of Object.keys(setting)) assert.ok(known.includes(key), key);
      for (const said of [...(setting.elements ?? []), ...setting.overruled]) fields(said, "Said");
    }
    await kernel.close();

    const archive = join(folder, "acme.jsonl");
    const report = await admin.exportTenant("acme", archive);
    fields(report, "ArchiveReport");
    fields(report.tables.chunks, "TableDigest");
    const copy = await admin.copyTenant("acme", join(folder, "other.db"), { as: "other" });
    fields(copy, "CopyReport");
    const kinds = types.unions("LeftOut").map((type) => type.getProperties().map(({ name }) => name).sort().join());
    // What a file leaves behind, a copy does not: together they show every kind.
    const third = await imported.openAdmin({ location: join(folder, "third.db"), actor: "ada" });
    const taken = await third.importTenant(archive);
    await third.close();
    const seen = [...copy.left_out, ...taken.left_out].map((left) => Object.keys(left).sort().join());
    assert.deepEqual([...new Set(seen)].sort(), kinds.sort());
    fields((await admin.auditLog())[0], "AuditEntry");
    const audit = await admin.verifyAudit({ expect: [{ tenant_id: "@store", seq: 2, hash: "0".repeat(64) }] });
    fields(audit, "AuditReport");
    fields(audit.broken, "AuditBreak");
    fields(audit.chains[0], "AuditChain");
    fields(audit.chains[0].head, "AuditHead");
    const deleted = await admin.deleteTenant("top", { children: true, erase: true });
    fields(deleted, "Deletion");
    for (const file of deleted.files) fields(file, "Remains");
    await admin.close();
  }));

test("the declared words are those that the core knows", async () => {
  const types = declared();
  const kernel = await imported.open();
  const admin = await imported.openAdmin({ location: ":memory:", actor: "ada" });
  const entry = {
    seq: 1,
    agent_id: "a",
    version: "1.0.0",
    change: "none",
    from: null,
    to: "draft",
    at: "2026-01-01T00:00:00Z",
    by: null,
    why: null,
    hash: `sha256:${"0".repeat(64)}`,
  };
  const refused = {
    SpecFormat: async () => imported.parseSpec("agent: a\nmodel: o/x\n").render("none"),
    NeighbourFormat: async () => imported.importSpec("a: 1", { from: "none" }),
    SpecStatus: () => kernel.specs.list({ status: "none" }),
    SpecChange: () => kernel.specs.import({ format: "aikit-specs/1", specs: [], history: [entry] }),
    TenantKind: () => admin.tenants({ kind: "none" }),
  };
  for (const [name, call] of Object.entries(refused)) {
    await assert.rejects(call(), ({ message, hint }) => {
      const [, known] = /one of:? (.*)/.exec(`${message}\n${hint}`);
      const words = types.unions(name).map(({ value }) => value);
      assert.deepEqual(known.replaceAll("`", "").split(", ").sort(), words.sort(), name);
      return true;
    });
  }
  await Promise.all([kernel.close(), admin.close()]);
});

/** `run_started` is declared as `RunStarted`. */
const camel = (word) => word.replace(/(^|_)(\w)/g, (_, __, letter) => letter.toUpperCase());

test("the declared error codes are those of the core", async () => {
  const table = await readFile(join(PACKAGE, "../../core/src/error/code.rs"), "utf8");
  const codes = [...table.matchAll(/^ {4}\w+ = \d+, "(\w+)"/gm)].map(([, word]) => word).sort();
  assert.ok(codes.length > 30);
  const declaredCodes = declared().unions("ErrorCode").map(({ value }) => value).sort();
  assert.deepEqual(declaredCodes, codes);
});

test("index.d.ts and its use compile under --strict", () => {
  const compiler = require.resolve("typescript/bin/tsc");
  assert.ok(existsSync(compiler));
  try {
    execFileSync(process.execPath, [compiler, "--project", join(PACKAGE, "test", "types")], { encoding: "utf8" });
  } catch (error) {
    assert.fail(error.stdout);
  }
});

test("the version is the package's", async () => {
  const { version } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  assert.equal(imported.version, version);
});

test("await using closes the kernel", async () => {
  const kernel = await imported.open();
  await kernel[Symbol.asyncDispose]();
  await assert.rejects(kernel.callTool("calculator", { expression: "1" }), { code: "closed" });
});

test("a kernel in a file keeps its documents, and its tenants apart", async () => {
  await withFolder(async (folder) => {
    const location = join(folder, "store.db");
    const first = await imported.open({ location, tenant: "acme" });
    const report = await first.collection("handbook").ingest(join(EXAMPLES, "handbook"));
    assert.ok(report.added > 0);
    assert.equal(first.tenant, "acme");
    await first.close();
    const again = await imported.open({ location, tenant: "acme" });
    assert.equal((await again.collection("handbook").documents()).length, report.added);
    const other = await imported.open({ location, tenant: "other" });
    assert.deepEqual(await other.collection("handbook").search("leave"), []);
    await Promise.all([again.close(), other.close()]);
  });
});
