//! One module for each protocol that providers speak, and what they share.

mod anthropic;
mod body;
mod cohere;
mod embeddings;
mod gemini;
mod http;
mod lenient;
mod messages;
mod openai_chat;
mod openai_responses;
mod refusal;
mod stillness;
#[cfg(test)]
mod testing;

pub(super) use anthropic::Anthropic;
pub(super) use cohere::Cohere;
pub(super) use embeddings::{BatchLimit, EmbeddingWire, batches, normalised};
pub(super) use gemini::Gemini;
pub(super) use openai_chat::OpenAiChat;
pub(super) use openai_responses::OpenAiResponses;
