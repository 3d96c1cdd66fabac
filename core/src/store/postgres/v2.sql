-- The policies of v1 asked for the tenant in a subquery, so that it is asked once a statement. Every
-- statement of aikit also says the tenant itself, and then the planner compares the two once and
-- drops the row filter: the subquery was only a plan node to start and end, 3 % of a short transaction.
DO $body$
DECLARE
    own text := 'tenant_id = nullif(current_setting(''aikit.current_tenant_id'', true), '''')';
    name text;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'aikit'::regnamespace AND c.relkind IN ('r', 'p')
            AND c.relname <> 'migrations'
    LOOP
        EXECUTE format('ALTER POLICY tenant ON aikit.%I USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;
END $body$;
