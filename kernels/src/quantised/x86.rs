//! The same arithmetic with AVX2, FMA and F16C, and the products of bytes of AVX-512 VNNI.
//!
//! Four tokens are computed at once where there are four: a block of weights is unpacked once for
//! all of them. Each token has its own sum, in the same order however many there are.

#![allow(unsafe_code, reason = "vector instructions read through pointers")]

use std::arch::x86_64::*;
use std::ops::Range;

use super::format::{Format, scale_min};
use super::{Acts, BLOCK, Disjoint, Head, Matrix, plain};

/// A block of a format, unpacked 32 weights at a time.
///
/// # Safety
/// All of it is for processors with AVX2, FMA and F16C, and is inlined into functions that say so;
/// `block` points to `BYTES` readable bytes and `sub` is below `SUBS`.
trait Quant {
    const BYTES: usize;
    /// Parts of 32 in a block.
    const SUBS: usize;
    /// Whether weights can be below zero.
    const SIGNED: bool;
    /// Whether there is an offset.
    const MIN: bool;

    /// Weights, the scale of each eight lanes' sums, and what is added times the sum of the
    /// activations.
    unsafe fn unpack(block: *const u8, sub: usize) -> (__m256i, __m256, __m256);
}

/// A half-precision number in all lanes.
#[inline(always)]
unsafe fn f16(bytes: *const u8) -> __m256 {
    // SAFETY: two readable bytes; the processor has F16C.
    unsafe { _mm256_cvtph_ps(_mm_set1_epi16(bytes.cast::<i16>().read_unaligned())) }
}

/// 16 bytes of nibbles as 32 bytes.
#[inline(always)]
unsafe fn nibbles(bytes: *const u8) -> __m256i {
    // SAFETY: 16 readable bytes; the processor has AVX2.
    unsafe {
        let low = _mm_loadu_si128(bytes.cast());
        let both = _mm256_set_m128i(_mm_srli_epi16::<4>(low), low);
        _mm256_and_si256(both, _mm256_set1_epi8(0x0F))
    }
}

/// 32 bits as 32 bytes of 0 or 16.
#[inline(always)]
unsafe fn fifth(bytes: *const u8) -> __m256i {
    // SAFETY: 4 readable bytes; the processor has AVX2.
    unsafe {
        let bits = _mm256_set1_epi32(bytes.cast::<i32>().read_unaligned());
        let spread = _mm256_setr_epi64x(
            0x0000_0000_0000_0000,
            0x0101_0101_0101_0101,
            0x0202_0202_0202_0202,
            0x0303_0303_0303_0303,
        );
        let one = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
        let bit = _mm256_and_si256(_mm256_shuffle_epi8(bits, spread), one);
        _mm256_and_si256(_mm256_cmpeq_epi8(bit, one), _mm256_set1_epi8(16))
    }
}

struct Q4_0;
struct Q4_1;
struct Q5_0;
struct Q5_1;
struct Q8_0;
struct Q4K;
struct Q5K;
struct Q6K;

macro_rules! quant {
    ($name:ident, $bytes:literal, $subs:literal, $signed:literal, $min:literal,
     |$block:ident, $sub:ident| $body:block) => {
        impl Quant for $name {
            const BYTES: usize = $bytes;
            const SUBS: usize = $subs;
            const SIGNED: bool = $signed;
            const MIN: bool = $min;
            #[inline(always)]
            unsafe fn unpack($block: *const u8, $sub: usize) -> (__m256i, __m256, __m256) {
                let _ = $sub;
                // SAFETY: every read is inside of the block, which is `BYTES` long.
                unsafe { $body }
            }
        }
    };
}

