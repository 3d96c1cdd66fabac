//! Vector code against plain code, and both against sums in double precision.
//!
//! What the formats mean is held against another implementation in `tests/local`.

use super::format::unpack_row;
use super::*;
use crate::half::{from_f16, to_f16};

/// Numbers that look random, the same each time.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn float(&mut self) -> f32 {
        (self.next() % 20_001) as f32 / 10_000.0 - 1.0
    }
}

const FORMATS: [Format; 11] = [
    Format::F32,
    Format::F16,
    Format::Bf16,
    Format::Q4_0,
    Format::Q4_1,
    Format::Q5_0,
    Format::Q5_1,
    Format::Q8_0,
    Format::Q4K,
    Format::Q5K,
    Format::Q6K,
];

/// Blocks of any bytes, with scales that are numbers of a usual size.
fn weights(format: Format, rows: usize, cols: usize, numbers: &mut Numbers) -> Vec<u8> {
    let size = rows * format.row_bytes(cols);
    let mut bytes: Vec<u8> = (0..size).map(|_| numbers.next() as u8).collect();
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        let mut set = |at: usize| {
            block[at..at + 2].copy_from_slice(&to_f16(numbers.float() * 0.1).to_le_bytes());
        };
        match format {
            Format::F32 => block.copy_from_slice(&numbers.float().to_le_bytes()),
            Format::F16 => set(0),
            Format::Bf16 => {
                let bits = (numbers.float().to_bits() >> 16) as u16;
                block.copy_from_slice(&bits.to_le_bytes());
            }
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => {
                set(0);
                set(2);
            }
            Format::Q6K => set(208),
            _ => set(0),
        }
    }
    bytes
}

#[test]
fn products_agree_with_sums_in_double_precision_on_every_level() {
    let mut numbers = Numbers(7);
    for format in FORMATS {
        for (rows, cols, tokens) in [(5, 256, 1), (17, 512, 3), (9, 768, 4), (33, 256, 11)] {
            let data = weights(format, rows, cols, &mut numbers);
            let matrix = Matrix { format, rows, cols, data: &data };
            let mut acts = Acts::default();
            acts.resize(tokens, cols);
            acts.numbers().iter_mut().for_each(|x| *x = numbers.float() * 3.0);
            for level in Level::all() {
                acts.quantise(level);
                let mut out = vec![f32::NAN; rows * tokens];
                let mut pool = Pool::new(2).unwrap();
                matmul(level, &mut pool, &acts, &mut [(matrix, &mut out)]);
                for row in 0..rows {
                    let mut plain = vec![0.0; cols];
                    unpack_row(format, matrix.row(row), &mut plain);
                    for token in 0..tokens {
                        let x: Vec<f32> =
                            (0..cols).map(|i| number(format, &acts, token, i)).collect();
                        let terms: Vec<f64> = plain
                            .iter()
                            .zip(&x)
                            .map(|(w, x)| f64::from(*w) * f64::from(*x))
                            .collect();
                        let exact: f64 = terms.iter().sum();
                        let scale: f64 = terms.iter().map(|term| term.abs()).sum();
                        let found = f64::from(out[token * rows + row]);
                        assert!(
                            (found - exact).abs() <= 4e-6 * scale + 1e-6,
                            "{format:?} {level:?} row {row} token {token}: {found} and not {exact}"
                        );
                    }
                }
            }
        }
    }
}

/// What the product is taken with: the number itself, or what its 8 bits stand for.
fn number(format: Format, acts: &Acts, token: usize, i: usize) -> f32 {
    let at = token * acts.cols + i;
    if format.is_float() { acts.x[at] } else { f32::from(acts.q[at]) * acts.d[at / BLOCK] }
}

#[test]
fn a_row_gives_the_same_whoever_is_beside_it() {
    let mut numbers = Numbers(11);
    for format in FORMATS {
        let data = weights(format, 16, 512, &mut numbers);
        let matrix = Matrix { format, rows: 16, cols: 512, data: &data };
        let rows: Vec<f32> = (0..7 * 512).map(|_| numbers.float()).collect();
        for level in Level::all() {
            let mut pool = Pool::new(2).unwrap();
            let mut of = |x: &[f32]| {
                let mut acts = Acts::default();
                acts.resize(x.len() / 512, 512);
                acts.numbers().copy_from_slice(x);
                acts.quantise(level);
                let mut out = vec![0.0; 16 * x.len() / 512];
                matmul(level, &mut pool, &acts, &mut [(matrix, &mut out)]);
                out
            };
            let together = of(&rows);
            for token in 0..7 {
                let alone = of(&rows[token * 512..][..512]);
                assert_eq!(alone, together[token * 16..][..16], "{format:?} {level:?}");
            }
        }
    }
}

