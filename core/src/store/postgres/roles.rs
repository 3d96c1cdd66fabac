//! Whether the login of a connection has the rights that it should: enough, and not too many.

use sqlx::{AssertSqlSafe, PgConnection, Row as _};

use super::fault::store_error;
use super::schema;
use crate::error::{Code, Error, Result};

/// Refuses a login that could leave its tenant, and tables of another version. `rls: false`, said by
/// the user, leaves only the versions to be checked.
pub(super) async fn check_app(connection: &mut PgConnection, rls: bool) -> Result<()> {
    check(connection, rls.then_some(Door::Tenant)).await
}

/// Refuses a login that is not an administrator's, or one that is more than that.
pub(super) async fn check_admin(connection: &mut PgConnection) -> Result<()> {
    check(connection, Some(Door::Admin)).await
}

async fn check(connection: &mut PgConnection, door: Option<Door>) -> Result<()> {
    let (found, failed) =
        match Found::ask(connection, "max(m.version) FROM aikit.migrations m").await {
            Ok(found) => (found, None),
            // Whoever may not see the tables is told why, as far as the catalogue knows.
            Err(error) if error.code() == Code::StoreRole => {
                (Found::ask(connection, "NULL::bigint").await?, Some(error))
            }
            Err(error) if error.code() == Code::StoreOutdated => {
                return Err(Error::new(Code::StoreOutdated, "the database has no tables of aikit")
                    .hint("make them: aikit db migrate --store URL"));
            }
            Err(error) => return Err(error),
        };
    if failed.is_none() {
        found.check_versions()?;
    }
    if let Some(door) = door {
        found.check(door)?;
    }
    failed.map_or(Ok(()), Err)
}

#[derive(Clone, Copy, PartialEq)]
enum Door {
    Tenant,
    Admin,
}

impl Door {
    fn role(self) -> &'static str {
        match self {
            Self::Tenant => "aikit_app",
            Self::Admin => "aikit_admin",
        }
    }

    /// The command that gives a login this door.
    fn grant(self, login: &str) -> String {
        match self {
            Self::Tenant => format!("aikit db grant {login} --store URL"),
            Self::Admin => format!("aikit db grant {login} --admin --store URL"),
        }
    }
}

/// What the catalogue says, in one answer.
struct Found {
    server: i32,
    version: Option<i64>,
    login: String,
    superuser: bool,
    bypasses: bool,
    in_owner: bool,
    in_app: bool,
    has_app: bool,
    in_admin: bool,
    has_admin: bool,
    owned: Option<String>,
    truncated: Option<String>,
    open: Option<String>,
}

// `MEMBER` asks whether a right is within reach, `USAGE` whether it holds without another command.
const ASK: &str = "WITH tables AS (
        SELECT c.oid, c.relname::text AS name, c.relowner AS owner,
            c.relrowsecurity AND c.relforcerowsecurity AS closed
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'aikit' AND c.relkind IN ('r', 'p')
    ), roles AS (
        SELECT r.rolname AS name, pg_has_role(r.oid, 'MEMBER') AS member,
            pg_has_role(r.oid, 'USAGE') AS usage
        FROM pg_roles r WHERE r.rolname IN ('aikit_owner', 'aikit_app', 'aikit_admin')
    )
    SELECT current_setting('server_version_num')::integer AS server,
        (SELECT @version@) AS version,
        r.rolname::text AS login, r.rolsuper AS superuser, r.rolbypassrls AS bypasses,
        coalesce((SELECT member FROM roles WHERE name = 'aikit_owner'), false) AS in_owner,
        coalesce((SELECT member FROM roles WHERE name = 'aikit_app'), false) AS in_app,
        coalesce((SELECT usage FROM roles WHERE name = 'aikit_app'), false) AS has_app,
        coalesce((SELECT member FROM roles WHERE name = 'aikit_admin'), false) AS in_admin,
        coalesce((SELECT usage FROM roles WHERE name = 'aikit_admin'), false) AS has_admin,
        (SELECT min(name) FROM tables WHERE pg_has_role(owner, 'MEMBER')) AS owned,
        (SELECT min(name) FROM tables WHERE has_table_privilege(oid, 'TRUNCATE')) AS truncated,
        (SELECT min(name) FROM tables WHERE NOT closed AND name <> 'migrations') AS open
    FROM pg_roles r WHERE r.rolname = current_user";

