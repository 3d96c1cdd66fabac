-- What is wrong with the isolation of tenants, one fault a row; no row when it is sound. Reads only
-- the catalogue, so any login may ask. Named here: the exceptions that v1.sql explains.
WITH tables AS (
    SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relispartition AS part,
        c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
        a.attnum AS tenant, a.attnotnull AS filled, a.atttypid AS type
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'aikit'
    LEFT JOIN pg_attribute a
        ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'f') AND c.relname <> 'migrations'
),
wanted (policy, role, rule) AS (VALUES
    ('tenant', 'aikit_app', '(tenant_id = NULLIF(current_setting(''aikit.current_tenant_id''::text, '
        || 'true), ''''::text))'),
    ('admin', 'aikit_admin', 'true')
),
-- Every right on a table, view or column that somebody else than its owner has; 0 is everybody.
rights AS (
    SELECT c.oid, c.relname AS name, c.relispartition AS part, x.privilege_type AS privilege,
        x.grantee, coalesce(r.rolname, 'everybody') AS who
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'aikit'
    CROSS JOIN LATERAL (
        SELECT c.relacl AS acl UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = c.oid
    ) l
    CROSS JOIN LATERAL aclexplode(l.acl) x
    LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND x.grantee <> c.relowner
),
functions AS (
    SELECT p.oid, p.proname AS name, p.prosecdef AS definer, p.proconfig AS settings,
        p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'aikit'
)

SELECT format('table %s has no column tenant_id that is text and NOT NULL', name) AS fault
FROM tables WHERE tenant IS NULL OR NOT filled OR type <> 'text'::regtype
UNION ALL
SELECT format('table %s: row-level security is not enabled', name) FROM tables WHERE NOT enabled
UNION ALL
SELECT format('table %s: row-level security is not forced', name) FROM tables WHERE NOT forced
UNION ALL
SELECT format('table %s has no policy %s', t.name, w.policy) FROM tables t CROSS JOIN wanted w
WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polname = w.policy)
UNION ALL
SELECT format('table %s: policy %s is not the one that isolates tenants', t.name, w.policy)
FROM tables t JOIN pg_policy p ON p.polrelid = t.oid JOIN wanted w ON w.policy = p.polname
LEFT JOIN pg_roles r ON r.rolname = w.role
WHERE p.polcmd <> '*' OR NOT p.polpermissive OR p.polroles IS DISTINCT FROM ARRAY[r.oid]
    OR pg_get_expr(p.polqual, p.polrelid) IS DISTINCT FROM w.rule
    OR pg_get_expr(p.polwithcheck, p.polrelid) IS DISTINCT FROM w.rule
UNION ALL
SELECT format('table %s has a further policy %s', t.name, p.polname)
FROM tables t JOIN pg_policy p ON p.polrelid = t.oid
WHERE p.polname NOT IN (SELECT policy FROM wanted)
UNION ALL
SELECT format('table %s has no primary key', name) FROM tables t
WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)
UNION ALL
SELECT format('table %s: index %s does not begin with tenant_id', t.name, c.relname)
FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indkey[0] IS DISTINCT FROM t.tenant
    AND (i.indisunique OR c.relname NOT IN ('tenant_parent', 'tenant_grant_reader'))
UNION ALL
SELECT format('table %s: foreign key %s does not lead with tenant_id', t.name, k.conname)
FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
LEFT JOIN tables o ON o.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.confkey[1] IS DISTINCT FROM o.tenant
    OR (k.conkey[1] IS DISTINCT FROM t.tenant
        AND (t.name, a.attname) NOT IN (('tenants', 'parent_id'), ('tenant_grants', 'reader_id')))
UNION ALL
SELECT format('table %s has %s of its 16 partitions', t.name, count(i.inhrelid))
FROM tables t LEFT JOIN pg_inherits i ON i.inhparent = t.oid WHERE t.kind = 'p'
GROUP BY t.name HAVING count(i.inhrelid) <> 16
UNION ALL
SELECT format('view %s shows what its owner may see: it is not security_invoker', c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'aikit'
WHERE c.relkind = 'v' AND NOT EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions) o
    WHERE o.option_name = 'security_invoker' AND o.option_value::boolean)
UNION ALL
SELECT format('materialized view %s keeps rows without their policies', c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'aikit'
WHERE c.relkind = 'm'
UNION ALL
SELECT format('function %s runs with the rights of its owner and has no search_path of its own', name)
FROM functions f
WHERE definer AND NOT EXISTS (SELECT FROM unnest(settings) s WHERE s LIKE 'search\_path=%')
UNION ALL
SELECT format('function %s may be called by everybody', name) FROM functions
WHERE EXISTS (SELECT FROM aclexplode(acl) x WHERE x.grantee = 0)
UNION ALL
SELECT format('%s has the right %s on %s, which no policy holds back', who, privilege, name)
FROM rights WHERE privilege IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
UNION ALL
SELECT format('everybody has the right %s on %s', privilege, name) FROM rights WHERE grantee = 0
UNION ALL
SELECT format('%s has the right %s on partition %s', who, privilege, name) FROM rights WHERE part
UNION ALL
SELECT format('%s has the right %s on audit_log', who, privilege) FROM rights
WHERE name = 'audit_log'
    AND (privilege = 'UPDATE' OR (privilege = 'DELETE' AND who <> 'aikit_admin'))
UNION ALL
SELECT format('%s has the right %s on %s', who, privilege, name) FROM rights
WHERE name IN ('tenants', 'migrations') AND privilege <> 'SELECT'
    AND (name = 'migrations' OR who <> 'aikit_admin')
UNION ALL
SELECT 'the trigger that keeps audit_log append-only is missing'
WHERE NOT EXISTS (SELECT FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid
    WHERE t.name = 'audit_log' AND g.tgname = 'audit_log_is_append_only')
UNION ALL
SELECT format('table %s: trigger %s is disabled', t.name, g.tgname)
FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE g.tgenabled NOT IN ('O', 'A')
UNION ALL
SELECT format('%s is not owned by aikit_owner', c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'aikit'
JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname <> 'aikit_owner'
UNION ALL
SELECT format('function %s is not owned by aikit_owner', f.name)
FROM functions f JOIN pg_roles r ON r.oid = f.owner WHERE r.rolname <> 'aikit_owner'
UNION ALL
SELECT format('%s has the right %s on the schema aikit', coalesce(r.rolname, 'everybody'),
    x.privilege_type)
FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) x
LEFT JOIN pg_roles r ON r.oid = x.grantee
WHERE n.nspname = 'aikit' AND x.grantee <> n.nspowner
    AND (x.privilege_type = 'CREATE' OR x.grantee = 0)
UNION ALL
SELECT format('the schema aikit is owned by %s, not by aikit_owner', r.rolname)
FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
WHERE n.nspname = 'aikit' AND r.rolname <> 'aikit_owner'
UNION ALL
-- Its schema is in the search_path, behind pg_catalog and aikit.
SELECT format('%s may make objects in the schema %s, where pgvector lies',
    coalesce(r.rolname, 'everybody'), n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
LEFT JOIN pg_roles r ON r.oid = x.grantee
WHERE e.extname = 'vector' AND x.privilege_type = 'CREATE'
    AND (x.grantee = 0 OR r.rolname IN ('aikit_app', 'aikit_admin'))
UNION ALL
SELECT 'the extension vector (pgvector) is missing'
WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')
UNION ALL
SELECT format('the role %s is missing', w.role)
FROM (VALUES ('aikit_owner'), ('aikit_app'), ('aikit_admin')) w (role)
WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.role)
UNION ALL
SELECT format('the role %s is one to log in with, a superuser or BYPASSRLS', rolname)
FROM pg_roles WHERE rolname IN ('aikit_owner', 'aikit_app', 'aikit_admin')
    AND (rolcanlogin OR rolsuper OR rolbypassrls)
ORDER BY 1
