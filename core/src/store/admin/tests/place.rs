//! Places for stores, with doors into them.

use super::Admin;
use crate::store::{Location, Store, StoreOptions, TenantStore};

/// A store of one test.
pub(super) struct Place {
    /// For tenants.
    location: Location,
    /// For administrators.
    admin: Location,
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
    let place = Place { admin: location.clone(), location };
    block_on(test(&place));
}

/// Runs a test on a store of each kind.
pub(super) fn on_every_store(test: impl AsyncFn(&Place)) {
    on_a_file(&test);
}
