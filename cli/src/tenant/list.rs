//! `aikit tenant list`.

use std::process::ExitCode;

use aikit::store::{TenantFilter, TenantRecord, TenantStatus};
use clap::ValueEnum;
use serde_json::json;

use super::Kind;
use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::{quoted, seconds, table};

/// Tenants on a page, if nothing else is said.
const PAGE: u32 = 100;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant list\n  aikit tenant list --parent acme --status suspended"
)]
pub(crate) struct Arguments {
    /// Tenants directly below this one
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// Tenants in this state
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Tenants of this kind
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Tenants on a page
    #[arg(long, value_name = "N", default_value_t = PAGE, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on behind this tenant
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    /// How the page is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

/// The state of a tenant.
#[derive(Clone, Copy, ValueEnum)]
enum Status {
    Active,
    Suspended,
}

impl From<Status> for TenantStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
        }
    }
}

pub(crate) fn list(arguments: &Arguments) -> Outcome {
    let filter = TenantFilter {
        parent: arguments.parent.clone(),
        status: arguments.status.map(Into::into),
        kind: arguments.kind.map(Into::into),
    };
    let (tenants, next) = arguments.admin.with(Doing::Reading, async |admin| {
        Ok(admin.tenants(filter, arguments.limit, arguments.after.as_deref()).await?)
    })?;
    match arguments.format {
        Format::Json => crate::output::json(&json!({"tenants": tenants, "next": next})),
        Format::Text => as_text(&tenants, next.as_deref(), arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// The table goes to standard output alone; what to do next is for people.
fn as_text(tenants: &[TenantRecord], next: Option<&str>, arguments: &Arguments) {
    if tenants.is_empty() {
        tell!("no tenant is like that\n");
        return;
    }
    let head = ["TENANT", "STATUS", "KIND", "PARENT", "CREATED", "NAME"].map(str::to_owned);
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let row = |record: &TenantRecord| {
        [
            record.tenant_id.clone(),
            record.status.as_str().to_owned(),
            or_none(record.kind.map(|kind| kind.as_str())),
            or_none(record.parent.as_deref()),
            seconds(&record.created_at),
            record.name.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(tenants.iter().map(row)).collect();
    say!("{}", table(&rows));
    if let Some(next) = next {
        tell!("there are more: {}\n", arguments.next(next));
    }
}

impl Arguments {
    /// The command that shows the next page.
    fn next(&self, after: &str) -> String {
        let options = [
            ("parent", self.parent.clone()),
            ("status", self.status.map(|status| TenantStatus::from(status).as_str().into())),
            ("kind", self.kind.map(|kind| aikit::store::TenantKind::from(kind).as_str().into())),
            ("limit", Some(self.limit.to_string()).filter(|_| self.limit != PAGE)),
            ("after", Some(after.to_owned())),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let words = given.map(|(name, value)| format!(" --{name} {}", quoted(&value)));
        format!("aikit tenant list{}{}", words.collect::<String>(), self.admin.again())
    }
}
