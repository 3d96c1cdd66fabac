//! A collection: documents of one tenant that are searched together.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::vectors::{Vectors, cancelled};
use super::{chunk, load, query};
use crate::error::{Code, Error, Result};
use crate::io;
use crate::model::{BuiltinEmbeddings, Prices, Providers};
use crate::spec::is_slug;
use crate::store::{DocumentRecord, NewDocument, StoredChunk, TenantStore};

/// Passages that are given when the caller does not say.
const DEFAULT_TOP_K: u32 = 5;
const TOP_K_LIMIT: u32 = 100;

/// How documents are taken in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestOptions {
    /// `provider/model` to make vectors with; default: [`BuiltinEmbeddings::NAME`], which needs
    /// nothing.
    pub embedding_model: Option<String>,
    /// How it will be searched: [`SearchStrategy::Keyword`] makes no vectors. Those of a model that
    /// a search names are made then.
    pub strategy: Option<SearchStrategy>,
}

/// How passages are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchStrategy {
    /// By their words (BM25).
    Keyword,
    /// By their meaning: the nearest vectors.
    Vector,
    /// By both, fused by reciprocal rank.
    #[default]
    Hybrid,
}

/// How a search is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchOptions {
    /// Passages to give, 1 to 100; default 5.
    pub top_k: Option<u32>,
    /// `provider/model` that makes the vectors; default: [`BuiltinEmbeddings::NAME`], which needs
    /// nothing.
    pub embedding_model: Option<String>,
    /// Default: by words and by meaning.
    pub strategy: Option<SearchStrategy>,
}

/// A file that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: String,
    /// The kind of reason.
    pub code: Code,
    /// The reason.
    pub reason: String,
}

/// What an ingest did. Counts are of documents, except `chunks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IngestReport {
    /// New ones.
    pub added: u64,
    /// Changed ones.
    pub updated: u64,
    /// Those left alone, because their content is the same.
    pub unchanged: u64,
    /// Those of the folder that are gone from it.
    pub removed: u64,
    /// Passages written.
    pub chunks: u64,
    /// Files that cannot be taken in.
    pub skipped: Vec<Skipped>,
}

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passage {
    /// The document.
    pub source: String,
    /// Its title.
    pub title: String,
    /// The text.
    pub text: String,
    /// Higher is better; comparable within one search only.
    pub score: f64,
    /// Which passage of the document, from 0.
    pub chunk: u32,
    /// The line on which it begins, from 1.
    pub start_line: u32,
}

/// Documents of one tenant under a name. Cheap to clone, `Send`, `Sync`; it exists as soon as
/// something is put in.
#[derive(Clone, Debug)]
pub struct Collection {
    name: Arc<str>,
    store: TenantStore,
    providers: Arc<Providers>,
    prices: Arc<Prices>,
}

