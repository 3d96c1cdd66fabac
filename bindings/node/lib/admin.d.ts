// Administration: tenants as objects, audit, upkeep. Exported by the package.

import type { CallOptions, Json } from "../index.js";

/** What a tenant is. A user has no tenants below. */
export type TenantKind = "org" | "team" | "user";

/** Of a suspended tenant everything is kept, and nothing can be read or changed. */
export type TenantStatus = "active" | "suspended";

/** Where a secret is: an environment variable, or a file by its absolute path. */
export type SecretReference = { readonly env: string } | { readonly file: string };

/** A tenant's configuration, as a profile has it in TOML. What is absent is left to other layers. */
export interface TenantConfig {
  /** `provider/model` for specs that name none. */
  readonly default_model?: string;
  readonly providers?: {
    readonly [name: string]: {
      readonly base_url?: string;
      readonly api_key?: SecretReference;
      /** By name. */
      readonly headers?: { readonly [name: string]: SecretReference };
      readonly wire?: string;
      readonly api_version?: string;
      readonly first_byte_ms?: number;
      readonly between_chunks_ms?: number;
      readonly total_ms?: number;
      readonly max_retries?: number;
      readonly requests_per_minute?: number;
      readonly tokens_per_minute?: number;
      readonly concurrent_requests?: number;
    };
  };
  readonly policy?: { readonly allowed_tools?: readonly string[]; readonly denied_tools?: readonly string[] };
  readonly quotas?: {
    readonly max_specs?: number;
    readonly max_documents?: number;
    readonly max_vectors?: number;
    readonly max_storage_mb?: number;
    readonly max_concurrent_executions?: number;
    readonly max_memory_mb?: number;
    readonly max_cpu_percent?: number;
    readonly requests_per_minute?: number;
    readonly llm_tokens_per_day?: number;
    readonly cost_limit_usd_per_day?: number;
  };
  readonly retention?: { readonly runs_days?: number };
  /** By `provider/model`. */
  readonly prices?: {
    readonly [model: string]: {
      readonly input_usd_per_million: number;
      readonly output_usd_per_million: number;
      readonly cached_input_usd_per_million?: number;
      readonly cache_write_usd_per_million?: number;
    };
  };
  readonly run?: {
    readonly max_turns?: number;
    readonly timeout_ms?: number;
    readonly tokens_per_run?: number;
    readonly cost_usd_per_run?: number;
  };
}

export interface Tenant {
  readonly tenant_id: string;
  readonly parent: string | null;
  readonly kind: TenantKind | null;
  /** For people. */
  readonly name: string | null;
  readonly status: TenantStatus;
  readonly config: TenantConfig;
  /** RFC 3339. */
  readonly created_at: string;
  readonly updated_at: string;
}

/** A page of tenants, in the order of their ids. */
export interface TenantPage {
  readonly tenants: readonly Tenant[];
  /** To be given as `after` for the next page; `null` on the last one. */
  readonly next: string | null;
}

/** Where bytes of what was deleted can still be, and what to do about it. */
export interface Remains {
  readonly place: string;
  readonly advice: string;
}

/** What was deleted. */
export interface Deletion {
  readonly tenant: string;
  /** All that were deleted, the lowest first. */
  readonly tenants: readonly string[];
  /** How many rows each table had of them. */
  readonly rows: { readonly [table: string]: number };
  readonly files: readonly Remains[];
}

/** Who may read a tenant. */
export interface ReadGrant {
  readonly reader: string;
  /** RFC 3339. */
  readonly granted_at: string;
  readonly granted_by: string | null;
}

/** What a tenant has. */
export interface UsageTotals {
  /** Versions of specs. */
  readonly specs: number;
  readonly documents: number;
  readonly vectors: number;
  /** Of specs, documents, vectors and runs. */
  readonly bytes: number;
}

/** What a tenant did on a day. */
export interface UsageDay {
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string;
  readonly runs: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** Millionths of a US dollar, for models that have a price. */
  readonly cost_micros: number;
}

/** What a tenant has and did. */
export interface TenantUsage {
  readonly totals: UsageTotals;
  /** Newest first; days without anything are left out. */
  readonly days: readonly UsageDay[];
}

/** The rows that a table has of a tenant: equal for equal data, in whichever store. */
export interface TableDigest {
  readonly rows: number;
  readonly sha256: string;
}

/** By the name of the table. */
export interface TableDigests {
  readonly [table: string]: TableDigest;
}

