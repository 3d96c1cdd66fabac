//! `aikit spec show`.

use std::process::ExitCode;

use aikit::store::{SpecRecord, SpecStatus};
use clap::ValueEnum;
use serde_json::json;

use crate::failure::Outcome;
use crate::output::{clean, seconds, table};
use crate::store::{Access, StoreArguments};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit spec show handbook\n  aikit spec show handbook@1.0.0 --format yaml > handbook.yaml"
)]
pub(crate) struct Arguments {
    /// The version: `id@version`, or `id` for the active one
    #[arg(value_name = "REF")]
    reference: String,
    /// `text`: what is known of it, and its text; `yaml`: its text alone, as it was saved; `json`:
    /// the whole record
    #[arg(long, value_enum, default_value = "text")]
    format: RecordFormat,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RecordFormat {
    Text,
    Yaml,
    Json,
}

pub(crate) fn show(arguments: &Arguments) -> Outcome {
    let record = arguments
        .store
        .with_specs(Access::Existing, async |specs| Ok(specs.get(&arguments.reference).await?))?;
    match arguments.format {
        RecordFormat::Json => crate::output::json(&json!(record)),
        RecordFormat::Yaml => say!("{}", text_of(&record)),
        RecordFormat::Text => {
            let rows = rows(&record, &arguments.store);
            say!("{}\n{}", table(&rows), text_of(&record));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn text_of(record: &SpecRecord) -> String {
    let text = record.text.clone().unwrap_or_default();
    if text.ends_with('\n') { text } else { text + "\n" }
}

fn rows(record: &SpecRecord, store: &StoreArguments) -> Vec<[String; 2]> {
    let at = |time: &str, by: Option<&str>| match by {
        Some(by) => format!("{} by {}", seconds(time), clean(by)),
        None => seconds(time),
    };
    let given = [
        ("version", Some(record.reference())),
        ("status", Some(record.status.as_str().to_owned())),
        ("name", Some(record.name.clone())),
        ("description", record.description.clone()),
        ("tags", Some(record.tags.join(", ")).filter(|tags| !tags.is_empty())),
        ("model", record.model.clone()),
        ("saved", Some(at(&record.created_at, record.created_by.as_deref()))),
        ("updated", Some(seconds(&record.updated_at))),
        ("sunset", record.sunset.clone()),
        ("successor", record.successor.clone()),
        ("hash", Some(record.hash.clone())),
        ("next", next(record).map(|next| next + &store.again())),
    ];
    given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).collect()
}

/// What one does next with a version in this state.
fn next(record: &SpecRecord) -> Option<String> {
    let reference = record.reference();
    match record.status {
        SpecStatus::Draft => {
            Some(format!("make it the active one: aikit spec promote {reference}"))
        }
        SpecStatus::Active => Some(format!("run it: aikit run {reference}")),
        SpecStatus::Deprecated => Some(format!("end it: aikit spec retire {reference}")),
        SpecStatus::Retired => None,
    }
}
