//! `aikit spec save`.

use std::process::ExitCode;

use aikit::kernel::{SaveOptions, Specs};
use aikit::spec::Spec;
use aikit::store::{SpecRecord, SpecStatus};
use aikit::{Code, Error, Result};

use crate::failure::Outcome;
use crate::source;
use crate::store::{Access, ByWhy, StoreArguments};

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit spec save helper.yaml --why 'answers in two sentences'")]
pub(crate) struct Arguments {
    /// The spec file, YAML or JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Take the place of the draft that is there under this version
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    by_why: ByWhy,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn save(arguments: &Arguments) -> Outcome {
    // Read first: a spec that cannot be kept makes no store.
    let spec = source::read_spec(&arguments.file)?;
    let ByWhy { by, why } = &arguments.by_why;
    arguments.store.with_specs(Access::Create, async |specs| {
        let replaces = match arguments.replace {
            true => draft(&specs, &spec).await?,
            false => None,
        };
        let options = SaveOptions { by: by.clone(), why: why.clone(), replaces: replaces.clone() };
        let record = specs.save(&spec, options).await.map_err(for_command)?;
        say!("{}\n", saved(&record, replaces.as_deref(), &arguments.store));
        Ok(ExitCode::SUCCESS)
    })
}

/// What was saved, and what one does next.
pub(super) fn saved(record: &SpecRecord, replaces: Option<&str>, store: &StoreArguments) -> String {
    let reference = record.reference();
    let replaced = replaces.map(|hash| format!(" in place of {hash}")).unwrap_or_default();
    let again = store.again();
    format!(
        "saved {reference} as a draft{replaced}; make it the active one: \
         aikit spec promote {reference}{again}"
    )
}

/// The hash of the draft that is there under the spec's version, if one is.
async fn draft(specs: &Specs, spec: &Spec) -> Result<Option<String>> {
    let reference = format!("{}@{}", spec.agent_id(), spec.version());
    match specs.get(&reference).await {
        Ok(record) => Ok(Some(record.hash).filter(|_| record.status == SpecStatus::Draft)),
        Err(error) if error.code() == Code::SpecNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error with what one does about it on the command line.
pub(super) fn for_command(error: Error) -> Error {
    let free = error.hint_text().and_then(|hint| hint.strip_prefix("save as "));
    match (error.code(), free.map(str::to_owned)) {
        (Code::SpecConflict, _) => error.hint(
            "`aikit spec save FILE --replace` takes its place; or give the spec another version",
        ),
        (Code::SpecImmutable, Some(free)) => {
            error.hint(format!("save as {free}: set that version in the spec, then save it again"))
        }
        _ => error,
    }
}
