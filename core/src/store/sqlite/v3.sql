-- Tenants as objects, what they use, and the audit log.

CREATE TABLE tenants (
    tenant_id  TEXT NOT NULL PRIMARY KEY,
    parent_id  TEXT REFERENCES tenants (tenant_id),
    kind       TEXT CHECK (kind IN ('org', 'team', 'user')),
    name       TEXT,
    status     TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    config     TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_parent ON tenants (parent_id, tenant_id);

-- `reader_id`, an ancestor, may read the data of `tenant_id`.
CREATE TABLE tenant_grants (
    tenant_id  TEXT NOT NULL REFERENCES tenants (tenant_id),
    reader_id  TEXT NOT NULL REFERENCES tenants (tenant_id),
    granted_at TEXT NOT NULL,
    granted_by TEXT,
    PRIMARY KEY (tenant_id, reader_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tenant_grant_reader ON tenant_grants (reader_id, tenant_id);

-- What a tenant has. Every operation that adds or removes keeps it up to date.
CREATE TABLE usage_totals (
    tenant_id TEXT NOT NULL PRIMARY KEY,
    specs     INTEGER NOT NULL DEFAULT 0 CHECK (specs >= 0),
    documents INTEGER NOT NULL DEFAULT 0 CHECK (documents >= 0),
    vectors   INTEGER NOT NULL DEFAULT 0 CHECK (vectors >= 0),
    bytes     INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;

-- What a tenant did on a day (UTC). Money in millionths of a US dollar.
CREATE TABLE usage_days (
    tenant_id     TEXT NOT NULL,
    day           TEXT NOT NULL,
    runs          INTEGER NOT NULL DEFAULT 0 CHECK (runs >= 0),
    input_tokens  INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cost_micros   INTEGER NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    PRIMARY KEY (tenant_id, day)
) STRICT, WITHOUT ROWID;

-- One chain for each tenant; that of the administrators has the tenant id '@store'.
CREATE TABLE audit_log (
    tenant_id TEXT NOT NULL,
    seq       INTEGER NOT NULL CHECK (seq >= 1),
    at        TEXT NOT NULL,
    actor     TEXT,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    prev      TEXT NOT NULL,
    hash      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON audit_log BEGIN
    SELECT raise(ABORT, 'the audit log is append-only');
END;

-- For runs per minute and for retention.
CREATE INDEX run_started ON runs (tenant_id, started_at);

-- Deleted passages leave no words behind in the index.
INSERT INTO chunk_text (chunk_text, rank) VALUES ('secure-delete', 1);

-- Whoever has data is a tenant.
INSERT INTO tenants (tenant_id, status, config, created_at, updated_at)
SELECT tenant_id, 'active', '{}', strftime('%Y-%m-%dT%H:%M:%fZ'), strftime('%Y-%m-%dT%H:%M:%fZ')
FROM (SELECT tenant_id FROM collections UNION SELECT tenant_id FROM spec_versions
      UNION SELECT tenant_id FROM spec_history UNION SELECT tenant_id FROM runs);
INSERT INTO usage_totals (tenant_id, specs, documents, vectors, bytes)
SELECT t.tenant_id,
    (SELECT count(*) FROM spec_versions s WHERE s.tenant_id = t.tenant_id),
    (SELECT count(*) FROM documents d WHERE d.tenant_id = t.tenant_id),
    (SELECT count(*) FROM vectors v WHERE v.tenant_id = t.tenant_id),
    (SELECT coalesce(sum(length(CAST(s.text AS BLOB))), 0) FROM spec_versions s
         WHERE s.tenant_id = t.tenant_id)
    + (SELECT coalesce(sum(d.bytes), 0) FROM documents d WHERE d.tenant_id = t.tenant_id)
    + (SELECT coalesce(sum(length(v.vector)), 0) FROM vectors v WHERE v.tenant_id = t.tenant_id)
    + (SELECT coalesce(sum(length(CAST(e.body AS BLOB))), 0) FROM run_events e
         JOIN runs r ON r.tenant_id = e.tenant_id AND r.run_id = e.run_id
         -- Those of a run that goes on are counted when it ends.
         WHERE e.tenant_id = t.tenant_id AND r.status <> 'running')
FROM tenants t;
