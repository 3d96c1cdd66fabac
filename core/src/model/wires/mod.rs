//! One module for each protocol that providers speak, and what they share.

mod body;
mod cohere;
mod embeddings;
mod http;
mod lenient;
mod openai_chat;
mod openai_responses;
mod refusal;
#[cfg(test)]
mod testing;

pub(super) use cohere::Cohere;
pub(super) use embeddings::normalised;
pub(super) use openai_chat::OpenAiChat;
pub(super) use openai_responses::OpenAiResponses;
