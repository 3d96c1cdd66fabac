// Administration: tenants as objects, what they may and did, audit and upkeep, on an SQLite file.

import assert from "node:assert/strict";
import { readFile, readdir, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { AikitError, open, openAdmin, parseSpec } from "../index.mjs";
import { program, scripted, withFolder } from "./support.mjs";

const native = createRequire(import.meta.url)("../lib/native.js");
const spec = () => parseSpec(scripted([{ text: "hi" }], { identity: { agent_id: "tested", version: "1.0.0" } }));

/** An administrator of a store in a new folder, with `acme`, and `sales` below it. */
function withAdmin(use) {
  return withFolder(async (folder) => {
    const location = join(folder, "store.db");
    const admin = await openAdmin({ location, actor: "ada" });
    await admin.createTenant("acme", { kind: "org", name: "Acme" });
    await admin.createTenant("sales", { parent: "acme", kind: "team" });
    try {
      await use({ admin, location, folder });
    } finally {
      await admin.close();
    }
  });
}

async function put(kernel, folder, name = "a.md") {
  await writeFile(join(folder, name), `# ${name}\n\nApples and pears.\n`);
  return kernel.collection("c").ingest(join(folder, name));
}

/** A little of everything. */
async function fill(location, folder, tenant = "sales") {
  const kernel = await open({ location, tenant, actor: "bob" });
  await put(kernel, folder);
  await kernel.specs.save(spec());
  await (await kernel.agent(spec())).run("x");
  await kernel.close();
}

/** Changes what stands in a closed database file, to something of the same length. */
async function tamper(location, from, to) {
  const file = await readFile(location, "latin1");
  const changed = file.replaceAll(from, to);
  assert.notEqual(changed, file);
  assert.equal(changed.length, file.length);
  await writeFile(location, changed, "latin1");
}

const ids = ({ tenants }) => tenants.map(({ tenant_id }) => tenant_id);

test("every operation of the core's has a method", () =>
  withAdmin(({ admin }) => {
    const named = { usage: "tenantUsage", digest: "tenantDigest" };
    const camel = (word) => word.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    const operations = native.adminOperations();
    assert.ok(operations.length > 20);
    for (const name of operations) assert.equal(typeof admin[named[name] ?? camel(name)], "function", name);
  }));

test("tenants are objects", () =>
  withAdmin(async ({ admin }) => {
    const config = { quotas: { max_specs: 3 } };
    const tenant = await admin.createTenant("it", { parent: "acme", config });
    const { created_at, updated_at, ...rest } = tenant;
    assert.ok(Date.parse(created_at) > 0 && Date.parse(updated_at) > 0);
    assert.deepEqual(rest, { tenant_id: "it", parent: "acme", kind: null, name: null, status: "active", config });
    assert.deepEqual(await admin.tenant("it"), tenant);
    assert.equal((await admin.renameTenant("it", "Machines")).name, "Machines");
    assert.equal((await admin.renameTenant("it", null)).name, null);
    assert.deepEqual((await admin.configureTenant("it", {})).config, {});
    assert.equal((await admin.moveTenant("it", "sales")).parent, "sales");
    assert.equal((await admin.moveTenant("it", null)).parent, null);
    const page = await admin.tenants({ limit: 2 });
    assert.deepEqual(ids(page), ["acme", "it"]);
    const last = await admin.tenants({ limit: 2, after: page.next });
    assert.deepEqual([ids(last), last.next], [["sales"], null]);
    assert.deepEqual(ids(await admin.tenants({ parent: "acme" })), ["sales"]);
    assert.deepEqual(ids(await admin.tenants({ kind: "team", status: "active" })), ["sales"]);
    await assert.rejects(admin.createTenant("it"), { code: "tenant_exists" });
    await assert.rejects(admin.tenant("nobody"), { code: "tenant_not_found" });
  }));

test("a suspended tenant is shut", () =>
  withAdmin(async ({ admin, location }) => {
    const kernel = await open({ location, tenant: "sales" });
    assert.equal((await admin.suspendTenant("sales", { why: "unpaid" })).status, "suspended");
    await assert.rejects(kernel.specs.list(), { code: "tenant_suspended" });
    await assert.rejects(open({ location, tenant: "sales" }), { code: "tenant_suspended" });
    assert.equal((await admin.resumeTenant("sales")).status, "active");
    assert.deepEqual((await kernel.specs.list()).specs, []);
    await kernel.close();
  }));

test("a tenant above reads what was granted", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    const reading = { location, tenant: "sales", reader: "acme" };
    await assert.rejects(open(reading), { code: "access_denied" });
    assert.equal(await admin.grantRead("sales", "acme"), undefined);
    const [{ reader, granted_by }] = await admin.readGrants("sales");
    assert.deepEqual([reader, granted_by], ["acme", "ada"]);
    const kernel = await open(reading);
    assert.deepEqual((await kernel.collection("c").search("pears")).map(({ source }) => source), ["a.md"]);
    await assert.rejects(put(kernel, folder, "b.md"), { code: "tenant_read_only" });
    assert.equal(await admin.revokeRead("sales", "acme"), true);
    await assert.rejects(kernel.collection("c").documents(), { code: "access_denied" });
    await kernel.close();
    assert.equal(await admin.revokeRead("sales", "acme"), false);
    await assert.rejects(admin.grantRead("acme", "sales"), { code: "invalid_argument" });
  }));