quant!(Q4_0, 18, 1, false, true, |block, sub| {
    let d = f16(block);
    (nibbles(block.add(2)), d, _mm256_mul_ps(d, _mm256_set1_ps(-8.0)))
});
quant!(Q4_1, 20, 1, false, true, |block, sub| {
    (nibbles(block.add(4)), f16(block), f16(block.add(2)))
});
quant!(Q5_0, 22, 1, false, true, |block, sub| {
    let d = f16(block);
    let w = _mm256_or_si256(nibbles(block.add(6)), fifth(block.add(2)));
    (w, d, _mm256_mul_ps(d, _mm256_set1_ps(-16.0)))
});
quant!(Q5_1, 24, 1, false, true, |block, sub| {
    let w = _mm256_or_si256(nibbles(block.add(8)), fifth(block.add(4)));
    (w, f16(block), f16(block.add(2)))
});
quant!(Q8_0, 34, 1, true, false, |block, sub| {
    (_mm256_loadu_si256(block.add(2).cast()), f16(block), _mm256_setzero_ps())
});
quant!(Q4K, 144, 8, false, true, |block, sub| {
    let (scale, min) = scales_k(block, sub);
    (half_bytes(block.add(16 + sub / 2 * 32), sub), scale, min)
});
quant!(Q5K, 176, 8, false, true, |block, sub| {
    let (scale, min) = scales_k(block, sub);
    let bit = _mm256_set1_epi8((1u8 << sub).cast_signed());
    let high = _mm256_and_si256(_mm256_loadu_si256(block.add(16).cast()), bit);
    let high = _mm256_and_si256(_mm256_cmpeq_epi8(high, bit), _mm256_set1_epi8(16));
    let w = _mm256_or_si256(half_bytes(block.add(48 + sub / 2 * 32), sub), high);
    (w, scale, min)
});
quant!(Q6K, 210, 8, true, false, |block, sub| {
    let (half, quarter) = (sub / 4, sub % 4);
    let low = half_bytes(block.add(half * 64 + quarter % 2 * 32), quarter / 2);
    let high = _mm256_loadu_si256(block.add(128 + half * 32).cast());
    let high = _mm256_srl_epi16(high, _mm_cvtsi32_si128(2 * quarter as i32));
    let high = _mm256_slli_epi16::<4>(_mm256_and_si256(high, _mm256_set1_epi8(3)));
    let w = _mm256_sub_epi8(_mm256_or_si256(low, high), _mm256_set1_epi8(32));
    let scale = |i: usize| f32::from(block.add(192 + sub * 2 + i).cast::<i8>().read());
    let scales = _mm256_set_m128(_mm_set1_ps(scale(1)), _mm_set1_ps(scale(0)));
    (w, _mm256_mul_ps(f16(block.add(208)), scales), _mm256_setzero_ps())
});

/// The low or the high nibbles of 32 bytes: high for an odd `part`.
#[inline(always)]
unsafe fn half_bytes(bytes: *const u8, part: usize) -> __m256i {
    // SAFETY: 32 readable bytes; the processor has AVX2.
    unsafe {
        let all = _mm256_loadu_si256(bytes.cast());
        let shift = _mm_cvtsi32_si128(4 * (part % 2) as i32);
        _mm256_and_si256(_mm256_srl_epi16(all, shift), _mm256_set1_epi8(0x0F))
    }
}

/// Scale and offset of a part of Q4_K and Q5_K.
#[inline(always)]
unsafe fn scales_k(block: *const u8, sub: usize) -> (__m256, __m256) {
    // SAFETY: the head of such a block is 16 bytes; the processor has F16C and AVX2.
    unsafe {
        let packed = std::slice::from_raw_parts(block.add(4), 12);
        let (scale, min) = scale_min(packed, sub);
        (
            _mm256_mul_ps(f16(block), _mm256_set1_ps(f32::from(scale))),
            _mm256_mul_ps(f16(block.add(2)), _mm256_set1_ps(-f32::from(min))),
        )
    }
}

