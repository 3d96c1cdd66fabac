//! Vectors of one model of one provider and key: cut into requests, each with its attempts, its time,
//! the circuit breaker and the rate limits, as an answer of a chat has them.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use super::limits::{Limits, Slot};
use super::retry::{QUIET, conclude, delay};
use super::{Lane, Policy, Resilient};
use crate::error::{Code, Error, Result};
use crate::io;
use crate::model::estimate::{bytes_of, of_texts};
use crate::model::wires::{BatchLimit, EmbeddingWire, batches};
use crate::model::{Embedded, EmbeddingModel, EmbeddingUse};

/// What to do about a provider that is left alone: there are no fallback models for vectors.
const LEFT_ALONE: &str = "run it again later; `strategy: keyword` searches without vectors";

/// An embedding model whose requests are made as [`Resilient`] makes those of a chat model.
pub(in crate::model) struct ResilientEmbeddings<W>(Arc<Resilient<W>>);

impl<W> ResilientEmbeddings<W> {
    pub(in crate::model) fn new(wire: W, lane: &Lane<'_>, policy: Policy) -> Self {
        Self(Arc::new(Resilient::new(wire, lane, policy)))
    }
}

impl<W: EmbeddingWire + 'static> ResilientEmbeddings<W> {
    /// Waits and attempts are on the runtime that the connections are on, whoever asks.
    async fn embed_for(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let (this, texts) = (self.0.clone(), texts.to_vec());
        io::run_here(async move { this.all_vectors(&texts, purpose).await }).await
    }
}

#[async_trait]
impl<W: EmbeddingWire + 'static> EmbeddingModel for ResilientEmbeddings<W> {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(self.embed_for(texts, EmbeddingUse::Document).await?.vectors)
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(self.embed_for(texts, EmbeddingUse::Query).await?.vectors)
    }

    async fn embed_counted(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        self.embed_for(texts, purpose).await
    }

    fn estimated_tokens(&self, texts: &[String]) -> u64 {
        of_texts(texts)
    }

    fn requests<'t>(&self, texts: &'t [String]) -> Vec<&'t [String]> {
        batches(texts, self.0.batch_limit())
    }
}

impl<W: EmbeddingWire> Resilient<W> {
    /// What one request may hold: what the wire says, and no more than our own limit gives in a
    /// minute, beyond which a provider would refuse it however long was waited.
    fn batch_limit(&self) -> BatchLimit {
        let BatchLimit { texts, bytes } = self.model.batch_limit();
        let most = self.policy.tokens_per_minute.map_or(usize::MAX, |most| bytes_of(most.get()));
        BatchLimit { texts, bytes: bytes.min(most) }
    }

    async fn all_vectors(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(texts.len());
        let mut tokens: u64 = 0;
        for batch in batches(texts, self.batch_limit()) {
            let advice = "raise total_ms of the provider: it is the time of one request";
            let made = self.in_time(advice, self.vectors(batch, purpose)).await?;
            let more = made.vectors;
            let size = |vectors: &[Vec<f32>]| vectors.first().map(Vec::len);
            if !vectors.is_empty() && size(&vectors) != size(&more) {
                let message = format!("{} gave vectors of different sizes", self.name);
                return Err(Error::new(Code::ModelInvalidResponse, message)
                    .hint("use another embedding model"));
            }
            vectors.extend(more);
            tokens = tokens.saturating_add(made.tokens);
        }
        Ok(Embedded { vectors, tokens })
    }

    /// One request, tried again while it fails with what may pass.
    async fn vectors(&self, batch: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let (mut attempt, mut lost) = (1, 0);
        loop {
            let error = match self.request(batch, purpose).await {
                Ok(Embedded { vectors, tokens }) => {
                    // A provider that counts nothing is taken at our estimate.
                    let counted = if tokens > 0 { tokens } else { of_texts(batch) };
                    return Ok(Embedded { vectors, tokens: counted.saturating_add(lost) });
                }
                Err(error) => error,
            };
            // What the provider failed with last tells more than that it is left alone now.
            let last = attempt > self.policy.max_retries || self.breaker.check().is_err();
            if last || !error.retryable() {
                return Err(error);
            }
            if error.is_unanswered() {
                lost += of_texts(batch);
            }
            let delay = delay(attempt, &error)?;
            tracing::debug!(model = self.name, attempt, ?delay, %error, "vectors are asked for again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn request(&self, batch: &[String], purpose: EmbeddingUse) -> Result<Embedded> {
        let left_alone = |error: Error| error.hint(LEFT_ALONE);
        self.breaker.check().map_err(left_alone)?;
        let slot = match &self.limits {
            Some(limits) => Some(self.slot_of(limits, of_texts(batch)).await),
            None => None,
        };
        let pass = match self.breaker.enter() {
            Ok(pass) => pass,
            Err(error) => {
                if let Some(slot) = slot {
                    slot.give_back();
                }
                return Err(left_alone(error));
            }
        };
        let outcome = self.model.embed_batch(batch, purpose).await;
        conclude(pass, outcome.as_ref().err());
        if let Some(slot) = slot {
            // A provider that counts nothing is taken at our estimate.
            match &outcome {
                Err(_) => slot.settle(0),
                Ok(Embedded { tokens, .. }) if *tokens > 0 => slot.settle(*tokens),
                Ok(_) => {}
            }
        }
        outcome
    }

    /// Waits for our own limits; there is nobody to tell but the log.
    async fn slot_of(&self, limits: &Arc<Limits>, tokens: u64) -> Slot {
        let left = AtomicU64::new(0);
        let mut entering = pin!(limits.enter(tokens, &left));
        if let Ok(slot) = tokio::time::timeout(QUIET, &mut entering).await {
            return slot;
        }
        let left_ms = left.load(Ordering::Relaxed);
        tracing::info!(model = self.name, left_ms, "our own limit on requests is waited for");
        entering.await
    }
}

#[cfg(test)]
#[path = "embeddings_tests.rs"]
mod tests;
