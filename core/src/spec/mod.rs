//! The agent spec: a document of six layers, read with positions and checked in one pass.
//!
//! Reading starts no thread and touches nothing but the text (or the one file named).

mod canonical;
mod check;
mod decode;
mod dialect;
mod diff;
mod document;
mod edit;
mod extends;
pub mod neighbours;
mod node;
mod options;
mod pairs;
pub mod preset;
mod render;
pub mod rules;
mod scalar;
mod schema;
mod short;
mod show;
mod template;

pub(crate) use canonical::canonical;
pub(crate) use check::{is_model_name, is_slug, time};
pub(crate) use dialect::{ANTHROPIC, Facts, GEMINI, NameRule, OPENAI, provider, refusals, resolve};
pub use diff::{Change, ChangeKind, diff};
pub use document::*;
pub use edit::edit;
pub(crate) use options::reserved as reserved_options;
pub use schema::{SCHEMA_URL, schema};
pub use show::{lsp, terminal};
pub(crate) use template::{is_template, render as fill};

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::error::{Code, Diagnostic, Error, Result, Severity};
use decode::{Decoder, Moved};
use node::Node;

/// The most bytes that a spec may have.
pub const SIZE_LIMIT: usize = 2 * 1024 * 1024;

/// A spec that has been read without errors. Cheap to clone, `Send`, `Sync`, immutable.
#[derive(Clone)]
pub struct Spec(Arc<Inner>);

struct Inner {
    document: Document,
    root: Node,
    moved: Vec<Moved>,
    /// Names of the texts that `extends` brought in; number 1 stands first.
    sources: Vec<String>,
    source: Option<String>,
    text: String,
    hash: OnceLock<String>,
    warnings: Vec<Diagnostic>,
}

/// In which form a spec is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Canonical YAML: the full document, everything resolved.
    Yaml,
    /// The same as JSON.
    Json,
    /// Oracle Open Agent Spec.
    Oracle,
    /// An agent card of the Agent2Agent protocol.
    A2a,
}

impl Format {
    /// The format of this word: `yaml`, `json`, `oracle`, `a2a`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for any other.
    pub fn of(word: &str) -> Result<Self> {
        match word {
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "oracle" => Ok(Self::Oracle),
            "a2a" => Ok(Self::A2a),
            _ => Err(Error::invalid_argument(format!("there is no format {word:?}"))
                .hint("one of: yaml, json, oracle, a2a")),
        }
    }
}

