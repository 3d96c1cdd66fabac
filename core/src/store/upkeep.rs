//! Setting a store up, and looking at it: what `aikit db` does.

use serde::Serialize;

pub use super::postgres::{
    Grant, Granted, LoginStatus, MigrationReport, RoleStatus, Status as PostgresStatus,
};
pub use super::sqlite::SqliteStatus;
use super::{Location, Store, StoreOptions, postgres, sqlite};
use crate::error::{Error, Result};
use crate::io;

/// What a store is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "backend", rename_all = "lowercase")]
pub enum StoreStatus {
    /// An SQLite file.
    Sqlite(SqliteStatus),
    /// A PostgreSQL database.
    Postgres(PostgresStatus),
}

fn no_file() -> Error {
    Error::invalid_argument("a store in memory has no upkeep")
        .hint("name an SQLite file or the URL of a PostgreSQL database")
}

/// Brings a store to the newest version. An SQLite file of an earlier version is copied first, to
/// `NAME.v<N>.backup` beside it; one that is not there is made. PostgreSQL gets schema and roles, with
/// a login that may make them.
///
/// # Errors
/// The store's codes.
pub async fn migrate(location: &Location) -> Result<MigrationReport> {
    io::know_forks();
    location.check()?;
    match location {
        Location::Memory => Err(no_file()),
        Location::File(path) => {
            let from = sqlite::status(path).await?.schema;
            Store::open(location, StoreOptions::default()).await?.close().await?;
            let to = sqlite::status(path).await?.schema;
            Ok(MigrationReport { from, to, applied: sqlite::steps(from, to), created: Vec::new() })
        }
        Location::Postgres(url) => postgres::migrate(url).await,
    }
}

/// Looks at a store and changes nothing.
///
/// # Errors
/// The store's codes when it cannot be reached.
pub async fn status(location: &Location) -> Result<StoreStatus> {
    io::know_forks();
    location.check()?;
    match location {
        Location::Memory => Err(no_file()),
        Location::File(path) => sqlite::status(path).await.map(StoreStatus::Sqlite),
        Location::Postgres(url) => postgres::status(url).await.map(StoreStatus::Postgres),
    }
}

/// Gives a login of PostgreSQL the role of an application or of an administrator, or takes it away.
///
/// # Errors
/// [`crate::Code::InvalidArgument`] for another store; the store's codes.
pub async fn grant(location: &Location, grant: Grant) -> Result<Granted> {
    match location {
        Location::Postgres(url) => postgres::grant(url, grant).await,
        _ => Err(Error::invalid_argument("only PostgreSQL has logins")
            .hint("who may write an SQLite file may do everything in it")),
    }
}

/// What is wrong with a store; empty when it is sound. SQLite: pages, references, index of words.
/// PostgreSQL: the isolation of tenants.
///
/// # Errors
/// The store's codes when it cannot be looked at.
pub async fn check(location: &Location) -> Result<Vec<String>> {
    match location {
        Location::Memory => Err(no_file()),
        Location::File(_) => {
            let store = Store::open(location, StoreOptions::default()).await?;
            let found = store.check().await;
            store.close().await?;
            found
        }
        Location::Postgres(url) => Ok(postgres::status(url).await?.faults),
    }
}

impl Store {
    /// What is wrong with the store; empty when it is sound.
    async fn check(&self) -> Result<Vec<String>> {
        match self.database()? {
            super::Database::Sqlite(database) => database.check().await,
            super::Database::Postgres(database) => database.check().await,
        }
    }
}

impl super::Admin {
    /// Copies the store into the new file `path` while it is in use; see [`Store::backup`].
    ///
    /// # Errors
    /// Those of [`Store::backup`].
    pub async fn backup(&self, path: &std::path::Path) -> Result<()> {
        self.store().backup(path).await
    }

    /// What is wrong with the store; empty when it is sound. See [`check`].
    ///
    /// # Errors
    /// The store's codes when it cannot be looked at.
    pub async fn check(&self) -> Result<Vec<String>> {
        self.store().check().await
    }
}
