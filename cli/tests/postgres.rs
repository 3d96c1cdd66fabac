//! The command on a PostgreSQL server, as an operator sets one up: run it beside one,
//! `tests/postgres/server.py run -- cargo test ...`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const ECHO: &str =
    "agent: echo\nversion: 1.0.0\nmodel: scripted/x\nscript: [{text: '{{input}} back'}]\n";

/// Somebody at a terminal: a folder, the addresses of the store for three logins, and what must not
/// be seen anywhere.
struct Operator {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
    passwords: [String; 2],
}

impl Operator {
    /// The status and what was printed, standard output first.
    fn aikit(&self, line: &str) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aikit"));
        command.current_dir(self.path()).stdin(Stdio::null()).env("USER", "ada");
        for name in ["STORE", "TENANT", "ACTOR", "PROFILE"] {
            command.env_remove(format!("AIKIT_{name}"));
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = command.args(line.split_whitespace()).output().expect("the command starts");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        for password in &self.passwords {
            assert!(!out.contains(password) && !err.contains(password), "{line}: {out}{err}");
        }
        (output.status.code().expect("an exit status"), out, err)
    }

    fn ok(&self, line: &str) -> String {
        let (status, out, err) = self.aikit(line);
        assert_eq!(status, 0, "{line}: {out}{err}");
        out
    }

    fn fails(&self, line: &str, says: &str) {
        let (status, out, err) = self.aikit(line);
        assert!(status == 1 && err.contains(says), "{line}: {status} {out}{err}");
    }

    fn json(&self, line: &str) -> Value {
        let out = self.ok(&format!("{line} --format json"));
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{line}: {e}: {out}"))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The same server and database for another login.
fn as_login(url: &str, login: &str, password: &str) -> String {
    let place = url.rsplit_once('@').map(|(_, place)| place).expect("a login in the URL");
    format!("postgres://{login}:{password}@{place}")
}

#[test]
fn from_an_empty_database_to_a_tenant_that_moved_in_and_back() {
    let root = std::env::var("AIKIT_TEST_POSTGRES").expect(
        "AIKIT_TEST_POSTGRES is not set: run the tests beside a server, \
         tests/postgres/server.py run -- cargo test ...",
    );
    // The server may serve other tests too: names of our own.
    let number = std::process::id();
    let (app, boss) = (format!("cli_app_{number}"), format!("cli_boss_{number}"));
    let passwords = [format!("canary-app-{number}"), format!("canary-boss-{number}")];
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("echo.yaml"), ECHO).expect("write");
    std::fs::write(folder.path().join("leave.md"), "# Leave\n\nThirty days.\n").expect("write");
    let variables = vec![
        ("ROOT_URL", root.clone()),
        ("APP_URL", as_login(&root, &app, &passwords[0])),
        ("BOSS_URL", as_login(&root, &boss, &passwords[1])),
        ("APP_PASSWORD", passwords[0].clone()),
    ];
    std::fs::write(folder.path().join("boss-password"), &passwords[1]).expect("write");
    let operator = Operator { folder, variables, passwords };

    operator.ok("db migrate --store env:ROOT_URL");
    assert!(operator.ok("db migrate --store env:ROOT_URL").contains("is up to date"));
    let made = operator
        .ok(&format!("db grant {app} --create --password-env APP_PASSWORD --store env:ROOT_URL"));
    assert!(made.contains(&format!("made the login {app}\n")), "{made}");
    assert!(made.contains(&format!("{app} has the role aikit_app now\n")), "{made}");
    operator.ok(&format!(
        "db grant {boss} --admin --create --password-file boss-password --store env:ROOT_URL"
    ));
    let status = operator.json("db status --store env:BOSS_URL");
    assert_eq!((&status["ok"], &status["backend"]), (&true.into(), &"postgres".into()));
    assert_eq!(status["login"]["is"], serde_json::json!(["admin"]));
    assert!(operator.ok("db check --store env:BOSS_URL").ends_with(": sound\n"));

    // Who may do what.
    let tenant = format!("acme-{number}");
    operator.fails(&format!("tenant create {tenant} --store env:APP_URL"), "--admin --store URL");
    operator.fails(
        &format!("spec save echo.yaml --tenant {tenant} --store env:APP_URL"),
        "error[tenant_not_found]",
    );
    operator.fails(
        &format!("run echo.yaml hi --tenant {tenant} --store env:ROOT_URL"),
        "use a login of its own: aikit db grant LOGIN --create",
    );
    operator.fails("db backup x.db --store env:BOSS_URL", "pg_dump");
    operator.ok(&format!("tenant create {tenant}-b --store env:BOSS_URL"));
    operator.ok(&format!("spec save echo.yaml --tenant {tenant}-b --store env:APP_URL"));
    operator.ok(&format!("spec promote echo@1.0.0 --tenant {tenant}-b --store env:APP_URL"));
    let run = format!("run -q echo hi --tenant {tenant}-b --store env:APP_URL");
    assert_eq!(operator.ok(&run), "hi back\n");
    assert_eq!(
        operator.json(&format!("config show --tenant {tenant}-b --store env:APP_URL"))["tenant"],
        format!("{tenant}-b")
    );

    // From the laptop's file to the server and back.
    operator.ok(&format!("spec save echo.yaml --tenant {tenant} --store laptop.db"));
    operator.ok(&format!("spec promote echo@1.0.0 --tenant {tenant} --store laptop.db"));
    let run =
        format!("run -q echo hi --tenant {tenant} --ingest handbook=leave.md --store laptop.db");
    assert_eq!(operator.ok(&run), "hi back\n");
    let there =
        operator.json(&format!("tenant move {tenant} --to env:BOSS_URL --store laptop.db --yes"));
    assert_eq!(there[0]["agree"], true);
    assert_eq!(there[0]["source"], there[0]["target"]);
    assert_eq!(there[0]["target"]["documents"]["rows"], 1);
    operator.fails(&format!("tenant show {tenant} --store laptop.db"), "error[tenant_not_found]");
    let run = format!("run -q echo again --tenant {tenant} --store env:APP_URL");
    assert_eq!(operator.ok(&run), "again back\n");
    let (status, out, err) =
        operator.aikit(&format!("tenant move {tenant} --to back.db --store env:BOSS_URL --yes"));
    assert_eq!(status, 0, "{out}{err}");
    assert_eq!(out.lines().filter(|line| line.ends_with("  equal")).count(), 13, "{out}");
    assert!(out.contains("both sides agree: 14 tables"), "{out}");
    let run = format!("run -q echo home --tenant {tenant} --store back.db");
    assert_eq!(operator.ok(&run), "home back\n");
    operator.ok("audit verify --store env:BOSS_URL --tenant @store");

    operator.ok(&format!("tenant delete {tenant}-b --store env:BOSS_URL --yes"));
    let revoked = operator.ok(&format!("db grant {app} --revoke --store env:ROOT_URL"));
    assert!(revoked.contains("does not have the role aikit_app any more"), "{revoked}");
    operator.fails(
        &format!("run echo.yaml hi --store env:APP_URL --tenant {tenant}"),
        "aikit db grant",
    );
}
