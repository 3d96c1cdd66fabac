//! Agents that are made from the repository.

use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::spec::Spec;
use aikit::{Code, Error};

use super::{described, kernel, kernel_with, promote, retire, save};

async fn refused(kernel: &Kernel, reference: &str) -> Error {
    kernel.agent(reference).await.expect_err(reference)
}

#[tokio::test]
async fn an_agent_is_made_from_the_active_version_or_from_the_one_that_is_named() {
    let kernel = kernel().await;
    let specs = kernel.specs();
    save(&specs, "a", "1.0.0").await;
    assert_eq!(refused(&kernel, "a").await.code(), Code::SpecNotFound);
    let draft = kernel.agent("a@1.0.0").await.expect("a draft can be tried");
    assert_eq!(draft.run("who?").await.expect("run").text, "I am 1.0.0");
    promote(&specs, "a@1.0.0").await;
    assert_eq!(kernel.agent("a").await.expect("agent").spec().version(), "1.0.0");
    save(&specs, "a", "2.0.0").await;
    assert_eq!(kernel.agent("a").await.expect("agent").spec().version(), "1.0.0");
    promote(&specs, "a@2.0.0").await;
    assert_eq!(kernel.agent("a").await.expect("agent").spec().version(), "2.0.0");
    let old = kernel.agent("a@1.0.0").await.expect("deprecated");
    assert_eq!(old.run("who?").await.expect("run").text, "I am 1.0.0");
    specs.retire("a@1.0.0", Default::default()).await.expect("retire");
    let error = refused(&kernel, "a@1.0.0").await;
    assert_eq!(error.code(), Code::SpecRetired);
    assert!(error.hint_text().expect("hint").contains("a@2.0.0"), "{error}");
}

