import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { open, parseSpec } from "../index.mjs";
import { scripted } from "./support.mjs";

/** What the model sees of a tool: its `tool_finished` event. */
async function finished(run, definition = {}) {
  const kernel = await open();
  kernel.tool({ name: "probe", description: "A tool", parameters: { type: "object" }, run, ...definition });
  const turns = [{ tool_calls: [{ name: "probe", arguments: { a: 1 } }] }, { text: "done" }];
  const agent = await kernel.agent(parseSpec(scripted(turns, { tools: ["probe"] })));
  const watched = agent.start("go");
  let event;
  for await (const seen of watched) if (seen.type === "tool_finished") event = seen;
  assert.equal((await watched.result()).text, "done", "the run goes on");
  await kernel.close();
  return event;
}

test("a function may answer at once or later", async () => {
  assert.deepEqual((await finished(({ a }) => ({ twice: a * 2 }))).result, { twice: 2 });
  assert.equal((await finished(async ({ a }) => (await sleep(20), a + 1))).result, 2);
});

test("undefined is null", async () => {
  const event = await finished(() => undefined);
  assert.equal(event.result, null);
  assert.equal("error" in event, false);
});

test("what toJSON gives is the result", async () => {
  assert.equal((await finished(() => new Date(0))).result, "1970-01-01T00:00:00.000Z");
});

test("an exception becomes a failure with the message, and the stack as its cause", async () => {
  const event = await finished(function brokenTool() {
    throw new RangeError("no such drawer");
  });
  assert.equal(event.error.code, "tool_failed");
  assert.match(event.error.message, /no such drawer/);
  assert.match(event.error.cause, /brokenTool/);
});

test("a rejection is the same as an exception", async () => {
  const { error } = await finished(async () => {
    await sleep(5);
    throw new Error("later");
  });
  assert.match(error.message, /later/);
});

const strange = {
  "a text": ["just a text", /just a text/],
  undefined: [undefined, /undefined/],
  null: [null, /null/],
  "a symbol": [Symbol("sign"), /Symbol\(sign\)/],
  "an object without a prototype": [Object.create(null), /cannot be shown/],
  "half of a surrogate pair": [new Error("\ud800"), /./],
  "an error with an odd message": [Object.assign(new Error("x"), { message: 5, stack: undefined }), /5/],
};
for (const [name, [value, message]] of Object.entries(strange)) {
  test(`throwing ${name} is a failure`, async () => {
    const { error } = await finished(() => {
      throw value;
    });
    assert.equal(error.code, "tool_failed");
    assert.match(error.message, message);
  });
}

const circular = {};
circular.self = circular;
const unfit = {
  "a BigInt": [{ n: 10n }, /BigInt/],
  "a circular object": [circular, /circular/i],
  "a function": [() => 1, /function/],
  "a symbol": [Symbol("sign"), /symbol/],
  "half of a surrogate pair": ["\udc00", /JSON/],
};
for (const [name, [value, message]] of Object.entries(unfit)) {
  test(`returning ${name} is a failure that says so`, async () => {
    const { error } = await finished(() => value);
    assert.equal(error.code, "tool_failed");
    assert.match(error.message, message);
  });
}

test("a slow tool runs out of its time, and its late answer changes nothing", async () => {
  // A machine that is too slow to call the tool within its time gets longer.
  for (const timeoutMs of [30, 300, 3_000, 30_000]) {
    let answer;
    const { error } = await finished(() => new Promise((resolve) => (answer = resolve)), { timeoutMs });
    assert.equal(error.code, "tool_timeout");
    if (!answer) continue;
    answer("late");
    await sleep(50);
    return;
  }
  assert.fail("the tool was never called");
});

test("arguments are checked before the function sees them", async () => {
  const kernel = await open();
  let calls = 0;
  kernel.tool({
    name: "strict",
    description: "Wants a number",
    parameters: { type: "object", properties: { n: { type: "number" } }, required: ["n"] },
    run: ({ n }) => {
      calls += 1;
      return n + 1;
    },
  });
  assert.equal(await kernel.callTool("strict", { n: 1 }), 2);
  await assert.rejects(kernel.callTool("strict", { n: "one" }), { code: "tool_invalid_arguments" });
  assert.equal(calls, 1);
  await assert.rejects(kernel.callTool("nobody", {}), { code: "tool_unknown" });
  await kernel.close();
});

test("a direct call rejects with what the tool threw", async () => {
  const kernel = await open();
  kernel.tool({ name: "broken", description: "Breaks", run: () => Promise.reject(new Error("out of paper")) });
  await assert.rejects(kernel.callTool("broken"), (error) => {
    assert.equal(error.code, "tool_failed");
    assert.match(error.message, /out of paper/);
    assert.match(error.cause, /tools\.test/);
    return true;
  });
  await kernel.close();
});

test("tools of one name belong to one kernel", async () => {
  const [first, second] = await Promise.all([open(), open()]);
  first.tool({ name: "which", description: "Which", run: () => "first" });
  second.tool({ name: "which", description: "Which", run: () => "second" });
  assert.equal(await first.callTool("which"), "first");
  assert.equal(await second.callTool("which"), "second");
  assert.throws(() => first.tool({ name: "which", description: "Again", run: () => "again" }), { code: "tool_exists" });
  assert.equal(await first.callTool("which"), "first", "a refused tool takes no other's place");
  await Promise.all([first.close(), second.close()]);
});

test("a tool sees the async context of the caller", async () => {
  const storage = new AsyncLocalStorage();
  const kernel = await open();
  kernel.tool({ name: "context", description: "Context", run: () => storage.getStore() });
  const seen = await Promise.all(["a", "b"].map((name) => storage.run(name, () => kernel.callTool("context"))));
  assert.deepEqual(seen, ["a", "b"]);
  await kernel.close();
});

test("a tool may use the kernel that called it", async () => {
  const kernel = await open();
  kernel.tool({ name: "inner", description: "Inner", run: () => 1 });
  kernel.tool({ name: "outer", description: "Outer", run: async () => (await kernel.callTool("inner")) + 1 });
  assert.equal(await kernel.callTool("outer"), 2);
  await kernel.close();
});
