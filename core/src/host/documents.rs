//! Specs as documents, without a kernel: text and JSON in, text and JSON out. Nothing is started.

use std::path::PathBuf;

use serde::Deserialize;

use super::session::{json_text, options};
use crate::error::{Error, Result};
use crate::spec::neighbours;
use crate::spec::{self, Format, Spec};

/// How a spec's text is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ParseOptions {
    /// The folder whose files the text may extend.
    base: Option<PathBuf>,
}

/// In which form findings are told.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FindingFormat {
    #[default]
    Json,
    Lsp,
    Text,
}

/// How a text is diagnosed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DiagnoseOptions {
    base: Option<PathBuf>,
    format: FindingFormat,
    /// What the text is called in the form for terminals.
    file: Option<String>,
}

/// How a neighbour's document is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ImportOptions {
    /// The word of a format; else it is recognised.
    from: Option<String>,
    /// What the text is called.
    file: Option<String>,
}

/// Reads a spec. `parse_options` is JSON: `base`, the folder whose files the text may extend.
///
/// # Errors
/// Those of [`Spec::parse`].
pub fn parse_spec(text: &str, parse_options: &str) -> Result<Spec> {
    match options::<ParseOptions>("parse", parse_options)?.base {
        Some(base) => Spec::parse_in(text, base),
        None => Spec::parse(text),
    }
}

/// Everything that can be said of a text. `diagnose_options` is JSON: `base`; `format`: `json` (the
/// default, an array of diagnostics), `lsp` (an array of the Language Server Protocol's) or `text`
/// (as in a terminal, a JSON text); `file`, the name of the text in that form.
pub fn diagnose(text: &str, diagnose_options: &str) -> Result<String> {
    let given: DiagnoseOptions = options("diagnose", diagnose_options)?;
    let found = match &given.base {
        Some(base) => Spec::diagnose_in(text, base),
        None => Spec::diagnose(text),
    };
    match given.format {
        FindingFormat::Json => json_text(&found),
        FindingFormat::Lsp => json_text(&spec::lsp(text, &found)),
        FindingFormat::Text => {
            let name = given.file.as_deref().unwrap_or("spec");
            json_text(&spec::terminal(name, text, &found))
        }
    }
}

/// Writes a spec out: `yaml`, `json`, `oracle` or `a2a`.
///
/// # Errors
/// Those of [`Spec::render`].
pub fn render_spec(spec: &Spec, format: &str) -> Result<String> {
    spec.render(Format::of(format)?)
}

/// What differs between two specs, as a JSON array.
pub fn diff_specs(before: &Spec, after: &Spec) -> Result<String> {
    json_text(&spec::diff(before, after))
}

/// The text with the value at a JSON pointer set to `value`, which is JSON; comments stay.
///
/// # Errors
/// Those of [`spec::edit`].
pub fn edit_spec(text: &str, pointer: &str, value: &str) -> Result<String> {
    let value = serde_json::from_str(value)
        .map_err(|e| Error::invalid_argument("the value is not JSON").caused_by(e))?;
    spec::edit(text, pointer, &value)
}

/// Reads a neighbour's document. `import_options` is JSON: `from` (a format's word; else it is
/// recognised), `file` (what the text is called). Gives JSON: `format`, `specs: [{name, text}]`,
/// `report: [{kind, path, to, note}]`.
///
/// # Errors
/// Those of [`neighbours::import`].
pub fn import_spec(text: &str, import_options: &str) -> Result<String> {
    let given: ImportOptions = options("import_spec", import_options)?;
    let from = given.from.as_deref().map(str::parse::<neighbours::Format>).transpose()?;
    json_text(&neighbours::import(text, from, given.file.as_deref())?)
}

/// The JSON Schema of specs, as JSON text.
pub fn spec_schema() -> String {
    spec::schema().to_string()
}
