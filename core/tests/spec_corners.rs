//! Corners of the document: numbers, characters beyond the first plane, long keys, places behind items
//! that cannot be read, secrets, and the agreement of the JSON Schema with the parser.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use aikit::error::{Diagnostic, Severity};
use aikit::spec::{Format, Spec, diff, edit, schema, terminal};
use serde_json::{Value, json};

const SHORT: &str = "agent: a\nmodel: openai/x\n";

fn parse(text: &str) -> Spec {
    Spec::parse(text).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

fn is_error(finding: &&Diagnostic) -> bool {
    finding.severity == Severity::Error
}

fn errors(more: &str) -> Vec<String> {
    let found = Spec::diagnose(&format!("{SHORT}{more}"));
    let shown = |d: &Diagnostic| format!("{} {} {}:{}", d.code, d.path, d.line, d.column);
    found.iter().filter(is_error).map(shown).collect()
}

fn extended(value: &str) -> Spec {
    parse(&format!("{SHORT}extensions: {{a: {value}}}\n"))
}

#[test]
fn json_that_escapes_everything_is_read() {
    let text = r#"{"agent": "a", "model": "openai/x", "name": "\uD83D\uDE00 \\ud83d\\ude00",
        "extensions": {"\ud83e\uddea": "\/"}, "nmae": 1}"#;
    let place = Spec::diagnose(text).iter().map(|d| (d.line, d.column)).next();
    assert_eq!(place, Some((2, 47)), "no place moves");
    let spec = parse(&text.replace(", \"nmae\": 1", ""));
    assert_eq!(spec.name(), "\u{1f600} \\ud83d\\ude00");
    assert_eq!(spec.to_json()["extensions"], json!({"\u{1f9ea}": "/"}));
    let changed = edit(&text.replace(", \"nmae\": 1", ""), "/name", &json!("b")).expect("edit");
    assert!(changed.contains(r#""name": "b","#), "{changed}");
    // A half alone is no character, and private characters stay what they are.
    for text in
        [r#"{"agent": "a", "model": "openai/x", "prompt": "\ud83d"}"#, "prompt: \"\\ud83d\""]
    {
        assert!(Spec::diagnose(text).iter().any(|d| d.code == "AK1001"), "{text}");
    }
    let private = "{\"agent\": \"a\", \"model\": \"openai/x\", \"name\": \"\u{e03d}\"}";
    assert_eq!(parse(private).name(), "\u{e03d}");
}

#[test]
fn long_keys_are_rendered_and_read_again() {
    let key = "k".repeat(1_500);
    let values =
        [json!(1), json!({"a": [1, {"b": "x\ny\n"}]}), json!([{"a": 1}, [2]]), json!("a\nb")];
    for value in values {
        let document = json!({"agent": "a", "model": "openai/x", "extensions": {&key: value, "z": [{&key: 1}]}});
        let spec = parse(&document.to_string());
        let text = spec.render(Format::Yaml).expect("yaml");
        assert_eq!(parse(&text).document(), spec.document(), "{text}");
    }
}

#[test]
fn numbers_that_mean_the_same_are_the_same() {
    for (a, b) in [
        ("1", "1.0"),
        ("0", "-0.0"),
        ("1e15", "1000000000000000"),
        ("1e16", "10000000000000000"),
        ("1e19", "10000000000000000000"),
        ("[{name: x, y: 1}]", "[{name: x, y: 1.0}]"),
    ] {
        let (a, b) = (extended(a), extended(b));
        assert_eq!(a.hash(), b.hash());
        assert!(diff(&a, &b).is_empty(), "{:?}", diff(&a, &b));
    }
    for (a, b) in [
        ("18446744073709551615", "18446744073709551614"),
        ("9007199254740993", "9007199254740992"),
        ("1", "1.5"),
        ("0x-5", "-5"),
    ] {
        let (a, b) = (extended(a), extended(b));
        assert_ne!(a.hash(), b.hash());
        assert_eq!(diff(&a, &b).len(), 1);
    }
    assert_eq!(extended("18446744073709551615").to_json()["extensions"]["a"], json!(u64::MAX));
    assert_eq!(extended("0x-5").to_json()["extensions"]["a"], json!("0x-5"));
    let spec =
        parse(&format!("{SHORT}behavior: {{max_turns: 5.0, timeout_ms: 18446744073709551615}}\n"));
    let behavior = &spec.document().behavior;
    assert_eq!((behavior.max_turns, behavior.timeout_ms), (5, Some(u64::MAX)));
    assert_eq!(errors("behavior: {max_turns: 5.5}\n"), ["AK1003 /behavior/max_turns 3:23"]);
    assert_eq!(errors("behavior: {max_turns: 1e30}\n"), ["AK1005 /behavior/max_turns 3:23"]);
}

#[test]
fn items_that_cannot_be_read_move_no_finding() {
    assert_eq!(
        errors("tools: [5, good, {}, bad name, good]\n"),
        ["AK1003 /tools/0 3:9", "AK1004 /tools/2 3:18", "AK2012 /tools/4 3:32"]
    );
    assert_eq!(
        errors(
            "workflow:\n  steps:\n  - 5\n  - {id: a, prompt: x, depends_on: [1, b]}\n  - []\n  - {id: c d, prompt: x}\n"
        ),
        [
            "AK1003 /workflow/steps/0 5:5",
            "AK1003 /workflow/steps/1/depends_on/0 6:37",
            "AK2003 /workflow/steps/1/depends_on/1 6:40",
            "AK1003 /workflow/steps/2 7:5",
            "AK1005 /workflow/steps/3/id 8:10"
        ]
    );
}

#[test]
fn what_is_empty_names_nothing() {
    assert_eq!(errors("knowledge: ['']\n"), ["AK1005 /knowledge/0 3:13"]);
    assert_eq!(errors("a2a: {skills: [{name: x}]}\n"), ["AK1004 /a2a/skills/0 3:16"]);
    assert_eq!(errors("a2a: {skills: [{id: x}, {id: x}]}\n"), ["AK2012 /a2a/skills/1/id 3:30"]);
    let empty = |text: &str| {
        let found = Spec::diagnose(text);
        found.iter().filter(is_error).map(|d| format!("{} {}", d.code, d.path)).collect::<Vec<_>>()
    };
    assert_eq!(empty("agent: a\nmodel: ''\n"), ["AK1005 /model"]);
    assert_eq!(
        empty("identity: {agent_id: '', name: x}\nmodel: o/x\n"),
        ["AK1005 /identity/agent_id"]
    );
    let cost = "governance: {rate_limits: {cost_limit_usd_per_day: -1}}\n";
    let found = Spec::diagnose(&format!("{SHORT}{cost}"));
    assert!(found.iter().any(|d| d.code == "AK1005" && d.message.len() < 80), "{found:?}");
}

#[test]
fn times_are_those_of_rfc_3339_alone() {
    let time = |time: &str| errors(&format!("identity: {{created_at: '{time}'}}\n"));
    for good in ["2026-01-31T12:00:00Z", "2026-01-31t12:00:00.123+02:00"] {
        assert_eq!(time(good), [""; 0], "{good}");
    }
    for bad in
        ["2026-01-31T12:00Z", "2026-01-31 12:00:00Z", "2026-02-30T12:00:00Z", "20260131T120000Z"]
    {
        assert_eq!(time(bad), ["AK1005 /identity/created_at 3:24"], "{bad}");
    }
}

#[test]
fn secrets_are_found_wherever_a_server_is_given_them() {
    let server = |more: &str| errors(&format!("mcp_servers:\n- {{name: s, {more}}}\n"));
    for secret in [
        "command: x, env: {A: sk-proj-0123456789abcdef}",
        "transport: http, url: 'https://s.example', headers: {A: token ghp_0123456789abcdefghij}",
        "transport: http, url: 'https://s.example', headers: {A: bearer abcdefghijklmnop}",
        "transport: http, url: 'https://s.example', headers: {A: 'Basic dXNlcjpwYXNzd29yZA=='}",
        "command: x, args: [--key=sk-proj-0123456789abcdef]",
        "transport: http, url: 'https://me:secret@s.example/mcp'",
        "transport: http, url: 'https://s.example/mcp?key=AIza0123456789abcdefgh'",
    ] {
        let found = server(secret);
        assert_eq!(found.len(), 1, "{secret}: {found:?}");
        assert!(found[0].starts_with("AK2015"), "{secret}: {found:?}");
    }
    for honest in [
        "command: x, env: {A: sk-learn-classifier-large, B: Basic authentication, C: hf_cache_folder_name}",
        "command: x, args: [--model, sk-learn-classifier-large]",
        "transport: http, url: 'https://s.example/a@b:c', headers: {A: {env: TOKEN}}",
    ] {
        assert_eq!(server(honest), [""; 0], "{honest}");
    }
}

#[test]
fn only_a_schema_that_cannot_be_compiled_is_an_error() {
    let tool = |provider: &str, parameters: &str| {
        let text = format!(
            "agent: a\nmodel: {provider}/x\ntools: [{{name: 2nd tool, parameters: {parameters}}}]\n"
        );
        Spec::diagnose(&text)
            .iter()
            .filter(is_error)
            .map(|d| format!("{} {}", d.code, d.path))
            .collect::<Vec<_>>()
    };
    let compiled = [
        "{properties: {a: {type: string}}}",
        "{type: object, properties: {a: {anyOf: [{type: [array, 'null']}]}}}",
        "{oneOf: [{required: [a]}, {required: [b]}]}",
        "{$ref: '#/$defs/x', $defs: {x: {type: object, properties: {a b: {const: 1}}}}}",
        "{type: object, properties: {a: {$ref: '#'}}, additionalProperties: false}",
    ];
    for provider in ["openai", "azure", "anthropic", "gemini", "google", "vertex", "ollama"] {
        for parameters in compiled {
            assert_eq!(tool(provider, parameters), [""; 0], "{provider}: {parameters}");
        }
    }
    let dynamic =
        "{type: object, $dynamicAnchor: n, properties: {a: {items: {$dynamicRef: '#n'}}}}";
    let place = "AK2009 /tools/0/parameters/properties/a/items/$dynamicRef";
    for provider in ["anthropic", "gemini", "vertex"] {
        assert_eq!(tool(provider, dynamic), [place]);
    }
    for provider in ["openai", "ollama"] {
        assert_eq!(tool(provider, dynamic), [""; 0]);
    }
}

#[test]
fn an_edit_does_not_ask_for_what_only_the_extended_file_has() {
    let text =
        "extends: base.yaml\nagent: a\nprompt: '{{ prompts.policy }}'\norchestration: loop\n";
    let changed = edit(text, "/agent", &json!("b")).expect("edit");
    assert!(changed.contains("agent: b\n"), "{changed}");
    let error = edit(text, "/orchestration", &json!("round")).expect_err("no such word");
    assert!(error.diagnostics().iter().any(|d| d.code == "AK1005"), "{error:?}");
}

#[test]
fn an_edit_of_json_gives_json() {
    for text in [
        r#"{"agent": "a", "model": "openai/x", "version": "1.0.0"}"#,
        "{\n  \"agent\": \"a\",\n  \"model\": \"openai/x\",\n  \"version\": \"1.0.0\"\n}\n",
    ] {
        let text = edit(text, "/version", &json!("1.1.0")).expect("replaced");
        let text = edit(&text, "/description", &json!("It helps")).expect("added");
        let read: Value = serde_json::from_str(&text).expect(&text);
        assert_eq!((&read["version"], &read["description"]), (&json!("1.1.0"), &json!("It helps")));
    }
}

#[test]
fn a_spec_cannot_command_a_terminal() {
    let text = format!(
        "{SHORT}\"\\e[2Jx\": 1\nworkflow: {{steps: [{{id: \"\\e]0;x\\a\", prompt: x, depends_on: [y]}}]}}\n"
    );
    let shown = terminal("a\u{1b}.yaml", &text, &Spec::diagnose(&text));
    assert!(shown.contains("AK1002") && shown.contains("AK2003"), "{shown}");
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}

fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                places(child, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(items) => {
            for (i, child) in items.iter().enumerate() {
                places(child, &format!("{at}/{i}"), out);
            }
        }
        _ => {}
    }
}

/// What editors refuse by the schema is refused by the parser as well, and what has the wrong type or
/// key is refused by both. (What depends on several values is the parser's alone.)
#[test]
fn the_schema_and_the_parser_agree_on_shapes() {
    let validator = jsonschema::validator_for(&schema()).expect("schema");
    let others = [
        json!(null),
        json!(true),
        json!(5),
        json!(5.0),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!(""),
        json!("1."),
        json!([]),
        json!({}),
        json!(["x"]),
        json!([""]),
        json!([null]),
        json!([5]),
        json!([{}]),
        json!({"x": 1}),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/specs");
    let short = parse(&format!("{SHORT}memory: {{knowledge_bases: [docs]}}\nextends: null\n"));
    let mut documents = vec![
        short.to_json(),
        json!({"agent": "a", "model": "openai/x", "extends": null, "memory": {"knowledge_bases": ["d"]}}),
    ];
    for entry in std::fs::read_dir(folder).expect("examples") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|e| e == "yaml") {
            documents.push(Spec::read(&path).expect("example").to_json());
        }
    }
    let mut compared = 0;
    for document in documents {
        assert!(validator.is_valid(&document), "{document}");
        let mut all = Vec::new();
        places(&document, "", &mut all);
        for place in all {
            for other in &others {
                let mut mutant = document.clone();
                *mutant.pointer_mut(&place).expect("a place") = other.clone();
                let found = Spec::diagnose(&mutant.to_string());
                let accepted = validator.is_valid(&mutant);
                let refused = found.iter().any(|d| d.severity == Severity::Error);
                let shape = found.iter().find(|d| matches!(d.code, "AK1002" | "AK1003"));
                assert!(accepted || refused, "{place} = {other}: only the schema refuses it");
                assert!(!accepted || shape.is_none(), "{place} = {other}: only we: {shape:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn a_schema_whose_references_lead_nowhere_is_told_the_same_way_each_time() {
    let text = "agent: a\nmodel: o/x\ninterface: {output_schema: {$defs: {x: {$ref: other/b}, y: {$ref: \"#/$defs/no\"}}, $ref: \"?#/$defs/a\"}}\n";
    let first = Spec::diagnose(text);
    let told = first.iter().find(|d| d.code == "AK2010").expect("it is no schema");
    assert!(told.message.contains("other/b"), "{}", told.message);
    for _ in 0..50 {
        assert_eq!(Spec::diagnose(text), first);
    }
}
