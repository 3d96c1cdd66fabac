-- What is never to be seen in a store, whatever was interrupted: each question counts the things that
-- are half of something. Both back ends understand them. A question stands beneath its name.

-- runs without their first event
SELECT count(*) FROM runs r WHERE NOT EXISTS (SELECT 1 FROM run_events e WHERE e.tenant_id =
r.tenant_id AND e.run_id = r.run_id AND e.seq = 0);

-- runs with a gap in their events
SELECT count(*) FROM (SELECT 1 AS one FROM run_events GROUP BY tenant_id, run_id HAVING max(seq) + 1
<> count(*)) AS gaps;

-- ended runs without an ending event, or the other way round
SELECT count(*) FROM runs r WHERE (r.status <> 'running') <> EXISTS ( SELECT 1 FROM run_events e
WHERE e.tenant_id = r.tenant_id AND e.run_id = r.run_id AND (e.body LIKE '{"type":"run_finished"%'
OR e.body LIKE '{"type":"run_failed"%' OR e.body LIKE '{"type":"run_cancelled"%'));

-- ended runs without the time of their end
SELECT count(*) FROM runs WHERE (status = 'running') <> (ended_at IS NULL);

-- specs without history
SELECT count(*) FROM spec_versions s WHERE NOT EXISTS (SELECT 1 FROM spec_history h WHERE
h.tenant_id = s.tenant_id AND h.agent_id = s.agent_id AND h.version = s.version);

-- specs whose last change says another state
SELECT count(*) FROM spec_versions s WHERE s.status <> (SELECT h.to_status FROM spec_history h WHERE
h.tenant_id = s.tenant_id AND h.agent_id = s.agent_id AND h.version = s.version ORDER BY h.seq DESC
LIMIT 1);

-- histories with a gap
SELECT count(*) FROM (SELECT 1 AS one FROM spec_history GROUP BY tenant_id, agent_id HAVING max(seq)
<> count(*)) AS gaps;

-- specs that no search finds
SELECT count(*) FROM spec_versions s WHERE NOT EXISTS (SELECT 1 FROM spec_terms t WHERE t.tenant_id
= s.tenant_id AND t.agent_id = s.agent_id AND t.ordering = s.ordering);

-- terms of specs that are not there
SELECT count(*) FROM spec_terms t WHERE NOT EXISTS (SELECT 1 FROM spec_versions s WHERE t.tenant_id
= s.tenant_id AND t.agent_id = s.agent_id AND t.ordering = s.ordering);

-- documents without passages
SELECT count(*) FROM documents d WHERE d.bytes > 1 AND NOT EXISTS (SELECT 1 FROM chunks c WHERE
c.tenant_id = d.tenant_id AND c.collection = d.collection AND c.source = d.source);

-- documents with a gap in their passages
SELECT count(*) FROM (SELECT 1 AS one FROM chunks GROUP BY tenant_id, collection, source HAVING
max(ordinal) + 1 <> count(*)) AS gaps;

-- tenants whose totals are wrong
SELECT count(*) FROM tenants t LEFT JOIN usage_totals u ON u.tenant_id = t.tenant_id WHERE
coalesce(u.specs, 0) <> (SELECT count(*) FROM spec_versions s WHERE s.tenant_id = t.tenant_id) OR
coalesce(u.documents, 0) <> (SELECT count(*) FROM documents d WHERE d.tenant_id = t.tenant_id) OR
coalesce(u.vectors, 0) <> (SELECT count(*) FROM vectors v WHERE v.tenant_id = t.tenant_id);

-- data of tenants that are not there
SELECT count(*) FROM (SELECT tenant_id FROM runs UNION SELECT tenant_id FROM spec_versions UNION
SELECT tenant_id FROM collections) AS d WHERE NOT EXISTS (SELECT 1 FROM tenants t WHERE t.tenant_id
= d.tenant_id);

-- audit chains with a gap
SELECT count(*) FROM (SELECT 1 AS one FROM audit_log GROUP BY tenant_id HAVING max(seq) <> count(*))
AS gaps;
