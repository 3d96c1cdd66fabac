//! A panic is a defect, and is still caught: one wall for everything that is polled.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::{Code, Error, Result};

/// Runs a future; a panic in any of its polls becomes [`Code::Panic`].
pub async fn catch_panic<F: Future>(future: F) -> Result<F::Output> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|payload| panic_error(&*payload))
}

/// Runs a function; a panic in it becomes [`Code::Panic`]. What the panic leaves half done must be
/// gone with the closure, or be replaced as a whole.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(body)).map_err(|payload| panic_error(&*payload))
}

/// The error for a caught panic's payload.
pub(crate) fn panic_error(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Error::new(Code::Panic, format!("a defect inside aikit was caught: {text}"))
        .hint("please report this with what you did; the process is unharmed")
}
