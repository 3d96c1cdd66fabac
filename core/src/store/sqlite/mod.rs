//! SQLite: one writer and a few query-only readers, each on a thread of its own.

mod backup;
mod fault;
mod fork;
mod integrity;
mod schema;
mod status;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::access;
use super::words::Tokens;
use crate::error::{Code, Error, Result};
use crate::io;
pub(super) use fault::store_error;
pub use status::SqliteStatus;
pub(super) use status::{status, steps};
use worker::Workers;

/// Earlier versions can corrupt a WAL database when two connections write and checkpoint at once.
const OLDEST_SQLITE: i32 = 3_051_003;
/// How long a lock of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many threads read at most.
const READERS: usize = 4;

/// The threads that own the connections.
#[derive(Debug)]
pub(super) struct Database {
    writer: Workers,
    /// In memory there is one connection, and the writer reads as well.
    readers: Option<Workers>,
    path: Option<PathBuf>,
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
        let writer = Workers::start("aikit-write", 1, {
            let path = path.clone();
            move || open_writer(path.as_deref())
        })
        .await?;
        let readers = match path.clone() {
            None => None,
            Some(path) => {
                Some(Workers::start("aikit-read", READERS, move || open_reader(&path)).await?)
            }
        };
        Ok(Self { writer, readers, path })
    }

    /// The file; `None` in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Runs `work` in one write transaction. It is rolled back when `work` fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(move |connection| transact(connection, "BEGIN IMMEDIATE", work)).await
    }

    /// Runs `work` on a connection that only reads, in one snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let workers = self.readers.as_ref().unwrap_or(&self.writer);
        workers.run(move |connection| transact(connection, "BEGIN", work)).await
    }

    /// Runs `work` on the writer's connection outside of a transaction.
    pub(super) async fn maintain<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.writer.run(work).await
    }

    /// Copies the database into a new file.
    pub(super) async fn backup(&self, path: &Path) -> Result<()> {
        let path = path.to_path_buf();
        let workers = self.readers.as_ref().unwrap_or(&self.writer);
        workers.run(move |connection| backup::copy(connection, &path)).await
    }

    /// What is wrong with the database; empty when it is sound.
    pub(super) async fn check(&self) -> Result<Vec<String>> {
        self.writer.run(|connection| integrity::check(connection)).await
    }

    pub(super) async fn close(&self) -> Result<()> {
        if let Some(readers) = &self.readers {
            readers.stop().await;
        }
        // Last one out: SQLite checkpoints the log and removes it.
        self.writer.stop().await;
        Ok(())
    }
}

/// Runs `work` between a beginning and an end. Whatever happens, no transaction stays open.
fn transact<T>(
    connection: &mut Connection,
    begin: &str,
    work: impl FnOnce(&mut Connection) -> Result<T>,
) -> Result<T> {
    let run = |connection: &Connection, sql: &str| {
        connection.prepare_cached(sql).and_then(|mut s| s.execute([])).map_err(store_error)
    };
    run(connection, begin)?;
    let outcome = io::catch(|| work(connection))
        .and_then(|result| result)
        .and_then(|value| run(connection, "COMMIT").map(|_| value));
    if !connection.is_autocommit() {
        // After some failures SQLite has rolled back already; after others this cannot fail.
        let _ = run(connection, "ROLLBACK");
    }
    outcome
}

/// Whether there is such a tenant.
pub(super) fn knows(connection: &Connection, tenant: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM tenants WHERE tenant_id = ?1")
        .and_then(|mut s| s.exists([tenant]))
        .map_err(store_error)
}

/// Makes a tenant, unless another process was faster.
pub(super) fn make_tenant(connection: &Connection, tenant: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO tenants (tenant_id, status, config, created_at, updated_at)
             VALUES (?1, 'active', '{}', aikit_now(), aikit_now()) ON CONFLICT DO NOTHING",
        )
        .and_then(|mut s| s.execute([tenant]))
        .map_err(store_error)?;
    Ok(())
}

/// Refuses a tenant that is not there or is suspended, and a reader without a grant, or suspended.
pub(super) fn enter(connection: &Connection, tenant: &str, reader: Option<&str>) -> Result<()> {
    let status: Option<String> = connection
        .prepare_cached("SELECT status FROM tenants WHERE tenant_id = ?1")
        .and_then(|mut s| s.query_row([tenant], |row| row.get(0)).optional())
        .map_err(store_error)?;
    match status.as_deref() {
        None => return Err(access::not_found(tenant)),
        Some("suspended") => return Err(access::suspended(tenant)),
        Some(_) => {}
    }
    if let Some(reader) = reader {
        // Who was granted it and still stands above, and is not suspended himself.
        let standing: Option<String> = connection
            .prepare_cached(
                "WITH RECURSIVE above (tenant_id, parent_id, status) AS (
                     SELECT tenant_id, parent_id, NULL FROM tenants WHERE tenant_id = ?1
                     UNION SELECT t.tenant_id, t.parent_id, t.status FROM above a
                         JOIN tenants t ON t.tenant_id = a.parent_id)
                 SELECT a.status FROM above a
                 JOIN tenant_grants g ON g.tenant_id = ?1 AND g.reader_id = a.tenant_id
                 WHERE a.tenant_id = ?2 AND a.status IS NOT NULL",
            )
            .and_then(|mut s| s.query_row([tenant, reader], |row| row.get(0)).optional())
            .map_err(store_error)?;
        match standing.as_deref() {
            None => return Err(access::not_granted(tenant)),
            Some("suspended") => return Err(access::suspended(reader)),
            Some(_) => {}
        }
    }
    Ok(())
}

/// What statements call that SQLite does not have.
pub(super) fn functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    // The words of a passage: of tenant, collection and text.
    connection.create_scalar_function("aikit_words", 3, flags, |context| {
        let text = |i| context.get_raw(i).as_str();
        Ok(Tokens::new(text(0)?, text(1)?).of_passage(text(2)?).0)
    })?;
    connection.create_scalar_function("aikit_now", 0, flags, |_| {
        // Of this machine, which is the database's. In milliseconds, as the tables' defaults are.
        let now = jiff::Timestamp::now();
        Ok(now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
    })
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
        schema::settings(&connection).and_then(|()| functions(&connection)).map_err(store_error)?;
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
        functions(&connection)?;
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
        functions(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|e| describe(path, e))
}
