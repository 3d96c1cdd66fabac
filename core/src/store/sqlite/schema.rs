//! The tables, and how a database of an earlier version becomes one of this.

use std::path::Path;

use rusqlite::Connection;

use super::describe;
use crate::error::{Code, Error, Result};

/// "aikt": marks a file as ours.
const APPLICATION_ID: i32 = 0x6169_6b74;

/// Every version's step, in order; `user_version` counts those that were made.
const MIGRATIONS: &[&str] = &[include_str!("v1.sql"), include_str!("v2.sql")];

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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::{APPLICATION_ID, MIGRATIONS, migrate, newest, pragma, settings};

    /// A database as an aikit of that version left it.
    fn of_version(version: usize) -> Connection {
        let connection = Connection::open_in_memory().expect("open");
        settings(&connection).expect("settings");
        for step in &MIGRATIONS[..version] {
            connection.execute_batch(step).expect("step");
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).expect("id");
        connection.pragma_update(None, "user_version", version).expect("version");
        connection
    }

    fn tables(connection: &Connection) -> Vec<String> {
        connection
            .prepare("SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
            .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
            .expect("schema")
    }

    #[test]
    fn every_earlier_version_becomes_the_newest_with_its_data() {
        let mut fresh = Connection::open_in_memory().expect("open");
        migrate(&mut fresh, Path::new(":memory:")).expect("migrate");
        for version in 1..=MIGRATIONS.len() {
            let mut old = of_version(version);
            old.execute_batch(
                "INSERT INTO collections (tenant_id, name) VALUES ('t', 'c');
                 INSERT INTO documents (tenant_id, collection, source, title, hash, bytes)
                     VALUES ('t', 'c', 's', 'S', x'01', 5);
                 INSERT INTO chunks (tenant_id, collection, source, ordinal, start_line, text)
                     VALUES ('t', 'c', 's', 0, 1, 'apple pie');
                 INSERT INTO runs (tenant_id, run_id, agent_id, version, model, status)
                     VALUES ('t', 'r', 'a', '1.0.0', 'm/m', 'finished');
                 INSERT INTO run_events (tenant_id, run_id, seq, body) VALUES ('t', 'r', 0, '{}');",
            )
            .expect("data");
            migrate(&mut old, Path::new(":memory:")).expect("migrate");
            assert_eq!(pragma(&old, "user_version").expect("version"), newest());
            assert_eq!(tables(&old), tables(&fresh), "from version {version}");
            let (found, events): (String, i64) = old
                .query_row(
                    "SELECT (SELECT c.text FROM chunk_text JOIN chunks c ON c.id = chunk_text.rowid
                         WHERE chunk_text MATCH 'apple'), (SELECT count(*) FROM run_events)",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .expect("data is there");
            assert_eq!((found.as_str(), events), ("apple pie", 1));
            let sound: String =
                old.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("check");
            assert_eq!(sound, "ok");
        }
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        let mut old = of_version(1);
        old.execute_batch("CREATE TABLE spec_history (theirs)").expect("in the way");
        let before = tables(&old);
        migrate(&mut old, Path::new(":memory:")).expect_err("refused");
        assert_eq!(tables(&old), before);
        assert_eq!(pragma(&old, "user_version").expect("version"), 1);
    }
}
