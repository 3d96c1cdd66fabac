//! Products of matrices for weights that never change: these are laid out once, when a model is
//! loaded, the way the innermost loop reads them.

// The loops are written with the processor's own instructions: what the compiler makes of plain
// loops was measured at a third of it. Bounds are asserted once before each block.
#![allow(unsafe_code)]

/// Columns that are worked on at once.
const PANEL: usize = 32;
/// Bytes of the left matrix that should stay in the second cache.
const LEFT_BLOCK: usize = 512 * 1024;

/// A matrix of `depth` rows and `columns` columns as panels of [`PANEL`] columns, zeros at the end.
#[derive(Debug, Default)]
pub struct Panels {
    data: Vec<f32>,
    depth: usize,
    columns: usize,
}

impl Panels {
    /// From a function of row and column.
    pub fn new(depth: usize, columns: usize, at: impl Fn(usize, usize) -> f32) -> Self {
        let mut new = Self::default();
        new.fill(depth, columns, at);
        new
    }

    /// How many rows it has.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Takes another matrix into the same memory.
    pub fn fill(&mut self, depth: usize, columns: usize, at: impl Fn(usize, usize) -> f32) {
        (self.depth, self.columns) = (depth, columns);
        self.data.clear();
        self.data.reserve(columns.div_ceil(PANEL) * depth * PANEL);
        for start in (0..columns).step_by(PANEL) {
            let width = PANEL.min(columns - start);
            for row in 0..depth {
                self.data.extend((start..start + width).map(|column| at(row, column)));
                self.data.extend(std::iter::repeat_n(0.0, PANEL - width));
            }
        }
    }
}

/// Which instructions are there. Only [`Level::detect`] gives other ones than the portable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// AVX-512 (F, BW, DQ, VL) and FMA.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx512,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    #[non_exhaustive]
    Avx2,
    /// Plain Rust.
    Portable,
}

impl Level {
    /// The best that this processor has.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("fma")
            {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Rows of a matrix, each `stride` after the one before.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// All its numbers, and those between the rows.
    pub data: &'a [f32],
    /// From the start of a row to that of the next.
    pub stride: usize,
    /// How many rows.
    pub count: usize,
}

/// Adds `left · right` to rows of `out` that are `out_stride` apart.
///
/// # Panics
/// When the shapes do not fit one another: a defect of the caller.
pub fn add_product(
    level: Level,
    left: Rows<'_>,
    right: &Panels,
    out: &mut [f32],
    out_stride: usize,
) {
    let (rows, depth, columns) = (left.count, right.depth, right.columns);
    if rows == 0 || depth == 0 || columns == 0 {
        return;
    }
    assert!(left.stride >= depth && left.data.len() >= (rows - 1) * left.stride + depth);
    assert!(out_stride >= columns && out.len() >= (rows - 1) * out_stride + columns);
    assert!(right.data.len() == columns.div_ceil(PANEL) * depth * PANEL);
    // Whole blocks of rows, so that only the last one has a remainder.
    let step = (LEFT_BLOCK / (depth * size_of::<f32>())).max(1).next_multiple_of(12);
    let mut edge = [0.0f32; 12 * PANEL];
    for start in (0..rows).step_by(step) {
        let end = rows.min(start + step);
        for (panel, data) in right.data.chunks_exact(depth * PANEL).enumerate() {
            let column = panel * PANEL;
            let width = PANEL.min(columns - column);
            let mut row = start;
            while row < end {
                let height = match end - row {
                    12.. => 12,
                    6.. => 6,
                    3.. => 3,
                    _ => 1,
                };
                let a = &left.data[row * left.stride..];
                let c = &mut out[row * out_stride + column..];
                if width == PANEL {
                    block(level, height, depth, (a, left.stride), data, (c, out_stride));
                } else {
                    edge[..height * PANEL].fill(0.0);
                    block(level, height, depth, (a, left.stride), data, (&mut edge, PANEL));
                    for (i, sums) in edge.chunks_exact(PANEL).take(height).enumerate() {
                        let c = &mut c[i * out_stride..][..width];
                        c.iter_mut().zip(sums).for_each(|(c, sum)| *c += sum);
                    }
                }
                row += height;
            }
        }
    }
}

/// One block of `height` rows and a whole panel of columns.
fn block(
    level: Level,
    height: usize,
    depth: usize,
    (a, a_stride): (&[f32], usize),
    panel: &[f32],
    (c, c_stride): (&mut [f32], usize),
) {
    assert!(a.len() >= (height - 1) * a_stride + depth);
    assert!(panel.len() == depth * PANEL);
    assert!(c.len() >= (height - 1) * c_stride + PANEL);
    macro_rules! heights {
        ($kernel:ident) => {
            match height {
                12 => $kernel::<12>(depth, a, a_stride, panel, c, c_stride),
                6 => $kernel::<6>(depth, a, a_stride, panel, c, c_stride),
                3 => $kernel::<3>(depth, a, a_stride, panel, c, c_stride),
                _ => $kernel::<1>(depth, a, a_stride, panel, c, c_stride),
            }
        };
    }
    match level {
        // SAFETY: `Level::detect` saw these instructions; the bounds were asserted above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { heights!(block_avx512) },
        // SAFETY: likewise. Twelve rows are two times six: there are half as many registers.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe {
            if height == 12 {
                block_avx2::<6>(depth, a, a_stride, panel, c, c_stride);
                let (a, c) = (&a[6 * a_stride..], &mut c[6 * c_stride..]);
                block_avx2::<6>(depth, a, a_stride, panel, c, c_stride);
            } else {
                heights!(block_avx2);
            }
        },
        Level::Portable => heights!(block_portable),
    }
}

