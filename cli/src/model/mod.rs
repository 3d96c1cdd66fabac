//! `aikit model`.

mod list;
mod name;
mod remove;
mod show;
mod take;

use std::path::PathBuf;

use aikit::model::local::{ModelEntry, ModelFolder};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::output::quoted;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the models that are there
    List(list::Arguments),
    /// Fetch a model from an address, or copy one from a path
    Pull(take::PullArguments),
    /// Copy a model of this machine into the folder
    Add(take::AddArguments),
    /// Show what a model is like, and whether it can be used
    Show(show::Arguments),
    /// Remove a model
    Remove(remove::Arguments),
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::List(arguments) => list::list(&arguments),
        Command::Pull(arguments) => take::pull(&arguments),
        Command::Add(arguments) => take::add(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Remove(arguments) => remove::remove(&arguments),
    }
}

/// Which folder.
#[derive(clap::Args)]
struct FolderArguments {
    /// Folder of models (else AIKIT_MODELS, else where the system keeps such files)
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
}

impl FolderArguments {
    fn open(&self) -> Result<ModelFolder, Failure> {
        Ok(match &self.folder {
            Some(path) => ModelFolder::at(path),
            None => ModelFolder::usual()?,
        })
    }

    /// The same folder for a command of this group that is recommended.
    fn again(&self) -> String {
        self.word().map_or_else(String::new, |path| format!(" --folder {path}"))
    }

    /// The same folder for a command of another group.
    fn before(&self) -> String {
        self.word().map_or_else(String::new, |path| format!("AIKIT_MODELS={path} "))
    }

    fn word(&self) -> Option<String> {
        self.folder.as_ref().map(|path| quoted(&path.display().to_string()))
    }
}

/// A model for programs.
fn as_json(folder: &ModelFolder, entry: &ModelEntry) -> Value {
    let file = folder.file_of(entry);
    json!({
        "name": entry.name,
        "model": model_of(&entry.name),
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "source": entry.source,
        "file": file.display().to_string(),
        "present": file.is_file(),
    })
}

/// What a spec calls it.
fn model_of(name: &str) -> String {
    format!("local/{name}")
}

/// The beginning of a hash, for tables.
fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}
