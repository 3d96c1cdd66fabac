-- What an agent did on a day (UTC), of agents whose spec bounds that. Money in millionths of a US
-- dollar.
CREATE TABLE usage_agents (
    tenant_id     TEXT NOT NULL,
    agent_id      TEXT NOT NULL,
    day           TEXT NOT NULL,
    runs          INTEGER NOT NULL DEFAULT 0 CHECK (runs >= 0),
    input_tokens  INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cost_micros   INTEGER NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    PRIMARY KEY (tenant_id, agent_id, day)
) STRICT, WITHOUT ROWID;