/** What an archive has and the store now has not. */
export type LeftOut =
  /** The tenant above it. */
  | { readonly what: "parent"; readonly tenant_id: string }
  /** The providers of its configuration. */
  | { readonly what: "providers"; readonly names: readonly string[] }
  /** The right of a tenant that does not stand above it here to read it. */
  | { readonly what: "grant"; readonly reader_id: string }
  /** Its audit log, up to this entry. */
  | { readonly what: "audit_log"; readonly seq: number; readonly hash: string };

/** What was written into an archive, or taken in from one. */
export interface ArchiveReport {
  readonly tenant: string;
  readonly tables: TableDigests;
  /** Of the archive. */
  readonly bytes: number;
  /** The tables that were to become other than they are in the archive. */
  readonly altered: readonly string[];
  readonly left_out: readonly LeftOut[];
}

/** Both sides of a copy. */
export interface CopyReport {
  /** Its id in the other store. */
  readonly tenant: string;
  readonly source: TableDigests;
  readonly target: TableDigests;
  /** The tables that were to differ. */
  readonly altered: readonly string[];
  readonly left_out: readonly LeftOut[];
  /** Whether all tables but the altered ones are equal. */
  readonly agree: boolean;
}

/** An entry of an audit chain. */
export interface AuditEntry {
  /** The tenant, or `@store` for what administrators did. */
  readonly tenant_id: string;
  /** From 1, without gaps. */
  readonly seq: number;
  /** RFC 3339. */
  readonly at: string;
  readonly actor: string | null;
  /** For instance `spec.promoted`. */
  readonly action: string;
  /** For instance `helper@1.0.0`. */
  readonly object: string;
  readonly detail: { readonly [key: string]: Json };
  /** `hash` of the entry before. */
  readonly prev: string;
  readonly hash: string;
}

/** The last entry of a chain. Noted elsewhere, it shows later that no end was cut off. */
export interface AuditHead {
  readonly tenant_id: string;
  readonly seq: number;
  readonly hash: string;
}

/** The first entry of a chain that is not as it was written. */
export interface AuditBreak {
  readonly tenant_id: string;
  readonly seq: number;
  readonly what: string;
}

/** What a verification found in one chain. */
export interface AuditChain {
  readonly tenant_id: string;
  /** How many follow on each other. */
  readonly entries: number;
  /** The last of them. */
  readonly head: AuditHead | null;
  readonly sound: boolean;
}

/** What a verification found. */
export interface AuditReport {
  readonly chains: readonly AuditChain[];
  /** Where the first chain that is not sound breaks. */
  readonly broken: AuditBreak | null;
}

/** What was removed of a tenant because of its age. */
export interface Pruned {
  readonly runs: number;
  readonly events: number;
}

/** What layers of the configuration said. */
export interface Said {
  readonly value: Json;
  /** For instance `tenant sales`. */
  readonly source: string;
}

/** A setting: what holds, and why. */
export interface Setting {
  /** As in a profile, for instance `quotas.max_documents`. */
  readonly key: string;
  /** Of a secret: where it is. */
  readonly value: Json;
  readonly source: string;
  /** Of a secret: whether there is something. */
  readonly secret?: "set" | "missing";
  /** Of a list: who named each element. */
  readonly elements?: readonly Said[];
  /** What was said and does not hold. */
  readonly overruled: readonly Said[];
}

export interface OpenAdminOptions extends CallOptions {
  /** Path of the SQLite file, or URL of a PostgreSQL database; the profile's without it. */
  location?: string | null;
  /** Who acts, for the audit log; the profile's without it. */
  actor?: string;
  /** Path of a TOML file that names the two. */
  profile?: string | null;
}

export interface CreateTenantOptions extends CallOptions {
  parent?: string | null;
  kind?: TenantKind | null;
  /** For people. */
  name?: string | null;
  config?: TenantConfig;
}

/** What is listed: what fits all that is given. */
export interface TenantsOptions extends CallOptions {
  parent?: string;
  status?: TenantStatus;
  kind?: TenantKind;
  /** Tenants on the page: 1 to 1000; 100 without it. */
  limit?: number;
  /** `next` of the page before. */
  after?: string | null;
}

export interface WhyOptions extends CallOptions {
  /** For the audit log. */
  why?: string;
}

export interface DeleteTenantOptions extends CallOptions {
  /** Deletes the tenants below it too; without it, they are a reason to refuse. */
  children?: boolean;
  /** Writes the database's files anew, so that no deleted byte stays in them. */
  erase?: boolean;
}

export interface UsageOptions extends CallOptions {
  /** The last days on which something was done; 30 without it. */
  days?: number;
}

