//! `aikit config check`.

use std::process::ExitCode;

use aikit::config::Settings;
use aikit::{Code, Error, Result};
use clap::ValueEnum;
use serde_json::json;

use crate::Format;
use crate::failure::{Failure, Outcome};
use crate::{settings, source};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit config check aikit.toml\n  aikit config check acme.toml --as tenant\n\nLines of the file are not shown: a secret could stand in a wrong place."
)]
pub(crate) struct Arguments {
    /// The file: TOML, or JSON if its name ends in .json; `-` reads TOML from standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// What it is to be (else a profile in TOML, a tenant's configuration in JSON)
    #[arg(long = "as", value_enum)]
    kind: Option<Kind>,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Settings for a machine
    Profile,
    /// What an administrator gives a tenant
    Tenant,
}

pub(crate) fn check(arguments: &Arguments) -> Outcome {
    let name = source::name_of(&arguments.file);
    let (is_json, kind) = (settings::is_json(&arguments.file), arguments.kind);
    if is_json && kind == Some(Kind::Profile) {
        return Err(Failure::usage("a profile is TOML", "give its name another ending"));
    }
    let tenants = is_json || kind == Some(Kind::Tenant);
    let found = match tenants {
        true => settings::tenant_config(&arguments.file).map(|_| ()),
        false => profile(&arguments.file, name),
    };
    // What cannot be read is no finding about what stands in it.
    let found = match found {
        Err(error) if error.code() != Code::ConfigInvalid => return Err(error.into()),
        found => found,
    };
    match (arguments.format, &found) {
        (Format::Json, _) => {
            let error = found.as_ref().err().map(Error::to_json);
            crate::output::json(&json!({"file": name, "ok": found.is_ok(), "error": error}));
        }
        (Format::Text, Ok(())) => {
            say!(
                "{name}: ok as a {}\n",
                if tenants { "tenant's configuration" } else { "profile" }
            );
        }
        (Format::Text, Err(error)) => return Err(error.clone().into()),
    }
    Ok(if found.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn profile(file: &str, name: &str) -> Result<()> {
    Settings::from_toml(&source::read_text(file)?, name).map(|_| ())
}
