// Measures the package and prints one JSON line. For figures that mean something: the release build
// (`build.sh release`) on an idle machine.
//   node --expose-gc bindings/node/bench.mjs

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const rss = () => (globalThis.gc?.(), process.memoryUsage().rss);

const rssBefore = rss();
const loading = performance.now();
const { open, parseSpec } = require("./index.js");
const requireMs = performance.now() - loading;
const rssLoaded = rss();

/** Nanoseconds of one call, the best of five rounds. */
function callNs(call, count = 200_000) {
  let best = Infinity;
  for (let round = 0; round < 5; round += 1) {
    const start = process.hrtime.bigint();
    for (let n = 0; n < count; n += 1) call();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  return best;
}

/** Milliseconds of CPU, all threads together, and of the clock for one call, the mean of many. */
async function perCall(call, count) {
  for (let n = 0; n < 20; n += 1) await call();
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let n = 0; n < count; n += 1) await call();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000 / count, wall: (performance.now() - start) / count };
}

const spec = (script, tools = []) =>
  JSON.stringify({
    identity: { agent_id: "bench" },
    integration: { tools },
    intelligence: { model: "scripted/bench", script },
  });

const kernel = await open();
kernel.tool({ name: "echo", description: "Echo", parameters: { type: "object" }, run: (args) => args });
// Two model calls and one tool of the host's.
const run = await kernel.agent(
  parseSpec(spec([{ tool_calls: [{ name: "echo", arguments: { a: 1 } }] }, { text: "done {{tool.echo.a}}" }], ["echo"])),
);
const streamed = await kernel.agent(parseSpec(spec([{ deltas: Array(1000).fill("word ") }])));
const small = spec([{ text: "hi" }]);

const oneRun = await perCall(() => run.run("go"), 300);
const thousand = await perCall(async () => {
  for await (const event of streamed.start("go")) void event;
}, 30);
const rounded = (value) => Math.round(value * 1000) / 1000;

console.log(
  JSON.stringify({
    language: "Node",
    require_ms: rounded(requireMs),
    require_rss_mb: rounded((rssLoaded - rssBefore) / 1e6),
    rss_after_runs_mb: rounded((rss() - rssBefore) / 1e6),
    trivial_call_ns: Math.round(callNs(() => kernel.tenant)),
    parse_spec_us: rounded(callNs(() => parseSpec(small), 2000) / 1000),
    run_cpu_ms: rounded(oneRun.cpu),
    run_wall_ms: rounded(oneRun.wall),
    thousand_deltas_cpu_ms: rounded(thousand.cpu),
    thousand_deltas_wall_ms: rounded(thousand.wall),
  }),
);
await kernel.close();
