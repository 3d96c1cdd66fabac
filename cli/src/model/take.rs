//! `aikit model pull` and `aikit model add`.

use std::process::ExitCode;

use aikit::model::local::{ModelEntry, ModelFolder, Progress};
use aikit::{Code, Error};
use serde_json::Value;

use super::{FolderArguments, as_json, model_of, name, short};
use crate::Format;
use crate::failure::{CANCELLED, Failure, Outcome};
use crate::meter::{Meter, measured};
use crate::output::size;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit model pull https://example.com/tiny.gguf\n  aikit model pull https://example.com/tiny.gguf --name helper --sha256 b179...\n\nThe hash that whoever offers a model publishes shows that it came whole and unchanged. Logins and\nqueries of addresses are not kept."
)]
pub(crate) struct PullArguments {
    /// `https` or `http` address of a GGUF file, or the path of one
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    taking: Taking,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit model add tiny.gguf --name helper\n\nThe folder gets a copy; the file stays where it is."
)]
pub(crate) struct AddArguments {
    /// A GGUF file
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    taking: Taking,
}

/// How a model is taken in.
#[derive(clap::Args)]
struct Taking {
    /// What it is called, as in `local/NAME` (else as its file)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Refuse a file that has another SHA-256 than this
    #[arg(long, value_name = "HEX", value_parser = hash)]
    sha256: Option<String>,
    /// Replace the model that has the name, if it is another one
    #[arg(long)]
    force: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    folder: FolderArguments,
}

/// Reads a hash as tools print it.
fn hash(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    match digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(digits.to_ascii_lowercase()),
        false => Err("a SHA-256 has 64 hexadecimal digits".to_owned()),
    }
}

pub(crate) fn pull(arguments: &PullArguments) -> Outcome {
    let source = &arguments.source;
    if let Some((scheme, _)) = source.split_once("://")
        && !name::is_address(source)
        && scheme != "file"
    {
        return Err(Failure::usage(
            format!("{scheme} addresses are not known"),
            "pull takes https and http addresses, and paths",
        ));
    }
    take(source, "pulled", &arguments.taking)
}

pub(crate) fn add(arguments: &AddArguments) -> Outcome {
    // The address is not shown again: there may be a secret in it.
    match name::is_address(&arguments.file) {
        true => {
            Err(Failure::usage("this is an address and no file", "fetch it: aikit model pull URL"))
        }
        false => take(&arguments.file, "added", &arguments.taking),
    }
}

fn take(source: &str, done: &str, taking: &Taking) -> Outcome {
    let name = match &taking.name {
        Some(name) => name.clone(),
        None => name::of(source).ok_or_else(|| {
            Failure::usage("no name can be made of the file's", "give it one: --name NAME")
        })?,
    };
    let folder = taking.folder.open()?;
    let before = match taking.force {
        // With what is damaged there, too, force is what it is given for.
        true => folder.entry(&name).or_else(|error| match error.code() {
            Code::FileUnreadable => Ok(None),
            _ => Err(error),
        })?,
        false => folder.entry(&name)?,
    };
    if let (Some(before), Some(wanted)) = (&before, &taking.sha256) {
        if before.sha256 == *wanted && folder.file_of(before).is_file() {
            report(&folder, before, Some(before), done, taking);
            return Ok(ExitCode::SUCCESS);
        }
        if before.sha256 != *wanted && !taking.force {
            return Err(taken(before, taking).into());
        }
    }
    let into = if taking.force { folder.clone() } else { folder.clone().keeping() };
    let entry =
        crate::block_on(bring(&into, &name, source, taking)).map_err(|failure| match &before {
            Some(before) => failure.map(|error| explained(error, before, taking)),
            None => failure,
        })?;
    report(&folder, &entry, before.as_ref(), done, taking);
    Ok(ExitCode::SUCCESS)
}

async fn bring(
    folder: &ModelFolder,
    name: &str,
    source: &str,
    taking: &Taking,
) -> Result<ModelEntry, Failure> {
    let meter = Meter::default();
    let mut said = |at: Progress| meter.set(at.bytes, at.total);
    let work = folder.pull(name, source, taking.sha256.as_deref(), &mut said);
    let what = format!("taking in {name}");
    tokio::select! {
        done = measured(&what, &meter, work) => Ok(done?),
        // Dropped, the work removes what it has.
        _ = tokio::signal::ctrl_c() => {
            let error = Error::new(Code::Cancelled, format!("{name} was given up"));
            Err(Failure::from(error.hint("nothing of it stays")).with_status(CANCELLED))
        }
    }
}

fn taken(before: &ModelEntry, taking: &Taking) -> Error {
    let ModelEntry { name, sha256, source, .. } = before;
    explained(
        Error::invalid_argument(format!(
            "{name} is there already, with another content: SHA-256 {sha256}, from {source}"
        )),
        before,
        taking,
    )
}

/// The error about a name that is taken with what one does about it on the command line.
fn explained(error: Error, before: &ModelEntry, taking: &Taking) -> Error {
    let is_taken = format!("{} is there already", before.name);
    match error.code() == Code::InvalidArgument && error.message().starts_with(&is_taken) {
        true => error.hint(format!(
            "call it something else: --name NAME; or replace it: --force; see what is there: aikit model show {}{}",
            before.name,
            taking.folder.again()
        )),
        false => error,
    }
}

fn report(
    folder: &ModelFolder,
    entry: &ModelEntry,
    before: Option<&ModelEntry>,
    done: &str,
    taking: &Taking,
) {
    let changed = before.is_none_or(|before| before.sha256 != entry.sha256);
    if taking.format == Format::Json {
        let mut report = as_json(folder, entry);
        if let Value::Object(report) = &mut report {
            let replaced = before.filter(|_| changed).map(|before| before.sha256.clone());
            report.insert("changed".into(), changed.into());
            report.insert("replaced".into(), replaced.into());
        }
        crate::output::json(&report);
        return;
    }
    let ModelEntry { name, sha256, bytes, .. } = entry;
    let usage =
        format!("use it: {}aikit run FILE --model {}", taking.folder.before(), model_of(name));
    match before {
        Some(_) if !changed => say!("{name} is there already, with the same content; {usage}\n"),
        _ => {
            let place = before.map(|before| format!(" in place of {}", short(&before.sha256)));
            let place = place.unwrap_or_default();
            say!("{done} {name}{place}: {}, SHA-256 {sha256}; {usage}\n", size(*bytes));
        }
    }
}
