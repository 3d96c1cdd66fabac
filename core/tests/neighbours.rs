//! The formats of neighbours: what becomes of sample texts, whole, broken and mangled.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "neighbours/exports.rs"]
mod exports;
#[path = "neighbours/field.rs"]
mod field;
#[path = "neighbours/formats.rs"]
mod formats;
#[path = "neighbours/hostile.rs"]
mod hostile;
#[path = "neighbours/samples.rs"]
mod samples;

use std::collections::BTreeMap;

use aikit::error::Code;
use aikit::spec::Spec;
use aikit::spec::neighbours::{Entry, Format, Import, Kind, import};
use samples::{all, leaves, tree};
use serde_json::Value as Json;

fn document(import: &Import, name: &str) -> Json {
    let spec = import.specs.iter().find(|spec| spec.name == name);
    let spec = spec.unwrap_or_else(|| panic!("no spec {name:?} in {:?}", names(import)));
    Spec::parse(&spec.text).unwrap_or_else(|e| panic!("{e}\n{}", spec.text)).to_json()
}

fn names(import: &Import) -> Vec<&str> {
    import.specs.iter().map(|spec| spec.name.as_str()).collect()
}

fn entry<'a>(import: &'a Import, path: &str) -> &'a Entry {
    import.report.iter().find(|e| e.path == path).unwrap_or_else(|| panic!("nothing on {path}"))
}

fn kind(import: &Import, path: &str) -> Kind {
    entry(import, path).kind
}

/// Every leaf once, no lost leaf without a reason, every spec without errors, and every place that
/// the report names is there.
fn complete(what: &str, tree: &Json, import: &Import) {
    let mut expected = leaves(tree);
    let mut reported: Vec<&str> = import.report.iter().map(|e| e.path.as_str()).collect();
    expected.sort_unstable();
    reported.sort_unstable();
    assert_eq!(reported, expected, "{what}");
    let mut documents = BTreeMap::new();
    for spec in &import.specs {
        let parsed =
            Spec::parse(&spec.text).unwrap_or_else(|e| panic!("{what}: {e}\n{}", spec.text));
        assert_eq!(parsed.agent_id(), spec.name, "{what}");
        // As it was written, not as it was read: what has its default value is left out there.
        let written: Json = tree_of(&spec.text);
        documents.insert(spec.name.clone(), written);
    }
    for entry in &import.report {
        match entry.kind {
            Kind::Lost => assert!(entry.note.is_some() && entry.to.is_none(), "{what}: {entry:?}"),
            Kind::Changed => assert!(entry.note.is_some(), "{what}: {entry:?}"),
            Kind::Kept => {}
        }
        let Some(to) = &entry.to else { continue };
        let (name, pointer) = to
            .split_once(":/")
            .map_or((&*import.specs[0].name, to.clone()), |(n, p)| (n, format!("/{p}")));
        assert!(
            documents[name].pointer(&pointer).is_some(),
            "{what}: {entry:?} is not there\n{}",
            documents[name]
        );
    }
}

fn tree_of(text: &str) -> Json {
    tree(text).expect("a spec")
}

#[test]
fn every_leaf_of_every_sample_is_in_the_report_once_and_every_spec_parses() {
    let samples = all();
    assert!(samples.len() >= 20, "{}", samples.len());
    for (file, format, text) in samples {
        let recognised =
            import(&text, None, Some(&file)).unwrap_or_else(|e| panic!("{file}: {e:?}"));
        assert_eq!(recognised.format, format, "{file}");
        complete(&file, &tree_of(&text), &recognised);
        let named = import(&text, Some(format), Some(&file)).expect("the same");
        assert_eq!(named, recognised, "{file}");
        for secret in ["sk-0", "sk-a", "ghp_", "AIza", "secret-value-1", "Bearer abc", "abcdef\n"] {
            assert!(
                !recognised.specs.iter().any(|s| s.text.contains(secret)),
                "{file} tells {secret}"
            );
        }
    }
}

#[test]
fn what_is_no_neighbour_is_told_in_a_typed_error() {
    for (text, code, words) in [
        ("", Code::SpecInvalid, "empty"),
        ("- a\n- b\n", Code::InvalidArgument, "mapping"),
        ("a: [", Code::SpecInvalid, "YAML"),
        ("a: 1\na: 2\n", Code::SpecInvalid, "twice"),
        ("hello: world\n", Code::InvalidArgument, "no format"),
        ("spec_version: '1'\nagent: a\nmodel: x/y\n", Code::InvalidArgument, "aikit"),
        ("identity: {agent_id: a}\n", Code::InvalidArgument, "aikit"),
        ("agent: a\nprompt: x\n", Code::InvalidArgument, "aikit"),
        (
            "component_type: OpenAiConfig\nmodel_id: x\nagentspec_version: 26.1.0\n",
            Code::InvalidArgument,
            "no agent",
        ),
        (
            "agents: {}\nmodels: {a: {provider: x}}\nversion: '2'\n",
            Code::InvalidArgument,
            "no format",
        ),
    ] {
        let error = import(text, None, Some("x.yaml")).expect_err(text);
        assert_eq!(error.code(), code, "{text:?}: {error}");
        assert!(format!("{error}").contains(words), "{text:?}: {error}");
    }
    let error = import("hello: world", None, None).expect_err("no format");
    for format in Format::ALL {
        assert!(error.hint_text().is_some_and(|hint| hint.contains(format.as_str())), "{format}");
        assert_eq!(format.as_str().parse::<Format>().expect("a word"), format);
        assert_eq!(serde_json::to_value(format).expect("a word"), format.as_str());
    }
    assert!("nonsense".parse::<Format>().is_err());
    // Another format than the one that is named: every importer gets along with every text.
    for (file, own, text) in all() {
        for format in Format::ALL.into_iter().filter(|format| *format != own) {
            match import(&text, Some(format), Some(&file)) {
                Ok(import) => complete(&format!("{file} as {format}"), &tree_of(&text), &import),
                Err(error) => {
                    assert_eq!(error.code(), Code::InvalidArgument, "{file} as {format}: {error}")
                }
            }
        }
    }
}
