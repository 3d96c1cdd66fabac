-- What an agent did on a day (UTC), of agents whose spec bounds that. Money in millionths of a US
-- dollar.
CREATE TABLE aikit.usage_agents (
    tenant_id     TEXT COLLATE "C" NOT NULL REFERENCES aikit.tenants (tenant_id),
    agent_id      TEXT COLLATE "C" NOT NULL,
    day           TEXT COLLATE "C" NOT NULL,
    runs          BIGINT NOT NULL DEFAULT 0 CHECK (runs >= 0),
    input_tokens  BIGINT NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens BIGINT NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cost_micros   BIGINT NOT NULL DEFAULT 0 CHECK (cost_micros >= 0),
    PRIMARY KEY (tenant_id, agent_id, day)
) WITH (fillfactor = 50);

ALTER TABLE aikit.usage_agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE aikit.usage_agents FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON aikit.usage_agents TO aikit_app
    USING (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''))
    WITH CHECK (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''));
CREATE POLICY admin ON aikit.usage_agents TO aikit_admin USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON aikit.usage_agents TO aikit_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON aikit.usage_agents TO aikit_admin;
