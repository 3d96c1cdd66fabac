//! `/embeddings` of the OpenAI-compatible wire.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::OpenAiChat;
use super::quirks::Who;
use crate::error::Result;
use crate::model::wires::embeddings::{BatchLimit, EmbeddingWire, counted, post, vectors};
use crate::model::{Embedded, EmbeddingUse};

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
    #[serde(default)]
    usage: Value,
}

#[derive(Deserialize)]
struct Embedding {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[async_trait]
impl EmbeddingWire for OpenAiChat {
    fn batch_limit(&self) -> BatchLimit {
        match self.who {
            // 16,384 tokens.
            Who::Mistral => BatchLimit { texts: 64, bytes: 24 * 1024 },
            // Servers for embeddings take 32 texts unless they are told otherwise.
            Who::Other => BatchLimit { texts: 32, bytes: 128 * 1024 },
            // OpenAI takes 2,048 texts with 300,000 tokens.
            _ => BatchLimit { texts: 64, bytes: 440 * 1024 },
        }
    }

    async fn embed_batch(&self, texts: &[String], _: EmbeddingUse) -> Result<Embedded> {
        let body = json!({"model": self.model, "input": texts, "encoding_format": "float"});
        let text = post(&self.embeddings, &body).await?;
        let mut answer: Embeddings = serde_json::from_str(&text).map_err(|e| {
            let what = format!("what is no list of embeddings ({e})");
            self.embeddings.nonsense(&what, &text)
        })?;
        answer.data.sort_by_key(|e| e.index);
        let found = answer.data.into_iter().map(|e| e.embedding).collect();
        let said = |name: &str| counted(&answer.usage[name]);
        Ok(Embedded {
            vectors: vectors(&self.embeddings, found, texts.len())?,
            tokens: said("total_tokens").max(said("prompt_tokens")),
        })
    }
}
