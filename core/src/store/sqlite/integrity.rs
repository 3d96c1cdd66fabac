//! Whether a database is whole: its pages, its references, and its full-text index.

use rusqlite::{Connection, ErrorCode};

use super::store_error;
use crate::error::Result;
use crate::store::words::Tokens;

/// The most findings that are given: a damaged file has thousands that say the same.
const LIMIT: usize = 100;

/// What is wrong with the database; empty when it is sound.
///
/// Reads every page and, for the full-text index, every passage, and writes nothing. It sees one
/// state of the database and, in WAL mode, holds up no writer while it reads the pages; the index is
/// compared with the passages under the writer's lock.
///
/// # Errors
/// The store's codes, when it could not be looked at. Damage is no error.
pub(super) fn check(connection: &Connection) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for part in [pages, references, words, counts] {
        match part(connection) {
            Ok(findings) => found.extend(findings),
            // So damaged that SQLite does not walk on.
            Err(error) if is_damage(&error) => found.push(error.to_string()),
            Err(error) => return Err(store_error(error)),
        }
    }
    found.truncate(LIMIT);
    Ok(found)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Trees, indexes, the types and constraints of rows.
fn pages(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let findings: Vec<String> = connection
        .prepare(&format!("PRAGMA integrity_check({LIMIT})"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(findings.into_iter().filter(|finding| finding != "ok").collect())
}

/// Rows that refer to a row that is not there.
fn references(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare(
            "SELECT \"table\", \"parent\", count(*) FROM pragma_foreign_key_check GROUP BY 1, 2",
        )?
        .query_map([], |row| {
            let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
            let rows: i64 = row.get(2)?;
            Ok(format!("{rows} rows of {table} refer to rows of {parent} that are not there"))
        })?
        .collect()
}

/// Whether the full-text index says of every passage what the passage says. `integrity_check` looks
/// only at the index itself: where the text lies is not its business.
fn words(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let has_index: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'chunk_text')",
        [],
        |row| row.get(0),
    )?;
    if !has_index {
        return Ok(Vec::new());
    }
    // To SQLite the command is a write, though it changes nothing; a connection that only reads
    // must be let for it.
    let only_reads: bool = connection.pragma_query_value(None, "query_only", |row| row.get(0))?;
    if only_reads {
        connection.pragma_update(None, "query_only", false)?;
    }
    let outcome = connection
        .execute("INSERT INTO chunk_text (chunk_text, rank) VALUES ('integrity-check', 1)", []);
    if only_reads {
        connection.pragma_update(None, "query_only", true)?;
    }
    match outcome {
        Ok(_) => Ok(Vec::new()),
        Err(error) if is_damage(&error) => {
            Ok(vec!["the full-text index does not agree with the passages".into()])
        }
        Err(error) => Err(error),
    }
}

