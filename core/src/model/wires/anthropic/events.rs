//! The events of a streamed answer, and what they add up to.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::conversation::receipt;
use crate::error::{Error, Result};
use crate::model::dialect::Tools;
use crate::model::wires::http::Endpoint;
use crate::model::wires::lenient::{count, count_if_any, list, text};
use crate::model::wires::refusal::Said;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, ToolCall, Usage, finish};

/// The most calls of one answer, and the most thoughts.
const BLOCK_LIMIT: usize = 256;

/// One event; which fields it has depends on its type. Flat, so that nothing is read twice.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    index: Option<u64>,
    message: Option<WireMessage>,
    content_block: Option<Value>,
    #[serde(borrow)]
    delta: Option<Piece<'a>>,
    usage: Option<WireUsage>,
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
    #[serde(default, deserialize_with = "text")]
    signature: Option<String>,
    #[serde(default, deserialize_with = "text")]
    stop_reason: Option<String>,
    stop_details: Option<Value>,
}

/// The beginning of an answer, or all of it when it is not streamed.
#[derive(Deserialize)]
struct WireMessage {
    #[serde(default, deserialize_with = "list")]
    content: Vec<Value>,
    #[serde(default, deserialize_with = "text")]
    stop_reason: Option<String>,
    stop_details: Option<Value>,
    usage: Option<WireUsage>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct WireUsage {
    #[serde(default, deserialize_with = "count_if_any")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count_if_any")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count_if_any")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count_if_any")]
    cache_read_input_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
}

impl WireUsage {
    /// Takes newer counts. They are of the whole answer so far; those that are left out stand, and
    /// so do those of which a gateway that does not know them says nought.
    fn take(&mut self, now: Self) {
        let newer = |now: Option<u64>, so_far: &mut Option<u64>| {
            *so_far = now.filter(|count| *count > 0).or(*so_far);
        };
        newer(now.input_tokens, &mut self.input_tokens);
        newer(now.output_tokens, &mut self.output_tokens);
        newer(now.cache_creation_input_tokens, &mut self.cache_creation_input_tokens);
        newer(now.cache_read_input_tokens, &mut self.cache_read_input_tokens);
        self.output_tokens_details = now.output_tokens_details.or(self.output_tokens_details);
    }
}

#[derive(Clone, Copy, Deserialize)]
struct OutputDetails {
    #[serde(default, deserialize_with = "count")]
    thinking_tokens: u64,
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
    /// What the thoughts are bound to, for a model that binds them.
    prefix: Option<String>,
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
        prefix: Option<String>,
        tools: &'a Tools,
        text_streams: bool,
    ) -> Self {
        Self {
            endpoint,
            model,
            prefix,
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
        match event.r#type.as_deref().unwrap_or_default() {
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
                if let Some(Piece { stop_reason: Some(reason), stop_details, .. }) = event.delta {
                    self.finish(reason, stop_details, sink).await;
                }
                self.use_up(event.usage, sink).await;
            }
            "message_stop" => self.ended = true,
            "error" => return Err(self.broke_off(data)),
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
        if event.r#type.as_deref() == Some("error") {
            return Err(self.broke_off(body));
        }
        let message: WireMessage = serde_json::from_str(body).map_err(nonsense)?;
        for (index, block) in (0u64..).zip(message.content) {
            self.start(index, block, sink).await?;
            self.stop(index, sink).await?;
        }
        if let Some(reason) = message.stop_reason {
            self.finish(reason, message.stop_details, sink).await;
        }
        self.use_up(message.usage, sink).await;
        self.ended = true;
        Ok(())
    }

    fn broke_off(&self, data: &str) -> Error {
        self.endpoint.broke_off(&Said::read(data), self.done.request_id.as_deref())
    }

    /// Takes the reason why it ended. A refusal may come with an explanation and without a text.
    async fn finish(&mut self, reason: String, details: Option<Value>, sink: &mut dyn DeltaSink) {
        self.done.finish_reason = finish_reason(reason);
        let refused = self.done.finish_reason == finish::CONTENT_FILTER;
        if refused && self.done.text.is_empty() {
            let explanation = details.as_ref().and_then(|details| details.get("explanation"));
            let explanation = explanation.and_then(Value::as_str).unwrap_or_default();
            self.say(explanation.to_owned(), sink).await;
        }
    }

    async fn use_up(&mut self, usage: Option<WireUsage>, sink: &mut dyn DeltaSink) {
        let Some(now) = usage else { return };
        let all = &mut self.usage;
        all.take(now);
        let read = all.cache_read_input_tokens.unwrap_or(0);
        let written = all.cache_creation_input_tokens.unwrap_or(0);
        let input = all.input_tokens.unwrap_or(0).saturating_add(read).saturating_add(written);
        let thought = all.output_tokens_details.map_or(0, |details| details.thinking_tokens);
        self.done.usage = Usage::new(input, all.output_tokens.unwrap_or(0))
            .cached(read, written)
            .reasoned(thought);
        sink.delta(Delta::Usage(self.done.usage)).await;
    }

    /// Ends the blocks of which no end was said, as some gateways do not: what was thought and called
    /// is whole only then.
    pub(super) async fn close(&mut self, sink: &mut dyn DeltaSink) -> Result<()> {
        while let Some((index, _)) = self.open.last() {
            self.stop(*index, sink).await?;
        }
        Ok(())
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
        let receipt = Some(receipt(self.model, block, (text, calls), self.prefix.as_deref()));
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
        let kind = piece.r#type.as_deref().unwrap_or_default();
        let at = match self.open.iter().rposition(|(open, _)| *open == index) {
            Some(at) => at,
            // Gateways may leave the beginning out. A call cannot do without: there is its name.
            None => {
                let open = match kind {
                    "text_delta" => Open::Text,
                    "thinking_delta" => {
                        Open::Thinking { place: self.think(None)?, signature: String::new() }
                    }
                    _ => return Err(self.nonsense("a piece of a block that it had not begun", "")),
                };
                if self.open.len() >= BLOCK_LIMIT {
                    return Err(self.nonsense("blocks without end", ""));
                }
                self.open.push((index, open));
                self.open.len() - 1
            }
        };
        match (kind, &mut self.open[at].1) {
            ("text_delta", Open::Text | Open::Thinking { .. } | Open::Call { .. }) => {
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
