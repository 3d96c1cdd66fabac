//! Chat and embedding models: the traits, the scripted model, and the OpenAI-compatible wire.
//!
//! A model is named `provider/model`. What differs between providers stays below [`ChatModel`]
//! and [`EmbeddingModel`]; nothing of a provider's types appears above this room.
//!
//! The OpenAI-compatible wire is our own, on `reqwest` and `serde`: it carries most traffic, and a
//! streamed chunk costs it a fraction of what a general client costs (`docs/benchmarks.md` has the
//! two side by side).

mod openai;
mod providers;
mod request;
mod scripted;
mod wire;

pub use providers::{ProviderConfig, Providers};
pub use scripted::{ScriptedEmbeddings, ScriptedModel};

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::error::{Code, Result};
use crate::spec::ToolChoice;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// What the model is told first.
    System(String),
    /// What the user says.
    User(String),
    /// What the model said.
    Assistant {
        /// Its text; may be empty.
        text: String,
        /// The calls that it made.
        tool_calls: Vec<ToolCall>,
    },
    /// The result of a call.
    Tool {
        /// The id of the call.
        call_id: String,
        /// The tool.
        name: String,
        /// The result as the model reads it.
        content: String,
    },
}

/// A call as the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Made by the provider; unique within a turn.
    pub id: String,
    /// The tool that it asks for; need not exist.
    pub name: String,
    /// The arguments as text; should be a JSON object, and may be anything.
    pub arguments: String,
}

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// What is asked of a chat model.
#[derive(Clone, Debug, Default)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// The tools that it may call, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// Whether it may make more than one call in a turn.
    pub parallel_tool_calls: bool,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// Tokens of the answer.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For models that can repeat themselves.
    pub seed: Option<i64>,
}

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Of requests.
    pub input_tokens: u64,
    /// Of answers.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl Usage {
    /// Usage of these two. Counts come from providers and can be anything: they stop at the top.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens,
            output_tokens,
            total_tokens: input_tokens.saturating_add(output_tokens),
        }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = Self::new(
            self.input_tokens.saturating_add(other.input_tokens),
            self.output_tokens.saturating_add(other.output_tokens),
        );
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// The text; may be empty when there are calls.
    pub text: String,
    /// The calls, in the model's order.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens of this call; zero where the provider says nothing.
    pub usage: Usage,
    /// The provider's word, for instance `stop`.
    pub finish_reason: String,
}

/// What a model gives while it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// A piece of the text.
    Text(String),
    /// A piece of a call's arguments.
    ToolCall {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// The piece; may be empty.
        arguments: String,
    },
    /// Tokens so far; replaces what was said before.
    Usage(Usage),
    /// The request failed and is made again after the delay. Nothing was emitted before.
    Retrying {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Milliseconds until the next.
        delay_ms: u64,
        /// Why.
        code: Code,
        /// Why, in a sentence.
        message: String,
    },
}

/// Takes the deltas of one answer. May hold the model back.
#[async_trait]
pub trait DeltaSink: Send {
    /// Takes one.
    async fn delta(&mut self, delta: Delta);
}

/// A model that answers a conversation. Dropping the future of a call stops the call.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Answers, giving deltas on the way. The completion holds all that the deltas held.
    ///
    /// # Errors
    /// A model code of [`crate::error::Code`].
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion>;
}

/// A model that turns texts into vectors.
#[async_trait]
pub trait EmbeddingModel: Send + Sync {
    /// One vector of length 1 for each text, in order, all of one dimension.
    ///
    /// # Errors
    /// A model code of [`crate::error::Code`].
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>>;
}
