//! A deterministic model that speaks the turns of a script. Users test their agents with it, and so
//! do we.

use std::time::Duration;

use async_trait::async_trait;
use regex::Regex;
use serde_json::Value;

use super::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, Message, Reasoning, StructuredOutput,
    ToolCall, Usage, finish,
};
use crate::error::{Code, Error, ProviderAnswer, Result};
use crate::spec::{ScriptCondition, ScriptError, ScriptToolCall, ScriptTurn, ScriptUsage};

/// Answers from a script. It keeps no state: the turn follows from the conversation, so any number
/// of runs share one.
#[derive(Clone, Debug)]
pub struct ScriptedModel {
    turns: Vec<ScriptTurn>,
    name: String,
}

impl ScriptedModel {
    /// A model of these turns.
    pub fn new(turns: Vec<ScriptTurn>) -> Self {
        Self { turns, name: String::new() }
    }

    /// The same under a name, for turns that ask for it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The turn for a conversation. Turns of a certain call or tool result step in where they hold;
    /// the others follow each other. What was taken before is found by going through it again.
    fn turn(&self, messages: &[Message]) -> Result<&ScriptTurn> {
        let calls =
            messages.iter().enumerate().filter(|(_, m)| matches!(m, Message::Assistant { .. }));
        let ends: Vec<usize> = calls.map(|(i, _)| i).chain([messages.len()]).collect();
        let mut followed = 0;
        for (call, end) in (1..).zip(&ends) {
            let before = &messages[..*end];
            let last = call == ends.len();
            let mut plain = 0;
            let (mut stepped_in, mut next) = (None, None);
            for turn in &self.turns {
                if !self.exists(&turn.when, before, call)? {
                    continue;
                }
                if turn.when.turn.is_some() || !turn.when.tool_result_contains.is_empty() {
                    stepped_in = stepped_in.or(Some(turn));
                } else {
                    next = next.or((plain == followed).then_some(turn));
                    plain += 1;
                }
            }
            match stepped_in.or(next) {
                Some(turn) if last => return Ok(turn),
                _ if stepped_in.is_none() => followed += 1,
                _ => {}
            }
        }
        Err(Error::new(
            Code::ModelScriptExhausted,
            format!("the script has no turn {} for this input", ends.len()),
        )
        .hint("add a turn under `intelligence.script`"))
    }

    fn exists(&self, when: &ScriptCondition, messages: &[Message], call: usize) -> Result<bool> {
        let input = input(messages);
        let matches = when.input_matches.as_deref().map_or(Ok(true), |pattern| {
            Regex::new(pattern).map(|pattern| pattern.is_match(input)).map_err(|e| {
                Error::invalid_argument(format!("the script's pattern {pattern:?} is none"))
                    .caused_by(e)
            })
        })?;
        let named = |model: &str| model.strip_prefix("scripted/").unwrap_or(model) == self.name;
        let said = |(tool, text): (&String, &String)| {
            last_result(messages, tool).is_some_and(|result| result.contains(text.as_str()))
        };
        Ok(matches
            && when.input_contains.as_ref().is_none_or(|text| input.contains(text.as_str()))
            && when.model.as_deref().is_none_or(named)
            && when.turn.is_none_or(|turn| usize::try_from(turn) == Ok(call))
            && when.tool_result_contains.iter().all(said))
    }
}

/// What a turn gives before its calls.
struct Piece {
    text: String,
    thought: bool,
    delay: Duration,
}

fn pieces(turn: &ScriptTurn, fill: impl Fn(&str) -> String) -> Vec<Piece> {
    let usual = Duration::from_millis(turn.delay_ms);
    let piece = |text: String, thought| Piece { text, thought, delay: usual };
    let mut pieces: Vec<Piece> = Vec::new();
    if let Some(reasoning) = &turn.reasoning {
        pieces.extend(words(&fill(reasoning)).into_iter().map(|word| piece(word, true)));
    }
    if let Some(text) = &turn.text {
        pieces.extend(words(&fill(text)).into_iter().map(|word| piece(word, false)));
        return pieces;
    }
    for delta in &turn.deltas {
        let thought = delta.text.is_none();
        let text = delta.text.as_ref().or(delta.reasoning.as_ref());
        let delay = delta.delay_ms.map_or(usual, Duration::from_millis);
        pieces.push(Piece {
            text: text.map(|text| fill(text)).unwrap_or_default(),
            thought,
            delay,
        });
    }
    pieces
}

/// What was given so far.
struct Given<'a> {
    sink: &'a mut dyn DeltaSink,
    done: Completion,
}

