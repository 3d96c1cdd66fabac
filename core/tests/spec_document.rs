//! The document: short forms, older forms, parts that are extended, templates, rendering, hashes,
//! differences and edits.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use aikit::error::{Diagnostic, Severity};
use aikit::spec::{ChangeKind, Format, Spec, diff, edit, lsp, preset, terminal};
use serde_json::{Value, json};

fn parse(text: &str) -> Spec {
    Spec::parse(text).unwrap_or_else(|e| panic!("{e:?}\n{text}"))
}

fn errors(text: &str) -> Vec<String> {
    let errors = |d: &&Diagnostic| d.severity == Severity::Error;
    Spec::diagnose(text)
        .iter()
        .filter(errors)
        .map(|d| format!("{} {} {}:{}", d.code, d.path, d.line, d.column))
        .collect()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    }
    folder
}

#[test]
fn the_short_form_is_the_full_document() {
    let short = parse(
        "agent: helper\nversion: 1.2.3\ndescription: Helps\ntags: [a]\nmodel: openai/x\nprompt: Help.\n\
         tools: [calculator]\nknowledge: [docs]\nbehavior: {max_turns: 3}\n",
    );
    let full = parse(
        "identity: {agent_id: helper, version: 1.2.3, description: Helps, tags: [a]}\n\
         integration: {tools: [{name: calculator}]}\ncontext_policy: {knowledge: [{collection: docs, top_k: 5}]}\n\
         intelligence: {model: openai/x, system_prompt: Help.}\nbehavior: {max_turns: 3}\n",
    );
    assert_eq!(short.document(), full.document());
    assert_eq!(short.hash(), full.hash());
    assert!(diff(&short, &full).is_empty());
    let named = parse("agent: My Helper\nmodel: openai/x\n");
    assert_eq!((named.agent_id(), named.name()), ("my-helper", "My Helper"));
}

#[test]
fn findings_name_the_place_as_it_was_written() {
    assert_eq!(errors("agent: a\nmodel: nonsense\n"), ["AK1005 /model 2:8"]);
    assert_eq!(
        errors("agent: a\nmodel: o/x\ntools: [{nam: x}]\n"),
        ["AK1004 /tools/0 3:9", "AK1002 /tools/0/nam 3:10"]
    );
    assert_eq!(
        errors("agent: a\nmodel: o/x\nworkflow: {steps: [{id: a, depends_on: [b], prompt: x}]}\n"),
        ["AK2003 /workflow/steps/0/depends_on/0 3:41"]
    );
    assert_eq!(errors("agent: a\nmodel: o/x\nintelligence: {model: o/y}\n"), ["AK1009 /model 2:1"]);
}

