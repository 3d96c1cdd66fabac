//! The administrators' door. Each test that is not about files of SQLite is given a place by
//! [`on_every_store`], and says nothing of what lies there.

mod audit;
mod deletion;
mod erasure;
mod grants;
mod outdated;
mod place;
mod retention;
mod tenants;
mod usage;

use place::{Place, on_every_store};

use super::{Admin, NewTenant, TenantKind};
use crate::error::{Code, Result};
use crate::spec::Spec;
use crate::store::{
    CountedAgent, NewChunk, NewDocument, NewRun, NewSpec, RunStatus, Spent, Stamp, TenantStore,
};

fn code<T: std::fmt::Debug>(outcome: Result<T>) -> Code {
    outcome.expect_err("refused").code()
}

/// A tenant below another one.
fn below(parent: &str) -> NewTenant {
    NewTenant { parent: Some(parent.into()), ..NewTenant::default() }
}

/// Makes `org`, the team `team` below it, the user `user` below that, and the org `other`.
async fn family(admin: &Admin) {
    let kind = |parent: Option<&str>, kind| NewTenant {
        parent: parent.map(Into::into),
        kind: Some(kind),
        ..NewTenant::default()
    };
    for (id, new) in [
        ("org", kind(None, TenantKind::Org)),
        ("team", kind(Some("org"), TenantKind::Team)),
        ("user", kind(Some("team"), TenantKind::User)),
        ("other", kind(None, TenantKind::Org)),
    ] {
        admin.create_tenant(id, new).await.expect("create");
    }
}

fn spec(agent: &str, version: &str, text: &str) -> NewSpec {
    let text = format!(
        "identity: {{agent_id: {agent}, version: {version}}}\n\
         intelligence: {{model: scripted/x, script: [{{text: {text}}}]}}\n"
    );
    NewSpec::new(&Spec::parse(&text).expect("spec")).expect("new")
}

fn document(source: &str, text: &str) -> NewDocument {
    NewDocument {
        source: source.into(),
        title: source.to_uppercase(),
        hash: vec![1],
        bytes: text.len() as u64,
        chunks: vec![NewChunk { text: text.into(), start_line: 1 }],
    }
}

async fn run(tenant: &TenantStore, id: &str, events: &[&str], end: Option<RunStatus>) {
    let run = NewRun {
        run_id: id.into(),
        agent_id: "helper".into(),
        version: "1.0.0".into(),
        model: "scripted/x".into(),
    };
    tenant.begin_run(run, vec![(0, "{}".into())]).await.expect("begin");
    let events = (1..).zip(events.iter().map(|body| (*body).into())).collect();
    tenant.record_step(id, events, Spent::default(), end).await.expect("step");
}

/// A little of everything.
async fn fill(tenant: &TenantStore) {
    tenant.save_spec(spec("helper", "1.0.0", "hi"), None, Stamp::default()).await.expect("save");
    tenant.put_documents("c", vec![document("a.md", "apple pie")], vec![]).await.expect("put");
    let chunks = tenant.chunks_without_vector("c", "m/m", 9).await.expect("chunks");
    let vectors = chunks.iter().map(|(id, _)| (*id, vec![1.0, 0.5])).collect();
    tenant.put_vectors("c", "m/m", vectors).await.expect("vectors");
    let agent = CountedAgent { agent_id: "helper".into(), runs_per_minute: None };
    run(&tenant.clone().counting(agent), "r1", &["{}"], Some(RunStatus::Finished)).await;
}
