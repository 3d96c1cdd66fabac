//! Specs.

use aikit::spec::Spec;
use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::failure::{Failure, text, thrown};

/// A spec that was read without errors.
#[napi]
pub struct NativeSpec(pub(crate) Spec);

/// Reads a spec from YAML or JSON text.
#[napi]
pub fn parse_spec(source: Utf16String) -> Result<NativeSpec, Failure> {
    let source = text("the spec", &source)?;
    Spec::parse(&source).map(NativeSpec).map_err(|error| thrown(&error))
}

/// Reads a spec from a file.
#[napi]
pub fn load_spec(path: Utf16String) -> Result<NativeSpec, Failure> {
    let path = text("the path", &path)?;
    Spec::read(&path).map(NativeSpec).map_err(|error| thrown(&error))
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

    /// `provider/model`.
    #[napi(getter)]
    pub fn model(&self) -> &str {
        self.0.model()
    }

    /// The diagnostics as a JSON array.
    #[napi]
    pub fn check(&self) -> String {
        serde_json::json!(self.0.check()).to_string()
    }

    /// The document as JSON.
    #[napi]
    pub fn json(&self) -> String {
        self.0.to_json().to_string()
    }
}