/// Sums of four products each of bytes without sign and bytes with.
#[inline(always)]
unsafe fn products<const VNNI: bool>(w: __m256i, y: __m256i) -> __m256i {
    // SAFETY: `VNNI` is set only where the processor has it.
    unsafe {
        if VNNI {
            _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, y)
        } else {
            // Weights are below 64, or the absolute value of a byte with sign, and activations at
            // most 127: two products never leave 16 bits.
            _mm256_madd_epi16(_mm256_maddubs_epi16(w, y), _mm256_set1_epi16(1))
        }
    }
}

#[inline(always)]
unsafe fn sum(x: __m256) -> f32 {
    // SAFETY: the processor has AVX2.
    unsafe {
        let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
        let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
    }
}

/// The products of a row with `N` tokens from `token` on.
///
/// # Safety
/// The row is whole, `acts` has the tokens, and `VNNI` is what the processor has.
#[inline(always)]
unsafe fn dot<Q: Quant, const VNNI: bool, const N: usize>(
    row: &[u8],
    acts: &Acts,
    token: usize,
) -> [f32; N] {
    let blocks = acts.cols / BLOCK;
    // SAFETY: a row has `cols / (32 * SUBS)` blocks of `BYTES`, and each token `cols` numbers in
    // 8 bits and `cols / 32` scales and sums; `Acts::resize` made room for all of them.
    unsafe {
        let (q, d, s) = (acts.q.as_ptr(), acts.d.as_ptr(), acts.s.as_ptr());
        let mut sums = [_mm256_setzero_ps(); N];
        let mut offsets = [_mm256_setzero_ps(); N];
        for index in 0..blocks / Q::SUBS {
            let block = row.as_ptr().add(index * Q::BYTES);
            for sub in 0..Q::SUBS {
                let (w, scale, min) = Q::unpack(block, sub);
                let magnitude = if Q::SIGNED { _mm256_abs_epi8(w) } else { w };
                let at = index * Q::SUBS + sub;
                for n in 0..N {
                    let part = (token + n) * blocks + at;
                    let y = _mm256_loadu_si256(q.add(part * BLOCK).cast());
                    let y = if Q::SIGNED { _mm256_sign_epi8(y, w) } else { y };
                    let whole = _mm256_cvtepi32_ps(products::<VNNI>(magnitude, y));
                    let scale = _mm256_mul_ps(scale, _mm256_set1_ps(*d.add(part)));
                    sums[n] = _mm256_fmadd_ps(whole, scale, sums[n]);
                    if Q::MIN {
                        // In the lowest lane alone.
                        let s = _mm256_zextps128_ps256(_mm_load_ss(s.add(part)));
                        offsets[n] = _mm256_fmadd_ps(min, s, offsets[n]);
                    }
                }
            }
        }
        let mut out = [0.0; N];
        for n in 0..N {
            out[n] = if Q::MIN { sum(_mm256_add_ps(sums[n], offsets[n])) } else { sum(sums[n]) };
        }
        out
    }
}

/// # Safety
/// As for [`dot`].
#[inline(always)]
unsafe fn quantised<Q: Quant, const VNNI: bool>(
    matrix: &Matrix<'_>,
    rows: Range<usize>,
    acts: &Acts,
    out: &Disjoint<f32>,
) {
    for row in rows {
        let bytes = matrix.row(row);
        let mut token = 0;
        // SAFETY: `matmul` checked that `out` has a number for each row and token; no other chunk
        // has this row. For `dot`, see its own conditions, which `matmul` checked too.
        unsafe {
            while token + 4 <= acts.rows {
                let values = dot::<Q, VNNI, 4>(bytes, acts, token);
                for (n, value) in values.into_iter().enumerate() {
                    out.slice((token + n) * matrix.rows + row, 1)[0] = value;
                }
                token += 4;
            }
            while token < acts.rows {
                let [value] = dot::<Q, VNNI, 1>(bytes, acts, token);
                out.slice(token * matrix.rows + row, 1)[0] = value;
                token += 1;
            }
        }
    }
}

