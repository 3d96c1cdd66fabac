//! The page docs/cli.md: every command on it, run in order, prints what the page says.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Shop;

/// A command of the page and what it prints there.
struct Step {
    command: String,
    shown: String,
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    std::fs::read_to_string(path).expect("the page")
}

/// The commands of the `console` blocks: `$ ` begins one, `> ` goes on with it, the rest is printed.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
            (false, ..) => inside = line == "```console",
            (true, ..) if line == "```" => inside = false,
            (true, Some(command), ..) => {
                steps.push(Step { command: command.to_owned(), shown: String::new() });
            }
            (true, _, Some(more), Some(step)) if step.shown.is_empty() => {
                step.command += &format!("\n{more}");
            }
            (true, _, _, Some(step)) => step.shown += &format!("{line}\n"),
            (true, ..) => panic!("a block begins with its output: {line}"),
        }
    }
    steps
}

/// What is another one each time: times and hashes.
fn settled(text: &str) -> String {
    let digits = |c: char| c.is_ascii_digit();
    let mut out = String::new();
    for line in text.trim_end().lines() {
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let hash = word.trim_end_matches(';').strip_prefix("sha256:");
                let time = word.len() == 20 && word.ends_with('Z') && word.starts_with(digits);
                match (hash, time) {
                    (Some(hash), _) if hash.chars().all(|c| c.is_ascii_hexdigit()) => "HASH".into(),
                    (_, true) => "TIME".into(),
                    _ => word.to_owned(),
                }
            })
            .collect();
        out += words.join(" ").trim_end();
        out.push('\n');
    }
    out
}

#[test]
fn every_example_of_the_page_prints_what_the_page_says() {
    let shop = Shop::new();
    let program = Path::new(env!("CARGO_BIN_EXE_aikit"));
    let folder = program.parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let steps = steps(&page());
    assert!(steps.len() > 20, "{} commands", steps.len());
    for Step { command, shown } in steps {
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(shop.path());
        bash.stdin(Stdio::null()).env("PATH", &path).env("USER", "ada");
        for name in
            ["AIKIT_STORE", "AIKIT_TENANT", "AIKIT_ACTOR", "OPENAI_API_KEY", "OPENAI_BASE_URL"]
        {
            bash.env_remove(name);
        }
        let output = bash.output().expect("bash");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(settled(&printed), settled(&shown), "$ {command}");
    }
}

#[test]
fn every_command_is_on_the_page() {
    let page = page();
    let help = Shop::new().ok("--help");
    let commands =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let commands: Vec<&str> = commands
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()) && *word != "help")
        .collect();
    assert_eq!(commands.len(), 17, "{help}");
    for command in commands {
        assert!(page.contains(&format!("\n$ aikit spec {command}")), "{command} has no example");
    }
}
