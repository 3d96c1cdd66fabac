//! Cohere's API, version 2: `/v2/chat`, streamed, and `/v2/embed`.

mod request;
mod stream;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use self::stream::Reading;
use super::embeddings::{BatchLimit, add, batches, post};
use super::http::{Endpoint, KeyHeader, address};
use crate::error::Result;
use crate::io;
use crate::model::providers::Reached;
use crate::model::{
    ChatModel, ChatRequest, Completion, DeltaSink, EmbeddingModel, StructuredOutput,
};

/// The wire of its receipts.
const RECEIPT: &str = "cohere";

/// A model of Cohere's.
#[derive(Clone, Debug)]
pub(in crate::model) struct Cohere {
    chat: Endpoint,
    embed: Endpoint,
    model: String,
}

impl Cohere {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        // Addresses are customarily given with and without the version.
        let base = provider.base_url.trim_end_matches('/');
        let base = base.strip_suffix("/v2").or(base.strip_suffix("/v1")).unwrap_or(base);
        let endpoint = |path: &str| {
            Ok::<_, crate::Error>(Endpoint::of(provider, address(base, path)?, KeyHeader::Bearer))
        };
        Ok(Self {
            chat: endpoint("v2/chat")?,
            embed: endpoint("v2/embed")?,
            model: model.to_owned(),
        })
    }
}

#[async_trait]
impl ChatModel for Cohere {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let mut answer = self.chat.post(self.body(request)?).await?;
        let mut reading = Reading::new(self, answer.request_id.take());
        if answer.streamed {
            while let Some(data) = answer.event(reading.is_whole()).await? {
                reading.take(&data, sink).await?;
            }
        } else {
            reading.take_whole(&answer.body().await?, sink).await?;
        }
        reading.complete(sink).await
    }

    fn structured_output(&self) -> StructuredOutput {
        // It has one of its own, and refuses it together with tools; a call works with and without.
        StructuredOutput::Tool
    }
}

#[derive(Deserialize)]
struct Embedded {
    embeddings: Kinds,
}

#[derive(Deserialize)]
struct Kinds {
    float: Vec<Vec<f32>>,
}

#[async_trait]
impl EmbeddingModel for Cohere {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_as("search_document", texts).await
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_as("search_query", texts).await
    }
}

impl Cohere {
    async fn embed_as(&self, purpose: &'static str, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let (this, texts) = (self.clone(), texts.to_vec());
        io::run_here(async move { this.embed_batches(purpose, &texts).await }).await
    }

    async fn embed_batches(&self, purpose: &str, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in batches(texts, BatchLimit { texts: 96, bytes: 512 * 1024 }) {
            let body = json!({
                "model": self.model,
                "texts": batch,
                "input_type": purpose,
                "embedding_types": ["float"],
            });
            let text = post(&self.embed, body.to_string().into_bytes()).await?;
            let answer: Embedded = serde_json::from_str(&text).map_err(|e| {
                self.embed.nonsense(&format!("what is no list of embeddings ({e})"), &text)
            })?;
            add(&self.embed, &mut vectors, answer.embeddings.float, batch.len())?;
        }
        Ok(vectors)
    }
}
