//! The conversation as the Gemini API wants it: contents of user and model, the results of a turn's
//! calls in one content and in the calls' order, and signatures on the parts that they came with.

use std::borrow::Cow;
use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::{WIRE, models};
use crate::model::dialect::Tools;
use crate::model::{Image, ImageSource, Message, Reasoning, Receipt, ToolCall};

/// What the API documents for calls of which there is no signature, as of another model's.
const UNSIGNED: &str = "skip_thought_signature_validator";

/// One content of the wire.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    role: &'static str,
    parts: Vec<Part<'a>>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    thought: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<Function<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Value>,
}

/// What a call came with.
pub(super) fn call_receipt(signature: Option<String>, id: bool) -> Option<Receipt> {
    let mut data = serde_json::Map::new();
    if let Some(signature) = signature {
        data.insert("thoughtSignature".into(), signature.into());
    }
    if id {
        data.insert("id".into(), true.into());
    }
    (!data.is_empty()).then(|| Receipt { wire: WIRE.to_owned(), data: data.into() })
}

/// A signature that came with a part of the text (from one byte to another of it), or with a thought.
pub(super) fn text_receipt(signature: String, thought: bool, from: usize, to: usize) -> Receipt {
    let mut data = json!({"thoughtSignature": signature, "from": from, "to": to});
    if thought {
        data["thought"] = true.into();
    }
    Receipt { wire: WIRE.to_owned(), data }
}

fn ours(receipt: Option<&Receipt>) -> Option<&Value> {
    receipt.filter(|receipt| receipt.wire == WIRE).map(|receipt| &receipt.data)
}

/// Whether the API gave the call its id, and wants it back.
fn has_id(call: &ToolCall) -> bool {
    ours(call.receipt.as_ref()).is_some_and(|data| data.get("id").is_some())
}

/// The parts that the model is told first.
pub(super) fn system(messages: &[Message]) -> Vec<Part<'_>> {
    let texts = messages.iter().filter_map(|message| match message {
        Message::System(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    texts.map(|text| Part { text: Some(text), ..Part::default() }).collect()
}

/// The contents of a conversation; its system messages stand elsewhere.
pub(super) fn contents<'a>(
    model: &str,
    messages: &'a [Message],
    tools: &'a Tools,
) -> Vec<Content<'a>> {
    let mut contents: Vec<Content<'a>> = Vec::new();
    // The calls of the last turn in their order, for their results.
    let mut calls: &[ToolCall] = &[];
    let mut ids: HashSet<&str> = HashSet::new();
    let mut results: Vec<(usize, Part<'a>)> = Vec::new();
    for message in messages {
        if let Message::Tool { call_id, name, content, is_error } = message {
            let place = calls.iter().position(|call| call.id == *call_id).unwrap_or(calls.len());
            let id = ids.contains(call_id.as_str()).then_some(call_id.as_str());
            results.push((place, result(id, tools.wire_name(name), content, *is_error)));
            continue;
        }
        flush(&mut results, &mut contents);
        match message {
            Message::User { text, images } => add(&mut contents, "user", user(text, images)),
            Message::Assistant { text, reasoning, tool_calls } => {
                calls = tool_calls;
                let with_id = tool_calls.iter().filter(|call| has_id(call));
                ids.extend(with_id.map(|call| call.id.as_str()));
                let parts = assistant(model, text, reasoning, tool_calls, tools);
                add(&mut contents, "model", parts);
            }
            Message::System(_) | Message::Tool { .. } => {}
        }
    }
    flush(&mut results, &mut contents);
    contents
}

/// Puts results into one content of their own: there must be as many in it as there were calls.
fn flush<'a>(results: &mut Vec<(usize, Part<'a>)>, contents: &mut Vec<Content<'a>>) {
    if results.is_empty() {
        return;
    }
    results.sort_by_key(|(place, _)| *place);
    let parts = results.drain(..).map(|(_, part)| part).collect();
    contents.push(Content { role: "user", parts });
}

