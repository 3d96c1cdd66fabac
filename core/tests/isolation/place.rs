//! Where the tests find a store: an SQLite file, or what the environment names.
//!
//! `AIKIT_TEST_STORE` is the URL of a prepared PostgreSQL for an application's login, and
//! `AIKIT_TEST_STORE_ADMIN` the same for an administrator's, who makes the tenants.
//! `AIKIT_TEST_STORE_RLS=off` opens with `rls: false`.

use std::sync::atomic::{AtomicU64, Ordering};

use aikit::store::{Admin, Location, NewTenant, Store, StoreOptions, TenantStore};

/// A place for a store, and tenants whose names no other test has.
pub(crate) struct Place {
    pub(crate) location: Location,
    folder: Option<tempfile::TempDir>,
    prefix: String,
}

pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How long tests that go on for a time do so.
pub(crate) fn seconds() -> u64 {
    variable("AIKIT_TEST_SECONDS").map_or(2, |text| text.parse().expect("AIKIT_TEST_SECONDS"))
}

impl Place {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("t{}x{number}", std::process::id());
        match variable("AIKIT_TEST_STORE") {
            Some(url) => Self { location: url.as_str().into(), folder: None, prefix },
            None => {
                let folder = tempfile::tempdir().expect("folder");
                let location = folder.path().join("store.db").into();
                Self { location, folder: Some(folder), prefix }
            }
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    /// A tenant's id in this place.
    pub(crate) fn name(&self, tenant: &str) -> String {
        format!("{}{tenant}", self.prefix)
    }

    pub(crate) fn options() -> StoreOptions {
        StoreOptions { rls: variable("AIKIT_TEST_STORE_RLS").as_deref() != Some("off") }
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.location, Self::options()).await.expect("open")
    }

    pub(crate) async fn admin(&self) -> Admin {
        let location = match variable("AIKIT_TEST_STORE_ADMIN") {
            Some(url) if !self.is_sqlite() => url.as_str().into(),
            _ => self.location.clone(),
        };
        Admin::open(&location, "tests").await.expect("AIKIT_TEST_STORE_ADMIN")
    }

    /// Makes tenants.
    pub(crate) async fn make(&self, tenants: &[&str]) {
        let admin = self.admin().await;
        for tenant in tenants {
            admin.create_tenant(&self.name(tenant), NewTenant::default()).await.expect("tenant");
        }
        admin.close().await.expect("close");
    }

    pub(crate) fn tenant(&self, store: &Store, tenant: &str) -> TenantStore {
        store.tenant(&self.name(tenant)).expect("tenant")
    }
}
