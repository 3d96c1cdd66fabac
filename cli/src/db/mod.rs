//! `aikit db`.

mod grant;
mod migrate;
mod status;
mod upkeep;

use clap::Subcommand;

use crate::failure::Outcome;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a store, or bring it up to date
    Migrate(migrate::Arguments),
    /// Show what a store is like; exit status 1 if it cannot be used as it is
    Status(status::Arguments),
    /// Let a login of PostgreSQL use the store, or make one that does
    Grant(grant::Arguments),
    /// Look for damage; exit status 1 if there is some
    Check(upkeep::CheckArguments),
    /// Copy an SQLite store into a new file, while it is in use
    Backup(upkeep::BackupArguments),
    /// Remove old runs, of the tenants whose configuration says how long runs are kept
    Prune(upkeep::PruneArguments),
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Migrate(arguments) => migrate::migrate(&arguments),
        Command::Status(arguments) => status::status(&arguments),
        Command::Grant(arguments) => grant::grant(&arguments),
        Command::Check(arguments) => upkeep::check(&arguments),
        Command::Backup(arguments) => upkeep::backup(&arguments),
        Command::Prune(arguments) => upkeep::prune(&arguments),
    }
}

/// Why an address does not stand on the command line, for the end of a help.
const ADDRESSES: &str = "A PostgreSQL URL holds a password, and other users of the machine can see command lines.\n\
    So keep it in a variable or a file, and name that:\n  \
    --store env:AIKIT_ADMIN_URL\n  --store file:/run/secrets/aikit-admin-url";
