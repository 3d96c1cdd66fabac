//! Documented bodies compared whole, documented streams byte for byte.

mod answers;
mod bodies;

use serde_json::Value;

use super::*;
use crate::model::{Message, ToolCall, ToolSpec};
use crate::spec::PromptCaching;

fn tool(name: &str, parameters: Value) -> ToolSpec {
    ToolSpec { name: name.into(), description: "d".into(), parameters }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), receipt: None }
}

fn result(id: &str, content: &str, is_error: bool) -> Message {
    Message::Tool { call_id: id.into(), name: "t".into(), content: content.into(), is_error }
}

fn plain(messages: Vec<Message>) -> ChatRequest {
    ChatRequest {
        messages,
        parallel_tool_calls: true,
        prompt_caching: PromptCaching::Off,
        ..ChatRequest::default()
    }
}
