//! SQLite: one writer, one query-only reader, each on a thread of its own.

mod fault;
mod fork;
mod schema;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::error::{Code, Error, Result};
pub(super) use fault::{Fault, store_error};
use worker::Worker;

/// Earlier versions can corrupt a WAL database when two connections write and checkpoint at once.
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long a lock of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The threads that own the connections.
#[derive(Debug)]
pub(super) struct Database {
    writer: Worker,
    /// In memory there is one connection, and the writer reads as well.
    reader: Option<Worker>,
}

impl Database {
    pub(super) async fn open(location: Option<&Path>) -> Result<Self> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(Error::new(
                Code::StoreUnavailable,
                format!("SQLite {} can corrupt databases", rusqlite::version()),
            )
            .hint("build aikit with its bundled SQLite, 3.51.3 or newer"));
        }
        fork::prepare();
        let path = location.map(Path::to_path_buf);
        let writer = Worker::start("aikit-write", {
            let path = path.clone();
            move || open_writer(path.as_deref())
        })
        .await?;
        let reader = match path {
            None => None,
            Some(path) => Some(Worker::start("aikit-read", move || open_reader(&path)).await?),
        };
        Ok(Self { writer, reader })
    }

    /// Runs `work` in one write transaction. It is rolled back when `work` fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer
            .run(move |connection| {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let value = work(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })
            .await
    }

    /// [`Database::write`] for work that may find that it is not allowed: then nothing of it stays.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.writer
            .run(move |connection| {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                match work(&transaction) {
                    Ok(value) => transaction.commit().map(|()| Ok(value)),
                    Err(Fault::Refused(error)) => transaction.rollback().map(|()| Err(error)),
                    Err(Fault::Sqlite(error)) => Err(error),
                }
            })
            .await?
    }

    /// Runs `work` on a connection that only reads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let worker = self.reader.as_ref().unwrap_or(&self.writer);
        worker.run(move |connection| work(connection)).await
    }

    pub(super) async fn close(&self) -> Result<()> {
        if let Some(reader) = &self.reader {
            reader.stop().await;
        }
        // Last one out: SQLite checkpoints the log and removes it.
        self.writer.stop().await;
        Ok(())
    }
}

fn describe(path: &Path, error: rusqlite::Error) -> Error {
    let shown = path.display().to_string();
    let error = store_error(error);
    let message = format!("{shown}: {}", error.message());
    let mut described = Error::new(error.code(), message).at(shown);
    if let Some(hint) = error.hint_text() {
        described = described.hint(hint);
    }
    if let Some(cause) = error.cause() {
        described = described.caused_by(cause);
    }
    described
}

fn open_writer(path: Option<&Path>) -> Result<Connection> {
    let Some(path) = path else {
        let mut connection = Connection::open_in_memory().map_err(store_error)?;
        schema::settings(&connection).map_err(store_error)?;
        schema::migrate(&mut connection, Path::new(":memory:"))?;
        return Ok(connection);
    };
    if path.is_dir() {
        return Err(Error::new(Code::StoreUnavailable, format!("{} is a folder", path.display()))
            .at(path.display().to_string())
            .hint("name a file in it, for instance aikit.db"));
    }
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        schema::settings(&connection)?;
        Ok(connection)
    };
    let mut connection = open().map_err(|e| describe(path, e))?;
    schema::refuse_foreign(&connection, path)?;
    let durable = |connection: &Connection| -> rusqlite::Result<()> {
        // Runs must survive a power cut: every commit is synced.
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)
    };
    durable(&connection).map_err(|e| describe(path, e))?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

fn open_reader(path: &PathBuf) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        // Not read-only: a reader of a WAL database must be able to write its shared index.
        let connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        schema::settings(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|e| describe(path, e))
}
