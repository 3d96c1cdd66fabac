//! One tenant never meets another's rows, and files that are not ours are left alone.

use std::time::Duration;

use super::{
    Location, NewChunk, NewDocument, NewRun, RunStatus, Spent, Store, StoreOptions, TenantStore,
};
use crate::error::Code;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::io::runtime().expect("runtime").block_on(future)
}

async fn open(path: &std::path::Path) -> crate::Result<Store> {
    Store::open(&Location::from(path), StoreOptions::default()).await
}

async fn tenant(store: &Store, id: &str) -> TenantStore {
    let tenant = store.tenant(id).expect("tenant");
    tenant.settle().await.expect("settle");
    tenant
}

fn document(text: &str) -> NewDocument {
    NewDocument {
        source: "a.md".into(),
        title: "A".into(),
        hash: vec![1],
        bytes: text.len() as u64,
        chunks: vec![NewChunk { text: text.into(), start_line: 1 }],
    }
}

#[test]
fn tenants_share_a_file_and_never_a_row() {
    block_on(async {
        let store = Store::in_memory().await.expect("open");
        let (a, b) = (tenant(&store, "a").await, tenant(&store, "b").await);
        a.put_documents("c", vec![document("apple pie")], vec![]).await.expect("put");
        b.put_documents("c", vec![document("apple juice")], vec![]).await.expect("put");
        let found = a.search_text("c", vec!["apple".into()], 10).await.expect("search");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0.text, "apple pie");
        let id = found[0].0.id;
        b.put_vectors("c", "m/m", vec![(id, vec![1.0])]).await.expect("passed over");
        assert!(b.search_vectors("c", "m/m", vec![1.0], 9).await.expect("search").is_empty());
        a.put_documents("c", vec![], vec!["a.md".into()]).await.expect("remove");
        assert_eq!(b.documents("c").await.expect("documents").len(), 1);
        assert!(a.search_text("c", vec!["apple".into()], 10).await.expect("search").is_empty());
    });
}

#[test]
fn runs_survive_reopening_and_ids_are_unique() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("store.db");
    let run = NewRun {
        run_id: "r1".into(),
        agent_id: "x".into(),
        version: "1".into(),
        model: "m/m".into(),
    };
    block_on(async {
        let store = open(&path).await.expect("open");
        let tenant = tenant(&store, "t").await;
        tenant.begin_run(run.clone(), vec![(0, "{}".into())]).await.expect("begin");
        let again = tenant.begin_run(run, vec![]).await.expect_err("taken");
        assert_eq!(again.code(), Code::InvalidArgument);
        let events = vec![(1, "[1]".into())];
        tenant
            .record_step("r1", events, Spent::default(), Some(RunStatus::Finished))
            .await
            .expect("step");
        store.close().await.expect("close");
        assert_eq!(tenant.run_events("r1").await.expect_err("closed").code(), Code::Closed);
        let store = open(&path).await.expect("reopen");
        let events = store.tenant("t").expect("tenant").run_events("r1").await.expect("events");
        assert_eq!(events, ["{}", "[1]"]);
        assert!(store.tenant("u").expect("tenant").run_events("r1").await.is_err());
    });
}

#[test]
fn what_is_not_a_database_of_ours_is_refused_and_unharmed() {
    let folder = tempfile::tempdir().expect("tempdir");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "this is a text file and no database at all, whatever its name")
        .expect("write");
    let foreign = folder.path().join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .and_then(|c| c.execute_batch("CREATE TABLE theirs (x)"))
        .expect("foreign");
    let before = (std::fs::read(&text).expect("read"), std::fs::read(&foreign).expect("read"));
    let open = |path: std::path::PathBuf| {
        block_on(async move { super::tests::open(&path).await.expect_err("refused") })
    };
    assert_eq!(open(text.clone()).code(), Code::StoreCorrupt);
    assert_eq!(open(foreign.clone()).code(), Code::StoreCorrupt);
    assert_eq!(open(folder.path().to_path_buf()).code(), Code::StoreUnavailable);
    assert_eq!(open(folder.path().join("no/such/folder.db")).code(), Code::StoreUnavailable);
    assert_eq!(before.0, std::fs::read(&text).expect("read"));
    let tables = rusqlite::Connection::open(&foreign)
        .and_then(|c| c.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get::<_, i64>(0)))
        .expect("foreign");
    assert_eq!(tables, 1);
}

#[test]
fn a_lock_of_another_process_is_waited_for_and_then_named() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("store.db");
    block_on(async {
        let store = open(&path).await.expect("open");
        let tenant = tenant(&store, "t").await;
        let other = rusqlite::Connection::open(&path).expect("other");
        other.execute_batch("BEGIN IMMEDIATE").expect("lock");
        let locked = tenant.put_documents("c", vec![document("x")], vec![]).await;
        assert_eq!(locked.expect_err("locked").code(), Code::StoreLocked);
        other.execute_batch("BEGIN IMMEDIATE; ROLLBACK").unwrap_err();
        other.execute_batch("ROLLBACK").expect("unlock");
        tokio::time::sleep(Duration::from_millis(1)).await;
        tenant.put_documents("c", vec![document("x")], vec![]).await.expect("free again");
    });
}

/// The vectors of a slow embedding arrive when the document was replaced already.
#[test]
fn a_late_vector_never_lands_on_another_passage() {
    block_on(async {
        let tenant = tenant(&Store::in_memory().await.expect("open"), "t").await;
        tenant.put_documents("c", vec![document("old")], vec![]).await.expect("put");
        let old = tenant.chunks_without_vector("c", "m/m", 9).await.expect("chunks");
        tenant.put_documents("c", vec![document("new")], vec![]).await.expect("put");
        tenant.put_vectors("c", "m/m", vec![(old[0].0, vec![1.0])]).await.expect("passed over");
        let missing = tenant.chunks_without_vector("c", "m/m", 9).await.expect("chunks");
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].1, "new");
    });
}

/// SQLite gives each connection a database of its own under these names: what was written would
/// never be read.
#[test]
fn names_that_are_no_file_do_not_split_the_store() {
    block_on(async {
        let store = open(":memory:".as_ref()).await.expect("open");
        let tenant = tenant(&store, "t").await;
        tenant.put_documents("c", vec![document("x")], vec![]).await.expect("put");
        assert_eq!(tenant.documents("c").await.expect("documents").len(), 1);
        let error = open("".as_ref()).await.expect_err("empty");
        assert_eq!(error.code(), Code::InvalidArgument);
    });
}
