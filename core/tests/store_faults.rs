//! What went wrong once, or was about to, and must not again; on both back ends.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "what other programs of tests need")]
mod stores;

use aikit::Code;
use aikit::kernel::{Kernel, OpenOptions};
use aikit::store::{Limits, NewChunk, NewDocument, Store, StoreOptions, TenantStore};
use futures_util::future::join_all;

fn document(source: &str) -> NewDocument {
    NewDocument {
        source: source.into(),
        title: source.into(),
        hash: vec![1],
        bytes: 5,
        chunks: vec![NewChunk { text: "apple".into(), start_line: 1 }],
    }
}

async fn tenant() -> TenantStore {
    let location = stores::fresh(&["a"]).await;
    let store = Store::open(&location, StoreOptions::default()).await.expect("open");
    let tenant = store.tenant("a").expect("tenant");
    tenant.settle().await.expect("settle");
    tenant
}

#[tokio::test]
async fn a_source_that_is_removed_and_written_is_written() {
    let tenant = tenant().await;
    tenant.put_documents("c", vec![document("x")], vec![]).await.expect("put");
    let twice = vec!["x".to_owned(), "x".to_owned()];
    tenant.put_documents("c", vec![document("x")], twice).await.expect("put again");
    assert_eq!(tenant.documents("c").await.expect("documents").len(), 1);
    assert_eq!(tenant.usage(1).await.expect("usage").totals.documents, 1);
}

#[tokio::test]
async fn vectors_of_different_sizes_cannot_make_documents_stay_for_ever() {
    let tenant = tenant().await;
    tenant.put_documents("c", vec![document("x"), document("y")], vec![]).await.expect("put");
    let chunks = tenant.chunks_without_vector("c", "m/m", 9).await.expect("chunks");
    let sizes = [1, 1_000];
    let vectors = chunks.iter().zip(sizes).map(|((id, _), n)| (*id, vec![1.0; n])).collect();
    let outcome = tenant.put_vectors("c", "m/m", vectors).await;
    let gone = vec!["x".to_owned(), "y".to_owned()];
    tenant.put_documents("c", vec![], gone).await.expect("remove");
    assert_eq!(tenant.usage(1).await.expect("usage").totals.bytes, 0);
    assert_eq!(outcome.expect_err("refused").code(), Code::ModelInvalidResponse);
}

#[test]
fn a_quota_that_is_written_with_a_point_holds() {
    let config = serde_json::json!({"quotas": {"max_specs": 5.0}});
    assert_eq!(Limits::of_config(&config).specs, Some(5));
}

#[tokio::test]
async fn a_url_of_another_database_is_refused_without_its_password() {
    let location = Some("postgresql+driver://u:hidden@127.0.0.1/d".into());
    let error = Kernel::open(OpenOptions { location, ..OpenOptions::default() })
        .await
        .expect_err("refused");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(!error.to_json().to_string().contains("hidden"), "{error}");
}

/// A server may have another isolation level as its default; then who waited for the lock of a tenant
/// would see what was there before, and write the same entry of the audit log again.
#[tokio::test]
async fn changes_follow_each_other_whatever_the_default_isolation_is() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("store.db");
    let location = stores::of_file(&path, &["a"]).await;
    if let Some(server) = stores::server() {
        let name = stores::named(&path);
        let level = "SET default_transaction_isolation = 'repeatable read'";
        stores::run(&server, &format!("ALTER DATABASE {name} {level}")).await;
    }
    let store = Store::open(&location, StoreOptions::default()).await.expect("open");
    let tenant = store.tenant("a").expect("tenant");
    tenant.settle().await.expect("settle");
    let names: Vec<String> = (0..32).map(|n| n.to_string()).collect();
    let puts = names.iter().map(|name| tenant.put_documents("c", vec![document(name)], vec![]));
    for outcome in join_all(puts).await {
        outcome.expect("put");
    }
    assert_eq!(tenant.audit_log(0, 100).await.expect("log").len(), 32);
    assert_eq!(tenant.usage(1).await.expect("usage").totals.documents, 32);
    store.close().await.expect("close");
}
