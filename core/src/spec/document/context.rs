//! Layer 2: what is put before the model.

use serde_json::Value as Json;

use crate::spec::decode::{Decode, Decoder, block, choice};
use crate::spec::node::{Node, Value};
use crate::spec::schema::{Definitions, Describe};

block! {
    /// Layer 2: what is put before the model.
    pub struct ContextPolicy {
        /// Collections to search with the input before the first model call.
        pub knowledge: Vec<Knowledge>,
        /// Texts and files that are always before the model.
        pub context_mounts: Vec<ContextMount>,
        /// How knowledge is cut and searched.
        pub rag: Rag,
        /// Tokens that a request may have.
        pub max_context_tokens: Option<u32>,
        /// What happens to a conversation that grows too long.
        pub compression: Compression,
    }
}

/// A collection that the agent knows: its name, or a mapping with settings.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Knowledge {
    /// Name of the collection, a template.
    pub collection: String,
    /// Passages to take; default 5.
    pub top_k: u32,
    /// `provider/model` for the search by meaning; default: the one inside the library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_model: Option<String>,
}

impl Default for Knowledge {
    fn default() -> Self {
        let KnowledgeSettings { collection, top_k, embedding_model } = KnowledgeSettings::default();
        Self { collection, top_k, embedding_model }
    }
}

impl Decode for Knowledge {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Text(name) = &node.value {
            return Some(Self { collection: name.clone(), ..Self::default() });
        }
        let settings = KnowledgeSettings::decode(node, decoder)?;
        let KnowledgeSettings { collection, top_k, embedding_model } = settings;
        if collection.is_empty() {
            decoder.missing(
                node,
                "collection",
                Some("name the collection: `collection: handbook`"),
            );
            return None;
        }
        Some(Self { collection, top_k, embedding_model })
    }
}

impl Describe for Knowledge {
    fn describe(definitions: &mut Definitions) -> Json {
        definitions.text_or::<KnowledgeSettings>("The name of the collection", "collection")
    }
}

block! {
    /// The long form of a collection that the agent knows.
    pub struct KnowledgeSettings {
        /// Name of the collection, a template; required.
        pub collection: String,
        /// Passages to take, 1 to 100; default 5.
        pub top_k: u32 = 5,
        /// `provider/model` for the search by meaning; default: the one inside the library.
        pub embedding_model: Option<String>,
    }
}

block! {
    /// A text that is always before the model: written here, or the content of a file.
    pub struct ContextMount {
        /// What the model knows it by; required.
        pub name: String,
        /// The text itself.
        pub text: Option<String>,
        /// A file in the folder of the spec, or below it.
        pub file: Option<String>,
        /// Tokens of it at most.
        pub max_tokens: Option<u32>,
    }
}

choice! {
    /// How passages are found.
    pub enum RagStrategy {
        /// By their words.
        Keyword = "keyword" | "bm25",
        /// By their meaning.
        Vector = "vector" | "semantic",
        /// By both, fused by reciprocal rank.
        #[default]
        Hybrid = "hybrid",
    }
}

choice! {
    /// How passages are put in order.
    pub enum Rerank {
        /// As they were found.
        #[default]
        None = "none",
        /// By maximal marginal relevance: less of the same.
        Mmr = "mmr",
    }
}

block! {
    /// How knowledge is cut and searched.
    pub struct Rag {
        /// Default: by words and by meaning.
        pub strategy: RagStrategy,
        /// Characters of a passage at most.
        pub chunk_size: Option<u32>,
        /// Characters that a passage shares with the one before; less than `chunk_size`.
        pub chunk_overlap: Option<u32>,
        /// Passages below this score are left out.
        pub min_score: Option<f64>,
        /// Default none.
        pub rerank: Rerank,
    }
}

choice! {
    /// What happens to a conversation that grows too long.
    pub enum CompressionStrategy {
        /// Nothing: the provider refuses it.
        #[default]
        None = "none",
        /// The oldest turns are left out.
        Truncate = "truncate",
        /// The oldest turns are told in short.
        Summarize = "summarize",
    }
}

block! {
    /// How a long conversation is made shorter.
    pub struct Compression {
        /// Default none.
        pub strategy: CompressionStrategy,
        /// Share of `max_context_tokens` at which it begins, 0 to 1.
        pub threshold: Option<f64>,
    }
}