export interface CopyTenantOptions extends CallOptions {
  /** Another id. */
  as?: string | null;
  /** Another parent. */
  parent?: string | null;
}

export interface ImportTenantOptions extends CopyTenantOptions {
  /**
   * Keeps the providers of its configuration, whose keys may come from variables and files of this
   * machine: only for an archive whose maker may have them. Default: false.
   */
  providers?: boolean;
}

export interface AuditLogOptions extends CallOptions {
  /** Its log; what administrators did without it. */
  tenant?: string;
  /** Entries behind this number. */
  after?: number;
  /** 1 to 1000; 100 without it. */
  limit?: number;
}

export interface VerifyAuditOptions extends CallOptions {
  /** Its chain; all of them without it. */
  tenant?: string;
  /** Heads that were noted elsewhere: with them a cut-off end is seen too. */
  expect?: readonly AuditHead[];
}

/**
 * A store that is open for administration. Everything that it changes stands in the audit log. A
 * change whose `signal` is aborted while it is made may have been made.
 */
export interface Admin {
  /** Makes a tenant. */
  createTenant(id: string, options?: CreateTenantOptions): Promise<Tenant>;
  tenant(id: string, options?: CallOptions): Promise<Tenant>;
  /** A page of tenants. */
  tenants(options?: TenantsOptions): Promise<TenantPage>;
  /** Puts this configuration in the place of the one that the tenant has. */
  configureTenant(id: string, config: TenantConfig, options?: CallOptions): Promise<Tenant>;
  /** Changes the name for people; the id stays. */
  renameTenant(id: string, name: string | null, options?: CallOptions): Promise<Tenant>;
  /**
   * Puts a tenant, with those below it, under another parent, or under none. Whoever does not stand
   * above them afterwards may read them no more.
   */
  moveTenant(id: string, parent: string | null, options?: CallOptions): Promise<Tenant>;
  /** Keeps everything, and lets nobody read or change it: `tenant_suspended`. */
  suspendTenant(id: string, options?: WhyOptions): Promise<Tenant>;
  /** Ends a suspension. */
  resumeTenant(id: string, options?: WhyOptions): Promise<Tenant>;
  /** Deletes a tenant with everything that it has. */
  deleteTenant(id: string, options?: DeleteTenantOptions): Promise<Deletion>;
  /** Lets a tenant be read by one that stands above it: `open({ tenant: id, reader })`. */
  grantRead(id: string, reader: string, options?: CallOptions): Promise<void>;
  /** Takes the right to read a tenant away; whether there was one. */
  revokeRead(id: string, reader: string, options?: CallOptions): Promise<boolean>;
  /** Who may read a tenant beside itself. */
  readGrants(id: string, options?: CallOptions): Promise<ReadGrant[]>;
  /** What a tenant has and did. */
  tenantUsage(id: string, options?: UsageOptions): Promise<TenantUsage>;
  /** Rows and hash of each table. */
  tenantDigest(id: string, options?: CallOptions): Promise<TableDigests>;
  /** Writes everything that a tenant has into a new file. */
  exportTenant(id: string, path: string, options?: CallOptions): Promise<ArchiveReport>;
  /** Takes in what `exportTenant` wrote, all or nothing. The tenant must not be there. */
  importTenant(path: string, options?: ImportTenantOptions): Promise<ArchiveReport>;
  /**
   * Copies a tenant into the store `to`, an SQLite file or the URL of a PostgreSQL database, and
   * compares both sides. Suspend it first if nothing may change meanwhile.
   */
  copyTenant(id: string, to: string, options?: CopyTenantOptions): Promise<CopyReport>;
  /** Entries of the audit log, oldest first. */
  auditLog(options?: AuditLogOptions): Promise<AuditEntry[]>;
  /** Walks along the chains of the audit log and says whether each entry is as it was written. */
  verifyAudit(options?: VerifyAuditOptions): Promise<AuditReport>;
  /** Removes the runs older than the `retention.runs_days` of their tenants; what, by tenant. */
  prune(options?: CallOptions): Promise<{ readonly [tenant: string]: Pruned }>;
  /** Copies the whole SQLite store into a new file, while it is in use. */
  backup(path: string, options?: CallOptions): Promise<void>;
  /** What is wrong with the database; empty if it is sound. */
  check(options?: CallOptions): Promise<string[]>;
  /** Closes the store. May be called again. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a store for administration; on PostgreSQL with a login that has the role `aikit_admin`. */
export function openAdmin(options?: OpenAdminOptions): Promise<Admin>;
