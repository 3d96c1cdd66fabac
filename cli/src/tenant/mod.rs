//! `aikit tenant`.

mod archive;
mod configure;
mod create;
mod delete;
mod grants;
mod life;
mod list;
mod show;
mod tables;
mod transfer;
mod usage;

use aikit::store::{Admin, ImportParent, TenantFilter, TenantKind};
use clap::{Subcommand, ValueEnum};

use crate::failure::{Failure, Outcome};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a tenant
    Create(create::Arguments),
    /// List tenants
    List(list::Arguments),
    /// Show a tenant: what is known of it, what it uses, and how much it may use
    Show(show::Arguments),
    /// Change a tenant's configuration: quotas, policy, providers, prices, retention
    Configure(configure::Arguments),
    /// Give a tenant another name; its id stays
    Rename(life::RenameArguments),
    /// Put a tenant below another one, or at the top
    MoveUnder(life::MoveArguments),
    /// Let nobody use a tenant until it is resumed; everything is kept
    Suspend(life::StatusArguments),
    /// Let a suspended tenant be used again
    Resume(life::StatusArguments),
    /// Delete a tenant with everything that it has
    Delete(delete::Arguments),
    /// Let a tenant above read a tenant's data
    Grant(grants::ChangeArguments),
    /// Take that right away
    Revoke(grants::ChangeArguments),
    /// List who may read a tenant's data
    Grants(grants::ListArguments),
    /// Show what a tenant has, and what it did on the last days
    Usage(usage::Arguments),
    /// Write a tenant into a file, with everything that it has
    Export(archive::ExportArguments),
    /// Take a tenant in from such a file
    Import(archive::ImportArguments),
    /// Copy a tenant into another store, and compare both sides
    Copy(transfer::CopyArguments),
    /// Move a tenant into another store: copy it, compare both sides, delete it here
    Move(transfer::MoveArguments),
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Create(arguments) => create::create(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Configure(arguments) => configure::configure(&arguments),
        Command::Rename(arguments) => life::rename(&arguments),
        Command::MoveUnder(arguments) => life::move_under(&arguments),
        Command::Suspend(arguments) => life::suspend(&arguments),
        Command::Resume(arguments) => life::resume(&arguments),
        Command::Delete(arguments) => delete::delete(&arguments),
        Command::Grant(arguments) => grants::grant(&arguments),
        Command::Revoke(arguments) => grants::revoke(&arguments),
        Command::Grants(arguments) => grants::list(&arguments),
        Command::Usage(arguments) => usage::usage(&arguments),
        Command::Export(arguments) => archive::export(&arguments),
        Command::Import(arguments) => archive::import(&arguments),
        Command::Copy(arguments) => transfer::copy(&arguments),
        Command::Move(arguments) => transfer::move_to(&arguments),
    }
}

/// What a tenant is in its organisation.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A company or the like
    Org,
    /// A part of it
    Team,
    /// A person: has no tenants below
    User,
}

impl From<Kind> for TenantKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Org => Self::Org,
            Kind::Team => Self::Team,
            Kind::User => Self::User,
        }
    }
}

/// Where a tenant stands in the store that takes it in.
#[derive(clap::Args)]
struct Place {
    /// The tenant above it there (else the one it has now, if that is there)
    #[arg(long, value_name = "ID", conflicts_with = "top")]
    parent: Option<String>,
    /// No tenant above it there
    #[arg(long)]
    top: bool,
}

impl Place {
    fn parent(&self) -> ImportParent {
        match (&self.parent, self.top) {
            (Some(parent), _) => ImportParent::Tenant(parent.clone()),
            (None, true) => ImportParent::None,
            (None, false) => ImportParent::Archived,
        }
    }
}

/// Tenants that are asked for at once.
const PAGE: u32 = 500;

/// A tenant and all below it, each after the one above it.
async fn tree(admin: &Admin, id: &str) -> Result<Vec<String>, Failure> {
    admin.tenant_record(id).await?;
    let mut found = vec![id.to_owned()];
    let mut next = 0;
    while let Some(parent) = found.get(next).cloned() {
        let mut after = None;
        loop {
            let filter = TenantFilter { parent: Some(parent.clone()), ..TenantFilter::default() };
            let (page, more) = admin.tenants(filter, PAGE, after.as_deref()).await?;
            found.extend(page.into_iter().map(|record| record.tenant_id));
            match more {
                Some(more) => after = Some(more),
                None => break,
            }
        }
        next += 1;
    }
    Ok(found)
}
