//! The tables, and how a database of an earlier version becomes one of this.

use std::path::Path;

use rusqlite::Connection;

use super::describe;
use crate::error::{Code, Error, Result};

/// "aikt": marks a file as ours.
const APPLICATION_ID: i32 = 0x6169_6b74;

/// Every version's step, in order; `user_version` counts those that were made.
const MIGRATIONS: &[&str] = &[include_str!("v1.sql")];

/// What holds for every connection.
pub(super) fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Refuses, before anything is written, a database that is not ours or of a newer version.
pub(super) fn refuse_foreign(connection: &Connection, path: &Path) -> Result<()> {
    let fail = |e| describe(path, e);
    let shown = path.display().to_string();
    let application = pragma(connection, "application_id").map_err(fail)?;
    if application == APPLICATION_ID {
        if pragma(connection, "user_version").map_err(fail)? <= newest() {
            return Ok(());
        }
        return Err(Error::new(
            Code::StoreUnavailable,
            format!("{shown} was written by a newer aikit"),
        )
        .at(shown)
        .hint("upgrade aikit, or open another file"));
    }
    let objects: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(fail)?;
    if application == 0 && objects == 0 {
        return Ok(());
    }
    Err(Error::new(Code::StoreCorrupt, format!("{shown} is a database of another program"))
        .at(shown)
        .hint("name another file; this one was left as it is"))
}

fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Brings the database to the newest version in one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let fail = |e| describe(path, e);
    if pragma(connection, "user_version").map_err(fail)? == newest() {
        return Ok(());
    }
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(fail)?;
    // Asked again under the lock: another process may have migrated meanwhile.
    let version = pragma(&transaction, "user_version").map_err(fail)?;
    for step in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(fail)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .and_then(|()| transaction.pragma_update(None, "user_version", newest()))
        .map_err(fail)?;
    transaction.commit().map_err(fail)
}
