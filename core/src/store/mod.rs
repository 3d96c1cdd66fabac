//! What is kept: specs and their history, collections, documents, passages, vectors, runs and their
//! events.
//!
//! There is one door: [`Store::tenant`] hands out the only type that has queries, so no call can
//! forget the tenant. The tenant leads every key.

mod documents;
mod runs;
mod specs;
mod sqlite;

pub use documents::{DocumentRecord, NewChunk, NewDocument, StoredChunk};
pub use runs::{NewRun, RunStatus};
pub use specs::{
    HistoryEntry, ImportReport, IncomingSpec, NewSpec, Position, SpecChange, SpecFilter,
    SpecRecord, SpecRef, SpecStatus, Stamp, VersionId,
};

use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::io::{self, Generation, generation};
use crate::spec::is_slug;
use sqlite::Database;

/// An open store. Cheap to clone, `Send`, `Sync`.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    born: Generation,
}

impl Store {
    /// Opens a store in memory, or in the SQLite file at `location`, which is made if need be.
    /// `:memory:` is in memory too.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an empty location, [`Code::StoreUnavailable`], [`Code::StoreLocked`], [`Code::StoreFull`],
    /// [`Code::StoreCorrupt`] for a file that is no aikit database.
    pub async fn open(location: Option<&Path>) -> Result<Self> {
        // To SQLite both names mean a database of each connection's own, so that the reader would
        // never see what the writer wrote.
        let location = location.filter(|path| path.as_os_str() != ":memory:");
        if location.is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(Error::invalid_argument("the location is empty")
                .hint("name a file, or leave `location` out for a store in memory"));
        }
        io::know_forks();
        let database = Database::open(location).await?;
        Ok(Self(Arc::new(Inner { database, born: generation() })))
    }

    /// The data of one tenant.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`] when `id` is not a slug.
    pub fn tenant(&self, id: &str) -> Result<TenantStore> {
        if !is_slug(id) {
            return Err(Error::new(Code::TenantInvalid, format!("{id:?} is not a tenant id"))
                .hint("letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit"));
        }
        Ok(TenantStore { store: self.clone(), tenant: id.into() })
    }

    /// Fails with [`Code::Forked`] in a child of the process that opened the store.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.0.born.check()
    }

    /// Finishes what was begun and closes the database. Later calls answer [`Code::Closed`].
    /// Idempotent.
    pub async fn close(&self) -> Result<()> {
        self.check_process()?;
        self.0.database.close().await
    }
}

/// The data of one tenant: the only type with queries. Cheap to clone, `Send`, `Sync`.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: Arc<str>,
}

impl TenantStore {
    /// The tenant's id.
    pub fn id(&self) -> &str {
        &self.tenant
    }

    fn database(&self) -> Result<&Database> {
        self.store.0.born.check()?;
        Ok(&self.store.0.database)
    }
}

impl std::fmt::Debug for TenantStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TenantStore").field(&self.tenant).finish()
    }
}

#[cfg(test)]
mod tests;
