//! The agent spec: a document of six layers, read with positions and checked in one pass.
//!
//! Reading starts no thread and touches nothing but the text (or the one file named).

mod check;
mod decode;
mod document;
mod node;

pub(crate) use check::{is_model_name, is_slug};
pub use document::*;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Code, Diagnostic, Error, Result, Severity};
use decode::Decoder;
use node::Node;

/// The most bytes that a spec may have.
pub const SIZE_LIMIT: usize = 2 * 1024 * 1024;

/// A spec that has been read without errors. Cheap to clone, `Send`, `Sync`, immutable.
#[derive(Clone)]
pub struct Spec(Arc<Inner>);

struct Inner {
    document: Document,
    root: Node,
    source: Option<String>,
    warnings: Vec<Diagnostic>,
}

impl Spec {
    /// Reads a spec from YAML or JSON text.
    ///
    /// # Errors
    /// [`Code::SpecInvalid`] with every problem of the text, each with path, line and column;
    /// [`Code::SpecTooLarge`] above [`SIZE_LIMIT`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_named(text, None)
    }

    /// Reads a spec from a file.
    ///
    /// # Errors
    /// As [`Spec::parse`]; [`Code::FileNotFound`], [`Code::FileUnreadable`] for what is not a
    /// readable text file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = read_text(path)?;
        Self::parse_named(&text, Some(&path.display().to_string()))
    }

    fn parse_named(text: &str, source: Option<&str>) -> Result<Self> {
        if text.len() > SIZE_LIMIT {
            return Err(too_large(source));
        }
        let (parsed, diagnostics) = analyse(text);
        match parsed {
            Some((document, root)) if !has_errors(&diagnostics) => Ok(Self(Arc::new(Inner {
                document,
                root,
                source: source.map(str::to_owned),
                warnings: diagnostics,
            }))),
            _ => {
                let error = Error::from_diagnostics(source, diagnostics);
                let too_large = error.diagnostics().iter().any(|d| d.code == "AK1008");
                Err(if too_large { error.with_code(Code::SpecTooLarge) } else { error })
            }
        }
    }

    /// Everything that can be said of a text, errors and warnings, without failing.
    pub fn diagnose(text: &str) -> Vec<Diagnostic> {
        analyse(text).1
    }

    /// The warnings of a spec that was read. Empty when there is nothing to say.
    pub fn check(&self) -> Vec<Diagnostic> {
        self.0.warnings.clone()
    }

    /// The document.
    pub fn document(&self) -> &Document {
        &self.0.document
    }
    /// The agent's id: a slug, unique within its tenant.
    pub fn agent_id(&self) -> &str {
        &self.0.document.identity.agent_id
    }
    /// The agent's name; its id if it has none.
    pub fn name(&self) -> &str {
        &self.0.document.identity.name
    }
    /// The agent's version.
    pub fn version(&self) -> &str {
        &self.0.document.identity.version
    }
    /// `provider/model`.
    pub fn model(&self) -> &str {
        &self.0.document.intelligence.model
    }
    /// The file that it was read from.
    pub fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// The document as JSON, without what is absent or empty.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.0.document).unwrap_or_default()
    }

    /// Adds to `error` where in the text the node at this JSON pointer stands.
    pub(crate) fn locate(&self, error: Error, pointer: &str) -> Error {
        let (line, column) = self.0.root.position(pointer);
        error.at(pointer).on_line(line, column)
    }
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Spec({}@{})", self.agent_id(), self.version())
    }
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

fn analyse(text: &str) -> (Option<(Document, Node)>, Vec<Diagnostic>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut decoder = Decoder::default();
    let Some(root) = node::read(text, &mut decoder) else {
        return (None, decoder.finish());
    };
    let Some(mut document) = decoder.document(&root) else {
        return (None, decoder.finish());
    };
    check::complete(&mut document, &root, &mut decoder);
    (Some((document, root)), decoder.finish())
}

fn too_large(source: Option<&str>) -> Error {
    let error =
        Error::new(Code::SpecTooLarge, format!("a spec has at most {} KiB", SIZE_LIMIT / 1024))
            .hint("keep documents out of the spec: ingest them into a collection");
    match source {
        Some(source) => error.at(source),
        None => error,
    }
}

/// Reads a text file of at most [`SIZE_LIMIT`] bytes; says of anything else what it is.
fn read_text(path: &Path) -> Result<String> {
    let shown = path.display().to_string();
    let unreadable =
        |what: &str| Error::new(Code::FileUnreadable, format!("{shown} {what}")).at(shown.clone());
    let fault = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no file {shown}"))
                .at(shown.clone())
                .hint("check the path; it is relative to the current folder")
        }
        _ => unreadable("cannot be read").caused_by(e),
    };
    let file = File::open(path).map_err(fault)?;
    let kind = file.metadata().map_err(fault)?;
    if kind.is_dir() {
        return Err(unreadable("is a folder, not a spec").hint("name the YAML or JSON file in it"));
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() > SIZE_LIMIT {
        return Err(too_large(Some(&shown)));
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| unreadable("is not a text file in UTF-8"))
}

#[cfg(test)]
mod tests;
