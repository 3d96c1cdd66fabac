// The spec repository, and agents that are made from it.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AikitError, open, parseSpec } from "../index.mjs";
import { scripted, withFolder } from "./support.mjs";

let kernel;
before(async () => {
  kernel = await open({ actor: "ada" });
});
after(() => kernel.close());

/** A spec of this agent and version whose model says `said`. */
const version = (agent_id, number, said = number, more = {}) =>
  parseSpec(scripted([{ text: said }], { ...more, identity: { agent_id, version: number, ...more.identity } }));

async function saved(agent_id, ...numbers) {
  for (const number of numbers) await kernel.specs.save(version(agent_id, number));
}

test("a version goes from draft to retired, and every change is in the history", async () => {
  const { specs } = kernel;
  assert.equal(specs, kernel.specs);
  const one = version("life", "1.0.0", "one", { identity: { description: "Lives", tags: ["a", "b"] } });
  const draft = await specs.save(one, { by: "bob", why: "the first" });
  assert.deepEqual(
    [draft.agent_id, draft.version, draft.status, draft.hash, draft.created_by, draft.text],
    ["life", "1.0.0", "draft", one.hash, "bob", one.text],
  );
  assert.deepEqual([draft.description, draft.tags, draft.sunset, draft.successor], ["Lives", ["a", "b"], null, null]);
  assert.deepEqual(draft.document, one.toJSON());
  assert.deepEqual(await specs.get("life@1.0.0"), draft);
  await assert.rejects(specs.get("life"), { code: "spec_not_found" });

  assert.equal((await specs.promote("life@1.0.0", { why: "it works" })).status, "active");
  assert.equal((await specs.get("life")).version, "1.0.0");
  await specs.save(version("life", "1.1.0", "two"));
  await specs.promote("life@1.1.0");
  assert.deepEqual(
    [(await specs.get("life@1.0.0")).status, (await specs.get("life@1.0.0")).successor],
    ["deprecated", "life@1.1.0"],
  );
  const sunset = new Date("2027-01-31T12:00:00Z");
  const deprecated = await specs.deprecate("life@1.1.0", { sunset, successor: "1.0.0" });
  assert.deepEqual(
    [deprecated.status, deprecated.sunset, deprecated.successor],
    ["deprecated", "2027-01-31T12:00:00Z", "life@1.0.0"],
  );
  assert.equal((await specs.retire("life@1.1.0")).status, "retired");
  await specs.save(version("life", "2.0.0"));
  assert.equal(await specs.delete("life@2.0.0"), undefined);

  const history = await specs.history("life");
  assert.deepEqual(
    history.map(({ version: number, change, from, to }) => [number, change, from, to]),
    [
      ["1.0.0", "saved", null, "draft"],
      ["1.0.0", "promoted", "draft", "active"],
      ["1.1.0", "saved", null, "draft"],
      ["1.0.0", "deprecated", "active", "deprecated"],
      ["1.1.0", "promoted", "draft", "active"],
      ["1.1.0", "deprecated", "active", "deprecated"],
      ["1.1.0", "retired", "deprecated", "retired"],
      ["2.0.0", "saved", null, "draft"],
      ["2.0.0", "deleted", "draft", null],
    ],
  );
  assert.deepEqual([history[0].by, history[0].why, history[1].by, history[1].why], ["bob", "the first", "ada", "it works"]);
});

test("a version is loaded as a spec, and a retired one is not", async () => {
  await saved("loaded", "1.0.0");
  const spec = await kernel.specs.load("loaded@1.0.0");
  assert.equal(spec.hash, version("loaded", "1.0.0").hash);
  assert.ok(Object.isFrozen(spec));
  assert.deepEqual(spec.diff(version("loaded", "1.0.0")), []);
  await kernel.specs.promote("loaded@1.0.0");
  assert.equal((await kernel.specs.load("loaded")).version, "1.0.0");
  await kernel.specs.deprecate("loaded@1.0.0");
  await kernel.specs.retire("loaded@1.0.0");
  await assert.rejects(kernel.specs.load("loaded@1.0.0"), { code: "spec_retired" });
  await assert.rejects(kernel.agent("loaded@1.0.0"), { code: "spec_retired" });
});

