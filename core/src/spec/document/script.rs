//! Layer 4: the turns of a scripted model.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use crate::spec::decode::{Decode, Decoder, block};
use crate::spec::node::{Node, Value};
use crate::spec::schema::{Definitions, Describe};

block! {
    /// One turn of a scripted model. See the guide for what stands in for `{{...}}`.
    pub struct ScriptTurn {
        /// The answer, given in deltas of one word.
        pub text: Option<String>,
        /// What the model thinks before it answers, given in deltas of one word.
        pub reasoning: Option<String>,
        /// The answer's deltas, instead of `text`.
        pub deltas: Vec<ScriptDelta>,
        /// Calls that the model makes.
        pub tool_calls: Vec<ScriptToolCall>,
        /// Waits before each delta.
        pub delay_ms: u64,
        /// Fails after the deltas.
        pub error: Option<ScriptError>,
        /// After the deltas nothing comes any more, until the run is cancelled or its time is over.
        pub stall: bool,
        /// Tokens; else words are counted.
        pub usage: Option<ScriptUsage>,
        /// Else `tool_calls` or `stop`.
        pub finish_reason: Option<String>,
        /// The turn exists only then.
        pub when: ScriptCondition,
    }
}

/// A piece of a scripted answer: its text, or a mapping with settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScriptDelta {
    /// A piece of the text.
    pub text: Option<String>,
    /// A piece of what the model thinks.
    pub reasoning: Option<String>,
    /// Waits before it, instead of the turn's `delay_ms`.
    pub delay_ms: Option<u64>,
}

impl Serialize for ScriptDelta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let (Some(text), None, None) = (&self.text, &self.reasoning, self.delay_ms) {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(text) = &self.text {
            map.serialize_entry("text", text)?;
        }
        if let Some(reasoning) = &self.reasoning {
            map.serialize_entry("reasoning", reasoning)?;
        }
        if let Some(delay_ms) = self.delay_ms {
            map.serialize_entry("delay_ms", &delay_ms)?;
        }
        map.end()
    }
}

impl Decode for ScriptDelta {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Text(text) = &node.value {
            return Some(Self { text: Some(text.clone()), ..Self::default() });
        }
        if !matches!(node.value, Value::Map(_)) {
            decoder.wrong_type(node, "a text, or a mapping with `text`");
            return None;
        }
        let ScriptDeltaSettings { text, reasoning, delay_ms } =
            ScriptDeltaSettings::decode(node, decoder)?;
        if text.is_some() == reasoning.is_some() {
            decoder.error(
                node,
                "AK1005",
                "a delta has `text` or `reasoning`, and not both".into(),
                None,
            );
            return None;
        }
        Some(Self { text, reasoning, delay_ms })
    }
}

impl Describe for ScriptDelta {
    fn describe(definitions: &mut Definitions) -> Json {
        let long = ScriptDeltaSettings::describe(definitions);
        serde_json::json!({"anyOf": [
            {"type": "string", "description": "A piece of the text."},
            {"allOf": [long, {"type": "object", "oneOf": [
                {"required": ["text"]}, {"required": ["reasoning"]},
            ]}]},
        ]})
    }
}

block! {
    /// The long form of a delta.
    pub struct ScriptDeltaSettings {
        /// A piece of the text.
        pub text: Option<String>,
        /// A piece of what the model thinks, instead of `text`.
        pub reasoning: Option<String>,
        /// Waits before it, instead of the turn's `delay_ms`.
        pub delay_ms: Option<u64>,
    }
}

block! {
    /// A call that a scripted model makes.
    pub struct ScriptToolCall {
        /// The tool.
        pub name: String,
        /// A mapping; or a text that is sent as it stands.
        pub arguments: Json = Json::Object(serde_json::Map::new()),
        /// The pieces of the arguments' text, instead of `arguments`; each is a delta.
        pub deltas: Vec<String>,
        /// Waits before each piece.
        pub delay_ms: u64,
        /// Else `call_1`, `call_2`, ...
        pub id: Option<String>,
    }
}

block! {
    /// How a scripted model fails.
    pub struct ScriptError {
        /// Word of a model error, for instance `model_unavailable`.
        pub code: String = "model_unavailable".into(),
        /// What it says.
        pub message: String = "the script says so".into(),
        /// Fails after this many deltas; else after all of them.
        pub after: Option<u32>,
        /// The HTTP status that the provider is said to have answered with.
        pub status: Option<u32>,
        /// The provider's id of the exchange.
        pub request_id: Option<String>,
        /// How long the provider asks to wait.
        pub retry_after_ms: Option<u64>,
    }
}

block! {
    /// Tokens that a scripted turn claims.
    pub struct ScriptUsage {
        /// Of the request.
        pub input_tokens: u64,
        /// Of the answer.
        pub output_tokens: u64,
        /// Of the request's, read from a cache.
        pub cached_input_tokens: u64,
        /// Of the request's, written to a cache.
        pub cache_write_tokens: u64,
        /// Of the answer's, thought.
        pub reasoning_tokens: u64,
    }
}

block! {
    /// When a scripted turn exists; all that is said must hold.
    pub struct ScriptCondition {
        /// The input holds this text.
        pub input_contains: Option<String>,
        /// The input matches this regular expression somewhere.
        pub input_matches: Option<String>,
        /// The model goes by this name: `scripted/b`, or `b`.
        pub model: Option<String>,
        /// At this call of the model in the run, from 1. The turn steps in there, and the others keep
        /// their order.
        pub turn: Option<u32>,
        /// Tools whose last results hold these texts. The turn steps in when they do, and the others
        /// keep their order.
        pub tool_result_contains: BTreeMap<String, String>,
    }
}
