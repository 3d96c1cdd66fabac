//! What a function of the host's is given: the request as a document of plain values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::model::{ChatRequest, Image, ImageSource, Message, Reasoning, ToolCall};

/// The request under the names that the documentation gives.
pub(super) fn document(model: &str, request: &ChatRequest) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        if !value.is_null() {
            out.insert(key.to_owned(), value);
        }
    };
    put("model", model.into());
    put("messages", request.messages.iter().map(message).collect());
    let tools = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        })
    });
    put("tools", tools.collect());
    put("tool_choice", json!(request.tool_choice));
    put("parallel_tool_calls", request.parallel_tool_calls.into());
    put("temperature", json!(request.temperature));
    put("top_p", json!(request.top_p));
    put("max_tokens", json!(request.max_tokens));
    put("stop", if request.stop.is_empty() { Value::Null } else { json!(request.stop) });
    put("seed", json!(request.seed));
    put("reasoning_effort", json!(request.reasoning_effort));
    put("output_schema", json!(request.output.as_ref().map(|output| &output.schema)));
    if !request.provider_options.is_empty() {
        put("provider_options", Value::Object((*request.provider_options).clone()));
    }
    Value::Object(out)
}

fn message(message: &Message) -> Value {
    match message {
        Message::System(text) => json!({"role": "system", "content": text}),
        Message::User { text, images } => {
            let mut out = json!({"role": "user", "content": text});
            if !images.is_empty() {
                out["images"] = images.iter().map(image).collect();
            }
            out
        }
        Message::Assistant { text, reasoning, tool_calls } => {
            let mut out = json!({"role": "assistant", "content": text});
            let thought: String = reasoning.iter().map(|r: &Reasoning| r.text.as_str()).collect();
            if !thought.is_empty() {
                out["reasoning"] = thought.into();
            }
            if !tool_calls.is_empty() {
                out["tool_calls"] = tool_calls.iter().map(call).collect();
            }
            out
        }
        Message::Tool { call_id, name, content, is_error } => json!({
            "role": "tool",
            "content": content,
            "tool_call_id": call_id,
            "name": name,
            "is_error": is_error,
        }),
    }
}

/// The arguments as what they are; what was no JSON, as the text that it was.
fn call(call: &ToolCall) -> Value {
    let arguments = serde_json::from_str(&call.arguments);
    let arguments = arguments.unwrap_or_else(|_| Value::String(call.arguments.clone()));
    json!({"id": call.id, "name": call.name, "arguments": arguments})
}

fn image(image: &Image) -> Value {
    match &image.source {
        ImageSource::Bytes(bytes) => {
            json!({"media_type": image.media_type, "data": STANDARD.encode(bytes)})
        }
        ImageSource::Url(url) => json!({"media_type": image.media_type, "url": url}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{OutputSchema, ToolSpec};
    use crate::spec::ToolChoice;

    #[test]
    fn everything_that_is_asked_is_in_the_document_and_nothing_that_is_not() {
        let plain = ChatRequest { messages: vec![Message::user("hi")], ..ChatRequest::default() };
        let messages = json!([{"role": "user", "content": "hi"}]);
        assert_eq!(
            document("host/x", &plain),
            json!({"model": "host/x", "messages": messages, "tools": [], "tool_choice": "auto",
                   "parallel_tool_calls": false})
        );
        let call = |arguments: &str| ToolCall {
            id: "c".into(),
            name: "t".into(),
            arguments: arguments.into(),
            receipt: None,
        };
        let image = |source| Image { media_type: "image/png".into(), source };
        let full = ChatRequest {
            messages: vec![
                Message::System("s".into()),
                Message::User {
                    text: "u".into(),
                    images: vec![
                        image(ImageSource::Bytes([1, 2, 3].into())),
                        image(ImageSource::Url("https://x/y.png".into())),
                    ],
                },
                Message::Assistant {
                    text: String::new(),
                    reasoning: vec![Reasoning { text: "hm".into(), receipt: None }],
                    tool_calls: vec![call("{\"a\": 1}"), call("{")],
                },
                Message::Tool {
                    call_id: "c".into(),
                    name: "t".into(),
                    content: "1".into(),
                    is_error: true,
                },
            ],
            tools: [ToolSpec {
                name: "t".into(),
                description: "d".into(),
                parameters: json!({"type": "object"}),
            }]
            .into(),
            tool_choice: ToolChoice::Required,
            parallel_tool_calls: true,
            temperature: Some(0.5),
            top_p: Some(1.0),
            max_tokens: Some(10),
            stop: vec!["END".into()],
            seed: Some(-1),
            output: Some(
                OutputSchema { name: "o".into(), schema: json!({"type": "array"}) }.into(),
            ),
            ..ChatRequest::default()
        };
        assert_eq!(
            document("host/x", &full),
            json!({
                "model": "host/x",
                "messages": [
                    {"role": "system", "content": "s"},
                    {"role": "user", "content": "u", "images": [
                        {"media_type": "image/png", "data": "AQID"},
                        {"media_type": "image/png", "url": "https://x/y.png"},
                    ]},
                    {"role": "assistant", "content": "", "reasoning": "hm", "tool_calls": [
                        {"id": "c", "name": "t", "arguments": {"a": 1}},
                        {"id": "c", "name": "t", "arguments": "{"},
                    ]},
                    {"role": "tool", "content": "1", "tool_call_id": "c", "name": "t", "is_error": true},
                ],
                "tools": [{"name": "t", "description": "d", "parameters": {"type": "object"}}],
                "tool_choice": "required",
                "parallel_tool_calls": true,
                "temperature": 0.5,
                "top_p": 1.0,
                "max_tokens": 10,
                "stop": ["END"],
                "seed": -1,
                "output_schema": {"type": "array"},
            })
        );
    }
}
