//! What is kept: specs and their history, collections, documents, passages, vectors, runs and their
//! events; tenants, what they use, and the audit log.
//!
//! There are three doors. [`Store::tenant`] and [`Store::reader`] hand out the only type that has
//! queries on a tenant's data, and each of its statements has the tenant bound to it, so no call can
//! forget it. [`Admin`] is for tenants as objects and for upkeep.

mod access;
mod admin;
mod archive;
mod audit;
mod documents;
mod keywords;
mod location;
mod outdated;
mod postgres;
mod retention;
mod runs;
mod specs;
mod sqlite;
mod tx;
mod upkeep;
mod usage;
mod words;

pub use admin::{
    Admin, AuditCheck, AuditReport, ChainReport, Deletion, DeletionOptions, NewTenant, ReadGrant,
    Remains, TenantFilter, TenantKind, TenantRecord, TenantStatus,
};
pub use archive::{
    ArchiveReport, CopyReport, Digests, ImportOptions, ImportParent, LeftOut, TableDigest,
};
pub use audit::{AuditBreak, AuditEntry, AuditHead};
pub use documents::{DocumentRecord, NewChunk, NewDocument, StoredChunk};
pub use location::Location;
pub(crate) use outdated::identity;
pub use retention::{PruneReport, Pruned};
pub use runs::{NewRun, RunStatus};
pub use specs::{
    HistoryEntry, ImportReport, IncomingSpec, NewSpec, Position, SpecChange, SpecFilter,
    SpecRecord, SpecRef, SpecStatus, Stamp, VersionId,
};

pub use upkeep::{
    Grant, Granted, LoginStatus, MigrationReport, PostgresStatus, RoleStatus, SqliteStatus,
    StoreStatus, check, grant, migrate, status,
};
pub use usage::{Allowance, CountedAgent, DayUsage, Limits, Spent, Totals, Usage, micros};

use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Error, Result};
use crate::io::{self, Generation, generation};
use crate::spec::is_slug;
use postgres::Begin;
use tx::{Connection, Tx, Work, at_once};

/// An open store. Cheap to clone, `Send`, `Sync`.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    born: Generation,
}

#[derive(Debug)]
enum Database {
    Sqlite(Box<sqlite::Database>),
    Postgres(postgres::Database),
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Whether PostgreSQL has to isolate the tenants (row-level security). Without it, a role that
    /// would bypass the policies is taken, and only the statements' own filters isolate. Default: true.
    pub rls: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { rls: true }
    }
}

impl Store {
    /// Opens a store. An SQLite file is made if need be; PostgreSQL must have been prepared
    /// (`aikit db migrate`).
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for an empty location and another URL, [`Code::StoreUnavailable`],
    /// [`Code::StoreLocked`], [`Code::StoreFull`], [`Code::StoreCorrupt`] for a file that is no aikit
    /// database, [`Code::StoreOutdated`] and [`Code::StoreRole`] for PostgreSQL.
    pub async fn open(location: &Location, options: StoreOptions) -> Result<Self> {
        io::know_forks();
        location.check()?;
        let database = match location {
            Location::File(path) if path.as_os_str().is_empty() => {
                return Err(Error::invalid_argument("the location is empty")
                    .hint("name a file, or leave `location` out for a store in memory"));
            }
            Location::Memory => Database::Sqlite(sqlite::Database::open(None).await?.into()),
            Location::File(path) => {
                Database::Sqlite(sqlite::Database::open(Some(path)).await?.into())
            }
            Location::Postgres(url) => {
                Database::Postgres(postgres::Database::open(url, options.rls).await?)
            }
        };
        Ok(Self::of(database))
    }

    fn of(database: Database) -> Self {
        Self(Arc::new(Inner { database, born: generation() }))
    }

    /// A store in memory.
    ///
    /// # Errors
    /// [`Code::StoreUnavailable`].
    pub async fn in_memory() -> Result<Self> {
        Self::open(&Location::Memory, StoreOptions::default()).await
    }

    /// The data of one tenant.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`] when `id` is not a slug.
    pub fn tenant(&self, id: &str) -> Result<TenantStore> {
        Ok(TenantStore {
            store: self.clone(),
            tenant: tenant_id(id)?,
            reader: None,
            actor: None,
            limits: Limits::default(),
            agent: None,
        })
    }

    /// The data of a tenant, to be read by an ancestor to whom that was granted.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`] when one of the ids is not a slug.
    pub fn reader(&self, id: &str, reader: &str) -> Result<TenantStore> {
        Ok(TenantStore { reader: Some(tenant_id(reader)?), ..self.tenant(id)? })
    }

    /// Fails with [`Code::Forked`] in a child of the process that opened the store.
    pub(crate) fn check_process(&self) -> Result<()> {
        self.0.born.check()
    }

    /// Finishes what was begun and closes the database. Later calls answer [`Code::Closed`].
    /// Idempotent.
    pub async fn close(&self) -> Result<()> {
        self.check_process()?;
        match &self.0.database {
            Database::Sqlite(database) => database.close().await,
            Database::Postgres(database) => database.close().await,
        }
    }

