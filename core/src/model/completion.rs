//! What a chat model answers.

use async_trait::async_trait;
use serde::Serialize;

use super::{ChatRequest, Reasoning, ToolCall};
use crate::error::{Code, Error, Result};

/// Tokens used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Of requests, those read from a cache and written to one included.
    pub input_tokens: u64,
    /// Of answers, what was thought included.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Of `input_tokens`, read from the provider's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cached_input_tokens: u64,
    /// Of `input_tokens`, written to the provider's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
    /// Of `output_tokens`, thought and not said.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    /// Usage of these two. Counts come from providers and can be anything: they stop at the top.
    pub fn new(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            input_tokens,
            output_tokens,
            total_tokens: input_tokens.saturating_add(output_tokens),
            ..Self::default()
        }
    }

    /// With parts of the input that a cache had to do with; at most all of it.
    #[must_use]
    pub fn cached(mut self, read: u64, written: u64) -> Self {
        self.cached_input_tokens = read.min(self.input_tokens);
        self.cache_write_tokens = written.min(self.input_tokens - self.cached_input_tokens);
        self
    }

    /// With the part of the output that was thought; at most all of it.
    #[must_use]
    pub fn reasoned(mut self, tokens: u64) -> Self {
        self.reasoning_tokens = tokens.min(self.output_tokens);
        self
    }

    /// What came to it since it was `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        let less = u64::saturating_sub;
        Self::new(
            less(self.input_tokens, before.input_tokens),
            less(self.output_tokens, before.output_tokens),
        )
        .cached(
            less(self.cached_input_tokens, before.cached_input_tokens),
            less(self.cache_write_tokens, before.cache_write_tokens),
        )
        .reasoned(less(self.reasoning_tokens, before.reasoning_tokens))
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        let add = u64::saturating_add;
        *self = Self::new(
            add(self.input_tokens, other.input_tokens),
            add(self.output_tokens, other.output_tokens),
        )
        .cached(
            add(self.cached_input_tokens, other.cached_input_tokens),
            add(self.cache_write_tokens, other.cache_write_tokens),
        )
        .reasoned(add(self.reasoning_tokens, other.reasoning_tokens));
    }
}

/// The words for why an answer ended. A provider's own word stands where none of them fits.
pub mod finish {
    /// The model had said all, or met a stop text.
    pub const STOP: &str = "stop";
    /// `max_tokens` was reached, or the context was full.
    pub const LENGTH: &str = "length";
    /// It called tools.
    pub const TOOL_CALLS: &str = "tool_calls";
    /// The provider held the answer back.
    pub const CONTENT_FILTER: &str = "content_filter";

    /// Whether the model was stopped before it had said all.
    pub fn is_cut(reason: &str) -> bool {
        matches!(reason, LENGTH | CONTENT_FILTER)
    }
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// The text; may be empty when there are calls.
    pub text: String,
    /// What the model thought, as far as the provider shows it.
    pub reasoning: Vec<Reasoning>,
    /// The calls, in the model's order.
    pub tool_calls: Vec<ToolCall>,
    /// Tokens of this call; zero where the provider says nothing.
    pub usage: Usage,
    /// One of [`finish`], or the provider's own word.
    pub finish_reason: String,
    /// The provider's id of the exchange, for its support.
    pub request_id: Option<String>,
    /// `provider/model` that answered, when it was another than the one that was asked.
    pub answered_by: Option<String>,
}

/// What a model gives while it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// A piece of the text.
    Text(String),
    /// A piece of what it thinks.
    Reasoning(String),
    /// A piece of a call's arguments.
    ToolCall {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// The piece; may be empty.
        arguments: String,
    },
    /// Tokens so far, of all requests that were made for the answer; replaces what was said before.
    Usage(Usage),
    /// The request failed and is made again after the delay. Text that was given before stays: what
    /// follows continues it.
    Retrying {
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Milliseconds until the next.
        delay_ms: u64,
        /// Why.
        code: Code,
        /// Why, in a sentence.
        message: String,
        /// `provider/model` that is asked next, when it is another.
        model: Option<String>,
    },
}

/// Takes the deltas of one answer. May hold the model back.
#[async_trait]
pub trait DeltaSink: Send {
    /// Takes one.
    async fn delta(&mut self, delta: Delta);

    /// Hears that an answer begins, also where nothing of it can be given yet.
    fn began(&mut self) {}

    /// Hears of each request before it is made: of the first one, of further attempts, of other
    /// models, and of those that go on with an answer.
    ///
    /// # Errors
    /// Any, to keep the request from being made.
    fn asks(&mut self, model: &str, request: &ChatRequest) -> Result<()> {
        let _ = (model, request);
        Ok(())
    }

    /// Hears that the request of the last [`DeltaSink::asks`] failed. That one succeeded is told by
    /// the completion.
    fn failed(&mut self, error: &Error) {
        let _ = error;
    }
}
