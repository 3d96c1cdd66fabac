//! Places for stores, with doors into them.

use super::Admin;
use crate::store::{Location, Store, StoreOptions, TenantStore};

/// A store of one test.
pub(super) struct Place {
    /// For tenants.
    location: Location,
    /// For administrators.
    admin: Location,
    /// For whoever set it up.
    #[cfg(feature = "postgres-tests")]
    owner: Location,
}

impl Place {
    pub(super) async fn admin(&self) -> Admin {
        Admin::open(&self.admin, "root@example.org").await.expect("open")
    }

    pub(super) async fn store(&self) -> Store {
        Store::open(&self.location, StoreOptions::default()).await.expect("open")
    }

    pub(super) async fn tenant(&self, id: &str) -> TenantStore {
        self.store().await.tenant(id).expect("tenant")
    }

    /// The file, where there is one.
    pub(super) fn path(&self) -> &std::path::Path {
        self.location.path().expect("a file")
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::io::runtime().expect("runtime").block_on(future)
}

/// Runs a test on an SQLite file.
pub(super) fn on_a_file(test: impl AsyncFn(&Place)) {
    let folder = tempfile::tempdir().expect("folder");
    let location = Location::File(folder.path().join("store.db"));
    let place = Place {
        admin: location.clone(),
        #[cfg(feature = "postgres-tests")]
        owner: location.clone(),
        location,
    };
    block_on(test(&place));
}

/// Runs a test on a store of each kind that there is.
pub(super) fn on_every_store(test: impl AsyncFn(&Place)) {
    on_a_file(&test);
    #[cfg(feature = "postgres-tests")]
    block_on(server::with(test));
}

#[cfg(feature = "postgres-tests")]
mod server {
    use std::panic::AssertUnwindSafe;
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::FutureExt as _;
    use secrecy::ExposeSecret as _;
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

    use super::Place;
    use crate::store::admin::{DeletionOptions, NewTenant};
    use crate::store::{Grant, Location, grant, migrate};

    /// Runs a test in a database of its own, with logins of its own.
    pub(super) async fn with(test: impl AsyncFn(&Place)) {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let url = std::env::var("AIKIT_TEST_POSTGRES").expect(
            "AIKIT_TEST_POSTGRES is not set: run the tests beside a server, \
             tests/postgres/server.py run -- cargo test ...",
        );
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("admin{}_{number}", std::process::id());
        let (server, _) = url.rsplit_once('/').expect("a URL with a database");
        let (scheme, rest) = server.split_once("://").expect("a URL");
        let (_, host) = rest.rsplit_once('@').expect("a URL with a login");
        let mut root = PgConnection::connect(&url).await.expect("connect");
        run(&mut root, format!("CREATE DATABASE {name}")).await;
        let owner = Location::new(&format!("{server}/{name}"));
        migrate(&owner).await.expect("migrate");
        let make = async |admin: bool| {
            let login = format!("{name}_{admin}");
            let password = Some("of-the-test".into());
            let wish = Grant { login: login.clone(), admin, create: true, password, revoke: false };
            grant(&owner, wish).await.expect("grant");
            Location::new(&format!("{scheme}://{login}:of-the-test@{host}/{name}"))
        };
        let (location, admin) = (make(false).await, make(true).await);
        let place = Place { location, admin, owner };
        let outcome = AssertUnwindSafe(test(&place)).catch_unwind().await;
        run(&mut root, format!("DROP DATABASE {name} WITH (FORCE)")).await;
        for admin in [false, true] {
            run(&mut root, format!("DROP ROLE {name}_{admin}")).await;
        }
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }

    async fn run(root: &mut PgConnection, sql: String) {
        root.execute(AssertSqlSafe(sql)).await.expect("a statement");
    }

    /// An administrator may not write the tables anew; what then is advised works as it stands.
    #[test]
    fn what_is_advised_after_an_erasure_works() {
        super::block_on(with(async |place: &Place| {
            let admin = place.admin().await;
            admin.create_tenant("a", NewTenant::default()).await.expect("create");
            crate::store::admin::tests::fill(&place.tenant("a").await).await;
            let options = DeletionOptions { erase: true, ..DeletionOptions::default() };
            let deletion = admin.delete_tenant("a", options).await.expect("delete");
            assert_eq!(deletion.files.len(), 2, "{:?}", deletion.files);
            let (_, commands) = deletion.files[0].advice.split_once(": ").expect("commands");
            assert!(commands.contains("aikit.chunks") && commands.contains("aikit.run_events"));
            let Location::Postgres(url) = &place.owner else { panic!("a server") };
            let url = url.expose_secret();
            let mut owner = PgConnection::connect(url).await.expect("connect");
            for command in commands.split("; ") {
                run(&mut owner, command.to_owned()).await;
            }
        }));
    }
}
