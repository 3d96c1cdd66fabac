//! `aikit spec promote`, `deprecate`, `retire` and `delete`: the steps of a version's life.

use std::process::ExitCode;

use aikit::kernel::{ChangeOptions, DeprecateOptions, Specs};
use aikit::{Code, Result};

use crate::failure::Outcome;
use crate::store::{Access, ByWhy, StoreArguments};

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit spec promote handbook@1.0.0 --why 'reviewed by support'\n  (likewise retire and delete)"
)]
pub(crate) struct ChangeArguments {
    /// The version: `id@version`
    #[arg(value_name = "REF")]
    reference: String,
    #[command(flatten)]
    by_why: ByWhy,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit spec deprecate handbook@1.0.0 --sunset 2027-01-31 --successor 2.0.0"
)]
pub(crate) struct DeprecateArguments {
    /// The version: `id@version`
    #[arg(value_name = "REF")]
    reference: String,
    /// When it is to be retired: a date, or an RFC 3339 time
    #[arg(long, value_name = "DATE")]
    sunset: Option<String>,
    /// What to use instead: a version of the agent, or `id@version` of another
    #[arg(long, value_name = "VERSION")]
    successor: Option<String>,
    #[command(flatten)]
    by_why: ByWhy,
    #[command(flatten)]
    store: StoreArguments,
}

impl ChangeArguments {
    fn options(&self) -> ChangeOptions {
        ChangeOptions { by: self.by_why.by.clone(), why: self.by_why.why.clone() }
    }
}

pub(crate) fn promote(arguments: &ChangeArguments) -> Outcome {
    let again = arguments.store.again();
    arguments.store.with_specs(Access::Existing, async |specs| {
        let before = active(&specs, &arguments.reference).await?;
        let record = specs.promote(&arguments.reference, arguments.options()).await?;
        let reference = record.reference();
        let replaced = before.map(|b| format!("; {b} is deprecated now")).unwrap_or_default();
        let agent = &record.agent_id;
        say!("promoted {reference}: it is the active version of {agent}{replaced}; run it: aikit run {agent}{again}\n");
        Ok(ExitCode::SUCCESS)
    })
}

/// The active version of the agent that a reference names, if it has one.
async fn active(specs: &Specs, reference: &str) -> Result<Option<String>> {
    let agent = reference.split('@').next().unwrap_or_default();
    match specs.get(agent).await {
        Ok(record) => Ok(Some(record.reference())),
        Err(error) if error.code() == Code::SpecNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn deprecate(arguments: &DeprecateArguments) -> Outcome {
    let again = arguments.store.again();
    let options = DeprecateOptions {
        by: arguments.by_why.by.clone(),
        why: arguments.by_why.why.clone(),
        sunset: arguments.sunset.clone(),
        successor: arguments.successor.clone(),
    };
    arguments.store.with_specs(Access::Existing, async |specs| {
        let record = specs.deprecate(&arguments.reference, options).await?;
        let reference = record.reference();
        let sunset = record.sunset.map(|at| format!(" until {at}")).unwrap_or_default();
        let successor = record.successor.map(|s| format!(", {s} follows")).unwrap_or_default();
        say!("deprecated {reference}{sunset}{successor}; end it: aikit spec retire {reference}{again}\n");
        Ok(ExitCode::SUCCESS)
    })
}

pub(crate) fn retire(arguments: &ChangeArguments) -> Outcome {
    let again = arguments.store.again();
    arguments.store.with_specs(Access::Existing, async |specs| {
        let record = specs.retire(&arguments.reference, arguments.options()).await?;
        let (reference, agent) = (record.reference(), &record.agent_id);
        say!("retired {reference}: it makes no agents any more; see what is left: aikit spec list --agent {agent}{again}\n");
        Ok(ExitCode::SUCCESS)
    })
}

pub(crate) fn delete(arguments: &ChangeArguments) -> Outcome {
    let again = arguments.store.again();
    arguments.store.with_specs(Access::Existing, async |specs| {
        specs.delete(&arguments.reference, arguments.options()).await?;
        let reference = &arguments.reference;
        let agent = reference.split('@').next().unwrap_or_default();
        say!(
            "deleted the draft {reference}; its history stays: aikit spec history {agent}{again}\n"
        );
        Ok(ExitCode::SUCCESS)
    })
}
