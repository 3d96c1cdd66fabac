//! The global I/O runtime: made on first use, leaked after a fork, shut down within bounds; and
//! the one HTTP client.
//!
//! Importing the library, parsing a spec and calling a pure function never come here.

mod http;
mod image;
mod lock;
mod panic;
mod runtime;
mod sse;

pub use http::client;
pub use lock::Mutex;
pub(crate) use lock::{Condvar, RwLock};
pub use panic::{catch, catch_panic};
pub use runtime::{Generation, generation, runtime, shutdown};
pub(crate) use runtime::{counted, know_forks, run_blocking, run_here, shutdown_token};
pub(crate) use sse::SseReader;
