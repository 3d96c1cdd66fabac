// The spec repository. Exported by the package.

import type { CallOptions, Json } from "../index.js";
import type { Change, Spec } from "./spec.js";

/** Where a version stands in its life. A deprecated one can become active again. */
export type SpecStatus = "draft" | "active" | "deprecated" | "retired";

/** A version in the repository, as lists show it. */
export interface SpecSummary {
  readonly agent_id: string;
  readonly version: string;
  readonly status: SpecStatus;
  /** Of the canonical form, as `spec.hash`. */
  readonly hash: string;
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  /** `provider/model`, if the spec names one. */
  readonly model: string | null;
  /** RFC 3339. */
  readonly created_at: string;
  readonly created_by: string | null;
  /** When its content or state last changed. */
  readonly updated_at: string;
  /** When a deprecated version is to be retired: a time or a date. */
  readonly sunset: string | null;
  /** What to use instead of a deprecated version: `id@version`. */
  readonly successor: string | null;
}

/** A version in the repository. */
export interface SpecRecord extends SpecSummary {
  /** The full document. */
  readonly document: { readonly [key: string]: Json };
  /** The text as it was saved. */
  readonly text: string;
}

/** A page of versions, in the order of id and version. */
export interface SpecPage {
  readonly specs: readonly SpecSummary[];
  /** To be given as `after` for the next page; `null` on the last one. */
  readonly next: string | null;
}

/** What was done to a version. */
export type SpecChange =
  | "saved"
  | "replaced"
  | "promoted"
  | "deprecated"
  | "retired"
  | "deleted"
  | "imported";

/** One change of one version. */
export interface HistoryEntry {
  /** Grows with every change of the agent. */
  readonly seq: number;
  readonly agent_id: string;
  readonly version: string;
  readonly change: SpecChange;
  /** `null` if the version was not there. */
  readonly from: SpecStatus | null;
  /** `null` if the version was removed. */
  readonly to: SpecStatus | null;
  /** RFC 3339. */
  readonly at: string;
  readonly by: string | null;
  readonly why: string | null;
  /** Of the content that was changed, kept or removed. */
  readonly hash: string;
}

/** Versions with their states and history. */
export interface SpecBundle {
  readonly format: "aikit-specs/1";
  readonly specs: readonly SpecRecord[];
  readonly history: readonly HistoryEntry[];
}

/** What became of the versions of a bundle, as `id@version`. */
export interface BundleReport {
  readonly imported: readonly string[];
  readonly skipped: readonly string[];
}

/** Who makes a change in the repository, and what for. */
export interface ChangeOptions extends CallOptions {
  /** The kernel's `actor` without it. */
  by?: string;
  why?: string;
}

export interface SaveOptions extends ChangeOptions {
  /** Hash of the draft that it replaces. */
  replaces?: string;
}

export interface DeprecateOptions extends ChangeOptions {
  /** When it is to be retired: an RFC 3339 time, or a date such as `2027-01-31`. */
  sunset?: string | Date;
  /** What to use instead: a version of the agent, or `id@version` of another. */
  successor?: string;
}

/** What is listed: what fits all that is given. */
export interface ListOptions extends CallOptions {
  status?: SpecStatus;
  tag?: string;
  /** All of its words in the id, name, description or tags. */
  text?: string;
  agentId?: string;
  /** Versions on the page: 1 to 500; 50 without it. */
  limit?: number;
  /** `next` of the page before. */
  after?: string | null;
}

export interface ExportOptions extends CallOptions {
  /** This agent alone; all of the tenant without it. */
  agentId?: string;
}

export interface ImportOptions extends ChangeOptions {
  /** What is done with versions that are there already; `fail` without it: nothing is taken in. */
  onConflict?: "fail" | "skip";
}

/**
 * The spec repository of a kernel's tenant: versions go draft, active, deprecated, retired, and every
 * change is in the history. A reference is `id@version`; where a version need not be named, `id`
 * means the active one. A change whose `signal` is aborted while it is made may have been made.
 */
export interface Specs {
  /** Keeps a new draft, or another content for the draft whose hash is `replaces`. */
  save(spec: Spec, options?: SaveOptions): Promise<SpecRecord>;
  /** The record of `id@version`, or of the active version of `id`. */
  get(reference: string, options?: CallOptions): Promise<SpecRecord>;
  /** The same as a spec; a retired version is refused. */
  load(reference: string, options?: CallOptions): Promise<Spec>;
  /** A page of versions. */
  list(options?: ListOptions): Promise<SpecPage>;
  /** Every change of an agent's versions, oldest first. */
  history(agentId: string, options?: CallOptions): Promise<HistoryEntry[]>;
  /** What differs between two versions. */
  diff(before: string, after: string, options?: CallOptions): Promise<Change[]>;
  /**
   * Makes a draft or a deprecated version the active one; the one before is deprecated. Agents that
   * were made before keep the version that they were made from.
   */
  promote(reference: string, options?: ChangeOptions): Promise<SpecRecord>;
  /** Deprecates the active version. */
  deprecate(reference: string, options?: DeprecateOptions): Promise<SpecRecord>;
  /** Retires a deprecated version: it makes no agents any more. */
  retire(reference: string, options?: ChangeOptions): Promise<SpecRecord>;
  /** Removes a draft; its history stays. */
  delete(reference: string, options?: ChangeOptions): Promise<void>;
  /** All versions with their history: of one agent, or of the tenant. */
  export(options?: ExportOptions): Promise<SpecBundle>;
  /** Takes a bundle in, all or nothing, with its states, times and history. */
  import(bundle: SpecBundle, options?: ImportOptions): Promise<BundleReport>;
}