#[test]
fn bytes_are_at_most_half_a_step_away() {
    let mut numbers = Numbers(3);
    for level in Level::all() {
        let x: Vec<f32> = (0..320).map(|_| numbers.float() * 9.0).collect();
        let (mut q, mut d, mut s) = (vec![0i8; 320], vec![0.0; 10], vec![0.0; 10]);
        quantise(level, &x, &mut q, &mut d, &mut s);
        for i in 0..320 {
            let back = f32::from(q[i]) * d[i / 32];
            assert!((x[i] - back).abs() <= d[i / 32] * 0.5001, "{level:?} {i}");
        }
        let sum: i32 = q[..32].iter().map(|q| i32::from(*q)).sum();
        assert!((s[0] - d[0] * sum as f32).abs() < 1e-4);
        quantise(level, &[0.0; 32], &mut q[..32], &mut d[..1], &mut s[..1]);
        assert_eq!((d[0], s[0], &q[..32]), (0.0, 0.0, &[0i8; 32][..]));
    }
}

#[test]
fn half_precision_goes_there_and_back() {
    for bits in 0..=u16::MAX {
        let number = from_f16(bits);
        if number.is_nan() {
            assert!(from_f16(to_f16(number)).is_nan());
        } else {
            assert_eq!(to_f16(number), bits, "{number}");
        }
    }
    // Between two neighbours the nearer one, and the even one in the middle.
    assert_eq!(to_f16(1.0 + 0.000_48), to_f16(1.0));
    assert_eq!(to_f16(1.0 + 0.000_489), 0x3C01);
    assert_eq!(to_f16(1.0 + 1.5 / 1024.0), 0x3C02);
    assert_eq!((to_f16(65_520.0), to_f16(1e9), to_f16(-1e9)), (0x7C00, 0x7C00, 0xFC00));
    assert_eq!((to_f16(1e-9), to_f16(-1e-9)), (0, 0x8000));
    for level in Level::all() {
        let mut numbers = Numbers(5);
        let x: Vec<f32> = (0..1003).map(|_| numbers.float() * 70.0).collect();
        let mut out = vec![0; 1003];
        halve(level, &x, &mut out);
        assert!(x.iter().zip(&out).all(|(x, half)| to_f16(*x) == *half), "{level:?}");
    }
}

#[test]
fn attention_agrees_with_sums_in_double_precision() {
    let mut numbers = Numbers(23);
    for (size, positions) in [(64, 1), (64, 77), (128, 9), (80, 33), (96, 5), (36, 4)] {
        let stride = size * 3;
        let of = |numbers: &mut Numbers| -> Vec<u16> {
            (0..positions * stride).map(|_| to_f16(numbers.float())).collect()
        };
        let (keys, values) = (of(&mut numbers), of(&mut numbers));
        let query: Vec<f32> = (0..size).map(|_| numbers.float()).collect();
        let at = |half: &[u16], position: usize, i: usize| {
            f64::from(from_f16(half[position * stride + i]))
        };
        let scores: Vec<f64> = (0..positions)
            .map(|p| (0..size).map(|i| f64::from(query[i]) * at(&keys, p, i)).sum::<f64>().exp())
            .collect();
        let all: f64 = scores.iter().sum();
        let exact: Vec<f64> = (0..size)
            .map(|i| (0..positions).map(|p| scores[p] / all * at(&values, p, i)).sum())
            .collect();
        for level in Level::all() {
            let (mut weights, mut out) = (vec![0.0; positions], vec![0.0; size]);
            let head = Head { query: &query, keys: &keys, values: &values, stride };
            attend(level, &head, &mut weights, &mut out);
            for i in 0..size {
                assert!((f64::from(out[i]) - exact[i]).abs() < 2e-6, "{level:?} {size} {i}");
            }
        }
    }
}

#[test]
fn norms_and_gates_agree_with_double_precision() {
    let mut numbers = Numbers(31);
    let x: Vec<f32> = (0..577).map(|_| numbers.float() * 30.0).collect();
    let y: Vec<f32> = (0..577).map(|_| numbers.float()).collect();
    let mean = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 577.0;
    for level in Level::all() {
        let mut out = vec![0.0; 577];
        rms_norm(level, &x, &y, 1e-5, &mut out);
        for i in 0..577 {
            let exact = f64::from(x[i]) / (mean + 1e-5).sqrt() * f64::from(y[i]);
            assert!((f64::from(out[i]) - exact).abs() < 1e-5);
        }
        silu_mul(level, &x, &y, &mut out);
        for i in 0..577 {
            let x = f64::from(x[i]);
            let exact = x / (1.0 + (-x).exp()) * f64::from(y[i]);
            assert!((f64::from(out[i]) - exact).abs() < 1e-6 * exact.abs().max(1.0), "{i}");
        }
        let mut sum = x.clone();
        add(level, &mut sum, &y);
        assert!((0..577).all(|i| sum[i] == x[i] + y[i]));
    }
    for i in -870..=880 {
        let x = i as f32 / 10.0;
        let exact = f64::from(x).exp();
        assert!((f64::from(plain::exp(x)) / exact - 1.0).abs() < 3e-7, "{x}");
    }
    assert_eq!(plain::exp(f32::NEG_INFINITY), plain::exp(-87.0));
}
