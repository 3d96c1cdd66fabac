"use strict";

const { invalid, native } = require("./errors.js");
const addon = require("./native.js");
const { json, kind, takeNow, text } = require("./options.js");

/** The native object behind each spec. */
const handles = new WeakMap();

/** An agent's declaration, read without errors. Immutable. */
class Spec {
  constructor(handle) {
    handles.set(this, handle);
    this.agent_id = handle.agentId;
    this.name = handle.name;
    this.version = handle.version;
    this.model = handle.model;
    Object.freeze(this);
  }

  /** Made when it is first asked for: parsing does not pay for it. */
  get hash() {
    return handles.get(this).hash;
  }

  /** A text of the spec that needs no other file. */
  get text() {
    return handles.get(this).text;
  }

  /** Its diagnostics: warnings, since errors refuse the spec. */
  check() {
    return JSON.parse(handles.get(this).check());
  }

  /** The spec written out in a format. */
  render(format) {
    text("render: the format", format);
    return native(() => handles.get(this).render(format));
  }

  /** What differs in `other`, field by field. */
  diff(other) {
    const handle = handleOf("diff", other);
    return JSON.parse(native(() => handles.get(this).diff(handle)));
  }

  /** The full document, without what has its default value. */
  toJSON() {
    return JSON.parse(handles.get(this).json());
  }
}

/** Whether it is a spec of ours, and not an object that looks like one. */
function isSpec(value) {
  return handles.has(value);
}

/** The native object of what must be a spec. */
function handleOf(call, value) {
  if (isSpec(value)) return handles.get(value);
  throw invalid(
    `${call}: expected a spec, not ${kind(value)}`,
    "parseSpec and loadSpec make one, and so does specs.load",
  );
}

function parseSpec(source, given) {
  text("parseSpec: the spec", source);
  const options = takeNow("parseSpec", given, { base: "base" });
  return new Spec(native(() => addon.parseSpec(source, options)));
}

function loadSpec(path) {
  text("loadSpec: the path", path);
  return new Spec(native(() => addon.loadSpec(path)));
}

const DIAGNOSE = { base: "base", format: "format", file: "file" };

/** Everything that can be said of a text; a bad spec is no failure. */
function diagnose(source, given) {
  text("diagnose: the spec", source);
  const options = takeNow("diagnose", given, DIAGNOSE);
  return JSON.parse(native(() => addon.diagnose(source, options)));
}

/** The text with one value set, and everything else as it was. */
function editSpec(source, pointer, value) {
  text("editSpec: the spec", source);
  text("editSpec: the pointer", pointer);
  const encoded = json("editSpec: the value", value);
  return native(() => addon.editSpec(source, pointer, encoded));
}

/** Reads the document of another framework into specs. */
function importSpec(source, given) {
  text("importSpec: the text", source);
  const options = takeNow("importSpec", given, { from: "from", file: "file" });
  return JSON.parse(native(() => addon.importSpec(source, options)));
}

/** The JSON Schema of specs. */
function specSchema() {
  return JSON.parse(addon.specSchema());
}

module.exports = { Spec, diagnose, editSpec, handleOf, importSpec, isSpec, loadSpec, parseSpec, specSchema };
