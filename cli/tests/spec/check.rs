//! `check`.

use super::{Shop, json, scripted};

const WARNS: &str = "agent: a\nmodel: openai/gpt-4o-mini\nscript: [{text: Hello}]\n";

#[test]
fn only_errors_fail_and_the_last_line_counts() {
    let shop = Shop::new();
    shop.write("good.yaml", &scripted("a", "1.0.0", ""));
    shop.write("warns.yaml", WARNS);
    shop.write("bad.yaml", "agent: a\nmodel: openai/x\nmodle: y\nprompt: 5\n");
    let good = shop.spec("check good.yaml");
    assert_eq!((good.status, good.out.as_str()), (0, "good.yaml: ok\n"));
    let warns = shop.spec("check warns.yaml good.yaml");
    assert_eq!(warns.status, 0, "{warns:?}");
    assert!(warns.out.contains("warns.yaml:3:9: warning[AK2001]"), "{warns:?}");
    assert!(warns.out.ends_with("good.yaml: ok\n1 warning\n"), "{warns:?}");
    let all = shop.spec("check bad.yaml warns.yaml none.yaml");
    assert_eq!(all.status, 1);
    assert!(all.out.ends_with("\n3 errors, 1 warning\n"), "{all:?}");
    assert!(all.err.contains("error[file_not_found]: there is no file none.yaml"), "{all:?}");
    shop.fails(2, "check", "<FILE>");
    shop.fails(2, "check good.yaml --tenant acme", "--store <STORE>");
}

#[test]
fn standard_input_is_a_spec_of_this_folder() {
    let shop = Shop::new();
    shop.write("base.yaml", "model: scripted/x\nscript: [{text: Hello}]\n");
    let good = shop.piped("check -", "agent: a\nextends: base.yaml\n");
    assert_eq!((good.status, good.out.as_str()), (0, "stdin: ok\n"), "{good:?}");
    let bad = shop.piped("check -", "agent: a\nmodel: openai/x\nprompt: 5\n");
    assert_eq!(bad.status, 1);
    assert!(bad.out.starts_with("stdin:3:9: error[AK1003]"), "{bad:?}");
    assert!(bad.out.contains(" 3 | prompt: 5\n   |         ^\n"), "{bad:?}");
    let large = shop.piped("check -", &format!("agent: a\nprompt: {}\n", "x".repeat(3 << 20)));
    assert_eq!(large.status, 1);
    assert!(large.err.contains("error[spec_too_large]"), "{}", large.err);
}

#[test]
fn json_and_lsp_say_the_same_for_programs() {
    let shop = Shop::new();
    shop.write("bad.yaml", "# \u{1F600}\nagent: a\nmodel: openai/x\nmodle: y\n");
    shop.write("warns.yaml", WARNS);
    let done = shop.spec("check --format json bad.yaml warns.yaml none.yaml");
    let report = json(&done.out);
    assert_eq!(done.status, 1);
    let counts = ["ok", "errors", "warnings", "infos"].map(|key| report[key].clone());
    assert_eq!(serde_json::json!(counts), serde_json::json!([false, 2, 1, 0]));
    assert_eq!(report["files"][0]["diagnostics"][0]["code"], "AK1002");
    assert_eq!(report["files"][2]["error"]["code"], "file_not_found");
    let done = shop.spec("check --format lsp bad.yaml none.yaml");
    assert_eq!(done.status, 1);
    let found = json(&done.out);
    assert_eq!(found[0]["file"], "bad.yaml");
    let first = &found[0]["diagnostics"][0];
    assert_eq!((&first["code"], &first["severity"]), (&"AK1002".into(), &1.into()));
    assert_eq!(first["range"]["start"], serde_json::json!({"line": 3, "character": 0}));
    assert!(done.err.contains("file_not_found"), "{done:?}");
}

#[test]
fn with_a_store_the_check_knows_what_is_there() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", "tools: [nothing_here]\n"));
    shop.write("b.yaml", &scripted("b", "1.0.0", "knowledge: [handbook]\n"));
    shop.write("bad.yaml", "agent: a\nmodle: x\n");
    assert_eq!(shop.ok("check a.yaml"), "a.yaml: ok\n");
    shop.fails(1, "check a.yaml --store s.db", "there is no store s.db");
    assert!(!shop.has("s.db"));
    shop.ok("save b.yaml --store s.db");
    let done = shop.spec("check a.yaml b.yaml bad.yaml --store s.db");
    assert_eq!(done.status, 1);
    for code in
        ["a.yaml:5:9: error[AK3002]", "b.yaml:5:13: warning[AK3006]", "bad.yaml:2:1: error[AK1002]"]
    {
        assert!(done.out.contains(code), "{code}: {}", done.out);
    }
    shop.write("acme.yaml", &scripted("c", "1.0.0", "identity: {tenant_id: acme}\n"));
    let other = shop.spec("check acme.yaml --store s.db");
    assert!(other.status == 1 && other.out.contains("error[AK3001]"), "{other:?}");
    assert_eq!(shop.ok("check acme.yaml --store s.db --tenant acme"), "acme.yaml: ok\n");
}

#[test]
fn there_are_no_colours_in_a_pipe() {
    let shop = Shop::new();
    shop.write("bad.yaml", "agent: a\nmodel: 5\n");
    let mut command = super::command(shop.path());
    let output = command.env_remove("NO_COLOR").args(["spec", "check", "bad.yaml"]).output();
    let done = super::done(&output.expect("the command starts"));
    assert!(done.status == 1 && !done.out.contains('\x1b'), "{done:?}");
}

/// script(1) gives the command a terminal.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_findings_have_colours_unless_they_are_not_wanted() {
    let shop = Shop::new();
    shop.write("bad.yaml", "agent: a\nmodel: 5\n");
    let on_terminal = |no_color: &str| {
        let line = format!("'{}' spec check bad.yaml", env!("CARGO_BIN_EXE_aikit"));
        let output = std::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .current_dir(shop.path())
            .stdin(std::process::Stdio::null())
            .env("TERM", "xterm")
            .env("NO_COLOR", no_color)
            .output();
        super::done(&output.expect("script starts"))
    };
    let done = on_terminal("");
    assert_eq!(done.status, 1, "{done:?}");
    assert!(done.out.contains("bad.yaml:2:8: \x1b[1;31merror[AK1003]\x1b[0m: "), "{done:?}");
    assert!(done.out.contains("\x1b[1;31m^\x1b[0m"), "{done:?}");
    assert!(!on_terminal("1").out.contains('\x1b'));
}
