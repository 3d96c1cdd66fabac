/// <reference lib="esnext.disposable" />

import type { Setting, TenantUsage, UsageOptions } from "./lib/admin.js";
import type { Diagnostic, Spec } from "./lib/spec.js";
import type { Specs } from "./lib/specs.js";

export * from "./lib/admin.js";
export * from "./lib/spec.js";
export * from "./lib/specs.js";

/** A value that JSON can hold. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** A stable word that says what went wrong; the same in every language. */
export type ErrorCode =
  | "invalid_argument"
  | "invalid_handle"
  | "invalid_utf8"
  | "closed"
  | "forked"
  | "timeout"
  | "cancelled"
  | "panic"
  | "file_not_found"
  | "file_unreadable"
  | "spec_invalid"
  | "spec_too_large"
  | "spec_not_found"
  | "spec_conflict"
  | "spec_immutable"
  | "spec_state"
  | "spec_retired"
  | "tenant_invalid"
  | "tenant_mismatch"
  | "tenant_not_found"
  | "tenant_exists"
  | "tenant_suspended"
  | "tenant_read_only"
  | "quota_exceeded"
  | "access_denied"
  | "budget_exceeded"
  | "store_unavailable"
  | "store_locked"
  | "store_full"
  | "store_corrupt"
  | "store_failed"
  | "store_lost"
  | "store_outdated"
  | "store_role"
  | "store_conflict"
  | "model_unknown"
  | "model_unauthorized"
  | "model_rate_limited"
  | "model_unavailable"
  | "model_refused"
  | "model_invalid_response"
  | "model_stream_broken"
  | "model_script_exhausted"
  | "model_context_exceeded"
  | "output_invalid"
  | "tool_unknown"
  | "tool_denied"
  | "tool_invalid_arguments"
  | "tool_failed"
  | "tool_timeout"
  | "tool_exists"
  | "turn_limit"
  | "run_ended"
  | "collection_invalid"
  | "document_invalid"
  | "archive_invalid"
  | "audit_broken"
  | "config_invalid"
  | "cassette_differs"
  | "model_file_invalid";

