//! The events of a streamed answer, and what they add up to.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::receipt;
use crate::error::{Code, Error, ProviderAnswer, Result};
use crate::model::dialect::Tools;
use crate::model::wires::http::Endpoint;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, ToolCall, Usage, finish};

/// The most calls of one answer, and the most thoughts.
const BLOCK_LIMIT: usize = 256;

/// One event; which fields it has depends on its type. Flat, so that nothing is read twice.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    index: Option<u64>,
    message: Option<WireMessage>,
    content_block: Option<Value>,
    #[serde(borrow)]
    delta: Option<Piece<'a>>,
    usage: Option<WireUsage>,
    error: Option<WireError>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    partial_json: Option<Cow<'a, str>>,
    signature: Option<String>,
    stop_reason: Option<String>,
}

/// The beginning of an answer, or all of it when it is not streamed.
#[derive(Deserialize)]
struct WireMessage {
    #[serde(default)]
    content: Vec<Value>,
    stop_reason: Option<String>,
    usage: Option<WireUsage>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    message: String,
}

/// A block that is being written.
enum Open {
    Text,
    /// Where it stands among the thoughts, and the block as it will go back.
    Thinking {
        place: usize,
        signature: String,
    },
    /// Where it stands among the calls, and its arguments if they came with its beginning.
    Call {
        place: usize,
        whole: Option<Value>,
        streams: bool,
    },
    /// Nothing of ours: a server's tool and its result.
    Other,
}

