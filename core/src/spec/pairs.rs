//! JSON writes characters beyond the first plane as two escaped halves (RFC 8259, section 7), and the
//! parser of YAML knows no halves. Many JSON writers escape everything that is not ASCII.
//!
//! So the halves go through the parser as characters for private use, which are escaped in as many
//! letters: no place in the text moves.

use std::borrow::Cow;

/// What lies between a half and the character that stands in for it.
const AWAY: u16 = 0x800;
/// The characters that stand in for halves.
const STAND_INS: std::ops::RangeInclusive<u16> = 0xe000..=0xe7ff;

/// The text with stand-ins for pairs of halves; `None` when there are none, when it is no JSON, or when
/// it has such characters itself.
pub(super) fn hide(text: &str) -> Option<String> {
    let is_half = |at: usize| matches!(text.as_bytes().get(at + 2), Some(b'd' | b'D'));
    if !escapes(text).any(is_half)
        || text.chars().any(is_stand_in)
        || escapes(text).filter_map(|at| unit(text, at)).any(|unit| STAND_INS.contains(&unit))
        || serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
    {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for at in escapes(text) {
        if at < done {
            continue;
        }
        let (Some(high), Some(low)) = (unit(text, at), unit(text, at + 6)) else { continue };
        let is_pair = (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low);
        if is_pair && text[at + 6..].starts_with("\\u") {
            out.push_str(&text[done..at]);
            out.push_str(&format!("\\u{:04x}\\u{:04x}", high + AWAY, low + AWAY));
            done = at + 12;
        }
    }
    out.push_str(&text[done..]);
    Some(out)
}

/// A text that went through the parser, with its characters back.
pub(super) fn show(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(is_stand_in) {
        return text;
    }
    let mut units: Vec<u16> = text.encode_utf16().collect();
    for unit in units.iter_mut().filter(|unit| STAND_INS.contains(unit)) {
        *unit -= AWAY;
    }
    String::from_utf16_lossy(&units).into()
}

fn is_stand_in(c: char) -> bool {
    u16::try_from(u32::from(c)).is_ok_and(|unit| STAND_INS.contains(&unit))
}

/// Where the escapes `\uXXXX` stand. A backslash behind a backslash begins none.
fn escapes(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text.get(at..)?.find('\\')?;
            let begin = at;
            at += 2;
            match bytes.get(begin + 1)? {
                b'u' => return Some(begin),
                byte if byte.is_ascii() => {}
                // Behind the character, which has several bytes.
                _ => at = begin + 1,
            }
        }
    })
}

/// The number of the escape that begins there.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at + 2..at + 6)?;
    if !text[at..].starts_with("\\u") || digits.starts_with('+') {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}