/** An error as a plain document, as events carry it. */
export interface ErrorDocument {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** A file, or a JSON pointer into a document. */
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
  /** What to do about it. */
  readonly hint?: string;
  /** What lay beneath, as text. */
  readonly cause?: string;
  /** HTTP status of a model provider's answer. */
  readonly status?: number;
  /** The model provider's id of the exchange. */
  readonly request_id?: string;
  /** Seconds that a model provider asked to wait. */
  readonly retry_after?: number;
  /** All findings about a spec. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** Every failure of aikit. An aborted `AbortSignal` is none: it rejects with the signal's reason. */
export class AikitError extends Error implements Omit<ErrorDocument, "request_id" | "retry_after"> {
  private constructor(document: ErrorDocument);
  readonly name: "AikitError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly path?: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
  readonly cause?: string;
  /** HTTP status of a model provider's answer. */
  readonly status?: number;
  /** The model provider's id of the exchange. */
  readonly requestId?: string;
  /** Seconds that a model provider asked to wait. */
  readonly retryAfter?: number;
  readonly diagnostics?: readonly Diagnostic[];
  toJSON(): ErrorDocument;
}

/** Where a model provider is reached. */
export interface Provider {
  baseUrl?: string;
  apiKey?: string;
  /** That go with each request, as gateways want them; their values are secrets, as the key is. */
  headers?: { readonly [name: string]: string } | Iterable<readonly [string, string]>;
  /** The protocol, of a provider that aikit does not know. */
  wire?: string;
  apiVersion?: string;
  firstByteMs?: number;
  betweenChunksMs?: number;
  /** For a whole answer, with all attempts. */
  totalMs?: number;
  /** Attempts after the first one; 2 without it. */
  maxRetries?: number;
  /** Of one tenant, key and model, as the next two. */
  requestsPerMinute?: number;
  tokensPerMinute?: number;
  concurrentRequests?: number;
  /** The path of a file of recorded exchanges. */
  cassette?: string;
  /** Of `local`, as what follows: the folder of models. */
  folder?: string;
  /** That compute; one for each core without it, at most 16. */
  threads?: number;
  /** Of a conversation with its answer; 8192 without it. */
  contextTokens?: number;
  /** Memory for conversations, beside the file; 1024 without it. */
  cacheMb?: number;
  /** Seconds that a model which nobody uses stays in memory; 600 without it. */
  idleS?: number;
}

/** What every call that takes time accepts. */
export interface CallOptions {
  /** Aborting rejects the call with the signal's reason and cancels the work. */
  signal?: AbortSignal | null;
}

export interface OpenOptions extends CallOptions {
  /** Path of the SQLite file, or URL of a PostgreSQL database; in memory without it. */
  location?: string | null;
  /** A slug; `"default"` without it. */
  tenant?: string;
  /** By name. Without `openai` here, OPENAI_BASE_URL and OPENAI_API_KEY are read when needed. */
  providers?: { [name: string]: Provider };
  /** Who acts, for the history of specs; at most 200 characters. */
  actor?: string;
  /** `provider/model` for specs that name none. */
  defaultModel?: string;
  /** What the tenant may do; everything that its specs ask for without it. */
  policy?: Policy;
  /** Path of a TOML file with settings that hold where nothing else is said. */
  profile?: string | null;
  /** A tenant above this one, to which reading was granted: the kernel then only reads. */
  reader?: string;
  /** False takes a PostgreSQL role that could leave its tenant, which is refused without it. */
  rls?: boolean;
}

/** What a tenant may do. */
export interface Policy {
  /** If given, only these tools. */
  allowedTools?: readonly string[];
  /** Never these tools; wins. */
  deniedTools?: readonly string[];
  /** What the tenant may have and use, and a spec ask for, at most. */
  quotas?: Quotas;
}

/** Bounds on what a tenant may have and use. What is absent is not bounded. */
export interface Quotas {
  /** Versions of specs. */
  maxSpecs?: number;
  maxDocuments?: number;
  maxVectors?: number;
  maxConcurrentExecutions?: number;
  maxMemoryMb?: number;
  maxCpuPercent?: number;
  maxStorageMb?: number;
  requestsPerMinute?: number;
  llmTokensPerDay?: number;
  costLimitUsdPerDay?: number;
}

export interface AgentOptions extends CallOptions {
  /** `provider/model`, in place of the spec's. */
  model?: string;
}

export interface RunOptions extends CallOptions {
  /** A slug; made without it. */
  runId?: string;
  /** Most calls of the model. */
  maxTurns?: number;
  /** Most time for the whole run. */
  timeoutMs?: number;
  /** Tokens and US dollars that the run may use, in place of the spec's `governance.budget`. */
  tokensPerRun?: number;
  costUsdPerRun?: number;
  /** Values for the templates of the prompts, checked against the spec's `interface.input_schema`. */
  inputs?: { readonly [name: string]: Json };
  /** Pictures that go with the input. */
  images?: readonly Image[];
  /** JSON Schema that `result.output` fits, in place of the spec's `interface.output_schema`. */
  outputSchema?: object;
}

/** A picture: its bytes, an address that the provider fetches, or one of them with its type. */
export type Image =
  | Uint8Array
  | string
  | { readonly data: Uint8Array | string; readonly mediaType?: string }
  | { readonly url: string; readonly mediaType?: string };

/** How passages are found: by their words, by their meaning, or by both. */
export type SearchStrategy = "keyword" | "vector" | "hybrid";

export interface IngestOptions extends CallOptions {
  /** Makes the vectors; without it the one inside the library does. */
  embeddingModel?: string;
  /** How it will be searched; `"keyword"` makes no vectors. */
  strategy?: SearchStrategy;
}

export interface SearchOptions extends CallOptions {
  /** Most passages; 5 without it. */
  topK?: number;
  /** Makes the vectors; without it the one inside the library does. */
  embeddingModel?: string;
  /** `"hybrid"` without it. */
  strategy?: SearchStrategy;
}

export interface Tool<Arguments = any> {
  name: string;
  description?: string;
  /** JSON Schema of an object; arguments are checked against it before `run` sees them. */
  parameters?: object;
  /** 30000 without it. */
  timeoutMs?: number;
  /**
   * Does the work, at once or later. What it returns must be JSON (`undefined` becomes `null`).
   * What it throws is shown to the model, and the run goes on.
   */
  run(args: Arguments): unknown;
}

/** A message of a conversation, as a `Model` is given it. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** What the model thought before it said this. */
  readonly reasoning?: string;
  /** Of a model that called tools; `arguments` is a text where it was not JSON. */
  readonly tool_calls?: readonly { readonly id: string; readonly name: string; readonly arguments: Json }[];
  /** Of a result: the call, the tool, and whether it failed. */
  readonly tool_call_id?: string;
  readonly name?: string;
  readonly is_error?: boolean;
  /** `data` is base64. */
  readonly images?: readonly { readonly media_type: string; readonly data?: string; readonly url?: string }[];
}

