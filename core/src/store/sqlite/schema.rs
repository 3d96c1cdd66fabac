//! The tables, and how a database of an earlier version becomes one of this.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi};

use super::{backup, describe};
use crate::error::{Code, Error, Result};

/// "aikt": marks a file as ours.
const APPLICATION_ID: i32 = 0x6169_6b74;

/// Every version's step, in order; `user_version` counts those that were made.
const MIGRATIONS: &[&str] = &[
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
];

/// The path that stands for a database in memory.
pub(super) const MEMORY: &str = ":memory:";

/// How long another process is waited for that copies and migrates the same file.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(60);

/// What holds for every connection.
pub(super) fn settings(connection: &Connection) -> rusqlite::Result<()> {
    // SQLite opens what it may not write for reading, without a word; the first write would fail.
    if connection.is_readonly(rusqlite::MAIN_DB)? {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None));
    }
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // What is deleted is overwritten: nothing of it is left in the file's free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    // No statement can damage the file, whoever comes to write it: no writing to the tables beneath
    // the index or to the schema, no journal switched off.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    // A misspelt name in double quotes is an error and not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
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
        return Err(newer(path));
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

fn newer(path: &Path) -> Error {
    let shown = path.display().to_string();
    Error::new(Code::StoreUnavailable, format!("{shown} was written by a newer aikit"))
        .at(shown)
        .hint("upgrade aikit, or open another file")
}

/// The version of the tables; 0 for a file without any.
///
/// # Errors
/// [`Code::StoreCorrupt`] for a database of another program.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64> {
    match refuse_foreign(connection, path) {
        // Of a newer aikit: its version tells more than a refusal.
        Err(error) if error.code() != Code::StoreUnavailable => return Err(error),
        _ => {}
    }
    pragma(connection, "user_version").map(Into::into).map_err(|e| describe(path, e))
}

/// The version that this aikit works with.
pub(super) fn newest() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Brings the database to the newest version in one transaction. A file of an earlier version is
/// copied first. Of several processes that open it at once, one does both, and the others wait.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let fail = |e| describe(path, e);
    if pragma(connection, "user_version").map_err(fail)? == newest() {
        return Ok(());
    }
    let patience = pragma(connection, "busy_timeout").map_err(fail)?;
    connection.busy_timeout(MIGRATION_TIMEOUT).map_err(fail)?;
    let migrated = migrate_under_lock(connection, path);
    let patience = Duration::from_millis(u64::try_from(patience).unwrap_or(0));
    connection.busy_timeout(patience).map_err(fail)?;
    migrated
}

fn migrate_under_lock(connection: &mut Connection, path: &Path) -> Result<()> {
    let fail = |e| describe(path, e);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    // Asked again under the lock: another process may have migrated meanwhile.
    let version = pragma(&transaction, "user_version").map_err(fail)?;
    if version == newest() {
        return Ok(());
    }
    if version > newest() {
        return Err(newer(path));
    }
    let copy = copy_of_version(version, path)?;
    if let Err(error) = apply(&transaction, version) {
        // Nothing was changed: whoever tries again and again needs no copy of each time.
        if let Some(copy) = copy {
            let _ = std::fs::remove_file(copy);
        }
        return Err(fail(error));
    }
    transaction.commit().map_err(fail)
}

