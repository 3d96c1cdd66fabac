//! `aikit db`, `tenant`, `config` and `audit` as a user meets them: what they print where, and their
//! exit status.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod audit;
mod config;
mod db;
mod hostile;
mod tenant;
mod transfer;

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
    for name in ["STORE", "TENANT", "ACTOR", "PROFILE"] {
        command.env_remove(format!("AIKIT_{name}"));
    }
    command.env_remove("OPENAI_API_KEY").env_remove("OPENAI_BASE_URL");
    command
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

    fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    /// `aikit` with these words, in an environment with these variables too.
    fn aikit_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Done {
        let output = command(self.path())
            .envs(variables.iter().copied())
            .args(words)
            .output()
            .expect("the command starts");
        Done {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn aikit(&self, words: &[&str]) -> Done {
        self.aikit_with(&[], words)
    }

    /// `aikit` with the words of this line.
    fn line(&self, line: &str) -> Done {
        self.aikit(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// `aikit` with the words of this line; it must succeed. Gives standard output.
    fn ok(&self, line: &str) -> String {
        let done = self.line(line);
        assert_eq!(done.status, 0, "{line}: {done:?}");
        done.out
    }

    /// The same with `--format json`.
    fn json(&self, line: &str) -> Value {
        let out = self.ok(&format!("{line} --format json"));
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"))
    }

    /// `aikit` with the words of this line; it must end with this status and say this on standard
    /// error.
    fn fails(&self, status: i32, line: &str, says: &str) -> Done {
        let done = self.line(line);
        assert_eq!(done.status, status, "{line}: {done:?}");
        assert!(done.err.contains(says), "{line}: {done:?}");
        done
    }

    /// A tenant with a spec, a document and a run, in the default store.
    fn with_tenant(id: &str) -> Self {
        let shop = Self::new();
        shop.write("echo.yaml", ECHO);
        shop.write("leave.md", "# Leave\n\nThirty days.\n");
        shop.ok(&format!("spec save echo.yaml --tenant {id}"));
        shop.ok(&format!("spec promote echo@1.0.0 --tenant {id}"));
        let store = "--store aikit.db --ingest handbook=leave.md";
        assert_eq!(shop.ok(&format!("run echo hello --tenant {id} {store}")), "hello back\n");
        shop
    }
}

const ECHO: &str =
    "agent: echo\nversion: 1.0.0\nmodel: scripted/x\nscript: [{text: '{{input}} back'}]\n";

/// Every command that is tested here, and `tenant` and the others themselves.
const COMMANDS: &[&str] = &[
    "db",
    "db migrate",
    "db status",
    "db grant",
    "db check",
    "db backup",
    "db prune",
    "tenant",
    "tenant create",
    "tenant list",
    "tenant show",
    "tenant configure",
    "tenant rename",
    "tenant move-under",
    "tenant suspend",
    "tenant resume",
    "tenant delete",
    "tenant grant",
    "tenant revoke",
    "tenant grants",
    "tenant usage",
    "tenant export",
    "tenant import",
    "tenant copy",
    "tenant move",
    "config",
    "config show",
    "config check",
    "audit",
    "audit list",
    "audit verify",
    "model",
    "model list",
    "model pull",
    "model add",
    "model show",
    "model remove",
];

#[test]
fn every_help_says_what_the_command_does_and_shows_an_example() {
    let shop = Shop::new();
    for command in COMMANDS {
        let help = shop.ok(&format!("{command} --help"));
        assert!(help.contains(&format!("Usage: aikit {command}")), "{help}");
        let is_group = !command.contains(' ');
        assert!(
            is_group || help.contains(&format!("  aikit {command}")) || help.contains("likewise"),
            "{command} has no example: {help}"
        );
        // Long lines are wrapped by nobody: the examples have to fit.
        let examples = help.split("Example").nth(1).unwrap_or_default();
        for line in examples.lines() {
            assert!(line.chars().count() <= 110, "{command}: {line}");
        }
    }
    let groups = ["db", "tenant", "config", "audit", "model"];
    let listed: usize = groups
        .iter()
        .map(|group| {
            let help = shop.ok(&format!("{group} --help"));
            let words =
                help.lines().filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next());
            words.filter(|w| !w.starts_with('-') && *w != "help").count()
        })
        .sum();
    assert_eq!(listed + groups.len(), COMMANDS.len(), "a command is missing in the list above");
}
