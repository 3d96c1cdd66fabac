//! Databases of every earlier version: all of their data is there, and a copy was made first.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use aikit::Code;
use aikit::kernel::{Kernel, ListOptions, OpenOptions};
use aikit::retrieval::{Passage, SearchOptions, SearchStrategy};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};

/// The version that today's aikit writes.
const NEWEST: i64 = 4;
const EMBEDDING: &str = "scripted/words";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/databases").join(name)
}

/// A copy of the golden database of a version in a folder of its own, and what its maker knew of it.
fn copy_of(version: i64) -> (tempfile::TempDir, PathBuf, Value) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    fs::copy(golden(&format!("v{version}.db")), &path).expect("copy");
    let known = fs::read_to_string(golden(&format!("v{version}.json"))).expect("known");
    (folder, path, serde_json::from_str(&known).expect("json"))
}

async fn open(path: &Path, tenant: &str) -> aikit::Result<Kernel> {
    Kernel::open(OpenOptions { tenant: Some(tenant.into()), ..OpenOptions::file(path) }).await
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().expect("object").keys().cloned().collect()
}

/// Answers a question about a file that nobody has open, and leaves nothing beside it.
fn ask<T: rusqlite::types::FromSql>(path: &Path, sql: &str) -> T {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(format!("file:{}?immutable=1", path.display()), flags)
        .and_then(|connection| connection.query_row(sql, [], |row| row.get(0)))
        .expect("answer")
}

fn version_of(path: &Path) -> i64 {
    ask(path, "SELECT user_version FROM pragma_user_version")
}

/// The same as the maker of the golden files recorded, by the same questions.
async fn everything(kernel: &Kernel, known: &Value) -> Value {
    let mut specs = Vec::new();
    let options = ListOptions { limit: Some(500), ..ListOptions::default() };
    for short in kernel.specs().list(options).await.expect("list").specs {
        let reference = format!("{}@{}", short.agent_id, short.version);
        specs.push(kernel.specs().get(&reference).await.expect("get"));
    }
    let mut history = Map::new();
    for agent in keys(&known["history"]) {
        let entries = kernel.specs().history(&agent).await.expect("history");
        history.insert(agent, json!(entries));
    }
    let mut documents = Map::new();
    for name in keys(&known["documents"]) {
        let records = kernel.collection(&name).expect("collection").documents().await;
        documents.insert(name, json!(records.expect("documents")));
    }
    let mut runs = Map::new();
    for run in keys(&known["runs"]) {
        let events = kernel.run_events(&run).await.expect("events");
        runs.insert(run, json!(events));
    }
    json!({
        "specs": specs, "history": history, "documents": documents, "runs": runs,
        "words": found(kernel, &known["words"], None).await,
        "meaning": found(kernel, &known["meaning"], Some(EMBEDDING)).await,
    })
}

async fn found(kernel: &Kernel, known: &Value, model: Option<&str>) -> Value {
    let mut all = Map::new();
    for name in keys(known) {
        let collection = kernel.collection(&name).expect("collection");
        let mut answers = Map::new();
        for query in keys(&known[&name]) {
            let embedding_model = model.map(str::to_owned);
            let strategy = model.is_none().then_some(SearchStrategy::Keyword);
            let options = SearchOptions { top_k: Some(50), embedding_model, strategy };
            let passages = collection.search_with(&query, options).await.expect("search");
            answers.insert(query, passages.iter().map(without_score).collect());
        }
        all.insert(name, answers.into());
    }
    all.into()
}

fn without_score(passage: &Passage) -> Value {
    let mut value = json!(passage);
    value.as_object_mut().expect("object").remove("score");
    value
}

