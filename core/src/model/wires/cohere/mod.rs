//! Cohere's API, version 2: `/v2/chat`, streamed, and `/v2/embed`.

mod request;
mod stream;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use self::stream::Reading;
use super::embeddings::{BatchLimit, EmbeddingWire, counted, post, vectors};
use super::http::{Endpoint, KeyHeader, address};
use crate::error::Result;
use crate::model::providers::Reached;
use crate::model::{
    ChatModel, ChatRequest, Completion, DeltaSink, Embedded, EmbeddingUse, StructuredOutput,
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
                sink.began();
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
struct Answer {
    embeddings: Kinds,
    #[serde(default)]
    meta: Value,
}

#[derive(Deserialize)]
struct Kinds {
    float: Vec<Vec<f32>>,
}

#[async_trait]
impl EmbeddingWire for Cohere {
    /// 96 texts; what is too long of one is left out by the provider.
    fn batch_limit(&self) -> BatchLimit {
        BatchLimit { texts: 96, bytes: 512 * 1024 }
    }

    async fn embed_batch(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let body = json!({
            "model": self.model,
            "texts": texts,
            "input_type": match purpose {
                EmbeddingUse::Document => "search_document",
                EmbeddingUse::Query => "search_query",
            },
            "embedding_types": ["float"],
        });
        let text = post(&self.embed, &body).await?;
        let answer: Answer = serde_json::from_str(&text).map_err(|e| {
            self.embed.nonsense(&format!("what is no list of embeddings ({e})"), &text)
        })?;
        Ok(Embedded {
            vectors: vectors(&self.embed, answer.embeddings.float, texts.len())?,
            tokens: counted(&answer.meta["billed_units"]["input_tokens"]),
        })
    }
}
