import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AikitError, open, parseSpec } from "../index.mjs";

const SPEC = parseSpec("agent: a\nmodel: host/mine\ntools: [calculator]\n");

/** Runs an agent whose model is this function. */
async function answered(chat, options = {}) {
  const kernel = await open();
  try {
    kernel.model({ name: "mine", chat, ...options });
    return await (await kernel.agent(SPEC)).run("How many?");
  } finally {
    await kernel.close();
  }
}

test("a function answers in the place of a model and is told what its tools gave", async () => {
  const requests = [];
  const result = await answered(async (request) => {
    requests.push(request);
    await sleep(5);
    if (request.messages.length > 1) return `It is ${request.messages.at(-1).content}.`;
    return { tool_calls: [{ name: "calculator", arguments: { expression: "6 * 7" } }] };
  });
  assert.equal(result.text, "It is 42.");
  assert.equal(result.model, "host/mine");
  assert.deepEqual(requests[0].messages, [{ role: "user", content: "How many?" }]);
  assert.equal(requests[0].tools[0].name, "calculator");
  assert.deepEqual(requests[1].messages[1].tool_calls[0].arguments, { expression: "6 * 7" });
});

test("it runs in the async context of its caller", async () => {
  const storage = new AsyncLocalStorage();
  const { text } = await storage.run("mine", () => answered(() => String(storage.getStore())));
  assert.equal(text, "mine");
});

test("what it throws is model_unavailable with the stack as its cause", async () => {
  await assert.rejects(
    answered(function brokenModel() {
      throw new RangeError("no weights");
    }),
    (error) => {
      assert.ok(error instanceof AikitError);
      assert.deepEqual([error.code, error.retryable], ["model_unavailable", false]);
      assert.match(error.message, /no weights/);
      assert.match(error.cause, /brokenModel/);
      return true;
    },
  );
});

test("what is no answer says why", async () => {
  for (const [answer, why] of [
    [undefined, /not nothing/],
    [{ txt: "x" }, /`txt` is not known/],
    [{ tool_calls: [{}] }, /`name` is missing/],
  ]) {
    await assert.rejects(answered(() => answer), { code: "model_invalid_response", message: why });
  }
  await assert.rejects(answered(() => answered), { code: "model_unavailable", message: /of type function/ });
});

test("a late answer is not waited for", async () => {
  const late = answered(() => sleep(300, "late"), { timeoutMs: 20 });
  await assert.rejects(late, { code: "model_unavailable", message: /20 ms/ });
});

test("what is no model is refused at once", async () => {
  const kernel = await open();
  kernel.model({ name: "mine", chat: () => "x" });
  for (const model of [
    null,
    { name: "mine", chat: () => "x" },
    { name: "a/b", chat: () => "x" },
    { name: "other" },
    { name: "other", chat: "x" },
    { name: "other", chat: () => "x", timeout: 5 },
  ]) {
    assert.throws(() => kernel.model(model), { code: "invalid_argument" });
  }
  await assert.rejects(kernel.agent(parseSpec("agent: a\nmodel: host/other\n")), { code: "model_unknown" });
  await kernel.close();
});

test("an error says what the provider said", async () => {
  const kernel = await open();
  const fault = "{code: model_rate_limited, after: 0, status: 429, request_id: r1, retry_after_ms: 1500}";
  const agent = await kernel.agent(parseSpec(`agent: a\nmodel: scripted/x\nscript: [{text: x, error: ${fault}}]\n`));
  await assert.rejects(agent.run("x"), (error) => {
    assert.deepEqual([error.status, error.requestId, error.retryAfter], [429, "r1", 1.5]);
    const { status, request_id: id, retry_after: wait } = JSON.parse(JSON.stringify(error));
    assert.deepEqual([status, id, wait], [429, "r1", 1.5]);
    return true;
  });
  await kernel.close();
});

test("a cassette is an option of a provider", async () => {
  await assert.rejects(
    open({ providers: { x: { cassette: "" } } }),
    { code: "invalid_argument", message: /cassette/ },
  );
});

test("headers of a provider go with its requests, and nobody is told their values", async () => {
  const seen = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(400, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: `you sent ${request.headers["x-gateway"]}` } }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${server.address().port}/v1`;
  const own = { "X-Gateway": "gw-canary-0123", "X-some_thing": "my app" };
  try {
    for (const headers of [own, new Headers(own), new Map(Object.entries(own))]) {
      const kernel = await open({ providers: { mine: { baseUrl, headers } } });
      const agent = await kernel.agent(parseSpec("agent: a\nmodel: mine/m\n"));
      await assert.rejects(agent.run("hello"), (error) => {
        assert.match(error.message, /you sent \[header\]/);
        assert.doesNotMatch(JSON.stringify(error), /canary/);
        return true;
      });
      await kernel.close();
    }
  } finally {
    server.close();
  }
  assert.deepEqual(
    seen.map((headers) => [headers["x-gateway"], headers["x-some_thing"]]),
    Array.from({ length: 3 }, () => ["gw-canary-0123", "my app"]),
  );
});

test("headers that would not be sent are refused", async () => {
  for (const headers of [{ "X-Gateway": undefined }, { "X-Gateway": 5 }, "X-Gateway: x", ["x"]]) {
    await assert.rejects(open({ providers: { mine: { headers } } }), {
      code: "invalid_argument",
      message: /headers of provider "mine"/,
    });
  }
});
