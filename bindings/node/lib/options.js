"use strict";

const { AikitError, invalid } = require("./errors.js");

function kind(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a value of type ${typeof value}`;
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value, if it is a text. */
function text(what, value) {
  if (typeof value !== "string") throw invalid(`${what} must be a string, not ${kind(value)}`);
  return value;
}

/** The value, if it is a text and one that UTF-8 can hold: JSON would write the half of a pair. */
function unicode(what, value) {
  if (text(what, value).isWellFormed()) return value;
  const hint = "it holds half of a surrogate pair; cut texts between characters, not code units";
  const message = `${what} is not valid Unicode text`;
  throw new AikitError({ code: "invalid_utf8", message, retryable: false, hint });
}

/** A count that the native module takes as a number, which it would wrap around. */
function whole(what, value) {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw invalid(`${what} must be a whole number from 0, not ${typeof value === "number" ? value : kind(value)}`);
}

/** For `JSON.stringify`, which would make null of such a number. */
function finite(key, value) {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`${key || "it"} is ${value}`);
  return value;
}

/** A value as JSON text. What JSON cannot hold (circular, BigInt, NaN, a function) is refused. */
function json(what, value) {
  let encoded;
  try {
    encoded = JSON.stringify(value, finite);
  } catch (error) {
    const refused = invalid(`${what} cannot be written as JSON: ${error.message}`);
    refused.cause = error.message;
    throw refused;
  }
  if (encoded === undefined) throw invalid(`${what} cannot be written as JSON: it is ${kind(value)}`);
  return encoded;
}

/** Options as given to the core: known names (camelCase) become the core's, others are refused. */
function converted(call, options, names) {
  if (options === undefined || options === null) return {};
  if (!isObject(options)) throw invalid(`${call}: options must be an object, not ${kind(options)}`);
  const out = {};
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(names, key)) {
      const known = Object.keys(names).join(", ");
      throw invalid(`${call}: unknown option "${key}"`, `the options are ${known}`);
    }
    // JSON would make null of them, and the option would count as not given.
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw invalid(`${call}: the option "${key}" must be a finite number, not ${value}`);
    }
    if (value instanceof Date && Number.isNaN(value.getTime())) {
      throw invalid(`${call}: the option "${key}" is a date that does not exist`);
    }
    if (value !== undefined) out[names[key]] = value;
  }
  return out;
}

function signalOf(call, signal) {
  if (signal === undefined || signal === null) return undefined;
  if (typeof signal.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw invalid(`${call}: signal must be an AbortSignal, not ${kind(signal)}`);
  }
  return signal;
}

/** Splits options into the `AbortSignal` and the rest, for the core: its values, and as JSON text. */
function take(call, options, names) {
  const { signal, ...values } = converted(call, options, { ...names, signal: "signal" });
  return { signal: signalOf(call, signal), values, options: json(`${call}: the options`, values) };
}

/** The JSON text for the core of a call that ends at once: it has no signal. */
function takeNow(call, options, names) {
  return json(`${call}: the options`, converted(call, options, names));
}

const OPEN = {
  location: "location",
  tenant: "tenant",
  providers: "providers",
  actor: "actor",
  defaultModel: "default_model",
  policy: "policy",
  profile: "profile",
  reader: "reader",
  rls: "rls",
  signal: "signal",
};
const PROVIDER = {
  baseUrl: "base_url",
  apiKey: "api_key",
  headers: "headers",
  wire: "wire",
  apiVersion: "api_version",
  firstByteMs: "first_byte_ms",
  betweenChunksMs: "between_chunks_ms",
  totalMs: "total_ms",
  maxRetries: "max_retries",
  requestsPerMinute: "requests_per_minute",
  tokensPerMinute: "tokens_per_minute",
  concurrentRequests: "concurrent_requests",
  cassette: "cassette",
  folder: "folder",
  threads: "threads",
  contextTokens: "context_tokens",
  cacheMb: "cache_mb",
  idleS: "idle_s",
};
const POLICY = { allowedTools: "allowed_tools", deniedTools: "denied_tools", quotas: "quotas" };
const QUOTAS = {
  maxSpecs: "max_specs",
  maxDocuments: "max_documents",
  maxVectors: "max_vectors",
  maxConcurrentExecutions: "max_concurrent_executions",
  maxMemoryMb: "max_memory_mb",
  maxCpuPercent: "max_cpu_percent",
  maxStorageMb: "max_storage_mb",
  requestsPerMinute: "requests_per_minute",
  llmTokensPerDay: "llm_tokens_per_day",
  costLimitUsdPerDay: "cost_limit_usd_per_day",
};

/** A policy. That it is null by accident must not mean that everything is allowed. */
function policyOf(given) {
  const named = (what, value, names) => {
    if (!isObject(value)) throw invalid(`open: ${what} must be an object, not ${kind(value)}`);
    return converted(`open: ${what}`, value, names);
  };
  const policy = named("policy", given, POLICY);
  if (policy.quotas !== undefined) policy.quotas = named("policy.quotas", policy.quotas, QUOTAS);
  return policy;
}

/** Headers by name, also those of `fetch`. One that is undefined would not be sent, and nobody would know. */
function headersOf(what, given) {
  if (!isObject(given)) throw invalid(`${what} must be an object, not ${kind(given)}`);
  const pairs = typeof given[Symbol.iterator] === "function" ? [...given] : Object.entries(given);
  return Object.fromEntries(pairs.map(([name, value]) => [name, text(`${what}, "${name}",`, value)]));
}

function providerOf(name, given) {
  const provider = converted(`open: provider "${name}"`, given, PROVIDER);
  const { headers } = provider;
  if (headers === undefined || headers === null) return provider;
  return { ...provider, headers: headersOf(`open: the headers of provider "${name}"`, headers) };
}

/** Open options: as the others, and those of the providers and the policy. */
function takeOpen(options) {
  const { signal, ...rest } = converted("open", options, OPEN);
  // That one of them is null by accident must not give another tenant's data, or more rights.
  for (const key of ["tenant", "reader"]) {
    if (rest[key] !== undefined) text(`open: ${key}`, rest[key]);
  }
  if (rest.policy !== undefined) rest.policy = policyOf(rest.policy);
  if (isObject(rest.providers)) {
    rest.providers = Object.fromEntries(
      Object.entries(rest.providers).map(([name, provider]) => [name, providerOf(name, provider)]),
    );
  }
  return { signal: signalOf("open", signal), options: json("open: the options", rest) };
}

const TOOL = {
  name: "name",
  description: "description",
  parameters: "parameters",
  timeoutMs: "timeout_ms",
  run: "run",
};

/** A tool as given to `kernel.tool`: its function, and its definition as JSON text. */
function takeTool(tool) {
  if (!isObject(tool)) throw invalid(`tool: the definition must be an object, not ${kind(tool)}`);
  const { run, ...definition } = converted("tool", tool, TOOL);
  text("tool: name", definition.name);
  if (typeof run !== "function") throw invalid(`tool "${tool.name}": run must be a function, not ${kind(run)}`);
  return { name: definition.name, run, definition: json(`tool "${tool.name}"`, definition) };
}

const MODEL = { name: "name", timeoutMs: "timeout_ms", chat: "chat" };

/** A model as given to `kernel.model`: its function, and its definition as JSON text. */
function takeModel(model) {
  if (!isObject(model)) throw invalid(`model: the definition must be an object, not ${kind(model)}`);
  const { chat, ...definition } = converted("model", model, MODEL);
  text("model: name", definition.name);
  if (typeof chat !== "function") throw invalid(`model "${model.name}": chat must be a function, not ${kind(chat)}`);
  return { name: definition.name, chat, definition: json(`model "${model.name}"`, definition) };
}

module.exports = { isObject, json, kind, take, takeModel, takeNow, takeOpen, takeTool, text, unicode, whole };
