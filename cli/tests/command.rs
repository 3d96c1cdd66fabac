//! The command as a user meets it: what it prints, and its exit status.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn aikit(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aikit"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("OPENAI_API_KEY")
        .stdin(Stdio::null())
        .output()
        .expect("the command starts")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("write");
}

const ECHO: &str = "identity: {name: Echo}\nintelligence:\n  model: scripted/x\n  script: [{text: 'You said: {{input}}'}]\n";

#[test]
fn check_points_at_the_place_and_fails() {
    let folder = tempfile::tempdir().expect("tempdir");
    write(folder.path(), "good.yaml", ECHO);
    write(
        folder.path(),
        "bad.yaml",
        "identity:\n  name: X\nintelligence:\n  modle: scripted/x\n  temperature: hot\n",
    );
    let good = aikit(folder.path(), &["spec", "check", "good.yaml"]);
    assert_eq!((good.status.code(), out(&good).as_str()), (Some(0), "good.yaml: ok\n"));
    let bad = aikit(folder.path(), &["spec", "check", "bad.yaml", "good.yaml"]);
    assert_eq!(bad.status.code(), Some(1));
    let text = out(&bad);
    assert!(
        text.contains("bad.yaml:4:3: error[AK1002]: the key \"modle\" is not known here"),
        "{text}"
    );
    assert!(text.contains(" 4 |   modle: scripted/x\n   |   ^\n"), "{text}");
    assert!(text.contains("did you mean `model`?"), "{text}");
    assert!(text.ends_with("good.yaml: ok\n2 errors, 1 warning\n"), "{text}");

    let json =
        aikit(folder.path(), &["spec", "check", "--format", "json", "bad.yaml", "none.yaml"]);
    assert_eq!(json.status.code(), Some(1));
    let report: Value = serde_json::from_str(&out(&json)).expect("json");
    assert_eq!(report["ok"], false);
    let first = &report["files"][0]["diagnostics"][0];
    assert_eq!(
        (&first["code"], &first["path"], &first["line"], &first["column"]),
        (&"AK1002".into(), &"/intelligence/modle".into(), &4.into(), &3.into())
    );
    assert_eq!(report["files"][1]["error"]["code"], "file_not_found");
}

