//! A neighbour's document of any bytes: reading it ends soon, in a refusal or in specs that parse and
//! a report that speaks of nothing twice.

#![no_main]

mod cpu;

use std::collections::BTreeSet;

use aikit::error::{Code, Severity};
use aikit::spec::Spec;
use aikit::spec::neighbours::{Format, Import, import};
use libfuzzer_sys::fuzz_target;

/// What one text may take; an honest one takes milliseconds, also in this slow build.
const CPU_SECONDS: f64 = 2.0;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let started = cpu::seconds();
    let outcome = import(&text, named(&text), Some("folder/helper.yaml"));
    let taken = cpu::seconds() - started;
    assert!(taken < CPU_SECONDS, "too slow: {taken:.1} seconds of CPU time");
    match outcome {
        Ok(import) => check(&import),
        Err(error) => {
            let codes = [Code::SpecInvalid, Code::SpecTooLarge, Code::InvalidArgument];
            assert!(codes.contains(&error.code()), "an unexpected code: {error:?}");
            assert!(!error.message().is_empty(), "nothing said: {error:?}");
        }
    }
});

/// The format that the first line asks for in a comment (`# adl`); else it is recognised.
fn named(text: &str) -> Option<Format> {
    text.lines().next()?.strip_prefix("# ")?.parse().ok()
}

fn check(import: &Import) {
    assert!(!import.specs.is_empty(), "no specs");
    let mut names = BTreeSet::new();
    for spec in &import.specs {
        assert!(names.insert(&spec.name), "given twice: {:?}", spec.name);
        let found = Spec::diagnose(&spec.text);
        let wrong: Vec<_> = found.iter().filter(|f| f.severity == Severity::Error).collect();
        assert!(wrong.is_empty(), "does not parse: {wrong:?}\n{}", spec.text);
        let id = Spec::parse(&spec.text).map(|spec| spec.agent_id().to_owned());
        assert_eq!(id.as_deref().ok(), Some(spec.name.as_str()), "another name in {}", spec.text);
    }
    let mut paths = BTreeSet::new();
    for entry in &import.report {
        assert!(paths.insert(&entry.path), "reported twice: {:?}", entry.path);
    }
}
