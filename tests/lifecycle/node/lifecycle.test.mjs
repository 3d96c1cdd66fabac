// What happens around runs: the end of the process, of worker threads and of loops, in every order.
//   node --test tests/lifecycle/node/lifecycle.test.mjs

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PACKAGE, fastest, program } from "../../../bindings/node/test/support.mjs";

/** Opens a kernel and makes two agents: one that answers, one that goes on for 40 seconds. */
const SETUP = `
  const spec = (script, tools = []) => core.parseSpec(JSON.stringify({
    identity: { agent_id: "a" }, integration: { tools }, intelligence: { model: "scripted/a", script },
  }));
  const kernel = await core.open();
  const quick = await kernel.agent(spec([{ text: "done" }]));
  const endless = await kernel.agent(spec([{ deltas: Array(2000).fill("x "), delay_ms: 20 }]));
  const flood = await kernel.agent(spec([{ deltas: Array(5000).fill("x ") }]));
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

/** The same as a worker's program: `import` is the way in there too. */
const WORKER = `
  import { Worker } from "node:worker_threads";
  const worker = (body) => new Worker(
    "import(" + JSON.stringify(${JSON.stringify(join(PACKAGE, "index.mjs"))}) + ").then(async (core) => {" +
    'const { parentPort } = require("node:worker_threads");' +
    ${JSON.stringify(SETUP)} + body + "})", { eval: true, execArgv: [] });
