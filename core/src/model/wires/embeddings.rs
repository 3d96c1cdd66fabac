//! What the embeddings of all providers have in common: batches in, vectors of length 1 out.

use super::http::Endpoint;
use crate::error::Result;
use crate::model::resilience::with_retries;

/// How much one request may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimit {
    pub(super) texts: usize,
    pub(super) bytes: usize,
}

/// Cuts texts into requests; one that is too long alone goes alone.
pub(super) fn batches(texts: &[String], limit: BatchLimit) -> Vec<&[String]> {
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

/// Posts a batch, trying again what may pass, and reads the answer.
pub(super) async fn post(endpoint: &Endpoint, body: Vec<u8>) -> Result<String> {
    with_retries(|| {
        let (endpoint, body) = (endpoint.clone(), body.clone());
        async move { endpoint.post(body).await?.body().await }
    })
    .await
}

/// Adds the vectors of one answer, which must be `expected` in number and all of one size.
pub(super) fn add(
    endpoint: &Endpoint,
    vectors: &mut Vec<Vec<f32>>,
    answer: Vec<Vec<f32>>,
    expected: usize,
) -> Result<()> {
    if answer.len() != expected {
        return Err(endpoint.nonsense("another number of embeddings than of texts", ""));
    }
    for vector in answer {
        let dimension = vectors.first().map_or(vector.len(), Vec::len);
        let vector = normalised(vector).filter(|v| v.len() == dimension).ok_or_else(|| {
            endpoint.nonsense("a vector that is empty, not finite or of another size", "")
        })?;
        vectors.push(vector);
    }
    Ok(())
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
