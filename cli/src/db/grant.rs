//! `aikit db grant`.

use std::path::PathBuf;
use std::process::ExitCode;

use aikit::config::SecretRef;
use aikit::store::{self, Grant, Granted};
use serde_json::json;

use super::ADDRESSES;
use crate::Format;
use crate::admin::Target;
use crate::failure::Outcome;

#[derive(clap::Args)]
#[command(
    after_help = format!("Examples:\n  aikit db grant shop --create --password-env SHOP_PASSWORD --store env:AIKIT_ADMIN_URL\n  aikit db grant ada --admin --store env:AIKIT_ADMIN_URL\n  aikit db grant shop --revoke --store env:AIKIT_ADMIN_URL\n\n{ADDRESSES}")
)]
pub(crate) struct Arguments {
    /// The login: a role of the server that may connect
    login: String,
    /// As an administrator of all tenants, rather than as an application that works for one at a time
    #[arg(long)]
    admin: bool,
    /// Make the login if it is not there
    #[arg(long)]
    create: bool,
    /// Set the login's password to what stands in this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// Set the login's password to what stands in this file
    #[arg(long, value_name = "PATH")]
    password_file: Option<PathBuf>,
    /// Take the role away
    #[arg(long, conflicts_with_all = ["create", "password_env", "password_file"])]
    revoke: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn grant(arguments: &Arguments) -> Outcome {
    let reference = match (&arguments.password_env, &arguments.password_file) {
        (Some(name), _) => Some(SecretRef::Env(name.clone())),
        (None, Some(path)) => Some(SecretRef::File(path.display().to_string())),
        (None, None) => None,
    };
    let grant = Grant {
        login: arguments.login.clone(),
        admin: arguments.admin,
        create: arguments.create,
        password: reference.map(|reference| reference.read()).transpose()?,
        revoke: arguments.revoke,
    };
    let location = arguments.target.location()?;
    let granted = crate::block_on(async { Ok(store::grant(&location, grant).await?) })?;
    match arguments.format {
        Format::Json => crate::output::json(&json!(granted)),
        Format::Text => as_text(&granted, arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn as_text(granted: &Granted, arguments: &Arguments) {
    let Granted { login, role, .. } = granted;
    if granted.created {
        say!("made the login {login}\n");
    }
    if granted.password_set {
        say!("set the password of {login}\n");
    }
    say!(
        "{login} {}\n",
        match (arguments.revoke, granted.changed) {
            (false, true) => format!("has the role {role} now"),
            (false, false) => format!("had the role {role} already"),
            (true, true) => format!("does not have the role {role} any more"),
            (true, false) => format!("did not have the role {role}"),
        }
    );
    if granted.created && !granted.password_set {
        tell!(
            "it has no password; set one: aikit db grant {login} --password-env NAME{}\n",
            arguments.target.again()
        );
    }
}
