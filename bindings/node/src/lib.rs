//! aikit for Node.js: the native half of `@aikit/core`.
//!
//! Small classes that pass JSON text. What a user of Node.js sees (promises, `for await`, tools,
//! `AbortSignal`, `AikitError`) is made of them in `lib/`. The one runtime is the core's; nothing
//! here starts a thread, and nothing of JavaScript's is called outside its own thread.

// For the code that napi's macros write into this crate. Nothing here is `unsafe` by hand.
#![allow(unsafe_code)]
// What napi exports must be `pub`; of a cdylib nothing is reachable from Rust.
#![allow(unreachable_pub)]
// Clippy makes a test build too, for which napi's macros generate nothing: it is empty.
#![cfg(not(test))]

mod admin;
mod failure;
mod kernel;
mod process;
mod spec;
mod specs;
mod task;
