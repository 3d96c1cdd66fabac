//! The conversation as the Messages API wants it: turns of user and assistant that take turns, all
//! results of a turn's calls in one message, and what was thought back in its place.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::WIRE;
use super::request::{CacheControl, call_id};
use crate::model::dialect::Tools;
use crate::model::{ChatRequest, Image, ImageSource, Message, Reasoning, Receipt, ToolCall};

/// One message of the wire.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Marked<'a>>,
}

#[derive(Debug, Serialize)]
struct Marked<'a> {
    #[serde(flatten)]
    block: Block<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

impl<'a> From<Block<'a>> for Marked<'a> {
    fn from(block: Block<'a>) -> Self {
        Self { block, cache_control: None }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Value,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        input: Value,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "str::is_empty")]
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    #[serde(untagged)]
    Kept(Kept<'a>),
}

/// What was thought, as it was sent, its type included.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Kept<'a> {
    block: &'a Value,
    /// What it is bound to.
    #[serde(skip)]
    prefix: Option<&'a str>,
}

/// What was thought, with the place where it stood: behind so many bytes of text and so many calls.
/// Order matters to the provider, and a message keeps text, thoughts and calls apart.
pub(super) fn receipt(
    model: &str,
    block: Value,
    (text, calls): (usize, usize),
    prefix: Option<&str>,
) -> Receipt {
    let mut data = json!({"model": model, "block": block, "text": text, "calls": calls});
    if let Some(prefix) = prefix {
        data["prefix"] = prefix.into();
    }
    Receipt { wire: WIRE.to_owned(), data }
}

/// Takes out the thoughts before which something was changed since they were thought, as the newest
/// models refuse those. Each has the hash of all that was sent then; `head` is what stands before the
/// turns. Gives the hash of all that is sent now, for what will be thought.
pub(super) fn leave_unbound(
    turns: &mut Vec<Turn<'_>>,
    head: &impl Serialize,
) -> Result<String, serde_json::Error> {
    let mut sent = blake3::Hasher::new();
    sent.update(&serde_json::to_vec(head)?);
    for turn in turns.iter_mut() {
        let prefix = sent.finalize().to_hex();
        turn.content.retain(|marked| match &marked.block {
            Block::Kept(kept) => kept.prefix == Some(prefix.as_str()),
            _ => true,
        });
        sent.update(&serde_json::to_vec(turn)?);
    }
    turns.retain(|turn| !turn.content.is_empty());
    Ok(sent.finalize().to_hex().to_string())
}

/// The block of a receipt, if this model gave it: another model refuses it.
fn kept<'a>(model: &str, thought: &'a Reasoning) -> Option<(Kept<'a>, usize, usize)> {
    let receipt = thought.receipt.as_ref().filter(|receipt| receipt.wire == WIRE)?;
    let data = &receipt.data;
    if data.get("model").and_then(Value::as_str) != Some(model) {
        return None;
    }
    let place = |key: &str| {
        let place = data.get(key).and_then(Value::as_u64).unwrap_or(0);
        usize::try_from(place).unwrap_or(usize::MAX)
    };
    let prefix = data.get("prefix").and_then(Value::as_str);
    Some((Kept { block: data.get("block")?, prefix }, place("text"), place("calls")))
}

/// Whether the model is in the middle of a turn of calls that it began without thinking: in such a
/// turn it cannot begin to.
pub(super) fn calls_without_thought(request: &ChatRequest) -> bool {
    let last = request.messages.iter().rev().find(|m| !matches!(m, Message::Tool { .. }));
    let in_turn = matches!(request.messages.last(), Some(Message::Tool { .. }));
    match last {
        Some(Message::Assistant { reasoning, tool_calls, .. }) if in_turn => {
            let ours = |r: &Reasoning| r.receipt.as_ref().is_some_and(|r| r.wire == WIRE);
            !tool_calls.is_empty() && !reasoning.iter().any(ours)
        }
        _ => false,
    }
}

