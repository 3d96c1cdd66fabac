//! From the events of the Responses API to a completion.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::OpenAiResponses;
use crate::error::{Error, Result};
use crate::model::wires::lenient::{count, list, or_default, text};
use crate::model::wires::refusal::Said;
use crate::model::{Completion, Delta, DeltaSink, Reasoning, Receipt, ToolCall, Usage, finish};

/// The most calls or thoughts of one answer; more are nonsense and would fill memory.
const ITEM_LIMIT: usize = 256;

/// An event, with the fields of every kind. Parsed for each word that comes.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "text")]
    delta: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    output_index: u64,
    #[serde(default, deserialize_with = "or_default")]
    summary_index: u64,
    #[serde(default, deserialize_with = "text")]
    arguments: Option<String>,
    item: Option<Item>,
    response: Option<Response>,
    /// From a server that puts errors as in the older API.
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    call_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    arguments: Option<String>,
    #[serde(default, deserialize_with = "text")]
    encrypted_content: Option<String>,
    #[serde(default, deserialize_with = "text")]
    phase: Option<String>,
    #[serde(default, deserialize_with = "list")]
    summary: Vec<Part>,
    #[serde(default, deserialize_with = "list")]
    content: Vec<Part>,
}

#[derive(Deserialize, Serialize)]
struct Part {
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    kind: String,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default, deserialize_with = "text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "list")]
    output: Vec<Item>,
    usage: Option<WireUsage>,
    incomplete_details: Option<Incomplete>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default, deserialize_with = "text")]
    reason: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default, deserialize_with = "count")]
    input_tokens: u64,
    #[serde(default, deserialize_with = "count")]
    output_tokens: u64,
    input_tokens_details: Option<InputDetails>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Default, Deserialize)]
struct InputDetails {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: u64,
    #[serde(default, deserialize_with = "count")]
    cache_write_tokens: u64,
}

#[derive(Default, Deserialize)]
struct OutputDetails {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let cache = usage.input_tokens_details.unwrap_or_default();
        let reasoning = usage.output_tokens_details.unwrap_or_default().reasoning_tokens;
        Self::new(usage.input_tokens, usage.output_tokens)
            .cached(cache.cached_tokens, cache.cache_write_tokens)
            .reasoned(reasoning)
    }
}

/// An answer as far as it has come.
pub(super) struct Reading<'a> {
    model: &'a OpenAiResponses,
    done: Completion,
    /// The place of each call in the output.
    calls: Vec<u64>,
    /// The place of each thought in the output.
    thoughts: Vec<u64>,
    /// Arguments that came before their call was announced, by its place: some servers name it only
    /// when it is whole.
    early: Vec<(u64, String)>,
    /// What part of the text was said in which phase, for those that go back.
    phases: Vec<Reasoning>,
    /// Where the message that is being said began.
    message_from: usize,
    refused: bool,
}

impl<'a> Reading<'a> {
    pub(super) fn new(model: &'a OpenAiResponses, request_id: Option<String>) -> Self {
        let done = Completion { request_id, ..Completion::default() };
        Self {
            model,
            done,
            calls: Vec::new(),
            thoughts: Vec::new(),
            early: Vec::new(),
            phases: Vec::new(),
            message_from: 0,
            refused: false,
        }
    }