/// The forms that older documents have: written anew, with their keys and values.
#[test]
fn older_forms_are_understood() {
    let first = parse(
        r#"
spec_version: "1.0.0"
identity: {name: customer-support-agent, version: 2.3.1, tenant_id: acme-corp}
memory:
  backend: postgresql
  episodic: {provider: hnsw, namespace: "{{tenant_id}}/{{agent_id}}/episodic"}
  semantic: {provider: postgresql_graph, rls_enabled: true}
storage:
  artifacts: {backend: postgresql, retention_days: 90, tenant_quota_gb: 100}
network:
  a2a_enabled: true
  discovery: {namespace: "{{tenant_id}}/agents"}
"#,
    );
    assert_eq!(first.agent_id(), "customer-support-agent");
    assert_eq!(first.to_json()["spec_version"], "1");
    assert_eq!(first.to_json()["storage"]["artifacts"]["tenant_quota_gb"], 100);
    let second = parse(
        r#"
spec_version: "aikit-v1.0.0"
identity: {agent_id: customer-support-v2, tenant_id: acme-corp}
memory:
  backend: hnsw
  episodic:
    provider: hnsw
    namespace: "{{tenant_id}}/{{agent_id}}/episodic"
    hnsw_config: {m: 16, ef_construction: 200, ef_search: 64}
governance:
  security:
    resource_limits: {max_memory_mb: 2048, max_concurrent_executions: 10}
"#,
    );
    let infos: Vec<_> = second.check().iter().map(|d| (d.code, d.severity)).collect();
    assert!(infos.contains(&("AK2014", Severity::Info)), "{infos:?}");
    assert!(infos.contains(&("AK2002", Severity::Warning)), "{infos:?}");
    assert!(infos.iter().all(|(_, severity)| *severity != Severity::Error));
    let limits = &second.document().governance.security.resource_limits;
    assert_eq!((limits.max_memory_mb, limits.max_concurrent_executions), (Some(2048), Some(10)));
    for version in ["1", "\"1\"", "1.0", "\"1.0.0\"", "v1", "aikit-v1.0.0"] {
        let text = format!("spec_version: {version}\nagent: a\nmodel: o/x\n");
        assert_eq!(parse(&text).hash(), parse("agent: a\nmodel: o/x\n").hash(), "{version}");
    }
    let uuid = parse("identity: {agent_id: 0190a5c0-5e9b-7c3a-9f00-2b1c4d5e6f70}\nmodel: o/x\n");
    assert_eq!(uuid.agent_id(), "0190a5c0-5e9b-7c3a-9f00-2b1c4d5e6f70");
}

#[test]
fn extended_texts_merge_by_the_rules() {
    let files = folder(&[
        (
            "a.yaml",
            "identity: {agent_id: a, author: A, version: 9.9.9}\nmodel: o/a\nintelligence: {temperature: 0.1, seed: 4}\ntools: [calculator, datetime]\n",
        ),
        (
            "parts/b.json",
            r#"{"extends": "c.yaml", "intelligence": {"temperature": 0.2}, "behavior": {"max_turns": 3}}"#,
        ),
        ("parts/c.yaml", "intelligence: {temperature: 0.3, top_p: 0.5}\n"),
        (
            "main.yaml",
            "extends: [a.yaml, parts/b.json]\nagent: main\ntools: [calculator]\nintelligence: {seed: null, max_tokens: 9}\n",
        ),
    ]);
    let spec = Spec::read(files.path().join("main.yaml")).expect("read");
    let document = spec.document();
    assert_eq!(spec.agent_id(), "main");
    assert_eq!(spec.version(), "0.1.0", "versions are not inherited");
    assert_eq!(document.identity.author.as_deref(), Some("A"));
    assert_eq!(spec.model(), "o/a");
    let intelligence = &document.intelligence;
    assert_eq!(intelligence.temperature, Some(0.2), "the later text wins");
    assert_eq!((intelligence.top_p, intelligence.seed), (Some(0.5), None), "null removes");
    assert_eq!(intelligence.max_tokens, Some(9));
    assert_eq!(document.integration.tools.len(), 1, "lists replace");
    assert_eq!(document.behavior.max_turns, 3);
    let again = parse(spec.text());
    assert_eq!(again.hash(), spec.hash(), "its text needs no other file");
}

#[test]
fn findings_in_an_extended_text_say_in_which() {
    let files = folder(&[
        ("base.yaml", "prompt: Hello.\ntemprature: 1\n"),
        ("main.yaml", "extends: base.yaml\nagent: main\nmodel: o/x\n"),
    ]);
    let error = Spec::read(files.path().join("main.yaml")).expect_err("unknown key");
    let finding = &error.diagnostics()[0];
    assert_eq!(finding.file.as_deref(), Some("base.yaml"));
    assert_eq!((finding.line, finding.column), (2, 1));
    let shown = terminal("main.yaml", "extends: base.yaml\n", error.diagnostics());
    assert!(shown.starts_with("base.yaml:2:1: error[AK1002]"), "{shown}");
}