/// Eight weights of a float format.
///
/// # Safety
/// They are readable, and the processor has AVX2 and F16C.
#[inline(always)]
unsafe fn eight(format: Format, bytes: *const u8) -> __m256 {
    // SAFETY: the caller's.
    unsafe {
        match format {
            Format::F16 => _mm256_cvtph_ps(_mm_loadu_si128(bytes.cast())),
            Format::Bf16 => {
                let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(bytes.cast()));
                _mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide))
            }
            _ => _mm256_loadu_ps(bytes.cast()),
        }
    }
}

/// # Safety
/// As for [`dot`].
#[inline(always)]
unsafe fn floats(matrix: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
    let size = matrix.format.block_bytes();
    let whole = acts.cols / 8 * 8;
    for row in rows {
        let bytes = matrix.row(row);
        for token in 0..acts.rows {
            let x = &acts.x[token * acts.cols..][..acts.cols];
            // SAFETY: reads stay below `cols`; for `out` see `quantised`.
            unsafe {
                let mut sums = [_mm256_setzero_ps(); 2];
                for at in (0..whole).step_by(8) {
                    let weights = eight(matrix.format, bytes.as_ptr().add(at * size));
                    let lane = at / 8 % 2;
                    let numbers = _mm256_loadu_ps(x.as_ptr().add(at));
                    sums[lane] = _mm256_fmadd_ps(weights, numbers, sums[lane]);
                }
                let rest = bytes[whole * size..].chunks_exact(size).zip(&x[whole..]);
                let rest: f32 = rest.map(|(w, x)| super::format::float(matrix.format, w) * x).sum();
                let value = sum(_mm256_add_ps(sums[0], sums[1])) + rest;
                out.slice(token * matrix.rows + row, 1)[0] = value;
            }
        }
    }
}

/// # Safety
/// As for [`dot`].
#[inline(always)]
unsafe fn dispatch<const VNNI: bool>(
    matrix: &Matrix<'_>,
    rows: Range<usize>,
    acts: &Acts,
    out: &Disjoint<f32>,
) {
    // SAFETY: the caller's.
    unsafe {
        match matrix.format {
            Format::F32 | Format::F16 | Format::Bf16 => floats(matrix, rows, acts, out),
            Format::Q4_0 => quantised::<Q4_0, VNNI>(matrix, rows, acts, out),
            Format::Q4_1 => quantised::<Q4_1, VNNI>(matrix, rows, acts, out),
            Format::Q5_0 => quantised::<Q5_0, VNNI>(matrix, rows, acts, out),
            Format::Q5_1 => quantised::<Q5_1, VNNI>(matrix, rows, acts, out),
            Format::Q8_0 => quantised::<Q8_0, VNNI>(matrix, rows, acts, out),
            Format::Q4K => quantised::<Q4K, VNNI>(matrix, rows, acts, out),
            Format::Q5K => quantised::<Q5K, VNNI>(matrix, rows, acts, out),
            Format::Q6K => quantised::<Q6K, VNNI>(matrix, rows, acts, out),
        }
    }
}

pub(super) fn rows_avx2(m: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
    #[target_feature(enable = "avx2,fma,f16c")]
    fn run(m: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
        // SAFETY: the processor's part is this function's; shapes are checked by `matmul`.
        unsafe { dispatch::<false>(m, rows, acts, out) }
    }
    // SAFETY: `Level::Avx2` is made only where the processor has these.
    unsafe { run(m, rows, acts, out) }
}

pub(super) fn rows_vnni(m: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512vnni")]
    fn run(m: &Matrix<'_>, rows: Range<usize>, acts: &Acts, out: &Disjoint<f32>) {
        // SAFETY: as in `rows_avx2`.
        unsafe { dispatch::<true>(m, rows, acts, out) }
    }
    // SAFETY: `Level::Vnni` is made only where the processor has these.
    unsafe { run(m, rows, acts, out) }
}

