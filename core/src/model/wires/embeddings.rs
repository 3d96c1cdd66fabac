//! What the embeddings of all providers have in common: batches in, vectors of length 1 out.

use async_trait::async_trait;
use serde_json::Value;

use super::http::Endpoint;
use crate::error::Result;
use crate::model::{Embedded, EmbeddingUse};

/// How much one request may hold. Providers bound its tokens as well: bytes stand for them, with
/// 1.5 for each, which is less than any language takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) struct BatchLimit {
    pub(in crate::model) texts: usize,
    pub(in crate::model) bytes: usize,
}

/// The embeddings of a protocol: one request, one answer. Nothing is cut or tried again here.
#[async_trait]
pub(in crate::model) trait EmbeddingWire: Send + Sync {
    /// What one request may hold.
    fn batch_limit(&self) -> BatchLimit;

    /// Makes one request. Tokens are what the provider counted, nought when it does not.
    async fn embed_batch(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Embedded>;
}

/// Cuts texts into requests; one that is too long alone goes alone.
pub(in crate::model) fn batches(texts: &[String], limit: BatchLimit) -> Vec<&[String]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (i, text) in texts.iter().enumerate() {
        if i > start && (i - start == limit.texts || bytes + text.len() > limit.bytes) {
            batches.push(&texts[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += text.len();
    }
    if start < texts.len() {
        batches.push(&texts[start..]);
    }
    batches
}

/// Posts a batch and reads the answer.
pub(super) async fn post(endpoint: &Endpoint, body: &Value) -> Result<String> {
    endpoint.post(body.to_string().into_bytes()).await?.body().await
}

/// The vectors of an answer, which must be `expected` in number and all of one size.
pub(super) fn vectors(
    endpoint: &Endpoint,
    answer: Vec<Vec<f32>>,
    expected: usize,
) -> Result<Vec<Vec<f32>>> {
    if answer.len() != expected {
        return Err(endpoint.nonsense("another number of embeddings than of texts", ""));
    }
    let dimension = answer.first().map_or(0, Vec::len);
    let checked = |vector| {
        normalised(vector).filter(|v| v.len() == dimension).ok_or_else(|| {
            endpoint.nonsense("a vector that is empty, not finite or of another size", "")
        })
    };
    answer.into_iter().map(checked).collect()
}

/// A count of tokens that may be anything: what it is not must not make the answer fail.
pub(super) fn counted(count: &Value) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    count.as_f64().map_or(0, |count| count as u64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_every_text_once_and_keep_the_limits() {
        let texts: Vec<String> = [3, 3, 3, 50, 1, 1, 9, 9].map(|n| "x".repeat(n)).into();
        let limit = BatchLimit { texts: 3, bytes: 10 };
        let cut: Vec<usize> = batches(&texts, limit).iter().map(|batch| batch.len()).collect();
        assert_eq!(cut, [3, 1, 2, 1, 1]);
        assert_eq!(batches(&texts, limit).concat(), texts);
        assert!(batches(&[], limit).is_empty());
    }
}
