//! Logins: made, and given one of the roles or relieved of it.

use secrecy::SecretString;
use serde::Serialize;
use sqlx::{PgConnection, Row as _};

use super::scram::Verifier;
use super::{ADMIN, APP, OWNER, in_transaction, needs};
use crate::error::{Code, Error, Result};
use crate::store::postgres::fault::store_error;

/// What a login is to have.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// The name of the login.
    pub login: String,
    /// The role of an administrator rather than that of an application.
    pub admin: bool,
    /// Makes the login if it is not there.
    pub create: bool,
    /// The login's new password. Only what the server keeps of it leaves this process.
    pub password: Option<SecretString>,
    /// Takes the role away instead.
    pub revoke: bool,
}

/// What was done to a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// The name of the login.
    pub login: String,
    /// `aikit_app` or `aikit_admin`.
    pub role: &'static str,
    /// The login was made.
    pub created: bool,
    /// The password was set.
    pub password_set: bool,
    /// The role was given or taken away; false if that was so already.
    pub changed: bool,
}

/// Gives a login a role, or takes it away. Idempotent.
pub(in crate::store::postgres) async fn grant(
    connection: &mut PgConnection,
    grant: Grant,
) -> Result<Granted> {
    check_name(&grant.login)?;
    if grant.revoke && (grant.create || grant.password.is_some()) {
        return Err(Error::invalid_argument(
            "a role is either taken away, or the login is made and has a password",
        ));
    }
    let verifier = grant.password.as_ref().map(Verifier::new).transpose()?;
    let role = if grant.admin { ADMIN } else { APP };
    in_transaction(connection, async |c| {
        name(c, &grant.login, role).await?;
        let mut created = false;
        let login = match Login::find(c).await? {
            Some(login) => login,
            None if grant.create => {
                created = true;
                make(c).await?;
                Login::find(c).await?.ok_or_else(|| nobody(&grant))?
            }
            None => return Err(nobody(&grant)),
        };
        if !grant.revoke {
            login.check(&grant)?;
        }
        if let Some(verifier) = &verifier {
            set_password(c, verifier).await?;
        }
        let changed = login.has(role) == grant.revoke;
        match (changed, grant.revoke) {
            (true, true) => revoke(c, role, &grant.login).await?,
            (true, false) => give(c).await?,
            (false, _) => {}
        }
        let password_set = verifier.is_some();
        Ok(Granted { login: grant.login.clone(), role, created, password_set, changed })
    })
    .await
}

fn check_name(login: &str) -> Result<()> {
    let own = [OWNER, APP, ADMIN].contains(&login);
    let allowed = !login.is_empty()
        && login.len() < 64
        && !own
        && !login.starts_with("pg_")
        && !login.contains('\0');
    if allowed {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("{login:?} cannot be the name of a login"))
        .hint("at most 63 bytes, not beginning with pg_, and none of aikit's own roles"))
}

fn nobody(grant: &Grant) -> Error {
    let Grant { login, .. } = grant;
    let error = Error::invalid_argument(format!("the server has no login {login}"));
    if grant.revoke {
        return error.hint("aikit db status --store URL shows who has which role");
    }
    let admin = if grant.admin { " --admin" } else { "" };
    error.hint(format!("make it: aikit db grant {login}{admin} --create --store URL"))
}

/// The statements below find names in settings of the transaction: so nobody quotes them by hand, and
/// no log of statements shows a verifier.
async fn name(connection: &mut PgConnection, login: &str, role: &str) -> Result<()> {
    let names = "SELECT set_config('aikit.grant_login', $1, true),
        set_config('aikit.grant_role', $2, true)";
    let names = sqlx::query(names).persistent(false).bind(login).bind(role);
    names.execute(connection).await.map_err(store_error)?;
    Ok(())
}

struct Login {
    superuser: bool,
    bypasses: bool,
    can_log_in: bool,
    in_owner: bool,
    in_app: bool,
    in_admin: bool,
    /// Rights of roles reach it: since version 16 each grant says that for itself.
    inherits: bool,
}

