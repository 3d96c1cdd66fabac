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

-- Keywords. FTS5 has one index for all tenants, so its tokens carry their collection: aikit cuts and
-- stems the words of a passage, puts the collection's key before each, and ranks with what it counts
-- in the collection alone.
ALTER TABLE chunks ADD COLUMN words TEXT NOT NULL DEFAULT '';
ALTER TABLE chunks ADD COLUMN length INTEGER NOT NULL DEFAULT 0 CHECK (length >= 0);
ALTER TABLE collections ADD COLUMN passages INTEGER NOT NULL DEFAULT 0 CHECK (passages >= 0);
ALTER TABLE collections ADD COLUMN words INTEGER NOT NULL DEFAULT 0 CHECK (words >= 0);
UPDATE chunks SET words = aikit_words(tenant_id, collection, text);
UPDATE chunks SET length = length(words) - length(replace(words, ' ', '')) + (words <> '');
-- The length of a passage without its texts.
CREATE INDEX chunk_length ON chunks (tenant_id, collection, id, length);
UPDATE collections SET (passages, words) =
    (SELECT count(*), coalesce(sum(c.length), 0) FROM chunks c
     WHERE c.tenant_id = collections.tenant_id AND c.collection = collections.name);

DROP TRIGGER chunks_insert;
DROP TRIGGER chunks_delete;
DROP TABLE chunk_text;
CREATE VIRTUAL TABLE chunk_text USING fts5 (
    words,
    content = 'chunks',
    content_rowid = 'id',
    tokenize = 'ascii tokenchars _',
    columnsize = 0
);
-- Deleted passages leave no words behind in the index.
INSERT INTO chunk_text (chunk_text, rank) VALUES ('secure-delete', 1);
INSERT INTO chunk_text (chunk_text) VALUES ('rebuild');
CREATE VIRTUAL TABLE chunk_terms USING fts5vocab (chunk_text, row);
CREATE VIRTUAL TABLE chunk_postings USING fts5vocab (chunk_text, instance);

CREATE TRIGGER chunks_insert AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_text (rowid, words) VALUES (new.id, new.words);
    UPDATE collections SET passages = passages + 1, words = words + new.length
        WHERE tenant_id = new.tenant_id AND name = new.collection;
END;
CREATE TRIGGER chunks_delete AFTER DELETE ON chunks BEGIN
    INSERT INTO chunk_text (chunk_text, rowid, words) VALUES ('delete', old.id, old.words);
    UPDATE collections SET passages = passages - 1, words = words - old.length
        WHERE tenant_id = old.tenant_id AND name = old.collection;
END;

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
