//! The messages of a conversation.

use std::sync::Arc;

use serde_json::Value;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// What the model is told first.
    System(String),
    /// What the user says.
    User {
        /// The text; may be empty when there are images.
        text: String,
        /// Pictures that go with it, after the text.
        images: Vec<Image>,
    },
    /// What the model said.
    Assistant {
        /// Its text; may be empty.
        text: String,
        /// What it thought before, in order.
        reasoning: Vec<Reasoning>,
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
        /// Whether the call failed.
        is_error: bool,
    },
}

impl Message {
    /// What a user says in words.
    pub fn user(text: impl Into<String>) -> Self {
        Self::User { text: text.into(), images: Vec::new() }
    }
}

/// A picture for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`.
    pub media_type: String,
    /// Where its bytes are.
    pub source: ImageSource,
}

/// Where the bytes of a picture are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSource {
    /// Here; sent as base64.
    Bytes(Arc<[u8]>),
    /// At an address that the provider fetches; aikit does not.
    Url(String),
}

/// A piece of what a model thought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// Its text, or a summary of it; empty where the provider hides it.
    pub text: String,
    /// What the provider that thought it wants back with the next request, as it was sent: a
    /// signature, an encrypted item. Never sent to another provider.
    pub receipt: Option<Receipt>,
}

/// Something of a provider's own that goes back to it and to nobody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The wire it belongs to, for instance `anthropic`; with the provider's name:
    /// `openai_chat:deepseek`.
    pub wire: String,
    /// As it was sent.
    pub data: Value,
}

/// A call as the model wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolCall {
    /// Made by the provider; unique within a turn.
    pub id: String,
    /// The tool that it asks for; need not exist.
    pub name: String,
    /// The arguments as text; should be a JSON object, and may be anything.
    pub arguments: String,
    /// What the provider wants back with the call (Gemini's thought signature).
    pub receipt: Option<Receipt>,
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