#[cfg(unix)]
#[test]
fn nothing_outside_of_the_folder_is_read() {
    let outside = folder(&[("secret.yaml", "prompt: the secret\n")]);
    let files = folder(&[("main.yaml", "")]);
    let secret = outside.path().join("secret.yaml");
    std::os::unix::fs::symlink(&secret, files.path().join("link.yaml")).expect("link");
    std::os::unix::fs::symlink(outside.path(), files.path().join("linked")).expect("link");
    let absolute = secret.display().to_string();
    for name in
        ["link.yaml", "linked/secret.yaml", "../secret.yaml", "x/../../secret.yaml", &absolute]
    {
        let text = format!("extends: {name:?}\nagent: a\nmodel: o/x\n");
        let found = Spec::diagnose_in(&text, files.path());
        let codes: Vec<_> = found.iter().map(|d| d.code).collect();
        assert!(codes.contains(&"AK1021") || codes.contains(&"AK1020"), "{name}: {codes:?}");
        assert!(found.iter().all(|d| !d.message.contains("the secret")), "{name}");
    }
}

#[test]
fn every_preset_is_a_clean_ground() {
    let mut seen = 0;
    for name in preset::names() {
        let spec = parse(&format!("extends: preset:{name}\nagent: a\nmodel: openai/x\n"));
        let found: Vec<_> =
            spec.check().into_iter().filter(|d| d.severity == Severity::Warning).collect();
        let wants_schema = found.iter().all(|d| d.path.ends_with("/cognition/output"));
        assert!(found.is_empty() || (name == "extractor" && wants_schema), "{name}: {found:#?}");
        assert_ne!(spec.hash(), parse("agent: a\nmodel: openai/x\n").hash(), "{name}");
        seen += 1;
    }
    assert!(seen >= 10);
}

#[test]
fn what_is_rendered_is_read_as_the_same_by_everybody() {
    let texts = [
        "plain",
        "",
        " ",
        "two\nlines\n",
        "two\nlines",
        "ends with two\n\n",
        "\nbegins empty\nx\n",
        "  indented\nfirst\n",
        "tab\there",
        "quote \" and ' and \\",
        "# no comment",
        "a: b",
        "- a",
        "true",
        "null",
        "~",
        "1",
        "1.5",
        "0x1f",
        "1e5",
        "2026-01-01",
        "yes",
        "no",
        "On",
        "{a}",
        "[a]",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "a #b",
        "a:b",
        "a, b",
        "trailing ",
        "emoji 🦀",
        "nbsp\u{a0}x",
        "\u{feff}bom",
        "\u{2028}",
        "bell\u{7}",
        "é",
        "line\r\nbreak\r\n",
        "=",
        "<<",
        "?",
        "-",
        "---",
        "...",
        "key: [1, 2",
        "|",
        ">",
        "x\n  more\n y\n",
        "x  \ny\n",
        "  \nx\n",
    ];
    for text in texts {
        let value = json!({
            "agent": "a", "model": "o/x",
            "extensions": {"k": text, "list": [text, [text], {"x": text}], "map": {"deep": {"k": text, "n": null}}},
            "intelligence": {"prompts": {"p": text}, "stop": [text, text]},
        });
        // Not a template: braces are none of the texts' but of `{a}`, which is no mark.
        let spec = parse(&value.to_string());
        let yaml = spec.render(Format::Yaml).expect("yaml");
        let ours = parse(&yaml);
        assert_eq!(ours.document(), spec.document(), "{text:?}\n{yaml}");
        let theirs: Value =
            serde_norway::from_str(&yaml).unwrap_or_else(|e| panic!("{e}: {text:?}\n{yaml}"));
        assert_eq!(theirs, spec.to_json(), "{text:?}\n{yaml}");
    }
}

