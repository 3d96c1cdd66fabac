//! `aikit tenant rename`, `move-under`, `suspend` and `resume`.

use std::process::ExitCode;

use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::clean;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant rename acme 'Acme Limited'\n  aikit tenant rename acme --none"
)]
pub(crate) struct RenameArguments {
    /// The tenant
    id: String,
    /// Its new name
    #[arg(required_unless_present = "none", conflicts_with = "none")]
    name: Option<String>,
    /// No name
    #[arg(long)]
    none: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant move-under acme-support acme\n  aikit tenant move-under acme-support --top\n\nRights to read that were granted to tenants which do not stand above any more are taken away."
)]
pub(crate) struct MoveArguments {
    /// The tenant
    id: String,
    /// The tenant above it
    #[arg(required_unless_present = "top", conflicts_with = "top")]
    parent: Option<String>,
    /// No tenant above it
    #[arg(long)]
    top: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit tenant suspend acme --why 'unpaid since May'\n  (likewise resume)"
)]
pub(crate) struct StatusArguments {
    /// The tenant
    id: String,
    /// What for, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn rename(arguments: &RenameArguments) -> Outcome {
    let record = arguments.admin.with(Doing::Changing, async |admin| {
        Ok(admin.rename_tenant(&arguments.id, arguments.name.as_deref()).await?)
    })?;
    match record.name {
        Some(name) => say!("{} is called {:?} now\n", record.tenant_id, clean(&name)),
        None => say!("{} has no name now\n", record.tenant_id),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn move_under(arguments: &MoveArguments) -> Outcome {
    let record = arguments.admin.with(Doing::Changing, async |admin| {
        Ok(admin.move_tenant(&arguments.id, arguments.parent.as_deref()).await?)
    })?;
    match record.parent {
        Some(parent) => say!("{} stands below {parent} now\n", record.tenant_id),
        None => say!("{} stands at the top now\n", record.tenant_id),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn suspend(arguments: &StatusArguments) -> Outcome {
    let (id, why) = (&arguments.id, arguments.why.as_deref());
    arguments
        .admin
        .with(Doing::Changing, async |admin| Ok(admin.suspend_tenant(id, why).await?))?;
    let again = arguments.admin.again();
    say!(
        "suspended {id}: everything is kept, and nothing can be read or changed; let it be used again: aikit tenant resume {id}{again}\n"
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn resume(arguments: &StatusArguments) -> Outcome {
    let (id, why) = (&arguments.id, arguments.why.as_deref());
    arguments
        .admin
        .with(Doing::Changing, async |admin| Ok(admin.resume_tenant(id, why).await?))?;
    say!("resumed {id}\n");
    Ok(ExitCode::SUCCESS)
}