    /// Copies the store into the new file `path` while it is in use: one state of it, checked,
    /// complete.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when `path` is taken, and for PostgreSQL, which has tools of its own;
    /// the store's codes.
    pub async fn backup(&self, path: &Path) -> Result<()> {
        match self.database()? {
            Database::Sqlite(database) => database.backup(path).await,
            Database::Postgres(_) => Err(Error::invalid_argument(
                "a PostgreSQL database is not copied into a file by aikit",
            )
            .hint("use pg_dump or base backups; aikit tenant export takes one tenant")),
        }
    }

    fn database(&self) -> Result<&Database> {
        self.check_process()?;
        Ok(&self.0.database)
    }
}

fn tenant_id(id: &str) -> Result<Arc<str>> {
    if is_slug(id) {
        return Ok(id.into());
    }
    Err(Error::new(Code::TenantInvalid, format!("{id:?} is not a tenant id"))
        .hint("letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit"))
}

/// Whether changes of a tenant follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    /// One change at a time in each tenant.
    Tenant,
    /// Side by side, where the database can.
    None,
}

/// The data of one tenant: the only type with queries. Cheap to clone, `Send`, `Sync`.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: Arc<str>,
    /// The ancestor that reads.
    reader: Option<Arc<str>>,
    /// Who acts, for the audit log.
    actor: Option<Arc<str>>,
    /// Bounds beside those of the tenant's configuration.
    limits: Limits,
    /// The agent whose runs are counted by themselves.
    agent: Option<CountedAgent>,
}

impl TenantStore {
    /// The tenant's id.
    pub fn id(&self) -> &str {
        &self.tenant
    }

    /// The same door with somebody who acts, for the audit log, and bounds on what is used beside
    /// those of the tenant's configuration.
    #[must_use]
    pub fn with(self, actor: Option<&str>, limits: Limits) -> Self {
        Self { actor: actor.map(Into::into), limits, ..self }
    }

    /// The same door for the runs of an agent that are counted by themselves, too.
    #[must_use]
    pub fn counting(self, agent: CountedAgent) -> Self {
        Self { agent: Some(agent), ..self }
    }

    /// The ancestor that reads, if this door only reads.
    pub fn reader(&self) -> Option<&str> {
        self.reader.as_deref()
    }

    /// Sees that the tenant is there and may be used. On SQLite an unknown one is made; on
    /// PostgreSQL only an administrator makes tenants.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`], [`Code::TenantSuspended`], [`Code::AccessDenied`].
    pub async fn settle(&self) -> Result<()> {
        if let (Database::Sqlite(database), None) = (self.store.database()?, &self.reader) {
            let tenant = self.tenant.clone();
            let known = database.read(move |c| sqlite::knows(c, &tenant)).await?;
            if !known {
                let tenant = self.tenant.clone();
                database.write(move |c| sqlite::make_tenant(c, &tenant)).await?;
            }
        }
        self.read(|_| Box::pin(async { Ok(()) })).await
    }

    /// The tenant's configuration, as an administrator gave it.
    pub async fn configuration(&self) -> Result<serde_json::Value> {
        let sql = "SELECT config FROM tenants WHERE tenant_id = ?1";
        let text: String =
            self.read(move |tx| Box::pin(async move { tx.one(sql, &[]).await?.take(0) })).await?;
        serde_json::from_str(&text).map_err(|e| {
            Error::new(Code::StoreCorrupt, "a tenant's configuration is not JSON").caused_by(e)
        })
    }

    /// Runs work that only reads, in one snapshot.
    async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> Work<'t, T> + Send + 'static,
    {
        let (tenant, reader) = (self.tenant.clone(), self.reader.clone());
        match self.store.database()? {
            Database::Sqlite(database) => {
                database
                    .read(move |connection| {
                        sqlite::enter(connection, &tenant, reader.as_deref())?;
                        at_once(work(&mut Tx::new(&tenant, Connection::Sqlite(connection))))
                    })
                    .await
            }
            Database::Postgres(database) => {
                let begin = Begin::Read { tenant: tenant.clone(), reader };
                database.transact(begin, TenantWork { tenant, work }).await
            }
        }
    }

    /// Runs work in one transaction that is rolled back if it fails.
    async fn write<T, F>(&self, lock: Lock, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> Work<'t, T> + Send + 'static,
    {
        if self.reader.is_some() {
            self.store.check_process()?;
            return Err(access::read_only(&self.tenant));
        }
        let tenant = self.tenant.clone();
        match self.store.database()? {
            Database::Sqlite(database) => {
                database
                    .write(move |connection| {
                        sqlite::enter(connection, &tenant, None)?;
                        at_once(work(&mut Tx::new(&tenant, Connection::Sqlite(connection))))
                    })
                    .await
            }
            Database::Postgres(database) => {
                let begin = Begin::Write { tenant: tenant.clone(), locked: lock == Lock::Tenant };
                database.transact(begin, TenantWork { tenant, work }).await
            }
        }
    }
}

/// Work on a tenant, for PostgreSQL.
struct TenantWork<F> {
    tenant: Arc<str>,
    work: F,
}

impl<T, F> postgres::Transaction<T> for TenantWork<F>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx<'_>) -> Work<'t, T> + Send + 'static,
{
    async fn run(self, session: &mut postgres::Session) -> Result<T> {
        let mut tx = Tx::new(&self.tenant, Connection::Postgres(session));
        (self.work)(&mut tx).await
    }
}

impl std::fmt::Debug for TenantStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TenantStore").field(&self.tenant).finish()
    }
}

#[cfg(test)]
mod tests;
