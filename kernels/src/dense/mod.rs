//! Products with weights of 32 bits, and what stands between two of them in an encoder.
//!
//! - `product`: matrices.
//! - `elementwise`: single numbers and rows of them.

mod elementwise;
mod product;

pub use elementwise::{gelu, normalize, softmax};
pub use product::{Level, Panels, Rows, add_product};
