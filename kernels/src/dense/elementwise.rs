//! What is done to each number between two products of matrices.
//!
//! The loops are plain and without branches, so that the compiler makes them wide; each is
//! compiled once for each level of instructions.

// Calling what was compiled for instructions that were looked for first.
#![allow(unsafe_code)]

use super::product::Level;

/// Compiles a function that takes `FUSED` (whether a product and a sum are one instruction) for
/// every level.
macro_rules! for_each_level {
    ($(#[$doc:meta])* $name:ident = $body:ident($($argument:ident: $kind:ty),*)) => {
        $(#[$doc])*
        pub fn $name(level: Level, $($argument: $kind),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
            fn avx512($($argument: $kind),*) { $body::<true>($($argument),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $kind),*) { $body::<true>($($argument),*) }
            match level {
                // SAFETY: `Level::detect` saw these instructions.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: likewise.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($argument),*) },
                Level::Portable => $body::<false>($($argument),*),
            }
        }
    };
}

for_each_level! {
    /// `x · Φ(x)` of each number.
    gelu = gelu_of(numbers: &mut [f32])
}
for_each_level! {
    /// Each row of `width` numbers, scaled, becomes shares of 1.
    softmax = softmax_of(rows: &mut [f32], width: usize, scale: f32)
}
for_each_level! {
    /// Each row of the length of `weight` gets mean 0 and variance 1, then weight and bias.
    normalize = normalize_of(rows: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32)
}

#[inline(always)]
fn fused<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// `e` to the power of `x`, for `x` of -87 to 88; relative error below 2e-7.
#[inline(always)]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23: added and taken off, it rounds
    // ln 2 in two parts, so that the first product is exact (Cephes).
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = fused::<FUSED>(x, std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = fused::<FUSED>(n, -LN2_HIGH, x);
    let r = fused::<FUSED>(n, -LN2_LOW, r);
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = fused::<FUSED>(p, r, c);
    }
    let p = fused::<FUSED>(p * r, r, r) + 1.0;
    let power = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    f32::from_bits(((power.wrapping_add(127)) as u32) << 23) * p
}

#[inline(always)]
fn gelu_of<const FUSED: bool>(numbers: &mut [f32]) {
    for x in numbers {
        // Abramowitz and Stegun 7.1.26 for erf(|x| / √2): off by 1.5e-7 at most.
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / fused::<FUSED>(z, 0.327_591_1, 1.0);
        let mut p = 1.061_405_4;
        for c in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
            p = fused::<FUSED>(p, t, c);
        }
        let tail = 0.5 * p * t * exp::<FUSED>(-z * z);
        let share = if *x > 0.0 { 1.0 - tail } else { tail };
        *x *= share;
    }
}

/// Sums in 16 lanes: the order of a plain sum would not allow for wide additions.
#[inline(always)]
fn lanes(numbers: &[f32], mut add: impl FnMut(&mut f32, f32)) -> [f32; 16] {
    let mut sums = [0.0f32; 16];
    let (chunks, rest) = numbers.as_chunks::<16>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            add(sum, *x);
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        add(sum, *x);
    }
    sums
}

#[inline(always)]
fn softmax_of<const FUSED: bool>(rows: &mut [f32], width: usize, scale: f32) {
    for row in rows.chunks_exact_mut(width) {
        let mut most = f32::NEG_INFINITY;
        for x in row.iter_mut() {
            *x *= scale;
            most = if *x > most { *x } else { most };
        }
        for x in row.iter_mut() {
            *x = exp::<FUSED>(*x - most);
        }
        let share = 1.0 / lanes(row, |sum, x| *sum += x).iter().sum::<f32>();
        row.iter_mut().for_each(|x| *x *= share);
    }
}

#[inline(always)]
fn normalize_of<const FUSED: bool>(rows: &mut [f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    let size = weight.len();
    for row in rows.chunks_exact_mut(size) {
        let mean = lanes(row, |sum, x| *sum += x).iter().sum::<f32>() / size as f32;
        let squares = lanes(row, |sum, x| *sum = fused::<FUSED>(x - mean, x - mean, *sum));
        let variance = squares.iter().sum::<f32>() / size as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((x, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *x = fused::<FUSED>((*x - mean) * scale, *weight, *bias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, gelu, normalize, softmax};

    fn levels() -> [Level; 2] {
        [Level::Portable, Level::detect()]
    }

    #[test]
    fn gelu_is_that_of_the_tables() {
        // Φ(1) and Φ(2.5) of any table of the normal distribution.
        let due = [
            (0.0, 0.0),
            (1.0, 0.841_344_8),
            (-1.0, -0.158_655_26),
            (2.5, 2.5 * 0.993_790_3),
            (30.0, 30.0),
            (-30.0, 0.0),
        ];
        for level in levels() {
            let mut numbers: Vec<f32> = due.iter().map(|(x, _)| *x).collect();
            gelu(level, &mut numbers);
            for ((x, due), got) in due.iter().zip(&numbers) {
                assert!((got - due).abs() < 1e-6, "{level:?}: gelu({x}) = {got}, not {due}");
            }
        }
    }

    #[test]
    fn shares_are_those_of_the_definition_and_sum_to_one() {
        for level in levels() {
            let numbers: Vec<f32> = (0..40).map(|i| ((i * 7) % 23) as f32 - 11.0).collect();
            let mut row = numbers.clone();
            softmax(level, &mut row, 40, 0.5);
            let whole: f64 = numbers.iter().map(|x| f64::from(*x * 0.5).exp()).sum();
            for (x, share) in numbers.iter().zip(&row) {
                let due = f64::from(*x * 0.5).exp() / whole;
                assert!((f64::from(*share) - due).abs() < 1e-6 * due.max(1e-3), "{share} {due}");
            }
        }
    }

    #[test]
    fn rows_get_mean_zero_and_variance_one() {
        for level in levels() {
            let mut row: Vec<f32> = (0..37).map(|i| (i * i % 19) as f32).collect();
            normalize(level, &mut row, &[2.0; 37], &[1.0; 37], 0.0);
            let mean = row.iter().sum::<f32>() / 37.0;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 37.0;
            assert!((mean - 1.0).abs() < 1e-5 && (variance - 4.0).abs() < 1e-4);
        }
    }
}