test("quotas are refused, and use is counted", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await admin.configureTenant("sales", { quotas: { max_documents: 1, requests_per_minute: 1 } });
    const kernel = await open({ location, tenant: "sales" });
    await put(kernel, folder);
    await assert.rejects(put(kernel, folder, "b.md"), { code: "quota_exceeded", message: /max_documents/ });
    const agent = await kernel.agent(spec());
    await agent.run("x");
    await assert.rejects(agent.run("x"), { code: "quota_exceeded", message: /requests_per_minute/ });
    const usage = await kernel.usage();
    assert.deepEqual([usage.totals.specs, usage.totals.documents, usage.totals.vectors], [0, 1, 1]);
    assert.equal(usage.days.length, 1);
    assert.deepEqual([usage.days[0].runs, usage.days[0].input_tokens], [1, 1]);
    assert.deepEqual((await kernel.usage({ days: 0 })).days, []);
    await kernel.close();
    assert.deepEqual(await admin.tenantUsage("sales", { days: 7 }), usage);
    assert.deepEqual((await admin.tenantUsage("acme")).days, []);

    const bounds = { maxSpecs: 0, maxDocuments: 0, maxVectors: 0 };
    const bounded = await open({ location, tenant: "acme", policy: { quotas: bounds } });
    await assert.rejects(put(bounded, folder), { code: "quota_exceeded" });
    await assert.rejects(bounded.specs.save(spec()), { code: "quota_exceeded" });
    await bounded.close();
  }));

test("an archive is the tenant", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    const archive = join(folder, "sales.jsonl");
    const report = await admin.exportTenant("sales", archive);
    assert.deepEqual([report.tenant, report.bytes], ["sales", (await stat(archive)).size]);
    assert.deepEqual([report.altered, report.left_out], [[], []]);
    const digest = await admin.tenantDigest("sales");
    assert.deepEqual(report.tables, digest);
    assert.deepEqual([digest.documents.rows, digest.runs.rows], [1, 1]);
    await assert.rejects(admin.importTenant(archive), { code: "tenant_exists" });
    const again = await admin.importTenant(archive, { as: "again", parent: "acme" });
    assert.deepEqual([again.tenant, (await admin.tenant("again")).parent], ["again", "acme"]);
    assert.deepEqual(again.left_out.map(({ what }) => what), ["audit_log"]);
    for (const [table, found] of Object.entries(again.tables)) {
      if (!again.altered.includes(table)) assert.deepEqual(found, digest[table], table);
    }

    const copied = await admin.copyTenant("sales", join(folder, "other.db"), { as: "sold" });
    assert.deepEqual([copied.tenant, copied.agree], ["sold", true]);
    assert.deepEqual(copied.source.chunks, copied.target.chunks);
    assert.ok(copied.left_out.some((left) => left.what === "parent" && left.tenant_id === "acme"));
    const kernel = await open({ location: join(folder, "other.db"), tenant: "sold" });
    assert.equal((await kernel.collection("c").search("pears")).length, 1);
    await kernel.close();

    const torn = join(folder, "torn.jsonl");
    await writeFile(torn, (await readFile(archive)).subarray(0, -100));
    await assert.rejects(admin.importTenant(torn, { as: "torn" }), { code: "archive_invalid" });
    await assert.rejects(admin.tenant("torn"), { code: "tenant_not_found" });
  }));

