//! `aikit spec explain` and `aikit spec schema`.

use std::process::ExitCode;

use aikit::Error;
use aikit::error::Severity;
use aikit::spec::rules::{Level, Rule, rules};

use crate::failure::Outcome;
use crate::output::table;

/// Where lines of prose are broken.
const WIDTH: usize = 80;

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec explain AK1002")]
pub(crate) struct Arguments {
    /// A code, for instance AK1002; without one, all codes are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn schema() -> Outcome {
    crate::output::json(&aikit::spec::schema());
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn explain(arguments: &Arguments) -> Outcome {
    let Some(code) = &arguments.code else {
        let row = |rule: &Rule| [rule.code, word(rule.severity), rule.title].map(str::to_owned);
        say!("{}", table(&rules().map(row).collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    };
    let rule = rules().find(|rule| rule.code.eq_ignore_ascii_case(code)).ok_or_else(|| {
        let shown: String = crate::output::clean(code).chars().take(64).collect();
        Error::invalid_argument(format!("there is no code {shown:?}"))
            .hint("list them all: aikit spec explain")
    })?;
    say!("{}", text_of(rule));
    Ok(ExitCode::SUCCESS)
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn text_of(rule: &Rule) -> String {
    let Rule { code, title, about, wrong, right, files, .. } = rule;
    let found = match rule.level() {
        Level::Schema | Level::Semantic => "",
        Level::Context => " It depends on where the agent shall run: check with --store.",
    };
    let mut out = format!("{code} ({}): {title}\n\n", word(rule.severity));
    out += &wrapped(&format!("{about}{found}"));
    out += &format!("\nwrong:\n\n{}\ncorrected:\n\n{}", indented(wrong), indented(right));
    for (name, text) in *files {
        out += &format!("\nbeside it, {name}:\n\n{}", indented(text));
    }
    out
}

fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out += word;
        column += width;
    }
    out.push('\n');
    out
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |out, line| {
        let line = format!("    {}", crate::output::clean(line));
        out + line.trim_end() + "\n"
    })
}