test("who saves too late is told, and a promoted version never changes", async () => {
  const { specs } = kernel;
  const race = await Promise.allSettled(
    Array.from({ length: 8 }, (_, n) => specs.save(version("race", "1.0.0", `saver ${n}`))),
  );
  assert.equal(race.filter(({ status }) => status === "fulfilled").length, 1);
  const lost = race.filter(({ status }) => status === "rejected").map(({ reason }) => reason.code);
  assert.deepEqual(lost, Array(7).fill("spec_conflict"));

  const { hash } = await specs.get("race@1.0.0");
  const replaced = await specs.save(version("race", "1.0.0", "better"), { replaces: hash });
  assert.notEqual(replaced.hash, hash);
  await assert.rejects(specs.save(version("race", "1.0.0", "worse"), { replaces: hash }), { code: "spec_conflict" });
  await specs.promote("race@1.0.0");
  await assert.rejects(specs.save(version("race", "1.0.0", "late"), { replaces: replaced.hash }), (error) => {
    assert.equal(error.code, "spec_immutable");
    assert.match(error.hint, /1\.0\.1/);
    return true;
  });
  await assert.rejects(specs.delete("race@1.0.0"), { code: "spec_immutable" });
  await assert.rejects(specs.promote("race@1.0.0"), { code: "spec_state" });
  await assert.rejects(specs.retire("race@1.0.0"), { code: "spec_state" });
});

test("lists come in pages, and by status, tag, text and agent", async () => {
  const { specs } = await open();
  const tagged = { identity: { tags: ["hr"], description: "Answers about holidays" } };
  for (const number of ["1.0.0", "1.1.0", "1.10.0", "1.9.0"]) await specs.save(version("paged", number));
  await specs.save(version("other", "1.0.0", "x", tagged));
  await specs.promote("paged@1.9.0");

  const seen = [];
  let after = null;
  do {
    const page = await specs.list({ limit: 2, after });
    assert.ok(page.specs.length <= 2);
    seen.push(...page.specs);
    after = page.next;
  } while (after !== null);
  const names = (records) => records.map((record) => `${record.agent_id}@${record.version}`);
  assert.deepEqual(names(seen), ["other@1.0.0", "paged@1.0.0", "paged@1.1.0", "paged@1.9.0", "paged@1.10.0"]);
  assert.ok(seen.every((record) => !("document" in record) && !("text" in record)));

  const listed = async (options) => names((await specs.list(options)).specs);
  assert.deepEqual(await listed({ status: "active" }), ["paged@1.9.0"]);
  assert.deepEqual(await listed({ tag: "hr" }), ["other@1.0.0"]);
  assert.deepEqual(await listed({ text: "holidays" }), ["other@1.0.0"]);
  assert.deepEqual(await listed({ agentId: "paged", status: "draft", limit: 1 }), ["paged@1.0.0"]);
  assert.deepEqual(await listed({ agentId: "nobody" }), []);
});

test("two versions are compared", async () => {
  await saved("compared", "1.0.0");
  await kernel.specs.save(version("compared", "1.1.0", "1.0.0"));
  assert.deepEqual(await kernel.specs.diff("compared@1.0.0", "compared@1.1.0"), [
    { path: "/identity/version", kind: "changed", before: "1.0.0", after: "1.1.0" },
  ]);
  await assert.rejects(kernel.specs.diff("compared@1.0.0", "compared@9.0.0"), { code: "spec_not_found" });
});

