// Compiled, never run: every name, and the types that a user meets. A line below
// `@ts-expect-error` must be wrong, or compiling fails.
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
  version,
  type Admin,
  type Agent,
  type AuditReport,
  type BundleReport,
  type Change,
  type ChatAnswer,
  type ChatRequest,
  type CopyReport,
  type Collection,
  type Diagnostic,
  type ErrorCode,
  type HistoryEntry,
  type ImportedSpecs,
  type ImportEntry,
  type IngestReport,
  type Json,
  type Kernel,
  type LeftOut,
  type LspDiagnostic,
  type Passage,
  type Run,
  type RunEvent,
  type RunResult,
  type Setting,
  type Spec,
  type SpecBundle,
  type SpecPage,
  type SpecRecord,
  type Specs,
  type SpecStatus,
  type TableDigests,
  type Tenant,
  type TenantPage,
  type TenantUsage,
} from "@aikit/core";

const text: string = version;
const controller = new AbortController();
const { signal } = controller;

const kernel: Kernel = await open({
  location: null,
  tenant: "acme",
  providers: { openai: { baseUrl: "http://127.0.0.1:1/v1", apiKey: "key" } },
  actor: "ada",
  defaultModel: "openai/gpt-4o-mini",
  policy: { allowedTools: ["calculator"], deniedTools: [], quotas: { requestsPerMinute: 10 } },
  signal,
});
await open();
await open({ location: "postgres://db.example/x", profile: "p.toml", reader: "top", rls: false });
// @ts-expect-error options are camelCase, unknown keys are refused
await open({ base_url: "x" });
// @ts-expect-error not the core's spelling
await open({ policy: { denied_tools: [] } });
// @ts-expect-error no such quota
await open({ policy: { quotas: { requests: 10 } } });
// @ts-expect-error a location is a path
await open({ location: 5 });

const spec: Spec = parseSpec(text);
const diagnostics: Diagnostic[] = loadSpec("agent.yaml").check();
const document: { [key: string]: Json } = spec.toJSON();
// @ts-expect-error a spec is immutable
spec.model = "other/model";
// @ts-expect-error a spec is immutable
spec.hash = "";
const rendered: string = parseSpec(text, { base: "specs" }).render("yaml") + spec.hash + spec.text;
// @ts-expect-error no such format
spec.render("toml");
// @ts-expect-error no such option
parseSpec(text, { folder: "specs" });

const findings: Diagnostic[] = diagnose(text, { base: "specs" });
const again: Diagnostic[] = diagnose(text, { format: "json" });
const shown: string = diagnose(text, { format: "text", file: "agent.yaml" });
const ranges: LspDiagnostic[] = diagnose(text, { format: "lsp" });
// @ts-expect-error the text of a terminal is no list
const mistaken: Diagnostic[] = diagnose(text, { format: "text" });
declare const format: "json" | "lsp" | "text";
const any: Diagnostic[] | LspDiagnostic[] | string = diagnose(text, { format });
const edited: string = editSpec(text, "/model", "openai/gpt-4o");
// @ts-expect-error a value is JSON
editSpec(text, "/model", undefined);
const neighbour: ImportedSpecs = importSpec(text, { from: "crewai", file: "crew.yaml" });
// @ts-expect-error no such format
importSpec(text, { from: "other" });
const schema: { [key: string]: Json } = specSchema();

function severity({ severity }: Diagnostic): number {
  switch (severity) {
    case "error":
      return 1;
    case "warning":
      return 2;
    case "info":
      return 3;
    default: {
      const never: never = severity;
      return never;
    }
  }
}

function change(change: Change): Json {
  switch (change.kind) {
    case "added":
      return change.after;
    case "removed":
      // @ts-expect-error there is nothing after it
      change.after.length;
      return change.before;
    case "changed":
      return [change.before, change.after];
    default: {
      const never: never = change;
      return never;
    }
  }
}

function entry(entry: ImportEntry): string {
  switch (entry.kind) {
    case "kept":
    case "changed":
      return entry.to ?? entry.path;
    case "lost":
      // @ts-expect-error it stands nowhere
      entry.to.length;
      return entry.note ?? entry.path;
    default: {
      const never: never = entry;
      return never;
    }
  }
}

function state(status: SpecStatus): string {
  switch (status) {
    case "draft":
    case "active":
    case "deprecated":
    case "retired":
      return status;
    default: {
      const never: never = status;
      return never;
    }
  }
}

const specs: Specs = kernel.specs;
const record: SpecRecord = await specs.save(spec, { by: "ada", why: "new", replaces: spec.hash, signal });
// @ts-expect-error a spec, not its text
await specs.save(text);
const got: string = (await specs.get("a@1.0.0", { signal })).text;
const loaded: Spec = await specs.load("a");
const page: SpecPage = await specs.list({ status: "active", tag: "hr", text: "x", agentId: "a", limit: 10 });
await specs.list({ after: page.next });
// @ts-expect-error lists have no texts
page.specs[0]?.text;
// @ts-expect-error no such status
await specs.list({ status: "live" });
// @ts-expect-error not the core's spelling
await specs.list({ agent_id: "a" });
const history: HistoryEntry[] = await specs.history("a");
const changes: Json[] = (await specs.diff("a@1.0.0", "a@1.1.0")).map(change);
const status_: SpecStatus = (await specs.promote("a@1.0.0", { by: "ada" })).status;
await specs.deprecate("a@1.0.0", { sunset: new Date(), successor: "1.1.0" });
await specs.deprecate("a@1.0.0", { sunset: "2027-01-31", why: "old" });
// @ts-expect-error a promoted version has no sunset
await specs.promote("a@1.0.0", { sunset: "2027-01-31" });
await specs.retire("a@1.0.0");
const nothing: void = await specs.delete("a@1.0.0");
const bundle: SpecBundle = await specs.export({ agentId: "a" });
const taken: BundleReport = await specs.import(bundle, { onConflict: "skip", why: "moved" });
// @ts-expect-error nothing is overwritten
await specs.import(bundle, { onConflict: "replace" });
const inKernel: number[] = (await kernel.check(spec, { signal })).map(severity);
void [rendered, findings, again, shown, ranges, mistaken, any, edited, neighbour.report.map(entry), schema];
void [record, got, loaded, history, changes, state(status_), nothing, taken, inKernel, spec.diff(loaded)];

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

