//! One finding about a spec, at an exact place in its text.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The spec cannot be used.
    Error,
    /// The spec can be used, and something in it is probably not meant.
    Warning,
    /// The spec can be used as it is, and there is something to know about it.
    Info,
}

/// One finding: a stable code, a message, and the place of the exact node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable, for instance `AK1002`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in a sentence.
    pub message: String,
    /// JSON pointer to the node, for instance `/intelligence/temperature`; empty for the document.
    pub path: String,
    /// Line of the node, from 1.
    pub line: u32,
    /// Column of the node, from 1, in characters.
    pub column: u32,
    /// Line of the node's end, from 1.
    pub end_line: u32,
    /// Column of the node's end, exclusive, from 1, in characters.
    pub end_column: u32,
    /// The text that it stands in, if that is not the spec's own but one that it extends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What to write instead, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