test("a bundle goes from one store to another, all or nothing", async () => {
  const { specs } = kernel;
  await saved("moved", "1.0.0", "1.1.0");
  await specs.promote("moved@1.1.0");
  const bundle = await specs.export({ agentId: "moved" });
  assert.equal(bundle.format, "aikit-specs/1");
  assert.deepEqual(bundle.specs.map(({ status }) => status), ["draft", "active"]);
  assert.equal(bundle.history.length, 3);
  assert.ok((await specs.export()).specs.length > 2);

  const there = await open();
  const carried = JSON.parse(JSON.stringify(bundle));
  const imported = ["moved@1.0.0", "moved@1.1.0"];
  assert.deepEqual(await there.specs.import(carried, { by: "bob" }), { imported, skipped: [] });
  assert.deepEqual(await there.specs.get("moved"), await specs.get("moved"));
  assert.equal((await there.specs.history("moved")).at(-1).change, "imported");
  await assert.rejects(there.specs.import(bundle), { code: "spec_conflict" });
  assert.deepEqual(await there.specs.import(bundle, { onConflict: "skip" }), { imported: [], skipped: imported });

  carried.specs[1].hash = carried.specs[0].hash;
  const third = await open();
  await assert.rejects(third.specs.import(carried), { code: "invalid_argument" });
  assert.deepEqual((await third.specs.list()).specs, []);
  await Promise.all([there.close(), third.close()]);
});

test("an agent is made by id, and keeps its version when another is promoted", async () => {
  await saved("by-id", "1.0.0", "1.1.0");
  await kernel.specs.promote("by-id@1.0.0");
  const first = await kernel.agent("by-id");
  await kernel.specs.promote("by-id@1.1.0");
  const second = await kernel.agent("by-id");
  const pinned = await kernel.agent("by-id@1.0.0");
  const said = await Promise.all([first, second, pinned].map(async (agent) => (await agent.run("?")).text));
  assert.deepEqual(said, ["1.0.0", "1.1.0", "1.0.0"]);
  assert.equal(second.spec.version, "1.1.0");
  assert.equal((await kernel.agent("by-id", { model: "scripted/other" })).model, "scripted/other");
  await assert.rejects(kernel.agent("nobody"), (error) => {
    assert.equal(error.code, "spec_not_found");
    assert.match(error.hint, /\.\/nobody/);
    return true;
  });
});

test("a file keeps the specs, and tenants have their own", async () => {
  await withFolder(async (folder) => {
    const location = join(folder, "store.db");
    const first = await open({ location, tenant: "acme" });
    await first.specs.save(version("kept", "1.0.0"));
    await first.close();
    const again = await open({ location, tenant: "acme" });
    assert.equal((await again.specs.get("kept@1.0.0")).created_by, null);
    const other = await open({ location, tenant: "other" });
    await assert.rejects(other.specs.get("kept@1.0.0"), { code: "spec_not_found" });
    const foreign = version("kept", "2.0.0", "x", { identity: { tenant_id: "acme" } });
    await assert.rejects(other.specs.save(foreign), { code: "tenant_mismatch" });
    await Promise.all([again.close(), other.close()]);
  });
});

test("a spec is checked in the kernel", async () => {
  const wants = scripted([{ text: "hi" }], { tools: ["nobody"], context_policy: { knowledge: ["empty"] } });
  const found = await kernel.check(parseSpec(wants));
  assert.deepEqual(found.map(({ code, severity }) => [code, severity]).sort(), [
    ["AK3002", "error"],
    ["AK3006", "warning"],
  ]);
  assert.ok(found.every(({ line, column }) => line >= 1 && column >= 1));
  await assert.rejects(kernel.agent(parseSpec(wants)), (error) => {
    assert.deepEqual([error.code, error.diagnostics[0].code], ["tool_unknown", "AK3002"]);
    return true;
  });
  assert.deepEqual(await kernel.check(parseSpec(scripted([{ text: "hi" }]))), []);
});

test("the kernel's policy, default model and actor hold", async () => {
  const policy = { allowedTools: ["datetime"], deniedTools: ["calculator"], quotas: { requestsPerMinute: 10 } };
  const bounded = await open({ defaultModel: "scripted/default", policy });
  await assert.rejects(bounded.callTool("calculator", { expression: "1" }), { code: "tool_denied" });
  const greedy = parseSpec(
    scripted([{ text: "hi" }], { tools: ["calculator"], governance: { rate_limits: { requests_per_minute: 100 } } }),
  );
  const errors = (await bounded.check(greedy)).filter(({ severity }) => severity === "error");
  assert.deepEqual(errors.map(({ code }) => code).sort(), ["AK3003", "AK3004"]);
  await assert.rejects(bounded.agent(greedy), { code: "tool_denied" });

  const modest = parseSpec("agent: modest\ntools: [datetime]\nscript: [{text: hi}]\n");
  const agent = await bounded.agent(modest);
  assert.equal(agent.model, "scripted/default");
  assert.equal((await agent.run("?")).text, "hi");
  await assert.rejects(kernel.agent(modest), (error) => {
    assert.equal(error.code, "spec_invalid");
    assert.match(error.hint, /default_model|defaultModel/);
    return true;
  });
  await bounded.close();
});

