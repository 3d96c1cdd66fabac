import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AikitError, open, parseSpec } from "../index.mjs";
import { ENDLESS, scripted } from "./support.mjs";

let kernel;
before(async () => {
  kernel = await open();
  const parameters = { type: "object" };
  kernel.tool({ name: "echo", description: "Gives its arguments back", parameters, run: (args) => args });
});
after(() => kernel.close());

const agentOf = (script, layers) => kernel.agent(parseSpec(scripted(script, layers)));

async function collect(run) {
  const events = [];
  for await (const event of run) events.push(event);
  return events;
}

test("a run to the end gives its result", async () => {
  const agent = await agentOf([{ text: "Hello {{input}}." }]);
  const result = await agent.run("world", { runId: "first-run" });
  assert.equal(result.run_id, "first-run");
  assert.equal(result.status, "finished");
  assert.equal(result.text, "Hello world.");
  assert.equal(result.turns, 1);
  assert.equal(result.usage.total_tokens, result.usage.input_tokens + result.usage.output_tokens);
  assert.deepEqual(result.citations, []);
});

test("an agent shows its spec and the model in use", async () => {
  const spec = parseSpec(scripted([{ text: "hi" }]));
  const agent = await kernel.agent(spec, { model: "scripted/other" });
  assert.equal(agent.spec.agent_id, "tested");
  assert.equal(agent.spec.model, "scripted/tested");
  assert.equal(agent.model, "scripted/other");
});

test("events come in order, numbered without gaps, with one ending", async () => {
  const agent = await agentOf([{ tool_calls: [{ name: "echo", arguments: { a: 1 } }] }, { text: "one two" }], {
    tools: ["echo"],
  });
  const run = agent.start("go");
  const events = await collect(run);
  assert.deepEqual(events.map((event) => event.seq), events.map((_, index) => index));
  assert.equal(events[0].type, "run_started");
  assert.deepEqual(
    events.filter(({ type }) => /^run_(finished|failed|cancelled)$/.test(type)),
    events.slice(-1),
  );
  const finished = events.find(({ type }) => type === "tool_finished");
  assert.deepEqual(finished.result, { a: 1 });
  assert.equal(events.filter(({ type }) => type === "text_delta").map(({ text }) => text).join(""), "one two");
  assert.deepEqual(events.at(-1).result, await run.result());
  assert.deepEqual(await collect(run), [], "a second reader finds nothing left");
});

test("a run that is awaited through result() alone answers its tools", async () => {
  const agent = await agentOf(
    [{ tool_calls: [{ name: "echo", arguments: { a: 1 } }] }, { text: "{{tool.echo.a}}" }],
    { tools: ["echo"] },
  );
  assert.equal((await agent.start("go").result()).text, "1");
});

test("result() asked for before the events loses none of them", async () => {
  const agent = await agentOf([{ text: "one two three" }]);
  const run = agent.start("go");
  const result = run.result();
  const events = await collect(run);
  assert.equal(events[0].type, "run_started");
  assert.equal(events.at(-1).type, "run_finished");
  assert.equal((await result).text, "one two three");
  assert.equal(run.result(), result);
});

test("result() asked for inside the loop does not hang", async () => {
  const agent = await agentOf([{ deltas: Array(600).fill("x") }]);
  const run = agent.start("go");
  let seen = 0;
  for await (const event of run) {
    if (event.type === "run_started") await run.result();
    seen += event.type === "text_delta" ? 1 : 0;
  }
  assert.equal(seen, 600);
});

test("cancel gives the partial text and status cancelled", async () => {
  const agent = await agentOf([ENDLESS]);
  const run = agent.start("go");
  const types = [];
  for await (const event of run) {
    types.push(event.type);
    if (types.filter((type) => type === "text_delta").length === 3) run.cancel();
  }
  assert.equal(types.at(-1), "run_cancelled");
  const result = await run.result();
  assert.equal(result.status, "cancelled");
  assert.match(result.text, /^0 1 2 /);
  run.cancel();
});

test("leaving the loop cancels the run", async () => {
  const agent = await agentOf([ENDLESS]);
  const run = agent.start("go");
  for await (const event of run) if (event.type === "text_delta") break;
  const result = await run.result();
  assert.equal(result.status, "cancelled");
});

