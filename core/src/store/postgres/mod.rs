//! PostgreSQL: transactions that enter a tenant, on connections of aikit's own runtime.

mod fault;
mod lint;
mod pool;
mod roles;
mod schema;
mod session;

pub use schema::{Grant, Granted, LoginStatus, MigrationReport, RoleStatus, Status};
pub(super) use session::Session;
use session::within;

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use sqlx::Connection as _;
use tokio::sync::oneshot;

use super::access;
use crate::error::{Code, Error, Result};
use crate::io::{self, catch_panic};
use pool::{Address, Pool};

/// How a transaction begins.
#[derive(Clone, Debug)]
pub(super) enum Begin {
    /// One snapshot of a tenant, for itself or for an ancestor.
    Read { tenant: Arc<str>, reader: Option<Arc<str>> },
    /// A change of a tenant; `locked`: after all others that are locked.
    Write { tenant: Arc<str>, locked: bool },
    /// Across tenants, one at a time.
    Admin,
    /// One snapshot across tenants.
    Survey,
}

impl Begin {
    /// One message: the beginning and whatever can be said with it. Ids are slugs.
    fn sql(&self) -> String {
        // As long as SQLite waits for a lock.
        const LOCK: &str = "SET LOCAL lock_timeout = '5s'";
        const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        // Said, whatever the server's default is: who waited for a lock must see what was done
        // under it.
        const CHANGE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
        match self {
            Self::Read { tenant, reader: None } => {
                format!("{SNAPSHOT}; {LOCK}; SELECT aikit.enter('{tenant}')")
            }
            Self::Read { tenant, reader: Some(reader) } => {
                format!("{SNAPSHOT}; {LOCK}; SELECT aikit.enter('{tenant}', '{reader}')")
            }
            Self::Write { tenant, locked: false } => {
                format!("{CHANGE}; {LOCK}; SELECT aikit.enter('{tenant}')")
            }
            // Entered under the lock: who waited for the deletion of the tenant finds none. Only the
            // name is hashed, so two tenants may share a lock; they then wait, no more.
            Self::Write { tenant, locked: true } => format!(
                "{CHANGE}; {LOCK};
                 SELECT pg_advisory_xact_lock(hashtextextended('aikit:{tenant}', 0));
                 SELECT aikit.enter('{tenant}')"
            ),
            Self::Admin => format!(
                "{CHANGE}; {LOCK}; SELECT aikit.enter_admin();
                 SELECT pg_advisory_xact_lock(hashtextextended('aikit:@store', 0))"
            ),
            Self::Survey => format!("{SNAPSHOT}; {LOCK}; SELECT aikit.enter_admin()"),
        }
    }

    fn reads(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Survey)
    }

    /// What went wrong at the beginning, with the name of the tenant that could not be entered: the
    /// same words as on SQLite.
    fn told(&self, error: Error) -> Error {
        let (Self::Read { tenant, .. } | Self::Write { tenant, .. }) = self else { return error };
        match error.code() {
            Code::TenantNotFound => access::not_found(tenant),
            Code::TenantSuspended => match self {
                Self::Read { reader: Some(reader), .. }
                    if error.cause().is_some_and(|c| c.contains(&format!(" {reader} is "))) =>
                {
                    access::suspended(reader)
                }
                _ => access::suspended(tenant),
            },
            Code::AccessDenied => access::not_granted(tenant),
            _ => error,
        }
    }
}

/// What is done inside of a transaction.
pub(super) trait Transaction<T>: Send + 'static {
    /// Does it.
    fn run(self, session: &mut Session) -> impl Future<Output = Result<T>> + Send;
}

/// Runs set-up work on a connection of its own.
async fn set_up<T: Send + 'static>(
    url: &SecretString,
    work: impl AsyncFnOnce(&mut sqlx::PgConnection) -> Result<T> + Send + 'static,
) -> Result<T> {
    let address = Address::parse(url.expose_secret())?;
    // Its futures need not be `Send`: set-up has a thread of its own for the moment that it takes.
    let handle = io::runtime()?;
    let work = move || {
        handle.block_on(async move {
            let mut connection = address.connect().await?;
            let outcome = work(&mut connection).await;
            let _ = connection.close().await;
            outcome
        })
    };
    io::runtime()?
        .spawn_blocking(work)
        .await
        .map_err(|e| Error::new(Code::Panic, "setting the database up failed").caused_by(e))?
}

