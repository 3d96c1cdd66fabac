//! What others keep has no part in what a search of mine finds, and in which order.

use aikit::store::{NewChunk, NewDocument, TenantStore};

use super::place::Place;

fn documents(text: &str, number: usize) -> Vec<NewDocument> {
    (0..number)
        .map(|n| NewDocument {
            source: format!("{text}{n}.md"),
            title: text.into(),
            hash: vec![1],
            bytes: 1,
            chunks: vec![NewChunk { text: text.into(), start_line: 1 }],
        })
        .collect()
}

async fn found(tenant: &TenantStore) -> Vec<(String, f64)> {
    let words = ["apple", "banana"].map(str::to_owned).to_vec();
    let passages = tenant.search_text("c", words, 10).await.expect("search");
    passages.into_iter().map(|(chunk, score)| (chunk.source, score)).collect()
}

#[tokio::test]
async fn searches_do_not_depend_on_what_others_keep() {
    let place = Place::new();
    place.make(&["a", "b"]).await;
    let store = place.store().await;
    let (a, b) = (place.tenant(&store, "a"), place.tenant(&store, "b"));
    let mut own = documents("apple", 1);
    own.extend(documents("banana", 2));
    own.extend(documents("cherry", 9));
    a.put_documents("c", own, vec![]).await.expect("put");
    let before = found(&a).await;
    b.put_documents("c", documents("apple", 50), vec![]).await.expect("put");
    let after = found(&a).await;
    store.close().await.expect("close");
    println!("scores before and after another tenant's documents: {before:?}, {after:?}");
    let names = |found: &[(String, f64)]| {
        let mut names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&before), names(&after), "what is found changes");
    // SQLite's one index of words counts the passages of all tenants: see docs/isolation.md.
    if !place.is_sqlite() {
        assert_eq!(before, after, "scores change with what another tenant keeps");
    }
}
