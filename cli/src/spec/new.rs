//! `aikit spec new`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aikit::error::Severity;
use aikit::spec::{OutputParsing, SCHEMA_URL, Spec, preset};
use aikit::{Error, Result};
use clap::builder::PossibleValuesParser;

use crate::failure::Outcome;
use crate::output::{quoted, write_new};

/// The short form, with what most agents need.
const SHORT: &str = include_str!("new/short.yaml");
/// The full form, with every layer.
const FULL: &str = include_str!("new/full.yaml");

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec new helper\n  aikit spec check helper.yaml")]
pub(crate) struct Arguments {
    /// The agent's id, or a name that an id is made from
    #[arg(value_name = "NAME", default_value = "assistant")]
    name: String,
    /// The file, which is not there yet; `-` is standard output (default: the id with .yaml)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Build on a preset
    #[arg(long, value_name = "PRESET", value_parser = PossibleValuesParser::new(preset::names()))]
    preset: Option<String>,
    /// Every layer with its settings, instead of the short form
    #[arg(long)]
    full: bool,
}

pub(crate) fn new(arguments: &Arguments) -> Outcome {
    let name = scalar(&arguments.name);
    let id = Spec::parse(&format!("agent: {name}\nmodel: scripted/new\n"))
        .map_err(|e| no_name(&arguments.name, &e))?
        .agent_id()
        .to_owned();
    let text = text_of(arguments, &name, &id)?;
    let findings = Spec::diagnose(&text);
    if let Some(finding) = findings.iter().find(|f| f.severity != Severity::Info) {
        return Err(Error::invalid_argument(finding.message.clone())
            .hint("give the agent another name")
            .into());
    }
    let out = arguments.out.clone().unwrap_or_else(|| format!("{id}.yaml").into());
    if out == Path::new("-") {
        say!("{text}");
        return Ok(ExitCode::SUCCESS);
    }
    write_new(&out, &text)?;
    let path = out.display().to_string();
    say!("wrote {path}; edit it, then check it: aikit spec check {}\n", quoted(&path));
    Ok(ExitCode::SUCCESS)
}

fn no_name(name: &str, error: &Error) -> Error {
    let shown: String = name.chars().take(64).collect();
    Error::invalid_argument(format!("no id can be made from {shown:?}"))
        .hint("a name has letters or digits in it, for instance `Handbook assistant`")
        .caused_by(error.diagnostics().first().map_or(error.message(), |d| &d.message))
}

fn text_of(arguments: &Arguments, name: &str, id: &str) -> Result<String> {
    let (extends, ground) = match &arguments.preset {
        Some(preset) => {
            let extends = format!("extends: preset:{preset}");
            let ground = Spec::parse(&format!("agent: new\nmodel: scripted/new\n{extends}\n"))?;
            (extends, Some(ground))
        }
        None => ("#extends: preset:precise".to_owned(), None),
    };
    let given = ground.as_ref().map(|spec| &spec.document().intelligence);
    // What the preset tells the agent shall not be covered by a text that means nothing yet.
    let has_prompt = given.is_some_and(|g| g.system_prompt.is_some());
    // An answer in JSON has a shape.
    let has_shape = given.is_some_and(|g| g.cognition.output == OutputParsing::Json);
    let hidden = |hide: bool| if hide { "#" } else { "" };
    let template = if arguments.full { FULL } else { SHORT };
    let filled = template
        .replace("@schema@", SCHEMA_URL)
        .replace("@id@", &scalar(id))
        .replace("@extends@", &extends)
        .replace("@prompt@", hidden(has_prompt))
        .replace("@shape@", hidden(!has_shape));
    // Last: a name may look like one of the marks.
    Ok(filled.replace("@name@", name))
}

/// A text as YAML has it in one line: as it is if it can be nothing but a text, else in quotes.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let word = text.to_ascii_lowercase();
    let other = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_text = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && !other.contains(&word.as_str());
    if is_text { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