test("what is deleted is gone", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    await assert.rejects(admin.deleteTenant("acme"), { code: "invalid_argument" });
    const deleted = await admin.deleteTenant("acme", { children: true, erase: true });
    assert.deepEqual([deleted.tenant, deleted.tenants], ["acme", ["sales", "acme"]]);
    assert.deepEqual([deleted.rows.tenants, deleted.rows.documents], [2, 1]);
    assert.ok(Array.isArray(deleted.files));
    assert.deepEqual((await admin.tenants()).tenants, []);
    await admin.close();
    for (const name of await readdir(folder)) {
      if (name.startsWith("store.db")) assert.ok(!(await readFile(join(folder, name))).includes("pears"), name);
    }
  }));

test("the audit log shows what was changed", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    await admin.suspendTenant("sales", { why: "unpaid-bills" });
    const [first, second] = await admin.auditLog();
    assert.deepEqual([first.tenant_id, first.seq, first.actor], ["@store", 1, "ada"]);
    assert.deepEqual([first.action, first.object], ["tenant.created", "acme"]);
    assert.equal(second.prev, first.hash);
    assert.deepEqual((await admin.auditLog({ after: 1, limit: 1 })).map(({ seq }) => seq), [2]);
    const log = await admin.auditLog({ tenant: "sales" });
    assert.ok(log.some(({ actor, action }) => actor === "bob" && action === "spec.saved"));
    const sound = await admin.verifyAudit();
    assert.equal(sound.broken, null);
    assert.ok(sound.chains.every((chain) => chain.sound));
    const heads = sound.chains.map(({ head }) => head);
    assert.equal((await admin.verifyAudit({ expect: heads })).broken, null);
    // A head that is not there any more: the end was cut off.
    const cut = heads.map((head) => ({ ...head, seq: head.seq + 1 }));
    assert.notEqual((await admin.verifyAudit({ tenant: "sales", expect: cut })).broken, null);
    await admin.close();

    await tamper(location, "unpaid-bills", "unpaid-balls");
    const later = await openAdmin({ location, actor: "ada" });
    const { broken } = await later.verifyAudit();
    assert.deepEqual([broken.tenant_id, broken.seq], ["@store", 3]);
    assert.equal(typeof broken.what, "string");
    await later.close();
  }));

test("old runs are pruned", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    await fill(location, folder, "acme");
    await admin.configureTenant("sales", { retention: { runs_days: 30 } });
    assert.deepEqual(await admin.prune(), {});
    await admin.close();
    await tamper(location, /20\d\d(-\d\d-\d\dT\d\d:)/g, "2020$1");
    const later = await openAdmin({ location, actor: "ada" });
    const pruned = await later.prune();
    assert.deepEqual(Object.keys(pruned), ["sales"], "who did not ask for it keeps everything");
    assert.equal(pruned.sales.runs, 1);
    assert.ok(pruned.sales.events > 0);
    await later.close();
  }));

test("a backup opens as a store", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await fill(location, folder);
    assert.equal(await admin.backup(join(folder, "one.db")), undefined);
    const kernel = await open({ location, tenant: "sales" });
    assert.equal(await kernel.backup(join(folder, "two.db")), undefined);
    await assert.rejects(kernel.backup(join(folder, "two.db")), { code: "invalid_argument" });
    await kernel.close();
    const digest = await admin.tenantDigest("sales");
    for (const name of ["one.db", "two.db"]) {
      const other = await openAdmin({ location: join(folder, name), actor: "eve" });
      assert.deepEqual(await other.tenantDigest("sales"), digest);
      assert.deepEqual(await other.check(), []);
      await other.close();
    }
  }));

