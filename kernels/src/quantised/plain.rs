//! The same arithmetic in plain Rust, written so that a compiler finds the vectors in it.

#![allow(unsafe_code, reason = "threads write to one slice; see `rows`")]

use std::ops::Range;

use super::format::{Sub, float, sub_block};
use super::{Acts, BLOCK, Disjoint, Head, Matrix};
use crate::half::{from_f16, to_f16};

/// Numbers that are summed side by side.
const LANES: usize = 8;

pub(super) fn rows(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
    for row in rows {
        let bytes = matrix.row(row);
        for token in 0..acts.rows {
            let value = if matrix.format.is_float() {
                dot_float(matrix, bytes, &acts.x[token * acts.cols..][..acts.cols])
            } else {
                dot_blocks(matrix, bytes, acts, token)
            };
            // SAFETY: `matmul` checked that `out` has a number for each row and token, and no
            // other chunk has this row.
            unsafe { out.slice(token * matrix.rows + row, 1)[0] = value };
        }
    }
}

fn dot_float(matrix: &Matrix<'_>, row: &[u8], x: &[f32]) -> f32 {
    let size = matrix.format.block_bytes();
    let mut sums = [0.0f32; LANES];
    let mut weights = row.chunks_exact(size * LANES);
    let mut numbers = x.chunks_exact(LANES);
    for (weights, numbers) in weights.by_ref().zip(numbers.by_ref()) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += float(matrix.format, &weights[lane * size..]) * numbers[lane];
        }
    }
    let rest = weights.remainder().chunks_exact(size).zip(numbers.remainder());
    sums.iter().sum::<f32>() + rest.map(|(w, x)| float(matrix.format, w) * x).sum::<f32>()
}

fn dot_blocks(matrix: &Matrix<'_>, row: &[u8], acts: &Acts, token: usize) -> f32 {
    let (q, d, s) = (&acts.q[token * acts.cols..], &acts.d, &acts.s);
    let subs = matrix.format.block() / BLOCK;
    let mut at = token * acts.cols / BLOCK;
    let first = at;
    let mut sum = 0.0;
    for block in row.chunks_exact(matrix.format.block_bytes()) {
        for sub in 0..subs {
            let Sub { w, scales, min } = sub_block(matrix.format, block, sub);
            let y = &q[(at - first) * BLOCK..][..BLOCK];
            let part = |range: Range<usize>| -> i32 {
                w[range.clone()]
                    .iter()
                    .zip(&y[range])
                    .map(|(w, y)| i32::from(*w) * i32::from(*y))
                    .sum()
            };
            let products = scales[0] * part(0..16) as f32 + scales[1] * part(16..32) as f32;
            sum += products * d[at] - min * s[at];
            at += 1;
        }
    }
    sum
}

#[inline(always)]
pub(super) fn quantise(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [f32]) {
    let (blocks, _) = x.as_chunks::<BLOCK>();
    let (outs, _) = q.as_chunks_mut::<BLOCK>();
    for (((x, q), d), s) in blocks.iter().zip(outs).zip(d).zip(s) {
        let mut most = [0.0f32; LANES];
        for part in x.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                most[lane] = most[lane].max(part[lane].abs());
            }
        }
        let most = most.iter().fold(0.0f32, |a, b| a.max(*b));
        let scale = if most > 0.0 { 127.0 / most } else { 0.0 };
        *d = most / 127.0;
        let mut sum = 0i32;
        for i in 0..BLOCK {
            let number = (x[i] * scale).round_ties_even() as i32;
            q[i] = number as i8;
            sum += number;
        }
        *s = *d * sum as f32;
    }
}

#[inline(always)]
fn sum_of(x: impl Fn(usize) -> f32, length: usize) -> f32 {
    let mut sums = [0.0f32; LANES];
    let whole = length / LANES * LANES;
    let mut i = 0;
    while i < whole {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += x(i + lane);
        }
        i += LANES;
    }
    (whole..length).map(x).sum::<f32>() + sums.iter().sum::<f32>()
}

#[inline(always)]
pub(super) fn rms_norm(x: &[f32], weights: &[f32], epsilon: f32, out: &mut [f32]) {
    let mean = sum_of(|i| x[i] * x[i], x.len()) / x.len() as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weights) {
        *out = x * scale * weight;
    }
}

/// e to the power of `x`, to 2 units in the last place; written without branches for vectors.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E).round_ties_even();
    // The logarithm of 2 in two parts, so that the rest keeps its digits.
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 0.166_666_66;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    p * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

#[inline(always)]
pub(super) fn silu_mul(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp(-gate)) * up;
    }
}

#[inline(always)]
pub(super) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// Turns scores into weights that sum up to 1.
#[inline(always)]
pub(super) fn softmax(scores: &mut [f32]) {
    let most = scores.iter().fold(f32::MIN, |a, b| a.max(*b));
    for score in &mut *scores {
        *score = exp(*score - most);
    }
    let scale = 1.0 / sum_of(|i| scores[i], scores.len());
    for score in scores {
        *score *= scale;
    }
}

pub(super) fn attend(head: &Head<'_>, weights: &mut [f32], out: &mut [f32]) {
    let size = head.query.len();
    for (position, weight) in weights.iter_mut().enumerate() {
        let key = &head.keys[position * head.stride..][..size];
        *weight = sum_of(|i| head.query[i] * from_f16(key[i]), size);
    }
    softmax(weights);
    out.fill(0.0);
    for (position, weight) in weights.iter().enumerate() {
        let value = &head.values[position * head.stride..][..size];
        for (out, value) in out.iter_mut().zip(value) {
            *out += weight * from_f16(*value);
        }
    }
}

pub(super) fn halve(x: &[f32], out: &mut [u16]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = to_f16(*x);
    }
}
