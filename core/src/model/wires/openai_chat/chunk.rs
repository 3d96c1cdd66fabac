//! A chunk of an answer on the OpenAI-compatible wire, with the fields of every provider. Parsed
//! for each word that comes: nothing is built here that is not used.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Usage;
use crate::model::wires::lenient::{count, count_if_any, list, text};

#[derive(Deserialize)]
pub(super) struct Chunk {
    #[serde(default, deserialize_with = "list")]
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<WireUsage>,
    /// Where Groq puts usage and the id of the exchange.
    pub(super) x_groq: Option<Groq>,
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Groq {
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    pub(super) usage: Option<WireUsage>,
    /// Why a stream was ended early.
    #[serde(default, deserialize_with = "text")]
    pub(super) error: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) index: Option<u64>,
    pub(super) delta: Option<Piece>,
    /// In an answer that is not streamed.
    pub(super) message: Option<Piece>,
    #[serde(default, deserialize_with = "text")]
    pub(super) finish_reason: Option<String>,
    /// What the provider behind OpenRouter said.
    #[serde(default, deserialize_with = "text")]
    pub(super) native_finish_reason: Option<String>,
    /// What OpenRouter says of an error.
    pub(super) error: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    pub(super) content: Content,
    /// What is thought, at DeepSeek, xAI and llama.cpp.
    #[serde(default, deserialize_with = "text")]
    pub(super) reasoning_content: Option<String>,
    /// The same at Groq, OpenRouter and Ollama.
    #[serde(default, deserialize_with = "text")]
    pub(super) reasoning: Option<String>,
    /// What OpenRouter wants back.
    #[serde(default, deserialize_with = "list")]
    pub(super) reasoning_details: Vec<Detail>,
    #[serde(default, deserialize_with = "text")]
    pub(super) refusal: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tool_calls: Vec<CallPiece>,
    /// From before there were several.
    pub(super) function_call: Option<FunctionPiece>,
}

#[derive(Deserialize)]
pub(super) struct CallPiece {
    pub(super) index: Option<usize>,
    #[serde(default, deserialize_with = "text")]
    pub(super) id: Option<String>,
    pub(super) function: Option<FunctionPiece>,
}

#[derive(Default, Deserialize)]
pub(super) struct FunctionPiece {
    #[serde(default, deserialize_with = "text")]
    pub(super) name: Option<String>,
    /// An object, not a text, from some servers.
    #[serde(default, deserialize_with = "text")]
    pub(super) arguments: Option<String>,
}

/// A piece of OpenRouter's `reasoning_details`.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Detail {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
}

impl Detail {
    /// Takes the next piece of the same detail, or gives it back as one of its own.
    pub(super) fn join(&mut self, next: Self) -> Option<Self> {
        let encrypted = next.kind.as_deref() == Some("reasoning.encrypted");
        let other_id = self.id.is_some() && next.id.is_some() && self.id != next.id;
        if encrypted || self.kind != next.kind || self.index != next.index || other_id {
            return Some(next);
        }
        for (ours, theirs) in [(&mut self.text, next.text), (&mut self.summary, next.summary)] {
            match (ours, theirs) {
                (Some(ours), Some(theirs)) => ours.push_str(&theirs),
                (ours, theirs) => *ours = ours.take().or(theirs),
            }
        }
        self.signature = next.signature.or_else(|| self.signature.take());
        self.id = self.id.take().or(next.id);
        self.format = self.format.take().or(next.format);
        None
    }
}

/// The content of a piece: a text, or the parts that Mistral sends when it thinks, or one part.
#[derive(Debug, Default)]
pub(super) enum Content {
    #[default]
    Nothing,
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(default, deserialize_with = "text")]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) thinking: Option<Thinking>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Thinking {
    Text(String),
    Parts(Vec<Option<Thought>>),
    Other(de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub(super) struct Thought {
    #[serde(default, deserialize_with = "text")]
    text: Option<String>,
}

impl Thinking {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => {
                parts.into_iter().flatten().filter_map(|part| part.text).collect()
            }
            Self::Other(_) => String::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        // By hand: an untagged enum would copy each text once more.
        from.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a part or a list of parts")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
        Ok(Content::Nothing)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
        Ok(Content::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content, A::Error> {
        let part = Part::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Content::Parts(vec![part]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = list.next_element::<Option<Part>>()? {
            parts.extend(part);
        }
        Ok(Content::Parts(parts))
    }
}

#[derive(Default, Deserialize)]
pub(super) struct WireUsage {
    #[serde(default, deserialize_with = "count")]
    prompt_tokens: u64,
    #[serde(default, deserialize_with = "count_if_any")]
    completion_tokens: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    total_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// DeepSeek's name for what came from its cache.
    #[serde(default, deserialize_with = "count")]
    prompt_cache_hit_tokens: u64,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    #[serde(default, deserialize_with = "count")]
    cached_tokens: u64,
    #[serde(default, deserialize_with = "count")]
    cache_write_tokens: u64,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    #[serde(default, deserialize_with = "count")]
    reasoning_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(usage: WireUsage) -> Self {
        let prompt = usage.prompt_tokens_details.unwrap_or_default();
        let reasoning = usage.completion_tokens_details.unwrap_or_default().reasoning_tokens;
        let rest = usage.total_tokens.saturating_sub(usage.prompt_tokens);
        let said = usage.completion_tokens.unwrap_or(rest);
        // xAI counts what was thought beside what was said; the total tells.
        let apart = usage.prompt_tokens.saturating_add(said).saturating_add(reasoning);
        let beside = reasoning > 0 && usage.total_tokens == apart;
        let output = if beside { said.saturating_add(reasoning) } else { said };
        let cached = prompt.cached_tokens.max(usage.prompt_cache_hit_tokens);
        Usage::new(usage.prompt_tokens, output)
            .cached(cached, prompt.cache_write_tokens)
            .reasoned(reasoning)
    }
}