#[test]
fn equal_meaning_has_equal_hashes_and_other_meaning_has_not() {
    let a = parse("agent: a\nmodel: o/x\nintelligence: {temperature: 1}\n");
    let same = [
        "# comment\nmodel: 'o/x'\nintelligence:\n  temperature: 1.0\nagent: \"a\"\n",
        r#"{"intelligence": {"temperature": 1, "model": "o/x"}, "identity": {"agent_id": "a", "name": "a"}}"#,
        "spec_version: 1\nagent: a\nmodel: o/x\nintelligence: {temperature: 1}\nbehavior: {max_turns: 10}\nmemory: {enabled: false}\n",
    ];
    for text in same {
        assert_eq!(parse(text).hash(), a.hash(), "{text}");
    }
    assert!(a.hash().starts_with("sha256:") && a.hash().len() == 71);
    for text in
        ["agent: a\nmodel: o/x\n", "agent: a\nmodel: o/x\nintelligence: {temperature: 0.9}\n"]
    {
        assert_ne!(parse(text).hash(), a.hash(), "{text}");
    }
    // Computed by hand: printf '...' | sha256sum
    assert_eq!(
        parse("agent: a\nmodel: o/x\n").hash(),
        "sha256:6017c1828a064a69963ebe0d22fcffa572088e96f1f8d9082fd1be672b696b47"
    );
}

#[test]
fn differences_are_told_in_fields() {
    let a = parse(
        "agent: a\nversion: 1.0.0\nmodel: o/x\ntools: [calculator, {name: find, description: old}]\n",
    );
    let b = parse(
        "agent: a\nversion: 1.1.0\nmodel: o/x\ntools: [calculator, {name: find, description: new}, datetime]\nprompt: Hi.\n",
    );
    let told: Vec<String> = diff(&a, &b).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "~ identity.version: \"1.0.0\" -> \"1.1.0\"",
            "~ integration.tools.find.description: \"old\" -> \"new\"",
            "+ integration.tools.datetime: {\"name\":\"datetime\"}",
            "+ intelligence.system_prompt: \"Hi.\"",
        ]
    );
    let back = diff(&b, &a);
    assert!(
        back.iter()
            .any(|c| c.kind == ChangeKind::Removed && c.path == "/intelligence/system_prompt")
    );
    let reordered = parse(
        "agent: a\nversion: 1.0.0\nmodel: o/x\ntools: [{name: find, description: old}, calculator]\n",
    );
    assert_eq!(diff(&a, &reordered).len(), 1, "another order is a change");
}

#[test]
fn an_edit_keeps_everything_else() {
    let text = "# Mine\nagent: a   # the id\nmodel: o/x\n\nintelligence:\n  # cold\n  temperature: 0.1 # really\n  \
                stop: [END]\nprompt: |\n  Two\n  lines.\n# end\n";
    let changed = edit(text, "/intelligence/temperature", &json!(0.7)).expect("a number");
    assert_eq!(changed, text.replace("0.1", "0.7"));
    let changed = edit(text, "/agent", &json!("b: c")).expect("a name that needs quotes");
    assert_eq!(changed, text.replace("agent: a", "agent: \"b: c\""));
    let changed = edit(text, "/model", &json!("openai/gpt-4o")).expect("a text");
    assert_eq!(changed, text.replace("o/x", "openai/gpt-4o"));
    let changed = edit(text, "/prompt", &json!("One line.")).expect("a block");
    assert_eq!(changed, text.replace("|\n  Two\n  lines.\n", "One line.\n"));
    let changed = edit(text, "/version", &json!("2.0.0")).expect("a new key");
    assert_eq!(parse(&changed).version(), "2.0.0");
    assert!(
        changed.contains("# Mine") && changed.contains("# the id") && changed.contains("# end")
    );
    let changed = edit(text, "/intelligence/seed", &json!(1)).expect("a new key inside");
    assert_eq!(parse(&changed).document().intelligence.seed, Some(1));
    assert!(changed.contains("# cold"));
    let changed = edit(text, "/intelligence/stop/0", &json!("STOP")).expect("in a flow list");
    assert_eq!(changed, text.replace("END", "STOP"));
    assert!(edit(text, "/nowhere/at/all", &json!(1)).is_err());
    assert!(edit(text, "/intelligence", &json!(1)).is_err());
    assert!(edit(text, "/intelligence/temperature", &json!("hot")).is_err(), "it would be wrong");
    assert!(edit("agent: [", "/agent", &json!("x")).is_err());
    let windows = text.replace('\n', "\r\n");
    let changed = edit(&windows, "/model", &json!("o/y")).expect("line ends of Windows");
    assert_eq!(changed, windows.replace("o/x", "o/y"));
}

