//! From the events of Cohere's chat API to a completion.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cohere, RECEIPT};
use crate::error::{Code, Error, Result};
use crate::model::wires::lenient::{count, one_or_more, or_default, text};
use crate::model::wires::refusal::Said;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, Receipt, ToolCall, Usage, finish};

/// The most calls of one turn; more are nonsense and would fill memory.
const CALL_LIMIT: usize = 256;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "or_default")]
    index: u64,
    delta: Option<EventDelta>,
}

#[derive(Deserialize)]
struct EventDelta {
    message: Option<WireMessage>,
    #[serde(default, deserialize_with = "text")]
    finish_reason: Option<String>,
    usage: Option<WireUsage>,
    #[serde(default, deserialize_with = "text")]
    error: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    #[serde(default, deserialize_with = "one_or_more")]
    content: Vec<Part>,
    #[serde(default, deserialize_with = "text")]
    tool_plan: Option<String>,
    #[serde(default, deserialize_with = "one_or_more")]
    tool_calls: Vec<WireCall>,
}

#[derive(Deserialize)]
struct Part {
    #[serde(default, deserialize_with = "text")]
    text: Option<String>,
    #[serde(default, deserialize_with = "text")]
    thinking: Option<String>,
}

#[derive(Deserialize)]
struct WireCall {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    function: Option<CalledFunction>,
}

#[derive(Default, Deserialize)]
struct CalledFunction {
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    /// What the model read and wrote.
    tokens: Option<Tokens>,
    /// What is paid for.
    billed_units: Option<Tokens>,
    #[serde(default, deserialize_with = "count")]
    cached_tokens: u64,
}

#[derive(Clone, Copy, Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "count")]
    input_tokens: u64,
    #[serde(default, deserialize_with = "count")]
    output_tokens: u64,
}

/// An answer in one piece.
#[derive(Deserialize)]
struct Whole {
    #[serde(default, deserialize_with = "text")]
    finish_reason: Option<String>,
    message: Option<WireMessage>,
    usage: Option<WireUsage>,
}

/// An answer as far as it has come.
pub(super) struct Reading<'a> {
    model: &'a Cohere,
    done: Completion,
    /// The provider's index of each call.
    calls: Vec<u64>,
    thought: String,
    plan: String,
}

impl<'a> Reading<'a> {
    pub(super) fn new(model: &'a Cohere, request_id: Option<String>) -> Self {
        let done = Completion { request_id, ..Completion::default() };
        Self { model, done, calls: Vec::new(), thought: String::new(), plan: String::new() }
    }