impl Spec {
    /// Reads a spec from YAML or JSON text, which extends presets at most.
    ///
    /// # Errors
    /// [`Code::SpecInvalid`] with every problem of the text, each with path, line and column;
    /// [`Code::SpecTooLarge`] above [`SIZE_LIMIT`].
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_named(text, None, None)
    }

    /// Reads a spec from text that may extend files of this folder.
    ///
    /// # Errors
    /// As [`Spec::parse`].
    pub fn parse_in(text: &str, folder: impl AsRef<Path>) -> Result<Self> {
        Self::parse_named(text, None, Some(folder.as_ref()))
    }

    /// Reads a spec from a file, which may extend files of its folder.
    ///
    /// # Errors
    /// As [`Spec::parse`]; [`Code::FileNotFound`], [`Code::FileUnreadable`] for what is not a
    /// readable text file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = read_text(path)?;
        Self::parse_named(&text, Some(&path.display().to_string()), Some(folder_of(path)))
    }

    fn parse_named(text: &str, source: Option<&str>, folder: Option<&Path>) -> Result<Self> {
        let Analysis { parsed, diagnostics, moved, sources } = analyse(text, folder);
        match parsed {
            Some((document, root, extended)) if !has_errors(&diagnostics) => {
                // What was brought in from elsewhere may change there: from now on it is ours.
                let text = match extended {
                    true => render::yaml(&json_of(&document)),
                    false => text.to_owned(),
                };
                Ok(Self(Arc::new(Inner {
                    document,
                    root,
                    moved,
                    sources,
                    source: source.map(str::to_owned),
                    text,
                    hash: OnceLock::new(),
                    warnings: diagnostics,
                })))
            }
            _ => {
                let error = Error::from_diagnostics(source, diagnostics);
                let too_large = error.diagnostics().iter().any(|d| d.code == "AK1008");
                Err(if too_large { error.with_code(Code::SpecTooLarge) } else { error })
            }
        }
    }

    /// Everything that can be said of a text, without failing: errors, warnings and infos.
    pub fn diagnose(text: &str) -> Vec<Diagnostic> {
        analyse(text, None).diagnostics
    }

    /// As [`Spec::diagnose`], for a text that may extend files of this folder.
    pub fn diagnose_in(text: &str, folder: impl AsRef<Path>) -> Vec<Diagnostic> {
        analyse(text, Some(folder.as_ref())).diagnostics
    }

    /// The warnings and infos of a spec that was read. Empty when there is nothing to say.
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
    /// `provider/model`; empty if the kernel's default is to be asked.
    pub fn model(&self) -> &str {
        &self.0.document.intelligence.model
    }
    /// The file that it was read from.
    pub fn source(&self) -> Option<&str> {
        self.0.source.as_deref()
    }

    /// A text of the spec that needs no other file: as it was written, or rendered if it extends.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// `sha256:` and 64 hexadecimal digits over the canonical form: equal for texts that mean the
    /// same, whatever their layout, order and comments.
    pub fn hash(&self) -> &str {
        self.0.hash.get_or_init(|| canonical::hash(&self.to_json()))
    }

    /// The full document as JSON, in the order of its fields, without what has its default value.
    pub fn to_json(&self) -> serde_json::Value {
        json_of(&self.0.document)
    }

    /// The spec written out. YAML and JSON give the same document when they are read.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when a foreign format cannot tell this spec.
    pub fn render(&self, format: Format) -> Result<String> {
        let pretty = |value: &serde_json::Value| {
            serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|e| {
                Error::invalid_argument("the spec cannot be written as JSON").caused_by(e)
            })
        };
        match format {
            Format::Yaml => Ok(render::yaml(&self.to_json())),
            Format::Json => pretty(&self.to_json()),
            Format::Oracle => pretty(&neighbours::export_oracle(&self.to_json())?.document),
            Format::A2a => pretty(&neighbours::export_a2a(&self.to_json())?.document),
        }
    }

    /// Adds to `error` where in the text the node at this JSON pointer of the full document stands.
    pub(crate) fn locate(&self, error: Error, pointer: &str) -> Error {
        let (path, place) = self.place(pointer);
        match self.file_of(place) {
            // The line is one of that text.
            Some(file) => error.at(format!("{file}: {path}")),
            None => error.at(path).on_line(place.line, place.column),
        }
    }

    /// The text that `extends` brought in, if a place is there.
    fn file_of(&self, place: node::Place) -> Option<String> {
        usize::from(place.source).checked_sub(1).and_then(|i| self.0.sources.get(i)).cloned()
    }

    /// A finding about the node at this JSON pointer of the full document.
    pub(crate) fn finding(
        &self,
        severity: Severity,
        code: &'static str,
        pointer: &str,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let (path, place) = self.place(pointer);
        let node::Place { line, column, end_line, end_column, .. } = place;
        Diagnostic {
            code,
            severity,
            message,
            path,
            line,
            column,
            end_line,
            end_column,
            file: self.file_of(place),
            hint,
        }
    }

    /// Whether the text itself says something at this JSON pointer of the full document, rather than
    /// a default.
    pub(crate) fn says(&self, pointer: &str) -> bool {
        self.0.root.exists(pointer)
    }

    fn place(&self, pointer: &str) -> (String, node::Place) {
        let place = self.0.root.place_of(pointer);
        let written = decode::as_written(&self.0.moved, place.source, pointer);
        (written.unwrap_or_else(|| pointer.to_owned()), place)
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

/// The hash of a document in its JSON form, however its numbers are written.
pub(crate) fn hash_of(document: &serde_json::Value) -> String {
    canonical::hash(document)
}

fn json_of(document: &Document) -> serde_json::Value {
    serde_json::to_value(document).unwrap_or_default()
}

/// The folder that a file's `extends` may name files of.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What came of reading a text.
struct Analysis {
    /// The document, its tree, and whether other texts were brought in.
    parsed: Option<(Document, Node, bool)>,
    diagnostics: Vec<Diagnostic>,
    moved: Vec<Moved>,
    sources: Vec<String>,
}

fn analyse(text: &str, folder: Option<&Path>) -> Analysis {
    let mut decoder = Decoder::default();
    let parsed = read_document(text, folder, &mut decoder);
    let sources = decoder.take_sources();
    let (diagnostics, moved) = decoder.finish();
    Analysis { parsed, diagnostics, moved, sources }
}

fn read_document(
    text: &str,
    folder: Option<&Path>,
    decoder: &mut Decoder,
) -> Option<(Document, Node, bool)> {
    if text.len() > SIZE_LIMIT {
        let message = format!("a spec has at most {} KiB", SIZE_LIMIT / 1024);
        let hint = "keep documents out of the spec: ingest them into a collection";
        decoder.error_at("AK1008", message, node::Place::at(1, 1, 0), Some(hint.into()));
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (root, extended) = extends::load(text, folder, decoder)?;
    let mut document = decoder.document(&root)?;
    check::complete(&mut document, &root, decoder);
    Some((document, root, extended))
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
    // Before it is opened: a pipe without a writer would be waited for without end.
    let kind = std::fs::metadata(path).map_err(fault)?;
    if !kind.is_dir() && !kind.is_file() {
        return Err(unreadable("is not a file").hint("read it first, and parse the text"));
    }
    let file = File::open(path).map_err(fault)?;
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