impl Login {
    async fn find(connection: &mut PgConnection) -> Result<Option<Self>> {
        let roles = "SELECT count(*) FROM pg_roles
            WHERE rolname IN ('aikit_owner', 'aikit_app', 'aikit_admin')";
        let roles = sqlx::query(roles).persistent(false).fetch_one(&mut *connection).await;
        if roles.and_then(|row| row.try_get::<i64, _>(0)).map_err(store_error)? < 3 {
            return Err(Error::new(Code::StoreOutdated, "the server has no roles of aikit")
                .hint("make them: aikit db migrate --store URL"));
        }
        // Membership by grants: a superuser counts as a member of everything otherwise.
        let login = "WITH RECURSIVE above (oid) AS (
                SELECT r.oid FROM pg_roles r
                WHERE r.rolname = current_setting('aikit.grant_login')
                UNION SELECT m.roleid FROM pg_auth_members m JOIN above a ON m.member = a.oid
            ), names AS (SELECT r.rolname FROM above a JOIN pg_roles r ON r.oid = a.oid)
            SELECT r.rolsuper AS superuser, r.rolbypassrls AS bypasses, r.rolcanlogin AS can_log_in,
                'aikit_owner' IN (SELECT rolname FROM names) AS in_owner,
                'aikit_app' IN (SELECT rolname FROM names) AS in_app,
                'aikit_admin' IN (SELECT rolname FROM names) AS in_admin,
                r.rolinherit OR current_setting('server_version_num')::integer >= 160000 AS inherits
            FROM pg_roles r WHERE r.rolname = current_setting('aikit.grant_login')";
        let row = sqlx::query(login).persistent(false).fetch_optional(connection).await;
        let Some(row) = row.map_err(store_error)? else { return Ok(None) };
        let read = || {
            Ok(Self {
                superuser: row.try_get("superuser")?,
                bypasses: row.try_get("bypasses")?,
                can_log_in: row.try_get("can_log_in")?,
                in_owner: row.try_get("in_owner")?,
                in_app: row.try_get("in_app")?,
                in_admin: row.try_get("in_admin")?,
                inherits: row.try_get("inherits")?,
            })
        };
        read().map(Some).map_err(store_error)
    }

    fn has(&self, role: &str) -> bool {
        if role == ADMIN { self.in_admin } else { self.in_app }
    }

    /// Refuses to give a role to a login that opening would refuse with it.
    fn check(&self, grant: &Grant) -> Result<()> {
        let login = &grant.login;
        let refused = |what: &str, hint: String| {
            Err(Error::new(Code::StoreRole, format!("the login {login} {what}")).hint(hint))
        };
        let admin = if grant.admin { " --admin" } else { "" };
        let another =
            format!("use a login of its own: aikit db grant LOGIN{admin} --create --store URL");
        if self.superuser {
            return refused("is a superuser, whom no policy holds back", another);
        }
        if self.bypasses {
            return refused("has BYPASSRLS, so no policy holds it back", another);
        }
        if self.in_owner {
            return refused("is a member of aikit_owner, so it could lift the policies", another);
        }
        if !self.can_log_in {
            return refused("is a role that cannot log in", format!("ALTER ROLE {login} LOGIN"));
        }
        if !self.inherits {
            let hint = format!("ALTER ROLE {login} INHERIT");
            return refused("does not inherit the rights of its roles", hint);
        }
        // A kernel of an administrator's login would see the rows of all tenants.
        if grant.admin && self.in_app {
            let hint =
                format!("use another login, or: aikit db grant {login} --revoke --store URL");
            return refused("is one of an application, which an administrator's is not", hint);
        }
        if !grant.admin && self.in_admin {
            let hint = format!(
                "use another login, or: aikit db grant {login} --admin --revoke --store URL"
            );
            return refused("is one of an administrator, which an application's is not", hint);
        }
        Ok(())
    }
}

async fn run(connection: &mut PgConnection, sql: &'static str, what: &str) -> Result<()> {
    let hint = "run it as a superuser, or with the login that made the roles of aikit";
    let done = sqlx::raw_sql(sql).execute(connection).await;
    done.map(|_| ()).map_err(|error| needs(error, what, hint))
}

async fn make(connection: &mut PgConnection) -> Result<()> {
    let make = "DO $body$ BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE',
                current_setting('aikit.grant_login'));
        END $body$";
    run(connection, make, "create a login").await
}

async fn set_password(connection: &mut PgConnection, verifier: &Verifier) -> Result<()> {
    let parts = "SELECT set_config('aikit.grant_verifier', format('SCRAM-SHA-256$4096:%s$%s:%s',
        encode($1, 'base64'), encode($2, 'base64'), encode($3, 'base64')), true)";
    let parts = sqlx::query(parts)
        .persistent(false)
        .bind(verifier.salt.as_slice())
        .bind(&verifier.stored_key)
        .bind(&verifier.server_key);
    parts.execute(&mut *connection).await.map_err(store_error)?;
    let set = "DO $body$ BEGIN
            EXECUTE format('ALTER ROLE %I PASSWORD %L', current_setting('aikit.grant_login'),
                current_setting('aikit.grant_verifier'));
        END $body$";
    run(connection, set, "set the password of this login").await
}

async fn give(connection: &mut PgConnection) -> Result<()> {
    let give = "DO $body$ BEGIN
            EXECUTE format('GRANT %I TO %I', current_setting('aikit.grant_role'),
                    current_setting('aikit.grant_login'))
                || CASE WHEN current_setting('server_version_num')::integer >= 160000
                    THEN ' WITH INHERIT TRUE' ELSE '' END;
        END $body$";
    run(connection, give, "grant the roles of aikit").await
}

async fn revoke(connection: &mut PgConnection, role: &str, login: &str) -> Result<()> {
    let take = "DO $body$ BEGIN
            EXECUTE format('REVOKE %I FROM %I', current_setting('aikit.grant_role'),
                current_setting('aikit.grant_login'));
        END $body$";
    run(connection, take, "revoke the roles of aikit").await?;
    // What another role has granted stays, with no more than a warning.
    if Login::find(connection).await?.is_some_and(|login| login.has(role)) {
        let what = format!("{login} still has {role}, which another role granted it");
        return Err(Error::new(Code::StoreRole, what)
            .hint("run it as a superuser, or look at the groups that the login is in"));
    }
    Ok(())
}
