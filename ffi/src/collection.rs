//! Collections of documents. A collection is named where it is used; it has no handle.

use std::ffi::c_char;
use std::sync::Arc;

use aikit::error::Result;
use aikit::host::HostCollection;

use crate::failure::{aikit_error, aikit_status};
use crate::kernel::{Kernel, aikit_kernel};
use crate::registry;
use crate::text::{aikit_bytes, text};
use crate::wall::answer;

/// # Safety
/// The rules of [`text`] for the name.
unsafe fn find(
    kernel: aikit_kernel,
    name: *const c_char,
    name_len: usize,
) -> Result<HostCollection> {
    let kernel = registry::get::<Arc<Kernel>>(kernel)?;
    // SAFETY: the caller's promise.
    kernel.host.collection(unsafe { text(name, name_len, "name") }?)
}

/// Takes a file or a folder into a collection, which is made if need be, and waits until that is
/// done. What did not change since the last time costs nothing.
///
/// `options` is a JSON object or empty: embedding_model (makes the vectors; default
/// "builtin/static-v1", the one inside the library), strategy ("keyword" makes none). On success the
/// caller owns `*report`, a JSON object: added, updated, unchanged, removed, chunks, skipped ([{path, code, reason}]). Errors:
/// AIKIT_COLLECTION_INVALID, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE, AIKIT_INVALID_ARGUMENT,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store and of the embedding model.
/// Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_collection_ingest(
    kernel: aikit_kernel,
    name: *const c_char,
    name_len: usize,
    path: *const c_char,
    path_len: usize,
    options: *const c_char,
    options_len: usize,
    report: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(report, "report", error, || {
            let collection = find(kernel, name, name_len)?;
            let options = text(options, options_len, "options")?;
            collection.ingest(text(path, path_len, "path")?, options).wait(drop)
        })
    }
}

/// Searches a collection and waits for the passages.
///
/// `options` is a JSON object or empty: top_k (default 5), strategy ("keyword", "vector" or, by
/// default, "hybrid"), embedding_model (default as of aikit_collection_ingest). On success the caller
/// owns `*passages`, a JSON array, best first: source, title, text, score, chunk, start_line. Errors:
/// AIKIT_COLLECTION_INVALID, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
/// AIKIT_FORKED, those of the store and of the embedding model. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_collection_search(
    kernel: aikit_kernel,
    name: *const c_char,
    name_len: usize,
    query: *const c_char,
    query_len: usize,
    options: *const c_char,
    options_len: usize,
    passages: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(passages, "passages", error, || {
            let collection = find(kernel, name, name_len)?;
            let options = text(options, options_len, "options")?;
            collection.search(text(query, query_len, "query")?, options).wait(drop)
        })
    }
}

/// The documents of a collection.
///
/// On success the caller owns `*documents`, a JSON array: source, title, chunks, bytes. Errors:
/// AIKIT_COLLECTION_INVALID, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, AIKIT_STORE_FAILED.
/// Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_collection_documents(
    kernel: aikit_kernel,
    name: *const c_char,
    name_len: usize,
    documents: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(documents, "documents", error, || {
            find(kernel, name, name_len)?.documents().wait(drop)
        })
    }
}
