//! The administrators' door: tenants as objects, the audit log, upkeep. Everything that it changes
//! is in the chain `@store` of the audit log.

mod deletion;
mod erasure;
mod grants;
mod log;
mod tables;
mod tenants;
mod upkeep;

pub use deletion::{Deletion, DeletionOptions};
pub use erasure::Remains;
pub use grants::ReadGrant;
pub use log::{AuditCheck, AuditReport, ChainReport};
pub use tenants::{NewTenant, TenantFilter, TenantKind, TenantRecord, TenantStatus};

use std::sync::Arc;

use super::audit::{self, Act, STORE_CHAIN};
use super::postgres::{self, Begin};
use super::tx::{Connection, Dialect, Row, Tx, Value, Work, at_once, values};
use super::{Database, Location, Store};
use crate::error::{Error, Result};
use crate::io;

/// The most characters of an actor.
const ACTOR_LIMIT: usize = 200;

/// An open store for administration. Cheap to clone, `Send`, `Sync`.
///
/// On SQLite whoever may write the file is an administrator. On PostgreSQL the login must be a member
/// of the role `aikit_admin` (`aikit db grant LOGIN --admin`).
#[derive(Clone, Debug)]
pub struct Admin {
    store: Store,
    actor: Arc<str>,
}

impl Admin {
    /// Opens a store as an administrator; `actor` is who acts, for the audit log.
    ///
    /// # Errors
    /// As [`Store::open`]; [`crate::Code::InvalidArgument`] for an actor that is empty or longer than
    /// 200 characters; [`crate::Code::StoreRole`] without the rights of an administrator.
    pub async fn open(location: &Location, actor: &str) -> Result<Self> {
        if actor.is_empty() || actor.chars().count() > ACTOR_LIMIT {
            return Err(Error::invalid_argument(format!(
                "an administrator says who acts, in 1 to {ACTOR_LIMIT} characters"
            )));
        }
        io::know_forks();
        let store = match location {
            Location::Postgres(url) => {
                let database = postgres::Database::open_admin(url).await?;
                Store::of(Database::Postgres(database))
            }
            other => Store::open(other, super::StoreOptions::default()).await?,
        };
        Ok(Self { store, actor: actor.into() })
    }

    /// Who acts.
    pub fn actor(&self) -> &str {
        &self.actor
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Finishes what was begun and closes the database. Idempotent.
    ///
    /// # Errors
    /// [`crate::Code::Forked`].
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }

    /// Runs work across tenants that only reads, in one snapshot.
    pub(super) async fn inspect<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut AdminTx<'c>) -> Work<'t, T> + Send + 'static,
    {
        let actor = self.actor.clone();
        match self.store.database()? {
            Database::Sqlite(database) => {
                database
                    .read(move |connection| {
                        let connection = Connection::Sqlite(connection);
                        at_once(work(&mut AdminTx { connection, actor }))
                    })
                    .await
            }
            Database::Postgres(database) => {
                database.transact(Begin::Survey, AdminWork { actor, work }).await
            }
        }
    }

    /// Runs work across tenants in one transaction.
    pub(super) async fn transact<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut AdminTx<'c>) -> Work<'t, T> + Send + 'static,
    {
        let actor = self.actor.clone();
        match self.store.database()? {
            Database::Sqlite(database) => {
                database
                    .write(move |connection| {
                        let connection = Connection::Sqlite(connection);
                        at_once(work(&mut AdminTx { connection, actor }))
                    })
                    .await
            }
            Database::Postgres(database) => {
                database.transact(Begin::Admin, AdminWork { actor, work }).await
            }
        }
    }
}

/// A transaction across tenants. Its statements name the tenant themselves.
pub(super) struct AdminTx<'c> {
    pub(super) connection: Connection<'c>,
    pub(super) actor: Arc<str>,
}

impl AdminTx<'_> {
    /// Writes what was done into the administrators' chain.
    pub(super) async fn audit(
        &mut self,
        action: &str,
        object: &str,
        detail: serde_json::Value,
    ) -> Result<()> {
        let actor = self.actor.clone();
        let act = Act { actor: Some(&actor), action, object, detail };
        audit::append(&mut self.connection, STORE_CHAIN, act).await
    }

    /// Runs a statement, and gives the number of rows it changed.
    async fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        self.connection.execute(sql, values).await
    }

    /// All rows of a statement.
    async fn rows(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>> {
        self.connection.rows(sql, values).await
    }

    /// The first row of a statement.
    async fn row(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Waits for the changes of a tenant that are under way, and lets no other begin before the end
    /// of this transaction. On SQLite that is so anyway.
    async fn lock(&mut self, tenant: &str) -> Result<()> {
        if self.connection.dialect() == Dialect::Postgres {
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended('aikit:' || ?1, 0))";
            self.execute(sql, values![tenant]).await?;
        }
        Ok(())
    }

    /// The same transaction, bound to one tenant.
    pub(super) fn of<'t>(&'t mut self, tenant: &'t str) -> Tx<'t> {
        Tx::new(tenant, self.connection.reborrow())
    }
}

struct AdminWork<F> {
    actor: Arc<str>,
    work: F,
}

impl<T, F> postgres::Transaction<T> for AdminWork<F>
where
    T: Send + 'static,
    F: for<'t, 'c> FnOnce(&'t mut AdminTx<'c>) -> Work<'t, T> + Send + 'static,
{
    async fn run(self, session: &mut postgres::Session) -> Result<T> {
        let connection = Connection::Postgres(session);
        (self.work)(&mut AdminTx { connection, actor: self.actor }).await
    }
}

#[cfg(test)]
mod tests;