/// Whether the passages have the words that their texts have, and collections the sums of both.
fn counts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let has_words: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info('chunks') WHERE name = 'words')",
        [],
        |row| row.get(0),
    )?;
    if !has_words {
        return Ok(Vec::new());
    }
    let mut select =
        connection.prepare("SELECT tenant_id, collection, text, words, length FROM chunks")?;
    let mut rows = select.query([])?;
    let mut others = 0;
    while let Some(row) = rows.next()? {
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let (words, length) = Tokens::new(text(0)?, text(1)?).of_passage(text(2)?);
        if words != text(3)? || length != row.get::<_, usize>(4)? {
            others += 1;
        }
    }
    let wrong: i64 = connection.query_row(
        "SELECT count(*) FROM collections k WHERE (passages, words) IS NOT
             (SELECT count(*), coalesce(sum(c.length), 0) FROM chunks c
              WHERE c.tenant_id = k.tenant_id AND c.collection = k.name)",
        [],
        |row| row.get(0),
    )?;
    let findings = [
        (others, format!("{others} passages do not have the words of their texts")),
        (wrong, format!("{wrong} collections do not count the words of their passages")),
    ];
    Ok(findings.into_iter().filter(|(n, _)| *n > 0).map(|(_, finding)| finding).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::check;
    use crate::store::sqlite::{functions, schema};

    fn filled(path: &Path) -> Connection {
        let mut connection = Connection::open(path).expect("open");
        schema::settings(&connection).expect("settings");
        functions(&connection).expect("functions");
        schema::migrate(&mut connection, path).expect("migrate");
        connection
            .execute_batch(
                "INSERT INTO collections (tenant_id, name) VALUES ('t', 'c');
                 INSERT INTO documents (tenant_id, collection, source, title, hash, bytes)
                     VALUES ('t', 'c', 's', 'S', x'01', 5);
                 WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
                 INSERT INTO chunks
                     (tenant_id, collection, source, ordinal, start_line, text, words, length)
                     SELECT 't', 'c', 's', i, 1, t, aikit_words('t', 'c', t), 4
                     FROM (SELECT i, 'apple pie number ' || i AS t FROM n);",
            )
            .expect("data");
        connection
    }

    #[test]
    fn a_sound_database_has_no_findings_whoever_looks() {
        let folder = tempfile::tempdir().expect("folder");
        let connection = filled(&folder.path().join("a.db"));
        assert_eq!(check(&connection).expect("check"), [""; 0]);
        connection.pragma_update(None, "query_only", true).expect("reads only");
        assert_eq!(check(&connection).expect("check"), [""; 0]);
        connection.execute("DELETE FROM chunks", []).expect_err("still reads only");
        let empty = Connection::open_in_memory().expect("open");
        assert_eq!(check(&empty).expect("check"), [""; 0]);
    }

    #[test]
    fn rows_without_their_parent_are_found() {
        let folder = tempfile::tempdir().expect("folder");
        let connection = filled(&folder.path().join("a.db"));
        connection
            .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM documents;")
            .expect("orphans");
        let found = check(&connection).expect("check");
        assert_eq!(found, ["201 rows of chunks refer to rows of documents that are not there"]);
    }

    #[test]
    fn an_index_that_lost_a_passage_is_found() {
        let folder = tempfile::tempdir().expect("folder");
        let connection = filled(&folder.path().join("a.db"));
        connection
            .execute_batch(
                "INSERT INTO chunk_text (chunk_text, rowid, words)
                 SELECT 'delete', id, words FROM chunks WHERE ordinal = 7;",
            )
            .expect("lose it");
        let found = check(&connection).expect("check");
        assert_eq!(found, ["the full-text index does not agree with the passages"]);
    }

    #[test]
    fn words_and_counts_that_are_not_those_of_the_passages_are_found() {
        let folder = tempfile::tempdir().expect("folder");
        let connection = filled(&folder.path().join("a.db"));
        connection
            .execute_batch("UPDATE chunks SET text = 'plum' WHERE ordinal < 3")
            .expect("text");
        let others = "3 passages do not have the words of their texts";
        assert_eq!(check(&connection).expect("check"), [others]);
        connection.execute_batch("UPDATE chunks SET length = 9 WHERE ordinal = 1").expect("length");
        let wrong = "1 collections do not count the words of their passages";
        assert_eq!(check(&connection).expect("check"), [others, wrong]);
    }

    #[test]
    fn a_row_that_breaks_its_table_and_a_page_of_rubbish_are_found() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.db");
        let connection = filled(&path);
        connection
            .execute_batch(
                "PRAGMA ignore_check_constraints = ON; UPDATE documents SET bytes = -1;
                 PRAGMA ignore_check_constraints = OFF;",
            )
            .expect("break it");
        let found = check(&connection).expect("check");
        assert_eq!(found, ["CHECK constraint failed in documents"]);
        drop(connection);
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 8192].fill(0xa5);
        std::fs::write(&path, bytes).expect("write");
        let connection = Connection::open(&path).expect("open");
        assert!(!check(&connection).expect("damage is no error").is_empty());
    }
}
