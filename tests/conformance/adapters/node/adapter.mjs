// Performs a scenario through the public surface of @aikit/core and prints what it observed:
//   node adapter.mjs SCENARIO.json
// Judges nothing; run.py compares.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AikitError, loadSpec, open, parseSpec } from "../../../../bindings/node/index.mjs";

const scenario = JSON.parse(await readFile(process.argv[2], "utf8"));

let kernel;
let agent;

const spec = () => ("spec_file" in scenario ? loadSpec(scenario.spec_file) : parseSpec(scenario.spec));

function providers(given) {
  if (given === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(given).map(([name, { base_url: baseUrl, api_key: apiKey, ...rest }]) => [
      name,
      { baseUrl, apiKey, ...rest },
    ]),
  );
}

function register({ name, description, parameters, timeout_ms: timeoutMs, behaviour }) {
  async function run(args) {
    if (behaviour.sleeps_ms !== undefined) await sleep(behaviour.sleeps_ms);
    if (behaviour.fails !== undefined) throw new Error(behaviour.fails);
    return behaviour.echoes ? args : behaviour.returns;
  }
  kernel.tool({ name, description, parameters, timeoutMs, run });
}

const steps = {
  parse() {
    const { agent_id, name, version, model } = spec();
    return { agent_id, name, version, model };
  },
  check: () => spec().check(),
  async open({ location, tenant, providers: given }) {
    kernel = await open({ location, tenant, providers: providers(given) });
    for (const tool of scenario.tools ?? []) register(tool);
    return { tenant: kernel.tenant };
  },
  ingest: ({ collection, path }) => kernel.collection(collection).ingest(path),
  search: ({ collection, query, top_k: topK }) => kernel.collection(collection).search(query, { topK }),
  documents: ({ collection }) => kernel.collection(collection).documents(),
  async agent({ model: wanted }) {
    agent = await kernel.agent(spec(), { model: wanted });
    const { agent_id, version } = agent.spec;
    return { agent_id, version, model: agent.model };
  },
  run: ({ input }) => agent.run(input),
  async start({ input, cancel_at, run_id: runId, max_turns: maxTurns, timeout_ms: timeoutMs }, events) {
    const run = agent.start(input, { runId, maxTurns, timeoutMs });
    let cancelled = false;
    for await (const event of run) {
      events.push(event);
      if (!cancelled && event.type === cancel_at) {
        cancelled = true;
        run.cancel();
      }
    }
    return run.result();
  },
  together({ inputs }) {
    const runs = inputs.map((input) => agent.start(input));
    return Promise.all(runs.map((run) => run.result()));
  },
  call_tool: ({ name, arguments: args }) => kernel.callTool(name, args),
  run_events: ({ run_id }) => kernel.runEvents(run_id),
  async close() {
    await kernel.close();
    return null;
  },
};

async function observe({ do: name, ...parameters }) {
  const events = [];
  const shown = () => (events.length > 0 ? { events } : {});
  try {
    const ok = await steps[name](parameters, events);
    return { ok, ...shown() };
  } catch (error) {
    // Anything else is a defect of the adapter or of the binding and ends the program.
    if (!(error instanceof AikitError)) throw error;
    return { error, ...shown() };
  }
}

const observations = [];
for (const step of scenario.steps) observations.push(await observe(step));
process.stdout.write(JSON.stringify({ observations }));