/// Brings schema and roles up to date.
pub(super) async fn migrate(url: &SecretString) -> Result<MigrationReport> {
    set_up(url, async |connection| schema::migrate(connection).await).await
}

/// Looks at a database.
pub(super) async fn status(url: &SecretString) -> Result<Status> {
    set_up(url, async |connection| schema::status(connection).await).await
}

/// Gives a login a role, or takes it away.
pub(super) async fn grant(url: &SecretString, grant: Grant) -> Result<Granted> {
    set_up(url, async move |connection| schema::grant(connection, grant).await).await
}

enum Door {
    Tenant { rls: bool },
    Admin,
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    pool: Arc<Pool>,
}

impl Database {
    /// Connects, and refuses a role that could leave its tenant.
    pub(super) async fn open(url: &SecretString, rls: bool) -> Result<Self> {
        Self::open_as(url, Door::Tenant { rls }).await
    }

    /// Connects, and refuses a role that is no administrator's.
    pub(super) async fn open_admin(url: &SecretString) -> Result<Self> {
        Self::open_as(url, Door::Admin).await
    }

    async fn open_as(url: &SecretString, door: Door) -> Result<Self> {
        let mut address = Address::parse(url.expose_secret())?;
        let patience = address.patience();
        if matches!(door, Door::Admin) {
            address = address.patient();
        }
        let pool = io::run_here(async move {
            let (pool, mut session) = Pool::open(address).await?;
            let checked = within(patience, async {
                match door {
                    Door::Tenant { rls } => roles::check_app(session.connection(), rls).await,
                    Door::Admin => roles::check_admin(session.connection()).await,
                }
            });
            checked.await.map_err(fault::connect_error)??;
            pool.give_back(session);
            Ok(pool)
        })
        .await?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Runs work between a beginning and an end. When the caller goes away, it still comes to its
    /// end, whichever that is; no transaction stays open.
    pub(super) async fn transact<T: Send + 'static>(
        &self,
        begin: Begin,
        work: impl Transaction<T>,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let pool = self.pool.clone();
        io::runtime()?.spawn(async move {
            let (mut session, _permit) = match pool.begin(&begin.sql()).await {
                Ok(begun) => begun,
                Err(error) => {
                    let _ = reply.send(Err(begin.told(error)));
                    return;
                }
            };
            let outcome = catch_panic(work.run(&mut session)).await.and_then(|result| result);
            match outcome {
                Ok(value) if begin.reads() => {
                    // What was read is read: nobody has to wait for the end.
                    let _ = reply.send(Ok(value));
                    if session.end("COMMIT").await.is_ok() {
                        pool.give_back(session);
                    }
                }
                Ok(value) => match session.end("COMMIT").await {
                    Ok(()) => {
                        let _ = reply.send(Ok(value));
                        pool.give_back(session);
                    }
                    // The session goes with its transaction, if there still is one.
                    Err(error) => drop(reply.send(Err(error))),
                },
                Err(error) => {
                    if session.end("ROLLBACK").await.is_ok() {
                        pool.give_back(session);
                    }
                    let _ = reply.send(Err(error));
                }
            }
        });
        answer.await.map_err(|_| {
            Error::new(Code::Closed, "aikit was shut down during the call")
                .hint("open a new kernel")
        })?
    }

    /// What is wrong with the isolation of tenants; empty when it is sound.
    pub(super) async fn check(&self) -> Result<Vec<String>> {
        let pool = self.pool.clone();
        io::run_here(async move {
            let (mut session, _permit) =
                pool.begin("BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY").await?;
            let found = session.look(lint::lint).await;
            if session.end("ROLLBACK").await.is_ok() {
                pool.give_back(session);
            }
            found
        })
        .await
    }

    pub(super) async fn close(&self) -> Result<()> {
        let pool = self.pool.clone();
        io::run_here(async move {
            pool.close().await;
            Ok(())
        })
        .await
    }
}
