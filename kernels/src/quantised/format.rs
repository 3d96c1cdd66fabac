//! The formats of weights, one block at a time.

use crate::half::from_f16;

/// How weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32 bits.
    F32,
    /// 16 bits, IEEE 754.
    F16,
    /// The upper 16 bits of 32.
    Bf16,
    /// 4 bits and a scale for 32 numbers.
    Q4_0,
    /// 4 bits, a scale and an offset for 32 numbers.
    Q4_1,
    /// 5 bits and a scale for 32 numbers.
    Q5_0,
    /// 5 bits, a scale and an offset for 32 numbers.
    Q5_1,
    /// 8 bits and a scale for 32 numbers.
    Q8_0,
    /// 4 bits in blocks of 256 numbers, with scales and offsets of 6 bits.
    Q4K,
    /// 5 bits in blocks of 256 numbers, with scales and offsets of 6 bits.
    Q5K,
    /// 6 bits in blocks of 256 numbers, with scales of 8 bits.
    Q6K,
}

impl Format {
    /// By the number in the file.
    pub fn of(kind: u32) -> Option<Self> {
        Some(match kind {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            6 => Self::Q5_0,
            7 => Self::Q5_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            13 => Self::Q5K,
            14 => Self::Q6K,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// Elements of a block.
    pub fn block(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// Bytes of a row of so many numbers, whole blocks of them.
    pub fn row_bytes(self, cols: usize) -> usize {
        cols / self.block() * self.block_bytes()
    }

    pub(super) fn is_float(self) -> bool {
        self.block() == 1
    }
}

/// 32 weights: `scales[i / 16] * w[i] - min`.
pub(super) struct Sub {
    pub(super) w: [i8; 32],
    pub(super) scales: [f32; 2],
    pub(super) min: f32,
}

fn f16_at(block: &[u8], at: usize) -> f32 {
    from_f16(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// Nibbles: the low ones are the first half.
fn nibbles(bytes: &[u8], w: &mut [i8; 32]) {
    for i in 0..16 {
        w[i] = (bytes[i] & 0x0F) as i8;
        w[i + 16] = (bytes[i] >> 4) as i8;
    }
}

/// The fifth bit of each.
fn fifth(bits: &[u8], w: &mut [i8; 32]) {
    for i in 0..32 {
        w[i] |= ((bits[i / 8] >> (i % 8) & 1) << 4) as i8;
    }
}

/// Scale and minimum of a sub-block of Q4_K and Q5_K: 6 bits each, packed.
pub(super) fn scale_min(scales: &[u8], sub: usize) -> (u8, u8) {
    if sub < 4 {
        (scales[sub] & 63, scales[sub + 4] & 63)
    } else {
        (
            scales[sub + 4] & 0x0F | (scales[sub - 4] >> 6) << 4,
            scales[sub + 4] >> 4 | (scales[sub] >> 6) << 4,
        )
    }
}

/// 32 weights of a block.
pub(super) fn sub_block(format: Format, block: &[u8], sub: usize) -> Sub {
    let mut w = [0i8; 32];
    let d = f16_at(block, if format == Format::Q6K { 208 } else { 0 });
    let (scales, min) = match format {
        Format::Q4_0 => {
            nibbles(&block[2..], &mut w);
            ([d; 2], 8.0 * d)
        }
        Format::Q4_1 => {
            nibbles(&block[4..], &mut w);
            ([d; 2], -f16_at(block, 2))
        }
        Format::Q5_0 => {
            nibbles(&block[6..], &mut w);
            fifth(&block[2..6], &mut w);
            ([d; 2], 16.0 * d)
        }
        Format::Q5_1 => {
            nibbles(&block[8..], &mut w);
            fifth(&block[4..8], &mut w);
            ([d; 2], -f16_at(block, 2))
        }
        Format::Q8_0 => {
            for (w, byte) in w.iter_mut().zip(&block[2..34]) {
                *w = byte.cast_signed();
            }
            ([d; 2], 0.0)
        }
        Format::Q4K | Format::Q5K => {
            let (scale, min) = scale_min(&block[4..16], sub);
            let low = if format == Format::Q4K { 16 } else { 48 };
            let bytes = &block[low + sub / 2 * 32..][..32];
            for i in 0..32 {
                w[i] = (if sub.is_multiple_of(2) { bytes[i] & 0x0F } else { bytes[i] >> 4 }) as i8;
                if format == Format::Q5K {
                    w[i] |= ((block[16 + i] >> sub & 1) << 4) as i8;
                }
            }
            ([d * f32::from(scale); 2], f16_at(block, 2) * f32::from(min))
        }
        Format::Q6K => {
            let (half, quarter) = (sub / 4, sub % 4);
            let low = &block[half * 64 + quarter % 2 * 32..][..32];
            let high = &block[128 + half * 32..][..32];
            for i in 0..32 {
                let four = if quarter < 2 { low[i] & 0x0F } else { low[i] >> 4 };
                w[i] = (four | (high[i] >> (2 * quarter) & 3) << 4) as i8 - 32;
            }
            let scale = |i: usize| d * f32::from(block[192 + sub * 2 + i].cast_signed());
            ([scale(0), scale(1)], 0.0)
        }
        Format::F32 | Format::F16 | Format::Bf16 => ([0.0; 2], 0.0),
    };
    Sub { w, scales, min }
}

/// A number of a float format.
#[inline(always)]
pub(super) fn float(format: Format, bytes: &[u8]) -> f32 {
    match format {
        Format::F16 => from_f16(u16::from_le_bytes([bytes[0], bytes[1]])),
        Format::Bf16 => f32::from_bits(u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) << 16),
        _ => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
    }
}

/// A row as numbers.
pub(super) fn unpack_row(format: Format, row: &[u8], out: &mut [f32]) {
    if format.is_float() {
        for (out, bytes) in out.iter_mut().zip(row.chunks_exact(format.block_bytes())) {
            *out = float(format, bytes);
        }
        return;
    }
    let blocks = row.chunks_exact(format.block_bytes());
    for (out, block) in out.chunks_exact_mut(format.block()).zip(blocks) {
        for (sub, out) in out.chunks_exact_mut(32).enumerate() {
            let Sub { w, scales, min } = sub_block(format, block, sub);
            for i in 0..32 {
                out[i] = scales[i / 16] * f32::from(w[i]) - min;
            }
        }
    }
}