/** What is asked of a `Model`; what is not set is absent. */
export interface ChatRequest {
  /** `host/NAME`. */
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly { readonly name: string; readonly description: string; readonly parameters: Json }[];
  readonly tool_choice: "auto" | "required" | "none";
  readonly parallel_tool_calls: boolean;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly reasoning_effort?: string;
  /** The answer's text is to be JSON of this schema. */
  readonly output_schema?: Json;
  readonly provider_options?: { readonly [name: string]: Json };
}

/** What a `Model` answers; it has `text` or `tool_calls`. */
export interface ChatAnswer {
  text?: string | null | undefined;
  /** What it thought before. */
  reasoning?: string | null | undefined;
  /** `arguments` is an object, or a text that is sent as it stands. */
  tool_calls?: readonly { name: string; arguments?: object | string; id?: string }[] | null | undefined;
  usage?: {
    input_tokens?: number;
    output_tokens?: number;
    cached_input_tokens?: number;
    cache_write_tokens?: number;
    reasoning_tokens?: number;
  } | null | undefined;
  /** `stop`, or `tool_calls` if it calls some, without it. */
  finish_reason?: string | null | undefined;
}

export interface Model {
  /** A slug: specs name the model `host/NAME`. */
  name: string;
  /** 120000 without it. */
  timeoutMs?: number;
  /** Answers, at once or later. What it throws fails the call with `model_unavailable`. */
  chat(request: ChatRequest): ChatAnswer | string | Promise<ChatAnswer | string>;
}

export interface Passage {
  readonly source: string;
  readonly title: string;
  readonly text: string;
  readonly score: number;
  readonly chunk: number;
  readonly start_line: number;
}

export interface Skipped {
  readonly path: string;
  readonly code: ErrorCode;
  readonly reason: string;
}

export interface IngestReport {
  readonly added: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly removed: number;
  readonly chunks: number;
  readonly skipped: readonly Skipped[];
}

export interface DocumentEntry {
  readonly source: string;
  readonly title: string;
  readonly chunks: number;
  readonly bytes: number;
}

export interface Citation {
  /** As in the text, for instance `[1]`. */
  readonly marker: string;
  readonly source: string;
  readonly title: string;
  readonly text: string;
  readonly start_line: number;
}

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  /** Of `input_tokens`: read from the provider's cache; absent for none. */
  readonly cached_input_tokens?: number;
  /** Of `input_tokens`: written to the provider's cache; absent for none. */
  readonly cache_write_tokens?: number;
  /** Of `output_tokens`: thought and not said; absent for none. */
  readonly reasoning_tokens?: number;
}

export interface RunResult {
  readonly run_id: string;
  /** A cancelled run has its text and usage until then. */
  readonly status: "finished" | "cancelled";
  readonly text: string;
  /** The answer as JSON, where there is an output schema; it fits that. */
  readonly output?: Json;
  readonly citations: readonly Citation[];
  readonly usage: Usage;
  readonly turns: number;
  readonly finish_reason: string;
  readonly model: string;
}

export interface ModelToolCall {
  readonly id: string;
  readonly name: string;
  /** A text where the model wrote no valid JSON. */
  readonly arguments: { [key: string]: Json } | string;
}

interface EventBase<Type extends string> {
  readonly type: Type;
  readonly run_id: string;
  /** From 0, without gaps. */
  readonly seq: number;
}

export interface RunStarted extends EventBase<"run_started"> {
  readonly agent_id: string;
  readonly version: string;
  readonly model: string;
  readonly input: string;
  /** What is known of the pictures that go with the input; not their bytes. */
  readonly images?: readonly { readonly [key: string]: Json }[];
}
export interface RetrievalFinished extends EventBase<"retrieval_finished"> {
  readonly collection: string;
  readonly passages: readonly Passage[];
}
export interface ModelStarted extends EventBase<"model_started"> {
  readonly turn: number;
  readonly model: string;
}
export interface TextDelta extends EventBase<"text_delta"> {
  readonly text: string;
}
/** A piece of what the model thinks before it answers. */
export interface ReasoningDelta extends EventBase<"reasoning_delta"> {
  readonly text: string;
}
export interface ToolCallDelta extends EventBase<"tool_call_delta"> {
  readonly call_id: string;
  readonly name: string;
  /** The text added. */
  readonly arguments: string;
}
export interface ModelFinished extends EventBase<"model_finished"> {
  readonly turn: number;
  readonly text: string;
  readonly tool_calls: readonly ModelToolCall[];
  readonly usage: Usage;
  readonly finish_reason: string;
}
export interface ToolStarted extends EventBase<"tool_started"> {
  readonly call_id: string;
  readonly name: string;
  readonly arguments: { [key: string]: Json } | string;
}
/** Has either `result` or `error`. */
export interface ToolFinished extends EventBase<"tool_finished"> {
  readonly call_id: string;
  readonly name: string;
  readonly result?: Json;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly cause?: string };
}
/** Text that was given stays: what follows continues it. */
export interface Retrying extends EventBase<"retrying"> {
  readonly attempt: number;
  readonly delay_ms: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** The model that is asked next, when it is another. */
  readonly model?: string;
}
/** Four fifths of a budget are spent; once for each budget of a run. Tokens or US dollars. */
export interface BudgetWarning extends EventBase<"budget_warning"> {
  readonly budget: "tokens_per_run" | "cost_usd_per_run" | "llm_tokens_per_day" | "cost_limit_usd_per_day";
  readonly used: number;
  readonly limit: number;
}
export interface RunFinished extends EventBase<"run_finished"> {
  readonly result: RunResult;
}
export interface RunCancelled extends EventBase<"run_cancelled"> {
  readonly result: RunResult;
}
export interface RunFailed extends EventBase<"run_failed"> {
  readonly error: ErrorDocument;
}

