//! What a reader of the spec promises: exact places, all problems at once, bounded input.

use super::Spec;
use crate::error::Code;

const MINIMAL: &str =
    "identity: {name: My Agent}\nintelligence: {model: scripted/x, script: [{text: hi}]}\n";

/// `code path line:column` of every finding.
fn findings(text: &str) -> Vec<String> {
    Spec::diagnose(text)
        .iter()
        .map(|d| format!("{} {} {}:{}", d.code, d.path, d.line, d.column))
        .collect()
}

#[test]
fn the_smallest_spec_gets_its_id_from_its_name() {
    let spec = Spec::parse(MINIMAL).expect("parse");
    assert_eq!(spec.agent_id(), "my-agent");
    assert_eq!(spec.version(), "0.1.0");
    assert!(spec.check().is_empty());
}

#[test]
fn json_is_read_as_well_and_gives_the_same_document() {
    let json = r#"{"identity": {"name": "My Agent"},
        "intelligence": {"model": "scripted/x", "script": [{"text": "hi"}]}}"#;
    let (a, b) = (Spec::parse(json).expect("json"), Spec::parse(MINIMAL).expect("yaml"));
    assert_eq!(a.to_json(), b.to_json());
    let again = Spec::parse(&a.to_json().to_string()).expect("own output");
    assert_eq!(again.document(), a.document());
}

#[test]
fn what_is_switched_off_is_still_off_in_the_json() {
    let off =
        "observability: {tracing: false, metrics: false}\nbehavior: {parallel_tool_calls: false}\n";
    let spec = Spec::parse(&format!("{MINIMAL}{off}")).expect("yaml");
    let again = Spec::parse(&spec.to_json().to_string()).expect("own output");
    assert_eq!(again.document(), spec.document());
    assert!(!again.document().behavior.parallel_tool_calls);
}

#[test]
fn every_problem_is_found_in_one_pass_with_its_exact_place() {
    let text = "identity:\n  nmae: X\n  version: 1.0\nintelligence:\n  temperature: warm\n  top_p: 3\nbehavior:\n  tool_choice: maybe\n";
    assert_eq!(
        findings(text),
        [
            "AK1002 /identity/nmae 2:3",
            "AK1004 /identity 2:3",
            "AK1003 /identity/version 3:12",
            "AK2002 /intelligence 5:3",
            "AK1003 /intelligence/temperature 5:16",
            "AK1005 /intelligence/top_p 6:10",
            "AK1005 /behavior/tool_choice 8:16",
        ]
    );
    let error = Spec::parse(text).expect_err("invalid");
    assert_eq!((error.code(), error.line(), error.column()), (Code::SpecInvalid, Some(2), Some(3)));
    assert_eq!(error.hint_text(), Some("did you mean `name`?"));
    assert_eq!(error.diagnostics().len(), 7);
}

#[test]
fn columns_count_characters_and_line_ends_do_not_matter() {
    let unix = "identity: {name: \"a\u{e4}\u{1f980}\", x: 1}\nintelligence: {model: a/b}\n";
    assert_eq!(findings(unix), ["AK1002 /identity/x 1:25"]);
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    assert_eq!(findings(&windows), findings(unix));
}

#[test]
fn broken_documents_are_errors_with_a_place() {
    for (text, finding) in [
        ("", "AK1007  1:1"),
        ("# only a comment\n", "AK1007  1:1"),
        ("- a\n- b\n", "AK1007  1:1"),
        ("identity: {name: a, name: b}\nintelligence: {model: a/b}\n", "AK1006  1:21"),
        ("a: b\n---\nc: d\n", "AK1001  2:1"),
        ("a: *nothing\n", "AK1001  1:4"),
        ("? [x]\n: y", "AK1010  1:3"),
    ] {
        assert!(findings(text).contains(&finding.to_owned()), "{text:?}: {:?}", findings(text));
    }
    for text in ["a: [1, 2", "a:\n\tb: c", "a: \"open", "{", "a: b: c", "a: !mine b"] {
        let found = findings(text);
        assert!(found.iter().any(|f| f.starts_with("AK1001")), "{text:?}: {found:?}");
    }
}

#[test]
fn bombs_end_within_bounds() {
    let mut aliases = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let previous = format!("*a{}", i - 1);
        let list = vec![previous; 10].join(", ");
        aliases.push_str(&format!("a{i}: &a{i} [{list}]\n"));
    }
    let nested = "[".repeat(5000);
    let wide = format!("a: [{}]", "1,".repeat(200_000));
    let long = "a".repeat(super::SIZE_LIMIT + 1);
    let keys: String = (0..90_000).map(|i| format!("k{i}: 1\n")).collect();
    let key = format!("{}: 1\n", "k".repeat(super::SIZE_LIMIT / 2));
    let copies = vec!["*a"; 20_000].join(", ");
    let heavy = format!("a: &a \"{}\"\nb: [{copies}]\n", "x".repeat(100_000));
    let heavy_key = format!("a: &a {{{}: 1}}\nb: [{copies}]\n", "k".repeat(1000));
    for text in [&heavy, &heavy_key] {
        assert_eq!(Spec::parse(text).expect_err("bomb").code(), Code::SpecTooLarge);
    }
    for text in [&aliases, &nested, &wide, &long, &keys, &key] {
        let error = Spec::parse(text).expect_err("bomb");
        assert!(matches!(error.code(), Code::SpecTooLarge | Code::SpecInvalid), "{error}");
    }
    let error = Spec::parse(&aliases).expect_err("bomb");
    assert_eq!(error.code(), Code::SpecTooLarge);
}

#[test]
fn files_that_are_no_specs_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().expect("tempdir");
    let code = |path: &std::path::Path| Spec::read(path).expect_err("no spec").code();
    assert_eq!(code(&folder.path().join("none.yaml")), Code::FileNotFound);
    assert_eq!(code(folder.path()), Code::FileUnreadable);
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).expect("write");
    assert_eq!(code(&binary), Code::FileUnreadable);
}

/// Specs with random bytes replaced, removed and doubled: an answer each time, never a panic.
#[test]
fn damaged_specs_are_answered() {
    let whole = include_str!("../../../examples/specs/handbook.yaml");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    let marks = [
        "[", "{", "\"", ":", "- ", "\t", "\n", "&a ", "*a", "!!x ", "|", ">", "#", "\u{feff}", "~",
        "? ", "%", "---\n",
    ];
    for _ in 0..1500 {
        let mut text = whole.to_owned();
        for _ in 0..=random(4) {
            let at = text.floor_char_boundary(random(text.len()));
            let end = text.floor_char_boundary((at + random(40)).min(text.len()));
            match random(3) {
                0 => text.replace_range(at..end, ""),
                1 => text.insert_str(at, marks[random(marks.len())]),
                _ => {
                    let piece = text[at..end].to_owned();
                    text.insert_str(at, &piece);
                }
            }
        }
        for finding in Spec::diagnose(&text) {
            assert!(finding.line >= 1 && finding.column >= 1, "{finding:?}");
        }
    }
}
