//! Deterministic vectors that need no model.

use async_trait::async_trait;

use super::EmbeddingModel;
use super::wires::normalised;
use crate::error::Result;

/// Vectors made by hashing words into 256 buckets: similar words in, similar vectors out, with no
/// model at all. For tests; real retrieval wants a real model.
#[derive(Clone, Copy, Debug)]
pub struct ScriptedEmbeddings;

const DIMENSION: usize = 256;

#[async_trait]
impl EmbeddingModel for ScriptedEmbeddings {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        Ok(texts.iter().map(|text| hashed(text)).collect())
    }
}

fn hashed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0f32; DIMENSION];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        let hash = blake3::hash(word.to_lowercase().as_bytes());
        vector[usize::from(hash.as_bytes()[0])] += 1.0;
    }
    // A text without words points somewhere fixed rather than nowhere.
    normalised(vector).unwrap_or_else(|| {
        let mut fixed = vec![0.0; DIMENSION];
        fixed[0] = 1.0;
        fixed
    })
}
