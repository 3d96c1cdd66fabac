//! `new` and `set`.

use aikit::error::{Diagnostic, Severity};
use aikit::spec::{SCHEMA_URL, Spec, preset};

use super::Shop;

/// What the check says of a text, beside what is only told.
fn complaints(text: &str) -> Vec<Diagnostic> {
    Spec::diagnose(text).into_iter().filter(|d| d.severity != Severity::Info).collect()
}

#[test]
fn new_writes_a_spec_that_passes_the_check_and_runs_once_it_has_a_model() {
    let shop = Shop::new();
    let said = shop.ok("new helper");
    assert_eq!(said, "wrote helper.yaml; edit it, then check it: aikit spec check helper.yaml\n");
    let text = shop.read("helper.yaml");
    assert!(text.starts_with(&format!("# yaml-language-server: $schema={SCHEMA_URL}\n")), "{text}");
    assert_eq!(shop.ok("check helper.yaml"), "helper.yaml: ok\n");
    shop.ok("set helper.yaml /model scripted/x --in-place");
    let script = ["spec", "set", "helper.yaml", "/script", r#"[{"text": "Hello."}]"#, "--in-place"];
    assert_eq!(shop.aikit(&script).status, 0);
    assert_eq!(shop.aikit(&["run", "-q", "helper.yaml", "x"]).out, "Hello.\n");
}

#[test]
fn new_overwrites_nothing() {
    let shop = Shop::new();
    shop.write("helper.yaml", "mine");
    shop.fails(1, "new helper", "helper.yaml is there already");
    shop.fails(1, "new other --out helper.yaml", "remove it, or name another file with --out");
    assert_eq!(shop.read("helper.yaml"), "mine");
    shop.fails(1, "new other --out no/folder.yaml", "make the folder first");
}

#[test]
fn every_preset_and_form_passes_the_check_without_a_warning() {
    let shop = Shop::new();
    for form in ["", " --full"] {
        let presets = preset::names().map(|name| format!(" --preset {name}"));
        for preset in presets.chain([String::new()]) {
            let text = shop.ok(&format!("new helper --out -{form}{preset}"));
            assert_eq!(complaints(&text), [], "{form}{preset}");
            let prompt =
                Spec::parse(&text).expect("spec").document().intelligence.system_prompt.clone();
            let own = prompt.expect("a prompt").starts_with("You are a friendly assistant.");
            let given =
                preset.strip_prefix(" --preset ").and_then(preset::text).unwrap_or_default();
            assert_eq!(own, !given.contains("system_prompt:"), "{form}{preset}");
        }
    }
}

/// Settings that stand behind a `#` are part of what was promised: with all of them taken in, the
/// text is still a spec.
#[test]
fn the_settings_in_comments_are_right_too() {
    let shop = Shop::new();
    for form in ["", " --full"] {
        let text = shop.ok(&format!("new helper --out -{form}"));
        let line = |line: &str| match line.trim_start().strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => {
                format!("{}{setting}\n", &line[..line.len() - setting.len() - 1])
            }
            _ => format!("{line}\n"),
        };
        let taken_in: String = text.lines().map(line).collect();
        assert_ne!(taken_in, text);
        assert_eq!(complaints(&taken_in), [], "{taken_in}");
    }
}

