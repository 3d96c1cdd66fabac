---@meta _
-- Annotations of tenants and administration, beside those of aikit.lua.

---@class aikit.Usage
---@field totals aikit.Totals What the tenant has.
---@field days aikit.DayUsage[] The newest first; without days on which nothing was done.

---@class aikit.Totals
---@field specs integer Versions.
---@field documents integer
---@field vectors integer
---@field bytes integer Of specs, documents, vectors and runs.

---@class aikit.DayUsage
---@field day string "YYYY-MM-DD", UTC.
---@field runs integer
---@field input_tokens integer
---@field output_tokens integer
---@field cost_micros integer Millionths of a US dollar, for models that have a price.

---@class aikit.Setting
---@field key string As in TOML, for instance "quotas.max_documents".
---@field value aikit.json Of a secret, where it is: "env:NAME" or "file:PATH".
---@field source string The layers that it comes from.
---@field secret? "set"|"missing"
---@field elements? aikit.Said[] Of a list: each element, with the layers that named it.
---@field overruled aikit.Said[] What was said and does not hold.

---@class aikit.Said
---@field value aikit.json
---@field source string

---A store that is open for administration. Close it, or declare it `<close>` in Lua 5.4. What it
---changes is in the audit log.
---@class aikit.Admin
local Admin = {}

---Makes a tenant. Raises "tenant_exists", "tenant_invalid", "config_invalid".
---@param id string A slug.
---@param options? { parent?: string, kind?: aikit.TenantKind, name?: string, config?: table }
---@return aikit.Tenant
function Admin:create_tenant(id, options) end

---Raises "tenant_not_found".
---@param id string
---@return aikit.Tenant
function Admin:tenant(id) end

---A page of tenants, in the order of their ids.
---@param options? { parent?: string, status?: aikit.TenantStatus, kind?: aikit.TenantKind, limit?: integer, after?: string|lightuserdata }
---@return { tenants: aikit.Tenant[], next: string|lightuserdata }
function Admin:tenants(options) end

---Replaces the configuration. Raises "config_invalid" with the path.
---@param id string
---@param config table
---@return aikit.Tenant
function Admin:configure_tenant(id, config) end

---@param id string
---@param name string|lightuserdata `aikit.null` for none.
---@return aikit.Tenant
function Admin:rename_tenant(id, name) end

---@param id string
---@param parent string|lightuserdata `aikit.null` for none.
---@return aikit.Tenant
function Admin:move_tenant(id, parent) end

---Everything is kept, and nothing can be read or changed: "tenant_suspended".
---@param id string
---@param options? { why?: string }
---@return aikit.Tenant
function Admin:suspend_tenant(id, options) end

---@param id string
---@param options? { why?: string }
---@return aikit.Tenant
function Admin:resume_tenant(id, options) end

---Removes a tenant and all that it has; with `children` the tenants below it, with `erase` also what
---SQLite still holds of it in free pages. What is left to do by hand is in `files`.
---@param id string
---@param options? { children?: boolean, erase?: boolean }
---@return { tenant: string, tenants: string[], rows: table<string, integer>, files: { place: string, advice: string }[] }
function Admin:delete_tenant(id, options) end

---Lets a tenant above read this one's data.
---@param id string
---@param reader string
function Admin:grant_read(id, reader) end

---@param id string
---@param reader string
---@return boolean # Whether there was such a right.
function Admin:revoke_read(id, reader) end

---@param id string
---@return { reader: string, granted_at: string, granted_by: string|lightuserdata }[]
function Admin:read_grants(id) end

---As `Kernel:usage`, of any tenant.
---@param id string
---@param options? { days?: integer }
---@return aikit.Usage
function Admin:tenant_usage(id, options) end

---Rows and hash of each table; equal for equal data, in whatever store.
---@param id string
---@return table<string, aikit.TableDigest>
function Admin:tenant_digest(id) end

---Writes all that a tenant has to a new file.
---@param id string
---@param path string
---@return aikit.ArchiveReport
function Admin:export_tenant(id, path) end

---Takes a tenant in from a file, all or nothing. Raises "tenant_exists", "archive_invalid". With
---`providers` it keeps those of its configuration, whose keys may come from variables and files of
---this machine: only for an archive whose maker may have them.
---@param path string
---@param options? { as?: string, parent?: string, providers?: boolean }
---@return aikit.ArchiveReport
function Admin:import_tenant(path, options) end

---Copies a tenant to another store, which may be of the other kind.
---@param id string
---@param to string A path, or the URL of a PostgreSQL database.
---@param options? { as?: string, parent?: string }
---@return aikit.CopyReport
function Admin:copy_tenant(id, to, options) end

---A part of the audit log, oldest first; without `tenant`, what administrators did.
---@param options? { tenant?: string, after?: integer, limit?: integer }
---@return aikit.AuditEntry[]
function Admin:audit_log(options) end

---Walks the chains of the audit log. With heads that were noted before it also sees a cut-off end.
---@param options? { tenant?: string, expect?: aikit.AuditHead[] }
---@return { chains: aikit.AuditChain[], broken: aikit.AuditBreak|lightuserdata }
function Admin:verify_audit(options) end

---Removes the runs that are older than the tenants' `retention.runs_days`.
---@return table<string, { runs: integer, events: integer }>
function Admin:prune() end

---As `Kernel:backup`.
---@param path string
function Admin:backup(path) end

---What is wrong with the database; empty: nothing.
---@return table[]
function Admin:check() end

---Closes the store. May be repeated.
function Admin:close() end

---@alias aikit.TenantKind "org"|"team"|"user"
---@alias aikit.TenantStatus "active"|"suspended"

---A tenant. What is not there is `aikit.null`.
---@class aikit.Tenant
---@field tenant_id string
---@field parent string|lightuserdata
---@field kind aikit.TenantKind|lightuserdata
---@field name string|lightuserdata
---@field status aikit.TenantStatus
---@field config table
---@field created_at string RFC 3339, UTC.
---@field updated_at string

---@class aikit.TableDigest
---@field rows integer
---@field sha256 string

---@class aikit.ArchiveReport
---@field tenant string The tenant's id in the store.
---@field tables table<string, aikit.TableDigest>
---@field bytes integer Of the archive.
---@field altered string[] Tables that an import made other than they are in the archive.
---@field left_out table[] What the archive has and the store has not.

---@class aikit.CopyReport
---@field tenant string The tenant's id in the other store.
---@field source table<string, aikit.TableDigest>
---@field target table<string, aikit.TableDigest>
---@field altered string[] Tables that were to differ.
---@field left_out table[] What the source has and the target has not.
---@field agree boolean Whether all other tables are equal.

---@class aikit.AuditEntry
---@field tenant_id string The chain: a tenant, or "@store".
---@field seq integer From 1.
---@field at string RFC 3339, UTC.
---@field actor string|lightuserdata
---@field action string For instance "tenant.created".
---@field object string
---@field detail table
---@field prev string The hash of the entry before.
---@field hash string

---@class aikit.AuditHead
---@field tenant_id string
---@field seq integer
---@field hash string

---@class aikit.AuditChain
---@field tenant_id string
---@field entries integer
---@field head aikit.AuditHead|lightuserdata Note it elsewhere, for `expect`.
---@field sound boolean

---@class aikit.AuditBreak
---@field tenant_id string
---@field seq integer The first entry that is not as it was written.
---@field what string
