//! `aikit config`.

mod check;
mod show;

use clap::Subcommand;

use crate::failure::Outcome;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the settings that hold, and with --why where each comes from
    Show(show::Arguments),
    /// Check a profile or a tenant's configuration; exit status 1 if it has errors
    Check(check::Arguments),
}

pub(crate) fn dispatch(command: Command) -> Outcome {
    match command {
        Command::Show(arguments) => show::show(&arguments),
        Command::Check(arguments) => check::check(&arguments),
    }
}
