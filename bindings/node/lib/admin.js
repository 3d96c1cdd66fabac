"use strict";

// Awaited before it is returned, everywhere below: only so do the stacks of errors lead to callers.
const { invalid } = require("./errors.js");
const addon = require("./native.js");
const { perform } = require("./operation.js");
const { isObject, json, kind, take, unicode } = require("./options.js");

const CREATE = { parent: "parent", kind: "kind", name: "name", config: "config" };
const LIST = { parent: "parent", status: "status", kind: "kind", limit: "limit", after: "after" };
const WHY = { why: "why" };
const DELETE = { children: "children", erase: "erase" };
const IMPORT = { as: "as", parent: "parent", providers: "providers" };
const COPY = { as: "as", parent: "parent" };
const LOG = { tenant: "tenant", after: "after", limit: "limit" };
const VERIFY = { tenant: "tenant", expect: "expect" };

/** A text, or null for none. What was forgotten is neither. */
function textOrNull(what, value) {
  return value === null ? null : unicode(what, value);
}

/** A configuration. That it is null by accident must not mean that nothing is configured. */
function configOf(call, config) {
  if (!isObject(config)) throw invalid(`${call}: the configuration must be an object, not ${kind(config)}`);
  return config;
}

/** A store that is open for administration: tenants as objects, audit, upkeep. */
class Admin {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  /** Makes a tenant. */
  async createTenant(id, given) {
    if (given?.config !== undefined) configOf("createTenant", given.config);
    return await this.#ofTenant("createTenant", "create_tenant", id, {}, given, CREATE);
  }

  async tenant(id, given) {
    return await this.#ofTenant("tenant", "tenant", id, {}, given);
  }

  /** A page of tenants, in the order of their ids. */
  async tenants(given) {
    return await this.#perform("tenants", "tenants", {}, given, LIST);
  }

  /** Puts a configuration in the place of the one that the tenant has. */
  async configureTenant(id, config, given) {
    configOf("configureTenant", config);
    return await this.#ofTenant("configureTenant", "configure_tenant", id, { config }, given);
  }

  /** Changes the name for people; null for none. */
  async renameTenant(id, name, given) {
    textOrNull("renameTenant: the name", name);
    return await this.#ofTenant("renameTenant", "rename_tenant", id, { name }, given);
  }

  /** Puts a tenant, with those below it, under another parent; null for none. */
  async moveTenant(id, parent, given) {
    textOrNull("moveTenant: the parent", parent);
    return await this.#ofTenant("moveTenant", "move_tenant", id, { parent }, given);
  }

  /** Keeps everything, and lets nobody read or change it. */
  async suspendTenant(id, given) {
    return await this.#ofTenant("suspendTenant", "suspend_tenant", id, {}, given, WHY);
  }

  async resumeTenant(id, given) {
    return await this.#ofTenant("resumeTenant", "resume_tenant", id, {}, given, WHY);
  }

  /** Deletes a tenant with everything that it has. */
  async deleteTenant(id, given) {
    return await this.#ofTenant("deleteTenant", "delete_tenant", id, {}, given, DELETE);
  }

  /** Lets a tenant be read by one that stands above it. */
  async grantRead(id, reader, given) {
    unicode("grantRead: the reader", reader);
    await this.#ofTenant("grantRead", "grant_read", id, { reader }, given);
  }

  /** Takes that right away; whether there was one. */
  async revokeRead(id, reader, given) {
    unicode("revokeRead: the reader", reader);
    return await this.#ofTenant("revokeRead", "revoke_read", id, { reader }, given);
  }

  async readGrants(id, given) {
    return await this.#ofTenant("readGrants", "read_grants", id, {}, given);
  }

  /** What a tenant has and did. */
  async tenantUsage(id, given) {
    return await this.#ofTenant("tenantUsage", "usage", id, {}, given, { days: "days" });
  }

  /** Rows and hash of each table. */
  async tenantDigest(id, given) {
    return await this.#ofTenant("tenantDigest", "digest", id, {}, given);
  }

  /** Writes everything that a tenant has into a new file. */
  async exportTenant(id, path, given) {
    unicode("exportTenant: the path", path);
    return await this.#ofTenant("exportTenant", "export_tenant", id, { path }, given);
  }

  /** Takes in such a file, all or nothing. */
  async importTenant(path, given) {
    unicode("importTenant: the path", path);
    return await this.#perform("importTenant", "import_tenant", { path }, given, IMPORT);
  }

  /** Copies a tenant into another store, and compares both sides. */
  async copyTenant(id, to, given) {
    unicode("copyTenant: the other store", to);
    return await this.#ofTenant("copyTenant", "copy_tenant", id, { to }, given, COPY);
  }

  /** Entries of a tenant's audit log, or of that of the administrators. */
  async auditLog(given) {
    return await this.#perform("auditLog", "audit_log", {}, given, LOG);
  }

  /** Whether each entry is as it was written. */
  async verifyAudit(given) {
    return await this.#perform("verifyAudit", "verify_audit", {}, given, VERIFY);
  }

  /** Removes the runs that are older than their tenants want them kept. */
  async prune(given) {
    return await this.#perform("prune", "prune", {}, given);
  }

  /** Copies the SQLite store into a new file. */
  async backup(path, given) {
    unicode("backup: the path", path);
    await this.#perform("backup", "backup", { path }, given);
  }

  /** What is wrong with the database. */
  async check(given) {
    return await this.#perform("check", "check", {}, given);
  }

  /** Closes the store. May be called again. */
  async close() {
    await perform(() => this.#handle.close());
  }

  async #ofTenant(call, operation, id, rest, given, names) {
    unicode(`${call}: the id`, id);
    return await this.#perform(call, operation, { id, ...rest }, given, names);
  }

  async #perform(call, operation, positional, given, names = {}) {
    const { signal, values } = take(call, given, names);
    const encoded = json(`${call}: the arguments`, { ...values, ...positional });
    return await perform(() => this.#handle.call(operation, encoded), { signal });
  }
}
// As a kernel has it.
Object.defineProperty(Admin.prototype, Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose"), {
  value: Admin.prototype.close,
  configurable: true,
  writable: true,
});

/** Opens a store for administration. */
async function openAdmin(given) {
  const names = { location: "location", actor: "actor", profile: "profile" };
  const { signal, options } = take("openAdmin", given, names);
  return new Admin(await perform(() => addon.openAdmin(options), { signal }));
}

module.exports = { openAdmin };
