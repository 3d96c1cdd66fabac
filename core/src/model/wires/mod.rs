//! One module for each protocol that providers speak, and what they share.

mod anthropic;
mod gemini;
mod http;
mod openai_chat;
mod openai_chat_request;

pub(super) use anthropic::Anthropic;
pub(super) use gemini::Gemini;
pub(super) use openai_chat::{OpenAi, normalised};