#[tokio::test]
async fn an_agent_keeps_its_version_whatever_becomes_of_it() {
    let kernel = kernel().await;
    let specs = kernel.specs();
    let slow = "identity: {agent_id: a, version: 1.0.0}\nintelligence: {model: scripted/x, \
                script: [{deltas: [I, ' am', ' one'], delay_ms: 20}]}";
    specs.save(&Spec::parse(slow).expect("spec"), Default::default()).await.expect("save");
    promote(&specs, "a@1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    let agent = kernel.agent("a").await.expect("agent");
    let mut run = agent.start("who?");
    run.next().await.expect("it has begun");
    promote(&specs, "a@2.0.0").await;
    specs.retire("a@1.0.0", Default::default()).await.expect("retire");
    assert_eq!(run.result().await.expect("result").text, "I am one");
    // New runs of the old agent too; only new agents are of the new version.
    assert_eq!(agent.run("who?").await.expect("run").text, "I am one");
    let new = kernel.agent("a").await.expect("agent");
    assert_eq!(new.run("who?").await.expect("run").text, "I am 2.0.0");
}

#[tokio::test]
async fn paths_and_references_are_told_apart_and_what_was_meant_is_guessed() {
    let folder = tempfile::tempdir().expect("tempdir");
    let kernel = kernel().await;
    let path = folder.path().join("bare");
    std::fs::write(&path, described("file", "1.0.0", "").text()).expect("write");
    let shown = path.display().to_string();
    let agent = kernel.agent(shown.as_str()).await.expect("a path has a separator");
    assert_eq!(agent.spec().agent_id(), "file");
    let agent = kernel.agent(path.as_path()).await.expect("a path is a path");
    assert_eq!(agent.spec().agent_id(), "file");
    let error = kernel.agent(std::path::Path::new("nothing")).await.expect_err("no file");
    assert_eq!(error.code(), Code::FileNotFound);
    for path in ["nothing.yaml", "nothing.yml", "nothing.JSON", "./nothing", "a@1.0.0/x", "x\\y"] {
        assert_eq!(refused(&kernel, path).await.code(), Code::FileNotFound, "{path}");
    }
    for (reference, code, says) in [
        ("handbook", Code::SpecNotFound, "./handbook or handbook.yaml"),
        ("my agent", Code::InvalidArgument, "the path of a file has"),
        ("spec.toml", Code::SpecNotFound, "./spec.toml"),
        ("", Code::InvalidArgument, "the path of a file has"),
    ] {
        let error = refused(&kernel, reference).await;
        assert_eq!(error.code(), code, "{reference}");
        assert!(error.hint_text().expect("hint").contains(says), "{error}");
    }
}

#[tokio::test]
async fn a_model_comes_from_the_call_the_spec_or_the_kernel() {
    let text = |model: &str| {
        format!("identity: {{agent_id: a}}\nintelligence: {{{model}script: [{{text: hi}}]}}\n")
    };
    let (with, without) = (text("model: scripted/own, "), text(""));
    let spec = |text: &str| AgentRef::Spec(Spec::parse(text).expect("spec"));
    let bare = kernel().await;
    let options =
        OpenOptions { default_model: Some("scripted/default".into()), ..Default::default() };
    let kernel = kernel_with(options).await;
    let called = || AgentOptions { model: Some("scripted/called".into()) };
    for (text, options, model) in [
        (&with, AgentOptions::default(), "scripted/own"),
        (&without, AgentOptions::default(), "scripted/default"),
        (&with, called(), "scripted/called"),
        (&without, called(), "scripted/called"),
    ] {
        let agent = kernel.agent_with(spec(text), options).await.expect("agent");
        assert_eq!(agent.model(), model);
        assert_eq!(agent.run("?").await.expect("run").model, model);
    }
    let error = bare.agent(spec_of(&without)).await.expect_err("no model");
    assert_eq!(error.code(), Code::SpecInvalid);
    let hint = error.hint_text().expect("hint");
    assert!(hint.contains("intelligence.model") && hint.contains("default_model"), "{hint}");
    assert!(error.line().is_some());
    assert!(bare.agent_with(spec(&without), called()).await.is_ok());
    // Kept without a model, it stays without one.
    let record = kernel.specs().save(&spec_of(&without), Default::default()).await.expect("save");
    assert_eq!(record.model, None);
    let unknown = OpenOptions { default_model: Some("gpt".into()), ..Default::default() };
    assert_eq!(Kernel::open(unknown).await.expect_err("refused").code(), Code::InvalidArgument);
    let unknown = OpenOptions { default_model: Some("nobody/x".into()), ..Default::default() };
    let error = kernel_with(unknown).await.agent(spec_of(&without)).await;
    assert_eq!(error.expect_err("nobody").code(), Code::ModelUnknown);
}

fn spec_of(text: &str) -> Spec {
    Spec::parse(text).expect("spec")
}

#[tokio::test]
async fn a_spec_of_another_tenant_is_neither_saved_nor_run() {
    let kernel = kernel().await;
    let theirs = described("a", "1.0.0", ", tenant_id: theirs");
    let saved = kernel.specs().save(&theirs, Default::default()).await;
    for error in [saved.map(drop), kernel.agent(theirs.clone()).await.map(drop)] {
        let error = error.expect_err("theirs");
        assert_eq!(error.code(), Code::TenantMismatch);
        assert_eq!(error.line(), Some(2));
    }
    assert!(kernel.specs().list(Default::default()).await.expect("list").specs.is_empty());
    let mine = described("a", "1.0.0", ", tenant_id: default");
    assert!(kernel.specs().save(&mine, Default::default()).await.is_ok());
}

#[tokio::test]
async fn a_closed_kernel_answers_so_to_every_operation() {
    let kernel = kernel().await;
    let specs = kernel.specs();
    save(&specs, "a", "1.0.0").await;
    retire(&specs, "a@1.0.0").await;
    let bundle = specs.export(Default::default()).await.expect("export");
    kernel.close().await.expect("close");
    let errors = [
        specs.save(&described("b", "1.0.0", ""), Default::default()).await.map(drop),
        specs.get("a").await.map(drop),
        specs.load("a").await.map(drop),
        specs.list(Default::default()).await.map(drop),
        specs.history("a").await.map(drop),
        specs.diff("a", "a").await.map(drop),
        specs.promote("a@1.0.0", Default::default()).await.map(drop),
        specs.deprecate("a@1.0.0", Default::default()).await.map(drop),
        specs.retire("a@1.0.0", Default::default()).await.map(drop),
        specs.delete("a@1.0.0", Default::default()).await,
        specs.export(Default::default()).await.map(drop),
        specs.import(bundle, Default::default()).await.map(drop),
        kernel.agent("a").await.map(drop),
    ];
    for (at, error) in errors.into_iter().enumerate() {
        assert_eq!(error.expect_err("closed").code(), Code::Closed, "{at}");
    }
}

#[tokio::test]
async fn what_an_extended_file_asks_for_is_told_in_that_file() {
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("base.yaml"), "# ground\ntools:\n- nobody_has_this\n")
        .expect("file");
    let text = "extends: base.yaml\nagent: a\nmodel: scripted/x\nscript: [{text: hi}]\n";
    let spec = Spec::parse_in(text, folder.path()).expect("spec");
    let kernel = kernel().await;
    let found = kernel.check(&spec).await.expect("check");
    let [finding] = found.as_slice() else { unreachable!("{found:?}") };
    let place = (finding.code, finding.file.as_deref(), finding.line, finding.path.as_str());
    assert_eq!(place, ("AK3002", Some("base.yaml"), 3, "/tools/0"));
}
