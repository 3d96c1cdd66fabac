//! Requests compared whole with the documented ones, and streams byte for byte.

mod request;
mod stream;

use serde_json::{Value, json};

use super::*;
use crate::model::wires::testing::reached;
use crate::model::{Message, Reasoning, Receipt, ToolCall, ToolSpec};

fn chat(name: &str, base_url: &str, model: &str) -> OpenAiChat {
    OpenAiChat::new(&reached(name, base_url), model).expect("model")
}

/// What a provider of this name is sent.
fn sent(name: &str, model: &str, request: &ChatRequest) -> Value {
    let base_url = match name {
        "openai" => "https://api.openai.com/v1",
        _ => "https://host.example/v1",
    };
    let body = chat(name, base_url, model).body(request).expect("body");
    serde_json::from_slice(&body).expect("json")
}

fn call(id: &str) -> ToolCall {
    ToolCall { id: id.into(), name: "t".into(), arguments: "{}".into(), receipt: None }
}

fn with_tool(request: ChatRequest) -> ChatRequest {
    let parameters = json!({"type": "object", "properties": {}});
    let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters };
    ChatRequest { tools: vec![tool].into(), ..request }
}

fn thought(wire: &str, text: &str, data: Value) -> Vec<Reasoning> {
    vec![Reasoning { text: text.into(), receipt: Some(Receipt { wire: wire.into(), data }) }]
}

fn conversation(reasoning: Vec<Reasoning>, text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![
            Message::user("u"),
            Message::Assistant { text: text.into(), reasoning, tool_calls: vec![call("c1")] },
            Message::Tool {
                call_id: "c1".into(),
                name: "t".into(),
                content: "1".into(),
                is_error: false,
            },
        ],
        ..ChatRequest::default()
    }
}
