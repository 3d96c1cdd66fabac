//! The spec repository, through the public surface: every operation with what it does and refuses.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod bundle;
mod concurrency;
mod forked;
mod host;
mod life;
mod list;

use std::path::Path;

use aikit::kernel::{ChangeOptions, Kernel, OpenOptions, SaveOptions, Specs};
use aikit::spec::Spec;
use aikit::store::{SpecRecord, SpecStatus};

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

async fn kernel() -> Kernel {
    Kernel::open(OpenOptions::default()).await.expect("open")
}

async fn on_file(path: &Path, tenant: &str) -> Kernel {
    let options = OpenOptions { tenant: Some(tenant.into()), ..OpenOptions::file(path) };
    Kernel::open(options).await.expect("open")
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
