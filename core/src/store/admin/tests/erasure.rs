//! Data protection: after an erasure, the raw files hold nothing of the tenant.
//!
//! Each column of each table, as the catalogue names them, has a text of its own that can be found in
//! the bytes of the files.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::Place;
use super::place::on_a_file;
use crate::store::admin::{Admin, DeletionOptions, tables};

/// Rows of each table, where the key allows more than one.
const ROWS: i64 = 150;

/// What is to be found of a column of a tenant.
fn canary(tenant: &str, column: &str) -> String {
    format!("zq{tenant}{column}n")
}

/// The value of a column of the n-th row.
fn value(tenant: &str, number: i64, table: &str, column: &str, kind: &str, n: i64) -> Value {
    let fixed = match (table, column) {
        (_, "tenant_id") => Some(tenant),
        ("tenants", "status") => Some("active"),
        ("tenants", "kind") => Some("team"),
        ("runs", "status") => Some("finished"),
        ("spec_versions", "status") => Some("draft"),
        ("spec_terms", "kind") => Some("word"),
        ("spec_history", "change") => Some("saved"),
        ("spec_history", "from_status" | "to_status") => Some("draft"),
        // Where its chain ended stays in the administrators' chain: a hash, and nothing of what it is of.
        ("audit_log", "hash") => Some("5e55"),
        ("tenants", "parent_id") | ("tenant_grants", "reader_id") => Some("org"),
        _ => None,
    };
    // Where another table refers to a name, both say the same.
    let named = if (table, column) == ("collections", "name") { "collection" } else { column };
    let text = format!("{} {}", canary(tenant, named) + &n.to_string(), "more words ".repeat(3));
    match (fixed, kind, column) {
        (Some(fixed), ..) => Value::Text(fixed.into()),
        (None, "INTEGER", "id" | "chunk_id") => Value::Integer(number * 1_000_000 + n + 1),
        (None, "INTEGER", _) => Value::Integer(n + 1),
        (None, "BLOB", _) => Value::Blob(text.into_bytes()),
        (None, "TEXT", "config" | "detail") => Value::Text(format!("{{\"x\":\"{text}\"}}")),
        (None, "TEXT", _) => Value::Text(text),
        other => panic!("{table}.{column} is of a type that this test does not know: {other:?}"),
    }
}

/// The columns that hold texts of the tenant's own.
type Columns = Vec<(String, String)>;

