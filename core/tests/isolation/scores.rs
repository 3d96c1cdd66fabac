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
    for (tenant, collection) in [(&b, "c"), (&a, "d")] {
        let same = documents("apple banana", 1_000);
        tenant.put_documents(collection, same, vec![]).await.expect("put");
    }
    let after = found(&a).await;
    store.close().await.expect("close");
    println!("scores before and after what others keep: {before:?}, {after:?}");
    assert_eq!(before.len(), 3);
    let bits = |found: &[(String, f64)]| -> Vec<(String, u64)> {
        found.iter().map(|(name, score)| (name.clone(), score.to_bits())).collect()
    };
    assert_eq!(bits(&before), bits(&after), "scores change with what others keep");
}
