//! `aikit tenant create`.

use std::process::ExitCode;

use aikit::store::NewTenant;
use serde_json::json;

use super::Kind;
use crate::Format;
use crate::admin::{AdminArguments, Doing};
use crate::failure::Outcome;
use crate::settings;

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit tenant create acme --kind org --name 'Acme Ltd'\n  aikit tenant create acme-support --parent acme --config quotas.toml"
)]
pub(crate) struct Arguments {
    /// Its id: letters, digits, `-`, `_` and `.`, at most 64
    id: String,
    /// The tenant above it
    #[arg(long, value_name = "ID")]
    parent: Option<String>,
    /// What it is
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Its name, for people
    #[arg(long)]
    name: Option<String>,
    /// Its configuration: TOML, or JSON in a file whose name ends in .json; `-` reads TOML from
    /// standard input
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// How the tenant is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    admin: AdminArguments,
}

pub(crate) fn create(arguments: &Arguments) -> Outcome {
    let new = NewTenant {
        parent: arguments.parent.clone(),
        kind: arguments.kind.map(Into::into),
        name: arguments.name.clone(),
        config: arguments.config.as_deref().map(settings::tenant_config).transpose()?,
    };
    let record = arguments
        .admin
        .with(Doing::Making, async |admin| Ok(admin.create_tenant(&arguments.id, new).await?))?;
    match arguments.format {
        Format::Json => crate::output::json(&json!(record)),
        Format::Text => {
            let below = record.parent.map(|parent| format!(" below {parent}")).unwrap_or_default();
            let (id, again) = (record.tenant_id, arguments.admin.again());
            say!("made the tenant {id}{below}; look at it: aikit tenant show {id}{again}\n");
        }
    }
    Ok(ExitCode::SUCCESS)
}
