//! Arguments against a tool's JSON Schema (draft 2020-12 unless the schema names another).

use serde_json::Value;

use super::Definition;
use crate::error::{Code, Error, Result};

/// A compiled argument schema. Schemas never fetch anything: remote references are refused.
#[derive(Debug)]
pub(super) struct ArgumentSchema(jsonschema::Validator);

impl ArgumentSchema {
    pub(super) fn compile(definition: &Definition) -> Result<Self> {
        let parameters = &definition.parameters;
        let is_object = parameters.get("type").is_none_or(|kind| kind == "object");
        if !parameters.is_object() || !is_object {
            return Err(Error::invalid_argument(format!(
                "tool {:?}: `parameters` must be the JSON Schema of an object",
                definition.name
            ))
            .hint(
                r#"for instance {"type": "object", "properties": {"city": {"type": "string"}}}"#,
            ));
        }
        jsonschema::validator_for(parameters).map(Self).map_err(|e| {
            Error::invalid_argument(format!(
                "tool {:?}: `parameters` is not a valid JSON Schema: {e}",
                definition.name
            ))
        })
    }

    /// Reports every violation at once, each with its place, in words that a model can act on.
    pub(super) fn check(&self, name: &str, arguments: &Value) -> Result<()> {
        if self.0.is_valid(arguments) {
            return Ok(());
        }
        let problems: Vec<String> = self
            .0
            .iter_errors(arguments)
            .take(10)
            .map(|e| {
                let path = e.instance_path().to_string();
                let place = if path.is_empty() { "arguments".to_owned() } else { path };
                format!("{place}: {e}")
            })
            .collect();
        Err(Error::new(
            Code::ToolInvalidArguments,
            format!("the arguments do not fit the schema of {name:?}: {}", problems.join("; ")),
        ))
    }
}
