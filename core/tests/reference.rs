//! The reference pages are made from the tables and types of the core, and are current.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use aikit::Code;
use aikit::error::Severity;
use aikit::spec::rules::{Level, Rule, rules};
use serde_json::json;

/// Compares a page with its file; `BLESS=1` writes the file anew.
fn current(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, page).expect("write");
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(current == page, "docs/reference/{name} is not current: run with BLESS=1");
}

#[test]
fn the_page_of_error_codes_is_current() {
    let mut page = String::from(
        "# Error codes\n\nGenerated from `core/src/error/code.rs`; `BLESS=1 cargo test --workspace \
         --test reference` writes it anew.\n\nThe word is the same in every language, the number \
         is the status in C. Retryable: the same call may succeed later without a change.\n\n\
         | number | code | retryable | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let retryable = if code.retryable() { "yes" } else { "" };
        writeln!(page, "| {} | `{code}` | {retryable} | {} |", *code as i32, code.meaning())
            .expect("write to a string");
    }
    current("errors.md", &page);
}

#[test]
fn the_json_schema_is_current() {
    let schema = serde_json::to_string_pretty(&aikit::spec::schema()).expect("JSON");
    current("spec.schema.json", &(schema + "\n"));
}

#[test]
fn the_page_of_diagnostics_is_current() {
    let mut page = String::from(
        "# Diagnostics of specs\n\nGenerated from `core/src/spec/rules`; `BLESS=1 cargo test \
         --workspace --test reference` writes it anew. Every example is run as a test \
         (`core/tests/diagnostics.rs`, and in every language by `tests/conformance`).\n\n\
         A code never changes its meaning. `aikit spec explain CODE` shows one of these in the \
         terminal.\n\n| code | level | severity | finding |\n|---|---|---|---|\n",
    );
    let level = |rule: &Rule| match rule.level() {
        Level::Schema => "schema",
        Level::Semantic => "semantic",
        Level::Context => "context",
    };
    let severity = |rule: &Rule| match rule.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    for rule in rules() {
        let code = rule.code;
        let link = code.to_lowercase();
        writeln!(
            page,
            "| [{code}](#{link}) | {} | {} | {} |",
            level(rule),
            severity(rule),
            rule.title
        )
        .expect("write");
    }
    for rule in rules() {
        writeln!(page, "\n## {}\n\n**{}.** {}\n", rule.code, capital(rule.title), rule.about)
            .expect("write");
        for (name, text) in rule.files {
            writeln!(page, "Beside it, `{name}`:\n\n```yaml\n{}```\n", text).expect("write");
        }
        if rule.level() == Level::Context {
            writeln!(page, "In a kernel opened with:\n\n```json\n{}\n```\n", tidy(rule.kernel))
                .expect("write");
        }
        if rule.code == "AK3012" {
            page.push_str(
                "and a tool `nested` whose schema is `{\"type\": \"object\", \"$dynamicAnchor\": \
                 \"node\", \"properties\": {\"inner\": {\"$dynamicRef\": \"#node\"}}}`.\n\n",
            );
        }
        writeln!(
            page,
            "Wrong:\n\n```yaml\n{}```\n\nCorrected:\n\n```yaml\n{}```",
            shown(rule.wrong),
            shown(rule.right)
        )
        .expect("write");
    }
    current("diagnostics.md", &page);
}

/// The table as scenarios, so that every language is asked about every code.
#[test]
fn the_scenarios_of_diagnostics_are_current() {
    let mut scenarios = Vec::new();
    for rule in rules() {
        let code = rule.code;
        let given = json!({"$contains": [{"code": code, "severity": rule.severity}]});
        let gone = json!({"$not": {"$contains": [{"code": code}]}});
        let mut scenario = json!({
            "name": format!("diagnostic-{}", code.to_lowercase()),
            "about": format!("{}: the wrong example gets the code, the corrected one does not.", capital(rule.title)),
        });
        let steps = if rule.level() == Level::Context {
            let mut open = json!({"do": "open"});
            let options: serde_json::Value = serde_json::from_str(rule.kernel).expect("options");
            open.as_object_mut()
                .expect("a map")
                .extend(options.as_object().expect("a map").clone());
            json!([
                open,
                {"do": "parse", "spec": rule.wrong},
                {"do": "check_in_kernel", "expect": {"ok": given}},
                {"do": "parse", "spec": rule.right},
                {"do": "check_in_kernel", "expect": {"ok": gone}},
            ])
        } else {
            let diagnose = |text: &str, expect: &serde_json::Value| {
                let mut step = json!({"do": "diagnose", "text": text, "expect": {"ok": expect}});
                if code != "AK1025" {
                    step["base"] = ".".into();
                }
                step
            };
            json!([diagnose(rule.wrong, &given), diagnose(rule.right, &gone)])
        };
        if !rule.files.is_empty() {
            scenario["files"] = rule.files.iter().map(|(n, t)| (n.to_string(), json!(t))).collect();
        }
        if code == "AK3012" {
            let parameters = json!({"type": "object", "$dynamicAnchor": "node",
                    "properties": {"inner": {"$dynamicRef": "#node"}}});
            scenario["tools"] =
                json!([{"name": "nested", "parameters": parameters, "behaviour": {"returns": 1}}]);
        }
        scenario["steps"] = steps;
        scenarios.push(scenario);
    }
    let text = serde_norway::to_string(&scenarios).expect("YAML");
    let page = format!(
        "# Every diagnostic code, generated from the table in core/src/spec/rules:\n\
         # BLESS=1 cargo test --workspace --test reference\n{text}"
    );
    current("../../tests/conformance/scenarios/09-diagnostics.yaml", &page);
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn tidy(json: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
    value.to_string()
}

/// The table holds control characters as escapes of YAML; nothing else needs care in a page.
fn shown(text: &str) -> String {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    text.to_owned()
}
