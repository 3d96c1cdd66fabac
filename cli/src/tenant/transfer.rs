//! `aikit tenant copy` and `move`: from one store into another.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::store::{Admin, CopyReport, DeletionOptions, ImportOptions, Location, TenantStatus};
use aikit::{Code, Error};
use serde_json::json;

use super::{Place, tables, tree};
use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::{Failure, Outcome};
use crate::output::clean;
use crate::progress;
use crate::store::{is_missing, location, shown};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant copy acme --to env:AIKIT_ADMIN_URL\n  aikit tenant copy acme --to other.db --as acme-test\n\nBoth sides are counted and hashed, table by table. What is written here meanwhile does not come along."
)]
pub(crate) struct CopyArguments {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant move acme --to env:AIKIT_ADMIN_URL --yes\n  aikit tenant move acme --children --to env:AIKIT_ADMIN_URL --yes\n\nThe tenant is suspended here, copied, compared on both sides, table by table, and deleted here only if\nthey agree; then it can be used there. If anything fails, it is as it was."
)]
pub(crate) struct MoveArguments {
    #[command(flatten)]
    what: What,
    /// With all tenants below it
    #[arg(long, conflicts_with = "as_id")]
    children: bool,
    /// Leave the tenant here as it was
    #[arg(long, conflicts_with_all = ["erase", "yes"])]
    keep: bool,
    /// So that its bytes are not in the files here either
    #[arg(long)]
    erase: bool,
    /// It may be deleted here when both sides agree
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    admin: AdminArguments,
}

/// What goes where.
#[derive(clap::Args)]
struct What {
    /// The tenant
    id: String,
    /// The other store: SQLite file or PostgreSQL URL; env:NAME or file:PATH for a URL that is kept
    /// there, because it holds a password
    #[arg(long, value_name = "STORE")]
    to: PathBuf,
    /// Another id there; its audit log begins anew then
    #[arg(long = "as", value_name = "ID")]
    as_id: Option<String>,
    #[command(flatten)]
    place: Place,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// The two stores of a copy.
struct Sides<'a> {
    here: &'a Admin,
    there: Admin,
    /// How they are called.
    names: [String; 2],
    /// How this side is named in a command that is recommended.
    again: String,
}

