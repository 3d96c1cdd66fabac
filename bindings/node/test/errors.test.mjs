import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AikitError, loadSpec, open, parseSpec } from "../index.mjs";
import { scripted, withFolder } from "./support.mjs";

let kernel;
let agent;
before(async () => {
  kernel = await open();
  agent = await kernel.agent(parseSpec(scripted([{ text: "hi" }])));
});
after(() => kernel.close());

function caught(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("the stack of an error leads to the call that failed", async () => {
  const run = agent.start("go", { runId: "no slug!" });
  const calls = {
    run: async () => await agent.run("go", { runId: "no slug!" }),
    loop: async () => {
      for await (const event of run) void event;
    },
    callTool: async () => await kernel.callTool("nobody"),
    open: async () => await open({ tenant: "No Slug" }),
    agent: async () => await kernel.agent("none.yaml"),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call(), (error) => {
      assert.match(error.stack, /errors\.test\.mjs/, name);
      return true;
    });
  }
});

test("an error of a spec shows where and what to do", () => {
  const error = caught(() => parseSpec("identity: {agent_id: a}\nintelligence:\n  modle: scripted/a\n"));
  assert.ok(error instanceof AikitError);
  assert.ok(error instanceof Error);
  assert.equal(error.name, "AikitError");
  assert.equal(error.code, "spec_invalid");
  assert.equal(error.retryable, false);
  assert.deepEqual([error.line, error.column], [3, 3]);
  assert.equal(typeof error.path, "string");
  assert.match(error.hint, /model/);
  assert.ok(error.diagnostics.length >= 1);
  assert.equal(error.diagnostics[0].code, "AK1002");
  assert.match(error.stack, /errors\.test\.mjs/);
  assert.equal(JSON.parse(JSON.stringify(error)).code, "spec_invalid");
});

test("a document that is no YAML has line and column too", () => {
  const error = caught(() => parseSpec("identity: [\n"));
  assert.equal(error.code, "spec_invalid");
  assert.equal(error.diagnostics[0].code, "AK1001");
  assert.equal(typeof error.line, "number");
  assert.equal(typeof error.column, "number");
});

test("files that cannot be read", async () => {
  await withFolder(async (folder) => {
    assert.equal(caught(() => loadSpec(join(folder, "none.yaml"))).code, "file_not_found");
    assert.equal(caught(() => loadSpec(folder)).code, "file_unreadable");
    await writeFile(join(folder, "binary.yaml"), Buffer.from([0xff, 0xfe, 0x00, 0x80]));
    assert.ok(["file_unreadable", "invalid_utf8"].includes(caught(() => loadSpec(join(folder, "binary.yaml"))).code));
    await assert.rejects(kernel.agent(join(folder, "none.yaml")), { code: "file_not_found" });
    await assert.rejects(kernel.collection("c").ingest(join(folder, "none")), { code: "file_not_found" });
    await mkdir(join(folder, "database"));
    await assert.rejects(open({ location: join(folder, "database") }), AikitError);
  });
});

test("a spec that parses can be looked at", () => {
  const spec = parseSpec(scripted([{ text: "hi" }]));
  assert.deepEqual(
    [spec.agent_id, spec.name, spec.version, spec.model],
    ["tested", "tested", "0.1.0", "scripted/tested"],
  );
  assert.deepEqual(spec.check(), []);
  assert.equal(spec.toJSON().intelligence.model, "scripted/tested");
  assert.equal(parseSpec(JSON.stringify(spec)).agent_id, "tested", "what toJSON gives is a spec");
  assert.ok(Object.isFrozen(spec));
});