`;

/** Runs such a program, which must end as it should: what it printed, and its time. */
async function ended(source, { code = 0, args } = {}) {
  const seen = await program(source, { args });
  assert.deepEqual(
    { code: seen.code, signal: seen.signal, stderr: seen.stderr },
    { code, signal: null, stderr: "" },
  );
  return seen;
}

/** The same for one that must not wait for the end of an endless run. */
async function ends(source, options) {
  const { ms, stdout } = await ended(source, options);
  assert.ok(ms < 30_000, `took ${Math.round(ms)} ms`);
  return stdout;
}

/** The same for one that must not wait for as long as an exit may wait for runs under way. */
async function endsAtOnce(source) {
  let seen;
  const ms = await fastest(2000, async () => (seen = await ended(source)).ms);
  assert.ok(ms < 2000, `took ${Math.round(ms)} ms`);
  return seen.stdout;
}

test("a process ends while a model in it answers", async () => {
  await ends(`
    const kernel = await core.open();
    const agent = await kernel.agent(core.parseSpec(JSON.stringify({
      agent: "local", model: "local/SmolLM2-135M-Instruct.Q4_1.gguf",
      intelligence: { temperature: 0, max_tokens: 2000 },
    })));
    const run = agent.start("Count from 1 to 1000.");
    for await (const event of run) if (event.type === "text_delta") break;
    process.exit(0);
  `);
});

test("a process ends by itself with an open kernel", async () => {
  const out = await endsAtOnce(`${SETUP} console.log((await quick.run("go")).text);`);
  assert.equal(out, "done\n");
});

test("a pending run keeps the process alive until its end", async () => {
  const out = await ends(`${SETUP} quick.run("go").then(({ text }) => console.log(text));`);
  assert.equal(out, "done\n");
});

test("a run that nobody reads does not keep the process", async () => {
  await ends(`${SETUP} globalThis.run = endless.start("go"); await sleep(50);`);
  await endsAtOnce(`${SETUP} globalThis.run = flood.start("go"); await sleep(50);`);
});

test("a loop that was left does not keep the process", async () => {
  await ends(`${SETUP} for await (const event of endless.start("go")) if (event.type === "text_delta") break;`);
});

test("process.exit in mid-stream, 20 times", async () => {
  for (let round = 0; round < 20; round += 1) {
    await ends(
      `${SETUP}
      setTimeout(() => process.exit(7), ${round * 5});
      for await (const event of endless.start("go"));`,
      { code: 7 },
    );
  }
});

test("process.exit with runs of every state at once", async () => {
  await ends(
    `${SETUP}
    kernel.tool({ name: "stuck", description: "Never ends", run: () => new Promise(() => {}) });
    kernel.callTool("stuck").catch(() => {});
    globalThis.held = [flood.start("go"), endless.start("go")];
    for (let n = 0; n < 20; n += 1) endless.run("go").catch(() => {});
    core.open().catch(() => {});
    await sleep(100);
    process.exit(3);`,
    { code: 3 },
  );
});

test("an exception in mid-stream ends the process as any other", async () => {
  const seen = await program(
    `${SETUP} for await (const event of endless.start("go")) if (event.type === "text_delta") throw new Error("mine");`,
  );
  assert.equal(seen.code, 1);
  assert.match(seen.stderr, /Error: mine/);
});

test("no rejection is left unhandled", async () => {
  const out = await ends(
    `${SETUP}
    const failing = await kernel.agent(spec([{ error: { code: "model_refused", message: "no" } }]));
    try { for await (const event of failing.start("go")); } catch {}
    const watched = failing.start("go");
    const result = watched.result();
    try { for await (const event of watched) await sleep(1); } catch {}
    await result.catch(() => {});
    globalThis.failed = failing.start("go").result();
    kernel.tool({ name: "broken", description: "Breaks", run: async () => { throw Symbol("x"); } });
    await kernel.callTool("broken").catch(() => {});
    const controller = new AbortController();
    const run = endless.start("go", { signal: controller.signal });
    run.result();
    await sleep(30);
    controller.abort();
    await sleep(30);
    for await (const event of endless.start("go")) break;
    await kernel.agent("none.yaml").catch(() => {});
    console.log("end");`,
    { args: ["--unhandled-rejections=strict"] },
  );
  assert.equal(out, "end\n");
});

test("runs that are dropped are collected and cancelled", async () => {
  const out = await ends(
    `${SETUP}
    (() => { for (let n = 0; n < 50; n += 1) endless.start("go", { runId: "dropped-" + n }); })();
    let last;
    for (const deadline = Date.now() + 25_000; last !== "run_cancelled" && Date.now() < deadline; ) {
      await sleep(20);
      gc();
      last = await kernel.runEvents("dropped-0").then((events) => events.at(-1).type, ({ code }) => code);
    }
    console.log(last);`,
    { args: ["--expose-gc"] },
  );
  assert.equal(out, "run_cancelled\n");
});

test("a thousand runs leave no memory behind", async () => {
  const { stdout } = await ended(
    `${SETUP}
    const many = async () => { for (let n = 0; n < 500; n += 1) await quick.run("go"); gc(); };
    await many();
    const before = process.memoryUsage().rss;
    await many();
    console.log(process.memoryUsage().rss - before);`,
    { args: ["--expose-gc"] },
  );
  assert.ok(Number(stdout) < 16e6, `${stdout.trim()} bytes more`);
});

test("workers are terminated with live runs, and the main thread's run goes on", async () => {
  const out = await ends(
    `${SETUP} ${WORKER}
    const slow = await kernel.agent(spec([{ deltas: Array(60).fill("x"), delay_ms: 20 }]));
    const mine = slow.run("go");
    for (let round = 0; round < 5; round += 1) {
      const workers = Array.from({ length: 3 }, () => worker(\`
        for (let n = 0; n < 5; n += 1) endless.run("go").catch(() => {});
        globalThis.held = flood.start("go");
        for await (const event of endless.start("go")) if (event.type === "text_delta") parentPort.postMessage("live");
      \`));
      await Promise.all(workers.map((one) => new Promise((resolve) => one.once("message", resolve))));
      await Promise.all(workers.map((one) => one.terminate()));
    }
    const { status, text } = await mine;
    console.log(status, text.length);`,
  );
  assert.equal(out, "finished 60\n");
});

test("workers that end by themselves, and one that ends in mid-stream", async () => {
  const out = await ends(
    `${SETUP} ${WORKER}
    const ended = (one) => new Promise((resolve, reject) => one.once("exit", resolve).once("error", reject));
    const codes = await Promise.all([
      ended(worker('const { text } = await quick.run("go"); if (text !== "done") process.exit(9);')),
      ended(worker('setTimeout(() => process.exit(4), 60); for await (const event of endless.start("go"));')),
    ]);
    console.log(codes.join(), (await quick.run("go")).text);`,
  );
  assert.equal(out, "0,4 done\n");
});

test("process.exit while workers have live runs", async () => {
  await ends(
    `${SETUP} ${WORKER}
    const one = worker('for await (const event of endless.start("go")) parentPort.postMessage("live");');
    await new Promise((resolve) => one.once("message", resolve));
    process.exit(5);`,
    { code: 5 },
  );
});

