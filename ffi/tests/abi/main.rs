//! The C ABI from outside: its header, its library, and programs in C and C++ that use them.

// What holds for tests holds for the functions that they share.
#![allow(clippy::expect_used, clippy::panic)]

mod header;
mod programs;
mod support;
