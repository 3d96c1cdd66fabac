//! Each way to loosen the isolation is found by the lint, and named.

use super::{in_schema, run};
use crate::store::postgres::lint::lint;

/// What somebody does to the schema, and words of the fault that must be told.
const HARM: &[(&str, &str)] = &[
    ("ALTER TABLE aikit.chunks DISABLE ROW LEVEL SECURITY", "chunks: row-level security is not enabled"),
    ("ALTER TABLE aikit.runs NO FORCE ROW LEVEL SECURITY", "runs: row-level security is not forced"),
    ("ALTER TABLE aikit.runs_5 NO FORCE ROW LEVEL SECURITY", "runs_5: row-level security is not forced"),
    ("DROP POLICY tenant ON aikit.documents", "documents has no policy tenant"),
    ("DROP POLICY admin ON aikit.run_events_15", "run_events_15 has no policy admin"),
    ("ALTER POLICY tenant ON aikit.vectors USING (true)", "vectors: policy tenant is not"),
    ("ALTER POLICY tenant ON aikit.vectors WITH CHECK (true)", "vectors: policy tenant is not"),
    ("ALTER POLICY tenant ON aikit.vectors TO PUBLIC", "vectors: policy tenant is not"),
    ("ALTER POLICY admin ON aikit.vectors TO aikit_app", "vectors: policy admin is not"),
    (
        "DROP POLICY tenant ON aikit.chunks; CREATE POLICY tenant ON aikit.chunks TO aikit_app
            USING (tenant_id = nullif(current_setting('aikit.current_tenant_id', true), ''))",
        "chunks: policy tenant is not",
    ),
    (
        "DROP POLICY tenant ON aikit.chunks; CREATE POLICY tenant ON aikit.chunks TO aikit_app
            USING (tenant_id = (SELECT current_setting('aikit.current_tenant_id', true)))
            WITH CHECK (tenant_id = (SELECT current_setting('aikit.current_tenant_id', true)))",
        "chunks: policy tenant is not",
    ),
    ("CREATE POLICY more ON aikit.tenants TO aikit_app USING (true)", "tenants has a further policy more"),
    ("CREATE TABLE aikit.notes (id bigint PRIMARY KEY)", "notes has no column tenant_id"),
    ("CREATE TABLE aikit.notes (tenant_id text)", "notes has no column tenant_id that is text and NOT NULL"),
    ("CREATE TABLE aikit.notes (tenant_id text NOT NULL)", "notes has no primary key"),
    (
        "CREATE TABLE aikit.notes (tenant_id text NOT NULL, id bigint PRIMARY KEY)",
        "notes: index notes_pkey does not begin with tenant_id",
    ),
    ("ALTER TABLE aikit.runs DROP CONSTRAINT runs_pkey CASCADE", "runs has no primary key"),
    ("CREATE INDEX theirs ON aikit.chunks (source)", "chunks: index theirs does not begin"),
    ("CREATE INDEX theirs ON aikit.chunks (lower(source))", "chunks: index theirs does not begin"),
    ("CREATE UNIQUE INDEX theirs ON aikit.spec_versions (hash)", "index theirs does not begin"),
    (
        "ALTER TABLE aikit.chunks ADD UNIQUE (id);
         ALTER TABLE aikit.vectors ADD CONSTRAINT theirs FOREIGN KEY (chunk_id) REFERENCES aikit.chunks (id)",
        "vectors: foreign key theirs does not lead",
    ),
    ("ALTER TABLE aikit.runs DETACH PARTITION aikit.runs_9", "runs has 15 of its 16 partitions"),
    ("CREATE VIEW aikit.all_runs AS SELECT * FROM aikit.runs", "view all_runs shows what its owner"),
    (
        "CREATE VIEW aikit.all_runs WITH (security_invoker = false) AS SELECT * FROM aikit.runs",
        "view all_runs shows what its owner",
    ),
    (
        "CREATE MATERIALIZED VIEW aikit.all_runs AS SELECT * FROM aikit.runs",
        "materialized view all_runs",
    ),
    (
        "CREATE FUNCTION aikit.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER
            AS 'SELECT count(*) FROM aikit.runs'",
        "peek runs with the rights of its owner",
    ),
    ("GRANT EXECUTE ON FUNCTION aikit.enter TO PUBLIC", "enter may be called by everybody"),
    ("CREATE FUNCTION aikit.f() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'", "f may be called by"),
    ("GRANT ALL ON aikit.chunks TO aikit_app", "aikit_app has the right TRUNCATE on chunks"),
    ("GRANT REFERENCES ON aikit.tenants TO aikit_admin", "aikit_admin has the right REFERENCES on tenants"),
    ("GRANT REFERENCES (tenant_id) ON aikit.runs TO aikit_app", "aikit_app has the right REFERENCES on runs"),
    ("GRANT SELECT ON aikit.runs TO PUBLIC", "everybody has the right SELECT on runs"),
    ("GRANT SELECT (text) ON aikit.chunks TO PUBLIC", "everybody has the right SELECT on chunks"),
    ("GRANT SELECT ON aikit.runs_0 TO aikit_app", "aikit_app has the right SELECT on partition runs_0"),
    ("GRANT DELETE ON aikit.audit_log TO aikit_app", "aikit_app has the right DELETE on audit_log"),
    ("GRANT UPDATE ON aikit.audit_log TO aikit_admin", "aikit_admin has the right UPDATE on audit_log"),
    ("GRANT UPDATE ON aikit.tenants TO aikit_app", "aikit_app has the right UPDATE on tenants"),
    ("GRANT INSERT ON aikit.migrations TO aikit_admin", "aikit_admin has the right INSERT on migrations"),
    ("DROP TRIGGER audit_log_is_append_only ON aikit.audit_log", "append-only is missing"),
    (
        "ALTER TABLE aikit.audit_log DISABLE TRIGGER audit_log_is_append_only",
        "trigger audit_log_is_append_only is disabled",
    ),
    ("ALTER TABLE aikit.chunks DISABLE TRIGGER ALL", "chunks: trigger"),
    ("ALTER TABLE aikit.chunks OWNER TO CURRENT_USER", "chunks is not owned by aikit_owner"),
    ("ALTER FUNCTION aikit.enter OWNER TO CURRENT_USER", "function enter is not owned by aikit_owner"),
    ("ALTER SCHEMA aikit OWNER TO CURRENT_USER", "the schema aikit is owned by"),
    ("GRANT CREATE ON SCHEMA aikit TO aikit_app", "aikit_app has the right CREATE on the schema aikit"),
    ("GRANT USAGE ON SCHEMA aikit TO PUBLIC", "everybody has the right USAGE on the schema aikit"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "everybody may make objects in the schema public"),
    ("GRANT CREATE ON SCHEMA public TO aikit_app", "aikit_app may make objects in the schema public"),
    ("DROP EXTENSION vector CASCADE", "pgvector) is missing"),
];

