//! `aikit spec set`.

use std::path::Path;
use std::process::ExitCode;

use aikit::spec::{self, Spec};
use aikit::{Error, Result};
use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::output::quoted;
use crate::source;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit spec set helper.yaml /model openai/gpt-4o --in-place\n  aikit spec set helper.yaml /intelligence/temperature 0.2 > warmer.yaml"
)]
pub(crate) struct Arguments {
    /// The spec file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// JSON pointer into the text as it stands: /model in a short form, /intelligence/model in a
    /// full document
    #[arg(value_name = "POINTER")]
    pointer: String,
    /// The value as JSON; what is not JSON is a text
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    value: String,
    /// Write the file anew, instead of showing the text
    #[arg(long)]
    in_place: bool,
}

pub(crate) fn set(arguments: &Arguments) -> Outcome {
    let Arguments { file, pointer, value, in_place } = arguments;
    if *in_place && file == "-" {
        let hint = "without --in-place the text goes to standard output";
        return Err(Failure::usage("standard input has no place to write to", hint));
    }
    let text = source::read_text(file)?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
    let edited = spec::edit(&text, pointer, &value).map_err(|error| {
        // Findings about what would come out have no line in the text as it is.
        let shown = if Spec::diagnose(&text) == error.diagnostics() { &text } else { "" };
        Failure::in_text(error, source::name_of(file), shown)
    })?;
    if *in_place {
        replace(Path::new(file), &edited)?;
        say!("set {pointer} in {file}; check it: aikit spec check {}\n", quoted(file));
    } else {
        say!("{edited}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a text in the place of a file's at once: nobody sees half of it, and a full disk leaves the
/// old one.
fn replace(path: &Path, text: &str) -> Result<()> {
    let fault = |e: std::io::Error| {
        Error::invalid_argument(format!("{} cannot be written", path.display())).caused_by(e)
    };
    // A link stays one: what it leads to is replaced.
    let path = path.canonicalize().map_err(fault)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let permissions = std::fs::metadata(&path).map_err(fault)?.permissions();
    let written = std::fs::write(&beside, text)
        .and_then(|()| std::fs::set_permissions(&beside, permissions))
        .and_then(|()| std::fs::rename(&beside, &path));
    written.map_err(|e| {
        // The first failure is the one to tell.
        let _ = std::fs::remove_file(&beside);
        fault(e)
    })
}