/// # Safety
/// The processor has AVX-512; `a` holds `HEIGHT` rows of `depth`, `panel` `depth` rows of
/// [`PANEL`], `c` `HEIGHT` rows of [`PANEL`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
unsafe fn block_avx512<const HEIGHT: usize>(
    depth: usize,
    a: &[f32],
    a_stride: usize,
    panel: &[f32],
    c: &mut [f32],
    c_stride: usize,
) {
    use std::arch::x86_64::{
        _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };
    let (a, panel, c) = (a.as_ptr(), panel.as_ptr(), c.as_mut_ptr());
    let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
    for k in 0..depth {
        // SAFETY: `k < depth` and `i < HEIGHT`, so all is inside of what the caller promised.
        unsafe {
            let b0 = _mm512_loadu_ps(panel.add(k * PANEL));
            let b1 = _mm512_loadu_ps(panel.add(k * PANEL + 16));
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*a.add(i * a_stride + k));
                sums[0] = _mm512_fmadd_ps(x, b0, sums[0]);
                sums[1] = _mm512_fmadd_ps(x, b1, sums[1]);
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        for (j, sum) in sums.iter().enumerate() {
            // SAFETY: row `i < HEIGHT` of `c`, and its columns up to `PANEL`.
            unsafe {
                let c = c.add(i * c_stride + j * 16);
                _mm512_storeu_ps(c, _mm512_add_ps(_mm512_loadu_ps(c), *sum));
            }
        }
    }
}

/// # Safety
/// As [`block_avx512`], with AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn block_avx2<const HEIGHT: usize>(
    depth: usize,
    a: &[f32],
    a_stride: usize,
    panel: &[f32],
    c: &mut [f32],
    c_stride: usize,
) {
    use std::arch::x86_64::{
        _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_setzero_ps,
        _mm256_storeu_ps,
    };
    let (a, panel, c) = (a.as_ptr(), panel.as_ptr(), c.as_mut_ptr());
    for half in [0, PANEL / 2] {
        let mut sums = [[_mm256_setzero_ps(); 2]; HEIGHT];
        for k in 0..depth {
            // SAFETY: as in `block_avx512`; `half` and what is read after it are inside of a row.
            unsafe {
                let b0 = _mm256_loadu_ps(panel.add(k * PANEL + half));
                let b1 = _mm256_loadu_ps(panel.add(k * PANEL + half + 8));
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = _mm256_set1_ps(*a.add(i * a_stride + k));
                    sums[0] = _mm256_fmadd_ps(x, b0, sums[0]);
                    sums[1] = _mm256_fmadd_ps(x, b1, sums[1]);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, sum) in sums.iter().enumerate() {
                // SAFETY: row `i < HEIGHT` of `c`, and columns of this half.
                unsafe {
                    let c = c.add(i * c_stride + half + j * 8);
                    _mm256_storeu_ps(c, _mm256_add_ps(_mm256_loadu_ps(c), *sum));
                }
            }
        }
    }
}

/// In plain loops, for the processors that have no kernel of their own.
fn block_portable<const HEIGHT: usize>(
    depth: usize,
    a: &[f32],
    a_stride: usize,
    panel: &[f32],
    c: &mut [f32],
    c_stride: usize,
) {
    for i in 0..HEIGHT {
        let a = &a[i * a_stride..][..depth];
        let mut sums = [0.0f32; PANEL];
        for (x, b) in a.iter().zip(panel.as_chunks::<PANEL>().0) {
            sums.iter_mut().zip(b).for_each(|(sum, b)| *sum += x * b);
        }
        let c = &mut c[i * c_stride..][..PANEL];
        c.iter_mut().zip(sums).for_each(|(c, sum)| *c += sum);
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Panels, Rows, add_product};

    /// Small whole numbers: sums are exact in every order.
    fn number(row: usize, column: usize) -> f32 {
        ((row * 31 + column * 17) % 13) as f32 - 6.0
    }

    fn levels() -> Vec<Level> {
        let mut levels = vec![Level::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if Level::detect() != Level::Portable {
                levels.push(Level::Avx2);
            }
            if Level::detect() == Level::Avx512 {
                levels.push(Level::Avx512);
            }
        }
        levels
    }

    #[test]
    fn every_kernel_gives_the_sums_of_the_definition() {
        for (rows, depth, columns) in
            [(1, 1, 1), (2, 5, 31), (12, 32, 32), (13, 7, 33), (23, 40, 100), (500, 300, 65)]
        {
            let (a_stride, c_stride) = (depth + 3, columns + 2);
            let a: Vec<f32> = (0..rows * a_stride).map(|i| number(i, 1)).collect();
            let right = Panels::new(depth, columns, |r, c| number(r, c + 2));
            for level in levels() {
                let mut out = vec![1.0; rows * c_stride];
                let left = Rows { data: &a, stride: a_stride, count: rows };
                add_product(level, left, &right, &mut out, c_stride);
                for row in 0..rows {
                    for column in 0..c_stride {
                        let sum: f32 =
                            (0..depth).map(|k| a[row * a_stride + k] * number(k, column + 2)).sum();
                        let due = if column < columns { 1.0 + sum } else { 1.0 };
                        assert_eq!(
                            out[row * c_stride + column],
                            due,
                            "{level:?} {rows}x{depth}x{columns} at {row},{column}"
                        );
                    }
                }
            }
        }
    }
}