test("inputs fill the templates in, and are checked", async () => {
  const interface_ = {
    input_schema: { type: "object", properties: { guest: { type: "string" } }, required: ["guest"] },
  };
  const spec = parseSpec(
    JSON.stringify({
      identity: { agent_id: "host", name: "Host of {{ tenant_id }}" },
      interface: interface_,
      intelligence: {
        model: "scripted/host",
        system_prompt: "You talk to {{ inputs.guest }}.",
        script: [{ text: "Welcome." }],
      },
    }),
  );
  const agent = await kernel.agent(spec);
  assert.equal(agent.name, "Host of default");
  assert.equal(agent.spec.name, "Host of {{ tenant_id }}");
  assert.equal((await agent.run("Hello", { inputs: { guest: "Ada" } })).text, "Welcome.");
  assert.equal((await agent.start("Hello", { inputs: { guest: "Ada" } }).result()).text, "Welcome.");
  for (const inputs of [undefined, {}, { guest: 7 }, [], "Ada", { guest: Number.NaN }, { guest: 1n }]) {
    await assert.rejects(agent.run("Hello", { inputs }), { code: "invalid_argument" }, String(inputs));
  }
  const plain = await kernel.agent(parseSpec(scripted([{ text: "hi" }])));
  await assert.rejects(plain.run("Hello", { inputs: { guest: "Ada" } }), { code: "invalid_argument" });
});

