//! The body of a request of Cohere's chat API, version 2.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::{Cohere, RECEIPT};
use crate::error::Result;
use crate::model::wires::body::written;
use crate::model::wires::messages::{Call, Content, Declared, Function, Part, tool};
use crate::model::{ChatRequest, Message, Reasoning, ToolCall};
use crate::spec::{ReasoningEffort, ToolChoice};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<Declared<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    schema: &'a Value,
}

#[derive(Serialize)]
struct Thinking {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_budget: Option<u32>,
}

#[derive(Default, Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Content<'a, Part<'a, &'a str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_plan: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

fn plain<'a>(role: &'static str, text: &'a str) -> WireMessage<'a> {
    WireMessage { role, content: Some(Content::Text(text)), ..WireMessage::default() }
}

/// The texts that Cohere gave under this name before.
fn kept<'a>(reasoning: &'a [Reasoning], field: &'static str) -> impl Iterator<Item = &'a str> {
    let ours = move |r: &&Reasoning| {
        r.receipt.as_ref().is_some_and(|receipt| {
            receipt.wire == RECEIPT && receipt.data.get("field").is_some_and(|f| f == field)
        })
    };
    reasoning.iter().filter(ours).map(|r| r.text.as_str())
}

fn assistant<'a>(
    text: &'a str,
    reasoning: &'a [Reasoning],
    calls: &'a [ToolCall],
) -> WireMessage<'a> {
    let mut message = WireMessage { role: "assistant", ..WireMessage::default() };
    let call = |call: &'a ToolCall| Call::new(Cow::Borrowed(&call.id), call);
    message.tool_calls = calls.iter().map(call).collect();
    let plan = kept(reasoning, "tool_plan").next();
    let mut said = Some(text).filter(|text| !text.is_empty());
    if !calls.is_empty() {
        // What is said before calls is their plan here.
        message.tool_plan = plan.or_else(|| said.take());
    }
    let thoughts = kept(reasoning, "thinking").map(|thinking| Part::Thinking { thinking });
    let mut parts: Vec<_> = thoughts.collect();
    message.content = if parts.is_empty() {
        said.or_else(|| calls.is_empty().then_some(text)).map(Content::Text)
    } else {
        parts.extend(said.map(|text| Part::Text { text }));
        Some(Content::Parts(parts))
    };
    message
}

fn message(message: &Message) -> WireMessage<'_> {
    match message {
        Message::System(text) => plain("system", text),
        Message::User { text, images } => {
            WireMessage { content: Some(Part::user(text, images)), ..plain("user", text) }
        }
        Message::Assistant { text, reasoning, tool_calls } => {
            assistant(text, reasoning, tool_calls)
        }
        Message::Tool { call_id, content, .. } => {
            WireMessage { tool_call_id: Some(call_id), ..plain("tool", content) }
        }
    }
}

/// Cohere takes no words for an effort, but a number of tokens.
fn thinking(effort: ReasoningEffort) -> Thinking {
    let budget = |token_budget| Thinking { r#type: "enabled", token_budget };
    match effort {
        ReasoningEffort::None => Thinking { r#type: "disabled", token_budget: None },
        ReasoningEffort::Minimal => budget(Some(512)),
        ReasoningEffort::Low => budget(Some(2048)),
        ReasoningEffort::Medium => budget(Some(8192)),
        ReasoningEffort::High => budget(None),
    }
}

impl Cohere {
    /// The body as JSON, asking for a stream.
    pub(super) fn body(&self, request: &ChatRequest) -> Result<Vec<u8>> {
        let has_tools = !request.tools.is_empty();
        let body = Body {
            model: &self.model,
            messages: request.messages.iter().map(message).collect(),
            stream: true,
            temperature: request.temperature,
            // All of it and none of it are refused.
            p: request.top_p.map(|p| p.clamp(0.01, 0.99)),
            max_tokens: request.max_tokens,
            seed: request.seed,
            stop_sequences: &request.stop,
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: match request.tool_choice {
                ToolChoice::Required if has_tools => Some("REQUIRED"),
                ToolChoice::None if has_tools => Some("NONE"),
                _ => None,
            },
            // Refused together with tools.
            response_format: request
                .output
                .as_deref()
                .filter(|_| !has_tools)
                .map(|output| ResponseFormat { r#type: "json_object", schema: &output.schema }),
            thinking: request.reasoning_effort.map(thinking),
        };
        written(&body, &request.provider_options)
    }
}
