//! The OpenAI-compatible wire: `/chat/completions`, streamed, and `/embeddings`.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::http::{Endpoint, KeyHeader, address};
use super::openai_chat_request as request;
use crate::error::{Error, Result};
use crate::io;
use crate::model::providers::Reached;
use crate::model::resilience::with_retries;
use crate::model::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, EmbeddingModel, ToolCall, Usage,
};

/// Texts in one embedding request.
const EMBEDDING_BATCH: usize = 64;

/// A model behind an OpenAI-compatible API.
#[derive(Clone, Debug)]
pub(in crate::model) struct OpenAi {
    chat: Endpoint,
    embeddings: Endpoint,
    model: String,
}

impl OpenAi {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        let endpoint = |path: &str| {
            let endpoint = Endpoint::new(address(&provider.base_url, path)?, provider);
            Ok::<_, Error>(endpoint.with_key(provider.key.as_ref(), KeyHeader::Bearer))
        };
        Ok(Self {
            chat: endpoint("chat/completions")?,
            embeddings: endpoint("embeddings")?,
            model: model.to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    /// `message` in an answer that is not streamed.
    #[serde(alias = "message")]
    delta: Option<Piece>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<String>,
    tool_calls: Option<Vec<CallPiece>>,
}

#[derive(Deserialize)]
struct CallPiece {
    index: Option<usize>,
    id: Option<String>,
    function: Option<FunctionPiece>,
}

#[derive(Deserialize)]
struct FunctionPiece {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// The most calls of one turn; an index above it is nonsense and would fill memory.
const CALL_LIMIT: usize = 256;

impl OpenAi {
    /// Adds a chunk to the completion and passes on what is new.
    async fn take(
        &self,
        data: &str,
        done: &mut Completion,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|e| self.chat.nonsense(&format!("what is not a chat chunk ({e})"), data))?;
        if let Some(error) = chunk.error {
            let said = error.get("message").and_then(Value::as_str).unwrap_or("no message");
            return Err(self.chat.broke_off(said));
        }
        if let Some(usage) = chunk.usage {
            done.usage = Usage::new(usage.prompt_tokens, usage.completion_tokens);
            sink.delta(Delta::Usage(done.usage)).await;
        }
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(());
        };
        if let Some(piece) = choice.delta {
            if let Some(text) = piece.content.filter(|text| !text.is_empty()) {
                done.text.push_str(&text);
                sink.delta(Delta::Text(text)).await;
            }
            for piece in piece.tool_calls.into_iter().flatten() {
                self.take_call(piece, done, sink).await?;
            }
        }
        if let Some(reason) = choice.finish_reason {
            done.finish_reason = reason;
        }
        Ok(())
    }

    async fn take_call(
        &self,
        piece: CallPiece,
        done: &mut Completion,
        sink: &mut dyn DeltaSink,
    ) -> Result<()> {
        // A provider without indices sends each call whole.
        let index = piece.index.unwrap_or(done.tool_calls.len());
        if index > done.tool_calls.len() || index >= CALL_LIMIT {
            return Err(self.chat.nonsense("tool calls out of order", &index.to_string()));
        }
        if index == done.tool_calls.len() {
            done.tool_calls.push(ToolCall {
                id: piece
                    .id
                    .clone()
                    .filter(|id| !id.is_empty())
                    .unwrap_or_else(|| format!("call_{}", Uuid::now_v7().simple())),
                name: String::new(),
                arguments: String::new(),
                receipt: None,
            });
        }
        let call = &mut done.tool_calls[index];
        let mut added = String::new();
        if let Some(function) = piece.function {
            // Some servers say the name again with every piece.
            let name = function.name.unwrap_or_default();
            if call.name != name {
                call.name.push_str(&name);
            }
            added = function.arguments.unwrap_or_default();
            call.arguments.push_str(&added);
        }
        sink.delta(Delta::ToolCall {
            call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: added,
        })
        .await;
        Ok(())
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let body = request::body(&self.model, request).map_err(|e| {
            Error::invalid_argument("the request cannot be written as JSON").caused_by(e)
        })?;
        let mut answer = self.chat.post(body).await?;
        let request_id = answer.request_id.take();
        let mut done = Completion { request_id, ..Completion::default() };
        if !answer.streamed {
            // Some servers answer in one piece whatever is asked.
            self.take(&answer.body().await?, &mut done, sink).await?;
            return self.complete(done);
        }
        while let Some(data) = answer.event().await? {
            if data.trim() == "[DONE]" {
                break;
            }
            self.take(&data, &mut done, sink).await?;
        }
        self.complete(done)
    }
}

impl OpenAi {
    /// An answer without a finish reason was cut off, whatever else it holds.
    fn complete(&self, done: Completion) -> Result<Completion> {
        if done.finish_reason.is_empty() {
            return Err(self.chat.broken());
        }
        Ok(done)
    }
}

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
impl EmbeddingModel for OpenAi {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let (this, texts) = (self.clone(), texts.to_vec());
        io::run_here(async move { this.embed_batches(&texts).await }).await
    }
}

impl OpenAi {
    async fn embed_batches(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        for batch in texts.chunks(EMBEDDING_BATCH) {
            let body = json!({"model": self.model, "input": batch, "encoding_format": "float"});
            let body = body.to_string().into_bytes();
            let text = with_retries(|| {
                let (endpoint, body) = (self.embeddings.clone(), body.clone());
                async move { endpoint.post(body).await?.body().await }
            })
            .await?;
            let nonsense = |what: &str| self.embeddings.nonsense(what, &text);
            let mut answer: Embeddings = serde_json::from_str(&text)
                .map_err(|e| nonsense(&format!("what is no list of embeddings ({e})")))?;
            if answer.data.len() != batch.len() {
                return Err(nonsense("another number of embeddings than of texts"));
            }
            answer.data.sort_by_key(|e| e.index);
            for embedding in answer.data {
                let dimension = vectors.first().map_or(embedding.embedding.len(), Vec::len);
                let vector =
                    normalised(embedding.embedding).filter(|v| v.len() == dimension).ok_or_else(
                        || nonsense("a vector that is empty, not finite or of another size"),
                    )?;
                vectors.push(vector);
            }
        }
        Ok(vectors)
    }
}

/// The vector at length 1, or `None` if it has no direction.
pub(in crate::model) fn normalised(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "single precision is what is kept")]
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    Some(vector)
}
