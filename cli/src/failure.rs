//! Why a command did not do what it was asked to, and how that is told.

use std::process::ExitCode;

use aikit::Error;
use aikit::error::Severity;

/// What a command ends with.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// The status of a command that failed.
const FAILED: u8 = 1;
/// The status of a command that was called in a wrong way, as for unknown options.
const USAGE: u8 = 2;
/// The status of a command that was cancelled, as shells have it.
pub(crate) const CANCELLED: u8 = 130;

/// An error with the findings behind it and the status that the command ends with.
pub(crate) struct Failure {
    error: Error,
    /// The findings in the form for terminals; empty if there are none.
    findings: String,
    status: u8,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, findings: String::new(), status: FAILED }
    }
}

impl Failure {
    /// Arguments that do not go together.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: USAGE, ..Error::invalid_argument(message).hint(hint).into() }
    }

    /// An error about a text: all its findings are shown, not the first alone.
    pub(crate) fn in_text(error: Error, name: &str, text: &str) -> Self {
        let found = error.diagnostics();
        if found.is_empty() {
            return error.into();
        }
        let findings = aikit::spec::terminal(name, text, found);
        let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
        let error = Error::new(
            error.code(),
            format!("{name} has {}", crate::output::count(errors, "error")),
        );
        Self { error, findings, status: FAILED }
    }

    /// The same failure with another status.
    pub(crate) fn with_status(self, status: u8) -> Self {
        Self { status, ..self }
    }

    /// The same failure with its error told otherwise.
    #[cfg(feature = "local")]
    pub(crate) fn map(self, told: impl FnOnce(Error) -> Error) -> Self {
        Self { error: told(self.error), ..self }
    }

    /// Tells it on standard error, and gives the status.
    pub(crate) fn report(self) -> ExitCode {
        tell!("{}", self.findings);
        complain(&self.error);
        ExitCode::from(self.status)
    }
}

/// A text that cannot steer the terminal; its lines stay.
fn calm(text: &str) -> String {
    let calm = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c };
    text.chars().map(calm).collect()
}

/// Writes an error the way compilers do: what, where, and what to do.
pub(crate) fn complain(error: &Error) {
    // Names of files and ids are in it, which could hold signs that steer the terminal.
    tell!("error[{}]: {}\n", error.code(), calm(error.message()));
    if let (Some(path), Some(line), Some(column)) = (error.path(), error.line(), error.column()) {
        tell!("  at {line}:{column} ({})\n", calm(path));
    }
    if let Some(cause) = error.cause() {
        tell!("  cause: {}\n", calm(cause));
    }
    if let Some(hint) = error.hint_text() {
        tell!("  hint: {}\n", calm(hint));
    }
}
