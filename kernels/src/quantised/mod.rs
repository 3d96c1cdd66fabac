//! Arithmetic on weights as they stand in the file.
//!
//! Activations are brought to 8 bits in blocks of 32, as llama.cpp does, so that a product with
//! 4-bit weights is one of small whole numbers. What a row of weights gives for an activation does
//! not depend on what else is computed with it: answers do not change with who is served beside.

mod format;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use format::Format;

use crate::pool::{Disjoint, Pool};

/// Elements of a block of activations.
pub const BLOCK: usize = 32;

/// What this processor can. Only [`Level::best`] gives more than the plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Plain Rust, for all that is not below.
    Plain,
    /// AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx2,
    /// With the products of bytes that AVX-512 VNNI has, in 256 bits.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Vnni,
}

impl Level {
    /// The best that this processor has.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") && has!("f16c") {
                let vnni = has!("avx512f") && has!("avx512bw") && has!("avx512vl");
                return if vnni && has!("avx512vnni") { Self::Vnni } else { Self::Avx2 };
            }
        }
        Self::Plain
    }

    /// All that this processor can, the plain one first: for who compares them.
    pub fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        match Self::best() {
            Self::Plain => {}
            Self::Avx2 => return vec![Self::Plain, Self::Avx2],
            Self::Vnni => return vec![Self::Plain, Self::Avx2, Self::Vnni],
        }
        vec![Self::Plain]
    }
}

/// A matrix of weights, row after row, as it stands in the file.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// How its numbers are written.
    pub format: Format,
    /// Outputs of a product with it.
    pub rows: usize,
    /// Inputs of a product with it.
    pub cols: usize,
    /// `rows * format.row_bytes(cols)` bytes.
    pub data: &'a [u8],
}

impl<'a> Matrix<'a> {
    /// The bytes of a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, index: usize) -> &'a [u8] {
        let size = self.format.row_bytes(self.cols);
        &self.data[index * size..(index + 1) * size]
    }

    /// One row as `cols` numbers.
    ///
    /// # Panics
    /// When there is no such row, or `out` is too short for it.
    pub fn unpack(&self, index: usize, out: &mut [f32]) {
        format::unpack_row(self.format, self.row(index), &mut out[..self.cols]);
    }
}

/// Activations, one row for each token, as numbers and in 8 bits.
#[derive(Debug, Default)]
pub struct Acts {
    cols: usize,
    rows: usize,
    x: Vec<f32>,
    q: Vec<i8>,
    /// The scale of each block.
    d: Vec<f32>,
    /// The scale times the sum of the block's numbers, for formats with an offset.
    s: Vec<f32>,
}

impl Acts {
    /// Makes room for so many rows, whose numbers are to be set.
    pub fn resize(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        let size = rows * cols;
        if self.x.len() < size {
            self.x.resize(size, 0.0);
            self.q.resize(size, 0);
            self.d.resize(size.div_ceil(BLOCK), 0.0);
            self.s.resize(size.div_ceil(BLOCK), 0.0);
        }
    }

    /// The numbers of all rows, one after the other.
    pub fn numbers(&mut self) -> &mut [f32] {
        &mut self.x[..self.rows * self.cols]
    }

    /// Brings the numbers that were set to 8 bits.
    pub fn quantise(&mut self, level: Level) {
        let (size, blocks) = (self.rows * self.cols, self.rows * self.cols / BLOCK);
        if !self.cols.is_multiple_of(BLOCK) {
            return;
        }
        let (q, d, s) = (&mut self.q[..size], &mut self.d[..blocks], &mut self.s[..blocks]);
        quantise(level, &self.x[..size], q, d, s);
    }
}

/// Rows of weights that a chunk takes at least: less is not worth claiming.
const MIN_ROWS: usize = 8;

/// `out[token][row]` of each matrix is the product of the activations of the token and the row.
///
/// # Panics
/// When the shapes do not fit one another: a defect of the caller.
pub fn matmul(
    level: Level,
    pool: &mut Pool,
    acts: &Acts,
    products: &mut [(Matrix<'_>, &mut [f32])],
) {
    for (matrix, out) in &*products {
        assert_eq!(matrix.cols, acts.cols, "shapes of a product");
        assert!(matrix.data.len() >= matrix.rows * matrix.format.row_bytes(matrix.cols));
        assert!(out.len() >= matrix.rows * acts.rows);
        assert!(matrix.format.is_float() || matrix.cols.is_multiple_of(BLOCK));
    }
    let total: usize = products.iter().map(|(matrix, _)| matrix.rows).sum();
    let size = total.div_ceil(pool.threads() * 6).next_multiple_of(MIN_ROWS).min(512);
    // Chunks never cross from one matrix to the next.
    let parts: Vec<(Matrix<'_>, usize, Disjoint<f32>)> = products
        .iter_mut()
        .map(|(matrix, out)| (*matrix, matrix.rows.div_ceil(size), Disjoint(out.as_mut_ptr())))
        .collect();
    let chunks = parts.iter().map(|(_, chunks, _)| chunks).sum();
    pool.run(chunks, &|chunk| {
        let mut chunk = chunk;
        for (matrix, count, out) in &parts {
            if chunk < *count {
                let start = chunk * size;
                rows(level, matrix, start..(start + size).min(matrix.rows), acts, out);
                return;
            }
            chunk -= count;
        }
    });
}

/// Writes `out[token][row]` for these rows, and nothing else of `out`.
fn rows(
    level: Level,
    matrix: &Matrix<'_>,
    rows: std::ops::Range<usize>,
    acts: &Acts,
    out: &Disjoint<f32>,
) {
    match level {
        Level::Plain => plain::rows(matrix, rows, acts, out),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => x86::rows_avx2(matrix, rows, acts, out),
        #[cfg(target_arch = "x86_64")]
        Level::Vnni => x86::rows_vnni(matrix, rows, acts, out),
    }
}

/// One head's attention over the first `out.weights.len()` positions of a cache.
pub struct Head<'a> {
    /// The query, scaled.
    pub query: &'a [f32],
    /// Keys of the position, `stride` apart.
    pub keys: &'a [u16],
    /// Values of the position, `stride` apart.
    pub values: &'a [u16],
    /// Numbers from one position to the next.
    pub stride: usize,
}

macro_rules! by_level {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub fn $name(level: Level, $($arg: $type),*) {
            match level {
                Level::Plain => plain::$name($($arg),*),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 | Level::Vnni => x86::$name($($arg),*),
            }
        }
    };
}

by_level! {
    /// Brings numbers to 8 bits in blocks of 32.
    quantise(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [f32])
}
by_level! {
    /// Divides by the root of the mean square, and multiplies with the weights.
    rms_norm(x: &[f32], weights: &[f32], epsilon: f32, out: &mut [f32])
}
by_level! {
    /// `out = silu(gate) * up`.
    silu_mul(gate: &[f32], up: &[f32], out: &mut [f32])
}
by_level! {
    /// `x += y`.
    add(x: &mut [f32], y: &[f32])
}
by_level! {
    /// Attention of one head; `weights` is room for one number per position.
    attend(head: &Head<'_>, weights: &mut [f32], out: &mut [f32])
}
by_level! {
    /// Half-precision copies.
    halve(x: &[f32], out: &mut [u16])
}

#[cfg(test)]
mod tests;
