-- Specs: every version with its state, the terms that it is found by, and what was done to it.

-- `ordering` is the version as bytes that sort as semantic versions do, so that pages, ranges and the
-- newest version are one walk along the key. `tags` and `document` are JSON; the long columns are the
-- last ones, so that lists do not read them.
CREATE TABLE spec_versions (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    ordering    BLOB NOT NULL,
    version     TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('draft', 'active', 'deprecated', 'retired')),
    hash        TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    created_by  TEXT,
    updated_at  TEXT NOT NULL,
    sunset      TEXT,
    successor   TEXT,
    model       TEXT,
    tags        TEXT NOT NULL,
    name        TEXT NOT NULL,
    description TEXT,
    document    TEXT NOT NULL,
    text        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, ordering)
) STRICT;
CREATE INDEX spec_status ON spec_versions (tenant_id, status, agent_id, ordering);
-- Whatever happens, no agent has two active versions.
CREATE UNIQUE INDEX spec_active ON spec_versions (tenant_id, agent_id) WHERE status = 'active';

-- Tags and words in the order of agent and version. Not FTS5: its lists of hits run through all
-- tenants and stand in the order of rows, so that one tenant's search would read past the hits of
-- the others, and a page would have to collect and sort every hit first. Here a search reads only
-- keys that begin with its tenant, and stops at the end of the page.
CREATE TABLE spec_terms (
    tenant_id TEXT NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('tag', 'word')),
    term      TEXT NOT NULL,
    agent_id  TEXT NOT NULL,
    ordering  BLOB NOT NULL,
    PRIMARY KEY (tenant_id, kind, term, agent_id, ordering)
) STRICT, WITHOUT ROWID;

-- No reference to the version: the history of a deleted draft stays.
CREATE TABLE spec_history (
    tenant_id   TEXT NOT NULL,
    agent_id    TEXT NOT NULL,
    seq         INTEGER NOT NULL CHECK (seq >= 1),
    version     TEXT NOT NULL,
    change      TEXT NOT NULL CHECK (change IN
        ('saved', 'replaced', 'promoted', 'deprecated', 'retired', 'deleted', 'imported')),
    from_status TEXT CHECK (from_status IN ('draft', 'active', 'deprecated', 'retired')),
    to_status   TEXT CHECK (to_status IN ('draft', 'active', 'deprecated', 'retired')),
    at          TEXT NOT NULL,
    actor       TEXT,
    why         TEXT,
    hash        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, seq)
) STRICT, WITHOUT ROWID;