/// Puts an answer together.
pub(super) struct Reader<'a> {
    endpoint: &'a Endpoint,
    model: &'a str,
    tools: &'a Tools,
    /// Whether text may be given as it comes, or has to be mapped back as a whole.
    text_streams: bool,
    open: Vec<(u64, Open)>,
    usage: WireUsage,
    pub(super) done: Completion,
    ended: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        endpoint: &'a Endpoint,
        model: &'a str,
        tools: &'a Tools,
        text_streams: bool,
    ) -> Self {
        Self {
            endpoint,
            model,
            tools,
            text_streams,
            open: Vec::new(),
            usage: WireUsage::default(),
            done: Completion::default(),
            ended: false,
        }
    }

    /// Whether the answer said that it is over.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    fn nonsense(&self, what: &str, data: &str) -> Error {
        self.endpoint.nonsense(what, data)
    }

    /// Takes the data of one event.
    pub(super) async fn event(&mut self, data: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let event: Event<'_> = serde_json::from_str(data)
            .map_err(|e| self.nonsense(&format!("what is no event of a message ({e})"), data))?;
        match &*event.r#type {
            "content_block_delta" => {
                if let (Some(index), Some(piece)) = (event.index, event.delta) {
                    self.piece(index, piece, sink).await?;
                }
            }
            "content_block_start" => {
                let (Some(index), Some(block)) = (event.index, event.content_block) else {
                    return Err(self.nonsense("a block without its index or its beginning", data));
                };
                self.start(index, block, sink).await?;
            }
            "content_block_stop" => {
                if let Some(index) = event.index {
                    self.stop(index, sink).await?;
                }
            }
            "message_start" => {
                self.use_up(event.message.and_then(|message| message.usage), sink).await;
            }
            "message_delta" => {
                if let Some(reason) = event.delta.and_then(|delta| delta.stop_reason) {
                    self.done.finish_reason = finish_reason(reason);
                }
                self.use_up(event.usage, sink).await;
            }
            "message_stop" => self.ended = true,
            "error" => return Err(self.broke_off(event.error, event.request_id)),
            // `ping`, and whatever comes to be.
            _ => {}
        }
        Ok(())
    }

    /// Takes an answer that came in one piece.
    pub(super) async fn whole(&mut self, body: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let nonsense = |e: serde_json::Error| {
            self.endpoint.nonsense(&format!("what is no message ({e})"), body)
        };
        let event: Event<'_> = serde_json::from_str(body).map_err(nonsense)?;
        if event.r#type == "error" {
            return Err(self.broke_off(event.error, event.request_id));
        }
        let message: WireMessage = serde_json::from_str(body).map_err(nonsense)?;
        for (index, block) in (0u64..).zip(message.content) {
            self.start(index, block, sink).await?;
            self.stop(index, sink).await?;
        }
        self.done.finish_reason = message.stop_reason.map(finish_reason).unwrap_or_default();
        self.use_up(message.usage, sink).await;
        self.ended = true;
        Ok(())
    }

    fn broke_off(&self, error: Option<WireError>, request_id: Option<String>) -> Error {
        let (kind, said) =
            error.map_or_else(Default::default, |error| (error.r#type, error.message));
        let code = match kind.as_str() {
            "rate_limit_error" => Code::ModelRateLimited,
            "authentication_error" | "permission_error" | "billing_error" => {
                Code::ModelUnauthorized
            }
            "invalid_request_error" | "not_found_error" | "request_too_large" => Code::ModelRefused,
            // `overloaded_error`, `api_error`, `timeout_error`.
            _ => Code::ModelUnavailable,
        };
        let said: String = self.endpoint.without_key(&said).chars().take(500).collect();
        let error = Error::new(code, format!("the provider broke off: {said} ({kind})"));
        let request_id = request_id.or_else(|| self.done.request_id.clone());
        error.answered(ProviderAnswer { request_id, ..ProviderAnswer::default() })
    }

    async fn use_up(&mut self, usage: Option<WireUsage>, sink: &mut dyn DeltaSink) {
        let Some(now) = usage else { return };
        // The counts are of the whole answer so far; those that are left out stand.
        let all = &mut self.usage;
        all.input_tokens = now.input_tokens.or(all.input_tokens);
        all.output_tokens = now.output_tokens.or(all.output_tokens);
        all.cache_creation_input_tokens =
            now.cache_creation_input_tokens.or(all.cache_creation_input_tokens);
        all.cache_read_input_tokens = now.cache_read_input_tokens.or(all.cache_read_input_tokens);
        all.output_tokens_details = now.output_tokens_details.or(all.output_tokens_details);
        let read = all.cache_read_input_tokens.unwrap_or(0);
        let written = all.cache_creation_input_tokens.unwrap_or(0);
        let input = all.input_tokens.unwrap_or(0).saturating_add(read).saturating_add(written);
        let thought = all.output_tokens_details.and_then(|details| details.thinking_tokens);
        self.done.usage = Usage::new(input, all.output_tokens.unwrap_or(0))
            .cached(read, written)
            .reasoned(thought.unwrap_or(0));
        sink.delta(Delta::Usage(self.done.usage)).await;
    }

    async fn start(&mut self, index: u64, block: Value, sink: &mut dyn DeltaSink) -> Result<()> {
        let text_of = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
        if self.open.len() >= BLOCK_LIMIT {
            return Err(self.nonsense("blocks without end", ""));
        }
        let open = match text_of("type") {
            "text" => {
                let text = text_of("text").to_owned();
                self.say(text, sink).await;
                Open::Text
            }
            "thinking" => {
                let place = self.think(None)?;
                let (thought, signature) = (text_of("thinking").to_owned(), text_of("signature"));
                let open = Open::Thinking { place, signature: signature.to_owned() };
                self.add_thought(place, thought, sink).await;
                open
            }
            "redacted_thinking" => {
                self.think(Some(block))?;
                Open::Other
            }
            "tool_use" => {
                if self.done.tool_calls.len() >= BLOCK_LIMIT {
                    return Err(self.nonsense("tool calls without end", ""));
                }
                let tool = self.tools.called(text_of("name"));
                let call = ToolCall {
                    id: match text_of("id") {
                        "" => format!("call_{}", Uuid::now_v7().simple()),
                        id => id.to_owned(),
                    },
                    name: tool.map_or(text_of("name"), |tool| tool.own_name()).to_owned(),
                    arguments: String::new(),
                    receipt: None,
                };
                sink.delta(piece_of(&call, String::new())).await;
                let whole = block.get("input").filter(|input| **input != json!({})).cloned();
                let place = self.done.tool_calls.len();
                self.done.tool_calls.push(call);
                Open::Call { place, whole, streams: tool.is_none_or(|tool| tool.streams()) }
            }
            _ => Open::Other,
        };
        self.open.push((index, open));
        Ok(())
    }

    /// Begins a thought behind what was said and called so far.
    fn think(&mut self, hidden: Option<Value>) -> Result<usize> {
        if self.done.reasoning.len() >= BLOCK_LIMIT {
            return Err(self.nonsense("thoughts without end", ""));
        }
        let (text, calls) = (self.done.text.len(), self.done.tool_calls.len());
        let block = hidden.unwrap_or(Value::Null);
        let receipt = Some(receipt(self.model, block, text, calls));
        self.done.reasoning.push(Reasoning { text: String::new(), receipt });
        Ok(self.done.reasoning.len() - 1)
    }

    async fn add_thought(&mut self, place: usize, thought: String, sink: &mut dyn DeltaSink) {
        if !thought.is_empty() {
            self.done.reasoning[place].text.push_str(&thought);
            sink.delta(Delta::Reasoning(thought)).await;
        }
    }

    async fn say(&mut self, text: String, sink: &mut dyn DeltaSink) {
        if !text.is_empty() {
            self.done.text.push_str(&text);
            if self.text_streams {
                sink.delta(Delta::Text(text)).await;
            }
        }
    }

    async fn piece(
        &mut self,
        index: u64,
        piece: Piece<'_>,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        let Some(at) = self.open.iter().rposition(|(open, _)| *open == index) else {
            return Err(self.nonsense("a piece of a block that it had not begun", ""));
        };
        match (piece.r#type.as_deref().unwrap_or_default(), &mut self.open[at].1) {
            ("text_delta", Open::Text) => {
                self.say(piece.text.unwrap_or_default().into_owned(), sink).await;
            }
            ("thinking_delta", Open::Thinking { place, .. }) => {
                let place = *place;
                self.add_thought(place, piece.thinking.unwrap_or_default().into_owned(), sink)
                    .await;
            }
            ("signature_delta", Open::Thinking { signature, .. }) => {
                signature.push_str(&piece.signature.unwrap_or_default());
            }
            ("input_json_delta", Open::Call { place, streams, .. }) => {
                let (call, streams) = (&mut self.done.tool_calls[*place], *streams);
                let added = piece.partial_json.unwrap_or_default();
                call.arguments.push_str(&added);
                if streams && !added.is_empty() {
                    sink.delta(piece_of(call, added.into_owned())).await;
                }
            }
            // Citations, and pieces of blocks that are none of ours.
            _ => {}
        }
        Ok(())
    }

    async fn stop(&mut self, index: u64, sink: &mut dyn DeltaSink) -> Result<()> {
        let Some(at) = self.open.iter().rposition(|(open, _)| *open == index) else {
            return Ok(());
        };
        match self.open.swap_remove(at).1 {
            Open::Thinking { place, signature } => {
                let thought = &mut self.done.reasoning[place];
                let block =
                    json!({"type": "thinking", "thinking": thought.text, "signature": signature});
                match &mut thought.receipt {
                    // Servers that do not sign what is thought do not want it back either.
                    receipt if signature.is_empty() => *receipt = None,
                    Some(receipt) => receipt.data["block"] = block,
                    None => {}
                }
            }
            Open::Call { place, whole, streams } => {
                let call = &mut self.done.tool_calls[place];
                let came = !call.arguments.is_empty();
                if !came {
                    call.arguments = whole.map_or_else(|| "{}".into(), |whole| whole.to_string());
                }
                if let Some(tool) = self.tools.called_own(&call.name)
                    && !streams
                {
                    call.arguments = tool.restore(&call.arguments);
                }
                if !came || !streams {
                    let arguments = call.arguments.clone();
                    sink.delta(piece_of(call, arguments)).await;
                }
            }
            Open::Text | Open::Other => {}
        }
        Ok(())
    }
}

fn piece_of(call: &ToolCall, arguments: String) -> Delta {
    Delta::ToolCall { call_id: call.id.clone(), name: call.name.clone(), arguments }
}

fn finish_reason(reason: String) -> String {
    match reason.as_str() {
        "end_turn" | "stop_sequence" => finish::STOP.into(),
        "max_tokens" | "model_context_window_exceeded" => finish::LENGTH.into(),
        "tool_use" => finish::TOOL_CALLS.into(),
        "refusal" => finish::CONTENT_FILTER.into(),
        _ => reason,
    }
}
