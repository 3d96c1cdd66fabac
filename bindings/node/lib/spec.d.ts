// Specs as documents, without a kernel. Exported by the package.

import type { Json } from "../index.js";

/** One finding about a spec, at an exact place in its text. */
export interface Diagnostic {
  /** Stable, for instance `AK1002`; see the reference of diagnostics. */
  readonly code: string;
  /** An error refuses the spec; a warning is probably not meant; an info is worth knowing. */
  readonly severity: "error" | "warning" | "info";
  readonly message: string;
  /** JSON pointer to the node as it was written; empty for the document. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** From 1. */
  readonly end_line: number;
  /** From 1, in characters, exclusive. */
  readonly end_column: number;
  /** The text that it stands in, if that is one that the spec extends. */
  readonly file?: string;
  /** What to write instead. */
  readonly hint?: string;
}

/** A place as the Language Server Protocol has it. */
export interface LspPosition {
  /** From 0. */
  readonly line: number;
  /** From 0, in UTF-16 code units: an index into a string of JavaScript. */
  readonly character: number;
}

/** A finding as the Language Server Protocol has it. */
export interface LspDiagnostic {
  readonly range: { readonly start: LspPosition; readonly end: LspPosition };
  /** Error, warning, information. */
  readonly severity: 1 | 2 | 3;
  readonly code: string;
  readonly source: "aikit";
  readonly message: string;
  readonly data: { readonly path: string; readonly hint: string | null };
}

/** An agent's declaration, read without errors. Immutable. */
export interface Spec {
  readonly agent_id: string;
  readonly name: string;
  readonly version: string;
  /** `provider/model`; empty if the kernel's default is to be asked. */
  readonly model: string;
  /** `sha256:` and 64 digits over the canonical form: equal for texts that mean the same. */
  readonly hash: string;
  /** A text that needs no other file: as it was written, or rendered if the spec extends. */
  readonly text: string;
  /** Warnings and infos; errors refuse the spec. */
  check(): Diagnostic[];
  /** The spec written out. YAML and JSON read the same again. */
  render(format: SpecFormat): string;
  /** What differs in `other`, field by field; empty exactly if the hashes are equal. */
  diff(other: Spec): Change[];
  /** The full document, without what has its default value. */
  toJSON(): { [key: string]: Json };
}

/** How a spec's text is read. */
export interface ParseOptions {
  /** The folder whose files the text may extend; without it, presets at most. */
  base?: string;
}

/** How a spec's text is diagnosed. */
export interface DiagnoseOptions extends ParseOptions {
  /** `json` without it. */
  format?: "json" | "lsp" | "text";
  /** What the text is called in the form `text`; `spec` without it. */
  file?: string;
}

/** The formats of other frameworks that can be read. */
export type NeighbourFormat =
  | "oracle"
  | "open-agent-spec"
  | "docker-agent"
  | "adl"
  | "google-adk"
  | "agent-framework"
  | "crewai";

/** How the document of another framework is read. */
export interface ImportSpecOptions {
  /** Recognised without it. */
  from?: NeighbourFormat;
  /** The name of the file, for an agent that has none of its own. */
  file?: string;
}

/** A leaf that stands in a spec as it was, or that says nothing about the agent. */
export interface KeptEntry {
  readonly kind: "kept";
  /** JSON pointer in the source. */
  readonly path: string;
  /** Where it stands now; behind the name of the spec and a colon if there are several. */
  readonly to?: string;
  readonly note?: string;
}
/** A leaf that stands in a spec in another form. */
export interface ChangedEntry {
  readonly kind: "changed";
  readonly path: string;
  readonly to?: string;
  /** How it was changed. */
  readonly note?: string;
}
/** A leaf that no spec holds. */
export interface LostEntry {
  readonly kind: "lost";
  readonly path: string;
  readonly to?: undefined;
  /** Why it was lost. */
  readonly note?: string;
}
/** What became of one leaf of the source, told apart by `kind`. */
export type ImportEntry = KeptEntry | ChangedEntry | LostEntry;

/** What the document of another framework became. */
export interface ImportedSpecs {
  readonly format: NeighbourFormat;
  /** One for each agent and each flow, the one to begin with first; each `text` parses. */
  readonly specs: readonly { readonly name: string; readonly text: string }[];
  /** Every leaf of the source, exactly once. */
  readonly report: readonly ImportEntry[];
}

/** A field that only the second spec has. */
export interface AddedField {
  readonly kind: "added";
  /** JSON pointer in the full document; items of named lists stand under their names. */
  readonly path: string;
  readonly before?: undefined;
  readonly after: Json;
}
/** A field that only the first spec has. */
export interface RemovedField {
  readonly kind: "removed";
  readonly path: string;
  readonly before: Json;
  readonly after?: undefined;
}
/** A field that both specs have, with different values. */
export interface ChangedField {
  readonly kind: "changed";
  readonly path: string;
  readonly before: Json;
  readonly after: Json;
}
/** A field in which two specs differ, told apart by `kind`. */
export type Change = AddedField | RemovedField | ChangedField;

/** In which form a spec is written out: aikit's own, Oracle's Open Agent Spec, an A2A agent card. */
export type SpecFormat = "yaml" | "json" | "oracle" | "a2a";

/** Reads a spec from YAML or JSON text. */
export function parseSpec(text: string, options?: ParseOptions): Spec;
/** Reads a spec from a file, which may extend files of its folder. */
export function loadSpec(path: string): Spec;
/** Everything that can be said of a text: errors, warnings and infos. A bad spec is no failure. */
export function diagnose(text: string, options: DiagnoseOptions & { format: "lsp" }): LspDiagnostic[];
/** The findings as a terminal shows them, with excerpt and caret. */
export function diagnose(text: string, options: DiagnoseOptions & { format: "text" }): string;
export function diagnose(text: string, options?: DiagnoseOptions & { format?: "json" }): Diagnostic[];
export function diagnose(text: string, options?: DiagnoseOptions): Diagnostic[] | LspDiagnostic[] | string;
/** The text with the value at a JSON pointer set, and everything else, comments too, as it was. */
export function editSpec(text: string, pointer: string, value: Json): string;
/** Reads the document of another framework into specs, and reports what became of each part. */
export function importSpec(text: string, options?: ImportSpecOptions): ImportedSpecs;
/** The JSON Schema of specs (draft 2020-12). */
export function specSchema(): { [key: string]: Json };