#[test]
fn run_streams_the_answer_to_standard_output_alone() {
    let folder = tempfile::tempdir().expect("tempdir");
    write(folder.path(), "echo.yaml", ECHO);
    let run = aikit(folder.path(), &["run", "echo.yaml", "good morning"]);
    assert_eq!((run.status.code(), out(&run).as_str()), (Some(0), "You said: good morning\n"));
    assert!(err(&run).contains("1 turn, "), "{}", err(&run));
    let quiet = aikit(folder.path(), &["run", "-q", "echo.yaml", "x"]);
    assert_eq!((out(&quiet).as_str(), err(&quiet).as_str()), ("You said: x\n", ""));

    let events = aikit(folder.path(), &["run", "--format", "json", "echo.yaml", "x"]);
    let types: Vec<String> = out(&events)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("json")["type"].to_string())
        .collect();
    assert_eq!(types.first().map(String::as_str), Some("\"run_started\""));
    assert_eq!(types.last().map(String::as_str), Some("\"run_finished\""));

    let mut piped = Command::new(env!("CARGO_BIN_EXE_aikit"))
        .args(["run", "-q", "echo.yaml"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start");
    piped.stdin.take().expect("stdin").write_all(b"from a pipe").expect("write");
    assert_eq!(out(&piped.wait_with_output().expect("end")), "You said: from a pipe\n");
}

#[test]
fn the_handbook_is_answered_with_tools_and_citation() {
    let repository = repository();
    let run = aikit(
        &repository,
        &[
            "run",
            "examples/specs/handbook.yaml",
            "How many days of leave do I have left, and how many may I carry over?",
            "--ingest",
            "handbook=examples/handbook",
            "--tool",
            r#"leave_balance={"days": 12}"#,
        ],
    );
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    assert!(out(&run).contains("12 days of leave left"), "{}", out(&run));
    assert!(err(&run).contains("[1] handbook/leave.md"), "{}", err(&run));
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("tempdir");
    write(folder.path(), "echo.yaml", ECHO);
    write(folder.path(), "tool.yaml", &format!("{ECHO}integration:\n  tools: [nothing_here]\n"));
    for (arguments, expected) in [
        (vec!["run", "none.yaml", "x"], "error[file_not_found]"),
        (vec!["run", ".", "x"], "error[file_unreadable]"),
        (vec!["run", "tool.yaml", "x"], "tool.yaml:6:11: error[AK3002]"),
        (vec!["run", "echo.yaml", "x", "--model", "nobody/x"], "error[model_unknown]"),
        (vec!["run", "echo.yaml", "x", "--tenant", "a b"], "error[tenant_invalid]"),
        (vec!["run", "echo.yaml", "x", "--ingest", "c"], "COLLECTION=PATH"),
        (vec!["run", "echo.yaml", "x", "--ingest", "c=none"], "error[file_not_found]"),
        (vec!["run", "echo.yaml", "x", "--tool", "t={"], "not JSON"),
        (vec!["run", "echo.yaml", "x", "--store", "no/folder/a.db"], "error[store_unavailable]"),
        (vec!["run", "echo.yaml", "x", "--store", "echo.yaml"], "error[store_corrupt]"),
    ] {
        let run = aikit(folder.path(), &arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        assert!(err(&run).contains(expected), "{arguments:?}: {}", err(&run));
    }
}

/// A file system that takes no more: the limit on file sizes makes every write past it fail.
#[cfg(unix)]
#[test]
fn a_full_disk_is_a_typed_error_and_the_store_stays_whole() {
    let folder = tempfile::tempdir().expect("tempdir");
    write(folder.path(), "echo.yaml", ECHO);
    std::fs::create_dir(folder.path().join("small")).expect("folder");
    write(folder.path(), "small/a.txt", "a first small document");
    let first = aikit(
        folder.path(),
        &["run", "-q", "echo.yaml", "x", "--store", "s.db", "--ingest", "c=small"],
    );
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    std::fs::create_dir(folder.path().join("large")).expect("folder");
    for i in 0..4 {
        let text: String = (0..40_000).map(|n| format!("word{}x{n} ", i)).collect();
        write(folder.path(), &format!("large/{i}.txt"), &text);
    }
    let script = format!(
        "trap '' XFSZ; ulimit -f 1024; exec '{}' run -q echo.yaml x --store s.db --ingest c=large",
        env!("CARGO_BIN_EXE_aikit")
    );
    let full = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("bash");
    assert_eq!(full.status.code(), Some(1), "{}", err(&full));
    let said = err(&full);
    assert!(said.contains("error[store_full]") || said.contains("error[store_failed]"), "{said}");
    let after =
        aikit(folder.path(), &["run", "echo.yaml", "x", "--store", "s.db", "--ingest", "c=small"]);
    assert_eq!(after.status.code(), Some(0), "{}", err(&after));
    assert!(err(&after).contains("0 added, 0 updated, 1 unchanged"), "{}", err(&after));
}

/// `aikit run ... | head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let folder = tempfile::tempdir().expect("tempdir");
    let deltas = vec!["word "; 5000].join(", ");
    let spec = format!(
        "identity: {{name: Long}}\nintelligence:\n  model: scripted/x\n  script: [{{deltas: [{deltas}]}}]\n"
    );
    write(folder.path(), "long.yaml", &spec);
    let script = format!(
        "'{}' run --format json long.yaml x | head -n 1; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_aikit")
    );
    let run = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("bash");
    assert_eq!((run.status.code(), err(&run).as_str()), (Some(141), ""));
}

#[test]
fn the_version_is_the_library_s() {
    let version = aikit(Path::new("."), &["version"]);
    assert_eq!(out(&version), format!("aikit {}\n", env!("CARGO_PKG_VERSION")));
}
