// Performs a scenario through the public surface of @aikit/core and prints what it observed:
//   node adapter.mjs SCENARIO.json
// Judges nothing; run.py compares.

import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import {
  AikitError,
  diagnose,
  editSpec,
  importSpec,
  loadSpec,
  open,
  openAdmin,
  parseSpec,
  specSchema,
} from "../../../../bindings/node/index.mjs";

const scenario = JSON.parse(await readFile(process.argv[2], "utf8"));

let kernel;
let agent;
let admin;
/** The spec that the last `parse` gave. */
let parsed;
/** The bundle that the last `export` gave. */
let bundle;

/** A step's own spec, or the scenario's. */
function read({ spec: own, base }) {
  if (own === undefined && "spec_file" in scenario) return loadSpec(scenario.spec_file);
  return parseSpec(own ?? scenario.spec, { base });
}

const spec = () => parsed ?? read({});

const summary = ({ agent_id, name, version, model, hash }) => ({ agent_id, name, version, model, hash });

/** The options of several words: a scenario has the core's names. A name that is none stays as it is. */
const OPTIONS = [
  "agent_id allowed_tools api_key base_url cost_limit_usd_per_day default_model denied_tools",
  "llm_tokens_per_day max_concurrent_executions max_cpu_percent max_documents max_memory_mb max_specs",
  "max_storage_mb max_turns max_vectors on_conflict output_schema requests_per_minute run_id timeout_ms",
  "tokens_per_run cost_usd_per_run wire api_version first_byte_ms between_chunks_ms total_ms max_retries",
  "tokens_per_minute concurrent_requests context_tokens cache_mb idle_s",
]
  .join(" ")
  .split(" ");

function camelCase(options) {
  const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [OPTIONS.includes(name) ? camel(name) : name, value]),
  );
}

function policyOf(policy) {
  if (policy === undefined || policy === null) return policy;
  const { quotas, ...rest } = policy;
  return { ...camelCase(rest), quotas: quotas && camelCase(quotas) };
}

function providers(given) {
  if (given === undefined) return undefined;
  return Object.fromEntries(Object.entries(given).map(([name, provider]) => [name, camelCase(provider)]));
}

function register({ name, description, parameters, timeout_ms: timeoutMs, behaviour }) {
  async function run(args) {
    if (behaviour.sleeps_ms !== undefined) await sleep(behaviour.sleeps_ms);
    if (behaviour.fails !== undefined) throw new Error(behaviour.fails);
    return behaviour.echoes ? args : behaviour.returns;
  }
  kernel.tool({ name, description, parameters, timeoutMs, run });
}

function registerModel({ name, timeout_ms: timeoutMs, behaviour }) {
  async function chat({ messages }) {
    if (behaviour.sleeps_ms !== undefined) await sleep(behaviour.sleeps_ms);
    if (behaviour.fails !== undefined) throw new Error(behaviour.fails);
    if (behaviour.repeats) return { text: messages.at(-1).content };
    return behaviour.answers[messages.filter(({ role }) => role === "assistant").length];
  }
  kernel.model({ name, timeoutMs, chat });
}

const steps = {
  parse(step) {
    parsed = read(step);
    return summary(parsed);
  },
  check: () => spec().check(),
  diagnose: ({ text, ...options }) => diagnose(text, options),
  check_in_kernel: () => kernel.check(spec()),
  render: ({ format }) => spec().render(format),
  diff_specs: ({ other }) => spec().diff(parseSpec(other)),
  edit: ({ text, pointer, value }) => editSpec(text, pointer, value),
  import_spec: ({ text, ...options }) => importSpec(text, options),
  schema: () => specSchema(),
  specs: ({ op, options = {}, ...rest }) => repository[op]({ ...rest, options: camelCase(options) }),
  async open({ providers: given, policy, ...options }) {
    kernel = await open({ ...camelCase(options), providers: providers(given), policy: policyOf(policy) });
    for (const tool of scenario.tools ?? []) register(tool);
    for (const model of scenario.models ?? []) registerModel(model);
    return { tenant: kernel.tenant };
  },
  ingest: ({ collection, path, embedding_model: embeddingModel, strategy }) =>
    kernel.collection(collection).ingest(path, { embeddingModel, strategy }),
  search: ({ collection, query, top_k: topK, embedding_model: embeddingModel, strategy }) =>
    kernel.collection(collection).search(query, { topK, embeddingModel, strategy }),
  documents: ({ collection }) => kernel.collection(collection).documents(),
  async agent({ model: wanted, ref }) {
    agent = await kernel.agent(ref ?? spec(), { model: wanted });
    const { agent_id, version } = agent.spec;
    return { agent_id, name: agent.name, version, model: agent.model };
  },
  run: ({ input }) => agent.run(input),
  async start({ input, cancel_at, ...options }, events) {
    const run = agent.start(input, camelCase(options));
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
  async open_admin(options) {
    admin = await openAdmin(options);
    return null;
  },
  admin: ({ op, arguments: args = {} }) => administrate(op, args),
  async close_admin() {
    await admin.close();
    return null;
  },
  usage: (options) => kernel.usage(options),
  config: () => kernel.config(parsed),
  async backup({ path }) {
    await kernel.backup(path);
    return null;
  },
  async close() {
    await kernel.close();
    return null;
  },
};

/** Operations with another name here. */
const NAMED = { usage: "tenantUsage", digest: "tenantDigest" };

/** The arguments that are not options, in their order, where it is not the id alone. */
const POSITIONAL = {
  tenants: [],
  configure_tenant: ["id", "config"],
  rename_tenant: ["id", "name"],
  move_tenant: ["id", "parent"],
  grant_read: ["id", "reader"],
  revoke_read: ["id", "reader"],
  export_tenant: ["id", "path"],
  import_tenant: ["path"],
  copy_tenant: ["id", "to"],
  audit_log: [],
  verify_audit: [],
  prune: [],
  backup: ["path"],
  check: [],
};

async function administrate(op, args) {
  const name = NAMED[op] ?? op.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  if (typeof admin[name] !== "function") {
    throw new AikitError({ code: "invalid_argument", message: `there is no operation ${op}`, retryable: false });
  }
  const positional = POSITIONAL[op] ?? ["id"];
  const options = Object.fromEntries(Object.entries(args).filter(([key]) => !positional.includes(key)));
  return (await admin[name](...positional.map((key) => args[key]), options)) ?? null;
}

/** Steps of the repository that name a version. */
const change = (op) => ({ ref, options }) => kernel.specs[op](ref, options);

const repository = {
  save: ({ text, options }) => kernel.specs.save(text === undefined ? spec() : parseSpec(text), options),
  get: change("get"),
  load: async (step) => summary(await change("load")(step)),
  promote: change("promote"),
  deprecate: change("deprecate"),
  retire: change("retire"),
  async delete(step) {
    await change("delete")(step);
    return null;
  },
  list: ({ options }) => kernel.specs.list(options),
  history: ({ agent_id }) => kernel.specs.history(agent_id),
  diff: ({ a, b }) => kernel.specs.diff(a, b),
  async export({ options }) {
    bundle = await kernel.specs.export(options);
    return bundle;
  },
  import: ({ bundle: given = bundle, options }) => kernel.specs.import(given, options),
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
