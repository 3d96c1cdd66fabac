//! What the templates of a spec are filled in with: who runs, and what was asked.

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::spec::{Spec, fill, is_template};

/// The names that hold for every run: `tenant_id`, `agent_id`, `version`, and of the environment
/// what the spec allows and what is there.
pub(crate) fn names(spec: &Spec, tenant: &str) -> Value {
    let allowed = &spec.document().governance.security.allowed_env;
    let environment: Map<String, Value> = allowed
        .iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| (name.clone(), value.into())))
        .collect();
    json!({
        "tenant_id": tenant,
        "agent_id": spec.agent_id(),
        "version": spec.version(),
        "env": environment,
    })
}

/// The system prompt of one run. Without templates it is the spec's text, and nothing is looked up.
///
/// # Errors
/// [`crate::Code::InvalidArgument`] for inputs that do not fit `interface.input_schema`, and for
/// names without a value.
pub(super) fn system_prompt(
    spec: &Spec,
    tenant: &str,
    input: &str,
    inputs: Map<String, Value>,
) -> Result<Option<String>> {
    let inputs = fitting(spec, inputs)?;
    let intelligence = &spec.document().intelligence;
    let Some(prompt) = &intelligence.system_prompt else { return Ok(None) };
    if !is_template(prompt) {
        return Ok(Some(prompt.clone()));
    }
    let mut values = names(spec, tenant);
    values["input"] = input.into();
    values["inputs"] = inputs.into();
    let parts = intelligence
        .prompts
        .iter()
        .map(|(name, text)| {
            fill(&format!("prompt {name:?}"), text, &values).map(|text| (name.clone(), text.into()))
        })
        .collect::<Result<Map<String, Value>>>()?;
    values["prompts"] = parts.into();
    fill("system_prompt", prompt, &values).map(Some)
}

/// The inputs with the schema's defaults, checked against it.
fn fitting(spec: &Spec, mut inputs: Map<String, Value>) -> Result<Map<String, Value>> {
    let Some(schema) = &spec.document().interface.input_schema else {
        return match inputs.keys().next() {
            None => Ok(inputs),
            Some(name) => Err(Error::invalid_argument(format!(
                "inputs: {name:?} was given, and this agent's spec declares no inputs"
            ))
            .hint("declare them in `interface.input_schema`")),
        };
    };
    if let Some(Value::Object(properties)) = schema.get("properties") {
        // A schema that says nothing of further names would let a misspelt one pass.
        let open = ["additionalProperties", "patternProperties", "$ref", "allOf", "anyOf", "oneOf"]
            .iter()
            .any(|keyword| schema.get(keyword).is_some());
        if let Some(name) = inputs.keys().find(|name| !open && !properties.contains_key(*name)) {
            let known: Vec<&str> = properties.keys().take(20).map(String::as_str).collect();
            return Err(Error::invalid_argument(format!("inputs: {name:?} is not declared"))
                .hint(format!("`interface.input_schema` declares: {}", known.join(", "))));
        }
        for (name, property) in properties {
            if let Some(default) = property.get("default")
                && !inputs.contains_key(name)
            {
                inputs.insert(name.clone(), default.clone());
            }
        }
    }
    let validator = jsonschema::options().offline().build(schema).map_err(|e| {
        Error::invalid_argument("`interface.input_schema` is no JSON Schema").caused_by(e)
    })?;
    let inputs = Value::Object(inputs);
    let problems: Vec<String> = validator
        .iter_errors(&inputs)
        .take(10)
        .map(|e| {
            let path = e.instance_path().to_string();
            if path.is_empty() { e.to_string() } else { format!("{path}: {e}") }
        })
        .collect();
    match (problems.is_empty(), inputs) {
        (true, Value::Object(inputs)) => Ok(inputs),
        _ => Err(Error::invalid_argument(format!("inputs: {}", problems.join("; ")))
            .hint("see `interface.input_schema` of the agent's spec")),
    }
}