async fn fill(admin: &Admin, raw: &Connection, tenant: &str, number: i64) -> Columns {
    let mut tables = admin
        .inspect(|tx| Box::pin(async move { tables::of_tenants(&mut tx.connection).await }))
        .await
        .expect("tables");
    tables.reverse();
    raw.execute_batch("BEGIN IMMEDIATE").expect("begin");
    let mut filled = Columns::new();
    for table in tables {
        let columns: Vec<(String, String)> = raw
            .prepare("SELECT name, type FROM pragma_table_info(?1)")
            .and_then(|mut select| {
                select.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .expect("columns");
        let places: Vec<_> = (1..=columns.len()).map(|n| format!("?{n}")).collect();
        let sql =
            format!("INSERT INTO {table} VALUES ({}) ON CONFLICT DO NOTHING", places.join(", "));
        let mut insert = raw.prepare(&sql).expect("insert");
        for n in 0..ROWS {
            let values = columns.iter().map(|(c, kind)| value(tenant, number, &table, c, kind, n));
            let changed = insert.execute(rusqlite::params_from_iter(values)).expect(&table);
            assert!(changed == 1 || n > 0, "{table} took no row");
        }
        for (column, kind) in columns {
            let sample = value(tenant, number, &table, &column, &kind, 0);
            let shown = format!("{sample:?}");
            if shown.contains(&canary(tenant, "")[..3]) || matches!(sample, Value::Blob(_)) {
                filled.push((table.clone(), column));
            }
        }
    }
    raw.execute_batch("COMMIT").expect("commit");
    filled
}

/// All bytes of all files of a store.
fn bytes(path: &Path) -> Vec<u8> {
    let name = path.file_name().and_then(|name| name.to_str()).expect("name");
    let mut found = Vec::new();
    for ending in ["", "-wal", "-shm", "-journal"] {
        let file = path.with_file_name(format!("{name}{ending}"));
        found.extend(std::fs::read(file).unwrap_or_default().to_ascii_lowercase());
    }
    found
}

fn found(bytes: &[u8], tenant: &str, columns: &Columns) -> BTreeMap<String, bool> {
    let canary_of = |(table, column): &(String, String)| {
        let column = if table == "collections" && column == "name" { "collection" } else { column };
        canary(tenant, column)
    };
    let held = |column| (canary_of(column), contains(bytes, &canary_of(column)));
    columns.iter().map(held).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let (first, rest) = text.as_bytes().split_first().expect("a text");
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| byte == first) {
        at += next + 1;
        if bytes[at..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn nothing_of_an_erased_tenant_is_left_in_the_raw_files() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        let reading = place.store().await;
        let raw = Connection::open(place.path()).expect("open");
        raw.execute_batch("PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON").expect("settings");
        admin.create_tenant("org", super::NewTenant::default()).await.expect("create");
        let columns = fill(&admin, &raw, "alice", 1).await;
        assert_eq!(columns, fill(&admin, &raw, "bob", 2).await);
        assert!(columns.len() > 40, "{columns:?}");
        // Rows that are changed and rearranged leave copies behind them.
        raw.execute_batch(
            "UPDATE spec_versions SET text = text || text || text WHERE length(agent_id) % 2 = 0;
             UPDATE runs SET model = model || model WHERE length(run_id) % 2 = 1;
             DELETE FROM documents WHERE length(source) % 2 = 1;
             DELETE FROM spec_terms WHERE length(term) % 2 = 0;",
        )
        .expect("churn");
        let before = bytes(place.path());
        for (tenant, missing) in ["alice", "bob"].map(|t| (t, found(&before, t, &columns))) {
            assert!(missing.values().all(|there| *there), "{tenant}: {missing:?}");
        }
        let copy = format!("{}.v2.backup", place.path().display());
        std::fs::write(&copy, "an old copy").expect("write");
        reading.tenant("bob").expect("tenant").documents("c").await.expect("a reader is open");

        let options = DeletionOptions { erase: true, ..DeletionOptions::default() };
        let deletion = admin.delete_tenant("alice", options).await.expect("delete");
        let places: Vec<_> = deletion.files.iter().map(|file| file.place.as_str()).collect();
        assert_eq!(places, [copy], "the copy from before a migration is named, and nothing else");
        let after = bytes(place.path());
        let left = found(&after, "alice", &columns);
        assert!(left.values().all(|there| !there), "{left:?}");
        assert!(contains(&before, "zqalice") && !contains(&after, "zqalice"));
        let kept = found(&after, "bob", &columns);
        assert!(kept.values().all(|there| *there), "{kept:?}");
        let sound: String =
            raw.pragma_query_value(None, "integrity_check", |row| row.get(0)).expect("check");
        assert_eq!(sound, "ok");
        raw.execute_batch(
            "INSERT INTO chunk_text (chunk_text, rank) VALUES ('integrity-check', 1)",
        )
        .expect("the index agrees with the passages");
        let count = |sql| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
        let hits = "SELECT count(*) FROM chunk_text WHERE chunk_text MATCH 'zqbobwordsn*'";
        let passages = count("SELECT count(*) FROM chunks WHERE tenant_id = 'bob'");
        assert!(passages > 10 && count(hits) == passages, "{passages}");
    });
}

#[test]
fn a_log_that_somebody_reads_is_named() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("a", super::NewTenant::default()).await.expect("create");
        super::fill(&place.tenant("a").await).await;
        let other = Connection::open(place.path()).expect("open");
        other.execute_batch("BEGIN; SELECT count(*) FROM tenants").expect("a snapshot");
        let options = DeletionOptions { erase: true, ..DeletionOptions::default() };
        let deletion = admin.delete_tenant("a", options).await.expect("delete");
        assert_eq!(deletion.files.len(), 1, "{:?}", deletion.files);
        assert!(deletion.files[0].place.ends_with("store.db-wal"));
        other.execute_batch("ROLLBACK").expect("over");
        assert_eq!(admin.erase_deleted().await.expect("erase"), []);
        let log = std::fs::metadata(format!("{}-wal", place.path().display())).expect("log");
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn a_store_in_memory_has_no_files() {
    super::place::block_on(async {
        let admin = Admin::open(&crate::store::Location::Memory, "root").await.expect("open");
        admin.create_tenant("a", super::NewTenant::default()).await.expect("create");
        let options = DeletionOptions { erase: true, ..DeletionOptions::default() };
        let deletion = admin.delete_tenant("a", options).await.expect("delete");
        assert_eq!(deletion.files, []);
    });
}
