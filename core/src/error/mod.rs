//! The one error type of the product and the one table of codes behind it.
//!
//! Every failing call in every language carries an [`Error`]: a stable [`Code`], a message that
//! says what happened, where, and a hint that says what to do.

mod code;
mod diagnostic;

pub use code::Code;
pub use diagnostic::{Diagnostic, Severity};

use std::fmt;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it.
///
/// Boxed inside, so that a `Result<T, Error>` stays one pointer wide on the happy path.
/// `Send`, `Sync` and cheap to move.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: String,
    path: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    hint: Option<String>,
    retryable: bool,
    cause: Option<String>,
    diagnostics: Vec<Diagnostic>,
    answer: Option<ProviderAnswer>,
    unanswered: bool,
}

/// What a provider said with an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderAnswer {
    /// HTTP status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The provider's id of the exchange, for its support.
    pub request_id: Option<String>,
    /// How long it asked to wait.
    pub retry_after: Option<std::time::Duration>,
}

impl Error {
    /// An error with this code and message. Whether it is retryable comes from the code's row.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            path: None,
            line: None,
            column: None,
            hint: None,
            retryable: code.retryable(),
            cause: None,
            diagnostics: Vec::new(),
            answer: None,
            unanswered: false,
        }))
    }

    /// Shorthand for [`Code::InvalidArgument`].
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// The error for a spec with these diagnostics. The first one that is an error gives message
    /// and position; all of them travel along.
    pub fn from_diagnostics(source: Option<&str>, diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        let first = diagnostics
            .iter()
            .find(|d| d.severity == Severity::Error)
            .or_else(|| diagnostics.first());
        let mut error = match first {
            Some(first) => {
                let place = source.map(|s| format!("{s}:")).unwrap_or_default();
                let more = match errors {
                    0 | 1 => String::new(),
                    n => format!(" (and {} more)", n - 1),
                };
                let message =
                    format!("{place}{}:{}: {}{more}", first.line, first.column, first.message);
                let mut error = Self::new(Code::SpecInvalid, message);
                error.0.path = Some(first.path.clone());
                error.0.line = Some(first.line);
                error.0.column = Some(first.column);
                error.0.hint.clone_from(&first.hint);
                error
            }
            None => Self::new(Code::SpecInvalid, "the spec is invalid"),
        };
        error.0.diagnostics = diagnostics;
        error
    }

    /// The same error under another code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.0.code = code;
        self
    }

    /// Adds where it happened: a file, or a JSON pointer into a document.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Adds the place in the document, both from 1.
    #[must_use]
    pub fn on_line(mut self, line: u32, column: u32) -> Self {
        self.0.line = Some(line);
        self.0.column = Some(column);
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what lay beneath, as text.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Adds what the provider said with it.
    #[must_use]
    pub fn answered(mut self, answer: ProviderAnswer) -> Self {
        self.0.answer = Some(answer);
        self
    }

    /// Says that a request was on its way and no answer came: the model may have worked on it.
    #[must_use]
    pub(crate) fn unanswered(mut self) -> Self {
        self.0.unanswered = true;
        self
    }

    /// Whether a request was on its way and no answer came.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.0.unanswered
    }

    /// What the provider said with it, if a provider did.
    pub fn answer(&self) -> Option<&ProviderAnswer> {
        self.0.answer.as_ref()
    }

    /// Overrides whether the same call may succeed later.
    #[must_use]
    pub fn retry(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }
    /// What happened, in a sentence.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// A file path or a JSON pointer.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }
    /// Line in the document, from 1.
    pub fn line(&self) -> Option<u32> {
        self.0.line
    }
    /// Column in the line, from 1, in characters.
    pub fn column(&self) -> Option<u32> {
        self.0.column
    }
    /// What to do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }
    /// What lay beneath, as text.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
    /// All problems of a spec; empty for other errors.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0.diagnostics
    }

    /// The whole error as one JSON object: `code`, `message`, `retryable`, and, where known,
    /// `path`, `line`, `column`, `hint`, `cause`, `diagnostics`.
    pub fn to_json(&self) -> serde_json::Value {
        let inner = &*self.0;
        let mut out = serde_json::json!({
            "code": inner.code.as_str(),
            "message": inner.message,
            "retryable": inner.retryable,
        });
        if let Some(map) = out.as_object_mut() {
            let mut put = |key: &str, value: Option<serde_json::Value>| {
                if let Some(value) = value {
                    map.insert(key.into(), value);
                }
            };
            put("path", inner.path.clone().map(Into::into));
            put("line", inner.line.map(Into::into));
            put("column", inner.column.map(Into::into));
            put("hint", inner.hint.clone().map(Into::into));
            put("cause", inner.cause.clone().map(Into::into));
            if let Some(answer) = &inner.answer {
                put("status", answer.status.map(Into::into));
                put("request_id", answer.request_id.clone().map(Into::into));
                let seconds = answer.retry_after.map(|wait| wait.as_secs_f64());
                put("retry_after", seconds.map(Into::into));
            }
            if !inner.diagnostics.is_empty() {
                put("diagnostics", serde_json::to_value(&inner.diagnostics).ok());
            }
        }
        out
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.0.code, self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if let Some(cause) = &self.0.cause {
            write!(f, "\ncaused by: {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