test("wrong arguments are refused by every call, and a closed kernel by all", async () => {
  const spec = version("wrong", "1.0.0");
  const { specs } = kernel;
  const calls = {
    saveText: () => specs.save(spec.text),
    saveNothing: () => specs.save(),
    saveDocument: () => specs.save(spec.toJSON()),
    saveBy: () => specs.save(spec, { by: 5 }),
    saveWhy: () => specs.save(spec, { why: "x".repeat(2001) }),
    saveUnknown: () => specs.save(spec, { force: true }),
    get: () => specs.get(5),
    getOptions: () => specs.get("a", { by: "x" }),
    load: () => specs.load(spec),
    listStatus: () => specs.list({ status: "live" }),
    listLimit: () => specs.list({ limit: 0 }),
    listLimitHuge: () => specs.list({ limit: 501 }),
    listLimitNaN: () => specs.list({ limit: Number.NaN }),
    listAfter: () => specs.list({ after: "somewhere" }),
    listUnknown: () => specs.list({ agent_id: "a" }),
    history: () => specs.history(),
    diff: () => specs.diff("a"),
    diffOptions: () => specs.diff("a", "b", "c"),
    promote: () => specs.promote(),
    promoteWithoutVersion: () => specs.promote("wrong"),
    promoteUnknown: () => specs.promote("wrong@1.0.0", { sunset: "2027-01-01" }),
    deprecateSunset: () => specs.deprecate("wrong@1.0.0", { sunset: "someday" }),
    deprecateDate: () => specs.deprecate("wrong@1.0.0", { sunset: new Date(Number.NaN) }),
    deprecateSuccessor: () => specs.deprecate("wrong@1.0.0", { successor: "a@b" }),
    retire: () => specs.retire(["wrong@1.0.0"]),
    delete: () => specs.delete({}),
    export: () => specs.export({ agent_id: "a" }),
    exportId: () => specs.export({ agentId: 5 }),
    importNothing: () => specs.import(),
    importNull: () => specs.import(null),
    importText: () => specs.import("{}"),
    importFormat: () => specs.import({ format: "aikit-specs/2", specs: [], history: [] }),
    importShape: () => specs.import({ format: "aikit-specs/1" }),
    importConflict: () =>
      specs.import({ format: "aikit-specs/1", specs: [], history: [] }, { onConflict: "overwrite" }),
    check: () => kernel.check(spec.text),
    checkOptions: () => kernel.check(spec, { strict: true }),
    openActor: () => open({ actor: "x".repeat(201) }),
    openModel: () => open({ defaultModel: "gpt" }),
    openPolicy: () => open({ policy: [] }),
    openPolicyNull: () => open({ policy: null }),
    openPolicyUnknown: () => open({ policy: { denied_tools: [] } }),
    openTools: () => open({ policy: { deniedTools: "calculator" } }),
    openQuotas: () => open({ policy: { quotas: [] } }),
    openQuotasUnknown: () => open({ policy: { quotas: { requests: 1 } } }),
    openQuota: () => open({ policy: { quotas: { maxMemoryMb: -1 } } }),
    openQuotaNaN: () => open({ policy: { quotas: { costLimitUsdPerDay: Number.NaN } } }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(call(), (error) => {
      assert.ok(error instanceof AikitError, `${name}: ${error}`);
      assert.equal(error.code, "invalid_argument", `${name}: ${error.message}`);
      assert.match(error.stack, /repository\.test\.mjs/, name);
      return true;
    });
  }
  const half = "a\ud800b";
  for (const name of ["get", "load", "history", "promote", "deprecate", "retire", "delete"]) {
    await assert.rejects(specs[name](half), { code: "invalid_utf8" }, name);
  }
  await assert.rejects(specs.diff("a", half), { code: "invalid_utf8" });

  const closed = await open();
  const kept = closed.specs;
  await closed.close();
  for (const [name, call] of Object.entries(steps(kept, closed, spec))) {
    await assert.rejects(call(), { code: "closed" }, name);
  }
});

/** Every call of the repository, with arguments that are right. */
const steps = (specs, of, spec, options = {}) => ({
  save: () => specs.save(spec, options),
  get: () => specs.get("wrong@1.0.0", options),
  load: () => specs.load("wrong@1.0.0", options),
  list: () => specs.list(options),
  history: () => specs.history("wrong", options),
  diff: () => specs.diff("wrong@1.0.0", "wrong@1.0.0", options),
  promote: () => specs.promote("wrong@1.0.0", options),
  deprecate: () => specs.deprecate("wrong@1.0.0", options),
  retire: () => specs.retire("wrong@1.0.0", options),
  delete: () => specs.delete("wrong@1.0.0", options),
  export: () => specs.export(options),
  import: () => specs.import({ format: "aikit-specs/1", specs: [], history: [] }, options),
  check: () => of.check(spec, options),
  agent: () => of.agent("wrong", options),
});

test("a signal that is aborted already changes nothing", async () => {
  const fresh = await open();
  const options = { signal: AbortSignal.abort() };
  for (const [name, call] of Object.entries(steps(fresh.specs, fresh, version("wrong", "1.0.0"), options))) {
    await assert.rejects(call(), { name: "AbortError" }, name);
  }
  assert.deepEqual((await fresh.specs.list()).specs, []);
  await fresh.close();
});

test("aborting while a call is under way rejects at once with the reason", async () => {
  const spec = version("wrong", "1.0.0");
  const fresh = await open();
  const reason = new Error("the user left");
  for (const [name, step] of Object.entries(steps(fresh.specs, fresh, spec))) {
    const controller = new AbortController();
    const call = steps(fresh.specs, fresh, spec, { signal: controller.signal })[name]();
    controller.abort(reason);
    await assert.rejects(call, (error) => error === reason, name);
    await step().catch((error) => assert.ok(error instanceof AikitError, `${name}: ${error}`));
  }
  await fresh.close();
});

test("a path is told from an id", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "filed.json");
    await writeFile(path, version("filed", "1.0.0", "from the file").text);
    assert.equal((await (await kernel.agent(path)).run("?")).text, "from the file");
    await assert.rejects(kernel.agent("filed.json"), { code: "file_not_found" });
    await assert.rejects(kernel.agent("filed"), { code: "spec_not_found" });
  });
});