    /// Adds an event and passes on what is new. Gives whether it was the last one.
    pub(super) async fn take(&mut self, data: &str, sink: &mut dyn DeltaSink) -> Result<bool> {
        let event: Event<'_> = serde_json::from_str(data).map_err(|e| {
            self.model.endpoint.nonsense(&format!("what is no event of a response ({e})"), data)
        })?;
        let delta = event.delta.unwrap_or_default();
        match event.kind.as_deref().unwrap_or_default() {
            "response.output_text.delta" => self.say(delta, sink).await,
            "response.refusal.delta" => {
                self.refused = true;
                self.say(delta, sink).await;
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.think(event.output_index, delta, sink).await?;
            }
            "response.reasoning_summary_part.added" if event.summary_index > 0 => {
                self.think(event.output_index, "\n\n".to_owned(), sink).await?;
            }
            "response.function_call_arguments.delta" => {
                self.argue(event.output_index, delta, sink).await?;
            }
            "response.function_call_arguments.done" => {
                self.finish_call(event.output_index, event.arguments, sink).await?;
            }
            "response.output_item.added" => {
                if let Some(item) = event.item.filter(|item| item.kind == "function_call") {
                    self.begin_call(event.output_index, &item, sink).await?;
                }
            }
            "response.output_item.done" => {
                if let Some(item) = event.item {
                    self.take_item(event.output_index, item, sink).await?;
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                if let Some(response) = event.response {
                    self.finish(response, sink).await?;
                }
                return Ok(true);
            }
            kind if kind == "error" || event.error.is_some() => {
                let value: Value = serde_json::from_str(data).unwrap_or_default();
                return Err(self.broke_off(&Said::of(&value)));
            }
            _ => {}
        }
        Ok(false)
    }

    fn broke_off(&self, said: &Said) -> Error {
        self.model.endpoint.broke_off(said, self.done.request_id.as_deref())
    }

    /// Takes an answer in one piece.
    pub(super) async fn take_whole(&mut self, body: &str, sink: &mut dyn DeltaSink) -> Result<()> {
        let response: Response = serde_json::from_str(body).map_err(|e| {
            self.model.endpoint.nonsense(&format!("what is no response ({e})"), body)
        })?;
        self.finish(response, sink).await
    }

    /// The whole answer. One without its last event was cut off, whatever else it holds.
    pub(super) fn complete(mut self) -> Result<Completion> {
        if self.done.finish_reason.is_empty() {
            return Err(self.model.endpoint.broken());
        }
        if !self.early.is_empty() {
            return Err(self
                .model
                .endpoint
                .nonsense("arguments of a call that it never named", ""));
        }
        if self.done.tool_calls.iter().any(|call| call.name.is_empty()) {
            return Err(self.model.endpoint.nonsense("a tool call without a name", ""));
        }
        self.done.reasoning.append(&mut self.phases);
        self.done.reasoning.retain(|r| !r.text.is_empty() || r.receipt.is_some());
        Ok(self.done)
    }

    async fn say(&mut self, text: String, sink: &mut dyn DeltaSink) {
        if !text.is_empty() {
            self.done.text.push_str(&text);
            sink.delta(Delta::Text(text)).await;
        }
    }

    /// The thought at a place of the output.
    fn thought(&mut self, place: u64) -> Result<&mut Reasoning> {
        let i = match self.thoughts.iter().position(|p| *p == place) {
            Some(i) => i,
            None if self.thoughts.len() >= ITEM_LIMIT => {
                return Err(self.model.endpoint.nonsense("more thoughts than make sense", ""));
            }
            None => {
                self.thoughts.push(place);
                self.done.reasoning.push(Reasoning::default());
                self.thoughts.len() - 1
            }
        };
        Ok(&mut self.done.reasoning[i])
    }

    async fn think(&mut self, place: u64, text: String, sink: &mut dyn DeltaSink) -> Result<()> {
        if !text.is_empty() {
            self.thought(place)?.text.push_str(&text);
            sink.delta(Delta::Reasoning(text)).await;
        }
        Ok(())
    }

    async fn begin_call(
        &mut self,
        place: u64,
        item: &Item,
        sink: &mut dyn DeltaSink,
    ) -> Result<usize> {
        if let Some(i) = self.calls.iter().position(|p| *p == place) {
            return Ok(i);
        }
        if self.calls.len() >= ITEM_LIMIT {
            return Err(self.model.endpoint.nonsense("more tool calls than make sense", ""));
        }
        let given = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
        let id = given(&item.call_id).or_else(|| given(&item.id));
        let call = ToolCall {
            id: id.unwrap_or_else(|| format!("call_{}", uuid::Uuid::now_v7().simple())),
            name: item.name.clone().unwrap_or_default(),
            ..ToolCall::default()
        };
        let (call_id, name) = (call.id.clone(), call.name.clone());
        self.calls.push(place);
        self.done.tool_calls.push(call);
        sink.delta(Delta::ToolCall { call_id, name, arguments: String::new() }).await;
        if let Some(early) = self.early.iter().position(|(p, _)| *p == place) {
            let (_, arguments) = self.early.swap_remove(early);
            self.argue(place, arguments, sink).await?;
        }
        Ok(self.calls.len() - 1)
    }

    async fn argue(&mut self, place: u64, piece: String, sink: &mut dyn DeltaSink) -> Result<()> {
        let Some(i) = self.calls.iter().position(|p| *p == place) else {
            return self.keep_early(place, piece);
        };
        if !piece.is_empty() {
            let call = &mut self.done.tool_calls[i];
            call.arguments.push_str(&piece);
            let (call_id, name) = (call.id.clone(), call.name.clone());
            sink.delta(Delta::ToolCall { call_id, name, arguments: piece }).await;
        }
        Ok(())
    }

    fn keep_early(&mut self, place: u64, piece: String) -> Result<()> {
        let known = self.early.iter().position(|(p, _)| *p == place);
        if known.is_none() && self.early.len() >= ITEM_LIMIT {
            return Err(self.model.endpoint.nonsense("more tool calls than make sense", ""));
        }
        match known {
            Some(i) => self.early[i].1.push_str(&piece),
            None => self.early.push((place, piece)),
        }
        Ok(())
    }

    /// The arguments as a whole: what a server that does not stream them sends.
    async fn finish_call(
        &mut self,
        place: u64,
        arguments: Option<String>,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        let Some(i) = self.calls.iter().position(|p| *p == place) else { return Ok(()) };
        if self.done.tool_calls[i].arguments.is_empty() {
            self.argue(place, arguments.unwrap_or_default(), sink).await?;
        }
        Ok(())
    }

    async fn take_item(&mut self, place: u64, item: Item, sink: &mut dyn DeltaSink) -> Result<()> {
        match item.kind.as_str() {
            "function_call" => {
                let i = self.begin_call(place, &item, sink).await?;
                let said = item.arguments.filter(|arguments| !arguments.trim().is_empty());
                // A tool without parameters may be called with nothing at all.
                let arguments = said.unwrap_or_else(|| "{}".to_owned());
                if self.done.tool_calls[i].arguments.is_empty() {
                    self.argue(place, arguments, sink).await?;
                }
            }
            "reasoning" => self.take_thought(place, item, self.calls.len(), sink).await?,
            // Its text has come in pieces, unless the server does not send any.
            "message" => self.take_message(item, self.done.text.is_empty(), sink).await,
            _ => {}
        }
        Ok(())
    }

    /// Takes the end of a message, and its text where that has not come.
    async fn take_message(&mut self, item: Item, silent: bool, sink: &mut dyn DeltaSink) {
        for part in item.content.into_iter().filter(|_| silent) {
            self.refused |= part.refusal.is_some();
            self.say(part.text.or(part.refusal).unwrap_or_default(), sink).await;
        }
        let (from, to) = (self.message_from, self.done.text.len());
        self.message_from = to;
        let phase = item.phase.filter(|_| from < to && self.phases.len() < ITEM_LIMIT);
        if let Some(phase) = phase {
            let model = &self.model.model;
            let data = json!({ "model": model, "phase": phase, "from": from, "to": to });
            let receipt = Some(Receipt { wire: self.model.receipt.clone(), data });
            self.phases.push(Reasoning { text: String::new(), receipt });
        }
    }

    /// Takes what only the whole answer says, as some servers do, and all of it where nothing was
    /// streamed. Places differ between the two: calls are known by their ids, else by their order.
    async fn fill_in(&mut self, output: Vec<Item>, sink: &mut dyn DeltaSink) -> Result<()> {
        let silent = self.done.text.is_empty();
        let (mut calls, mut thoughts) = (0, 0);
        for item in output {
            match item.kind.as_str() {
                "message" if silent => self.take_message(item, true, sink).await,
                "function_call" => {
                    let id = item.call_id.as_ref().or(item.id.as_ref());
                    let known = self.done.tool_calls.iter().position(|c| Some(&c.id) == id);
                    let place = known.or(Some(calls)).and_then(|i| self.calls.get(i).copied());
                    let place = place.unwrap_or_else(|| self.new_place());
                    self.take_item(place, item, sink).await?;
                    calls += 1;
                }
                "reasoning" => {
                    let known = self.thoughts.get(thoughts).copied();
                    let place = known.unwrap_or_else(|| self.new_place());
                    if self.thought(place)?.receipt.is_none() {
                        self.take_thought(place, item, calls, sink).await?;
                    }
                    thoughts += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A place for what was not streamed: that of a call whose arguments were, or one behind all.
    fn new_place(&self) -> u64 {
        let behind =
            self.calls.iter().chain(&self.thoughts).max().map_or(0, |p| p.saturating_add(1));
        self.early.first().map_or(behind, |(place, _)| *place)
    }

    async fn take_thought(
        &mut self,
        place: u64,
        item: Item,
        calls_before: usize,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        if self.thought(place)?.text.is_empty() {
            let parts = if item.summary.is_empty() { &item.content } else { &item.summary };
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.text.as_deref()).collect();
            self.think(place, texts.join("\n\n"), sink).await?;
        }
        // Without its content nothing is sent back: the provider has kept nothing.
        if let Some(encrypted) = item.encrypted_content.filter(|content| !content.is_empty()) {
            let mut sent = json!({
                "type": "reasoning",
                "id": item.id,
                "summary": item.summary,
                "encrypted_content": encrypted,
            });
            if item.id.is_none()
                && let Some(map) = sent.as_object_mut()
            {
                map.shift_remove("id");
            }
            let model = &self.model.model;
            let data = json!({ "model": model, "item": sent, "calls_before": calls_before });
            let receipt = Receipt { wire: self.model.receipt.clone(), data };
            self.thought(place)?.receipt = Some(receipt);
        }
        Ok(())
    }

    async fn finish(&mut self, response: Response, sink: &mut dyn DeltaSink) -> Result<()> {
        let failed = response.status.as_deref() == Some("failed");
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            let said = Said::of(&json!({ "error": error }));
            return Err(self.broke_off(&said));
        }
        if failed {
            return Err(self.broke_off(&Said::read("no reason was given")));
        }
        self.fill_in(response.output, sink).await?;
        if let Some(usage) = response.usage {
            self.done.usage = usage.into();
            sink.delta(Delta::Usage(self.done.usage)).await;
        }
        let cut = response.incomplete_details.and_then(|details| details.reason);
        self.done.finish_reason = match (cut, response.status.as_deref()) {
            (Some(reason), _) if reason == "max_output_tokens" => finish::LENGTH.to_owned(),
            (Some(reason), _) => reason,
            (None, Some("incomplete")) => finish::LENGTH.to_owned(),
            // What has no status is no response.
            (None, None) => return Ok(()),
            _ if self.refused => finish::CONTENT_FILTER.to_owned(),
            _ if !self.done.tool_calls.is_empty() => finish::TOOL_CALLS.to_owned(),
            _ => finish::STOP.to_owned(),
        };
        Ok(())
    }
}
