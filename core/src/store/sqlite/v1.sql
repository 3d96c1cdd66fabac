-- The tenant leads every key. Times are RFC 3339 UTC from the database's clock.

CREATE TABLE collections (
    tenant_id  TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    tenant_id  TEXT NOT NULL,
    collection TEXT NOT NULL,
    source     TEXT NOT NULL,
    title      TEXT NOT NULL,
    hash       BLOB NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    added_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    PRIMARY KEY (tenant_id, collection, source),
    FOREIGN KEY (tenant_id, collection) REFERENCES collections (tenant_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- `id` is the row that the full-text index and the vectors refer to; it means nothing outside. It is
-- never used twice, so that a vector which arrives late cannot land on another passage.
CREATE TABLE chunks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id  TEXT NOT NULL,
    collection TEXT NOT NULL,
    source     TEXT NOT NULL,
    ordinal    INTEGER NOT NULL CHECK (ordinal >= 0),
    start_line INTEGER NOT NULL CHECK (start_line >= 1),
    text       TEXT NOT NULL,
    UNIQUE (tenant_id, collection, source, ordinal),
    FOREIGN KEY (tenant_id, collection, source)
        REFERENCES documents (tenant_id, collection, source) ON DELETE CASCADE
) STRICT;

CREATE VIRTUAL TABLE chunk_text USING fts5 (
    text,
    content = 'chunks',
    content_rowid = 'id',
    tokenize = 'porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunks_insert AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_text (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER chunks_delete AFTER DELETE ON chunks BEGIN
    INSERT INTO chunk_text (chunk_text, rowid, text) VALUES ('delete', old.id, old.text);
END;

CREATE TABLE vectors (
    tenant_id  TEXT NOT NULL,
    collection TEXT NOT NULL,
    model      TEXT NOT NULL,
    chunk_id   INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    vector     BLOB NOT NULL,
    PRIMARY KEY (tenant_id, collection, model, chunk_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX vectors_chunk ON vectors (chunk_id);

CREATE TABLE runs (
    tenant_id  TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    agent_id   TEXT NOT NULL,
    version    TEXT NOT NULL,
    model      TEXT NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'cancelled')),
    started_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    ended_at   TEXT,
    PRIMARY KEY (tenant_id, run_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_events (
    tenant_id TEXT NOT NULL,
    run_id    TEXT NOT NULL,
    seq       INTEGER NOT NULL CHECK (seq >= 0),
    body      TEXT NOT NULL,
    PRIMARY KEY (tenant_id, run_id, seq),
    FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
