//! The pages that show the command: every command on them, run in order, prints what they say.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Shop;

#[path = "../model/gguf.rs"]
mod gguf;

/// What a reader of a page does.
enum Step {
    /// Runs a command, which prints what is shown there.
    Run { command: String, shown: String },
    /// Writes a file.
    Write { name: String, text: String },
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    std::fs::read_to_string(path).expect("the page")
}

/// The `console`, `yaml` and `toml` blocks of a page. In the first `$ ` begins a command, `> ` goes on with
/// it, and the rest is printed; the others are files, with their names in a comment on top.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let block = lines.by_ref();
        match line.strip_prefix("```") {
            Some("console") => steps.extend(commands(block.take_while(|line| *line != "```"))),
            Some("yaml" | "toml") => steps.push(file(block.take_while(|line| *line != "```"))),
            Some(_) => assert!(block.any(|line| line == "```"), "a block without an end"),
            None => {}
        }
    }
    steps
}

fn commands<'a>(block: impl Iterator<Item = &'a str>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
            (Some(command), ..) => {
                steps.push(Step::Run { command: command.to_owned(), shown: String::new() });
            }
            (_, Some(more), Some(Step::Run { command, shown })) if shown.is_empty() => {
                *command += &format!("\n{more}");
            }
            (_, _, Some(Step::Run { shown, .. })) => *shown += &format!("{line}\n"),
            _ => panic!("a block begins with its output: {line}"),
        }
    }
    steps
}

fn file<'a>(block: impl Iterator<Item = &'a str>) -> Step {
    let text: String = block.map(|line| format!("{line}\n")).collect();
    let first = text.lines().next().and_then(|line| line.strip_prefix("# "));
    let name = first.expect("a block begins with the name of its file").to_owned();
    Step::Write { name, text }
}

/// Whether a word is a hash, or the beginning of one, as tables show them; a head of a chain ends
/// with one.
fn is_hash(word: &str) -> bool {
    let word = word.rsplit(':').next().unwrap_or(word);
    [12, 64].contains(&word.len()) && word.chars().all(|c| c.is_ascii_hexdigit())
}

/// `YYYY-MM-DD`.
fn is_day(word: &str) -> bool {
    let part =
        |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = word.split('-').collect();
    matches!(parts[..], [y, m, d] if part(y, 4) && part(m, 2) && part(d, 2))
}

/// What is another one each time: times, days and hashes.
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
                    _ if is_hash(word) => "HASH".into(),
                    _ if is_day(word) => "DAY".into(),
                    _ => word.to_owned(),
                }
            })
            .collect();
        out += words.join(" ").trim_end();
        out.push('\n');
    }
    out
}

/// Does what a page says, in an empty folder. Gives how many commands it ran.
fn follow(page: &str) -> usize {
    let shop = Shop::new();
    // What readers bring along: a model.
    std::fs::write(shop.path().join("tiny.gguf"), gguf::model(&[])).expect("write");
    let program = Path::new(env!("CARGO_BIN_EXE_aikit"));
    let folder = program.parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let mut count = 0;
    for step in steps(page) {
        let (command, shown) = match step {
            Step::Run { command, shown } => (command, shown),
            Step::Write { name, text } => {
                let place = shop.path().join(&name);
                std::fs::create_dir_all(place.parent().expect("a folder")).expect("make a folder");
                shop.write(&name, &text);
                // Parts are no specs by themselves; who extends them is checked with them. Settings are
                // checked by the pages.
                if !name.starts_with("parts/") && !name.ends_with(".toml") {
                    assert_eq!(shop.ok(&format!("check {name}")), format!("{name}: ok\n"));
                }
                continue;
            }
        };
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(shop.path());
        bash.stdin(Stdio::null()).env("PATH", &path).env("USER", "ada");
        for name in [
            "AIKIT_STORE",
            "AIKIT_TENANT",
            "AIKIT_ACTOR",
            "AIKIT_PROFILE",
            "AIKIT_MODELS",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
        ] {
            bash.env_remove(name);
        }
        let output = bash.output().expect("bash");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(settled(&printed), settled(&shown), "$ {command}");
        count += 1;
    }
    count
}

#[test]
fn every_example_of_the_reference_prints_what_it_says() {
    let count = follow(&page("cli.md"));
    assert!(count > 20, "{count} commands");
}

#[test]
fn the_guide_goes_from_an_empty_folder_to_a_promoted_agent() {
    let count = follow(&page("specs.md"));
    assert!(count > 20, "{count} commands");
}

#[test]
fn the_guide_of_tenants_goes_from_a_file_to_their_deletion() {
    let count = follow(&page("tenants.md"));
    assert!(count > 25, "{count} commands");
}

#[test]
fn every_command_of_administration_is_on_the_page() {
    let page = page("cli.md");
    let shop = Shop::new();
    for group in ["db", "tenant", "config", "audit", "model"] {
        let help = shop.aikit(&[group, "--help"]).out;
        let words =
            help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
        let commands: Vec<&str> =
            words.filter(|word| !word.starts_with('-') && *word != "help").collect();
        assert!(commands.len() > 1, "{help}");
        for command in commands {
            let shown = [' ', '\n'].map(|end| format!("aikit {group} {command}{end}"));
            assert!(shown.iter().any(|text| page.contains(text)), "{group} {command}");
        }
    }
}

#[test]
fn every_command_is_on_the_page() {
    let page = page("cli.md");
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
