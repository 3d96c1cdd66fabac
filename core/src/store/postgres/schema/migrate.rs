//! How an empty database, or one of an earlier version, becomes one of this.

use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::{
    ADMIN, APP, MIGRATIONS, Migration, OWNER, check_server, in_transaction, needs, newer, newest,
};
use crate::error::{Code, Error, Result};
use crate::store::postgres::fault::store_error;

/// What a migration found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// The version that was found; 0 for none.
    pub from: i64,
    /// The version that is there now.
    pub to: i64,
    /// The names of the steps that were made.
    pub applied: Vec<String>,
    /// What was made beside the tables: roles and the extension.
    pub created: Vec<String>,
}

/// Brings the database up to date, each version in a transaction of its own. Two at once follow each
/// other, and the second finds nothing to do.
pub(in crate::store::postgres) async fn migrate(
    connection: &mut PgConnection,
) -> Result<MigrationReport> {
    bring(connection, MIGRATIONS).await
}

/// Brings the database up to the version of the last of these steps, which are counted from 1.
pub(super) async fn bring(
    connection: &mut PgConnection,
    steps: &[Migration],
) -> Result<MigrationReport> {
    check_server(number(connection).await?)?;
    let (from, created) = in_transaction(connection, async |c| {
        let mut created = Vec::new();
        make_extension(c, &mut created).await?;
        make_roles(c, &mut created).await?;
        become_member(c).await?;
        make_schema(c).await?;
        act_as_owner(c).await?;
        Ok((version(c).await?, created))
    })
    .await?;

    let mut report = MigrationReport { from, to: from, applied: Vec::new(), created };
    for (wanted, step) in (1..).zip(steps) {
        let made = in_transaction(connection, async |c| {
            let path = act_as_owner(c).await?;
            // Asked under the lock: another process may have made this step meanwhile.
            if version(c).await? >= wanted {
                return Ok(false);
            }
            let sql = step.sql.replace("@path@", &path);
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *c).await.map_err(store_error)?;
            let noted = "INSERT INTO aikit.migrations (version, name, applied_at, applied_by)
                VALUES ($1, $2, aikit.aikit_now(), session_user)";
            let noted = sqlx::query(noted).persistent(false).bind(wanted).bind(step.name);
            noted.execute(&mut *c).await.map_err(store_error)?;
            Ok(true)
        })
        .await?;
        if made {
            report.applied.push(step.name.into());
        }
        report.to = report.to.max(wanted);
    }
    Ok(report)
}

async fn number(connection: &mut PgConnection) -> Result<i32> {
    one(connection, "SELECT current_setting('server_version_num')::integer").await
}

/// The one value of a statement without parameters.
pub(super) async fn one<T>(connection: &mut PgConnection, sql: &'static str) -> Result<T>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = sqlx::query(sql).persistent(false).fetch_one(connection).await;
    row.and_then(|row| row.try_get(0)).map_err(store_error)
}

async fn run(connection: &mut PgConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(sql).execute(connection).await.map(|_| ())
}

async fn make_extension(connection: &mut PgConnection, created: &mut Vec<String>) -> Result<()> {
    let there = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')";
    if one(connection, there).await? {
        return Ok(());
    }
    let known = "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')";
    if !one(connection, known).await? {
        return Err(Error::new(Code::StoreUnavailable, "the server does not have pgvector")
            .hint("install it on the server, for instance the package postgresql-17-pgvector"));
    }
    let by_superuser =
        "let a superuser run in this database: CREATE EXTENSION vector SCHEMA public";
    run(connection, "CREATE EXTENSION vector SCHEMA public").await.map_err(|error| {
        let error = needs(error, "create the extension vector (pgvector)", by_superuser);
        if matches!(error.code(), Code::StoreRole | Code::StoreLost) {
            return error;
        }
        Error::new(Code::StoreUnavailable, "pgvector cannot be set up in this database")
            .hint(by_superuser)
            .caused_by(error.cause().unwrap_or_default())
    })?;
    created.push("vector".into());
    Ok(())
}

