//! `aikit db migrate`.

use std::path::Path;
use std::process::ExitCode;

use aikit::store::{self, Location, MigrationReport};
use serde_json::json;

use super::ADDRESSES;
use crate::Format;
use crate::admin::Target;
use crate::failure::Outcome;

#[derive(clap::Args)]
#[command(
    after_help = format!("Examples:\n  aikit db migrate\n  aikit db migrate --store env:AIKIT_ADMIN_URL\n\nAn SQLite file of an earlier version is copied first, to NAME.v<N>.backup beside it.\n\
    PostgreSQL needs a login that may create roles (or a superuser) for the first time, and the\n\
    extension pgvector on the server; nothing runs as that login later.\n\n{ADDRESSES}")
)]
pub(crate) struct Arguments {
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

/// What is made beside roles.
const EXTENSION: &str = "vector";

pub(crate) fn migrate(arguments: &Arguments) -> Outcome {
    let location = arguments.target.location()?;
    let made = crate::store::is_missing(&location);
    let report = crate::block_on(async { Ok(store::migrate(&location).await?) })?;
    let backup = backup_of(&location, &report);
    if arguments.format == Format::Json {
        crate::output::json(&json!({
            "store": location.to_string(),
            "from": report.from,
            "to": report.to,
            "applied": report.applied,
            "created": report.created,
            "backup": backup,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    for created in &report.created {
        let what = if created == EXTENSION { "extension" } else { "role" };
        say!("made the {what} {created}\n");
    }
    if made {
        say!("made the store {location}: version {}\n", report.to);
    }
    if let Some(backup) = &backup {
        say!("copied what was there to {backup}\n");
    }
    match report.applied.is_empty() {
        _ if made => {}
        true => say!("{location} is up to date: version {}\n", report.to),
        false => say!(
            "brought {location} from version {} to {}: {}\n",
            report.from,
            report.to,
            report.applied.join(", ")
        ),
    }
    if matches!(location, Location::Postgres(_)) && !report.created.is_empty() {
        tell!("let an application in: aikit db grant LOGIN --create{}\n", arguments.target.again());
    }
    Ok(ExitCode::SUCCESS)
}

/// The copy of an SQLite file that was migrated.
fn backup_of(location: &Location, report: &MigrationReport) -> Option<String> {
    let path = location.path().filter(|_| report.from > 0 && !report.applied.is_empty())?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{}.backup", report.from));
    Path::new(&name).exists().then(|| Path::new(&name).display().to_string())
}
