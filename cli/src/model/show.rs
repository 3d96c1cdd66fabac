//! `aikit model show`.

use std::path::Path;
use std::process::ExitCode;

use aikit::model::local::{ModelAbout, ModelEntry, about};
use aikit::{Code, Error};
use serde_json::{Value, json};

use super::{FolderArguments, as_json, model_of};
use crate::Format;
use crate::failure::{Failure, Outcome};
use crate::output::{size, table};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit model show tiny\n  aikit model show ./tiny.gguf\n\nThe file is opened and checked as for use. Its hash is not computed anew."
)]
pub(crate) struct Arguments {
    /// A model of the folder, or a file
    #[arg(value_name = "NAME|FILE")]
    name: String,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    folder: FolderArguments,
}

pub(crate) fn show(arguments: &Arguments) -> Outcome {
    let folder = arguments.folder.open()?;
    let again = arguments.folder.again();
    let name = &arguments.name;
    // What is no name is a file.
    let file = match folder.find(name)? {
        None if Path::new(name).is_file() => Path::new(name).to_owned(),
        _ => folder.resolve(name).map_err(|error| match error.code() {
            Code::ModelUnknown => error.hint(format!("see what is there: aikit model list{again}")),
            _ => error,
        })?,
    };
    let entry = folder.entry(name).ok().flatten();
    let about = about(&file).map_err(|error| gone(error, entry.as_ref(), &again))?;
    match arguments.format {
        Format::Json => {
            let kept = entry.map_or(Value::Null, |entry| as_json(&folder, &entry));
            crate::output::json(&json!({"kept": kept, "about": about}));
        }
        Format::Text => say!("{}", table(&rows(name, &file, entry.as_ref(), &about))),
    }
    Ok(ExitCode::SUCCESS)
}

/// A name whose file somebody removed.
fn gone(error: Error, entry: Option<&ModelEntry>, again: &str) -> Failure {
    match entry {
        Some(entry) if error.code() == Code::FileNotFound => {
            let name = &entry.name;
            let hint =
                format!("get it again under that name, or: aikit model remove {name}{again}");
            error.hint(hint).into()
        }
        _ => error.into(),
    }
}

fn rows(
    name: &str,
    file: &Path,
    entry: Option<&ModelEntry>,
    about: &ModelAbout,
) -> Vec<[String; 2]> {
    let tools = match about.template_tools {
        true => "shown by the chat template",
        false => "shown in the system message",
    };
    let template = if about.chat_template { "in the file" } else { "none: ChatML is used" };
    let given = [
        ("model", Some(model_of(name))),
        ("title", about.title.clone()),
        ("architecture", Some(about.architecture.clone())),
        ("quantisation", Some(about.quantisation.clone())),
        ("parameters", Some(rounded(about.parameters))),
        ("layers", Some(about.layers.to_string())),
        ("context", Some(format!("{} tokens", about.context))),
        ("vocabulary", Some(format!("{} tokens", about.vocabulary))),
        ("chat template", Some(template.to_owned())),
        ("tools", Some(tools.to_owned())),
        ("size", Some(size(about.bytes))),
        ("cache", Some(format!("{} a token", size(about.cache_bytes_per_token)))),
        ("sha256", entry.map(|entry| entry.sha256.clone())),
        ("source", entry.map(|entry| entry.source.clone())),
        ("file", Some(file.display().to_string())),
    ];
    given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).collect()
}

/// As models are named after their size: `135 M`, `1.5 B`.
fn rounded(count: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, " B"), (1_000_000, " M"), (1_000, " K")];
    match STEPS.into_iter().find(|(step, _)| count >= *step) {
        Some((step, unit)) if count / step < 10 => {
            format!("{}.{}{unit}", count / step, count % step * 10 / step)
        }
        Some((step, unit)) => format!("{}{unit}", count / step),
        None => count.to_string(),
    }
}
