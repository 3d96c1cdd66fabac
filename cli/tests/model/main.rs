//! `aikit model` as a user meets it: what it prints where, its exit status, and what is in the folder
//! afterwards.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod folder;
mod gguf;
mod pull;
mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A folder to work in, with a folder of models inside of it.
struct Desk(tempfile::TempDir);

/// What a command left behind.
#[derive(Debug)]
struct Done {
    status: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The same with a model file `tiny.gguf`.
    fn with_tiny() -> Self {
        let desk = Self::new();
        desk.write("tiny.gguf", &gguf::model(&[]));
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn models(&self) -> PathBuf {
        self.path().join("models")
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).expect("write");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aikit"));
        command.current_dir(self.path()).stdin(Stdio::null()).env("AIKIT_MODELS", self.models());
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    fn aikit(&self, words: &[&str]) -> Done {
        let output = self.command().args(words).output().expect("the command starts");
        Done {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `aikit model` with the words of this line.
    fn line(&self, line: &str) -> Done {
        let words: Vec<&str> = ["model"].into_iter().chain(line.split_whitespace()).collect();
        self.aikit(&words)
    }

    /// The same; it must succeed. Gives standard output.
    fn ok(&self, line: &str) -> String {
        let done = self.line(line);
        assert_eq!(done.status, 0, "{line}: {done:?}");
        done.out
    }

    fn json(&self, line: &str) -> Value {
        let out = self.ok(&format!("{line} --format json"));
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"))
    }

    /// The same; it must end with this status and say this on standard error, and nothing else.
    fn fails(&self, status: i32, line: &str, says: &str) -> Done {
        let done = self.line(line);
        assert_eq!((done.status, done.out.as_str()), (status, ""), "{line}: {done:?}");
        assert!(done.err.contains(says), "{line}: {done:?}");
        done
    }

    /// Names of the models that are there.
    fn names(&self) -> Vec<String> {
        let list = self.json("list");
        let models = list["models"].as_array().expect("a list").iter();
        models.map(|model| model["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Files of models, and what is on its way to become one.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.models().join("files")).into_iter().flatten();
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

/// A hash by somebody else.
fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().expect("sha256sum");
    String::from_utf8_lossy(&output.stdout).split(' ').next().expect("a hash").to_owned()
}
