//! What specs cost: reading a long one, loading one by its id, and a repository that grows.

use std::fmt::Write;

use aikit::kernel::{Bundle, ImportOptions, Kernel, ListOptions, OpenOptions, SaveOptions, Specs};
use aikit::spec::{Format, Spec};
use aikit::store::SpecStatus;
use serde_json::{Value, json};

use crate::harness::Output;

const SAMPLES: usize = 2000;
/// Versions of one agent, in the repository that is measured: as teams have them.
const VERSIONS: usize = 10;
const SMALL: usize = 1_000;
const LARGE: usize = 100_000;

/// A spec of 300 lines that uses all layers.
fn long_spec() -> String {
    let mut text = String::from(
        "spec_version: \"1\"\nidentity:\n  agent_id: long\n  version: 1.0.0\n  tags: [a, b]\n\
         interface:\n  input_schema:\n    type: object\n    properties:\n",
    );
    for i in 0..20 {
        writeln!(text, "      field_{i}: {{type: string, description: Field {i}}}").unwrap();
    }
    text.push_str("integration:\n  tools:\n");
    for i in 0..30 {
        writeln!(text, "    - name: tool_{i}\n      description: Does the thing number {i}")
            .unwrap();
    }
    text.push_str("context_policy:\n  knowledge:\n");
    for i in 0..10 {
        writeln!(text, "    - collection: docs-{i}\n      top_k: {}", i + 1).unwrap();
    }
    text.push_str("behavior:\n  max_turns: 12\n  workflow:\n    steps:\n");
    for i in 0..20 {
        writeln!(
            text,
            "      - id: step-{i}\n        prompt: Do step {i} for {{{{ inputs.field_{i} }}}}."
        )
        .unwrap();
        if i > 0 {
            writeln!(text, "        depends_on: [step-{}]", i - 1).unwrap();
        }
    }
    text.push_str("intelligence:\n  model: openai/gpt-4o-mini\n  system_prompt: |\n");
    while text.lines().count() < 300 {
        text.push_str(
            "    Answer in whole sentences, name your sources, and say so if you do not know.\n",
        );
    }
    text
}

pub(crate) async fn measure(out: &Output) -> aikit::Result<()> {
    let text = long_spec();
    assert_eq!(text.lines().count(), 300);
    out.percentiles(
        "spec: parse and check, 300 lines",
        sample!(SAMPLES, Spec::parse(&text)?.check()),
    );
    let spec = Spec::parse(&text)?;
    out.percentiles("spec: render 300 lines as YAML", sample!(SAMPLES, spec.render(Format::Yaml)?));
    out.percentiles(
        "spec: hash, 300 lines with parsing",
        sample!(SAMPLES, Spec::parse(&text)?.hash().len()),
    );

    let folder = tempfile::tempdir().unwrap();
    let kernel = Kernel::open(OpenOptions::file(folder.path().join("specs.db"))).await?;
    let specs = kernel.specs();
    specs.save(&spec, SaveOptions::default()).await?;
    specs.promote("long@1.0.0", Default::default()).await?;
    out.percentiles(
        "spec: load by id from SQLite, 300 lines",
        sample!(SAMPLES, specs.load("long").await?),
    );
    let mut there = 0;
    for size in [SMALL, LARGE] {
        grow(&specs, &mut there, size).await?;
        let versions = format!("{size} versions");
        out.percentiles(
            &format!("specs: get one of {versions}"),
            sample!(SAMPLES, specs.get("agent-00042@1.0.3").await?),
        );
        out.percentiles(
            &format!("specs: a page of 50 of {versions}"),
            sample!(SAMPLES / 10, specs.list(ListOptions::default()).await?),
        );
        out.percentiles(
            &format!("specs: a page by status of {versions}"),
            sample!(
                SAMPLES / 10,
                specs
                    .list(ListOptions { status: Some(SpecStatus::Draft), ..ListOptions::default() })
                    .await?
            ),
        );
        out.percentiles(
            &format!("specs: a page by tag of {versions}"),
            sample!(
                SAMPLES / 10,
                specs
                    .list(ListOptions { tag: Some("even".into()), ..ListOptions::default() })
                    .await?
            ),
        );
        out.percentiles(
            &format!("specs: a page by text of {versions}"),
            sample!(
                SAMPLES / 10,
                specs
                    .list(ListOptions { text: Some("number".into()), ..ListOptions::default() })
                    .await?
            ),
        );
    }
    kernel.close().await
}

/// Takes versions in until there are so many, a thousand in a transaction.
async fn grow(specs: &Specs, there: &mut usize, size: usize) -> aikit::Result<()> {
    while *there < size {
        let until = size.min(*there + 1_000);
        let records: Vec<Value> = (*there..until).map(record).collect();
        let bundle = json!({"format": "aikit-specs/1", "specs": records, "history": []});
        let bundle: Bundle = serde_json::from_value(bundle).unwrap();
        specs.import(bundle, ImportOptions::default()).await?;
        *there = until;
    }
    Ok(())
}

fn record(n: usize) -> Value {
    let (agent, patch) = (n / VERSIONS, n % VERSIONS);
    let tag = if agent.is_multiple_of(2) { "even" } else { "odd" };
    let text = format!(
        "agent: agent-{agent:05}\nversion: 1.0.{patch}\nmodel: openai/gpt-4o-mini\ntags: [{tag}]\n\
         description: The agent with the number {agent}\nprompt: You are number {agent}.\n"
    );
    let spec = Spec::parse(&text).unwrap();
    json!({
        "agent_id": spec.agent_id(), "version": spec.version(), "status": "draft",
        "hash": spec.hash(), "name": spec.name(),
        "description": spec.document().identity.description, "tags": [tag],
        "model": spec.model(), "created_at": "2026-01-01T00:00:00.000Z", "created_by": null,
        "updated_at": "2026-01-01T00:00:00.000Z", "sunset": null, "successor": null,
        "document": spec.to_json(), "text": text,
    })
}
