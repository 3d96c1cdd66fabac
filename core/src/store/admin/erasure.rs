//! Bytes of what was deleted, made unreachable in the raw files.
//!
//! SQLite overwrites deleted rows with zeros, but not the copies that its pages and its full-text
//! index keep when they are rearranged. So the index is built anew, the whole file is written anew
//! (`VACUUM`), and the log is emptied. On PostgreSQL only the tables' owner can do the like.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Admin, tables};
use crate::error::{Error, Result};
use crate::store::Database;
use crate::store::sqlite::store_error;

/// Where bytes of what was deleted can still be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remains {
    /// A file, or what else holds them.
    pub place: String,
    /// What to do about it.
    pub advice: String,
}

impl Remains {
    fn new(place: impl ToString, advice: impl Into<String>) -> Self {
        Self { place: place.to_string(), advice: advice.into() }
    }
}

/// What is left when the files could not be written anew.
pub(super) fn failed(admin: &Admin, error: &Error) -> Remains {
    let place = match admin.store.database() {
        Ok(Database::Sqlite(database)) => database.path().map(|path| path.display().to_string()),
        _ => None,
    };
    let place = place.unwrap_or_else(|| "the database".into());
    Remains::new(place, format!("not written anew ({}): repeat the erasure", error.message()))
}

impl Admin {
    /// Makes the bytes of everything that was ever deleted unreachable in the files of the store,
    /// and says where some can still be. Takes time and space like a copy of the whole store, and
    /// nobody can write meanwhile.
    ///
    /// # Errors
    /// [`crate::Code::StoreLocked`], [`crate::Code::StoreFull`], [`crate::Code::StoreFailed`].
    pub async fn erase_deleted(&self) -> Result<Vec<Remains>> {
        match self.store.database()? {
            Database::Sqlite(database) => {
                let Some(path) = database.path().map(Path::to_path_buf) else {
                    return Ok(Vec::new());
                };
                let emptied =
                    database.maintain(|connection| rewrite(connection).map_err(store_error));
                let mut remains = Vec::new();
                if !emptied.await? {
                    let mut log = path.clone().into_os_string();
                    log.push("-wal");
                    remains.push(Remains::new(
                        Path::new(&log).display(),
                        "another process reads an earlier state: close it and repeat the erasure",
                    ));
                }
                remains.extend(copies_beside(&path).into_iter().map(|copy| {
                    let advice = "a copy from before a migration: remove it when it is not needed";
                    Remains::new(copy.display(), advice)
                }));
                Ok(remains)
            }
            Database::Postgres(_) => {
                let tables = self
                    .inspect(|tx| {
                        Box::pin(async move { tables::of_tenants(&mut tx.connection).await })
                    })
                    .await?;
                let tables: Vec<_> = tables.iter().map(|table| format!("aikit.{table}")).collect();
                let advice = format!(
                    "as a login that may SET ROLE aikit_owner: SET ROLE aikit_owner; \
                     VACUUM (FULL) {}",
                    tables.join(", ")
                );
                let copies = "the server keeps its log (WAL), replicas and backups by its own \
                              settings: let those that are older than the deletion expire";
                Ok(vec![
                    Remains::new("the tables of the database", advice),
                    Remains::new("the server's log and backups", copies),
                ])
            }
        }
    }
}

/// Writes everything anew; whether the log could be emptied too.
fn rewrite(connection: &rusqlite::Connection) -> rusqlite::Result<bool> {
    connection.execute_batch("INSERT INTO chunk_text (chunk_text) VALUES ('rebuild'); VACUUM")?;
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(checkpoint, [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// The copies that migrations have left beside a database.
fn copies_beside(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = std::fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return Vec::new();
    };
    let is_copy = |found: &str| {
        let rest = found.strip_prefix(name).and_then(|rest| rest.strip_prefix(".v"));
        rest.is_some_and(|rest| rest.ends_with(".backup"))
    };
    let mut copies: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(is_copy))
        .map(|entry| entry.path())
        .collect();
    copies.sort();
    copies
}