test("leaving the loop by an exception cancels the run too", async () => {
  const agent = await agentOf([ENDLESS]);
  const run = agent.start("go");
  await assert.rejects(async () => {
    for await (const event of run) if (event.type === "text_delta") throw new Error("mine");
  }, /mine/);
  assert.equal((await run.result()).status, "cancelled");
});

test("a failed run gives run_failed, throws in the loop and rejects its result", async () => {
  const error = { code: "model_refused", message: "not this" };
  const agent = await agentOf([{ deltas: ["a", "b"], error }]);
  const run = agent.start("go");
  const events = [];
  await assert.rejects(
    async () => {
      for await (const event of run) events.push(event);
    },
    { code: "model_refused" },
  );
  assert.equal(events.at(-1).type, "run_failed");
  assert.equal(events.at(-1).error.code, "model_refused");
  await assert.rejects(run.result(), (thrown) => {
    assert.ok(thrown instanceof AikitError);
    assert.equal(thrown.code, "model_refused");
    assert.match(thrown.message, /not this/);
    return true;
  });
  await assert.rejects(agent.run("go"), { code: "model_refused" });
});

test("a run that cannot start throws in the loop and in result()", async () => {
  const agent = await agentOf([{ text: "hi" }]);
  const run = agent.start("go", { runId: "not a slug!" });
  await assert.rejects(collect(run), { code: "invalid_argument" });
  await assert.rejects(run.result(), { code: "invalid_argument" });
});

test("limits of a run are options", async () => {
  const call = { tool_calls: [{ name: "echo", arguments: {} }] };
  const turns = await agentOf([call, call, call], { tools: ["echo"] });
  await assert.rejects(turns.run("go", { maxTurns: 2 }), { code: "turn_limit" });
  const slow = await agentOf([ENDLESS]);
  await assert.rejects(slow.run("go", { timeoutMs: 60 }), { code: "timeout", retryable: true });
});

test("events of a past run are kept", async () => {
  const agent = await agentOf([{ text: "hi" }]);
  const run = agent.start("go", { runId: "kept" });
  const events = await collect(run);
  const kept = await kernel.runEvents("kept");
  assert.equal(kept[0].type, "run_started");
  assert.equal(kept.at(-1).type, "run_finished");
  assert.ok(kept.length <= events.length);
});

test("a reader that stops reading holds the run back", async () => {
  const agent = await agentOf([{ deltas: Array(5000).fill("word ") }]);
  const run = agent.start("go");
  const reader = run[Symbol.asyncIterator]();
  assert.equal((await reader.next()).value.type, "run_started");
  const before = process.memoryUsage().rss;
  await sleep(300);
  assert.ok(process.memoryUsage().rss - before < 30e6);
  // The run has not ended meanwhile: there is no result in the store yet.
  let count = 1;
  for await (const event of { [Symbol.asyncIterator]: () => reader }) count += event.type === "text_delta" ? 1 : 0;
  assert.equal(count, 5001);
  assert.equal((await run.result()).status, "finished");
});

test("a hundred runs at once", async () => {
  const agent = await agentOf(
    [{ tool_calls: [{ name: "echo", arguments: { n: 1 } }] }, { text: "{{input}}:{{tool.echo.n}}" }],
    { tools: ["echo"] },
  );
  const runs = Array.from({ length: 100 }, (_, n) => agent.start(String(n)));
  const results = await Promise.all(runs.map((run) => run.result()));
  assert.deepEqual(results.map(({ text }) => text), runs.map((_, n) => `${n}:1`));
});

/** Blocks this thread, so that a run goes ahead without a reader. */
const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

test("what waits in the queue is taken in few turns of the event loop", async () => {
  const agent = await agentOf([{ deltas: Array(200).fill("x") }]);
  let turns;
  // How far the run gets while this thread is blocked is up to the machine: a slow one gets longer.
  for (const ms of [50, 200, 1000, 5000]) {
    const run = agent.start("go");
    block(ms);
    turns = 0;
    const count = () => {
      turns += 1;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    const events = await collect(run);
    clearImmediate(immediate);
    assert.ok(events.length > 200);
    if (turns < 50) return;
  }
  assert.fail(`${turns} turns`);
});
