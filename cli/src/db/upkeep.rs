//! `aikit db check`, `backup` and `prune`.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::store;
use serde_json::json;

use crate::Format;
use crate::admin::{AdminArguments, Doing, Target};
use crate::failure::Outcome;
use crate::output::{clean, count, size, table};

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit db check\n\nSQLite: pages, references between tables, the index of words.\nPostgreSQL: whether the isolation of tenants is as it was set up; the server looks after its pages itself."
)]
pub(crate) struct CheckArguments {
    /// How the findings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn check(arguments: &CheckArguments) -> Outcome {
    let location = arguments.target.existing()?;
    let found = crate::block_on(async { Ok(store::check(&location).await?) })?;
    match arguments.format {
        Format::Json => crate::output::json(
            &json!({"store": location.to_string(), "ok": found.is_empty(), "findings": found}),
        ),
        Format::Text if found.is_empty() => say!("{location}: sound\n"),
        Format::Text => {
            for finding in &found {
                say!("{}\n", clean(finding));
            }
            say!("{}\n", count(found.len(), "finding"));
        }
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit db backup backups/2026-03-01.db\n\nThe copy is one state of the store, complete and checked. PostgreSQL has tools of its own: pg_dump,\nbase backups. One tenant of either: aikit tenant export."
)]
pub(crate) struct BackupArguments {
    /// The new file
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn backup(arguments: &BackupArguments) -> Outcome {
    let location = arguments.admin.existing()?;
    arguments.admin.with(Doing::Reading, async |admin| Ok(admin.backup(&arguments.to).await?))?;
    let bytes = arguments.to.metadata().map_or(0, |metadata| metadata.len());
    let (from, to) = (location.to_string(), arguments.to.display().to_string());
    say!("copied {} to {}: {}\n", clean(&from), clean(&to), size(bytes));
    Ok(ExitCode::SUCCESS)
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant configure acme --set retention.runs_days=90\n  aikit db prune\n\nRuns that ended longer ago go, with their events. Without retention.runs_days they are kept for good."
)]
pub(crate) struct PruneArguments {
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn prune(arguments: &PruneArguments) -> Outcome {
    let report = arguments.admin.with(Doing::Changing, async |admin| Ok(admin.prune().await?))?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(report));
        return Ok(ExitCode::SUCCESS);
    }
    if report.is_empty() {
        say!("nothing to remove: no tenant has runs that are older than it keeps them\n");
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["TENANT", "RUNS", "EVENTS"].map(str::to_owned);
    let row = |(tenant, pruned): (&String, &store::Pruned)| {
        [tenant.clone(), pruned.runs.to_string(), pruned.events.to_string()]
    };
    let rows: Vec<_> = std::iter::once(head).chain(report.iter().map(row)).collect();
    say!("{}", table(&rows));
    Ok(ExitCode::SUCCESS)
}
