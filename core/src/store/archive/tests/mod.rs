//! Tenants out of one store and into another: the same on every back end.

mod hostile;
mod places;
mod round;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Digests, ImportOptions};
use crate::spec::Spec;
use crate::store::{
    Admin, CountedAgent, Location, NewChunk, NewDocument, NewRun, NewSpec, NewTenant, RunStatus,
    Spent, Stamp, Store, StoreOptions, TenantKind, TenantStore, VersionId,
};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::io::runtime().expect("runtime").block_on(future)
}

/// A store, as an administrator and as a tenant opens it.
struct Place {
    admin: Admin,
    location: Location,
}

impl Place {
    /// An SQLite file in this folder.
    async fn file(folder: &Path, name: &str) -> Self {
        let location = Location::from(folder.join(name));
        Self::of(location.clone(), location).await
    }

    async fn of(location: Location, admin: Location) -> Self {
        Self { admin: Admin::open(&admin, "tester").await.expect("admin"), location }
    }

    async fn tenant(&self, id: &str) -> TenantStore {
        let store = Store::open(&self.location, StoreOptions::default()).await.expect("open");
        store.tenant(id).expect("tenant")
    }

    async fn digest(&self, id: &str) -> Digests {
        self.admin.digest_tenant(id).await.expect("digest")
    }

    /// Tables that have rows of a tenant.
    async fn rows_of(&self, id: &str) -> Vec<String> {
        let id = id.to_owned();
        let of = super::super::tenant_id(&id).expect("id");
        self.admin
            .inspect(move |tx| {
                Box::pin(async move {
                    let mut found = Vec::new();
                    let tables = super::tables::TABLES.iter().map(|table| table.name);
                    for table in tables.chain(["tenants", "usage_totals"]) {
                        let sql = format!("SELECT 1 FROM {table} x WHERE x.tenant_id = ?1 LIMIT 1");
                        if tx.of(&of).row(&sql, &[]).await?.is_some() {
                            found.push(table.to_owned());
                        }
                    }
                    Ok(found)
                })
            })
            .await
            .expect("rows")
    }
}

fn document(source: &str, passages: usize) -> NewDocument {
    let passage = |n: usize| NewChunk {
        text: format!("passage {n} of {source}: \"quotes\", \\ and ünïcödé \u{1f980}\ttab"),
        start_line: u32::try_from(n).expect("small") + 1,
    };
    NewDocument {
        source: source.into(),
        title: format!("Title of {source}"),
        hash: vec![0, 255, 7, 62],
        bytes: 1000,
        chunks: (0..passages).map(passage).collect(),
    }
}

/// The tenant `acme` below `org`, with rows in every table and more passages than a page has.
async fn fill(place: &Place) {
    fill_with(place, 700).await;
}

/// The same with this many passages in its largest document.
async fn fill_with(place: &Place, passages: usize) {
    let admin = &place.admin;
    let org = NewTenant { kind: Some(TenantKind::Org), ..NewTenant::default() };
    admin.create_tenant("org", org).await.expect("org");
    let acme = NewTenant {
        parent: Some("org".into()),
        kind: Some(TenantKind::Team),
        name: Some("Acme & Söhne".into()),
        config: Some(json!({"quotas": {"max_documents": 1_000_000}})),
    };
    admin.create_tenant("acme", acme).await.expect("acme");
    admin.grant_read("acme", "org").await.expect("grant");
    let tenant = place.tenant("acme").await;
    for version in ["1.2.0", "1.10.0", "2.0.0-rc.1"] {
        let text = format!(
            "identity: {{agent_id: helper, version: {version}, tags: [a, \"b c\"]}}\n\
             intelligence: {{model: scripted/x, script: [{{text: hi}}]}}\n"
        );
        let new = NewSpec::new(&Spec::parse(&text).expect("spec")).expect("new");
        tenant.save_spec(new, None, Stamp::default()).await.expect("save");
    }
    let first = VersionId::new("helper", "1.2.0").expect("id");
    tenant.promote_spec(first, Stamp::default()).await.expect("promote");
    let documents = vec![document("a.md", passages), document("é\"b.md", 3), document("empty", 0)];
    tenant.put_documents("library", documents, vec![]).await.expect("put");
    tenant.put_documents("other", vec![document("a.md", 2)], vec![]).await.expect("put");
    for (collection, model) in [("library", "m/one"), ("library", "m/two"), ("other", "m/one")] {
        let missing = tenant.chunks_without_vector(collection, model, 10_000).await.expect("ids");
        let vectors = missing.iter().enumerate().map(|(i, (id, _))| {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let i = i as f32;
            (*id, vec![i / 3.0, -0.0, 1e-7, -12_345.678])
        });
        tenant.put_vectors(collection, model, vectors.collect()).await.expect("vectors");
    }
    for (run_id, end) in [("r1", Some(RunStatus::Finished)), ("r2", None)] {
        let run = NewRun {
            run_id: run_id.into(),
            agent_id: "helper".into(),
            version: "1.2.0".into(),
            model: "m/m".into(),
        };
        let agent = CountedAgent { agent_id: "helper".into(), runs_per_minute: None };
        let tenant = tenant.clone().counting(agent);
        tenant.begin_run(run, vec![(0, "{\"n\": 0}".into())]).await.expect("begin");
        let events = vec![(1, "{\"text\":\"é\"}".into())];
        let spent = Spent { input_tokens: 3, output_tokens: 4, cost_micros: 5 };
        tenant.record_step(run_id, events, spent, end).await.expect("step");
    }
    let rows = place.digest("acme").await;
    let empty: Vec<_> = rows.iter().filter(|(_, digest)| digest.rows == 0).collect();
    assert!(empty.is_empty(), "no rows to try it with: {empty:?}");
}

/// An archive of the tenant `acme`.
async fn archive(place: &Place, folder: &Path) -> PathBuf {
    let path = folder.join("acme.jsonl");
    place.admin.export_tenant("acme", &path).await.expect("export");
    path
}

fn renamed(id: &str) -> ImportOptions {
    ImportOptions { as_id: Some(id.into()), ..ImportOptions::default() }
}
