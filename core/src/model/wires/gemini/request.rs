//! The body of a request to `generateContent`. Equal requests give equal bytes.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::conversation::{self, Content, Part};
use super::models;
use crate::model::ChatRequest;
use crate::model::dialect::{Output, Tools};
use crate::spec::ToolChoice;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Instruction<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Declarations<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    generation_config: Map<String, Value>,
}

#[derive(Serialize)]
struct Instruction<'a> {
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declarations<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    description: &'a str,
    /// Left out for a function without parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a Value>,
}

fn generation_config(
    model: &str,
    request: &ChatRequest,
    output: Option<&Output>,
) -> Map<String, Value> {
    let mut config = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(key.into(), value);
        }
    };
    put("temperature", request.temperature.map(Into::into));
    put("topP", request.top_p.map(Into::into));
    put("maxOutputTokens", request.max_tokens.map(Into::into));
    let stop: Vec<&String> = request.stop.iter().filter(|stop| !stop.is_empty()).collect();
    put("stopSequences", (!stop.is_empty()).then(|| json!(stop)));
    // The API has 32 bits for it; any folding serves, as long as it is always the same.
    #[expect(clippy::cast_possible_truncation, reason = "folded on purpose")]
    put("seed", request.seed.map(|seed| ((seed ^ (seed >> 32)) as i32).into()));
    let thinking = request.reasoning_effort.and_then(|e| models::thinking_config(model, e));
    put("thinkingConfig", thinking);
    if let Some(output) = output {
        put("responseMimeType", Some("application/json".into()));
        put("responseJsonSchema", Some(output.schema().clone()));
    }
    config
}

/// The body as JSON.
pub(super) fn body(
    model: &str,
    request: &ChatRequest,
    tools: &Tools,
    output: Option<&Output>,
) -> Result<Vec<u8>, serde_json::Error> {
    let declarations: Vec<Declaration<'_>> = tools
        .list()
        .iter()
        .map(|tool| Declaration {
            name: &tool.name,
            description: &tool.description,
            parameters_json_schema: tool.has_parameters().then_some(&tool.parameters),
        })
        .collect();
    let mode = match request.tool_choice {
        _ if declarations.is_empty() => None,
        ToolChoice::Auto => None,
        ToolChoice::Required => Some("ANY"),
        ToolChoice::None => Some("NONE"),
    };
    let system = conversation::system(&request.messages);
    let body = Body {
        system_instruction: (!system.is_empty()).then_some(Instruction { parts: system }),
        tools: match declarations.is_empty() {
            true => Vec::new(),
            false => vec![Declarations { function_declarations: declarations }],
        },
        tool_config: mode.map(|mode| json!({"functionCallingConfig": {"mode": mode}})),
        contents: conversation::contents(model, &request.messages, tools),
        generation_config: generation_config(model, request, output),
    };
    if request.provider_options.is_empty() {
        return serde_json::to_vec(&body);
    }
    let mut body = serde_json::to_value(&body)?;
    for (key, value) in request.provider_options.iter() {
        match (body.get_mut(key), value) {
            // It holds settings of the request's own, which are not meant to go.
            (Some(Value::Object(ours)), Value::Object(theirs)) if key == "generationConfig" => {
                ours.extend(theirs.iter().map(|(k, v)| (k.clone(), v.clone())));
            }
            _ => body[key] = value.clone(),
        }
    }
    serde_json::to_vec(&body)
}
