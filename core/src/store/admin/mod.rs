//! The administrators' door: tenants as objects, the audit log, upkeep. Everything that it changes
//! is in the chain `@store` of the audit log.

use std::sync::Arc;

use super::audit::{self, Act, STORE_CHAIN};
use super::postgres::{self, Begin};
use super::tx::{Connection, Tx, Work, at_once};
use super::{Database, Location, Store, TenantStore, sqlite};
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

    /// Finishes what was begun and closes the database. Idempotent.
    ///
    /// # Errors
    /// [`crate::Code::Forked`].
    pub async fn close(&self) -> Result<()> {
        self.store.close().await
    }

    /// The data of one tenant, whether it is there or not.
    fn tenant(&self, id: &str) -> Result<TenantStore> {
        self.store.tenant(id)
    }

    /// Runs work across tenants that only reads, in one snapshot.
    pub(super) async fn survey<T, F>(&self, work: F) -> Result<T>
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
    actor: Arc<str>,
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