kernel.model({ name: "mine", timeoutMs: 1000, chat: ({ messages }) => messages[0]?.content ?? "" });
kernel.model({
  name: "async",
  chat: async (request: ChatRequest): Promise<ChatAnswer> => ({
    text: request.messages.at(-1)?.content,
    tool_calls: [{ name: "a", arguments: { x: 1 } }],
    usage: { input_tokens: 1 },
  }),
});
// @ts-expect-error an answer has no such field
kernel.model({ name: "wrong", chat: () => ({ txt: "x" }) });

const collection: Collection = kernel.collection("handbook");
const report: IngestReport = await collection.ingest("docs", { embeddingModel: "openai/e", signal });
const passages: Passage[] = await collection.search("leave", { topK: 3 });
const bytes: number | undefined = (await collection.documents())[0]?.bytes;
// @ts-expect-error not the core's spelling
await collection.search("leave", { top_k: 3 });

const agent: Agent = await kernel.agent(spec, { model: "scripted/a" });
const named: string = (await kernel.agent("agent.yaml")).name;
await kernel.agent("handbook@1.0.0");
await agent.run("go", { inputs: { guest: "Ada", vip: true } });
// @ts-expect-error inputs have names
await agent.run("go", { inputs: ["Ada"] });
// @ts-expect-error inputs are JSON
await agent.run("go", { inputs: { guest: () => "Ada" } });
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

const admin: Admin = await openAdmin({ location: "store.db", actor: "ada", profile: null, signal });
// @ts-expect-error an administrator is of no tenant
await openAdmin({ location: "store.db", actor: "ada", tenant: "acme" });
const config = { quotas: { max_documents: 5 }, providers: { openai: { api_key: { env: "KEY" } } } };
const tenant: Tenant = await admin.createTenant("acme", { kind: "org", name: "Acme", config, signal });
// @ts-expect-error no such kind
await admin.createTenant("acme", { kind: "cat" });
// @ts-expect-error no such setting
await admin.configureTenant("acme", { quota: {} });
// @ts-expect-error no such quota
await admin.configureTenant("acme", { quotas: { maxDocuments: 5 } });
// @ts-expect-error a secret is a reference
await admin.configureTenant("acme", { providers: { openai: { api_key: "sk-1" } } });
await admin.configureTenant("acme", tenant.config);
await admin.renameTenant("acme", null);
// @ts-expect-error a name, or none
await admin.renameTenant("acme");
await admin.moveTenant("acme", "top", { signal });
await admin.suspendTenant("acme", { why: "unpaid" });
const active: "active" | "suspended" = (await admin.resumeTenant("acme")).status;
const tenants: TenantPage = await admin.tenants({ parent: "top", status: "active", kind: "org", limit: 5 });
await admin.tenants({ after: tenants.next });
const removed: number | undefined = (await admin.deleteTenant("acme", { children: true, erase: true })).rows.runs;
const granted: void = await admin.grantRead("sales", "acme");
const revoked: boolean = await admin.revokeRead("sales", "acme");
const readers: string[] = (await admin.readGrants("sales")).map(({ reader }) => reader);
const used: TenantUsage = await admin.tenantUsage("acme", { days: 7 });
const here: TenantUsage = await kernel.usage({ days: 7, signal });
const digests: TableDigests = await admin.tenantDigest("acme");
const exported: readonly string[] = (await admin.exportTenant("acme", "acme.jsonl")).altered;
await admin.importTenant("acme.jsonl", { as: "other", parent: null });
const copied: CopyReport = await admin.copyTenant("acme", "other.db", { as: "other" });
const entries: Json[] = (await admin.auditLog({ tenant: "acme", after: 1, limit: 10 })).map(({ detail }) => detail);
const audit: AuditReport = await admin.verifyAudit({ tenant: "acme" });
const heads = audit.chains.flatMap(({ head }) => (head === null ? [] : [head]));
await admin.verifyAudit({ expect: heads });
// @ts-expect-error there may be no head
await admin.verifyAudit({ expect: audit.chains.map(({ head }) => head) });
const pruned: number | undefined = (await admin.prune()).acme?.runs;
await admin.backup("copy.db");
await kernel.backup("copy.db", { signal });
const faults: string[] = await admin.check();
const settings: Setting[] = kernel.config(spec);
const secret: "set" | "missing" | undefined = kernel.config()[0]?.secret;
void [active, removed, granted, revoked, readers, used, here, digests, exported, entries, pruned, faults];
void [settings, secret, copied.left_out.map(left)];

function left(left: LeftOut): string {
  switch (left.what) {
    case "parent":
      return left.tenant_id;
    case "providers":
      return left.names.join();
    case "grant":
      return left.reader_id;
    case "audit_log":
      // @ts-expect-error it is of nobody
      left.tenant_id.length;
      return left.hash;
    default: {
      const never: never = left;
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

const disposable: AsyncDisposable[] = [kernel, admin];
await kernel.close();
void [named, diagnostics, document, report, passages, bytes, status, answer, past, disposable];
