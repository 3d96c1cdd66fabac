//! The vectors that one model has made of a collection's passages.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::{Code, Error, Result};
use crate::io::{self, Mutex};
use crate::model::{EmbeddingModel, EmbeddingUse, Price, Providers, Usage};
use crate::store::{Allowance, Spent, StoredChunk, TenantStore, identity, micros};

/// Passages that are read in one step.
const STEP: u32 = 256;

/// A collection's vectors of one model, as it is now: of a folder with the weights that it has.
pub(super) struct Vectors<'c> {
    store: &'c TenantStore,
    collection: &'c str,
    /// `provider/model`.
    name: &'c str,
    /// What they are kept under.
    identity: String,
    model: Arc<dyn EmbeddingModel>,
    price: Price,
    /// What is left of the tenant's day, once that was asked for.
    allowance: Mutex<Option<Allowance>>,
}

impl<'c> Vectors<'c> {
    /// Those of the model of this name; its requests are limited as the tenant's.
    pub(super) async fn of(
        store: &'c TenantStore,
        collection: &'c str,
        providers: &Providers,
        name: &'c str,
        price: Price,
    ) -> Result<Self> {
        let model = providers.embedding_for(store.id(), name)?;
        let identity = identity(name, model.fingerprint().await?.as_deref());
        let allowance = Mutex::default();
        Ok(Self { store, collection, name, identity, model, price, allowance })
    }

    /// One request, which counts on the tenant's day as those of chat models do.
    async fn embed(&self, texts: &[String], purpose: EmbeddingUse) -> Result<Vec<Vec<f32>>> {
        let estimate = self.model.estimated_tokens(texts);
        // Who reads for another tenant has no day here to count on.
        if estimate == 0 || self.store.reader().is_some() {
            return Ok(self.model.embed_counted(texts, purpose).await?.vectors);
        }
        let known = self.allowance.lock().clone();
        let allowance = match known {
            Some(allowance) => allowance,
            None => self.store.allowance().await?,
        };
        let estimated = self.spent(estimate);
        allowance.check(Spent::default(), estimated)?;
        let mut due = Due { store: self.store.clone(), spent: Some(estimated) };
        let outcome = self.model.embed_counted(texts, purpose).await;
        due.spent = None;
        let spent = match &outcome {
            Ok(made) => self.spent(made.tokens),
            // The provider has read the texts, or may have.
            Err(error) if error.is_unanswered() => estimated,
            Err(error) if error.code() == Code::ModelInvalidResponse => estimated,
            Err(_) => Spent::default(),
        };
        if spent != Spent::default() {
            let left = self.store.spend(spent).await?;
            *self.allowance.lock() = Some(left);
        }
        Ok(outcome?.vectors)
    }

    /// What so many tokens are. Parts of a millionth of a dollar are counted as one: many small
    /// requests would be nothing else.
    fn spent(&self, tokens: u64) -> Spent {
        let dollars = self.price.of(Usage::new(tokens, 0));
        let cost_micros = micros((dollars * 1e6).ceil() / 1e6);
        Spent { input_tokens: tokens, output_tokens: 0, cost_micros }
    }

    /// Makes those that are missing. What one request gave is kept, whatever becomes of the next.
    pub(super) async fn make(&self, cancel: &CancellationToken) -> Result<()> {
        let (collection, identity) = (self.collection, &self.identity);
        loop {
            let missing = self.store.chunks_without_vector(collection, identity, STEP).await?;
            if missing.is_empty() {
                return Ok(());
            }
            let (ids, texts): (Vec<i64>, Vec<String>) = missing.into_iter().unzip();
            let mut ids = ids.into_iter();
            for request in self.model.requests(&texts) {
                let vectors = tokio::select! {
                    () = cancel.cancelled() => return Err(cancelled()),
                    vectors = self.embed(request, EmbeddingUse::Document) => vectors?,
                };
                if vectors.len() != request.len() {
                    let message = format!("{} gave another number of vectors", self.name);
                    return Err(Error::new(Code::ModelInvalidResponse, message)
                        .hint("use another embedding model"));
                }
                let made = ids.by_ref().take(request.len()).zip(vectors).collect();
                self.store.put_vectors(collection, identity, made).await?;
            }
        }
    }

    /// Makes those that are missing for a search. It leaves alone what the model of this name made
    /// when it had other weights, as another process may still have them, unless there is no room.
    pub(super) async fn make_for_search(&self) -> Result<()> {
        let never = CancellationToken::new();
        match self.make(&never).await {
            Err(error) if error.code() == Code::QuotaExceeded && self.retire().await? => {
                self.make(&never).await
            }
            made => made,
        }
    }

    /// Removes what the model of this name made when it had other weights; whether there was any.
    pub(super) async fn retire(&self) -> Result<bool> {
        if !self.are_outdated().await? {
            return Ok(false);
        }
        let (collection, name) = (self.collection, self.name);
        let store = self.store;
        let removed = store.remove_outdated_vectors(collection, name, &self.identity).await?;
        tracing::info!(collection, model = name, removed, "vectors of other weights are removed");
        Ok(removed > 0)
    }

    /// Whether there are any of the model of this name with other weights.
    async fn are_outdated(&self) -> Result<bool> {
        if self.identity == self.name {
            return Ok(false);
        }
        self.store.has_outdated_vectors(self.collection, self.name, &self.identity).await
    }

    /// The passages nearest to a question.
    ///
    /// # Errors
    /// [`Code::TenantReadOnly`] where vectors would have to be made anew, and this door only reads.
    pub(super) async fn nearest(&self, query: &str, depth: u32) -> Result<Vec<(StoredChunk, f64)>> {
        let vector = self.embed(&[query.to_owned()], EmbeddingUse::Query).await?;
        let vector = vector.into_iter().next().unwrap_or_default();
        let (collection, name) = (self.collection, self.name);
        let found = self.store.search_vectors(collection, &self.identity, vector, depth).await?;
        if found.is_empty() && self.store.reader().is_some() && self.are_outdated().await? {
            return Err(Error::new(
                Code::TenantReadOnly,
                format!(
                    "the vectors of the collection {collection:?} were made with other weights \
                     than {name} has now, and this kernel only reads"
                ),
            )
            .hint(
                "take the documents in again with a kernel of the tenant itself, or search with \
                 `strategy: keyword`",
            ));
        }
        Ok(found)
    }
}

/// A request that is under way: what it was estimated at counts when nobody waits for it any more.
struct Due {
    store: TenantStore,
    spent: Option<Spent>,
}

impl Drop for Due {
    fn drop(&mut self) {
        let Some(spent) = self.spent.take() else { return };
        let store = self.store.clone();
        if let Ok(runtime) = io::runtime() {
            // A kernel that closes meanwhile has nothing to write it to.
            runtime.spawn(async move { store.spend(spent).await.map(drop) });
        }
    }
}

/// The error of an ingest that was told to stop.
pub(super) fn cancelled() -> Error {
    Error::new(Code::Cancelled, "the ingest was cancelled").hint("run it again to go on")
}
