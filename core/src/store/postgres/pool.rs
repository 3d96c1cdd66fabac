//! Connections that are kept for the next transaction.
//!
//! Not sqlx's pool: that asks the server for a sign of life after every use, which is one round trip
//! more a transaction. Here a dead connection is noticed by the message that begins a transaction,
//! before anything was done, and another is made.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor, Row};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::connect_error;
use super::session::{Session, answer};
use crate::error::{Code, Error, Result};
use crate::io::{Generation, Mutex, generation};

/// How long a connection is waited for: to be made, and to become free.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer of the server is waited for, unless the URL says something else: then the
/// connection is given up. Longer than any statement of ours takes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST_ANSWER: u64 = 86_400;
/// An administrator's statements reach whole tenants: so many times longer.
const ADMIN_PATIENCE: u32 = 10;
/// How long closing waits for transactions under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
const DEFAULT_CONNECTIONS: u32 = 10;
const MOST_CONNECTIONS: u32 = 1_000;
/// A setting that only a server sees to which the connection is direct.
const DIRECT: &str = "aikit.direct";

/// Where and how to connect.
pub(super) struct Address {
    options: PgConnectOptions,
    connections: u32,
    /// A pooler in transaction mode is between, as the user says.
    pooler: bool,
    /// How long an answer is waited for.
    patience: Duration,
}

impl Address {
    /// Reads a URL: what libpq's have, and `max_connections`, `answer_timeout` (seconds) and
    /// `pooler=transaction`.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut connections, mut pooler) = (DEFAULT_CONNECTIONS, false);
        let mut patience = ANSWER_TIMEOUT;
        let mut theirs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=').unwrap_or((pair, "")) {
                ("max_connections", number) => {
                    connections = number
                        .parse()
                        .ok()
                        .filter(|n| (1..=MOST_CONNECTIONS).contains(n))
                        .ok_or_else(|| {
                            Error::invalid_argument(format!(
                                "max_connections is 1 to {MOST_CONNECTIONS}"
                            ))
                        })?;
                }
                ("answer_timeout", seconds) => {
                    patience = seconds
                        .parse()
                        .ok()
                        .filter(|n| (1..=LONGEST_ANSWER).contains(n))
                        .map(Duration::from_secs)
                        .ok_or_else(|| {
                            Error::invalid_argument(format!(
                                "answer_timeout is 1 to {LONGEST_ANSWER} seconds"
                            ))
                        })?;
                }
                ("pooler", "transaction") => pooler = true,
                ("pooler", _) => {
                    return Err(Error::invalid_argument("pooler can only be `transaction`"));
                }
                _ => theirs.push(pair),
            }
        }
        let url = format!("{place}?{}", theirs.join("&"));
        // The cause is left out: it may show a part of the URL, and so of the password.
        let options = PgConnectOptions::from_str(&url).map_err(|_| {
            Error::invalid_argument("the location is not a URL of a PostgreSQL database")
                .hint("postgres://user:password@host:5432/database; special characters as %40")
        })?;
        let options =
            options.application_name("aikit").extra_float_digits(None).disable_statement_logging();
        Ok(Self { options, connections, pooler, patience })
    }

    /// For those whose statements reach over whole tenants.
    pub(super) fn patient(self) -> Self {
        Self { patience: self.patience * ADMIN_PATIENCE, ..self }
    }

    /// How long an answer of this server is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// One connection for set-up work.
    pub(super) async fn connect(&self) -> Result<PgConnection> {
        connect(&self.options).await
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection> {
    answer(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await.map_err(connect_error)
}

pub(super) struct Pool {
    options: PgConnectOptions,
    unnamed: bool,
    connections: u32,
    patience: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
    born: Generation,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Pool {
    /// Makes the first connection, and finds out whether it is a direct one.
    pub(super) async fn open(address: Address) -> Result<(Self, Session)> {
        let Address { options, connections, pooler, patience } = address;
        let marked = options.clone().options([(DIRECT, "1")]);
        let direct = if pooler { None } else { direct(&marked).await? };
        let (options, connection) = match direct {
            Some(connection) => (marked, connection),
            None => {
                let connection = connect(&options).await?;
                (options, connection)
            }
        };
        let unnamed = options.get_options().is_none_or(|options| !options.contains(DIRECT));
        let pool = Self {
            options,
            unnamed,
            connections,
            patience,
            permits: Arc::new(Semaphore::new(connections as usize)),
            idle: Mutex::default(),
            born: generation(),
        };
        Ok((pool, Session::new(connection, unnamed, patience)))
    }

    /// A session in a new transaction, and the right to have it.
    pub(super) async fn begin(&self, sql: &str) -> Result<(Session, OwnedSemaphorePermit)> {
        let permit = self.permit().await?;
        let kept = self.idle.lock().pop();
        if let Some(mut session) = kept {
            match session.begin(sql).await {
                Ok(()) => return Ok((session, permit)),
                // Died while nobody used it, and its like with it. Nothing was done yet.
                Err(error) if error.code() == Code::StoreLost => self.idle.lock().clear(),
                Err(error) => {
                    self.restore(session).await;
                    return Err(error);
                }
            }
        }
        let mut session = Session::new(connect(&self.options).await?, self.unnamed, self.patience);
        match session.begin(sql).await {
            Ok(()) => Ok((session, permit)),
            Err(error) => {
                self.restore(session).await;
                Err(error)
            }
        }
    }

    /// A beginning that was refused leaves a failed transaction open.
    async fn restore(&self, mut session: Session) {
        if session.end("ROLLBACK").await.is_ok() {
            self.give_back(session);
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(BUSY_TIMEOUT, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => {
                Err(Error::new(Code::Closed, "the kernel was closed").hint("open a new one"))
            }
            Err(_) => Err(Error::new(
                Code::StoreLocked,
                format!("all {} connections are busy", self.connections),
            )
            .hint("raise max_connections in the URL, or do less at once")),
        }
    }

    /// Keeps a session that is between two transactions.
    pub(super) fn give_back(&self, session: Session) {
        if session.fresh() && !self.permits.is_closed() {
            self.idle.lock().push(session);
        }
    }

    pub(super) async fn close(&self) {
        let all = self.permits.acquire_many(self.connections);
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, all).await;
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for session in idle {
            session.close().await;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.born.check().is_err() {
            // In a forked child the sockets and their reactor are the parent's.
            std::mem::forget(std::mem::take(&mut *self.idle.lock()));
        }
    }
}

/// A connection that carries the mark; none if a pooler is between, which refuses or drops it.
async fn direct(options: &PgConnectOptions) -> Result<Option<PgConnection>> {
    let connected = answer(CONNECT_TIMEOUT, async {
        let mut connection = PgConnection::connect_with(options).await?;
        let mark = sqlx::query("SELECT current_setting('aikit.direct', true)").persistent(false);
        let mark: Option<String> = connection.fetch_one(mark).await?.try_get(0)?;
        Ok((mark.as_deref() == Some("1")).then_some(connection))
    });
    match connected.await {
        Ok(connection) => Ok(connection),
        // 08P01: a startup parameter that the pooler does not know.
        Err(sqlx::Error::Database(e)) if e.code().as_deref() == Some("08P01") => Ok(None),
        Err(error) => Err(connect_error(error)),
    }
}
