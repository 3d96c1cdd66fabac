//! Chat and embedding models: the traits, and everything between them and a provider.
//!
//! A model is named `provider/model`. What differs between providers stays below [`ChatModel`]
//! and [`EmbeddingModel`]; nothing of a provider's types appears above this room.
//! `docs/design/models.md` has the contract, and why the wires are our own.
//!
//! - `message`, `request`, `completion`: what is asked and answered, the same for all.
//! - `prices`: what models cost.
//! - `providers`: from a name to a model; what is known of each provider.
//! - `wires`: one module for each protocol, on `reqwest` and `serde`.
//! - `estimate`: how many tokens a request will about take.
//! - `resilience`: what stands between a caller and a provider that fails.
//! - `secrets`: what is taken out of errors and recordings.
//! - `cassette`: exchanges with a provider, recorded and replayed.
//! - `folder`: where models in files are kept.
//! - `host`: models whose answers the program around aikit makes.
//! - `embedding`: embeddings in the process: the one inside the library, and models from a folder.
//! - `local`: GGUF chat models in the process.
//! - `scripted`, `scripted_embeddings`: models and vectors that need nothing.

mod cassette;
mod completion;
mod dialect;
mod embedding;
mod estimate;
mod folder;
mod host;
#[cfg(feature = "local")]
pub mod local;
mod message;
mod prices;
mod providers;
mod request;
mod resilience;
mod scripted;
mod scripted_embeddings;
mod secrets;
mod wires;

pub use cassette::Cassette;
pub use completion::{Completion, Delta, DeltaSink, Usage, finish};
pub(crate) use embedding::FolderEmbeddings;
pub use embedding::{BuiltinEmbeddings, EmbeddingUse, SentenceModel};
pub(crate) use estimate::Estimate;
pub use host::{Asked, Environment, HOST, HostModel, Models};
pub use message::{Image, ImageSource, Message, Reasoning, Receipt, ToolCall, ToolSpec};
pub(crate) use prices::{Price, Prices};
pub(crate) use providers::{HEADERS_LIMIT, KEY_TWICE, header_name, own_name, stands_for_key};
pub use providers::{Headers, ProviderConfig, Providers};
pub use request::{ChatRequest, OutputSchema};
pub(crate) use resilience::{CONCURRENT_LIMIT, Fallback, Link, RETRIES_LIMIT};
pub use scripted::ScriptedModel;
pub use scripted_embeddings::ScriptedEmbeddings;

use async_trait::async_trait;

use crate::error::Result;

/// How a model is brought to answer with JSON of a schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StructuredOutput {
    /// The provider holds the answer to [`ChatRequest::output`].
    Native,
    /// The same, but where there are tools, the model would never call one: then a call is the
    /// answer.
    NativeWithoutTools,
    /// It has tools: a call of a tool with the schema as its parameters is the answer.
    #[default]
    Tool,
    /// It has neither: the schema goes into the prompt.
    Prompt,
}

/// A model that answers a conversation. Dropping the future of a call stops the call.
#[async_trait]
pub trait ChatModel: Send + Sync {
    /// Answers, giving deltas on the way. The completion holds all that the deltas held.
    ///
    /// # Errors
    /// A model code of [`crate::error::Code`].
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion>;

    /// How it is brought to answer with JSON of a schema.
    fn structured_output(&self) -> StructuredOutput {
        StructuredOutput::default()
    }
}

/// Vectors, and what they took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedded {
    /// Of length 1, all of one size, as many as there were texts.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens that were read: those that the provider counts, else an estimate; nought for models in
    /// the process.
    pub tokens: u64,
}

/// A model that turns texts into vectors.
#[async_trait]
pub trait EmbeddingModel: Send + Sync {
    /// One vector of length 1 for each text, in order, all of one dimension.
    ///
    /// # Errors
    /// A model code of [`crate::error::Code`].
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>>;

    /// The same for what is searched with, where a model tells questions from passages.
    ///
    /// # Errors
    /// As of [`EmbeddingModel::embed`].
    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed(texts).await
    }

    /// The same for either purpose, with the tokens that were read. Default: none are counted, as of
    /// models in the process.
    ///
    /// # Errors
    /// As of [`EmbeddingModel::embed`].
    async fn embed_counted(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let vectors = match purpose {
            EmbeddingUse::Document => self.embed(texts).await?,
            EmbeddingUse::Query => self.embed_queries(texts).await?,
        };
        Ok(Embedded { vectors, tokens: 0 })
    }

    /// The tokens that these texts are estimated to count for; nought where none are counted.
    fn estimated_tokens(&self, texts: &[String]) -> u64 {
        let _ = texts;
        0
    }

    /// The texts as they go into requests, one after the other: who embeds each part by itself
    /// keeps what was made when a later part fails. Default: all of them together.
    fn requests<'t>(&self, texts: &'t [String]) -> Vec<&'t [String]> {
        vec![texts]
    }

    /// What tells its vectors from those of another model of the same name; `None` where the name
    /// is enough. Vectors of different fingerprints cannot be compared.
    ///
    /// # Errors
    /// As of [`EmbeddingModel::embed`].
    async fn fingerprint(&self) -> Result<Option<String>> {
        Ok(None)
    }
}