test("a profile speaks, and its secrets do not", () =>
  withFolder(async (folder) => {
    process.env.AIKIT_TEST_KEY = "sk-not-to-be-seen";
    const profile = join(folder, "profile.toml");
    await writeFile(
      profile,
      [
        `store = ${JSON.stringify(join(folder, "store.db"))}`,
        'tenant = "sales"',
        'actor = "machine"',
        "[providers.openai]",
        'base_url = "http://127.0.0.1:9"',
        'api_key = { env = "AIKIT_TEST_KEY" }',
        "[policy]",
        'denied_tools = ["datetime"]',
        "[quotas]",
        "max_documents = 5",
      ].join("\n"),
    );
    const admin = await openAdmin({ profile });
    await admin.createTenant("sales", { config: { quotas: { max_documents: 2 } } });
    assert.equal((await admin.auditLog())[0].actor, "machine");
    await admin.close();
    const kernel = await open({ profile, policy: { deniedTools: ["calculator"] } });
    assert.equal(kernel.tenant, "sales");
    const settings = Object.fromEntries(kernel.config().map((setting) => [setting.key, setting]));
    assert.deepEqual(settings["quotas.max_documents"], {
      key: "quotas.max_documents",
      value: 2,
      source: "tenant sales",
      overruled: [{ value: 5, source: `profile ${profile}` }],
    });
    assert.deepEqual(settings["policy.denied_tools"].elements.map(({ source }) => source).sort(), [
      "open",
      `profile ${profile}`,
    ]);
    const { value, secret } = settings["providers.openai.api_key"];
    assert.deepEqual([value, secret], ["env:AIKIT_TEST_KEY", "set"]);
    const withSpec = kernel.config(spec());
    assert.ok(withSpec.some(({ source }) => source === "spec tested@1.0.0"));
    assert.ok(!JSON.stringify([kernel.config(), kernel.config(null), withSpec]).includes("sk-not-to-be-seen"));
    await kernel.close();
    await writeFile(profile, "stroe = 'x'\n");
    for (const call of [() => open({ profile }), () => openAdmin({ profile })]) {
      await assert.rejects(call(), { code: "config_invalid", message: /stroe/ });
    }
  }));

/** Every call of an administrator, with arguments that are right. */
const steps = (admin, folder, options = {}) => ({
  createTenant: () => admin.createTenant("new", options),
  tenant: () => admin.tenant("acme", options),
  tenants: () => admin.tenants(options),
  configureTenant: () => admin.configureTenant("acme", {}, options),
  renameTenant: () => admin.renameTenant("acme", "x", options),
  moveTenant: () => admin.moveTenant("sales", null, options),
  suspendTenant: () => admin.suspendTenant("acme", options),
  resumeTenant: () => admin.resumeTenant("acme", options),
  deleteTenant: () => admin.deleteTenant("sales", options),
  grantRead: () => admin.grantRead("sales", "acme", options),
  revokeRead: () => admin.revokeRead("sales", "acme", options),
  readGrants: () => admin.readGrants("sales", options),
  tenantUsage: () => admin.tenantUsage("acme", options),
  tenantDigest: () => admin.tenantDigest("acme", options),
  exportTenant: () => admin.exportTenant("acme", join(folder, "a.jsonl"), options),
  importTenant: () => admin.importTenant(join(folder, "a.jsonl"), options),
  copyTenant: () => admin.copyTenant("acme", join(folder, "c.db"), options),
  auditLog: () => admin.auditLog(options),
  verifyAudit: () => admin.verifyAudit(options),
  prune: () => admin.prune(options),
  backup: () => admin.backup(join(folder, "b.db"), options),
  check: () => admin.check(options),
});

test("unknown options and a signal that is aborted already change nothing", () =>
  withAdmin(async ({ admin, folder }) => {
    const before = await admin.auditLog();
    for (const [name, call] of Object.entries(steps(admin, folder, { nobody: 1 }))) {
      await assert.rejects(call(), { code: "invalid_argument", message: /unknown option "nobody"/ }, name);
    }
    for (const [name, call] of Object.entries(steps(admin, folder, { signal: AbortSignal.abort() }))) {
      await assert.rejects(call(), { name: "AbortError" }, name);
    }
    assert.deepEqual(await admin.auditLog(), before);
    assert.deepEqual(await readdir(folder).then((names) => names.filter((name) => !name.startsWith("store"))), []);
  }));

