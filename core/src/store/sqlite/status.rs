//! A look at a file from outside.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::{describe, schema};
use crate::error::{Code, Error, Result};
use crate::io;

/// What an SQLite file is like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SqliteStatus {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes, without the log beside it; 0 if it is not there.
    pub bytes: u64,
    /// The version of the SQLite in this aikit.
    pub sqlite: String,
    /// The version of its tables; 0 if there are none.
    pub schema: i64,
    /// The version that this aikit works with.
    pub wanted: i64,
}

/// Looks at a file, which need not be there, and changes nothing.
pub(in crate::store) async fn status(path: &Path) -> Result<SqliteStatus> {
    let path = path.to_path_buf();
    io::runtime()?
        .spawn_blocking(move || look(&path))
        .await
        .map_err(|e| Error::new(Code::Panic, "looking at the file failed").caused_by(e))?
}

fn look(path: &Path) -> Result<SqliteStatus> {
    let wanted = schema::newest().into();
    let sqlite = rusqlite::version().to_owned();
    let mut status = SqliteStatus { file: path.into(), bytes: 0, sqlite, schema: 0, wanted };
    let Ok(metadata) = path.metadata() else { return Ok(status) };
    status.bytes = metadata.len();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| describe(path, error))?;
    status.schema = schema::version(&connection, path)?;
    Ok(status)
}

/// The names of the steps between two versions.
pub(in crate::store) fn steps(from: i64, to: i64) -> Vec<String> {
    (from + 1..=to).map(|version| format!("v{version}")).collect()
}
