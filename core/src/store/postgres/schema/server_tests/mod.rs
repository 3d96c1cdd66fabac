//! The schema on a real server. Each test has a database of its own; the roles are the server's, so
//! logins have names of their own too.

mod enter;
mod lint;
mod logins;
mod migrate;
mod roles;

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row as _};

use super::migrate as migrate_now;
use crate::error::{Code, Error};
use crate::store::postgres::fault::{connect_error, store_error};

/// A database of one test, and the ways into it.
struct Place {
    options: PgConnectOptions,
    name: String,
}

impl Place {
    /// As the superuser of the server.
    async fn root(&self) -> PgConnection {
        let options = self.options.clone().database(&self.name);
        PgConnection::connect_with(&options).await.expect("connect")
    }

    /// With a login, whose password is its name.
    async fn login(&self, login: &str) -> PgConnection {
        self.try_login(login, login).await.expect("log in")
    }

    async fn try_login(&self, login: &str, password: &str) -> Result<PgConnection, Error> {
        let options = self.options.clone().database(&self.name);
        let options = options.username(login).password(password);
        PgConnection::connect_with(&options).await.map_err(connect_error)
    }

    /// A name that no other test uses.
    fn called(&self, what: &str) -> String {
        format!("{}_{what}", self.name)
    }

    /// A new login, made with these words; its password is its name.
    async fn make_login(&self, what: &str, words: &str) -> String {
        let login = self.called(what);
        let make = format!("CREATE ROLE {login} LOGIN PASSWORD '{login}' {words}");
        run(&mut self.root().await, &make).await.expect("make a login");
        login
    }
}

/// Runs a test in a database of its own, which goes with the logins that were made.
fn in_database(test: impl AsyncFnOnce(&Place)) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let url = std::env::var("AIKIT_TEST_POSTGRES").expect(
        "AIKIT_TEST_POSTGRES is not set: run the tests beside a server, \
         tests/postgres/server.py run -- cargo test ...",
    );
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let options = PgConnectOptions::from_str(&url).expect("URL");
    let place = Place { options, name: format!("t{}_{number}", std::process::id()) };
    crate::io::runtime().expect("runtime").block_on(async {
        let mut root = PgConnection::connect_with(&place.options).await.expect("connect");
        run(&mut root, &format!("CREATE DATABASE {}", place.name)).await.expect("database");
        let outcome = AssertUnwindSafe(test(&place)).catch_unwind().await;
        run(&mut root, &format!("DROP DATABASE {} WITH (FORCE)", place.name)).await.expect("drop");
        let theirs = format!(
            "SELECT format('DROP ROLE %I', rolname) FROM pg_roles
            WHERE starts_with(rolname, '{}_')",
            place.name
        );
        for drop in texts(&mut root, &theirs).await {
            run(&mut root, &drop).await.expect("drop a login");
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

/// The same, with the schema in it; gives the test a connection of the superuser.
fn in_schema(test: impl AsyncFnOnce(&Place, &mut PgConnection)) {
    in_database(async |place| {
        let mut root = place.root().await;
        migrate_now(&mut root).await.expect("migrate");
        test(place, &mut root).await;
    });
}

/// Statements in one message, as a person at a terminal would say them.
async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, Error> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.map(|done| done.rows_affected()).map_err(store_error)
}

/// The code that statements fail with. The connection is free for others afterwards.
async fn refused(connection: &mut PgConnection, sql: &str) -> Code {
    let error = run(connection, sql).await.expect_err(sql);
    run(connection, "ROLLBACK").await.expect("roll back");
    error.code()
}

/// The first column of all rows.
async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.expect(sql);
    rows.iter().map(|row| row.try_get(0).expect("a text")).collect()
}

/// The only value.
async fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await.expect(sql);
    row.try_get(0).expect("a number")
}

/// Tenants, each below the one that stands before it.
async fn make_tenants(root: &mut PgConnection, ids: &[&str]) {
    for (i, id) in ids.iter().enumerate() {
        let parent = if i == 0 { "NULL".into() } else { format!("'{}'", ids[i - 1]) };
        let make = format!(
            "INSERT INTO aikit.tenants (tenant_id, parent_id, status, config, created_at, updated_at)
             VALUES ('{id}', {parent}, 'active', '{{}}', aikit.aikit_now(), aikit.aikit_now())"
        );
        run(root, &make).await.expect("tenant");
    }
}