fn add<'a>(contents: &mut Vec<Content<'a>>, role: &'static str, parts: Vec<Part<'a>>) {
    if parts.is_empty() {
        return;
    }
    let is_result =
        |content: &Content<'_>| content.parts.iter().any(|part| part.function_response.is_some());
    match contents.last_mut().filter(|last| last.role == role && !is_result(last)) {
        Some(last) => last.parts.extend(parts),
        None => contents.push(Content { role, parts }),
    }
}

fn user<'a>(text: &'a str, images: &[Image]) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(images.len() + 1);
    if !text.is_empty() {
        parts.push(Part { text: Some(text), ..Part::default() });
    }
    parts.extend(images.iter().map(|image| match &image.source {
        ImageSource::Bytes(bytes) => {
            let data = json!({"mimeType": image.media_type, "data": STANDARD.encode(bytes)});
            Part { inline_data: Some(data), ..Part::default() }
        }
        ImageSource::Url(url) => {
            let data = json!({"mimeType": image.media_type, "fileUri": url});
            Part { file_data: Some(data), ..Part::default() }
        }
    }));
    parts
}

fn assistant<'a>(
    model: &str,
    text: &'a str,
    reasoning: &'a [Reasoning],
    calls: &'a [ToolCall],
    tools: &'a Tools,
) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(calls.len() + 1);
    let mut said = 0;
    let mut say = |until: usize, signature: Option<&'a str>, parts: &mut Vec<Part<'a>>| {
        let piece = text.get(said..until.clamp(said, text.len())).unwrap_or_default();
        said += piece.len();
        if !piece.is_empty() || signature.is_some() {
            let text = Some(piece);
            parts.push(Part { text, thought_signature: signature, ..Part::default() });
        }
    };
    for thought in reasoning {
        let Some(data) = ours(thought.receipt.as_ref()) else { continue };
        let signature = data.get("thoughtSignature").and_then(Value::as_str);
        let place = |key: &str| {
            let place = data.get(key).and_then(Value::as_u64).unwrap_or(0);
            usize::try_from(place).unwrap_or(usize::MAX)
        };
        say(place("from"), None, &mut parts);
        if data.get("thought").is_some() {
            let text = Some(thought.text.as_str());
            parts.push(Part {
                text,
                thought: true,
                thought_signature: signature,
                ..Part::default()
            });
        } else {
            say(place("to"), signature, &mut parts);
        }
    }
    say(text.len(), None, &mut parts);
    parts.extend(calls.iter().enumerate().map(|(i, call)| {
        let signature = ours(call.receipt.as_ref())
            .and_then(|data| data.get("thoughtSignature"))
            .and_then(Value::as_str);
        // Only the first call of a turn is signed, and must be.
        let unsigned = (i == 0 && models::is_recent(model)).then_some(UNSIGNED);
        Part {
            function_call: Some(Function {
                id: has_id(call).then_some(call.id.as_str()),
                name: tools.wire_name(&call.name),
                args: Some(tools.sent_arguments(&call.name, &call.arguments)),
                response: None,
            }),
            thought_signature: signature.or(unsigned),
            ..Part::default()
        }
    }));
    parts
}

fn result<'a>(
    id: Option<&'a str>,
    name: Cow<'a, str>,
    content: &'a str,
    is_error: bool,
) -> Part<'a> {
    // What is JSON goes as JSON: a text of it would be quoted twice.
    let looks_structured = content.trim_start().starts_with(['{', '[']);
    let parsed = looks_structured.then(|| serde_json::from_str::<Value>(content).ok()).flatten();
    let content = parsed.unwrap_or_else(|| content.into());
    let key = if is_error { "error" } else { "output" };
    let response = Some(json!({ key: content }));
    Part { function_response: Some(Function { id, name, args: None, response }), ..Part::default() }
}
