//! `aikit db status`.

use std::process::ExitCode;

use aikit::store::{self, Location, StoreStatus};
use serde_json::{Value, json};

use super::ADDRESSES;
use crate::Format;
use crate::admin::Target;
use crate::failure::Outcome;
use crate::output::{count, size, table};

#[derive(clap::Args)]
#[command(
    after_help = format!("Examples:\n  aikit db status\n  aikit db status --store env:AIKIT_ADMIN_URL --format json\n\n{ADDRESSES}")
)]
pub(crate) struct Arguments {
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn status(arguments: &Arguments) -> Outcome {
    let location = arguments.target.location()?;
    let status = crate::block_on(async { Ok(store::status(&location).await?) })?;
    let wrong = wrong(&status, &arguments.target.again());
    match arguments.format {
        Format::Json => {
            let mut report = json!(status);
            if let Value::Object(report) = &mut report {
                report.insert("store".into(), location.to_string().into());
                report.insert("ok".into(), wrong.is_empty().into());
            }
            crate::output::json(&report);
        }
        Format::Text => {
            let mut rows = rows(&location, &status);
            for what in &wrong {
                rows.push(["wrong".into(), what.clone()]);
            }
            if wrong.is_empty() {
                rows.push(["state".into(), "ready".into()]);
            }
            say!("{}", table(&rows));
        }
    }
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn rows(location: &Location, status: &StoreStatus) -> Vec<[String; 2]> {
    let mut rows = vec![["store".to_owned(), location.to_string()]];
    let mut row = |name: &str, value: String| rows.push([name.to_owned(), value]);
    match status {
        StoreStatus::Sqlite(status) => {
            row("backend", format!("SQLite {}", status.sqlite));
            row("version", format!("{} of {}", status.schema, status.wanted));
            row("size", size(status.bytes));
        }
        StoreStatus::Postgres(status) => {
            row("backend", format!("PostgreSQL {}", status.server));
            let missing = || "not in this database".to_owned();
            row("pgvector", status.pgvector.clone().unwrap_or_else(missing));
            let found = status.schema.map_or_else(|| "none seen".into(), |v| v.to_string());
            row("version", format!("{found} of {}", status.wanted));
            let is = match status.login.is.is_empty() {
                true => "no role of aikit".to_owned(),
                false => status.login.is.join(", "),
            };
            row("login", format!("{} ({is})", status.login.name));
            for role in &status.roles {
                let members = match (role.exists, role.members.is_empty()) {
                    (false, _) => "not there".to_owned(),
                    (true, true) => "nobody".to_owned(),
                    (true, false) => role.members.join(", "),
                };
                row(&role.role, members);
            }
        }
    }
    rows
}

/// What keeps the store from being used, each with what to do about it.
fn wrong(status: &StoreStatus, again: &str) -> Vec<String> {
    let migrate = format!("aikit db migrate{again}");
    let newer = |found: i64, wanted: i64| {
        format!("a newer aikit made it (version {found}, this one knows {wanted}): upgrade aikit")
    };
    match status {
        StoreStatus::Sqlite(status) if status.schema == 0 && status.bytes == 0 => {
            vec![format!("there is no such store yet: {migrate}")]
        }
        StoreStatus::Sqlite(status) if status.schema > status.wanted => {
            vec![newer(status.schema, status.wanted)]
        }
        StoreStatus::Sqlite(status) if status.schema < status.wanted => {
            let steps = usize::try_from(status.wanted - status.schema).unwrap_or_default();
            vec![format!("{} to make: {migrate}", count(steps, "step"))]
        }
        StoreStatus::Sqlite(_) => Vec::new(),
        StoreStatus::Postgres(status) => {
            let mut wrong = Vec::new();
            match status.schema {
                Some(found) if found > status.wanted => wrong.push(newer(found, status.wanted)),
                _ if status.pending.is_empty() => {}
                None => wrong.push(format!(
                    "the store is not set up, or this login may not see it: {migrate}"
                )),
                Some(_) => wrong.push(format!(
                    "{} to make ({}): {migrate}",
                    count(status.pending.len(), "step"),
                    status.pending.join(", ")
                )),
            }
            wrong.extend(status.faults.iter().cloned());
            wrong
        }
    }
}
