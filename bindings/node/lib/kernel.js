"use strict";

const { invalid, native } = require("./errors.js");
const addon = require("./native.js");
// Awaited before it is returned, everywhere below: only so do the stacks of errors lead to callers.
const { perform } = require("./operation.js");
const { images } = require("./images.js");
const { json, kind, take, takeModel, takeOpen, takeTool, text, whole } = require("./options.js");
const { Run } = require("./run.js");
const { Spec, handleOf, isSpec } = require("./spec.js");
const { Specs } = require("./specs.js");

const RUN = {
  runId: "run_id",
  maxTurns: "max_turns",
  timeoutMs: "timeout_ms",
  tokensPerRun: "tokens_per_run",
  costUsdPerRun: "cost_usd_per_run",
  inputs: "inputs",
  images: "images",
  outputSchema: "output_schema",
};

/** Days of use that are shown, if the caller does not say. */
const DAYS = 30;

/** An agent: a spec and the kernel that it runs in. */
class Agent {
  #handle;
  #tools;
  #spec;

  constructor(handle, tools) {
    this.#handle = handle;
    this.#tools = tools;
  }

  get spec() {
    this.#spec ??= new Spec(this.#handle.spec);
    return this.#spec;
  }

  /** Its name for people: the spec's, with its templates filled in. */
  get name() {
    return this.#handle.name;
  }

  /** The model that its runs ask: the spec's, unless another was given. */
  get model() {
    return this.#handle.model;
  }

  /** Starts a run to be watched. */
  start(input, options) {
    return new Run(...this.#begin("start", input, options));
  }

  /** Runs to the end; gives the result. */
  async run(input, options) {
    return await perform(...this.#begin("run", input, options));
  }

  #begin(call, input, given) {
    text(`${call}: the input`, input);
    const read = given?.images === undefined ? given : { ...given, images: images(given.images) };
    const { signal, options } = take(call, read, RUN);
    return [() => this.#handle.start(input, options), { tools: this.#tools, signal }];
  }
}

/** How a collection is searched: what taking in and searching have in common. */
const searching = { embeddingModel: "embedding_model", strategy: "strategy" };

/** A collection of documents. */
class Collection {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  get name() {
    return this.#handle.name;
  }

  /** Takes in a file or a folder; gives a report. */
  async ingest(path, given) {
    text("ingest: the path", path);
    const { signal, options } = take("ingest", given, searching);
    return await perform(() => this.#handle.ingest(path, options), { signal });
  }

  /** The passages that fit best. */
  async search(query, given) {
    text("search: the query", query);
    const { signal, options } = take("search", given, { topK: "top_k", ...searching });
    return await perform(() => this.#handle.search(query, options), { signal });
  }

  async documents(given) {
    const { signal } = take("documents", given, {});
    return await perform(() => this.#handle.documents(), { signal });
  }
}

/** An open kernel. */
class Kernel {
  #handle;
  /** The functions of this kernel's tools, by name, and of its models, by `host/NAME`. */
  #tools = new Map();
  #specs;

  constructor(handle) {
    this.#handle = handle;
  }

  get tenant() {
    return this.#handle.tenant;
  }

  /** Registers a function as a tool that specs can name. */
  tool(tool) {
    const { name, run, definition } = takeTool(tool);
    native(() => this.#handle.registerTool(definition));
    this.#tools.set(name, run);
  }

  /** Registers a function that answers in the place of a model: `host/NAME` in specs. */
  model(model) {
    const { name, chat, definition } = takeModel(model);
    native(() => this.#handle.registerModel(definition));
    this.#tools.set(`host/${name}`, chat);
  }

  collection(name) {
    text("collection: the name", name);
    return new Collection(native(() => this.#handle.collection(name)));
  }

  /** The spec repository. */
  get specs() {
    this.#specs ??= new Specs(this.#handle.specs);
    return this.#specs;
  }

  /** Everything that can be said of a spec in this kernel. */
  async check(spec, given) {
    const { signal } = take("check", given, {});
    const handle = handleOf("check", spec);
    return await perform(() => this.#handle.check(handle), { signal });
  }

  /** Makes an agent of a spec, of the path to one, or of a version in the repository. */
  async agent(reference, given) {
    const { signal, options } = take("agent", given, { model: "model" });
    const spec = specOrReference(reference);
    const handle = await perform(() => this.#handle.agent(spec, options), { signal });
    return new Agent(handle, this.#tools);
  }

  /** Calls a tool directly, with the checks that a model's call gets. */
  async callTool(name, args = {}, given = undefined) {
    text("callTool: the name", name);
    const { signal } = take("callTool", given, {});
    const encoded = json("callTool: the arguments", args);
    return await perform(() => this.#handle.callTool(name, encoded), { tools: this.#tools, signal });
  }

  /** The events that the store keeps of a run. */
  async runEvents(runId, given) {
    text("runEvents: the id", runId);
    const { signal } = take("runEvents", given, {});
    return await perform(() => this.#handle.runEvents(runId), { signal });
  }

  /** What the tenant has, and what it did on the last days on which it did something. */
  async usage(given) {
    const { signal, values } = take("usage", given, { days: "days" });
    const days = whole("usage: days", values.days ?? DAYS);
    return await perform(() => this.#handle.usage(days), { signal });
  }

  /** Copies the SQLite store, with all tenants, into a new file while it is in use. */
  async backup(path, given) {
    text("backup: the path", path);
    const { signal } = take("backup", given, {});
    await perform(() => this.#handle.backup(path), { signal });
  }

  /** Every setting that holds here, or for the agents of a spec, and why. */
  config(spec) {
    const handle = spec === undefined || spec === null ? undefined : handleOf("config", spec);
    return JSON.parse(native(() => this.#handle.config(handle)));
  }

  /** Cancels what is under way and closes the store. May be called again. */
  async close() {
    await perform(() => this.#handle.close());
  }
}
// Node.js 20 has the symbol; where it is missing, compilers look for this registered one.
Object.defineProperty(Kernel.prototype, Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose"), {
  value: Kernel.prototype.close,
  configurable: true,
  writable: true,
});

function specOrReference(reference) {
  if (typeof reference === "string") return reference;
  if (isSpec(reference)) return handleOf("agent", reference);
  throw invalid(
    `agent: expected a spec, a path, an id or id@version, not ${kind(reference)}`,
    "parseSpec makes a spec of a text; JSON.stringify makes a text of a document",
  );
}

/** Opens a kernel: in memory, or in the file `location`. */
async function open(given) {
  const { signal, options } = takeOpen(given);
  return new Kernel(await perform(() => addon.open(options), { signal }));
}

module.exports = { open };
