//! The tools of one agent: what its spec names and its rules allow, and nothing else.

use std::sync::Arc;

use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::model::{ToolCall, ToolSpec};
use crate::spec::Spec;
use crate::tool::{Context, Registry};

/// The tools that an agent may call.
#[derive(Clone, Debug)]
pub struct Toolbox {
    registry: Arc<Registry>,
    specs: Arc<[ToolSpec]>,
}

impl Toolbox {
    /// Looks up the tools that the spec names.
    ///
    /// # Errors
    /// [`Code::ToolUnknown`] and [`Code::ToolDenied`], with the place in the spec.
    pub(crate) fn new(spec: &Spec, registry: Arc<Registry>) -> Result<Self> {
        let document = spec.document();
        let security = &document.governance.security;
        let mut specs: Vec<ToolSpec> = Vec::new();
        for (i, tool) in document.integration.tools.iter().enumerate() {
            let pointer = format!("/integration/tools/{i}");
            if specs.iter().any(|known| known.name == tool.name) {
                continue;
            }
            let denied = if security.denied_tools.contains(&tool.name) {
                Some("governance.security.denied_tools names it")
            } else if security.allowed_tools.as_ref().is_some_and(|a| !a.contains(&tool.name)) {
                Some("governance.security.allowed_tools does not name it")
            } else {
                None
            };
            if let Some(rule) = denied {
                let error = Error::new(
                    Code::ToolDenied,
                    format!("the tool {:?} is denied: {rule}", tool.name),
                );
                return Err(spec.locate(error, &pointer));
            }
            let definition = registry
                .definition(&tool.name)
                .map_err(|e| spec.locate(not_registered(e), &pointer))?;
            specs.push(ToolSpec {
                name: definition.name,
                description: tool.description.clone().unwrap_or(definition.description),
                parameters: tool.parameters.clone().unwrap_or(definition.parameters),
            });
        }
        Ok(Self { registry, specs: specs.into() })
    }

    /// The tools as the model sees them, in the spec's order.
    pub fn specs(&self) -> &Arc<[ToolSpec]> {
        &self.specs
    }

    /// Calls a tool as the model asked for it. Everything that goes wrong is told to the model.
    pub(super) async fn call(&self, call: &ToolCall, context: Context) -> Result<Value> {
        if !self.specs.iter().any(|tool| tool.name == call.name) {
            let names: Vec<&str> = self.specs.iter().map(|tool| tool.name.as_str()).collect();
            let there = match names.as_slice() {
                [] => "there are no tools".to_owned(),
                names => format!("there are: {}", names.join(", ")),
            };
            let (code, why) = match self.registry.definition(&call.name) {
                Ok(_) => (Code::ToolDenied, "this agent's spec does not name it"),
                Err(_) => (Code::ToolUnknown, "no tool of that name is registered"),
            };
            return Err(Error::new(code, format!("no tool {:?} here: {why}; {there}", call.name)));
        }
        self.registry.call(&call.name, parse(call)?, context).await
    }
}

fn not_registered(error: Error) -> Error {
    let hint = format!(
        "register the tool with the kernel before making the agent; {}",
        error.hint_text().unwrap_or_default()
    );
    error.hint(hint)
}

/// Models leave the arguments out when there are none.
fn parse(call: &ToolCall) -> Result<Value> {
    let text = call.arguments.trim();
    if text.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_str(text).map_err(|e| {
        Error::new(
            Code::ToolInvalidArguments,
            format!("the arguments of {:?} are not JSON: {e}", call.name),
        )
    })
}