impl Given<'_> {
    /// One more token, for want of a better measure.
    fn count(&mut self, thought: bool) -> Usage {
        let usage = &mut self.done.usage;
        let more = u64::from(thought);
        *usage = Usage::new(usage.input_tokens, usage.output_tokens.saturating_add(1))
            .reasoned(usage.reasoning_tokens.saturating_add(more));
        *usage
    }

    async fn piece(&mut self, piece: Piece) {
        pause(piece.delay).await;
        let usage = self.count(piece.thought);
        self.sink.delta(Delta::Usage(usage)).await;
        if piece.thought {
            let reasoning = &mut self.done.reasoning;
            if reasoning.is_empty() {
                reasoning.push(Reasoning::default());
            }
            if let Some(last) = reasoning.last_mut() {
                last.text.push_str(&piece.text);
            }
            self.sink.delta(Delta::Reasoning(piece.text)).await;
        } else {
            self.done.text.push_str(&piece.text);
            self.sink.delta(Delta::Text(piece.text)).await;
        }
    }

    async fn call(&mut self, call: &ScriptToolCall, number: usize) {
        let id = call.id.clone().unwrap_or_else(|| format!("call_{number}"));
        let pieces = match (&call.arguments, call.deltas.as_slice()) {
            (Value::String(text), []) => vec![text.clone()],
            (value, []) => vec![value.to_string()],
            (_, deltas) => deltas.to_vec(),
        };
        self.count(false);
        let arguments = pieces.concat();
        for arguments in pieces {
            pause(Duration::from_millis(call.delay_ms)).await;
            let (call_id, name) = (id.clone(), call.name.clone());
            self.sink.delta(Delta::ToolCall { call_id, name, arguments }).await;
        }
        let call = ToolCall { id, name: call.name.clone(), arguments, receipt: None };
        self.done.tool_calls.push(call);
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// The error that a script names; another word than a model error's is a fault of the script.
fn scripted_error(error: &ScriptError) -> Error {
    let ScriptError { code: word, message, status, request_id, retry_after_ms, .. } = error;
    let code = Code::ALL.iter().find(|code| code.as_str() == word && word.starts_with("model_"));
    let Some(code) = code else {
        return Error::invalid_argument(format!("the script names no model error: {word:?}"));
    };
    let answer = ProviderAnswer {
        status: status.and_then(|status| u16::try_from(status).ok()),
        request_id: request_id.clone(),
        retry_after: retry_after_ms.map(Duration::from_millis),
    };
    let error = Error::new(*code, message);
    if answer == ProviderAnswer::default() { error } else { error.answered(answer) }
}

fn claimed(usage: &ScriptUsage) -> Usage {
    Usage::new(usage.input_tokens, usage.output_tokens)
        .cached(usage.cached_input_tokens, usage.cache_write_tokens)
        .reasoned(usage.reasoning_tokens)
}

#[async_trait]
impl ChatModel for ScriptedModel {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let turn = self.turn(&request.messages)?;
        let input = input(&request.messages);
        let pieces = pieces(turn, |text| fill(text, input, &request.messages));
        let asked =
            turn.usage.as_ref().map_or_else(|| count_words(&request.messages), |u| u.input_tokens);
        let mut given = Given { sink, done: Completion::default() };
        given.done.usage = Usage::new(asked, 0);
        given.sink.delta(Delta::Usage(given.done.usage)).await;
        if pieces.is_empty() {
            pause(Duration::from_millis(turn.delay_ms)).await;
        }
        let until = turn.error.as_ref().and_then(|error| error.after);
        let until = until.and_then(|after| usize::try_from(after).ok()).unwrap_or(usize::MAX);
        for piece in pieces.into_iter().take(until) {
            given.piece(piece).await;
        }
        if let Some(error) = &turn.error {
            return Err(scripted_error(error));
        }
        if turn.stall {
            return std::future::pending().await;
        }
        let made = request.messages.iter().filter(|m| matches!(m, Message::Tool { .. })).count();
        for (i, call) in (1..).zip(&turn.tool_calls) {
            given.call(call, made + i).await;
        }
        let mut done = given.done;
        if let Some(usage) = &turn.usage {
            done.usage = claimed(usage);
        }
        let reason = if done.tool_calls.is_empty() { finish::STOP } else { finish::TOOL_CALLS };
        done.finish_reason = turn.finish_reason.clone().unwrap_or_else(|| reason.to_owned());
        Ok(done)
    }

    fn structured_output(&self) -> StructuredOutput {
        // The text of a turn is the answer, whatever is asked for.
        StructuredOutput::Native
    }
}

/// What the user said last.
fn input(messages: &[Message]) -> &str {
    let said = messages.iter().rev().find_map(|m| match m {
        Message::User { text, .. } => Some(text.as_str()),
        _ => None,
    });
    said.unwrap_or_default()
}

fn last_result<'a>(messages: &'a [Message], tool: &str) -> Option<&'a str> {
    messages.iter().rev().find_map(|m| match m {
        Message::Tool { name, content, .. } if name == tool => Some(content.as_str()),
        _ => None,
    })
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
    let content = last_result(messages, tool)?;
    let Some(field) = field else {
        return Some(content.to_owned());
    };
    let value: Value = serde_json::from_str(content).ok()?;
    match value.pointer(&format!("/{}", field.replace('.', "/")))? {
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}
