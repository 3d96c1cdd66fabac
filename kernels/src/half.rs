//! Numbers of 16 bits.

/// The 16 bits nearest to a number, the even ones of two.
pub fn to_f16(number: f32) -> u16 {
    let bits = number.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let (exponent, mantissa) = ((bits >> 23 & 0xFF) as i32 - 112, bits & 0x007F_FFFF);
    if exponent == 143 {
        // Infinite, or not a number.
        return sign | 0x7C00 | if mantissa == 0 { 0 } else { 0x0200 };
    }
    if exponent > 30 {
        return sign | 0x7C00;
    }
    // Below the normal numbers the leading one is written out and shifted.
    let (value, shift) = match exponent {
        1.. => ((exponent as u32) << 23 | mantissa, 13),
        -10..=0 => (mantissa | 0x0080_0000, 14 - exponent),
        _ => return sign,
    };
    let half = 1u32 << (shift - 1);
    let even = value >> shift & 1;
    sign | ((value + half - 1 + even) >> shift) as u16
}

/// The number that 16 bits stand for.
#[inline(always)]
pub fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = u32::from(bits & 0x7FFF);
    let value = match magnitude {
        0x7C00.. => f32::from_bits(magnitude << 13 | 0x7F80_0000),
        0x0400.. => f32::from_bits((magnitude << 13) + (112 << 23)),
        // Multiples of 2^-24.
        _ => magnitude as f32 * f32::from_bits(0x3380_0000),
    };
    f32::from_bits(value.to_bits() | sign)
}

#[cfg(test)]
mod tests {
    use super::from_f16;

    #[test]
    fn halves_are_widened_exactly() {
        for (bits, due) in [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 2f32.powi(-24)),
            (0x83ff, -1023.0 * 2f32.powi(-24)),
            (0x0400, 2f32.powi(-14)),
            (0x3c00, 1.0),
            (0xc500, -5.0),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(from_f16(bits).to_bits(), f32::to_bits(due), "{bits:#06x}");
        }
        assert!(from_f16(0x7e00).is_nan());
    }
}