impl Found {
    async fn ask(connection: &mut PgConnection, version: &'static str) -> Result<Self> {
        let sql = AssertSqlSafe(ASK.replace("@version@", version));
        let row = sqlx::query(sql).persistent(false).fetch_one(connection).await;
        let row = row.map_err(store_error)?;
        let read = || {
            Ok(Self {
                server: row.try_get("server")?,
                version: row.try_get("version")?,
                login: row.try_get("login")?,
                superuser: row.try_get("superuser")?,
                bypasses: row.try_get("bypasses")?,
                in_owner: row.try_get("in_owner")?,
                in_app: row.try_get("in_app")?,
                has_app: row.try_get("has_app")?,
                in_admin: row.try_get("in_admin")?,
                has_admin: row.try_get("has_admin")?,
                owned: row.try_get("owned")?,
                truncated: row.try_get("truncated")?,
                open: row.try_get("open")?,
            })
        };
        read().map_err(store_error)
    }

    fn check_versions(&self) -> Result<()> {
        schema::check_server(self.server)?;
        let (found, wanted) = (self.version.unwrap_or(0), schema::newest());
        if found == wanted {
            return Ok(());
        }
        Err(if found < wanted { schema::older(found) } else { schema::newer(found) })
    }

    fn check(&self, door: Door) -> Result<()> {
        let login = &self.login;
        let refused = |what: &str| Error::new(Code::StoreRole, format!("the login {login} {what}"));
        let another = match door {
            Door::Tenant => {
                "use a login of its own: aikit db grant LOGIN --create --store URL; \
                or say `rls: false`, and nothing but the statements keeps tenants apart"
            }
            Door::Admin => {
                "use a login of its own: aikit db grant LOGIN --admin --create --store URL"
            }
        };
        if self.superuser {
            return Err(refused("is a superuser, whom no policy holds back").hint(another));
        }
        if self.bypasses {
            return Err(refused("has BYPASSRLS, so no policy holds it back").hint(another));
        }
        if let Some(table) = self.owned.as_ref().filter(|_| !self.in_owner) {
            let what = format!("owns the table aikit.{table}, so it could lift its policies");
            return Err(refused(&what).hint(another));
        }
        if self.in_owner {
            let what = "is a member of aikit_owner, so it could lift the policies";
            return Err(refused(what).hint(another));
        }
        if door == Door::Tenant && self.in_admin {
            let what = "is a member of aikit_admin, to whom the rows of all tenants are shown";
            return Err(refused(what).hint(format!(
                "use another login, or: aikit db grant {login} --admin --revoke --store URL"
            )));
        }
        let (member, usable) = match door {
            Door::Tenant => (self.in_app, self.has_app),
            Door::Admin => (self.in_admin, self.has_admin),
        };
        if !member {
            return Err(not_a_member(login, door));
        }
        if !usable {
            let what = format!("is a member of {} and does not inherit its rights", door.role());
            let hint = format!("ALTER ROLE {login} INHERIT, then {}", door.grant(login));
            return Err(refused(&what).hint(hint));
        }
        if let Some(table) = &self.truncated {
            let what = format!("may TRUNCATE aikit.{table}, which no policy holds back");
            let hint =
                format!("REVOKE TRUNCATE ON ALL TABLES IN SCHEMA aikit FROM {login}, PUBLIC");
            return Err(refused(&what).hint(hint));
        }
        if let Some(table) = &self.open {
            return Err(Error::new(
                Code::StoreRole,
                format!("row-level security of the table aikit.{table} was switched off"),
            )
            .hint(format!(
                "ALTER TABLE aikit.{table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
                 aikit db status --store URL shows everything that is wrong"
            )));
        }
        Ok(())
    }
}

fn not_a_member(login: &str, door: Door) -> Error {
    Error::new(Code::StoreRole, format!("the login {login} is not a member of {}", door.role()))
        .hint(door.grant(login))
}
