//! Sentence models of the BERT family, from a local folder as sentence-transformers keeps it.
//!
//! - `files`: the files of the folder, and what tells them from others.
//! - `settings`: what the small ones say, and the tokenizer.
//! - `weights`: the mapped safetensors file.
//! - `encoder`: the forward pass.

mod encoder;
mod files;
mod settings;
#[cfg(test)]
mod tests;
mod weights;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::error::{Code, Error, Result};
use crate::io::run_blocking;
use crate::model::EmbeddingModel;
use crate::model::embedding::wordpiece::Piece;
use crate::model::embedding::{away, still_wanted};
use encoder::{Encoder, Workspace};
use files::Files;
use settings::{Frame, Pooling, Settings};
use weights::{FILE, Weights};

/// Tokens that go through the layers together: enough for the products to be at full speed, few
/// enough for their results to stay in the cache.
const BATCH_TOKENS: usize = 384;
/// Threads of one call, however many processors there are.
const THREAD_LIMIT: usize = 16;

/// What a text is embedded for. Some models were trained with a prompt before each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbeddingUse {
    /// It is searched for.
    #[default]
    Document,
    /// It is what is asked.
    Query,
}

/// A sentence model in the process. Clones share the weights.
#[derive(Clone)]
pub struct SentenceModel(Arc<Inner>);

struct Inner {
    settings: Settings,
    encoder: Encoder,
    folder: String,
    files: Files,
    fingerprint: OnceLock<String>,
}

impl SentenceModel {
    /// Reads the model of a folder: `config.json`, `tokenizer.json` or `vocab.txt`,
    /// `1_Pooling/config.json`, `model.safetensors`, and what it has of `modules.json`,
    /// `sentence_bert_config.json` and `config_sentence_transformers.json`.
    ///
    /// # Errors
    /// [`Code::ModelFileInvalid`] when a file is missing, damaged, or of a kind that is not
    /// supported; [`Code::FileUnreadable`].
    pub fn open(folder: &Path) -> Result<Self> {
        let mut files = Files::of(folder);
        let settings = Settings::read(&mut files)?;
        files.note(FILE);
        let encoder = Encoder::new(Weights::open(folder)?, settings.sizes.clone())?;
        let folder = folder.display().to_string();
        let fingerprint = OnceLock::new();
        Ok(Self(Arc::new(Inner { settings, encoder, folder, files, fingerprint })))
    }

    /// What tells its vectors from those of other weights, another tokenizer or another pooling: 16
    /// hexadecimal digits. The first call reads all of the weights.
    pub fn fingerprint_now(&self) -> &str {
        self.0.fingerprint.get_or_init(|| self.0.files.fingerprint(self.0.encoder.file()))
    }

    /// Whether its folder still has the files that it was made of, by their sizes and times.
    pub(super) fn is_current(&self) -> bool {
        self.0.files.are_current()
    }

    /// Whether both were made of the same files.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.0.files == other.0.files
    }

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        self.0.settings.sizes.hidden_size
    }

    /// One vector of length 1 for each text, in order. Takes the calling thread and, for many
    /// texts, others; `cancel` is looked at between batches.
    ///
    /// # Errors
    /// [`Code::Cancelled`]; [`Code::ModelFileInvalid`] when the weights give no numbers.
    pub fn embed_now(
        &self,
        texts: &[String],
        purpose: EmbeddingUse,
        cancel: &CancellationToken,
    ) -> Result<Vec<Vec<f32>>> {
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| self.0.tokens(text, purpose)).collect();
        // Texts of like length together: threads then end at about the same time.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(tokens[*i].len()));
        let batches = batches(&order, &tokens);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(THREAD_LIMIT).min(batches.len());
        let next = AtomicUsize::new(0);
        let (sender, receiver) = mpsc::channel();
        let work = || -> Result<()> {
            let mut workspace = Workspace::default();
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                still_wanted(cancel)?;
                let texts: Vec<&[u32]> = batch.iter().map(|i| tokens[*i].as_slice()).collect();
                for (i, vector) in batch.iter().zip(self.0.vectors(&texts, &mut workspace)?) {
                    // The receiver lives as long as this call.
                    let _ = sender.send((*i, vector));
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            // Where no thread can be had, the calling one does all of it.
            let others: Vec<_> = (1..threads)
                .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut outcome = work();
            for other in others {
                match other.join() {
                    Ok(theirs) => outcome = outcome.and(theirs),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            outcome
        })?;
        drop(sender);
        let mut vectors = vec![Vec::new(); texts.len()];
        receiver.into_iter().for_each(|(i, vector)| vectors[i] = vector);
        Ok(vectors)
    }
}

