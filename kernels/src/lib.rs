//! The arithmetic of aikit's models in the process: loops over numbers, and the threads that share
//! them. Nothing here knows a file, a token or an error of aikit's.
//!
//! A crate of its own, so that it is optimised where the rest is not: a model whose products are
//! compiled for debugging answers many times slower.
//!
//! - [`quantised`]: products with weights of 4 to 8 bits as they stand in a file, attention over
//!   half-precision caches.
//! - [`dense`]: products with weights of 32 bits that are laid out once.
//! - [`pool`]: threads that share the loops of a pass.
//! - [`half`]: numbers of 16 bits.
//!
//! Instructions are chosen when the program runs: AVX2 and AVX-512 on x86-64, plain Rust elsewhere.

pub mod dense;
pub mod half;
pub mod pool;
pub mod quantised;