test("child processes are started while runs are live", async () => {
  const out = await ends(
    `${SETUP}
    import { execFileSync, fork, spawnSync } from "node:child_process";
    import { rmSync, writeFileSync } from "node:fs";
    import { tmpdir } from "node:os";
    const file = tmpdir() + "/aikit-child-" + process.pid + ".mjs";
    const run = endless.start("go");
    const result = run.result();
    await sleep(30);
    const echoed = execFileSync("echo", ["shell"]).toString().trim();
    writeFileSync(file, "import { open } from " + JSON.stringify(${JSON.stringify(join(PACKAGE, "index.mjs"))}) +
      "; const kernel = await open(); process.send(kernel.tenant); process.disconnect();");
    const child = fork(file, { execArgv: [] });
    const tenant = await new Promise((resolve) => child.once("message", resolve));
    const code = await new Promise((resolve) => child.once("exit", resolve));
    rmSync(file);
    run.cancel();
    console.log(echoed, tenant, code, (await result).status);`,
  );
  assert.equal(out, "shell default 0 cancelled\n");
});

test("the package loads from two places, and by both ways of loading", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aikit-two-"));
  try {
    for (const name of ["index.js", "index.mjs", "package.json", "lib", "aikit.node"]) {
      await cp(join(PACKAGE, name), join(folder, name), { recursive: true });
    }
    const require = createRequire(import.meta.url);
    const [here, there] = [require(join(PACKAGE, "index.js")), require(join(folder, "index.js"))];
    const imported = await import(join(PACKAGE, "index.mjs"));
    assert.notEqual(here.open, there.open);
    assert.equal(here.open, imported.open, "require and import give one module");
    const kernels = await Promise.all([here.open(), there.open()]);
    const spec = '{"identity":{"agent_id":"a"},"intelligence":{"model":"scripted/a","script":[{"text":"hi"}]}}';
    for (const [core, kernel] of [[here, kernels[0]], [there, kernels[1]]]) {
      const agent = await kernel.agent(core.parseSpec(spec));
      assert.equal((await agent.run("go")).text, "hi");
    }
    await assert.rejects(kernels[0].agent(there.parseSpec(spec)), { code: "invalid_argument" });
    await Promise.all(kernels.map((kernel) => kernel.close()));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a native module that is missing or of another version is refused when it is loaded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aikit-mixed-"));
  const require = createRequire(import.meta.url);
  try {
    for (const name of ["index.js", "lib"]) {
      await cp(join(PACKAGE, name), join(folder, name), { recursive: true });
    }
    const text = await readFile(join(PACKAGE, "package.json"), "utf8");
    await writeFile(join(folder, "package.json"), text.replace(/"version": "[^"]*"/, '"version": "99.0.0"'));
    assert.throws(() => require(join(folder, "index.js")), /99\.0\.0 has no native module that loads on linux-/);
    await cp(join(PACKAGE, "aikit.node"), join(folder, "aikit.node"));
    assert.throws(() => require(join(folder, "index.js")), /is 99\.0\.0 .* aikit\.node is \d+\.\d+\.\d+/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a run that is held back ends when it is cancelled, though nobody reads", async () => {
  const out = await ends(
    `${SETUP}
    const run = flood.start("go", { runId: "held" });
    await run[Symbol.asyncIterator]().next();
    await sleep(100);
    run.cancel();
    let last;
    for (const deadline = Date.now() + 25_000; last !== "run_cancelled" && Date.now() < deadline; await sleep(10)) {
      last = (await kernel.runEvents("held")).at(-1).type;
    }
    console.log(last);`,
  );
  assert.equal(out, "run_cancelled\n");
});

test("closing does not wait for a run that was held back and cancelled", async () => {
  // A run that holds its kernel back costs all the time that closing has: two seconds.
  const ms = await fastest(500, async () => {
    const { stdout } = await ended(
      `${SETUP}
      const run = flood.start("go");
      await run[Symbol.asyncIterator]().next();
      await sleep(100);
      run.cancel();
      await sleep(100);
      const asked = performance.now();
      await kernel.close();
      console.log(performance.now() - asked);`,
    );
    return Number(stdout);
  });
  assert.ok(ms < 500, `took ${Math.round(ms)} ms`);
});