/// Makes the steps that follow on `version`.
fn apply(transaction: &Transaction<'_>, version: i32) -> rusqlite::Result<()> {
    for step in MIGRATIONS.iter().skip(usize::try_from(version).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", newest())
}

/// Copies the database of an earlier version beside it and gives the copy's path; none for a
/// database that was empty until now, or lies in memory.
fn copy_of_version(version: i32, path: &Path) -> Result<Option<PathBuf>> {
    if version == 0 || path == Path::new(MEMORY) {
        return Ok(None);
    }
    let name = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(match number {
            1 => format!(".v{version}.backup"),
            _ => format!(".v{version}.{number}.backup"),
        });
        PathBuf::from(name)
    };
    // The lock is held: no other aikit looks for a name, or copies to one, at the same time.
    let mut number = 1;
    let copy = loop {
        let copy = name(number);
        // What is left of a copy that was killed may be as large as the database.
        backup::clear(&copy);
        if std::fs::symlink_metadata(&copy).is_err() {
            break copy;
        }
        number += 1;
    };
    // SQLite copies from no connection that has begun to write.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(path, flags).map_err(|e| describe(path, e))?;
    source.busy_timeout(MIGRATION_TIMEOUT).map_err(|e| describe(path, e))?;
    backup::copy(&source, &copy)?;
    Ok(Some(copy))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::super::functions;
    use super::{APPLICATION_ID, MEMORY, MIGRATIONS, migrate, newest, pragma, settings};

    /// A database as an aikit of that version left it.
    fn of_version(version: usize) -> Connection {
        let connection = Connection::open_in_memory().expect("open");
        settings(&connection).expect("settings");
        functions(&connection).expect("functions");
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
        functions(&fresh).expect("functions");
        migrate(&mut fresh, Path::new(":memory:")).expect("migrate");
        for version in 1..=MIGRATIONS.len() {
            let mut old = of_version(version);
            let (columns, words) = match version {
                1 | 2 => ("", ""),
                _ => (", words, length", ", aikit_words('t', 'c', 'apple pie'), 2"),
            };
            old.execute_batch(&format!(
                "INSERT INTO collections (tenant_id, name) VALUES ('t', 'c');
                 INSERT INTO documents (tenant_id, collection, source, title, hash, bytes)
                     VALUES ('t', 'c', 's', 'S', x'01', 5);
                 INSERT INTO chunks (tenant_id, collection, source, ordinal, start_line, text{columns})
                     VALUES ('t', 'c', 's', 0, 1, 'apple pie'{words});
                 INSERT INTO runs (tenant_id, run_id, agent_id, version, model, status)
                     VALUES ('t', 'r', 'a', '1.0.0', 'm/m', 'finished');
                 INSERT INTO run_events (tenant_id, run_id, seq, body) VALUES ('t', 'r', 0, '{{}}');"
            ))
            .expect("data");
            migrate(&mut old, Path::new(":memory:")).expect("migrate");
            assert_eq!(pragma(&old, "user_version").expect("version"), newest());
            assert_eq!(tables(&old), tables(&fresh), "from version {version}");
            let (found, events): (String, i64) = old
                .query_row(
                    "SELECT (SELECT c.text FROM chunk_text JOIN chunks c ON c.id = chunk_text.rowid
                         WHERE chunk_text MATCH aikit_words('t', 'c', 'apples')),
                     (SELECT count(*) FROM run_events)",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .expect("data is there");
            assert_eq!((found.as_str(), events), ("apple pie", 1));
            let counted: (i64, i64) = old
                .query_row("SELECT passages, words FROM collections", [], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .expect("counts");
            assert_eq!(counted, (1, 2));
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

    /// Whoever tries again and again does not fill the disk with copies.
    #[test]
    fn a_migration_that_fails_keeps_no_copy() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("store.db");
        of_version(1).execute("VACUUM INTO ?1", [path.to_str()]).expect("file");
        let mut old = Connection::open(&path).expect("open");
        functions(&old).expect("functions");
        old.execute_batch("CREATE TABLE spec_history (theirs)").expect("in the way");
        migrate(&mut old, &path).expect_err("refused");
        let copy = folder.path().join("store.db.v1.backup");
        assert!(!copy.exists());
        old.execute_batch("DROP TABLE spec_history").expect("out of the way");
        migrate(&mut old, &path).expect("migrate");
        let copied = Connection::open(&copy).expect("copy");
        assert_eq!(pragma(&copied, "user_version").expect("version"), 1);
    }

    #[test]
    fn no_statement_can_damage_the_file_or_take_a_misspelt_name_for_a_text() {
        let mut connection = Connection::open_in_memory().expect("open");
        settings(&connection).expect("settings");
        functions(&connection).expect("functions");
        migrate(&mut connection, Path::new(MEMORY)).expect("migrate");
        for statement in [
            "UPDATE chunk_text_data SET block = x'00'",
            "SELECT \"no such column\"",
            "CREATE TABLE t (x CHECK (x <> \"no such column\"))",
        ] {
            connection.execute_batch(statement).expect_err(statement);
        }
        connection.execute_batch("PRAGMA writable_schema = ON").expect("ignored");
        let rename = "UPDATE sqlite_schema SET name = 'other' WHERE name = 'runs'";
        connection.execute_batch(rename).expect_err("protected");
        assert_eq!(pragma(&connection, "secure_delete").expect("setting"), 1);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("store.db");
        of_version(1).execute("VACUUM INTO ?1", [path.to_str()]).expect("file");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(&path, flags).expect("open");
        let error = settings(&connection).expect_err("refused");
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    }
}