    /// Adds an event and passes on what is new.
    pub(super) async fn take(&mut self, data: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let nonsense =
            |e| self.model.chat.nonsense(&format!("what is no event of a chat ({e})"), data);
        let event: Event<'_> = serde_json::from_str(data).map_err(nonsense)?;
        match (event.kind.as_deref().unwrap_or_default(), event.delta) {
            (
                "content-start" | "content-delta" | "tool-plan-delta" | "tool-call-start"
                | "tool-call-delta",
                Some(delta),
            ) => {
                if let Some(message) = delta.message {
                    self.take_message(message, event.index, sink).await?;
                }
            }
            ("message-end", Some(delta)) => {
                if let Some(error) = delta.error.filter(|error| !error.is_empty()) {
                    return Err(self.broke_off(&Said::read(&error)));
                }
                self.finish(delta.finish_reason, delta.usage, sink).await?;
            }
            ("", _) | ("error", _) => {
                let value: Value = serde_json::from_str(data).unwrap_or_default();
                if value.get("message").or_else(|| value.get("error")).is_some() {
                    return Err(self.broke_off(&Said::of(&value)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn broke_off(&self, said: &Said) -> Error {
        self.model.chat.broke_off(said, self.done.request_id.as_deref())
    }

    /// Takes an answer in one piece.
    pub(super) async fn take_whole(&mut self, body: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let whole: Whole = serde_json::from_str(body).map_err(|e| {
            self.model.chat.nonsense(&format!("what is no answer of a chat ({e})"), body)
        })?;
        if let Some(message) = whole.message {
            self.take_message(message, 0, sink).await?;
        }
        self.finish(whole.finish_reason, whole.usage, sink).await
    }

    async fn take_message(
        &mut self,
        message: WireMessage,
        index: u64,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        if let Some(plan) = message.tool_plan.filter(|plan| !plan.is_empty()) {
            self.plan.push_str(&plan);
            sink.delta(Delta::Reasoning(plan)).await;
        }
        for part in message.content {
            if let Some(thought) = part.thinking.filter(|thought| !thought.is_empty()) {
                self.thought.push_str(&thought);
                sink.delta(Delta::Reasoning(thought)).await;
            }
            if let Some(text) = part.text.filter(|text| !text.is_empty()) {
                self.done.text.push_str(&text);
                sink.delta(Delta::Text(text)).await;
            }
        }
        for (index, call) in (index..).zip(message.tool_calls) {
            self.take_call(call, index, sink).await?;
        }
        Ok(())
    }

    async fn take_call(
        &mut self,
        piece: WireCall,
        index: u64,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        let place = match self.calls.iter().position(|i| *i == index) {
            Some(place) => place,
            None if self.calls.len() >= CALL_LIMIT => {
                return Err(self.model.chat.nonsense("more tool calls than make sense", ""));
            }
            None => {
                let id = piece.id.filter(|id| !id.is_empty());
                let id = id.unwrap_or_else(|| format!("call_{}", uuid::Uuid::now_v7().simple()));
                self.calls.push(index);
                self.done.tool_calls.push(ToolCall { id, ..ToolCall::default() });
                self.calls.len() - 1
            }
        };
        let CalledFunction { name, arguments } = piece.function.unwrap_or_default();
        let arguments = arguments.unwrap_or_default();
        let call = &mut self.done.tool_calls[place];
        if call.name.is_empty() {
            call.name = name.unwrap_or_default();
        }
        call.arguments.push_str(&arguments);
        let delta =
            Delta::ToolCall { call_id: call.id.clone(), name: call.name.clone(), arguments };
        sink.delta(delta).await;
        Ok(())
    }

    async fn finish(
        &mut self,
        reason: Option<String>,
        usage: Option<WireUsage>,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        if let Some(usage) = usage
            && let Some(tokens) = usage.tokens.or(usage.billed_units)
        {
            self.done.usage = Usage::new(tokens.input_tokens, tokens.output_tokens)
                .cached(usage.cached_tokens, 0);
            sink.delta(Delta::Usage(self.done.usage)).await;
        }
        self.done.finish_reason = match reason.unwrap_or_default().as_str() {
            "COMPLETE" | "STOP_SEQUENCE" => finish::STOP.to_owned(),
            "MAX_TOKENS" => finish::LENGTH.to_owned(),
            "TOOL_CALL" => finish::TOOL_CALLS.to_owned(),
            "ERROR_TOXIC" => finish::CONTENT_FILTER.to_owned(),
            "ERROR_LIMIT" => {
                let message = "the conversation is longer than the model takes";
                let said = Said::of(&json!({"code": "error_limit", "message": message}));
                return Err(self.broke_off(&said));
            }
            reason @ ("ERROR" | "TIMEOUT") => {
                return Err(Error::new(
                    Code::ModelUnavailable,
                    format!("the provider broke off: it gave {reason:?} as the reason"),
                ));
            }
            other => other.to_ascii_lowercase(),
        };
        Ok(())
    }

    /// Whether the provider said why the answer ends, which it does last.
    pub(super) fn is_whole(&self) -> bool {
        !self.done.finish_reason.is_empty()
    }

    /// The whole answer. One without a finish reason was cut off, whatever else it holds.
    pub(super) async fn complete(mut self, sink: &mut dyn DeltaSink) -> Result<Completion> {
        if self.done.finish_reason.is_empty() {
            return Err(self.model.chat.broken());
        }
        for call in &mut self.done.tool_calls {
            if call.name.is_empty() {
                return Err(self.model.chat.nonsense("a tool call without a name", ""));
            }
            // A tool without parameters may be called with nothing at all.
            if call.arguments.trim().is_empty() {
                call.arguments = "{}".to_owned();
                let (call_id, name) = (call.id.clone(), call.name.clone());
                sink.delta(Delta::ToolCall { call_id, name, arguments: "{}".to_owned() }).await;
            }
        }
        // The receipt says only under which name the text goes back.
        for (text, field) in [(self.thought, "thinking"), (self.plan, "tool_plan")] {
            if !text.is_empty() {
                let data = json!({ "field": field });
                let receipt = Some(Receipt { wire: RECEIPT.to_owned(), data });
                self.done.reasoning.push(Reasoning { text, receipt });
            }
        }
        Ok(self.done)
    }
}
