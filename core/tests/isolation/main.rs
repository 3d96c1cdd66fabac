//! No call of one tenant reaches another's data, on either back end: `docs/isolation.md`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod place;
mod pool;
mod scenario;
mod scores;

pub(crate) use ::aikit;
use aikit::Code;
use aikit::kernel::{ExportOptions, Kernel, ListOptions, OpenOptions};
use aikit::spec::Spec;
use place::Place;

#[tokio::test]
async fn no_call_reaches_another_tenant() {
    let place = Place::new();
    place.make(&["a", "b"]).await;
    let store = place.store().await;
    let (a, b) = (place.tenant(&store, "a"), place.tenant(&store, "b"));
    let alone = scenario::prepare(&a, &b).await.expect("prepare");
    let problems = scenario::cross(&a, &b, alone).await;
    assert!(problems.is_empty(), "{problems:#?}");
    store.close().await.expect("close");
}

fn options(place: &Place, tenant: &str) -> OpenOptions {
    OpenOptions {
        location: Some(place.location.clone()),
        tenant: Some(place.name(tenant)),
        rls: Place::options().rls,
        ..OpenOptions::default()
    }
}

fn spec(agent: &str, secret: &str) -> Spec {
    let text = format!(
        "identity: {{agent_id: {agent}, version: 1.0.0, name: {secret}}}\n\
         context_policy: {{knowledge: [{{collection: notes}}]}}\n\
         intelligence: {{model: scripted/x, script: [{{text: 'said {secret}'}}]}}\n"
    );
    Spec::parse(&text).expect("spec")
}

/// What a tenant's kernel leaves behind: a collection, a spec and a run, under names of all.
async fn live(kernel: &Kernel, folder: &std::path::Path, agent: &str, run_id: &str) {
    let secret = format!("secret{}", kernel.tenant());
    let notes = folder.join(kernel.tenant());
    std::fs::create_dir_all(&notes).expect("folder");
    std::fs::write(notes.join("note.md"), format!("The apple is {secret}")).expect("note");
    kernel.collection("notes").expect("collection").ingest(&notes).await.expect("ingest");
    let spec = spec(agent, &secret);
    kernel.specs().save(&spec, Default::default()).await.expect("save");
    kernel.specs().promote(&format!("{agent}@1.0.0"), Default::default()).await.expect("promote");
    let agent = kernel.agent(spec).await.expect("agent");
    let options = aikit::agent::RunOptions { run_id: Some(run_id.into()), ..Default::default() };
    let run = agent.start_with("apple", options, None, Default::default());
    run.result().await.expect("run");
}

#[tokio::test]
async fn kernels_of_two_tenants_share_nothing() {
    let place = Place::new();
    place.make(&["a", "b"]).await;
    let folder = tempfile::tempdir().expect("folder");
    let a = Kernel::open(options(&place, "a")).await.expect("open");
    let b = Kernel::open(options(&place, "b")).await.expect("open");
    live(&b, folder.path(), "theirs", "run-b").await;
    live(&b, folder.path(), "helper", "run").await;
    live(&a, folder.path(), "helper", "run").await;

    let mut told = Vec::new();
    let unknown = a.run_events("run-b").await.expect_err("not ours");
    assert_eq!(unknown.code(), Code::InvalidArgument);
    told.push(format!("{unknown:?}"));
    told.push(format!("{:?}", a.run_events("run").await.expect("events")));
    for reference in ["theirs", "theirs@1.0.0"] {
        let unknown = a.agent(reference).await.expect_err("not ours");
        assert_eq!(unknown.code(), Code::SpecNotFound, "{unknown:?}");
        told.push(format!("{unknown:?}"));
        let unknown = a.specs().diff("helper", reference).await.expect_err("not ours");
        assert_eq!(unknown.code(), Code::SpecNotFound, "{unknown:?}");
        told.push(format!("{unknown:?}"));
    }
    let page = a.specs().list(ListOptions::default()).await.expect("list");
    assert_eq!(page.specs.len(), 1);
    told.push(format!("{page:?}"));
    told.push(format!("{:?}", a.specs().export(ExportOptions::default()).await.expect("export")));
    let found = a.collection("notes").expect("collection").search("apple").await.expect("search");
    assert_eq!(found.len(), 1);
    told.push(format!("{found:?}"));
    told.push(format!("{:?}", a.explain(None)));
    let secret = format!("secret{}", b.tenant());
    assert!(b.run_events("run-b").await.is_ok_and(|e| format!("{e:?}").contains(&secret)));
    for text in &told {
        assert!(!text.contains(&secret), "{text}");
    }
    a.close().await.expect("close");
    b.close().await.expect("close");
}

/// Whoever is no tenant, or was suspended, or was not granted to read, gets no further than the door.
#[tokio::test]
async fn the_door_is_shut() {
    let place = Place::new();
    place.make(&["a", "b", "gone"]).await;
    let admin = place.admin().await;
    admin.suspend_tenant(&place.name("gone"), None).await.expect("suspend");
    let store = place.store().await;
    let enter = async |tenant: &str| {
        place.tenant(&store, tenant).documents("c").await.expect_err("shut").code()
    };
    assert_eq!(enter("nobody").await, Code::TenantNotFound);
    assert_eq!(enter("gone").await, Code::TenantSuspended);
    for forged in ["", " ", "a b", "a'b", "a' OR '1'='1", "@store", "ａ", "a\n", "a;--"] {
        let refused = store.tenant(forged).expect_err("no slug").code();
        assert_eq!(refused, Code::TenantInvalid, "{forged:?}");
        let refused = store.reader(&place.name("a"), forged).expect_err("no slug").code();
        assert_eq!(refused, Code::TenantInvalid, "{forged:?}");
    }
    let (a, b) = (place.name("a"), place.name("b"));
    let reader = store.reader(&a, &b).expect("reader");
    let refused = reader.documents("c").await.expect_err("not granted").code();
    assert_eq!(refused, Code::AccessDenied);
    let refused = reader.put_documents("c", vec![], vec![]).await.expect_err("reads only").code();
    assert_eq!(refused, Code::TenantReadOnly);
    store.close().await.expect("close");
    admin.close().await.expect("close");
}
