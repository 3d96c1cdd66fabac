//! `aikit spec expand` and `aikit spec diff`.

use std::process::ExitCode;

use aikit::spec::{self, Change};
use clap::ValueEnum;
use serde_json::json;

use super::Sources;
use crate::Format;
use crate::failure::{Failure, Outcome};
use crate::store::StoreArguments;

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec expand helper.yaml")]
pub(crate) struct ExpandArguments {
    /// A spec file (`-`: standard input), or a version: `id@version`, `id` for the active one
    #[arg(value_name = "FILE|REF")]
    spec: String,
    /// How the document is written
    #[arg(long, value_enum, default_value = "yaml")]
    format: DocumentFormat,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DocumentFormat {
    Yaml,
    Json,
}

#[derive(clap::Args)]
#[command(
    after_help = "Exit status: 0 if nothing differs, 1 if something does, 2 in case of trouble.\n\nExample:\n  aikit spec diff handbook@1.0.0 handbook.yaml"
)]
pub(crate) struct DiffArguments {
    /// A spec file, or a version: `id@version`, `id` for the active one
    #[arg(value_name = "A")]
    before: String,
    /// The one to compare with it
    #[arg(value_name = "B")]
    after: String,
    /// How the changes are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArguments,
}

/// As diff(1) has it: 1 says that something differs, so trouble needs another status.
const TROUBLE: u8 = 2;

pub(crate) fn expand(arguments: &ExpandArguments) -> Outcome {
    let spec = crate::block_on(async {
        let mut sources = Sources::new(&arguments.store);
        let spec = sources.spec(&arguments.spec).await?;
        sources.close().await?;
        Ok(spec)
    })?;
    let format = match arguments.format {
        DocumentFormat::Yaml => spec::Format::Yaml,
        DocumentFormat::Json => spec::Format::Json,
    };
    say!("{}", spec.render(format)?);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn diff(arguments: &DiffArguments) -> Outcome {
    let changes = crate::block_on(changes(arguments)).map_err(|e| e.with_status(TROUBLE))?;
    match arguments.format {
        Format::Json => crate::output::json(&json!(changes)),
        Format::Text if changes.is_empty() => say!("no field differs\n"),
        Format::Text => {
            for change in &changes {
                say!("{change}\n");
            }
        }
    }
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn changes(arguments: &DiffArguments) -> Result<Vec<Change>, Failure> {
    let mut sources = Sources::new(&arguments.store);
    let before = sources.spec(&arguments.before).await?;
    let after = sources.spec(&arguments.after).await?;
    sources.close().await?;
    Ok(spec::diff(&before, &after))
}
