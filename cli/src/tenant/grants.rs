//! `aikit tenant grant`, `revoke` and `grants`.

use std::process::ExitCode;

use aikit::store::ReadGrant;
use serde_json::json;

use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::output::{seconds, table};

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  aikit tenant grant acme-support acme      acme may read what acme-support has\n  aikit tenant revoke acme-support acme"
)]
pub(crate) struct ChangeArguments {
    /// The tenant whose data it is
    id: String,
    /// The tenant that reads: one that stands above it
    reader: String,
    #[command(flatten)]
    admin: AdminArguments,
}

#[derive(clap::Args)]
#[command(after_help = "Example:\n  aikit tenant grants acme-support")]
pub(crate) struct ListArguments {
    /// The tenant whose data it is
    id: String,
    /// How they are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn grant(arguments: &ChangeArguments) -> Outcome {
    let ChangeArguments { id, reader, .. } = arguments;
    arguments
        .admin
        .with(Doing::Changing, async |admin| Ok(admin.grant_read(id, reader).await?))?;
    say!("{reader} may read what {id} has\n");
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn revoke(arguments: &ChangeArguments) -> Outcome {
    let ChangeArguments { id, reader, .. } = arguments;
    let was = arguments
        .admin
        .with(Doing::Changing, async |admin| Ok(admin.revoke_read(id, reader).await?))?;
    match was {
        true => say!("{reader} may not read what {id} has any more\n"),
        false => say!("nothing to take away: {reader} had no right to read {id}\n"),
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn list(arguments: &ListArguments) -> Outcome {
    let grants = arguments
        .admin
        .with(Doing::Reading, async |admin| Ok(admin.read_grants(&arguments.id).await?))?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(grants));
        return Ok(ExitCode::SUCCESS);
    }
    if grants.is_empty() {
        tell!("nobody but {} reads its data\n", arguments.id);
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["READER", "SINCE", "GRANTED BY"].map(str::to_owned);
    let row = |grant: &ReadGrant| {
        let by = grant.granted_by.clone().unwrap_or_else(|| "-".into());
        [grant.reader.clone(), seconds(&grant.granted_at), by]
    };
    let rows: Vec<_> = std::iter::once(head).chain(grants.iter().map(row)).collect();
    say!("{}", table(&rows));
    Ok(ExitCode::SUCCESS)
}
