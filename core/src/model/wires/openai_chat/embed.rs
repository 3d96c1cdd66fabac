//! `/embeddings` of the OpenAI-compatible wire.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::OpenAiChat;
use super::quirks::Who;
use crate::error::Result;
use crate::io;
use crate::model::EmbeddingModel;
use crate::model::wires::embeddings::{BatchLimit, add, batches, post};

#[derive(Deserialize)]
struct Embeddings {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[async_trait]
impl EmbeddingModel for OpenAiChat {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let (this, texts) = (self.clone(), texts.to_vec());
        io::run_here(async move { this.embed_batches(&texts).await }).await
    }
}

impl OpenAiChat {
    async fn embed_batches(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        // Providers limit the tokens of a request: OpenAI to 300,000, Mistral to 16,384.
        let bytes = if self.who == Who::Mistral { 24 * 1024 } else { 512 * 1024 };
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in batches(texts, BatchLimit { texts: 64, bytes }) {
            let body = json!({"model": self.model, "input": batch, "encoding_format": "float"});
            let text = post(&self.embeddings, body.to_string().into_bytes()).await?;
            let mut answer: Embeddings = serde_json::from_str(&text).map_err(|e| {
                let what = format!("what is no list of embeddings ({e})");
                self.embeddings.nonsense(&what, &text)
            })?;
            answer.data.sort_by_key(|e| e.index);
            let answer = answer.data.into_iter().map(|e| e.embedding).collect();
            add(&self.embeddings, &mut vectors, answer, batch.len())?;
        }
        Ok(vectors)
    }
}
