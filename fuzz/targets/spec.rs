//! A spec of any bytes: reading it ends soon, in findings that stand in the text, or in a spec that
//! stays the same when it is written out and read again.

#![no_main]

mod cpu;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aikit::error::{Code, Diagnostic, Severity};
use aikit::spec::{self, Format, Spec};
use libfuzzer_sys::fuzz_target;

/// What one text may take; an honest one takes milliseconds, also in this slow build.
const CPU_SECONDS: f64 = 2.0;
/// Findings that are kept of one text.
const FINDING_LIMIT: usize = 200;

static CODES: LazyLock<BTreeSet<&str>> =
    LazyLock::new(|| spec::rules::rules().map(|rule| rule.code).collect());

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let started = cpu::seconds();
    let found = Spec::diagnose(&text);
    let parsed = Spec::parse(&text);
    let taken = cpu::seconds() - started;
    assert!(taken < CPU_SECONDS, "too slow: {taken:.1} seconds of CPU time");

    findings(&text, &found);
    let clean = found.iter().all(|f| f.severity != Severity::Error);
    assert!(!clean || !text.contains('\0'), "NUL is not refused");
    match parsed {
        Ok(spec) => {
            assert!(clean, "parsed in spite of errors: {found:?}");
            assert_eq!(spec.check(), found, "parsing finds something else");
            read_again(&spec);
            change(&text);
        }
        Err(error) => {
            assert!(!clean, "refused without a finding: {error}");
            assert!(matches!(error.code(), Code::SpecInvalid | Code::SpecTooLarge), "{error:?}");
            assert_eq!(error.diagnostics(), found, "parsing finds something else");
        }
    }
});

/// Each finding can be looked up, stands in the text, and can be shown.
fn findings(text: &str, found: &[Diagnostic]) {
    assert!(found.len() <= FINDING_LIMIT, "too many: {}", found.len());
    let lines = line_lengths(text);
    for finding in found {
        assert!(CODES.contains(finding.code), "an unknown code: {finding:?}");
        assert!(!finding.message.is_empty(), "nothing said: {finding:?}");
        // Those in other files stand in the texts of these.
        if finding.file.is_none() {
            assert!(is_inside(finding, &lines), "outside of the text: {finding:?}");
        }
    }
    let shown = spec::terminal("spec.yaml", text, found);
    assert_eq!(shown.is_empty(), found.is_empty(), "shown as {shown:?}");
    let shown = spec::lsp(text, found);
    assert_eq!(shown.as_array().map(Vec::len), Some(found.len()), "shown as {shown}");
}

/// Every form of the spec is a spec that means the same; into foreign formats it goes, or is refused.
fn read_again(spec: &Spec) {
    let written = |format| spec.render(format).expect("a form of its own");
    let (yaml, json) = (written(Format::Yaml), written(Format::Json));
    for form in [spec.text(), &yaml, &json] {
        let again = match Spec::parse(form) {
            Ok(again) => again,
            Err(error) => panic!("cannot be read again: {error:?}\n{form}"),
        };
        assert_eq!(again.to_json(), spec.to_json(), "something else when read again:\n{form}");
        assert_eq!(again.hash(), spec.hash(), "another hash when read again:\n{form}");
        assert!(spec::diff(spec, &again).is_empty(), "differs when read again:\n{form}");
        let twice = again.render(Format::Yaml).expect("a form of its own");
        assert_eq!(twice, yaml, "written in another way when read again");
    }
    assert!(spec.hash().strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64));
    for format in [Format::Oracle, Format::A2a] {
        let _ = spec.render(format);
    }
}

/// Setting a value gives a spec, or is refused.
fn change(text: &str) {
    for (pointer, value) in [
        ("/identity/description", "a # b: c"),
        ("/description", ""),
        ("/intelligence/model", "openai/x"),
        ("/model", "openai/x"),
    ] {
        if let Ok(changed) = spec::edit(text, pointer, &value.into()) {
            assert!(Spec::parse(&changed).is_ok(), "broken by an edit of {pointer}:\n{changed}");
        }
    }
}

/// The number of characters of each line, as YAML and editors break them.
fn line_lengths(text: &str) -> Vec<usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    text.split(['\n', '\r']).map(|line| line.chars().count()).collect()
}

/// Whether beginning and end are in the text, and in this order. The end is exclusive, and may be one
/// character behind the line: there something is missing.
fn is_inside(finding: &Diagnostic, lines: &[usize]) -> bool {
    let within = |line: u32, column: u32, beyond: usize| {
        let length = (line as usize).checked_sub(1).and_then(|i| lines.get(i));
        column > 0 && length.is_some_and(|length| column as usize <= length + beyond)
    };
    let (start, end) = ((finding.line, finding.column), (finding.end_line, finding.end_column));
    within(start.0, start.1, 1) && within(end.0, end.1, 2) && start <= end
}
