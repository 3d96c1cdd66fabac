//! The C ABI of aikit: `extern "C"` over [`aikit::host`], and nothing else.
//!
//! | module | owns |
//! |---|---|
//! | `wall` | what every export does first and last: catch panics, hand out the error |
//! | `failure` | `aikit_error` and its accessors |
//! | `text` | text that comes in, and `aikit_bytes` that go out |
//! | `registry` | the 64-bit handles |
//! | `library` | versions, names of statuses, shutdown |
//! | `spec`, `documents` | specs, and their texts before they are specs |
//! | `kernel`, `specs`, `collection`, `tool`, `agent`, `run`, `watch`, `admin` | the other nouns |
//!
//! `include/aikit.h` is generated from this crate and is its documentation for users: what is said
//! here about an exported item stands there. What holds for all functions (who owns what, threads,
//! errors) stands in the chapters that open the header, in `ffi/header/preamble.h`; this includes
//! the rules that an unsafe function's caller must keep.

// The purpose of this crate is to speak with C: pointers come in and are read here.
#![allow(unsafe_code)]
// The names are C's, and are the same in Rust so that the header needs no table of renames.
#![allow(non_camel_case_types)]
// The rules are the same for all and stand once, in the header's chapter "Ownership".
#![allow(clippy::missing_safety_doc)]

mod admin;
mod agent;
mod calls;
mod collection;
mod documents;
mod failure;
mod kernel;
mod library;
mod registry;
mod run;
mod spec;
mod specs;
mod text;
mod tool;
mod wall;
mod watch;

pub use admin::*;
pub use agent::*;
pub use collection::*;
pub use documents::*;
pub use failure::*;
pub use kernel::*;
pub use library::*;
pub use run::*;
pub use spec::*;
pub use specs::*;
pub use text::*;
pub use tool::*;
pub use watch::*;

#[cfg(test)]
mod tests;
