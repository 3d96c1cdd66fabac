//! Layer 4: the model and its prompt.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::ScriptTurn;
use crate::spec::decode::{block, choice};

block! {
    /// Layer 4: the model and its prompt.
    pub struct Intelligence {
        /// `provider/model`; without one, the kernel's default model.
        pub model: String,
        /// What the model is told first; a template.
        pub system_prompt: Option<String>,
        /// Further texts, templates, that `system_prompt` names as `{{ prompts.NAME }}`.
        pub prompts: BTreeMap<String, String>,
        /// 0 to 2.
        pub temperature: Option<f64>,
        /// 0 to 1.
        pub top_p: Option<f64>,
        /// Tokens of one answer.
        pub max_tokens: Option<u32>,
        /// Texts that end an answer.
        pub stop: Vec<String>,
        /// For models that can repeat themselves.
        pub seed: Option<i64>,
        /// How much the model thinks before it answers; its own default if absent.
        pub reasoning_effort: Option<ReasoningEffort>,
        /// Whether the provider is asked to keep the beginning of the conversation; default auto.
        pub prompt_caching: PromptCaching,
        /// Fields of the provider's own API, laid over each request as they stand.
        pub provider_options: BTreeMap<String, Json>,
        /// Models to ask when the first one fails, in order.
        pub fallback_models: Vec<String>,
        /// How the model is led to its answer.
        pub cognition: Cognition,
        /// Turns of a `scripted/` model.
        pub script: Vec<ScriptTurn>,
    }
}

choice! {
    /// How much a model thinks before it answers.
    pub enum ReasoningEffort {
        /// Not at all, where the model can leave it.
        None = "none",
        /// As little as the model can.
        Minimal = "minimal",
        /// Little.
        Low = "low",
        /// As providers do by default.
        #[default]
        Medium = "medium",
        /// Much.
        High = "high",
    }
}

choice! {
    /// Whether the provider is asked to keep the beginning of the conversation, for the next request
    /// to be cheaper and faster.
    pub enum PromptCaching {
        /// Where that costs nothing to ask for, or the beginning is long enough to be worth it.
        #[default]
        Auto = "auto",
        /// Never asked for.
        Off = "off",
        /// For an hour, where the provider can.
        Long = "long",
    }
}

choice! {
    /// How the model is led to its answer.
    pub enum CognitionStrategy {
        /// It answers.
        #[default]
        Direct = "direct",
        /// It reasons and acts in turns.
        React = "react",
        /// It makes a plan first.
        Plan = "plan",
    }
}

choice! {
    /// What an answer is read as.
    pub enum OutputParsing {
        /// A text.
        #[default]
        Text = "text",
        /// JSON of `interface.output_schema`.
        Json = "json",
    }
}

block! {
    /// How the model is led to its answer, and what that is read as.
    pub struct Cognition {
        /// Default direct.
        pub strategy: CognitionStrategy,
        /// Default json where there is an `interface.output_schema`, else text.
        pub output: OutputParsing,
        /// How often an answer that does not fit `interface.output_schema` is asked for again;
        /// default 2.
        pub output_repairs: u32 = 2,
        /// Steps at most; not more than `behavior.max_turns`.
        pub max_steps: Option<u32>,
    }
}
