//! The chunks of a streamed answer, and what they add up to.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::{call_receipt, text_receipt};
use crate::error::{Code, Error, Result};
use crate::model::dialect::Tools;
use crate::model::wires::http::Endpoint;
use crate::model::wires::lenient::{count, list, or_default, text};
use crate::model::wires::refusal::Said;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, ToolCall, Usage, finish};

/// The most calls of one answer, and the most thoughts that are signed.
const PART_LIMIT: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow, default, deserialize_with = "list")]
    candidates: Vec<Candidate<'a>>,
    usage_metadata: Option<WireUsage>,
    prompt_feedback: Option<Feedback>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Parts<'a>>,
    #[serde(default, deserialize_with = "text")]
    finish_reason: Option<String>,
    #[serde(default, deserialize_with = "text")]
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Parts<'a> {
    #[serde(borrow, default, deserialize_with = "list")]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "or_default")]
    thought: bool,
    #[serde(default, deserialize_with = "text")]
    thought_signature: Option<String>,
    function_call: Option<FunctionCall>,
}

#[derive(Deserialize)]
struct FunctionCall {
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    args: Option<Value>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireUsage {
    #[serde(deserialize_with = "count")]
    prompt_token_count: u64,
    #[serde(deserialize_with = "count")]
    tool_use_prompt_token_count: u64,
    #[serde(deserialize_with = "count")]
    candidates_token_count: u64,
    #[serde(deserialize_with = "count")]
    thoughts_token_count: u64,
    #[serde(deserialize_with = "count")]
    cached_content_token_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default, deserialize_with = "text")]
    block_reason: Option<String>,
}

/// Puts an answer together.
pub(super) struct Reader<'a> {
    endpoint: &'a Endpoint,
    tools: &'a Tools,
    /// Whether text may be given as it comes, or has to be mapped back as a whole.
    text_streams: bool,
    pub(super) done: Completion,
}

