//! The `aikit` command: run an agent, check a spec.

mod check;
mod run;

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
            println!("aikit {}", aikit::host::version());
            ExitCode::SUCCESS
        }
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