/// Bytes of a message, roughly.
pub(super) fn size(message: &Message) -> usize {
    match message {
        Message::System(text) => text.len(),
        Message::Tool { content, .. } => content.len(),
        // A picture is about 1,500 tokens.
        Message::User { text, images } => text.len() + images.len() * 6_000,
        Message::Assistant { text, tool_calls, .. } => {
            text.len() + tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>()
        }
    }
}

/// The turns of a conversation; its system messages stand elsewhere.
pub(super) fn turns<'a>(model: &str, messages: &'a [Message], tools: &'a Tools) -> Vec<Turn<'a>> {
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in messages {
        let (role, blocks) = match message {
            Message::System(_) => continue,
            Message::User { text, images } => ("user", user(text, images)),
            Message::Tool { call_id: id, content, is_error, .. } => {
                let result =
                    Block::ToolResult { tool_use_id: call_id(id), content, is_error: *is_error };
                ("user", vec![result])
            }
            Message::Assistant { text, reasoning, tool_calls } => {
                ("assistant", assistant(model, text, reasoning, tool_calls, tools))
            }
        };
        if blocks.is_empty() {
            continue;
        }
        let blocks = blocks.into_iter().map(Marked::from);
        match turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.content.extend(blocks),
            None => turns.push(Turn { role, content: blocks.collect() }),
        }
    }
    for turn in turns.iter_mut().filter(|turn| turn.role == "user") {
        // Results stand before anything else that is said in their turn.
        turn.content.sort_by_key(|marked| !matches!(marked.block, Block::ToolResult { .. }));
    }
    turns
}

/// Marks the ends of the last two user turns.
pub(super) fn mark_last(turns: &mut [Turn<'_>], mark: CacheControl) {
    for turn in turns.iter_mut().rev().filter(|turn| turn.role == "user").take(2) {
        if let Some(last) = turn.content.last_mut() {
            last.cache_control = Some(mark);
        }
    }
}

/// A text block, unless there is nothing to see in it: the API refuses those.
fn say<'a>(text: &'a str, blocks: &mut Vec<Block<'a>>) {
    if !text.trim().is_empty() {
        blocks.push(Block::Text { text });
    }
}

fn user<'a>(text: &'a str, images: &[Image]) -> Vec<Block<'a>> {
    let mut blocks = Vec::with_capacity(images.len() + 1);
    say(text, &mut blocks);
    blocks.extend(images.iter().map(|image| Block::Image {
        source: match &image.source {
            ImageSource::Url(url) => json!({"type": "url", "url": url}),
            ImageSource::Bytes(bytes) => json!({
                "type": "base64",
                "media_type": image.media_type,
                "data": STANDARD.encode(bytes),
            }),
        },
    }));
    blocks
}

fn assistant<'a>(
    model: &str,
    text: &'a str,
    reasoning: &'a [Reasoning],
    calls: &'a [ToolCall],
    tools: &'a Tools,
) -> Vec<Block<'a>> {
    let mut blocks = Vec::with_capacity(reasoning.len() + calls.len() + 1);
    let (mut said, mut called) = (0, 0);
    for (block, text_before, calls_before) in reasoning.iter().filter_map(|r| kept(model, r)) {
        let end = text_before.clamp(said, text.len());
        // A text that was changed since may have no such place.
        if let Some(piece) = text.get(said..end) {
            say(piece, &mut blocks);
            said = end;
        }
        while called < calls_before.min(calls.len()) {
            blocks.push(call(&calls[called], tools));
            called += 1;
        }
        blocks.push(Block::Kept(block));
    }
    say(text.get(said..).unwrap_or_default(), &mut blocks);
    blocks.extend(calls[called..].iter().map(|c| call(c, tools)));
    blocks
}

fn call<'a>(call: &'a ToolCall, tools: &'a Tools) -> Block<'a> {
    Block::ToolUse {
        id: call_id(&call.id),
        name: tools.wire_name(&call.name),
        input: tools.sent_arguments(&call.name, &call.arguments),
    }
}
