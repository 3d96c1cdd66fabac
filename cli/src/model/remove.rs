//! `aikit model remove`.

use std::process::ExitCode;

use super::{FolderArguments, as_json};
use crate::Format;
use crate::failure::Outcome;
use crate::output::size;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit model remove tiny\n\nThe file goes when no other name stands for it. Programs that use it now go on."
)]
pub(crate) struct Arguments {
    /// The model
    name: String,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    folder: FolderArguments,
}

pub(crate) fn remove(arguments: &Arguments) -> Outcome {
    let folder = arguments.folder.open()?;
    let again = arguments.folder.again();
    let entry = folder.remove(&arguments.name).map_err(|error| match error.code() {
        aikit::Code::ModelUnknown => {
            error.hint(format!("see what is there: aikit model list{again}"))
        }
        _ => error,
    })?;
    let name = &entry.name;
    match (arguments.format, folder.file_of(&entry).exists()) {
        // `present` says whether another name keeps the file.
        (Format::Json, _) => crate::output::json(&as_json(&folder, &entry)),
        (Format::Text, false) => say!("removed {name}: {}\n", size(entry.bytes)),
        (Format::Text, true) => {
            say!("removed {name}; its file stays, as another name stands for it\n")
        }
    }
    Ok(ExitCode::SUCCESS)
}