#[test]
fn an_editor_gets_ranges_and_a_terminal_gets_carets() {
    let text = "agent: a\nmodel: \"🦀🦀\"\nintelligence: {temprature: 1}\n";
    let found = Spec::diagnose(text);
    let ranges = lsp(text, &found);
    let model = &ranges[0];
    assert_eq!(model["range"]["start"], json!({"line": 1, "character": 7}));
    assert_eq!(model["range"]["end"], json!({"line": 1, "character": 13}), "UTF-16 units");
    assert_eq!((model["severity"].as_u64(), model["code"].as_str()), (Some(1), Some("AK1005")));
    let key = &ranges[1];
    assert_eq!(
        key["range"],
        json!({"start": {"line": 2, "character": 15}, "end": {"line": 2, "character": 25}})
    );
    let shown = terminal("a.yaml", text, &found[1..]);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "a.yaml:3:16: error[AK1002]: the key \"temprature\" is not known here");
    assert_eq!(lines[1], " 3 | intelligence: {temprature: 1}");
    assert_eq!(lines[2], "   |                ^^^^^^^^^^");
    assert_eq!(lines[4], "   hint: did you mean `temperature`?");
}

#[test]
fn bad_input_of_every_kind_is_a_finding() {
    let deep = format!("{}{}", "a: {".repeat(100), "}".repeat(100));
    let large = "x".repeat(3 * 1024 * 1024);
    let many = "a".repeat(70).as_str().to_owned() + ": 1\n";
    let cases: &[(&str, &str)] = &[
        ("agent: a\nmodel: o/x\nprompt: \"a\\0b\"\n", "AK1011"),
        ("agent: a\nmodel: o/x\nprompt: a\0b\n", "AK1011"),
        ("agent: a\nmodel: o/x\n\tprompt: x\n", "AK1001"),
        ("agent: a\nmodel: o/x\nintelligence: {temperature: .nan}\n", "AK1005"),
        ("agent: a\nmodel: o/x\nextensions: {x: [.inf]}\n", "AK1005"),
        ("agent: a\nmodel: o/x\n1: x\n", "AK1010"),
        ("agent: a\nmodel: o/x\n~: x\n", "AK1010"),
        ("agent: a\nmodel: o/x\n[a, b]: x\n", "AK1010"),
        ("agent: a\nmodel: o/x\nagent: b\n", "AK1006"),
        (&deep, "AK1008"),
        (&large, "AK1008"),
        (&many, "AK1002"),
        ("base: &b {agent: a}\n<<: *b\nmodel: o/x\n", "AK1002"),
        ("agent: !!python/object:os.system a\nmodel: o/x\n", "AK1001"),
        ("&a [*a]", "AK1001"),
    ];
    for (text, code) in cases {
        let found = Spec::diagnose(text);
        let shown = &text[..text.len().min(60)];
        assert!(found.iter().any(|d| d.code == *code), "{shown:?}: {found:#?}");
        assert!(Spec::parse(text).is_err(), "{shown:?}");
    }
    let marked = "\u{feff}agent: a\r\nmodel: o/x\r\n";
    assert_eq!(parse(marked).hash(), parse("agent: a\nmodel: o/x\n").hash());
    assert_eq!(errors("\u{feff}agent: a\r\nmodel: nonsense\r\n"), ["AK1005 /model 2:8"]);
}
