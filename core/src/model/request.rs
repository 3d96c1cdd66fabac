//! What is asked of a chat model.

use std::sync::Arc;

use serde_json::Value;

use super::{Environment, Message, ToolSpec};
use crate::spec::{PromptCaching, ReasoningEffort, ToolChoice};

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
    /// Tokens of the answer, what is thought included where the provider counts that.
    pub max_tokens: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// For models that can repeat themselves.
    pub seed: Option<i64>,
    /// How much the model thinks before it answers; its own default if absent.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Whether the provider is asked to keep the beginning of the conversation.
    pub prompt_caching: PromptCaching,
    /// What groups requests with the same beginning, for providers that route by it: tenant and
    /// agent, hashed.
    pub cache_key: Option<String>,
    /// The answer is to be JSON of this schema. Only for models that do it themselves
    /// ([`super::StructuredOutput::Native`]); others pass over it.
    pub output: Option<Arc<OutputSchema>>,
    /// Fields of the provider's own, laid over the body as they stand.
    pub provider_options: Arc<serde_json::Map<String, Value>>,
    /// Where models of the host's are asked.
    pub environment: Environment,
}

/// The shape of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputSchema {
    /// A slug that names it for the model.
    pub name: String,
    /// JSON Schema, as the spec has it.
    pub schema: Value,
}
