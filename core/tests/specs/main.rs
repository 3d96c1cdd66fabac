//! The spec repository, through the public surface: every operation with what it does and refuses.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod bundle;
mod concurrency;
mod forked;
mod host;
mod life;
mod list;
#[path = "../stores/mod.rs"]
mod stores;

use aikit::kernel::{ChangeOptions, SaveOptions, Specs};
use aikit::spec::Spec;
use aikit::store::{SpecRecord, SpecStatus};

use stores::{kernel, kernel_with, on_file};

/// A spec that answers with its own version.
fn spec(agent: &str, version: &str) -> Spec {
    described(agent, version, "")
}

/// The same with more keys of `identity`, in flow style.
fn described(agent: &str, version: &str, more: &str) -> Spec {
    let text = format!(
        "# {agent}\nidentity: {{agent_id: {agent}, version: {version}{more}}}\n\
         intelligence: {{model: scripted/x, script: [{{text: 'I am {version}'}}]}}\n"
    );
    Spec::parse(&text).expect("spec")
}

async fn save(specs: &Specs, agent: &str, version: &str) -> SpecRecord {
    specs.save(&spec(agent, version), SaveOptions::default()).await.expect("save")
}

async fn promote(specs: &Specs, reference: &str) -> SpecRecord {
    specs.promote(reference, ChangeOptions::default()).await.expect("promote")
}

async fn status(specs: &Specs, reference: &str) -> SpecStatus {
    specs.get(reference).await.expect("get").status
}

/// Brings a version to retirement; the agent needs no other one for that.
async fn retire(specs: &Specs, reference: &str) -> SpecRecord {
    promote(specs, reference).await;
    specs.deprecate(reference, Default::default()).await.expect("deprecate");
    specs.retire(reference, ChangeOptions::default()).await.expect("retire")
}
