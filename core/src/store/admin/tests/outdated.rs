//! Vectors that are kept under a model's name with another fingerprint.

use super::{Place, document, on_every_store};
use crate::store::{TenantStore, outdated::identity};

const PRINT: &str = "0123456789abcdef";
const OLD: &str = "fedcba9876543210";

async fn put(tenant: &TenantStore, collection: &str, name: &str) {
    let chunks = tenant.chunks_without_vector(collection, name, 9).await.expect("chunks");
    assert!(!chunks.is_empty(), "{name}");
    let vectors = chunks.iter().map(|(id, _)| (*id, vec![1.0, 0.5, 0.25])).collect();
    tenant.put_vectors(collection, name, vectors).await.expect("vectors");
}

async fn has(tenant: &TenantStore, collection: &str, name: &str) -> bool {
    let found = tenant.search_vectors(collection, name, vec![1.0, 0.0, 0.0], 9).await;
    !found.expect("search").is_empty()
}

#[test]
fn those_of_the_name_go_and_all_others_stay() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("a", crate::store::NewTenant::default()).await.expect("create");
        let tenant = place.store().await.tenant("a").expect("tenant");
        for collection in ["c", "d"] {
            let documents = vec![document("a.md", "apple"), document("b.md", "pear")];
            tenant.put_documents(collection, documents, vec![]).await.expect("documents");
        }
        let own = identity("local/m", Some(PRINT));
        assert!(!tenant.has_outdated_vectors("c", "local/m", &own).await.expect("asked"));
        let outdated = ["local/m".to_owned(), identity("local/m", Some(OLD))];
        let others = [
            own.clone(),
            // Other folders, whose names are like it.
            "local/m2".into(),
            identity("local/m2", Some(OLD)),
            identity("local/m#x", Some(OLD)),
            identity("local/M", Some(OLD)),
            "local/m$".into(),
            "local/m/x".into(),
            "local/m é".into(),
            "local/".into(),
        ];
        for name in outdated.iter().chain(&others) {
            put(&tenant, "c", name).await;
        }
        put(&tenant, "d", &outdated[1]).await;
        let usage = async || tenant.usage(0).await.expect("usage").totals;
        let before = usage().await;
        assert!(tenant.has_outdated_vectors("c", "local/m", &own).await.expect("asked"));
        let removed = tenant.remove_outdated_vectors("c", "local/m", &own).await;
        assert_eq!(removed.expect("removed"), 4);
        assert!(!tenant.has_outdated_vectors("c", "local/m", &own).await.expect("asked"));
        let again = tenant.remove_outdated_vectors("c", "local/m", &own).await;
        assert_eq!(again.expect("nothing"), 0);
        for name in &outdated {
            assert!(!has(&tenant, "c", name).await, "{name}");
        }
        for name in &others {
            assert!(has(&tenant, "c", name).await, "{name}");
        }
        assert!(has(&tenant, "d", &outdated[1]).await, "another collection");
        let after = usage().await;
        assert_eq!(before.vectors - after.vectors, 4);
        assert_eq!(before.bytes - after.bytes, 4 * 3 * 4);
    });
}
