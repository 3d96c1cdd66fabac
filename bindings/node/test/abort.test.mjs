import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, parseSpec } from "../index.mjs";
import { ENDLESS, EXAMPLES, eventually, fastest, scripted } from "./support.mjs";

let kernel;
let endless;
before(async () => {
  kernel = await open();
  endless = await kernel.agent(parseSpec(scripted([ENDLESS])));
});
after(() => kernel.close());

/** The type of the last event that is kept of a run; undefined as long as there is no such run. */
const lastEvent = (runId) =>
  kernel.runEvents(runId).then(
    (events) => events.at(-1).type,
    () => undefined,
  );

test("aborting rejects with the reason that fetch would give, and stops the run", async () => {
  const ms = await fastest(100, async (round) => {
    const controller = new AbortController();
    const runId = `aborted-run-${round}`;
    const running = endless.run("go", { signal: controller.signal, runId });
    assert.equal(await eventually(() => lastEvent(runId)), "run_started");
    const asked = performance.now();
    controller.abort();
    await assert.rejects(running, { name: "AbortError" });
    const took = performance.now() - asked;
    assert.ok(await eventually(async () => (await lastEvent(runId)) === "run_cancelled"));
    return took;
  });
  assert.ok(ms < 100, `${ms} ms`);
});

test("a reason of one's own arrives as it is", async () => {
  const controller = new AbortController();
  const running = endless.run("go", { signal: controller.signal });
  const reason = new Error("the user left");
  controller.abort(reason);
  await assert.rejects(running, (error) => error === reason);
});

test("a timeout signal rejects with TimeoutError", async () => {
  await assert.rejects(endless.run("go", { signal: AbortSignal.timeout(40) }), { name: "TimeoutError" });
});

test("aborting ends the loop and result() alike", async () => {
  const controller = new AbortController();
  const run = endless.start("go", { signal: controller.signal });
  const types = [];
  await assert.rejects(
    async () => {
      for await (const event of run) {
        types.push(event.type);
        if (event.type === "text_delta") controller.abort();
      }
    },
    { name: "AbortError" },
  );
  assert.equal(types.at(-1), "text_delta");
  await assert.rejects(run.result(), { name: "AbortError" });
});

test("a signal that is aborted already starts nothing", async () => {
  const signal = AbortSignal.abort();
  const folder = `${EXAMPLES}handbook`;
  const collection = kernel.collection("never");
  let called = false;
  kernel.tool({ name: "never", description: "Never called", run: () => (called = true) });
  const calls = {
    open: () => open({ signal }),
    agent: () => kernel.agent(`${EXAMPLES}specs/quickstart.yaml`, { signal }),
    run: () => endless.run("go", { signal, runId: "never-run" }),
    "start, result": () => endless.start("go", { signal }).result(),
    "start, loop": () => endless.start("go", { signal })[Symbol.asyncIterator]().next(),
    ingest: () => collection.ingest(folder, { signal }),
    search: () => collection.search("leave", { signal }),
    documents: () => collection.documents({ signal }),
    callTool: () => kernel.callTool("never", {}, { signal }),
    runEvents: () => kernel.runEvents("aborted-run-0", { signal }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call(), { name: "AbortError" }, name);
  }
  assert.equal(called, false);
  assert.deepEqual(await collection.documents(), []);
});

test("aborting while a tool runs rejects at once", async () => {
  const controller = new AbortController();
  const started = new Promise((resolve) => {
    kernel.tool({ name: "stuck", description: "Never ends", run: () => new Promise(() => resolve()) });
  });
  const calling = kernel.callTool("stuck", {}, { signal: controller.signal });
  await started;
  controller.abort();
  await assert.rejects(calling, { name: "AbortError" });
});

test("aborting after the end changes nothing, and no listener is left behind", async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = controller.signal;
  controller.signal.addEventListener = function add(...args) {
    listeners += 1;
    return addEventListener.apply(this, args);
  };
  controller.signal.removeEventListener = function remove(...args) {
    listeners -= 1;
    return removeEventListener.apply(this, args);
  };
  const agent = await kernel.agent(parseSpec(scripted([{ text: "hi" }])), { signal: controller.signal });
  const result = await agent.run("go", { signal: controller.signal });
  controller.abort();
  assert.equal(result.text, "hi");
  assert.equal(listeners, 0);
});