/// The roles belong to all databases of the server: they may be there already, or come to be just now.
async fn make_roles(connection: &mut PgConnection, created: &mut Vec<String>) -> Result<()> {
    let missing = "SELECT array(SELECT w.name
        FROM unnest(ARRAY['aikit_owner', 'aikit_app', 'aikit_admin']) w (name)
        WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = w.name))";
    let missing: Vec<String> = one(connection, missing).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let make = "DO $body$
        DECLARE name text;
        BEGIN
            FOREACH name IN ARRAY ARRAY['aikit_owner', 'aikit_app', 'aikit_admin'] LOOP
                IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name) THEN
                    BEGIN
                        EXECUTE format('CREATE ROLE %I NOLOGIN', name);
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN
                        NULL; -- The set-up of another database was faster.
                    END;
                END IF;
            END LOOP;
        END $body$";
    run(connection, make).await.map_err(|error| {
        let hint = format!(
            "migrate with a login that has CREATEROLE, or let a superuser run: {}",
            [OWNER, APP, ADMIN].map(|role| format!("CREATE ROLE {role} NOLOGIN;")).join(" ")
        );
        needs(error, "create the roles of aikit", hint)
    })?;
    created.extend(missing);
    Ok(())
}

/// The owner cannot log in, so that whoever migrates acts as it.
async fn become_member(connection: &mut PgConnection) -> Result<()> {
    // From version 16 on, a member may lack the right to act as the role.
    let within_reach = "SELECT pg_has_role('aikit_owner', CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)";
    if one(connection, within_reach).await? {
        return Ok(());
    }
    run(connection, "GRANT aikit_owner TO CURRENT_USER").await.map_err(|error| {
        let hint = "migrate with the login that did so before, or let a superuser run: \
            GRANT aikit_owner TO LOGIN";
        needs(error, "act as aikit_owner", hint)
    })
}

async fn make_schema(connection: &mut PgConnection) -> Result<()> {
    let owner = "SELECT (SELECT r.rolname::text FROM pg_namespace n
        JOIN pg_roles r ON r.oid = n.nspowner WHERE n.nspname = 'aikit')";
    match one::<Option<String>>(connection, owner).await?.as_deref() {
        Some(OWNER) => {}
        Some(other) => {
            let message = format!("the database has a schema aikit that belongs to {other}");
            return Err(Error::new(Code::StoreCorrupt, message)
                .hint("use another database; this one was left as it is"));
        }
        None => {
            let make = "CREATE SCHEMA aikit AUTHORIZATION aikit_owner";
            run(connection, make).await.map_err(|error| {
                let hint =
                    "let the owner of the database run: GRANT CREATE ON DATABASE NAME TO LOGIN";
                needs(error, "create a schema in this database", hint)
            })?;
        }
    }
    let usable = "SELECT has_schema_privilege('aikit_owner', e.extnamespace, 'USAGE')
            AND has_schema_privilege('aikit_app', e.extnamespace, 'USAGE')
            AND has_schema_privilege('aikit_admin', e.extnamespace, 'USAGE')
        FROM pg_extension e WHERE e.extname = 'vector'";
    if one(connection, usable).await? {
        return Ok(());
    }
    let hint = "let the owner of that schema run: GRANT USAGE ON SCHEMA NAME TO aikit_owner, \
        aikit_app, aikit_admin";
    let open = "DO $body$ BEGIN
            EXECUTE (SELECT format('GRANT USAGE ON SCHEMA %I TO aikit_owner, aikit_app, aikit_admin',
                n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                WHERE e.extname = 'vector');
        END $body$";
    let what = "let aikit use the schema where pgvector lies";
    run(connection, open).await.map_err(|error| needs(error, what, hint))?;
    // Without the right to grant, the server may only warn.
    if one(connection, usable).await? {
        return Ok(());
    }
    Err(Error::new(Code::StoreRole, format!("this login may not {what}")).hint(hint))
}

/// Makes the rest of the transaction the owner's, and gives its `search_path` as a literal.
async fn act_as_owner(connection: &mut PgConnection) -> Result<String> {
    let path = "SELECT set_config('search_path',
            'pg_catalog, aikit, ' || quote_ident(n.nspname) || ', pg_temp', true)
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'";
    let path: String = one(connection, path).await?;
    run(connection, "SET LOCAL ROLE aikit_owner").await.map_err(store_error)?;
    Ok(format!("'{}'", path.replace('\'', "''")))
}

/// The version of the tables; 0 for none. Refuses those of a newer aikit.
async fn version(connection: &mut PgConnection) -> Result<i64> {
    let there =
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'aikit' AND c.relname = 'migrations')";
    if !one(connection, there).await? {
        return Ok(0);
    }
    let found = "SELECT coalesce(max(version), 0) FROM aikit.migrations";
    let found: i64 = one(connection, found).await?;
    if found > newest() { Err(newer(found)) } else { Ok(found) }
}
