//! The stores that a tenant is moved between.

use super::Place;

/// Runs a test between SQLite files, and between SQLite and PostgreSQL both ways where there is one.
pub(super) fn between(test: impl AsyncFn(&Place, &Place)) {
    super::block_on(async {
        let folder = tempfile::tempdir().expect("folder");
        let (from, to) = (Place::file(folder.path(), "a.db"), Place::file(folder.path(), "b.db"));
        test(&from.await, &to.await).await;
        #[cfg(feature = "postgres-tests")]
        {
            let file = Place::file(folder.path(), "c.db").await;
            server::with(async |place| test(&file, place).await).await;
            let file = Place::file(folder.path(), "d.db").await;
            server::with(async |place| test(place, &file).await).await;
        }
    });
}

#[cfg(feature = "postgres-tests")]
mod server {
    use std::panic::AssertUnwindSafe;
    use std::str::FromStr as _;

    use futures_util::FutureExt as _;
    use secrecy::{ExposeSecret as _, SecretString};
    use sqlx::postgres::PgConnectOptions;
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

    use super::Place;
    use crate::store::{Location, postgres};

    const PASSWORD: &str = "not secret";

    /// Runs a test with a database of its own.
    pub(super) async fn with(test: impl AsyncFnOnce(&Place)) {
        let url = std::env::var("AIKIT_TEST_POSTGRES").expect(
            "AIKIT_TEST_POSTGRES is not set: run the tests beside a server, \
             tests/postgres/server.py run -- cargo test ...",
        );
        let name = format!("archive_{}", uuid::Uuid::now_v7().simple());
        let options = PgConnectOptions::from_str(&url).expect("URL");
        let mut root = PgConnection::connect_with(&options).await.expect("connect");
        run(&mut root, format!("CREATE DATABASE {name}")).await;
        let (server, _) = url.rsplit_once('/').expect("a database");
        let owner: SecretString = format!("{server}/{name}").into();
        postgres::migrate(&owner).await.expect("migrate");
        let mut logins = Vec::new();
        for (what, admin) in [("app", false), ("admin", true)] {
            let login = format!("{name}_{what}");
            let grant = postgres::Grant {
                login: login.clone(),
                admin,
                create: true,
                password: Some(PASSWORD.into()),
                revoke: false,
            };
            postgres::grant(&owner, grant).await.expect("grant");
            logins.push(login);
        }
        let at = |login: &str| {
            let (scheme, rest) = owner.expose_secret().split_once("://").expect("URL");
            let (_, place) = rest.rsplit_once('@').expect("a login");
            let password = PASSWORD.replace(' ', "%20");
            Location::new(&format!("{scheme}://{login}:{password}@{place}"))
        };
        let place = Place::of(at(&logins[0]), at(&logins[1])).await;
        let outcome = AssertUnwindSafe(test(&place)).catch_unwind().await;
        place.admin.close().await.expect("close");
        run(&mut root, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        for login in logins {
            run(&mut root, format!("DROP ROLE {login}")).await;
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }

    async fn run(root: &mut PgConnection, sql: String) {
        root.execute(AssertSqlSafe(sql)).await.expect("statement");
    }
}
