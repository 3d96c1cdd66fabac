//! What every export does first and last: nothing unwinds into C, and an error goes out through the
//! last parameter.

use aikit::error::{Error, Result};
use aikit::io;

use crate::failure::{aikit_error, aikit_status};
use crate::registry::{self, Object};
use crate::text::{aikit_bytes, give};

/// The status of success.
pub(crate) const OK: aikit_status = 0;

/// Runs the body of an export that answers with a status.
///
/// # Safety
/// `error` is NULL or can be written.
pub(crate) unsafe fn guard(
    error: *mut *mut aikit_error,
    body: impl FnOnce() -> Result<()>,
) -> aikit_status {
    let (status, made) = match caught(body).and_then(|result| result) {
        Ok(()) => (OK, std::ptr::null_mut()),
        Err(failure) => {
            let status = failure.code() as aikit_status;
            // Who passes NULL does not want the object, and nobody would free it.
            let made = if error.is_null() {
                std::ptr::null_mut()
            } else {
                Box::into_raw(Box::new(aikit_error::new(failure)))
            };
            (status, made)
        }
    };
    if !error.is_null() {
        // SAFETY: the caller's promise; the old content is not read, it may be uninitialised.
        unsafe { error.write(made) };
    }
    status
}

/// Runs the body of an export that cannot fail; a panic gives `fallback`.
pub(crate) fn shield<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    caught(body).unwrap_or(fallback)
}

/// Runs something; a panic becomes an error.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Result<T> {
    // Whatever a panic leaves half done is either thrown away with the closure or behind a lock
    // that does not poison and whose content is replaced as a whole.
    io::catch(|| {
        #[cfg(test)]
        crate::tests::panic_if_armed();
        body()
    })
}

/// The error for a pointer that must not be NULL.
pub(crate) fn not_null<T>(pointer: *const T, what: &str) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::invalid_argument(format!("{what} must not be NULL")));
    }
    Ok(())
}

/// An export that answers with a text.
///
/// # Safety
/// `out` and `error` are NULL or can be written.
pub(crate) unsafe fn answer(
    out: *mut aikit_bytes,
    what: &str,
    error: *mut *mut aikit_error,
    body: impl FnOnce() -> Result<String>,
) -> aikit_status {
    // SAFETY: the caller's promise; `give` only after `not_null`.
    unsafe {
        guard(error, || {
            not_null(out, what)?;
            give(out, body()?);
            Ok(())
        })
    }
}

/// An export that answers with a new handle.
///
/// # Safety
/// `out` and `error` are NULL or can be written.
pub(crate) unsafe fn make(
    out: *mut u64,
    what: &str,
    error: *mut *mut aikit_error,
    body: impl FnOnce() -> Result<Object>,
) -> aikit_status {
    // SAFETY: the caller's promise; written only after `not_null`.
    unsafe {
        guard(error, || {
            not_null(out, what)?;
            out.write(registry::insert(body()?)?);
            Ok(())
        })
    }
}
