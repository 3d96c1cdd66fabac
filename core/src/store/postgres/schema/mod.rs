//! The schema and what stands around it: versions, roles, logins, and a report of it all.

mod grant;
mod migrate;
mod scram;
mod status;

pub use grant::{Grant, Granted};
pub use migrate::MigrationReport;
pub use status::{LoginStatus, RoleStatus, Status};

pub(super) use grant::grant;
pub(super) use migrate::migrate;
pub(super) use status::status;

use sqlx::PgConnection;

use super::fault::store_error;
use crate::error::{Code, Error, Result};

/// One step of the schema.
struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// Every version's step, in order; versions are counted from 1.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "v1", sql: include_str!("../v1.sql") },
    Migration { name: "v2", sql: include_str!("../v2.sql") },
    Migration { name: "v3", sql: include_str!("../v3.sql") },
];

/// The three roles, of which the database's login has one.
const OWNER: &str = "aikit_owner";
const APP: &str = "aikit_app";
const ADMIN: &str = "aikit_admin";

/// Major versions and the minor one from which statistics show no rows of others (CVE-2025-8713).
const SERVERS: &[(i32, i32)] = &[(15, 14), (16, 10), (17, 6)];

/// The version that this aikit works with.
pub(super) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// The tables are older than what this aikit works with.
pub(super) fn older(found: i64) -> Error {
    let wanted = newest();
    Error::new(
        Code::StoreOutdated,
        format!("the database's tables are of version {found}, and this aikit works with {wanted}"),
    )
    .hint("bring them up to date: aikit db migrate --store URL")
}

/// The tables are newer than what this aikit knows.
pub(super) fn newer(found: i64) -> Error {
    let known = newest();
    Error::new(
        Code::StoreOutdated,
        format!("the database's tables are of version {found}, and this aikit knows up to {known}"),
    )
    .hint("upgrade aikit; nothing was changed")
}

/// Refuses a server whose row-level security has known holes. The number is `server_version_num`.
pub(super) fn check_server(number: i32) -> Result<()> {
    let (major, minor) = (number / 10_000, number % 10_000);
    let fixed = SERVERS.iter().find(|(m, _)| *m == major).map(|(_, minor)| *minor);
    let newest = SERVERS.last().map_or(0, |(major, _)| *major);
    if major > newest || fixed.is_some_and(|fixed| minor >= fixed) {
        return Ok(());
    }
    let wanted: Vec<String> = SERVERS.iter().map(|(a, b)| format!("{a}.{b}")).collect();
    let wanted = wanted.join(", ");
    Err(Error::new(
        Code::StoreUnavailable,
        format!("the server is PostgreSQL {major}.{minor}; aikit wants {wanted} or newer"),
    )
    .hint("update the server: before, planner statistics could show rows of other tenants"))
}

/// Runs set-up work in one transaction, after all other set-up of this database.
async fn in_transaction<T>(
    connection: &mut PgConnection,
    work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
) -> Result<T> {
    let begin = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('aikit:@schema', 0))";
    sqlx::raw_sql(begin).execute(&mut *connection).await.map_err(store_error)?;
    let outcome = work(&mut *connection).await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::raw_sql(end).execute(connection).await.map_err(store_error);
    // What failed first says more than what it led to.
    outcome.and_then(|value| ended.map(|_| value))
}

/// Adds who may do it to a right that is missing.
fn needs(error: sqlx::Error, what: &str, hint: impl Into<String>) -> Error {
    let error = store_error(error);
    if error.code() != Code::StoreRole {
        return error;
    }
    let cause = error.cause().unwrap_or_default().to_owned();
    Error::new(Code::StoreRole, format!("this login may not {what}")).hint(hint).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::check_server;
    use crate::error::Code;

    #[test]
    fn servers_with_holes_in_their_row_level_security_are_refused() {
        for number in [150_014, 150_018, 160_010, 170_006, 180_000, 190_002] {
            check_server(number).expect("new enough");
        }
        for number in [90_624, 140_022, 150_013, 160_009, 170_005] {
            let error = check_server(number).expect_err("too old");
            assert_eq!(error.code(), Code::StoreUnavailable);
        }
        let error = check_server(150_007).expect_err("too old");
        assert!(error.message().contains("15.7"), "{}", error.message());
        assert!(error.message().contains("15.14, 16.10, 17.6"), "{}", error.message());
    }
}

#[cfg(all(test, feature = "postgres-tests"))]
mod server_tests;
