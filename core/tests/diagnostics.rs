//! Every row of the table of diagnostics: the wrong example gets its code, at a place inside of the
//! text, and the corrected one gets neither that code nor any error or warning.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aikit::error::{Diagnostic, Severity};
use aikit::kernel::{Kernel, OpenOptions};
use aikit::spec::Spec;
use aikit::spec::rules::{Level, Rule, rules};
use aikit::tool::HostTool;

/// The findings about an example, which stands in a folder of its own with the rule's files.
fn findings(rule: &Rule, text: &str) -> Vec<Diagnostic> {
    if rule.code == "AK1025" {
        return Spec::diagnose(text);
    }
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in rule.files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    }
    if rule.level() != Level::Context {
        return Spec::diagnose_in(text, folder.path());
    }
    let spec = Spec::parse_in(text, folder.path()).expect(rule.code);
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let options: OpenOptions = serde_json::from_str(rule.kernel).expect("options");
        let kernel = Kernel::open(options).await.expect("open");
        let tool = r##"{"name": "nested", "parameters": {"type": "object", "$dynamicAnchor": "node",
            "properties": {"inner": {"$dynamicRef": "#node"}}}}"##;
        let tool: HostTool = serde_json::from_str(tool).expect("tool");
        kernel.register(Arc::new(tool)).expect("register");
        let found = kernel.check(&spec).await.expect("check");
        kernel.close().await.expect("close");
        found
    })
}

fn inside(text: &str, finding: &Diagnostic) -> bool {
    let columns =
        |line: u32| text.lines().nth(line as usize - 1).map_or(0, |l| l.chars().count() as u32) + 1;
    let lines = text.lines().count() as u32 + 1;
    (1..=lines).contains(&finding.line)
        && finding.column <= columns(finding.line)
        && (finding.end_line, finding.end_column) > (finding.line, finding.column)
}

#[test]
fn every_wrong_example_gets_its_code_and_every_corrected_one_is_clean() {
    for rule in rules() {
        let wrong = findings(rule, rule.wrong);
        let hit = wrong.iter().find(|d| d.code == rule.code);
        let hit = hit.unwrap_or_else(|| panic!("{} does not get it: {wrong:#?}", rule.code));
        assert_eq!(hit.severity, rule.severity, "{}", rule.code);
        assert!(hit.file.is_some() || inside(rule.wrong, hit), "{}: {hit:#?}", rule.code);
        let others: Vec<_> =
            wrong.iter().filter(|d| d.code != rule.code && d.severity == Severity::Error).collect();
        assert!(others.is_empty(), "{} is not the only error: {others:#?}", rule.code);
        let right = findings(rule, rule.right);
        let left: Vec<_> =
            right.iter().filter(|d| d.code == rule.code || d.severity != Severity::Info).collect();
        assert!(left.is_empty(), "{} corrected: {left:#?}", rule.code);
    }
}

#[test]
fn codes_are_in_order_and_stand_once() {
    let codes: Vec<&str> = rules().map(|rule| rule.code).collect();
    let sorted: BTreeSet<&str> = codes.iter().copied().collect();
    assert!(codes.iter().eq(sorted.iter()), "{codes:?}");
}

#[test]
fn no_code_is_given_that_is_not_in_the_table() {
    let known: BTreeSet<&str> = rules().map(|rule| rule.code).collect();
    let mut given = BTreeSet::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("source");
            for part in text.split("\"AK").skip(1) {
                let number: String = part.chars().take_while(char::is_ascii_digit).collect();
                if number.len() == 4 {
                    given.insert(format!("AK{number}"));
                }
            }
        }
    }
    let unknown: Vec<&String> =
        given.iter().filter(|code| !known.contains(code.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(given.len(), known.len());
}
