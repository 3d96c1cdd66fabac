//! `aikit config show`.

use std::process::ExitCode;

use aikit::Code;
use aikit::config::{Explanation, SecretState};
use aikit::kernel::Kernel;
use aikit::store::{Admin, Location};
use serde_json::{Map, Value, json};

use crate::Format;
use crate::failure::{Failure, Outcome};
use crate::output::table;
use crate::source;
use crate::store::{StoreArguments, is_missing};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit config show\n  aikit config show handbook.yaml --why --profile aikit.toml --tenant acme\n\nLayers, each on top of the one before: defaults, profile, tenant, spec, call. Secrets are shown as\nwhere they are, and whether they are there."
)]
pub(crate) struct Arguments {
    /// A spec whose settings are the next layer: a file, or a version in the repository
    #[arg(value_name = "FILE|REF")]
    spec: Option<String>,
    /// Also where each setting comes from, and what it overruled
    #[arg(long)]
    why: bool,
    /// How the settings are written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn show(arguments: &Arguments) -> Outcome {
    let explanation = crate::block_on(explain(arguments))?;
    match (arguments.format, arguments.why) {
        (Format::Json, true) => crate::output::json(&json!(explanation)),
        (Format::Json, false) => crate::output::json(&effective(&explanation)),
        (Format::Text, true) => say!("{explanation}"),
        (Format::Text, false) => say!("{}", table(&rows(&explanation))),
    }
    Ok(ExitCode::SUCCESS)
}

async fn explain(arguments: &Arguments) -> Result<Explanation, Failure> {
    let kernel = open(arguments).await?;
    let spec = match arguments.spec.as_deref() {
        Some(file) if source::is_file(file) => Some(source::read_spec(file)?),
        Some(reference) => Some(kernel.specs().load(reference).await?),
        None => None,
    };
    let explanation = kernel.explain(spec.as_ref());
    kernel.close().await?;
    Ok(explanation)
}

/// A kernel to look at. Nothing is made: neither a file nor, in one, a tenant.
async fn open(arguments: &Arguments) -> Result<Kernel, Failure> {
    let store = &arguments.store;
    let named = store.named()?;
    let location = match named {
        Some(_) => store.existing()?,
        None => store.location()?,
    };
    let options = store.options(location.clone())?;
    if let Location::File(_) = &location {
        let tenant = match &options.tenant {
            Some(tenant) => tenant.clone(),
            None => store.settings()?.tenant.unwrap_or_else(|| DEFAULT_TENANT.to_owned()),
        };
        if !knows(&location, &tenant).await? {
            match is_missing(&location) {
                true => tell!("there is no store {location} yet: without a tenant's settings\n"),
                false => tell!("{location} has no tenant {tenant} yet: without its settings\n"),
            }
            return Ok(Kernel::open(store.options(Location::Memory)?).await?);
        }
    }
    Ok(Kernel::open(options).await?)
}

/// The tenant of a kernel if nobody says another one.
const DEFAULT_TENANT: &str = "default";

async fn knows(location: &Location, tenant: &str) -> Result<bool, Failure> {
    if is_missing(location) {
        return Ok(false);
    }
    let admin = Admin::open(location, "aikit").await?;
    let found = admin.tenant_record(tenant).await;
    admin.close().await?;
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Code::TenantNotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What holds, by key; what was said and does not hold is left to `--why`.
fn effective(explanation: &Explanation) -> Value {
    let held = explanation.rows.iter().filter(|row| !row.value.is_null());
    Value::Object(held.map(|row| (row.key.clone(), row.value.clone())).collect::<Map<_, _>>())
}

fn rows(explanation: &Explanation) -> Vec<[String; 2]> {
    let held = explanation.rows.iter().filter(|row| !row.value.is_null());
    held.map(|row| {
        let value = match &row.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let state = match row.secret {
            Some(SecretState::Set) => " (set)",
            Some(SecretState::Missing) => " (missing)",
            None => "",
        };
        [row.key.clone(), value + state]
    })
    .collect()
}
