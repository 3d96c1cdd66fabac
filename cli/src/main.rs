//! The `aikit` command: run an agent; write, check, convert and keep specs.

/// Writes to standard output. A reader that is gone (`| head`) ends the command quietly.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::write_out(format_args!($($text)*)) };
}

/// Writes to standard error. If nobody reads that, there is nobody to tell.
macro_rules! tell {
    ($($text:tt)*) => { $crate::output::write_error(format_args!($($text)*)) };
}

mod admin;
mod audit;
mod config;
mod db;
mod failure;
#[cfg(feature = "local")]
mod meter;
#[cfg(feature = "local")]
mod model;
mod output;
mod progress;
mod redact;
mod run;
mod settings;
mod source;
mod spec;
mod store;
mod tenant;

use std::process::ExitCode;

use aikit::{Code, Error};
use clap::{Parser, Subcommand, ValueEnum};

use failure::Failure;

/// An agent runtime that lives inside your own program; this command tries specs out, keeps them,
/// and looks after stores and their tenants.
#[derive(Parser)]
#[command(
    name = "aikit",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  aikit spec new helper\n  aikit spec check helper.yaml\n  aikit run helper.yaml 'Good morning'"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run an agent on a question and show its answer as it comes
    Run(run::Arguments),
    /// Write, check, compare, convert and keep specs
    #[command(subcommand)]
    Spec(spec::Command),
    /// Set stores up and look after them
    #[command(subcommand)]
    Db(db::Command),
    /// Make, configure, move and delete tenants
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Show and check settings
    #[command(subcommand)]
    Config(config::Command),
    /// Read and verify the audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// Keep models for use in the process
    #[cfg(feature = "local")]
    #[command(subcommand)]
    Model(model::Command),
    /// Show the version
    Version,
}

/// How results are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

fn main() -> ExitCode {
    redact::know_arguments();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => redact::exit(&error),
    };
    let outcome = match cli.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Spec(command) => spec::dispatch(command),
        Command::Db(command) => db::dispatch(command),
        Command::Tenant(command) => tenant::dispatch(command),
        Command::Config(command) => config::dispatch(command),
        Command::Audit(command) => audit::dispatch(command),
        #[cfg(feature = "local")]
        Command::Model(command) => model::dispatch(command),
        Command::Version => {
            say!("aikit {}\n", aikit::host::version());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(Failure::report)
}

/// Runs asynchronous work to its end, and leaves nothing running behind it.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| {
            Error::new(Code::StoreUnavailable, "no runtime can be started").caused_by(e)
        })?;
    let outcome = runtime.block_on(work);
    aikit::io::shutdown(std::time::Duration::from_secs(2));
    outcome
}