impl Collection {
    /// The collection of this name.
    ///
    /// # Errors
    /// [`Code::CollectionInvalid`] when the name is not a slug.
    pub(crate) fn new(
        name: &str,
        store: TenantStore,
        providers: Arc<Providers>,
        prices: Arc<Prices>,
    ) -> Result<Self> {
        if !is_slug(name) {
            return Err(Error::new(
                Code::CollectionInvalid,
                format!("{name:?} is not a collection name"),
            )
            .hint(
                "letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit",
            ));
        }
        Ok(Self { name: name.into(), store, providers, prices })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes in a file, or all Markdown and text files of a folder. A folder is known by its name:
    /// taken in again (also from elsewhere), it is brought up to date, and documents that are gone
    /// from it are removed. Folders of the same name belong into different collections.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::FileUnreadable`] for the path itself, and the store's codes.
    /// Single files that cannot be read stand in [`IngestReport::skipped`].
    pub async fn ingest(&self, path: impl AsRef<Path>) -> Result<IngestReport> {
        let never = CancellationToken::new();
        self.ingest_with(path.as_ref(), IngestOptions::default(), never).await
    }

    /// [`Collection::ingest`] with options. All documents are written in one transaction: when
    /// `cancel` fires before it, nothing is.
    pub async fn ingest_with(
        &self,
        path: &Path,
        options: IngestOptions,
        cancel: CancellationToken,
    ) -> Result<IngestReport> {
        let known = self.store.document_hashes(&self.name).await?;
        let path = path.to_path_buf();
        let stop = cancel.clone();
        // Reading and cutting is work for the processor, and leaves the I/O threads.
        let prepared = io::runtime()?
            .spawn_blocking(move || prepare(&path, known, &stop))
            .await
            .map_err(|e| Error::new(Code::Panic, "reading the documents failed").caused_by(e))?;
        let (documents, remove, report) = prepared?;
        if !documents.is_empty() || !remove.is_empty() {
            self.store.put_documents(&self.name, documents, remove).await?;
        }
        match (&options.embedding_model, options.strategy.unwrap_or_default()) {
            (_, SearchStrategy::Keyword) => {}
            (Some(model), _) => self.embed(model, &cancel).await?,
            (None, SearchStrategy::Vector) => self.embed(BuiltinEmbeddings::NAME, &cancel).await?,
            (None, SearchStrategy::Hybrid) => self.embed_unasked(&cancel).await?,
        }
        Ok(report)
    }

    /// Makes the vectors that nobody asked for. Who has no room for them searches by words, as if
    /// there were none.
    async fn embed_unasked(&self, cancel: &CancellationToken) -> Result<()> {
        match self.embed(BuiltinEmbeddings::NAME, cancel).await {
            Err(error) if error.code() == Code::QuotaExceeded => {
                let collection = self.name();
                tracing::warn!(collection, %error, "no room for vectors: search goes by words");
                Ok(())
            }
            made => made,
        }
    }

    /// Makes the vectors that are missing, and removes those that other weights have made.
    async fn embed(&self, model: &str, cancel: &CancellationToken) -> Result<()> {
        let vectors = tokio::select! {
            () = cancel.cancelled() => return Err(cancelled()),
            vectors = self.vectors(model) => vectors?,
        };
        // First: they take room, and nothing finds them any more.
        vectors.retire().await?;
        vectors.make(cancel).await
    }

    async fn vectors<'c>(&'c self, model: &'c str) -> Result<Vectors<'c>> {
        let price = self.prices.of(model).unwrap_or_default();
        Vectors::of(&self.store, &self.name, &self.providers, model, price).await
    }

    /// The five best passages by words and by meaning, with the embedder inside the library.
    ///
    /// # Errors
    /// The store's codes.
    pub async fn search(&self, query: &str) -> Result<Vec<Passage>> {
        self.search_with(query, SearchOptions::default()).await
    }

    /// The best passages. Empty when nothing fits, or the collection does not exist.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for `top_k`, the store's and, with an embedding model, a model's.
    /// [`Code::TenantReadOnly`] where the model's vectors are out of date and this kernel only reads.
    pub async fn search_with(&self, query: &str, options: SearchOptions) -> Result<Vec<Passage>> {
        let top_k = options.top_k.unwrap_or(DEFAULT_TOP_K);
        if !(1..=TOP_K_LIMIT).contains(&top_k) {
            return Err(Error::invalid_argument(format!(
                "top_k is 1 to {TOP_K_LIMIT}, and {top_k} was given"
            )));
        }
        // Each ranking is read deeper than asked, so that fusing has something to choose from.
        let deep = (top_k * 4).max(20);
        let model = options.embedding_model.as_deref();
        let found = match options.strategy.unwrap_or_default() {
            SearchStrategy::Keyword => self.search_words(query, top_k).await?,
            SearchStrategy::Vector => {
                self.search_vectors(query, model.unwrap_or(BuiltinEmbeddings::NAME), top_k).await?
            }
            SearchStrategy::Hybrid => {
                let by_words = self.search_words(query, deep).await?;
                let by_meaning = match model {
                    Some(model) => self.search_vectors(query, model, deep).await?,
                    None if query::words(query).is_empty() => Vec::new(),
                    None => self.search_unasked(query, deep).await?,
                };
                query::fuse(vec![by_words, by_meaning], top_k as usize)
            }
        };
        Ok(found.into_iter().map(passage).collect())
    }

    async fn search_words(&self, query: &str, depth: u32) -> Result<Vec<(StoredChunk, f64)>> {
        let words = query::words(query);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        self.store.search_text(&self.name, words, depth).await
    }

    /// Makes the vectors that are missing, and searches them.
    async fn search_vectors(
        &self,
        query: &str,
        model: &str,
        depth: u32,
    ) -> Result<Vec<(StoredChunk, f64)>> {
        let vectors = self.vectors(model).await?;
        // Who only reads finds what has vectors already.
        if self.store.reader().is_none() {
            vectors.make_for_search().await?;
        }
        vectors.nearest(query, depth).await
    }

    /// Searches the vectors that an ingest makes by default. A search makes none that nobody asked
    /// for: it would write, and look for missing ones each time.
    async fn search_unasked(&self, query: &str, depth: u32) -> Result<Vec<(StoredChunk, f64)>> {
        let vectors = self.vectors(BuiltinEmbeddings::NAME).await?;
        let mut found = vectors.nearest(query, depth).await?;
        // Something is always nearest; what is no nearer than a text about anything else was not
        // asked for.
        found.retain(|(_, score)| *score >= BuiltinEmbeddings::RELATED);
        Ok(found)
    }

    /// Its documents, by source.
    ///
    /// # Errors
    /// The store's codes.
    pub async fn documents(&self) -> Result<Vec<DocumentRecord>> {
        self.store.documents(&self.name).await
    }
}

fn passage((chunk, score): (StoredChunk, f64)) -> Passage {
    Passage {
        source: chunk.source,
        title: chunk.title,
        text: chunk.text,
        score,
        chunk: chunk.ordinal,
        start_line: chunk.start_line,
    }
}

type Prepared = (Vec<NewDocument>, Vec<String>, IngestReport);

/// Reads what is there and cuts what has changed.
fn prepare(
    path: &Path,
    known: HashMap<String, Vec<u8>>,
    cancel: &CancellationToken,
) -> Result<Prepared> {
    let listing = load::list(path)?;
    let mut report = IngestReport { skipped: listing.skipped, ..IngestReport::default() };
    let mut documents = Vec::new();
    let mut present = HashSet::new();
    for found in listing.files {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        // Also one that cannot be read just now is not gone: what is known of it stays.
        present.insert(found.source.clone());
        let text = match load::read(&found) {
            Ok(text) => text,
            Err(skipped) => {
                report.skipped.push(skipped);
                continue;
            }
        };
        let hash = blake3::hash(text.as_bytes()).as_bytes().to_vec();
        match known.get(&found.source) {
            Some(old) if *old == hash => {
                report.unchanged += 1;
                continue;
            }
            Some(_) => report.updated += 1,
            None => report.added += 1,
        }
        let chunks = chunk::chunks(&found.path, &text);
        report.chunks += chunks.len() as u64;
        documents.push(NewDocument {
            title: chunk::title(&found.path, &text),
            source: found.source,
            hash,
            bytes: text.len() as u64,
            chunks,
        });
    }
    let gone = |source: &&String| {
        let ours = listing.prefix.as_ref().is_some_and(|prefix| source.starts_with(prefix));
        let hidden = |folder: &String| source.starts_with(folder.as_str());
        ours && !present.contains(*source) && !listing.hidden.iter().any(hidden)
    };
    let remove: Vec<String> = known.keys().filter(gone).cloned().collect();
    report.removed = remove.len() as u64;
    Ok((documents, remove, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_read_just_now_is_not_taken_for_gone() {
        let folder = tempfile::tempdir().expect("tempdir");
        let docs = folder.path().join("docs");
        std::fs::create_dir(&docs).expect("folder");
        std::fs::write(docs.join("a.md"), [0xff, 0xfe]).expect("write");
        let known = ["docs/a.md", "docs/gone.md", "other/b.md"];
        let known = known.map(|source| (source.to_owned(), vec![1])).into();
        let (documents, remove, report) =
            prepare(&docs, known, &CancellationToken::new()).expect("prepare");
        assert!(documents.is_empty());
        assert_eq!(report.skipped.len(), 1);
        assert_eq!(remove, ["docs/gone.md"]);
    }
}
