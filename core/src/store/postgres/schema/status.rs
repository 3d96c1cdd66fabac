//! A report of what is there: versions, roles, the login, and whether the isolation is sound.

use serde::Serialize;
use sqlx::{PgConnection, Row as _};

use super::migrate::one;
use super::{MIGRATIONS, newest};
use crate::error::Result;
use crate::store::postgres::fault::store_error;
use crate::store::postgres::lint::lint;

/// What a database is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The version of the server.
    pub server: String,
    /// The version of pgvector in this database; none if it is missing.
    pub pgvector: Option<String>,
    /// The version of the tables; none if there are none, or if the login may not see them.
    pub schema: Option<i64>,
    /// The version that this aikit works with.
    pub wanted: i64,
    /// The names of the steps that `aikit db migrate` would make.
    pub pending: Vec<&'static str>,
    /// The roles of aikit and who has them.
    pub roles: Vec<RoleStatus>,
    /// The login that asks.
    pub login: LoginStatus,
    /// What is wrong with the isolation of tenants; empty when it is sound.
    pub faults: Vec<String>,
}

/// A role of aikit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoleStatus {
    /// Its name.
    pub role: String,
    /// Whether the server has it.
    pub exists: bool,
    /// The logins that have it, directly or through other roles; superusers are not counted.
    pub members: Vec<String>,
}

/// The login of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoginStatus {
    /// Its name.
    pub name: String,
    /// What it is, of `superuser`, `bypassrls`, `owner`, `app` and `admin`.
    pub is: Vec<String>,
}

/// Looks at a database, whatever its state and the rights of the login.
pub(in crate::store::postgres) async fn status(connection: &mut PgConnection) -> Result<Status> {
    let server = one(connection, "SELECT current_setting('server_version')").await?;
    let pgvector = "SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector')";
    let pgvector = one(connection, pgvector).await?;
    let roles = roles(connection).await?;
    let login = login(connection).await?;
    let there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'aikit')";
    let there: bool = one(connection, there).await?;
    let faults = if there { lint(connection).await? } else { Vec::new() };
    let schema = schema(connection).await?;
    let made = usize::try_from(schema.unwrap_or(0)).unwrap_or(0);
    let pending = MIGRATIONS.iter().skip(made).map(|step| step.name).collect();
    Ok(Status { server, pgvector, schema, wanted: newest(), pending, roles, login, faults })
}

async fn schema(connection: &mut PgConnection) -> Result<Option<i64>> {
    let visible = "SELECT coalesce((SELECT has_schema_privilege(n.oid, 'USAGE')
                AND has_table_privilege(c.oid, 'SELECT')
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'aikit' AND c.relname = 'migrations'), false)";
    if !one(connection, visible).await? {
        return Ok(None);
    }
    one(connection, "SELECT max(version) FROM aikit.migrations").await
}

async fn roles(connection: &mut PgConnection) -> Result<Vec<RoleStatus>> {
    let roles = "SELECT w.role, r.oid IS NOT NULL AS exists,
            array(SELECT l.rolname::text FROM pg_roles l
                WHERE l.rolcanlogin AND NOT l.rolsuper AND pg_has_role(l.oid, r.oid, 'MEMBER')
                ORDER BY 1) AS members
        FROM unnest(ARRAY['aikit_owner', 'aikit_app', 'aikit_admin']) WITH ORDINALITY w (role, place)
        LEFT JOIN pg_roles r ON r.rolname = w.role
        ORDER BY w.place";
    let rows = sqlx::query(roles).persistent(false).fetch_all(connection).await;
    let read = |row: &sqlx::postgres::PgRow| {
        Ok(RoleStatus {
            role: row.try_get("role")?,
            exists: row.try_get("exists")?,
            members: row.try_get("members")?,
        })
    };
    rows.and_then(|rows| rows.iter().map(read).collect()).map_err(store_error)
}

async fn login(connection: &mut PgConnection) -> Result<LoginStatus> {
    let login = "SELECT r.rolname::text AS name, array_remove(
            ARRAY[CASE WHEN r.rolsuper THEN 'superuser' END,
                CASE WHEN r.rolbypassrls AND NOT r.rolsuper THEN 'bypassrls' END]
            || array(SELECT substr(o.rolname, 7) FROM pg_roles o
                WHERE o.rolname IN ('aikit_owner', 'aikit_app', 'aikit_admin') AND NOT r.rolsuper
                    AND pg_has_role(o.oid, 'MEMBER') ORDER BY 1 DESC), NULL) AS is
        FROM pg_roles r WHERE r.rolname = current_user";
    let row = sqlx::query(login).persistent(false).fetch_one(connection).await;
    let read = |row: sqlx::postgres::PgRow| {
        Ok(LoginStatus { name: row.try_get("name")?, is: row.try_get("is")? })
    };
    row.and_then(read).map_err(store_error)
}