impl<'a> Reader<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, tools: &'a Tools, text_streams: bool) -> Self {
        Self { endpoint, tools, text_streams, done: Completion::default() }
    }

    /// Takes the data of one event.
    pub(super) async fn chunk(&mut self, data: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let chunk: Chunk<'_> = serde_json::from_str(data).map_err(|e| {
            self.endpoint.nonsense(&format!("what is no chunk of an answer ({e})"), data)
        })?;
        self.take(chunk, sink).await
    }

    /// Takes an answer that came in one piece: one chunk, or a list of them.
    pub(super) async fn whole(&mut self, body: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        if !body.trim_start().starts_with('[') {
            return self.chunk(body, sink).await;
        }
        let chunks: Vec<Option<Chunk<'_>>> = serde_json::from_str(body)
            .map_err(|e| self.endpoint.nonsense(&format!("what is no answer ({e})"), body))?;
        for chunk in chunks.into_iter().flatten() {
            self.take(chunk, sink).await?;
        }
        Ok(())
    }

    async fn take(&mut self, chunk: Chunk<'_>, sink: &mut dyn DeltaSink) -> Result<()> {
        if let Some(error) = chunk.error {
            let said = Said::of(&json!({ "error": error }));
            return Err(self.endpoint.broke_off(&said, self.done.request_id.as_deref()));
        }
        if let Some(usage) = chunk.usage_metadata {
            self.use_up(usage, sink).await;
        }
        if chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            self.done.finish_reason = finish::CONTENT_FILTER.into();
        }
        let Some(candidate) = chunk.candidates.into_iter().next() else { return Ok(()) };
        for part in candidate.content.map(|content| content.parts).unwrap_or_default() {
            self.part(part, sink).await?;
        }
        if let Some(reason) = candidate.finish_reason {
            self.done.finish_reason = self.finish_reason(reason, candidate.finish_message)?;
        }
        Ok(())
    }

    async fn use_up(&mut self, usage: WireUsage, sink: &mut dyn DeltaSink) {
        let add = u64::saturating_add;
        let now = Usage::new(
            add(usage.prompt_token_count, usage.tool_use_prompt_token_count),
            add(usage.candidates_token_count, usage.thoughts_token_count),
        )
        .cached(usage.cached_content_token_count, 0)
        .reasoned(usage.thoughts_token_count);
        if self.done.usage != now {
            self.done.usage = now;
            sink.delta(Delta::Usage(now)).await;
        }
    }

    async fn part(&mut self, part: Part<'_>, sink: &mut dyn DeltaSink) -> Result<()> {
        if let Some(call) = part.function_call {
            return self.call(call, part.thought_signature, sink).await;
        }
        let text = part.text.unwrap_or_default();
        let from = self.done.text.len();
        if part.thought {
            let thoughts = &mut self.done.reasoning;
            // Pieces of one thought, until it is signed or something else was said.
            let open = |r: &&mut Reasoning| r.receipt.is_none();
            match thoughts.last_mut().filter(open) {
                Some(thought) => thought.text.push_str(&text),
                None => thoughts.push(Reasoning { text: text.clone().into_owned(), receipt: None }),
            }
            if !text.is_empty() {
                sink.delta(Delta::Reasoning(text.into_owned())).await;
            }
        } else if !text.is_empty() {
            self.done.text.push_str(&text);
            if self.text_streams {
                sink.delta(Delta::Text(text.into_owned())).await;
            }
        }
        if let Some(signature) = part.thought_signature {
            let to = self.done.text.len();
            let receipt = Some(text_receipt(signature, part.thought, from, to));
            let thoughts = &mut self.done.reasoning;
            if thoughts.len() >= PART_LIMIT {
                return Err(self.endpoint.nonsense("thoughts without end", ""));
            }
            match thoughts.last_mut().filter(|_| part.thought) {
                Some(thought) => thought.receipt = receipt,
                None => thoughts.push(Reasoning { text: String::new(), receipt }),
            }
        }
        Ok(())
    }

    async fn call(
        &mut self,
        call: FunctionCall,
        signature: Option<String>,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        if self.done.tool_calls.len() >= PART_LIMIT {
            return Err(self.endpoint.nonsense("tool calls without end", ""));
        }
        let tool = self.tools.called(&call.name);
        let id = call.id.filter(|id| !id.is_empty());
        let receipt = call_receipt(signature, id.is_some());
        let arguments = call.args.filter(|args| !args.is_null());
        let arguments = arguments.map_or_else(|| "{}".to_owned(), |args| args.to_string());
        let call = ToolCall {
            id: id.unwrap_or_else(|| format!("call_{}", Uuid::now_v7().simple())),
            arguments: tool.map_or_else(|| arguments.clone(), |tool| tool.restore(&arguments)),
            name: tool.map_or(call.name.as_str(), |tool| tool.own_name()).to_owned(),
            receipt,
        };
        sink.delta(Delta::ToolCall {
            call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        })
        .await;
        self.done.tool_calls.push(call);
        Ok(())
    }

    fn finish_reason(&self, reason: String, message: Option<String>) -> Result<String> {
        Ok(match reason.as_str() {
            // There is no word for calls.
            "STOP" if !self.done.tool_calls.is_empty() => finish::TOOL_CALLS.into(),
            "STOP" => finish::STOP.into(),
            "MAX_TOKENS" => finish::LENGTH.into(),
            "SAFETY"
            | "RECITATION"
            | "LANGUAGE"
            | "BLOCKLIST"
            | "PROHIBITED_CONTENT"
            | "SPII"
            | "IMAGE_SAFETY"
            | "IMAGE_PROHIBITED_CONTENT"
            | "IMAGE_RECITATION" => finish::CONTENT_FILTER.into(),
            // The model wrote a call that the API cannot read. The next attempt is another draw.
            "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => {
                let said = message.unwrap_or_default();
                let error = Error::new(
                    Code::ModelInvalidResponse,
                    format!("the model's answer was thrown away by the provider ({reason})"),
                );
                let said: String = self.endpoint.without_secrets(&said).chars().take(500).collect();
                return Err(error.caused_by(said).retry(true));
            }
            _ if !self.done.tool_calls.is_empty() => finish::TOOL_CALLS.into(),
            _ => reason,
        })
    }
}
