//! Sentence models by their folder: opened when a text is to be embedded, and kept for the next.

use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{EmbeddingUse, SentenceModel};
use crate::error::Result;
use crate::io::{Mutex, run_blocking};
use crate::model::EmbeddingModel;

/// Models that stay in memory; another one takes the place of the one that was used longest ago.
const KEPT: usize = 2;

/// A folder as it was when its model was opened: other weights in the same place are another model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    folder: PathBuf,
    weights: Option<(u64, SystemTime)>,
}

/// The models of the process, the one used last at the end.
static OPENED: Mutex<Vec<(Key, SentenceModel)>> = Mutex::new(Vec::new());

/// The sentence model of a folder, in memory once for all kernels of the process.
#[derive(Clone, Debug)]
pub(crate) struct FolderEmbeddings(PathBuf);

impl FolderEmbeddings {
    /// Of this folder; nothing is read before the first text.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    async fn embed_for(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Vec<Vec<f32>>> {
        let folder = self.0.clone();
        let model = run_blocking(move || open(folder)).await?;
        model.embed_for(texts, purpose).await
    }
}

fn open(folder: PathBuf) -> Result<SentenceModel> {
    let folder = folder.canonicalize().unwrap_or(folder);
    let weights = folder.join("model.safetensors").metadata();
    let weights = weights.and_then(|about| Ok((about.len(), about.modified()?))).ok();
    let key = Key { folder, weights };
    let find = |opened: &mut Vec<(Key, SentenceModel)>| {
        let entry = opened.remove(opened.iter().position(|(known, _)| *known == key)?);
        let model = entry.1.clone();
        opened.push(entry);
        Some(model)
    };
    if let Some(model) = find(&mut OPENED.lock()) {
        return Ok(model);
    }
    // Not under the lock: in a process that is forked meanwhile it would be held for ever. Two that
    // load at once load twice, and one of the two stays.
    let model = SentenceModel::open(&key.folder)?;
    let mut opened = OPENED.lock();
    if let Some(model) = find(&mut opened) {
        return Ok(model);
    }
    if opened.len() >= KEPT {
        opened.remove(0);
    }
    opened.push((key.clone(), model.clone()));
    Ok(model)
}

#[async_trait]
impl EmbeddingModel for FolderEmbeddings {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_for(texts, EmbeddingUse::Document).await
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_for(texts, EmbeddingUse::Query).await
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_folder_is_opened_once_and_again_when_its_weights_change() {
        let given = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/embedding/testdata");
        let copy = tempfile::tempdir().expect("tempdir");
        let fill = |from: &str| {
            for entry in walkdir::WalkDir::new(given.join(from)) {
                let entry = entry.expect("entry");
                let part = entry.path().strip_prefix(given.join(from)).expect("inside");
                let to = copy.path().join(part);
                if entry.file_type().is_dir() {
                    std::fs::create_dir_all(to).expect("folder");
                } else {
                    std::fs::copy(entry.path(), to).expect("copy");
                }
            }
        };
        fill("tiny-mean");
        let model = FolderEmbeddings::at(copy.path().to_owned());
        let texts = ["hello world".to_owned()];
        let first = model.embed(&texts).await.expect("vectors");
        assert_eq!(model.embed(&texts).await.expect("vectors"), first);
        std::fs::remove_dir_all(copy.path()).expect("remove");
        fill("tiny-cls");
        let other = model.embed(&texts).await.expect("vectors");
        assert_ne!(other, first, "another model in the same place");
        std::fs::remove_dir_all(copy.path()).expect("remove");
        assert!(model.embed(&texts).await.is_err(), "what is gone is told");
    }
}