#[test]
fn names_become_ids_and_what_is_no_name_is_refused() {
    let shop = Shop::new();
    let name = |name: &str| shop.aikit(&["spec", "new", name, "--out", "-"]);
    for (given, id, shown) in [
        ("Handbook assistant", "handbook-assistant", "Handbook assistant"),
        ("true", "true", "true"),
        ("123", "123", "123"),
        ("1.0", "1.0", "1.0"),
        ("a: b #c", "a-b-c", "a: b #c"),
        ("it's \"x\" \\ ü", "it-s-x", "it's \"x\" \\ ü"),
        ("@prompt@", "prompt", "@prompt@"),
    ] {
        for full in [false, true] {
            let mut line = vec!["spec", "new", given, "--out", "-"];
            line.extend(full.then_some("--full"));
            let done = shop.aikit(&line);
            let spec = Spec::parse(&done.out).unwrap_or_else(|e| panic!("{given}: {e} {done:?}"));
            assert_eq!((spec.agent_id(), spec.name()), (id, shown));
        }
    }
    for wrong in ["", "--", "{{ x }}", "...", "\u{fc}"] {
        let done = name(wrong);
        assert_ne!(done.status, 0, "{wrong}: {done:?}");
        assert_eq!(done.out, "");
    }
    shop.ok("new");
    assert!(shop.has("assistant.yaml"));
    let done = shop.spec("new helper --preset nothing");
    assert_eq!(done.status, 2);
    assert!(done.err.contains("possible values: analyst"), "{done:?}");
}

const TEXT: &str = "# mine\nagent: helper   # the id\nversion: 1.0.0\nmodel: scripted/x\nintelligence:\n  temperature: 0.2  # warm\n";

#[test]
fn set_changes_one_value_and_keeps_the_comments() {
    let shop = Shop::new();
    shop.write("a.yaml", TEXT);
    let warmer = TEXT.replace("0.2", "0.7");
    assert_eq!(shop.ok("set a.yaml /intelligence/temperature 0.7"), warmer);
    assert_eq!(shop.read("a.yaml"), TEXT);
    let said = shop.ok("set a.yaml /intelligence/temperature 0.7 --in-place");
    assert_eq!(
        said,
        "set /intelligence/temperature in a.yaml; check it: aikit spec check a.yaml\n"
    );
    assert_eq!(shop.read("a.yaml"), warmer);
    // What is no JSON is a text.
    assert!(shop.ok("set a.yaml /version 2.0.0").contains("\nversion: \"2.0.0\"\n"));
    assert_eq!(
        shop.piped("set - /model scripted/y", TEXT).out,
        TEXT.replace("scripted/x", "scripted/y")
    );
    let left: Vec<_> = std::fs::read_dir(shop.path()).expect("folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn set_refuses_what_would_break_the_spec_and_leaves_the_file_alone() {
    let shop = Shop::new();
    shop.write("a.yaml", TEXT);
    shop.fails(1, "set a.yaml /intelligence/temperature warm --in-place", "error[AK1003]");
    shop.fails(1, "set a.yaml /intelligence/temperature -1 --in-place", "a.yaml has 1 error");
    shop.fails(1, "set a.yaml /no/such/place 1 --in-place", "the spec has no place");
    shop.fails(1, "set none.yaml /model x", "error[file_not_found]");
    shop.fails(1, "set . /model x", "error[file_unreadable]");
    shop.fails(2, "set a.yaml /model", "<VALUE>");
    shop.fails(2, "set - /model x --in-place", "standard input has no place");
    assert_eq!(shop.read("a.yaml"), TEXT);
    shop.write("extends.yaml", "extends: a.yaml\nagent: b\n");
    // What it extends is not looked at.
    assert!(shop.ok("set extends.yaml /agent c").contains("agent: c"));
    shop.write("bad.yaml", "agent: a\nmodle: x\n");
    shop.fails(1, "set bad.yaml /agent b", " 2 | modle: x\n");
}

#[cfg(unix)]
#[test]
fn set_keeps_permissions_and_links() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new();
    shop.write("a.yaml", TEXT);
    let path = shop.path().join("a.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mode");
    std::os::unix::fs::symlink("a.yaml", shop.path().join("link.yaml")).expect("link");
    shop.ok("set link.yaml /version 3.0.0 --in-place");
    assert!(shop.read("a.yaml").contains("version: \"3.0.0\""));
    assert!(shop.path().join("link.yaml").is_symlink());
    assert_eq!(std::fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o640);
}
