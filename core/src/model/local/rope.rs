//! Rotary positions: how a token's place is turned into its queries and keys.

use std::f32::consts::PI;

use super::gguf::{Gguf, invalid};
use super::weights::Sizes;
use crate::error::Result;
use aikit_kernels::quantised::Matrix;

/// The angles that a step of one position turns by.
#[derive(Clone, Debug)]
pub(super) struct Rope {
    /// One for each pair of numbers that is turned.
    frequencies: Vec<f32>,
    /// What the turned numbers are multiplied with.
    magnitude: f32,
    /// Whether a pair stands side by side, or half a head apart.
    side_by_side: bool,
}

impl Rope {
    pub(super) fn new(gguf: &Gguf, file: &[u8], family: &str, sizes: &Sizes) -> Result<Self> {
        let key = |part: &str| format!("{family}.rope.{part}");
        let turned = gguf.size(&key("dimension_count")).unwrap_or(sizes.head);
        if turned == 0 || turned > sizes.head || !turned.is_multiple_of(2) {
            return Err(invalid(format!("{turned} of {} numbers cannot be turned", sizes.head)));
        }
        let base = gguf.float(&key("freq_base")).unwrap_or(10_000.0);
        if base <= 1.0 {
            return Err(invalid("the base of the model's positions is not above 1"));
        }
        let factor = gguf.float(&key("scaling.factor")).filter(|factor| *factor > 0.0);
        let kind = gguf.text(file, &key("scaling.type"));
        let factor = factor.or_else(|| gguf.float(&key("scale_linear")).filter(|f| *f > 0.0));
        let scale = 1.0 / factor.unwrap_or(1.0);
        let mut magnitude = gguf.float(&key("scaling.attn_factor")).unwrap_or(1.0);
        let pairs = turned / 2;
        let exponent = |pair: usize| -2.0 * pair as f32 / turned as f32;
        let plain = |pair: usize| base.powf(exponent(pair));
        let mut frequencies: Vec<f32> = match kind {
            Some("none") => (0..pairs).map(plain).collect(),
            None | Some("linear") => (0..pairs).map(|pair| plain(pair) * scale).collect(),
            Some("yarn") => {
                let original = gguf.size(&key("scaling.original_context_length"));
                let original = original.unwrap_or(sizes.context) as f32;
                let limit = |turns: f32| {
                    turned as f32 * (original / (turns * 2.0 * PI)).ln() / (2.0 * base.ln())
                };
                let fast = gguf.float(&key("scaling.yarn_beta_fast")).unwrap_or(32.0);
                let slow = gguf.float(&key("scaling.yarn_beta_slow")).unwrap_or(1.0);
                let low = limit(fast).floor().max(0.0);
                let high = limit(slow).ceil().min(turned as f32 - 1.0);
                magnitude *= 1.0 + 0.1 * (1.0 / scale).ln();
                // Fast turns stay as they are, slow ones are stretched, between them it blends.
                let kept = |pair: usize| {
                    1.0 - ((pair as f32 - low) / (high - low).max(0.001)).clamp(0.0, 1.0)
                };
                (0..pairs).map(|p| plain(p) * (scale * (1.0 - kept(p)) + kept(p))).collect()
            }
            Some(other) => {
                return Err(invalid(format!("positions scaled by {other:?} are not supported")));
            }
        };
        if let Some(tensor) = gguf.tensor("rope_freqs.weight") {
            if tensor.cols != pairs || tensor.rows != 1 {
                return Err(invalid("the model's factors of positions have another length"));
            }
            let mut divisors = vec![0.0; pairs];
            let (format, data) = (tensor.format, &file[tensor.bytes.clone()]);
            Matrix { format, rows: 1, cols: pairs, data }.unpack(0, &mut divisors);
            for (frequency, divisor) in frequencies.iter_mut().zip(divisors) {
                *frequency /= divisor;
            }
        }
        if !magnitude.is_finite() || frequencies.iter().any(|frequency| !frequency.is_finite()) {
            return Err(invalid("the model's scaling of positions gives no numbers"));
        }
        Ok(Self { frequencies, magnitude, side_by_side: family == "llama" })
    }

    /// Numbers that [`Rope::angles`] writes.
    pub(super) fn pairs(&self) -> usize {
        self.frequencies.len()
    }

    /// Cosine and sine of each pair at a position.
    pub(super) fn angles(&self, position: usize, out: &mut [(f32, f32)]) {
        for (out, frequency) in out.iter_mut().zip(&self.frequencies) {
            let (sin, cos) = (position as f32 * frequency).sin_cos();
            *out = (cos * self.magnitude, sin * self.magnitude);
        }
    }

    /// Turns one head.
    pub(super) fn turn(&self, angles: &[(f32, f32)], head: &mut [f32]) {
        let pairs = angles.len();
        let mut pair = |i: usize, j: usize, (cos, sin): (f32, f32)| {
            let (a, b) = (head[i], head[j]);
            head[i] = a * cos - b * sin;
            head[j] = a * sin + b * cos;
        };
        for (i, angle) in angles.iter().enumerate() {
            if self.side_by_side {
                pair(2 * i, 2 * i + 1, *angle);
            } else {
                pair(i, i + pairs, *angle);
            }
        }
    }
}
