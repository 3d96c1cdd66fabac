// Compiled, never run: every name, and the types that a user meets. A line below
// `@ts-expect-error` must be wrong, or compiling fails.
import {
  AikitError,
  loadSpec,
  open,
  parseSpec,
  version,
  type Agent,
  type Collection,
  type Diagnostic,
  type ErrorCode,
  type IngestReport,
  type Json,
  type Kernel,
  type Passage,
  type Run,
  type RunEvent,
  type RunResult,
  type Spec,
} from "@aikit/core";

const text: string = version;
const controller = new AbortController();
const { signal } = controller;

const kernel: Kernel = await open({
  location: null,
  tenant: "acme",
  providers: { openai: { baseUrl: "http://127.0.0.1:1/v1", apiKey: "key" } },
  signal,
});
await open();
// @ts-expect-error options are camelCase, unknown keys are refused
await open({ base_url: "x" });
// @ts-expect-error a location is a path
await open({ location: 5 });

const spec: Spec = parseSpec(text);
const diagnostics: Diagnostic[] = loadSpec("agent.yaml").check();
const document: { [key: string]: Json } = spec.toJSON();
// @ts-expect-error a spec is immutable
spec.model = "other/model";

kernel.tool({
  name: "leave_balance",
  description: "Days of leave left",
  parameters: { type: "object", properties: { employee: { type: "string" } } },
  timeoutMs: 1000,
  run: async ({ employee }: { employee: string }) => ({ employee, days: 12 }),
});
kernel.tool<{ a: number }>({ name: "plain", run: ({ a }) => a + 1 });
// @ts-expect-error a tool has a function
kernel.tool({ name: "empty" });

const collection: Collection = kernel.collection("handbook");
const report: IngestReport = await collection.ingest("docs", { embeddingModel: "openai/e", signal });
const passages: Passage[] = await collection.search("leave", { topK: 3 });
const bytes: number | undefined = (await collection.documents())[0]?.bytes;
// @ts-expect-error not the core's spelling
await collection.search("leave", { top_k: 3 });

const agent: Agent = await kernel.agent(spec, { model: "scripted/a" });
await kernel.agent("agent.yaml");
const result: RunResult = await agent.run("go", { runId: "r", maxTurns: 3, timeoutMs: 5, signal });
const run: Run = agent.start("go");
for await (const event of run) show(event);
const { status }: { status: "finished" | "cancelled" } = await run.result();
run.cancel();
const answer: Json = await kernel.callTool("plain", { a: 1 });
const past: RunEvent[] = await kernel.runEvents(result.run_id);

function show(event: RunEvent): string | number {
  switch (event.type) {
    case "run_started":
      return event.input;
    case "retrieval_finished":
      return event.passages.length;
    case "model_started":
      return event.turn;
    case "text_delta":
      // @ts-expect-error a text has no tool
      event.call_id;
      return event.text;
    case "tool_call_delta":
      return event.arguments;
    case "model_finished":
      return event.usage.total_tokens;
    case "tool_started":
      return event.name;
    case "tool_finished":
      return event.error?.message ?? String(event.result);
    case "retrying":
      return event.delay_ms;
    case "run_finished":
    case "run_cancelled":
      return event.result.text;
    case "run_failed":
      return event.error.code;
    default: {
      const never: never = event;
      return never;
    }
  }
}

try {
  parseSpec("");
} catch (error) {
  if (error instanceof AikitError) {
    const code: ErrorCode = error.code;
    const place: [string?, number?, number?] = [error.path, error.line, error.column].filter(
      (part) => part !== undefined,
    ) as [];
    // @ts-expect-error no such code
    if (error.code === "spec_wrong") place.pop();
    void [code, place, error.hint, error.retryable, error.cause, error.diagnostics, error.toJSON()];
  }
}
// @ts-expect-error errors are made by aikit alone
new AikitError({ code: "closed", message: "", retryable: false });

const disposable: AsyncDisposable = kernel;
await kernel.close();
void [diagnostics, document, report, passages, bytes, status, answer, past, disposable];
