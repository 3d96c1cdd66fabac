//! Vectors from `batchEmbedContents`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

use super::Gemini;
use crate::error::Result;
use crate::io;
use crate::model::EmbeddingModel;
use crate::model::resilience::with_retries;
use crate::model::wires::normalised;

/// Texts in one request; the API takes no more than 100.
const BATCH: usize = 100;

#[derive(Deserialize)]
struct Embeddings {
    embeddings: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    values: Vec<f32>,
}

#[async_trait]
impl EmbeddingModel for Gemini {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_as("RETRIEVAL_DOCUMENT", texts).await
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_as("RETRIEVAL_QUERY", texts).await
    }
}

impl Gemini {
    async fn embed_as(&self, purpose: &'static str, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let (endpoint, model, texts) =
            (self.embeddings.clone(), self.resource.clone(), texts.to_vec());
        // Only these know tasks.
        let tasked = ["models/gemini-embedding-001", "models/text-embedding-"];
        let purpose = tasked.iter().any(|known| model.starts_with(known)).then_some(purpose);
        io::run_here(async move {
            let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
            for batch in texts.chunks(BATCH) {
                let request = |text: &String| {
                    let content = json!({"parts": [{"text": text}]});
                    match purpose {
                        Some(task) => json!({"model": model, "content": content, "taskType": task}),
                        None => json!({"model": model, "content": content}),
                    }
                };
                let requests: Vec<_> = batch.iter().map(request).collect();
                let body = json!({ "requests": requests }).to_string().into_bytes();
                let answer = with_retries(|| {
                    let (endpoint, body) = (endpoint.clone(), body.clone());
                    async move { endpoint.post(body).await?.body().await }
                })
                .await?;
                let nonsense = |what: &str| endpoint.nonsense(what, &answer);
                let parsed: Embeddings = serde_json::from_str(&answer)
                    .map_err(|e| nonsense(&format!("what is no list of embeddings ({e})")))?;
                if parsed.embeddings.len() != batch.len() {
                    return Err(nonsense("another number of embeddings than of texts"));
                }
                for embedding in parsed.embeddings {
                    let dimension = vectors.first().map_or(embedding.values.len(), Vec::len);
                    let vector =
                        normalised(embedding.values).filter(|v| v.len() == dimension).ok_or_else(
                            || nonsense("a vector that is empty, not finite or of another size"),
                        )?;
                    vectors.push(vector);
                }
            }
            Ok(vectors)
        })
        .await
    }
}