/// Texts in this order, cut where a batch has enough tokens.
fn batches<'a>(order: &'a [usize], tokens: &[Vec<u32>]) -> Vec<&'a [usize]> {
    let mut batches = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (end, i) in order.iter().enumerate() {
        let more = tokens[*i].len();
        if end > start && held + more > BATCH_TOKENS {
            batches.push(&order[start..end]);
            (start, held) = (end, 0);
        }
        held += more;
    }
    if start < order.len() {
        batches.push(&order[start..]);
    }
    batches
}

impl Inner {
    /// The tokens of a text with its prompt, framed, as many as the model takes.
    fn tokens(&self, text: &str, purpose: EmbeddingUse) -> Vec<u32> {
        let settings = &self.settings;
        let Frame { first, last, unknown } = settings.frame;
        let prompt = match purpose {
            EmbeddingUse::Document => &settings.document_prompt,
            EmbeddingUse::Query => &settings.query_prompt,
        };
        let mut tokens = vec![first];
        let mut read = |text: &str| {
            settings.tokenizer.pieces(text, |piece| {
                if tokens.len() + 1 < settings.max_tokens {
                    tokens.push(match piece {
                        Piece::Known(number) => number,
                        Piece::Unknown(_) => unknown,
                    });
                }
                tokens.len() + 1 < settings.max_tokens
            });
        };
        // A word may go on from the prompt into the text.
        if prompt.is_empty() {
            read(text)
        } else {
            read(&format!("{prompt}{text}"))
        }
        tokens.push(last);
        tokens
    }

    fn vectors(&self, texts: &[&[u32]], workspace: &mut Workspace) -> Result<Vec<Vec<f32>>> {
        let size = self.settings.sizes.hidden_size;
        let mut rows = self.encoder.forward(texts, workspace);
        let pool = |text: &&[u32]| {
            let (own, rest) = rows.split_at(text.len() * size);
            rows = rest;
            let mut vector = own[..size].to_vec();
            if self.settings.pooling == Pooling::Mean {
                for row in own[size..].chunks_exact(size) {
                    vector.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
            }
            let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            if !length.is_normal() {
                return Err(Error::new(
                    Code::ModelFileInvalid,
                    "the model's weights give no vector: some of them are not numbers",
                )
                .at(&self.folder)
                .hint("copy the model's files again and compare their hashes"));
            }
            vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
            Ok(vector)
        };
        texts.iter().map(pool).collect()
    }
}

impl SentenceModel {
    /// As [`Self::embed_now`], away from the threads that wait for input and output. Dropping the
    /// future stops the work after the batch at hand.
    ///
    /// # Errors
    /// As [`Self::embed_now`].
    pub async fn embed_for(
        &self,
        texts: &[String],
        purpose: EmbeddingUse,
    ) -> Result<Vec<Vec<f32>>> {
        let model = self.clone();
        away(texts, move |texts, cancel| model.embed_now(texts, purpose, cancel)).await
    }
}

#[async_trait]
impl EmbeddingModel for SentenceModel {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_for(texts, EmbeddingUse::Document).await
    }

    async fn embed_queries(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        self.embed_for(texts, EmbeddingUse::Query).await
    }

    async fn fingerprint(&self) -> Result<Option<String>> {
        let model = self.clone();
        run_blocking(move || Ok(Some(model.fingerprint_now().to_owned()))).await
    }
}