#[test]
fn every_loosened_rule_is_found() {
    in_schema(async |_, root| {
        assert_eq!(lint(root).await.expect("lint"), Vec::<String>::new());
        for (harm, words) in HARM {
            run(root, &format!("BEGIN; {harm}")).await.expect(harm);
            let faults = lint(root).await.expect("lint");
            assert!(faults.iter().any(|fault| fault.contains(words)), "{harm}: {faults:?}");
            run(root, "ROLLBACK").await.expect("roll back");
        }
        assert_eq!(lint(root).await.expect("lint"), Vec::<String>::new());
    });
}

/// What keeps to the rules is not found.
#[test]
fn what_a_user_may_add_is_left_alone() {
    in_schema(async |_, root| {
        for addition in [
            "CREATE VIEW aikit.v WITH (security_invoker = on) AS SELECT * FROM aikit.runs",
            "CREATE INDEX more ON aikit.runs (tenant_id, model)",
            "GRANT SELECT ON aikit.runs TO aikit_admin",
        ] {
            let addition = format!("BEGIN; SET LOCAL ROLE aikit_owner; {addition}; RESET ROLE");
            run(root, &addition).await.expect("addition");
            assert_eq!(lint(root).await.expect("lint"), Vec::<String>::new(), "{addition}");
            run(root, "ROLLBACK").await.expect("roll back");
        }
    });
}
