//! Embeddings in the process: no network, no key, no server.
//!
//! - `builtin`: the embedder that ships inside the library.
//! - `opened`: sentence models by their folder, each in memory once.
//! - `sentence`: BERT-family sentence models from a local folder.
//! - `wordpiece`, `vocabulary`: the tokenizer that both use.

mod builtin;
mod opened;
mod sentence;
mod vocabulary;
mod wordpiece;

pub use builtin::BuiltinEmbeddings;
pub(crate) use opened::FolderEmbeddings;
pub use sentence::{EmbeddingUse, SentenceModel};

use tokio_util::sync::CancellationToken;

use crate::error::{Code, Error, Result};
use crate::io::run_blocking;

/// An error when nobody waits for the work any more.
fn still_wanted(cancel: &CancellationToken) -> Result<()> {
    if cancel.is_cancelled() {
        return Err(Error::new(Code::Cancelled, "the vectors are not wanted any more"));
    }
    Ok(())
}

/// Does the work away from the threads that wait for input and output. Dropping the future
/// cancels it.
async fn away<T: Send + 'static>(
    texts: &[String],
    work: impl FnOnce(&[String], &CancellationToken) -> Result<T> + Send + 'static,
) -> Result<T> {
    let cancel = CancellationToken::new();
    let _guard = cancel.clone().drop_guard();
    let texts = texts.to_vec();
    run_blocking(move || work(&texts, &cancel)).await
}
