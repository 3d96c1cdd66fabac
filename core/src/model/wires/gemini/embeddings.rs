//! Vectors from `batchEmbedContents`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Gemini;
use crate::error::Result;
use crate::model::wires::embeddings::{BatchLimit, EmbeddingWire, counted, post, vectors};
use crate::model::{Embedded, EmbeddingUse};

/// Only these know tasks.
const TASKED: [&str; 2] = ["models/gemini-embedding-001", "models/text-embedding-"];

#[derive(Deserialize)]
struct Embeddings {
    embeddings: Vec<Embedding>,
    #[serde(default, rename = "usageMetadata")]
    usage: Value,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

#[async_trait]
impl EmbeddingWire for Gemini {
    /// 100 texts with 20,000 tokens.
    fn batch_limit(&self) -> BatchLimit {
        BatchLimit { texts: 100, bytes: 29 * 1024 }
    }

    async fn embed_batch(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let model = &self.resource;
        let task = match purpose {
            _ if !TASKED.iter().any(|known| model.starts_with(known)) => None,
            EmbeddingUse::Document => Some("RETRIEVAL_DOCUMENT"),
            EmbeddingUse::Query => Some("RETRIEVAL_QUERY"),
        };
        let request = |text: &String| {
            let content = json!({"parts": [{"text": text}]});
            match task {
                Some(task) => json!({"model": model, "content": content, "taskType": task}),
                None => json!({"model": model, "content": content}),
            }
        };
        let requests: Vec<_> = texts.iter().map(request).collect();
        let text = post(&self.embeddings, &json!({ "requests": requests })).await?;
        let answer: Embeddings = serde_json::from_str(&text).map_err(|e| {
            self.embeddings.nonsense(&format!("what is no list of embeddings ({e})"), &text)
        })?;
        let found = answer.embeddings.into_iter().map(|e| e.values).collect();
        Ok(Embedded {
            vectors: vectors(&self.embeddings, found, texts.len())?,
            tokens: counted(&answer.usage["promptTokenCount"]),
        })
    }
}
