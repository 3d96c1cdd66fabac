//! One module for each protocol that providers speak, and what they share.

mod answer;
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

/// The beginnings of names that the tables of the wires have, as `provider/model`.
#[cfg(test)]
pub(super) fn known_models() -> impl Iterator<Item = String> {
    let anthropic = anthropic::models::known().map(|model| format!("anthropic/{model}"));
    anthropic.chain(gemini::models::known().map(|model| format!("gemini/{model}")))
}
