"use strict";

// Awaited before it is returned, everywhere below: only so do the stacks of errors lead to callers.
const { perform } = require("./operation.js");
const { json, take, text } = require("./options.js");
const { Spec, handleOf } = require("./spec.js");

const CHANGE = { by: "by", why: "why" };
const SAVE = { ...CHANGE, replaces: "replaces" };
const DEPRECATE = { ...CHANGE, sunset: "sunset", successor: "successor" };
const IMPORT = { ...CHANGE, onConflict: "on_conflict" };
const LIST = {
  status: "status",
  tag: "tag",
  text: "text",
  agentId: "agent_id",
  limit: "limit",
  after: "after",
};

/**
 * The spec repository of a kernel: versions of specs, promoted and retired like releases, with the
 * history of every change.
 */
class Specs {
  #handle;

  constructor(handle) {
    this.#handle = handle;
  }

  /** Keeps a new draft, or another content for the draft whose hash is `replaces`. */
  async save(spec, given) {
    const { signal, options } = take("specs.save", given, SAVE);
    const handle = handleOf("specs.save", spec);
    return await perform(() => this.#handle.save(handle, options), { signal });
  }

  /** The record of `id@version`, or of the active version of `id`. */
  async get(reference, given) {
    text("specs.get: the reference", reference);
    const { signal } = take("specs.get", given, {});
    return await perform(() => this.#handle.get(reference), { signal });
  }

  /** The same as a spec. */
  async load(reference, given) {
    text("specs.load: the reference", reference);
    const { signal } = take("specs.load", given, {});
    return new Spec(await perform(() => this.#handle.load(reference), { signal }));
  }

  /** A page of records, in the order of id and version. */
  async list(given) {
    const { signal, options } = take("specs.list", given, LIST);
    return await perform(() => this.#handle.list(options), { signal });
  }

  /** Every change of an agent's versions, oldest first. */
  async history(agentId, given) {
    text("specs.history: the id", agentId);
    const { signal } = take("specs.history", given, {});
    return await perform(() => this.#handle.history(agentId), { signal });
  }

  /** What differs between two versions. */
  async diff(before, after, given) {
    text("specs.diff: the first reference", before);
    text("specs.diff: the second reference", after);
    const { signal } = take("specs.diff", given, {});
    return await perform(() => this.#handle.diff(before, after), { signal });
  }

  /** Makes a draft or a deprecated version the active one. */
  async promote(reference, given) {
    return await this.#change("promote", reference, given, CHANGE);
  }

  /** Deprecates the active version. */
  async deprecate(reference, given) {
    return await this.#change("deprecate", reference, given, DEPRECATE);
  }

  /** Retires a deprecated version. */
  async retire(reference, given) {
    return await this.#change("retire", reference, given, CHANGE);
  }

  /** Removes a draft; its history stays. */
  async delete(reference, given) {
    return await this.#change("delete", reference, given, CHANGE);
  }

  /** All versions with their history: of one agent, or of the tenant. */
  async export(given) {
    const { signal, options } = take("specs.export", given, { agentId: "agent_id" });
    return await perform(() => this.#handle.export(options), { signal });
  }

  /** Takes a bundle in, all or nothing. */
  async import(bundle, given) {
    const { signal, options } = take("specs.import", given, IMPORT);
    const encoded = json("specs.import: the bundle", bundle);
    return await perform(() => this.#handle.import(encoded, options), { signal });
  }

  /** A step in the life of one version. */
  async #change(step, reference, given, names) {
    const call = `specs.${step}`;
    text(`${call}: the reference`, reference);
    const { signal, options } = take(call, given, names);
    return await perform(() => this.#handle[step](reference, options), { signal });
  }
}

module.exports = { Specs };