test("wrong arguments are refused with the typed error", () =>
  withAdmin(async ({ admin, location, folder }) => {
    const kernel = await open();
    const calls = [
      () => openAdmin(),
      () => openAdmin({ location }),
      () => openAdmin({ location, actor: "" }),
      () => openAdmin({ location, actor: 5 }),
      () => openAdmin({ location: 5, actor: "ada" }),
      () => openAdmin({ location, actor: "ada", tenant: "acme" }),
      () => openAdmin("store.db"),
      () => open({ location, reader: 5 }),
      () => open({ location, tenant: null }),
      () => open({ location, tenant: "sales", reader: null }),
      () => open({ location, rls: "no" }),
      () => open({ location, rls: null }),
      () => open({ location, profile: 5 }),
      () => admin.createTenant(),
      () => admin.createTenant("a", "acme"),
      () => admin.createTenant("a", { kind: "cat" }),
      () => admin.createTenant("a", { config: null }),
      () => admin.createTenant("a", { config: { x: 1n } }),
      () => admin.tenant(5),
      () => admin.tenants({ limit: 0 }),
      () => admin.tenants({ limit: Number.NaN }),
      () => admin.configureTenant("acme"),
      () => admin.configureTenant("acme", []),
      () => admin.renameTenant("acme"),
      () => admin.moveTenant("acme", undefined),
      () => admin.moveTenant("acme", "sales"),
      () => admin.deleteTenant("acme", { children: "yes" }),
      () => admin.grantRead("sales"),
      () => admin.tenantUsage("acme", { days: -1 }),
      () => admin.exportTenant("acme"),
      () => admin.importTenant(5),
      () => admin.copyTenant("acme", null),
      () => admin.auditLog({ after: -1 }),
      () => admin.verifyAudit({ expect: "x" }),
      () => admin.verifyAudit({ expect: [{ seq: 1 }] }),
      () => admin.backup(location),
      () => kernel.usage({ days: -1 }),
      () => kernel.usage({ days: 1.5 }),
      () => kernel.usage({ days: "7" }),
      () => kernel.backup(),
      async () => kernel.config("acme"),
    ];
    for (const call of calls) {
      await assert.rejects(call(), (error) => {
        assert.ok(error instanceof AikitError, `${call}: ${error}`);
        assert.equal(error.code, "invalid_argument", `${call}: ${error}`);
        return true;
      });
    }
    await assert.rejects(admin.createTenant("no slug"), { code: "tenant_invalid" });
    await assert.rejects(admin.configureTenant("acme", { quota: {} }), { code: "config_invalid" });
    await assert.rejects(open({ profile: join(folder, "none.toml") }), { code: "file_not_found" });
    for (const call of [
      () => admin.tenant("a\ud800b"),
      () => admin.renameTenant("acme", "a\ud800b"),
      () => admin.exportTenant("acme", "a\ud800b"),
      () => kernel.backup("a\ud800b"),
    ]) {
      await assert.rejects(call(), { code: "invalid_utf8" });
    }
    await kernel.close();
  }));

test("a password is never shown", async () => {
  const location = "postgres://ada:s3cret@127.0.0.1:1/db";
  for (const call of [() => open({ location }), () => openAdmin({ location, actor: "ada" })]) {
    await assert.rejects(call(), (error) => {
      assert.equal(error.code, "store_unavailable");
      assert.ok(!`${JSON.stringify(error)} ${error.stack}`.includes("s3cret"));
      return true;
    });
  }
});

test("a closed administrator says so, also after await using", () =>
  withAdmin(async ({ admin, location, folder }) => {
    await admin.close();
    await admin.close();
    for (const [name, call] of Object.entries(steps(admin, folder))) {
      await assert.rejects(call(), { code: "closed" }, name);
    }
    const other = await openAdmin({ location, actor: "ada" });
    await other[Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]();
    await assert.rejects(other.check(), { code: "closed" });
  }));

test("the stack of an error leads to the call that failed", () =>
  withAdmin(async ({ admin }) => {
    for (const call of [async () => await admin.tenant("nobody"), async () => await admin.tenants({ limit: 0 })]) {
      await assert.rejects(call(), ({ stack }) => stack.includes("admin.test.mjs"));
    }
  }));

test("an administrator that nobody holds leaves nothing open, and keeps no process alive", () =>
  withFolder(async (folder) => {
    const location = join(folder, "store.db");
    const source = `
      import { readdirSync, readlinkSync } from "node:fs";
      import { setTimeout as sleep } from "node:timers/promises";
      const held = () => readdirSync("/proc/self/fd").filter((fd) => {
        try { return readlinkSync("/proc/self/fd/" + fd).includes("store.db"); } catch { return false; }
      }).length;
      async function look() {
        const admins = await Promise.all(
          Array.from({ length: 5 }, () => core.openAdmin({ location: ${JSON.stringify(location)}, actor: "ada" })),
        );
        for (const admin of admins) await admin.check();
        console.log(held() > 0);
      }
      await look();
      for (let round = 0; round < 1000 && held() > 0; round += 1) { gc(); await sleep(10); }
      console.log(held());
      await core.openAdmin({ location: ${JSON.stringify(location)}, actor: "ada" });
    `;
    const { stdout, stderr, code } = await program(source, { args: ["--expose-gc"] });
    assert.deepEqual([stdout.split("\n").slice(0, 2), code], [["true", "0"], 0], stderr);
  }));
