//! Sentence models by their folder: opened when a text is to be embedded, and kept for the next.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::{EmbeddingUse, SentenceModel};
use crate::error::Result;
use crate::io::{Mutex, run_blocking};
use crate::model::EmbeddingModel;

/// Models that stay in memory; another one takes the place of the one that was used longest ago.
const KEPT: usize = 2;

/// The models of the process by their folders, the one used last at the end.
static OPENED: Mutex<Vec<(PathBuf, SentenceModel)>> = Mutex::new(Vec::new());

/// The sentence model of a folder, in memory once for all kernels of the process. It stays the one
/// that it was when it was first used, so that its fingerprint is that of all of its vectors.
#[derive(Clone)]
pub(crate) struct FolderEmbeddings {
    folder: PathBuf,
    opened: Arc<OnceCell<SentenceModel>>,
}

impl FolderEmbeddings {
    /// Of this folder; nothing is read before the first text.
    pub(crate) fn at(folder: PathBuf) -> Self {
        Self { folder, opened: Arc::default() }
    }

    async fn model(&self) -> Result<&SentenceModel> {
        let folder = self.folder.clone();
        self.opened.get_or_try_init(|| run_blocking(move || open(folder))).await
    }
}

/// Files are looked at and read outside of the lock: in a process that is forked meanwhile it would
/// be held for ever.
fn open(folder: PathBuf) -> Result<SentenceModel> {
    let folder = folder.canonicalize().unwrap_or(folder);
    let known = OPENED.lock().iter().find(|(known, _)| *known == folder).map(|(_, m)| m.clone());
    let model = match known.filter(SentenceModel::is_current) {
        Some(model) => model,
        None => {
            let model = SentenceModel::open(&folder)?;
            // At once: it is that of the weights that were just read.
            model.fingerprint_now();
            model
        }
    };
    let mut opened = OPENED.lock();
    // Two that load at once load twice, and one of the two stays.
    let there = opened.iter().position(|(known, _)| *known == folder);
    let there = there.map(|at| opened.remove(at).1).filter(|there| there.is_as(&model));
    let model = there.unwrap_or(model);
    if opened.len() >= KEPT {
        opened.remove(0);
    }
    opened.push((folder, model.clone()));
    Ok(model)
}

#[async_trait]
impl EmbeddingModel for FolderEmbeddings {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.model().await?.embed_for(texts, EmbeddingUse::Document).await
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.model().await?.embed_for(texts, EmbeddingUse::Query).await
    }

    async fn fingerprint(&self) -> Result<Option<String>> {
        self.model().await?.fingerprint().await
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
        let at = || FolderEmbeddings::at(copy.path().to_owned());
        let model = at();
        let texts = ["hello world".to_owned()];
        let first = model.embed(&texts).await.expect("vectors");
        assert_eq!(at().embed(&texts).await.expect("vectors"), first);
        let print = model.fingerprint().await.expect("fingerprint");
        assert_eq!(at().fingerprint().await.expect("fingerprint"), print);
        assert!(at().model().await.expect("model").is_as(model.model().await.expect("model")));
        std::fs::remove_dir_all(copy.path()).expect("remove");
        fill("tiny-cls");
        let other = at();
        assert_ne!(other.embed(&texts).await.expect("vectors"), first, "another model");
        assert_ne!(other.fingerprint().await.expect("fingerprint"), print);
        // Who began with the earlier one goes on with it.
        assert_eq!(model.embed(&texts).await.expect("vectors"), first);
        assert_eq!(model.fingerprint().await.expect("fingerprint"), print);
        // Small files decide as well.
        let pooling = copy.path().join("1_Pooling/config.json");
        let text = std::fs::read_to_string(&pooling).expect("pooling");
        std::fs::write(&pooling, text + " ").expect("written");
        let again = at().fingerprint().await.expect("fingerprint");
        assert_ne!(again, other.fingerprint().await.expect("fingerprint"));
        std::fs::remove_dir_all(copy.path()).expect("remove");
        assert!(at().embed(&texts).await.is_err(), "what is gone is told");
    }
}
