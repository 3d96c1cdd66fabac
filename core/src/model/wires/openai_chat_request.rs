//! The body of a chat request on the OpenAI-compatible wire, written straight from the request:
//! no document is built in between, and equal requests give equal bytes, so that caches hit.

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::model::{ChatRequest, Message, ToolCall, ToolSpec};
use crate::spec::ToolChoice;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<WireTool<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    /// Null where there is none: some servers insist on the key.
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
}

/// What is inside `function`, under its type.
struct Function<T>(T);

impl<T: Serialize> Serialize for Function<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Typed<'a, T> {
            r#type: &'static str,
            function: &'a T,
        }
        Typed { r#type: "function", function: &self.0 }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: &'a str,
    #[serde(flatten)]
    function: Function<CalledFunction<'a>>,
}

#[derive(Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

fn message(message: &Message) -> WireMessage<'_> {
    let plain = |role, content| WireMessage {
        role,
        content: Some(content),
        tool_call_id: None,
        tool_calls: Vec::new(),
    };
    match message {
        Message::System(text) => plain("system", text),
        Message::User { text, .. } => plain("user", text),
        Message::Assistant { text, tool_calls, .. } => WireMessage {
            content: (!text.is_empty() || tool_calls.is_empty()).then_some(text),
            tool_calls: tool_calls.iter().map(call).collect(),
            ..plain("assistant", text)
        },
        Message::Tool { call_id, content, .. } => {
            WireMessage { tool_call_id: Some(call_id), ..plain("tool", content) }
        }
    }
}

fn call(call: &ToolCall) -> WireCall<'_> {
    WireCall {
        id: &call.id,
        function: Function(CalledFunction { name: &call.name, arguments: &call.arguments }),
    }
}

fn tool(tool: &ToolSpec) -> Function<WireTool<'_>> {
    Function(WireTool {
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
    })
}

/// The body as JSON, asking for a stream with usage.
pub(super) fn body(model: &str, request: &ChatRequest) -> Result<Vec<u8>, serde_json::Error> {
    let has_tools = !request.tools.is_empty();
    serde_json::to_vec(&Body {
        model,
        messages: request.messages.iter().map(message).collect(),
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: request.temperature,
        top_p: request.top_p,
        max_tokens: request.max_tokens,
        seed: request.seed,
        stop: &request.stop,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: match request.tool_choice {
            ToolChoice::Required if has_tools => Some("required"),
            ToolChoice::None if has_tools => Some("none"),
            _ => None,
        },
        parallel_tool_calls: (has_tools && !request.parallel_tool_calls).then_some(false),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_is_the_one_that_the_api_documents() {
        let parameters = json!({"type": "object", "properties": {}});
        let request = ChatRequest {
            messages: vec![
                Message::System("s".into()),
                Message::user("u"),
                Message::Assistant {
                    text: String::new(),
                    reasoning: Vec::new(),
                    tool_calls: vec![ToolCall {
                        id: "c1".into(),
                        name: "t".into(),
                        arguments: "{}".into(),
                        receipt: None,
                    }],
                },
                Message::Tool {
                    call_id: "c1".into(),
                    name: "t".into(),
                    content: "1".into(),
                    is_error: false,
                },
            ],
            tools: vec![ToolSpec {
                name: "t".into(),
                description: "d".into(),
                parameters: parameters.clone(),
            }]
            .into(),
            tool_choice: ToolChoice::Required,
            temperature: Some(0.0),
            stop: vec!["END".into()],
            ..ChatRequest::default()
        };
        let body = body("m", &request).expect("body");
        let body: Value = serde_json::from_slice(&body).expect("json");
        let function = json!({"name": "t", "description": "d", "parameters": parameters});
        let expected = json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "u"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "t", "arguments": "{}"}}
                ]},
                {"role": "tool", "content": "1", "tool_call_id": "c1"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "temperature": 0.0,
            "stop": ["END"],
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "required",
            "parallel_tool_calls": false,
        });
        assert_eq!(body, expected);
    }
}
