//! From the chunks of an answer to a completion.

use serde_json::{Value, json};
use uuid::Uuid;

use super::OpenAiChat;
use super::chunk::{CallPiece, Choice, Chunk, Content, Detail, FunctionPiece, Piece};
use super::quirks::Keeps;
use crate::error::{Error, Result};
use crate::model::wires::refusal::Said;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, Receipt, ToolCall, Usage, finish};

/// The most calls of one turn; an index above it is nonsense and would fill memory.
const CALL_LIMIT: usize = 256;

/// An answer as far as it has come.
pub(super) struct Reading<'a> {
    model: &'a OpenAiChat,
    done: Completion,
    /// The provider's index of each call, where it gives one.
    indices: Vec<Option<usize>>,
    thought: String,
    details: Vec<Detail>,
    refused: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(model: &'a OpenAiChat, request_id: Option<String>) -> Self {
        Self {
            model,
            done: Completion { request_id, ..Completion::default() },
            indices: Vec::new(),
            thought: String::new(),
            details: Vec::new(),
            refused: false,
        }
    }

    /// Adds a chunk and passes on what is new.
    pub(super) async fn take(&mut self, data: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let chat = &self.model.chat;
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|e| chat.nonsense(&format!("what is not a chat chunk ({e})"), data))?;
        if let Some(error) = &chunk.error {
            return Err(self.broke_off(&Said::of(&json!({ "error": error }))));
        }
        let mut usage = chunk.usage;
        if let Some(groq) = chunk.x_groq {
            usage = usage.or(groq.usage);
            self.done.request_id = self.done.request_id.take().or(groq.id);
            if let Some(error) = groq.error.filter(|error| !error.is_empty()) {
                return Err(self.broke_off(&Said::read(&error)));
            }
        }
        if let Some(usage) = usage.map(Usage::from).filter(|usage| *usage != self.done.usage) {
            self.done.usage = usage;
            sink.delta(Delta::Usage(usage)).await;
        } else if chunk.choices.is_empty() {
            self.check_bare(data)?;
        }
        // Others than the first were not asked for.
        match chunk.choices.into_iter().next() {
            Some(choice) if choice.index.unwrap_or(0) == 0 => self.take_choice(choice, sink).await,
            _ => Ok(()),
        }
    }

    fn broke_off(&self, said: &Said) -> Error {
        self.model.chat.broke_off(said, self.done.request_id.as_deref())
    }

    /// A chunk with nothing in it may be an error in a form of its own, sent with a success.
    fn check_bare(&self, data: &str) -> Result<()> {
        let value: Value = serde_json::from_str(data).unwrap_or_default();
        let is = |key: &str| {
            value.get(key).and_then(Value::as_str).is_some_and(|word| word.contains("error"))
        };
        if is("object") || is("type") {
            return Err(self.broke_off(&Said::of(&value)));
        }
        Ok(())
    }

    async fn take_choice(&mut self, choice: Choice, sink: &mut dyn DeltaSink) -> Result<()> {
        if let Some(error) = choice.error.filter(|error| !error.is_null()) {
            return Err(self.broke_off(&Said::of(&json!({ "error": error }))));
        }
        if let Some(piece) = choice.delta.or(choice.message) {
            self.take_piece(piece, sink).await?;
        }
        if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
            self.done.finish_reason = match reason.as_str() {
                "eos" | "eos_token" | "end_turn" | "stop_sequence" => finish::STOP.to_owned(),
                "function_call" | "tool_use" => finish::TOOL_CALLS.to_owned(),
                "max_tokens" | "model_length" => finish::LENGTH.to_owned(),
                "error" | "insufficient_system_resource" => {
                    let native = choice.native_finish_reason.filter(|native| *native != reason);
                    let reason = native.map_or(reason.clone(), |n| format!("{reason}: {n}"));
                    let said = format!("it gave {reason:?} as the reason");
                    return Err(self.broke_off(&Said::read(&said)));
                }
                _ => reason,
            };
        }
        Ok(())
    }

    async fn take_piece(&mut self, piece: Piece, sink: &mut dyn DeltaSink) -> Result<()> {
        let shown = piece.reasoning_content.filter(|text| !text.is_empty()).or(piece.reasoning);
        let mut hidden = String::new();
        for detail in piece.reasoning_details {
            for text in [&detail.text, &detail.summary].into_iter().flatten() {
                hidden.push_str(text);
            }
            let next = match self.details.last_mut() {
                Some(last) => last.join(detail),
                None => Some(detail),
            };
            self.details.extend(next);
        }
        // What the details say is most often said beside them, too.
        self.think(shown.filter(|text| !text.is_empty()).unwrap_or(hidden), sink).await;
        match piece.content {
            Content::Nothing => {}
            Content::Text(text) => self.say(text, sink).await,
            Content::Parts(parts) => {
                for part in parts {
                    if let Some(thinking) = part.thinking {
                        self.think(thinking.into_text(), sink).await;
                    }
                    self.say(part.text.unwrap_or_default(), sink).await;
                }
            }
        }
        if let Some(refusal) = piece.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            self.say(refusal, sink).await;
        }
        for call in piece.tool_calls {
            self.take_call(call, sink).await?;
        }
        if let Some(function) = piece.function_call {
            let call = CallPiece { index: Some(0), id: None, function: Some(function) };
            self.take_call(call, sink).await?;
        }
        Ok(())
    }

    async fn say(&mut self, text: String, sink: &mut dyn DeltaSink) {
        if !text.is_empty() {
            self.done.text.push_str(&text);
            sink.delta(Delta::Text(text)).await;
        }
    }

    async fn think(&mut self, text: String, sink: &mut dyn DeltaSink) {
        if !text.is_empty() {
            self.thought.push_str(&text);
            sink.delta(Delta::Reasoning(text)).await;
        }
    }

    /// Which call a piece belongs to; the number of calls for one that is new.
    fn place(&self, piece: &CallPiece) -> usize {
        let calls = &self.done.tool_calls;
        let id = piece.id.as_deref().filter(|id| !id.is_empty());
        let names = piece.function.as_ref().and_then(|f| f.name.as_deref());
        let names = names.is_some_and(|name| !name.is_empty());
        if let Some(index) = piece.index {
            let Some(place) = self.indices.iter().rposition(|i| *i == Some(index)) else {
                return calls.len();
            };
            // Some servers count no further than 0: another id with a name begins another call.
            let other = names && id.is_some_and(|id| id != calls[place].id);
            return if other { calls.len() } else { place };
        }
        // Without indices: by id; a piece with neither id nor name goes on where the last one was.
        match id {
            Some(id) => calls.iter().position(|call| call.id == id).unwrap_or(calls.len()),
            None if names => calls.len(),
            None => calls.len().saturating_sub(1),
        }
    }

    async fn take_call(&mut self, piece: CallPiece, sink: &mut dyn DeltaSink) -> Result<()> {
        let place = self.place(&piece);
        if place >= CALL_LIMIT || piece.index.is_some_and(|index| index >= CALL_LIMIT) {
            let index = piece.index.unwrap_or(place);
            return Err(self
                .model
                .chat
                .nonsense("more tool calls than make sense", &index.to_string()));
        }
        if place == self.done.tool_calls.len() {
            let id = piece.id.filter(|id| !id.is_empty());
            let id = id.unwrap_or_else(|| format!("call_{}", Uuid::now_v7().simple()));
            self.done.tool_calls.push(ToolCall { id, ..ToolCall::default() });
            self.indices.push(piece.index);
        }
        let call = &mut self.done.tool_calls[place];
        let FunctionPiece { name, arguments } = piece.function.unwrap_or_default();
        let (name, arguments) = (name.unwrap_or_default(), arguments.unwrap_or_default());
        // Some servers say the name again with every piece.
        if call.name != name {
            call.name.push_str(&name);
        }
        call.arguments.push_str(&arguments);
        let delta =
            Delta::ToolCall { call_id: call.id.clone(), name: call.name.clone(), arguments };
        sink.delta(delta).await;
        Ok(())
    }

    /// Whether the provider said why the answer ends; what comes after that are counts.
    pub(super) fn is_whole(&self) -> bool {
        !self.done.finish_reason.is_empty()
    }

    /// The whole answer. One without a finish reason was cut off, whatever else it holds.
    pub(super) async fn complete(mut self, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let chat = &self.model.chat;
        if self.done.finish_reason.is_empty() {
            return Err(chat.broken());
        }
        for call in &mut self.done.tool_calls {
            if call.name.is_empty() {
                return Err(chat.nonsense("a tool call without a name", &call.arguments));
            }
            // A tool without parameters is often called with nothing at all.
            if call.arguments.trim().is_empty() {
                call.arguments = "{}".to_owned();
                let (call_id, name) = (call.id.clone(), call.name.clone());
                sink.delta(Delta::ToolCall { call_id, name, arguments: "{}".to_owned() }).await;
            }
        }
        if self.done.finish_reason == finish::STOP {
            if self.refused {
                self.done.finish_reason = finish::CONTENT_FILTER.to_owned();
            } else if !self.done.tool_calls.is_empty() {
                self.done.finish_reason = finish::TOOL_CALLS.to_owned();
            }
        }
        if !self.thought.is_empty() || !self.details.is_empty() {
            let receipt = self.receipt();
            self.done.reasoning.push(Reasoning { text: self.thought, receipt });
        }
        Ok(self.done)
    }

    /// What goes back to the provider with what was thought. Where that is the text itself, the
    /// receipt says only under which name.
    fn receipt(&self) -> Option<Receipt> {
        let data = match self.model.who.keeps() {
            Keeps::Nothing => return None,
            Keeps::ReasoningContent => json!({ "field": "reasoning_content" }),
            Keeps::Thinking => json!({ "field": "thinking" }),
            Keeps::ReasoningDetails if self.details.is_empty() => return None,
            // They are signed and encrypted by the model behind.
            Keeps::ReasoningDetails => {
                json!({ "model": self.model.model, "details": self.details })
            }
        };
        Some(Receipt { wire: self.model.receipt.clone(), data })
    }
}
