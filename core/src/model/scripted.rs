//! A deterministic model that speaks the turns of a script, and deterministic vectors. Users test
//! their agents with them, and so do we.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::wires::normalised;
use super::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, EmbeddingModel, Message,
    StructuredOutput, ToolCall, Usage,
};
use crate::error::{Code, Error, Result};
use crate::spec::ScriptTurn;

/// Answers from a script. It keeps no state: the turn follows from the conversation, so any number
/// of runs share one.
#[derive(Clone, Debug)]
pub struct ScriptedModel {
    turns: Vec<ScriptTurn>,
}

impl ScriptedModel {
    /// A model of these turns.
    pub fn new(turns: Vec<ScriptTurn>) -> Self {
        Self { turns }
    }

    fn turn(&self, request: &ChatRequest, input: &str) -> Result<&ScriptTurn> {
        let said =
            request.messages.iter().filter(|m| matches!(m, Message::Assistant { .. })).count();
        let exists = |turn: &&ScriptTurn| {
            turn.when.input_contains.as_ref().is_none_or(|text| input.contains(text.as_str()))
        };
        self.turns.iter().filter(exists).nth(said).ok_or_else(|| {
            Error::new(
                Code::ModelScriptExhausted,
                format!("the script has no turn {} for this input", said + 1),
            )
            .hint("add a turn under `intelligence.script`")
        })
    }
}

/// The error that a script names; another word than a model error's is a fault of the script.
fn scripted_error(word: &str, message: &str) -> Error {
    let code = Code::ALL.iter().find(|code| code.as_str() == word && word.starts_with("model_"));
    match code {
        Some(code) => Error::new(*code, message),
        None => Error::invalid_argument(format!("the script names no model error: {word:?}")),
    }
}

#[async_trait]
impl ChatModel for ScriptedModel {
    /// What the script says, is said: no tool is made up for it.
    fn structured_output(&self) -> StructuredOutput {
        StructuredOutput::Native
    }

    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let input = request
            .messages
            .iter()
            .rev()
            .find_map(|m| match m {
                Message::User { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .unwrap_or_default();
        let turn = self.turn(request, input)?;
        let fill = |text: &str| fill(text, input, &request.messages);
        let deltas: Vec<String> = match &turn.text {
            Some(text) => words(&fill(text)),
            None => turn.deltas.iter().map(|delta| fill(delta)).collect(),
        };
        let mut usage = Usage::new(
            turn.usage.as_ref().map_or_else(|| count_words(&request.messages), |u| u.input_tokens),
            0,
        );
        sink.delta(Delta::Usage(usage)).await;
        let delay = Duration::from_millis(turn.delay_ms);
        if deltas.is_empty() && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut text = String::new();
        for delta in deltas {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            text.push_str(&delta);
            usage = Usage::new(usage.input_tokens, usage.output_tokens.saturating_add(1));
            sink.delta(Delta::Usage(usage)).await;
            sink.delta(Delta::Text(delta)).await;
        }
        if let Some(error) = &turn.error {
            return Err(scripted_error(&error.code, &error.message));
        }
        let mut tool_calls = Vec::with_capacity(turn.tool_calls.len());
        for call in &turn.tool_calls {
            let made =
                request.messages.iter().filter(|m| matches!(m, Message::Tool { .. })).count();
            let call = ToolCall {
                id: call
                    .id
                    .clone()
                    .unwrap_or_else(|| format!("call_{}", made + tool_calls.len() + 1)),
                name: call.name.clone(),
                arguments: match &call.arguments {
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                },
                receipt: None,
            };
            usage = Usage::new(usage.input_tokens, usage.output_tokens.saturating_add(1));
            sink.delta(Delta::ToolCall {
                call_id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
            })
            .await;
            tool_calls.push(call);
        }
        if let Some(claimed) = &turn.usage {
            usage = Usage::new(claimed.input_tokens, claimed.output_tokens);
        }
        let reason = if tool_calls.is_empty() { "stop" } else { "tool_calls" };
        Ok(Completion {
            text,
            tool_calls,
            usage,
            finish_reason: turn.finish_reason.clone().unwrap_or_else(|| reason.to_owned()),
            ..Completion::default()
        })
    }
}

/// Cuts a text into words, each with the space after it; joined they are the text.
fn words(text: &str) -> Vec<String> {
    text.split_inclusive(char::is_whitespace).map(str::to_owned).collect()
}

fn count_words(messages: &[Message]) -> u64 {
    let count = |text: &str| text.split_whitespace().count() as u64;
    messages
        .iter()
        .map(|message| match message {
            Message::System(text) | Message::User { text, .. } => count(text),
            Message::Assistant { text, .. } => count(text),
            Message::Tool { content, .. } => count(content),
        })
        .sum()
}

/// Puts `{{input}}`, `{{tool.NAME}}` and `{{tool.NAME.FIELD}}` in. What is not known stays as it is.
fn fill(text: &str, input: &str, messages: &[Message]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let Some(length) = rest[start..].find("}}") else {
            break;
        };
        out.push_str(&rest[..start]);
        let whole = &rest[start..start + length + 2];
        let name = whole[2..whole.len() - 2].trim();
        match value_of(name, input, messages) {
            Some(value) => out.push_str(&value),
            None => out.push_str(whole),
        }
        rest = &rest[start + length + 2..];
    }
    out.push_str(rest);
    out
}

fn value_of(name: &str, input: &str, messages: &[Message]) -> Option<String> {
    if name == "input" {
        return Some(input.to_owned());
    }
    let path = name.strip_prefix("tool.")?;
    let (tool, field) = path.split_once('.').map_or((path, None), |(t, f)| (t, Some(f)));
    let content = messages.iter().rev().find_map(|m| match m {
        Message::Tool { name, content, .. } if name == tool => Some(content),
        _ => None,
    })?;
    let Some(field) = field else {
        return Some(content.clone());
    };
    let value: Value = serde_json::from_str(content).ok()?;
    match value.pointer(&format!("/{}", field.replace('.', "/")))? {
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// Vectors made by hashing words into 256 buckets: similar words in, similar vectors out, with no
/// model at all. For tests; real retrieval wants a real model.
#[derive(Clone, Copy, Debug)]
pub struct ScriptedEmbeddings;

const DIMENSION: usize = 256;

#[async_trait]
impl EmbeddingModel for ScriptedEmbeddings {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| hashed(text)).collect())
    }
}

fn hashed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0f32; DIMENSION];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let hash = blake3::hash(word.to_lowercase().as_bytes());
        vector[usize::from(hash.as_bytes()[0])] += 1.0;
    }
    // A text without words points somewhere fixed rather than nowhere.
    normalised(vector).unwrap_or_else(|| {
        let mut fixed = vec![0.0; DIMENSION];
        fixed[0] = 1.0;
        fixed
    })
}