#[tokio::test]
async fn every_earlier_version_gives_all_its_data_back() {
    for version in 1..NEWEST {
        let (folder, path, known) = copy_of(version);
        assert_eq!(keys(&known), ["acme", "globex"]);
        for tenant in keys(&known) {
            let kernel = open(&path, &tenant).await.expect("open");
            let seen = everything(&kernel, &known[&tenant]).await;
            kernel.close().await.expect("close");
            for (part, value) in known[&tenant].as_object().expect("object") {
                assert_eq!(&seen[part], value, "{part} of {tenant} in version {version}");
            }
        }
        assert_eq!(version_of(&path), NEWEST);
        // Searching for the meaning makes vectors that are missing: these were all there.
        let vectors = "SELECT count(*) FROM vectors";
        let made: i64 = ask(&golden(&format!("v{version}.db")), vectors);
        assert_eq!(ask::<i64>(&path, vectors), made);
        // The second opening found nothing to do.
        assert_eq!(
            names(folder.path()),
            ["store.db".to_owned(), format!("store.db.v{version}.backup")]
        );
    }
}

#[tokio::test]
async fn the_copy_is_the_database_as_it_was() {
    for version in 1..NEWEST {
        let (folder, path, _) = copy_of(version);
        let backup = folder.path().join(format!("store.db.v{version}.backup"));
        let second = folder.path().join(format!("store.db.v{version}.2.backup"));
        open(&path, "acme").await.expect("open").close().await.expect("close");
        let bytes = fs::read(&backup).expect("backup");
        // It says that it has no log, so that it can be read where nothing can be written.
        assert_eq!(bytes[18..20], [1, 1]);
        assert_eq!(version_of(&backup), version);
        let tables =
            "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema ORDER BY name)";
        let rows = "SELECT group_concat(body, ';') FROM run_events";
        for question in [tables, rows] {
            let made: String = ask(&golden(&format!("v{version}.db")), question);
            assert_eq!(ask::<String>(&backup, question), made);
        }
        // The user takes the copy back, and the name is taken when it is migrated again.
        fs::copy(&backup, &path).expect("restore");
        open(&path, "acme").await.expect("open").close().await.expect("close");
        assert_eq!(fs::read(&backup).expect("backup"), bytes);
        assert_eq!(version_of(&second), version);
    }
}

#[tokio::test]
async fn a_database_that_is_new_or_of_today_is_not_copied() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("store.db");
    for _ in 0..2 {
        open(&path, "acme").await.expect("open").close().await.expect("close");
    }
    assert_eq!(names(folder.path()), ["store.db"]);
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_as_it_is() {
    let (folder, path, _) = copy_of(NEWEST - 1);
    Connection::open(&path)
        .and_then(|c| {
            c.pragma_update(None, "journal_mode", "DELETE")?;
            c.pragma_update(None, "user_version", NEWEST + 1)
        })
        .expect("newer");
    let before = fs::read(&path).expect("read");
    let error = open(&path, "acme").await.expect_err("refused");
    assert_eq!(error.code(), Code::StoreUnavailable);
    assert!(error.message().contains("newer"), "{error}");
    assert_eq!(fs::read(&path).expect("read"), before);
    assert_eq!(names(folder.path()), ["store.db"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_that_open_it_at_once_one_copies_and_migrates() {
    for version in 1..NEWEST {
        let (folder, path, known) = copy_of(version);
        let opening = (0..4).map(|_| {
            let path = path.clone();
            tokio::spawn(async move { open(&path, "globex").await })
        });
        let opening: Vec<_> = opening.collect();
        let mut kernels = Vec::new();
        for kernel in opening {
            kernels.push(kernel.await.expect("task").expect("open"));
        }
        for kernel in kernels {
            let seen = everything(&kernel, &known["globex"]).await;
            assert_eq!(seen["runs"], known["globex"]["runs"]);
            kernel.close().await.expect("close");
        }
        assert_eq!(
            names(folder.path()),
            ["store.db".to_owned(), format!("store.db.v{version}.backup")]
        );
    }
}

/// A copy cannot be made: nothing is migrated, and what is there can still be used by its own version.
#[tokio::test]
async fn without_a_copy_nothing_is_migrated() {
    let (folder, path, _) = copy_of(NEWEST - 1);
    // Damage that only a look at all pages finds.
    Connection::open(&path)
        .and_then(|c| c.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM runs"))
        .expect("orphans");
    let error = open(&path, "acme").await.expect_err("refused");
    assert_eq!(error.code(), Code::StoreCorrupt, "{error}");
    assert_eq!(version_of(&path), NEWEST - 1);
    assert!(!names(folder.path()).iter().any(|name| name.contains("backup")));
}
