//! The `aikit` command: run an agent, check a spec.

/// Writes to standard output. A reader that is gone (`| head`) ends the command quietly.
macro_rules! say {
    ($($text:tt)*) => { $crate::write_out(format_args!($($text)*)) };
}

mod check;
mod run;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// An agent runtime that lives inside your own program; this command tries specs out.
#[derive(Parser)]
#[command(name = "aikit", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run an agent on a question and show its answer as it comes
    Run(run::Arguments),
    /// Work with specs
    #[command(subcommand)]
    Spec(SpecCommand),
    /// Show the version
    Version,
}

#[derive(Subcommand)]
enum SpecCommand {
    /// Check specs; exit status 1 if one has errors
    Check(check::Arguments),
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
    match Cli::parse().command {
        Command::Run(arguments) => run::run(arguments),
        Command::Spec(SpecCommand::Check(arguments)) => check::check(&arguments),
        Command::Version => {
            say!("aikit {}\n", aikit::host::version());
            ExitCode::SUCCESS
        }
    }
}

/// The status of a command that a broken pipe has ended, as shells have it.
const BROKEN_PIPE: i32 = 141;

fn write_out(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if out.write_fmt(text).and_then(|()| out.flush()).is_err() {
        aikit::io::shutdown(std::time::Duration::from_secs(2));
        std::process::exit(BROKEN_PIPE);
    }
}

/// Writes an error the way compilers do: what, where, and what to do.
fn complain(error: &aikit::Error) {
    eprintln!("error[{}]: {}", error.code(), error.message());
    if let (Some(path), Some(line), Some(column)) = (error.path(), error.line(), error.column()) {
        eprintln!("  at {line}:{column} ({path})");
    }
    if let Some(cause) = error.cause() {
        eprintln!("  cause: {cause}");
    }
    if let Some(hint) = error.hint_text() {
        eprintln!("  hint: {hint}");
    }
}
