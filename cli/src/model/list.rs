//! `aikit model list`.

use std::process::ExitCode;

use aikit::model::local::{ModelEntry, ModelFolder};
use serde_json::{Value, json};

use super::{FolderArguments, as_json, short};
use crate::Format;
use crate::failure::Outcome;
use crate::output::{clean, size, table};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  aikit model list\n  aikit model list --format json")]
pub(crate) struct Arguments {
    /// How the list is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    folder: FolderArguments,
}

pub(crate) fn list(arguments: &Arguments) -> Outcome {
    let folder = arguments.folder.open()?;
    let models = folder.list()?;
    match arguments.format {
        Format::Json => {
            let all: Vec<Value> = models.iter().map(|entry| as_json(&folder, entry)).collect();
            let root = folder.root().display().to_string();
            crate::output::json(&json!({"folder": root, "models": all}));
        }
        Format::Text => as_text(&folder, &models, &arguments.folder.again()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The table goes to standard output alone; what to do next is for people.
fn as_text(folder: &ModelFolder, models: &[ModelEntry], again: &str) {
    if models.is_empty() {
        let root = folder.root().display().to_string();
        tell!("there are no models in {}; get one: aikit model pull URL{again}\n", clean(&root));
        return;
    }
    let head = ["NAME", "SIZE", "SHA256", "SOURCE", "FILE"].map(str::to_owned);
    let row = |entry: &ModelEntry| {
        let file = folder.file_of(entry);
        let file = match file.is_file() {
            true => file.display().to_string(),
            false => "gone".to_owned(),
        };
        let hash = short(&entry.sha256);
        [entry.name.clone(), size(entry.bytes), hash, entry.source.clone(), file]
    };
    let rows: Vec<_> = std::iter::once(head).chain(models.iter().map(row)).collect();
    say!("{}", table(&rows));
    for entry in models.iter().filter(|entry| !folder.file_of(entry).is_file()) {
        let name = &entry.name;
        tell!(
            "the file of {name} is gone; get it again under that name, or: aikit model remove {name}{again}\n"
        );
    }
}