/** What happens in a run, told apart by `type`. A run has exactly one ending event. */
export type RunEvent =
  | RunStarted
  | RetrievalFinished
  | ModelStarted
  | TextDelta
  | ReasoningDelta
  | ToolCallDelta
  | ModelFinished
  | ToolStarted
  | ToolFinished
  | Retrying
  | BudgetWarning
  | RunFinished
  | RunCancelled
  | RunFailed;

/**
 * A run under way. Reading its events or asking for its result drives it and answers its tool
 * calls; until one of the two happens it is held back.
 */
export interface Run {
  /**
   * The events, in order, for one reader. Leaving the loop before the end cancels the run. What
   * rejects `result()` is thrown here too, after the `run_failed` event of a run that failed.
   */
  [Symbol.asyncIterator](): AsyncGenerator<RunEvent, void, undefined>;
  /**
   * The result, once the run has ended; always the same promise. Rejects if the run failed; that
   * rejection counts as handled, so the events may be read before it is awaited.
   */
  result(): Promise<RunResult>;
  /** Ends the run soon, with status `cancelled`. */
  cancel(): void;
}

export interface Agent {
  readonly spec: Spec;
  /** Its name for people: the spec's, with its templates filled in. */
  readonly name: string;
  /** The model that its runs ask: the one given, else the spec's, else the kernel's. */
  readonly model: string;
  /** Runs to the end. */
  run(input: string, options?: RunOptions): Promise<RunResult>;
  /** Starts a run to be watched. */
  start(input: string, options?: RunOptions): Run;
}

export interface Collection {
  readonly name: string;
  /** Takes in a file or a folder; what has not changed is left alone. */
  ingest(path: string, options?: IngestOptions): Promise<IngestReport>;
  /** The passages that fit best, best first. */
  search(query: string, options?: SearchOptions): Promise<Passage[]>;
  documents(options?: CallOptions): Promise<DocumentEntry[]>;
}

export interface Kernel {
  readonly tenant: string;
  /** The spec repository. */
  readonly specs: Specs;
  /** Registers a function as a tool that specs can name. */
  tool<Arguments = any>(tool: Tool<Arguments>): void;
  /** Registers a function that answers in the place of a model: `host/NAME` in specs. */
  model(model: Model): void;
  /** The collection of this name; it need not exist yet. */
  collection(name: string): Collection;
  /** Everything that can be said of a spec in this kernel: tools, models, quotas, collections. */
  check(spec: Spec, options?: CallOptions): Promise<Diagnostic[]>;
  /**
   * Makes an agent of a spec, of the path to one (with a `/`, or ending in .yaml, .yml or .json), or
   * of a version in the repository: `id@version`, or `id` for the active one.
   */
  agent(reference: Spec | string, options?: AgentOptions): Promise<Agent>;
  /** Calls a tool directly, with the checks that a model's call gets. */
  callTool(name: string, args?: object, options?: CallOptions): Promise<Json>;
  /** The events that the store keeps of a run. */
  runEvents(runId: string, options?: CallOptions): Promise<RunEvent[]>;
  /** What the tenant has, and what it did on the last days on which it did something. */
  usage(options?: UsageOptions): Promise<TenantUsage>;
  /** Copies the SQLite store, with all tenants, into a new file while it is in use. */
  backup(path: string, options?: CallOptions): Promise<void>;
  /**
   * Every setting that holds here, or for the agents of a spec, where it comes from, and what it
   * overruled. Secrets are shown as where they are.
   */
  config(spec?: Spec | null): Setting[];
  /** Cancels what is under way and closes the store. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a kernel: in memory, or in the file or database `location`. */
export function open(options?: OpenOptions): Promise<Kernel>;
/** The version of the package and of its native module. */
export const version: string;