pub(crate) fn copy(arguments: &CopyArguments) -> Outcome {
    let what = &arguments.what;
    let (names, reports) = between(&arguments.admin, what, async |sides| {
        Ok(vec![sides.copy(&what.id, what.options()).await?])
    })?;
    report(&names, &reports, what, "copied");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn move_to(arguments: &MoveArguments) -> Outcome {
    let what = &arguments.what;
    if !arguments.keep && !arguments.yes {
        return Err(Failure::usage(
            format!("{} was not moved: it would be deleted here when both sides agree", what.id),
            "say so with --yes, or leave it here as it is with --keep",
        ));
    }
    let (names, reports) =
        between(&arguments.admin, what, async |sides| sides.transfer(arguments).await)?;
    report(&names, &reports, what, if arguments.keep { "copied" } else { "moved" });
    Ok(ExitCode::SUCCESS)
}

impl What {
    fn options(&self) -> ImportOptions {
        ImportOptions {
            as_id: self.as_id.clone(),
            parent: self.place.parent(),
            ..ImportOptions::default()
        }
    }
}

/// Opens both stores, works, and closes them. Gives how they are called, too.
fn between<T>(
    admin: &AdminArguments,
    what: &What,
    work: impl AsyncFnOnce(&Sides<'_>) -> Result<T, Failure>,
) -> Result<([String; 2], T), Failure> {
    let target: Location = location(&what.to)?;
    let names = [admin.location()?.to_string(), target.to_string()];
    let actor = admin.actor(Doing::Changing)?;
    admin.with(Doing::Changing, async |here| {
        // Before anything is made there: a misspelt id is not to leave an empty store behind.
        here.tenant_record(&what.id).await?;
        let missing = is_missing(&target);
        let there = Admin::open(&target, &actor).await.map_err(|error| {
            let message = format!("{target}: {}", error.message());
            let hint = error.hint_text().unwrap_or("look at it: aikit db status").to_owned();
            Error::new(error.code(), message).hint(hint)
        })?;
        if missing {
            tell!("made the store {target}\n");
        }
        let sides = Sides { here, there, names, again: admin.again() };
        let outcome = work(&sides).await;
        let closed = sides.there.close().await;
        let value = outcome?;
        closed?;
        Ok((sides.names, value))
    })
}

impl Sides<'_> {
    /// Copies one tenant. Both sides agree, or nothing of it is there.
    async fn copy(&self, id: &str, options: ImportOptions) -> Result<CopyReport, Failure> {
        let work = self.here.copy_tenant(id, &self.there, options);
        let report = progress::shown(&format!("copying {id}"), work).await?;
        if report.agree {
            return Ok(report);
        }
        tell!("{}", tables::both_sides(&report));
        self.there.delete_tenant(&report.tenant, DeletionOptions::default()).await?;
        let message = format!("the two sides of {id} do not agree; the copy was removed");
        Err(Error::new(Code::StoreFailed, message)
            .hint("try it again; if it stays so, keep both stores and tell us")
            .into())
    }

    async fn transfer(&self, arguments: &MoveArguments) -> Result<Vec<CopyReport>, Failure> {
        let id = &arguments.what.id;
        let tenants = tree(self.here, id).await?;
        let tenants = match arguments.children || arguments.keep {
            false if tenants.len() > 1 => {
                let below = tenants.get(1..).unwrap_or_default().join(", ");
                return Err(Failure::usage(
                    format!("{id} has tenants below it: {below}"),
                    "move them with it: --children",
                ));
            }
            false => tenants,
            true if arguments.children => tenants,
            true => vec![id.clone()],
        };
        let suspended = if arguments.keep { Vec::new() } else { self.suspend(&tenants).await? };
        let reports = match self.copy_all(&tenants, &arguments.what).await {
            Ok(reports) => reports,
            Err(failure) => {
                // As it was: what failed first is what is told.
                for tenant in &suspended {
                    let _ = self.here.resume_tenant(tenant, Some("the move failed")).await;
                }
                return Err(failure);
            }
        };
        if arguments.keep {
            return Ok(reports);
        }
        if let Err(error) = self.hand_over(&tenants, &suspended, &reports, arguments).await {
            let message = format!("{id} was copied, and both sides agree; but {}", error.message());
            let hint = format!(
                "see that it is there and active: aikit tenant show {id} --store {}; then delete it \
                 here: aikit tenant delete {id}{} --yes",
                shown(&arguments.what.to),
                self.again
            );
            return Err(Error::new(error.code(), message).hint(hint).into());
        }
        Ok(reports)
    }

    /// Lets the copies be used and deletes what they were made from.
    async fn hand_over(
        &self,
        tenants: &[String],
        suspended: &[String],
        reports: &[CopyReport],
        arguments: &MoveArguments,
    ) -> Result<(), Error> {
        let why = format!("moved from {}", self.names[0]);
        for (tenant, report) in tenants.iter().zip(reports) {
            if suspended.contains(tenant) {
                self.there.resume_tenant(&report.tenant, Some(&why)).await?;
            }
        }
        let id = &arguments.what.id;
        let options = DeletionOptions { children: arguments.children, erase: arguments.erase };
        let work = self.here.delete_tenant(id, options);
        let deletion = progress::shown(&format!("deleting {id}"), work).await?;
        for remains in &deletion.files {
            tell!("still there: {}: {}\n", clean(&remains.place), clean(&remains.advice));
        }
        Ok(())
    }

    /// Lets nobody write what would not come along; gives those who could be used before.
    async fn suspend(&self, tenants: &[String]) -> Result<Vec<String>, Failure> {
        let mut suspended = Vec::new();
        let why = format!("being moved to {}", self.names[1]);
        for tenant in tenants {
            if self.here.tenant_record(tenant).await?.status == TenantStatus::Active {
                self.here.suspend_tenant(tenant, Some(&why)).await?;
                let again = &self.again;
                tell!(
                    "suspended {tenant}; if this is interrupted: aikit tenant resume {tenant}{again}\n"
                );
                suspended.push(tenant.clone());
            }
        }
        Ok(suspended)
    }

    /// Copies tenants, each after the one above it; all of them or none.
    async fn copy_all(&self, tenants: &[String], what: &What) -> Result<Vec<CopyReport>, Failure> {
        let mut reports: Vec<CopyReport> = Vec::new();
        for (number, tenant) in tenants.iter().enumerate() {
            let first = number == 0;
            let options = if first { what.options() } else { ImportOptions::default() };
            match self.copy(tenant, options).await {
                Ok(report) => reports.push(report),
                Err(failure) => {
                    for report in reports.iter().rev() {
                        let options = DeletionOptions::default();
                        let _ = self.there.delete_tenant(&report.tenant, options).await;
                    }
                    return Err(failure);
                }
            }
        }
        Ok(reports)
    }
}

fn report([here, there]: &[String; 2], reports: &[CopyReport], what: &What, done: &str) {
    if what.format == Format::Json {
        crate::output::json(&json!(reports));
        return;
    }
    for report in reports {
        let id = &report.tenant;
        say!("here: {here}\nthere: {there}\n\n{}", tables::both_sides(report));
        let verdict = match report.altered.is_empty() {
            true => "both sides agree",
            false => "both sides agree but for what was to differ",
        };
        say!("{done} {id}; {verdict}: {}\n", tables::total(&report.target));
        for line in tables::left_out(&report.left_out) {
            tell!("note: {line}\n");
        }
    }
    if let Some(first) = reports.first() {
        let to = shown(&what.to);
        tell!("look at it there: aikit tenant show {} --store {to}\n", first.tenant);
    }
}
