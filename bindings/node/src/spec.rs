//! Specs as documents, without a kernel.

use aikit::host;
use aikit::spec::Spec;
use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::failure::{Failure, text, thrown};

/// A spec that was read without errors.
#[napi]
pub struct NativeSpec(pub(crate) Spec);

/// Reads a spec from YAML or JSON text.
#[napi]
pub fn parse_spec(source: Utf16String, options: String) -> Result<NativeSpec, Failure> {
    let source = text("the spec", &source)?;
    host::parse_spec(&source, &options).map(NativeSpec).map_err(|error| thrown(&error))
}

/// Reads a spec from a file.
#[napi]
pub fn load_spec(path: Utf16String) -> Result<NativeSpec, Failure> {
    let path = text("the path", &path)?;
    Spec::read(&path).map(NativeSpec).map_err(|error| thrown(&error))
}

/// Everything that can be said of a text, as JSON.
#[napi]
pub fn diagnose(source: Utf16String, options: String) -> Result<String, Failure> {
    let source = text("the spec", &source)?;
    host::diagnose(&source, &options).map_err(|error| thrown(&error))
}

/// The text with the value at a JSON pointer set; `value` is JSON.
#[napi]
pub fn edit_spec(
    source: Utf16String,
    pointer: Utf16String,
    value: String,
) -> Result<String, Failure> {
    let (source, pointer) = (text("the spec", &source)?, text("the pointer", &pointer)?);
    host::edit_spec(&source, &pointer, &value).map_err(|error| thrown(&error))
}

/// Reads a neighbour's document: specs and report, as JSON.
#[napi]
pub fn import_spec(source: Utf16String, options: String) -> Result<String, Failure> {
    let source = text("the text", &source)?;
    host::import_spec(&source, &options).map_err(|error| thrown(&error))
}

/// The JSON Schema of specs, as JSON.
#[napi]
pub fn spec_schema() -> String {
    host::spec_schema()
}

#[napi]
impl NativeSpec {
    /// The agent's id.
    #[napi(getter)]
    pub fn agent_id(&self) -> &str {
        self.0.agent_id()
    }

    /// The agent's name.
    #[napi(getter)]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The agent's version.
    #[napi(getter)]
    pub fn version(&self) -> &str {
        self.0.version()
    }

    /// `provider/model`; empty if the spec names none.
    #[napi(getter)]
    pub fn model(&self) -> &str {
        self.0.model()
    }

    /// The hash of the canonical form.
    #[napi(getter)]
    pub fn hash(&self) -> &str {
        self.0.hash()
    }

    /// A text that needs no other file.
    #[napi(getter)]
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// The diagnostics as a JSON array.
    #[napi]
    pub fn check(&self) -> String {
        serde_json::json!(self.0.check()).to_string()
    }

    /// The spec written out in a format.
    #[napi]
    pub fn render(&self, format: Utf16String) -> Result<String, Failure> {
        let format = text("the format", &format)?;
        host::render_spec(&self.0, &format).map_err(|error| thrown(&error))
    }

    /// What differs in another spec, as a JSON array.
    #[napi]
    pub fn diff(&self, other: &NativeSpec) -> Result<String, Failure> {
        host::diff_specs(&self.0, &other.0).map_err(|error| thrown(&error))
    }

    /// The document as JSON.
    #[napi]
    pub fn json(&self) -> String {
        self.0.to_json().to_string()
    }
}