macro_rules! as_plain {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {
        $(pub(super) fn $name($($arg: $type),*) {
            // The plain function is inlined here and compiled for these instructions.
            #[target_feature(enable = "avx2,fma,f16c")]
            fn run($($arg: $type),*) {
                plain::$name($($arg),*);
            }
            // SAFETY: called only for levels that have these.
            unsafe { run($($arg),*) }
        })*
    };
}

as_plain! {
    quantise(x: &[f32], q: &mut [i8], d: &mut [f32], s: &mut [f32]);
    rms_norm(x: &[f32], weights: &[f32], epsilon: f32, out: &mut [f32]);
    silu_mul(gate: &[f32], up: &[f32], out: &mut [f32]);
    add(x: &mut [f32], y: &[f32]);
}

pub(super) fn attend(head: &Head<'_>, weights: &mut [f32], out: &mut [f32]) {
    // SAFETY: called only for levels that have these.
    unsafe { attend_avx2(head, weights, out) }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn attend_avx2(head: &Head<'_>, weights: &mut [f32], out: &mut [f32]) {
    let size = head.query.len();
    let positions = weights.len();
    if !size.is_multiple_of(8) {
        return plain::attend(head, weights, out);
    }
    assert!(out.len() == size && positions > 0);
    let last = (positions - 1) * head.stride + size;
    assert!(head.keys.len() >= last && head.values.len() >= last);
    for (position, weight) in weights.iter_mut().enumerate() {
        // SAFETY: `last` above bounds every read of keys; `at` stays below `size`.
        unsafe {
            let key = head.keys.as_ptr().add(position * head.stride);
            let mut sums = [_mm256_setzero_ps(); 2];
            for at in (0..size).step_by(8) {
                let key = _mm256_cvtph_ps(_mm_loadu_si128(key.add(at).cast()));
                let query = _mm256_loadu_ps(head.query.as_ptr().add(at));
                let lane = at / 8 % 2;
                sums[lane] = _mm256_fmadd_ps(key, query, sums[lane]);
            }
            *weight = sum(_mm256_add_ps(sums[0], sums[1]));
        }
    }
    plain::softmax(weights);
    // As many sums as stay in registers.
    const WIDE: usize = 64;
    let mut at = 0;
    while at < size {
        let width = WIDE.min(size - at);
        let mut sums = [_mm256_setzero_ps(); WIDE / 8];
        for (position, weight) in weights.iter().enumerate() {
            // SAFETY: `last` bounds every read of values; `at + width` is at most `size`.
            unsafe {
                let value = head.values.as_ptr().add(position * head.stride + at);
                let weight = _mm256_set1_ps(*weight);
                if width == WIDE {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        let value = _mm256_cvtph_ps(_mm_loadu_si128(value.add(i * 8).cast()));
                        *sum = _mm256_fmadd_ps(value, weight, *sum);
                    }
                } else {
                    for (i, sum) in sums.iter_mut().enumerate().take(width / 8) {
                        let value = _mm256_cvtph_ps(_mm_loadu_si128(value.add(i * 8).cast()));
                        *sum = _mm256_fmadd_ps(value, weight, *sum);
                    }
                }
            }
        }
        for (i, sum) in sums.iter().enumerate().take(width / 8) {
            // SAFETY: `at + 8 * i + 8` is at most `size`, the length of `out`.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(at + i * 8), *sum) };
        }
        at += width;
    }
}

pub(super) fn halve(x: &[f32], out: &mut [u16]) {
    #[target_feature(enable = "avx2,f16c")]
    fn run(x: &[f32], out: &mut [u16]) {
        let (x, rest) = x.as_chunks::<8>();
        let (wide, narrow) = out.split_at_mut(x.len() * 8);
        for (x, out) in x.iter().zip(wide.as_chunks_mut::<8>().0) {
            // SAFETY: eight numbers in, eight out.
            unsafe {
                let half =
                    _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(x.as_ptr()));
                _mm_storeu_si128(out.as_mut_ptr().cast(), half);
            }
        }
        plain::halve(rest, narrow);
    }
    // SAFETY: called only for levels that have these.
    unsafe { run(x, out) }
}
