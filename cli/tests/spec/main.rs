//! `aikit spec` as a user meets it: what it prints where, and its exit status.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod check;
mod compare;
mod convert;
mod page;
mod repository;
mod run;
mod write;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A folder to work in, and the command with an environment that is the same everywhere.
struct Shop(tempfile::TempDir);

/// What a command left behind.
#[derive(Debug)]
struct Done {
    status: i32,
    out: String,
    err: String,
}

/// The command, without what the tester's own environment says.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aikit"));
    command.current_dir(folder).stdin(Stdio::null()).env("USER", "ada").env("NO_COLOR", "1");
    for name in [
        "AIKIT_STORE",
        "AIKIT_TENANT",
        "AIKIT_ACTOR",
        "AIKIT_PROFILE",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
    ] {
        command.env_remove(name);
    }
    command
}

fn done(output: &std::process::Output) -> Done {
    Done {
        status: output.status.code().expect("an exit status"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Shop {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("write");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("read")
    }

    fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// `aikit` with these words.
    fn aikit(&self, line: &[&str]) -> Done {
        done(&command(self.path()).args(line).output().expect("the command starts"))
    }

    /// `aikit spec` with the words of this line.
    fn spec(&self, line: &str) -> Done {
        let words: Vec<&str> = ["spec"].into_iter().chain(line.split_whitespace()).collect();
        self.aikit(&words)
    }

    /// `aikit spec` with the words of this line; it must succeed. Gives standard output.
    fn ok(&self, line: &str) -> String {
        let done = self.spec(line);
        assert_eq!(done.status, 0, "{line}: {done:?}");
        done.out
    }

    /// `aikit spec` with the words of this line; it must end with this status, say this on standard
    /// error, and nothing on standard output.
    fn fails(&self, status: i32, line: &str, says: &str) {
        let done = self.spec(line);
        assert_eq!((done.status, done.out.as_str()), (status, ""), "{line}: {done:?}");
        assert!(done.err.contains(says), "{line}: {done:?}");
    }

    /// `aikit spec` with the words of this line and a text on standard input.
    fn piped(&self, line: &str, text: &str) -> Done {
        let mut child = command(self.path())
            .arg("spec")
            .args(line.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        // What is too large is not read to its end.
        let _ = child.stdin.take().expect("stdin").write_all(text.as_bytes());
        done(&child.wait_with_output().expect("an end"))
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A spec that answers without a key.
fn scripted(id: &str, version: &str, more: &str) -> String {
    format!(
        "agent: {id}\nversion: {version}\nmodel: scripted/x\nscript: [{{text: 'I am {version}.'}}]\n{more}"
    )
}