test("unknown option keys are refused in every call, with the known ones in the hint", async () => {
  const collection = kernel.collection("c");
  const calls = {
    open: () => open({ locatoin: "x" }),
    provider: () => open({ providers: { openai: { base_url: "x" } } }),
    agent: () => kernel.agent(parseSpec(scripted([{ text: "hi" }])), { modle: "x" }),
    run: () => agent.run("go", { max_turns: 1 }),
    start: async () => agent.start("go", { maxTurn: 1 }),
    ingest: () => collection.ingest(".", { model: "x" }),
    search: () => collection.search("x", { top_k: 1 }),
    documents: () => collection.documents({ all: true }),
    callTool: () => kernel.callTool("x", {}, { timeout: 1 }),
    runEvents: () => kernel.runEvents("x", { limit: 1 }),
    tool: async () => kernel.tool({ name: "x", description: "x", run() {}, timeout_ms: 1 }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(
      call(),
      (error) => {
        assert.equal(error.code, "invalid_argument", name);
        assert.match(error.message, /unknown option "/, name);
        assert.match(error.hint, /the options are/, name);
        return true;
      },
      name,
    );
  }
});

test("values of the wrong type are refused in every call", async () => {
  const collection = kernel.collection("c");
  const spec = parseSpec(scripted([{ text: "hi" }]));
  const circular = {};
  circular.self = circular;
  const calls = {
    parseSpec: async () => parseSpec({}),
    parseNothing: async () => parseSpec(),
    loadSpec: async () => loadSpec(new URL("file:///tmp/x")),
    openText: () => open("here"),
    openLocation: () => open({ location: 5 }),
    openTenant: () => open({ tenant: null }),
    openProviders: () => open({ providers: [] }),
    agentNothing: () => kernel.agent(),
    agentObject: () => kernel.agent(spec.toJSON()),
    agentModel: () => kernel.agent(spec, { model: 5 }),
    run: () => agent.run(42),
    runNothing: () => agent.run(),
    runOptions: () => agent.run("go", []),
    runTurns: () => agent.run("go", { maxTurns: "many" }),
    runTurnsNegative: () => agent.run("go", { maxTurns: -1 }),
    runTurnsBig: () => agent.run("go", { maxTurns: 3n }),
    runTurnsHalf: () => agent.run("go", { maxTurns: 0.5 }),
    runTurnsNaN: () => agent.run("go", { maxTurns: Number.NaN }),
    runTimeoutInfinite: () => agent.run("go", { timeoutMs: Infinity }),
    runSignal: () => agent.run("go", { signal: {} }),
    start: async () => agent.start(Symbol("x")),
    ingest: () => collection.ingest(["a"]),
    search: () => collection.search(null),
    searchTop: () => collection.search("x", { topK: "3" }),
    searchTopNaN: () => collection.search("x", { topK: Number.NaN }),
    collection: async () => kernel.collection(7),
    callTool: () => kernel.callTool(() => {}),
    callToolArguments: () => kernel.callTool("calculator", [1]),
    callToolCircular: () => kernel.callTool("calculator", circular),
    callToolBigInt: () => kernel.callTool("calculator", { expression: 1n }),
    callToolFunction: () => kernel.callTool("calculator", () => {}),
    runEvents: () => kernel.runEvents({}),
    toolNothing: async () => kernel.tool(),
    toolName: async () => kernel.tool({ description: "x", run() {} }),
    toolRun: async () => kernel.tool({ name: "x", description: "x" }),
    toolParameters: async () => kernel.tool({ name: "x", description: "x", run() {}, parameters: "none" }),
    toolTimeout: async () => kernel.tool({ name: "x", description: "x", run() {}, timeoutMs: "1" }),
    toolTimeoutNaN: async () => kernel.tool({ name: "x", description: "x", run() {}, timeoutMs: Number.NaN }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(
      call(),
      (error) => {
        assert.ok(error instanceof AikitError, `${name}: ${error}`);
        assert.equal(error.code, "invalid_argument", `${name}: ${error.message}`);
        return true;
      },
      name,
    );
  }
});

test("half of a surrogate pair is no text", async () => {
  const half = "a\ud800b";
  const collection = kernel.collection("c");
  const calls = {
    parseSpec: async () => parseSpec(half),
    loadSpec: async () => loadSpec(half),
    agent: () => kernel.agent(half),
    run: () => agent.run(half),
    ingest: () => collection.ingest(half),
    search: () => collection.search(half),
    collection: async () => kernel.collection(half),
    callTool: () => kernel.callTool(half),
    runEvents: () => kernel.runEvents(half),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call(), { code: "invalid_utf8" }, name);
  }
  // Inside documents it is found by the reader of JSON.
  await assert.rejects(open({ location: half }), { code: "invalid_argument" });
  await assert.rejects(kernel.callTool("calculator", { expression: half }), { code: "invalid_argument" });
});

test("text of every kind arrives as it was", async () => {
  const echo = await kernel.agent(parseSpec(scripted([{ text: "{{input}}" }])));
  for (const input of ["", "grüße 🌍 e\u0301", "\u0000\u001f", "𝒳".repeat(1000), "x".repeat(300_000)]) {
    assert.equal((await echo.run(input)).text, input);
  }
});

test("names that are no slugs", async () => {
  assert.equal(caught(() => kernel.collection("Not A Slug")).code, "collection_invalid");
  await assert.rejects(open({ tenant: "Not A Slug" }), { code: "tenant_invalid" });
});

test("a kernel that is closed says so, and may be closed again", async () => {
  const closed = await open();
  const collection = closed.collection("c");
  const used = await closed.agent(parseSpec(scripted([{ text: "hi" }])));
  await closed.close();
  await closed.close();
  await assert.rejects(used.run("go"), { code: "closed" });
  await assert.rejects(used.start("go").result(), { code: "closed" });
  await assert.rejects(closed.agent(parseSpec(scripted([{ text: "hi" }]))), { code: "closed" });
  await assert.rejects(collection.search("x"), { code: "closed" });
  await assert.rejects(collection.documents(), { code: "closed" });
  await assert.rejects(closed.runEvents("x"), { code: "closed" });
  await assert.rejects(closed.callTool("calculator", { expression: "1" }), { code: "closed" });
});

test("closing cancels the runs under way", async () => {
  const closing = await open();
  const deltas = Array(1000).fill("x ");
  const endless = await closing.agent(parseSpec(scripted([{ deltas, delay_ms: 20 }])));
  const run = endless.start("go");
  const result = run.result();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await closing.close();
  const outcome = await result.then(({ status }) => status, ({ code }) => code);
  assert.ok(["cancelled", "closed"].includes(outcome), outcome);
});

test("tools that nobody registered and other tenants' specs are refused by the agent", async () => {
  await assert.rejects(kernel.agent(parseSpec(scripted([{ text: "hi" }], { tools: ["nobody"] }))), (error) => {
    assert.equal(error.code, "tool_unknown");
    assert.equal(typeof error.line, "number");
    return true;
  });
  const foreign = scripted([{ text: "hi" }], { identity: { agent_id: "a", tenant_id: "others" } });
  await assert.rejects(kernel.agent(parseSpec(foreign)), { code: "tenant_mismatch" });
});
