//! Byte-pair encoding as GPT-2 has it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::split::Split;
use super::{CONTROL, Token, UNKNOWN, USER_DEFINED, numbers};
use crate::error::Result;
use crate::model::local::gguf::invalid;

pub(super) struct Bpe {
    split: Split,
    /// The token of each byte.
    bytes: [Option<Token>; 256],
    /// What two tokens that stand side by side become, and how early.
    merges: HashMap<(Token, Token), (u32, Token)>,
    /// Words that are taken whole.
    words: HashMap<Box<[u8]>, Token>,
}

/// The character that stands for a byte in the file: itself where it can be seen.
fn shown(byte: u8) -> char {
    match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
        0..=0x20 => char::from_u32(0x100 + u32::from(byte)).unwrap_or(' '),
        0x7F..=0xA0 => char::from_u32(0x121 + u32::from(byte - 0x7F)).unwrap_or(' '),
        0xAD => '\u{143}',
    }
}

fn meant(shown: char) -> Option<u8> {
    let code = u32::from(shown);
    let byte = match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => code,
        0x100..=0x120 => code - 0x100,
        0x121..=0x142 => code - 0x121 + 0x7F,
        0x143 => 0xAD,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// What a token adds to a text.
pub(super) fn piece(text: &[u8], kind: i32) -> Box<[u8]> {
    if matches!(kind, CONTROL | UNKNOWN | USER_DEFINED) {
        return text.into();
    }
    let plain = String::from_utf8_lossy(text);
    let bytes: Option<Vec<u8>> = plain.chars().map(meant).collect();
    bytes.map_or_else(|| text.into(), Vec::into_boxed_slice)
}

impl Bpe {
    pub(super) fn new(texts: &[&[u8]], merges: &[&[u8]], split: Split) -> Result<Self> {
        let words = numbers(texts);
        let of = |text: &[u8]| words.get(text).copied();
        let mut bytes = [None; 256];
        for (byte, token) in (0..=255u8).zip(&mut bytes) {
            *token = of(shown(byte).encode_utf8(&mut [0; 4]).as_bytes());
        }
        if merges.is_empty() {
            return Err(invalid("the model file has no merges for its tokenizer"));
        }
        let mut pairs = HashMap::with_capacity(merges.len());
        let mut joined = Vec::new();
        for (rank, merge) in (0..).zip(merges) {
            // The first character may itself be a space.
            let Some(at) = merge.iter().skip(1).position(|byte| *byte == b' ') else { continue };
            let (left, right) = (&merge[..at + 1], &merge[at + 2..]);
            joined.clear();
            joined.extend_from_slice(left);
            joined.extend_from_slice(right);
            if let (Some(left), Some(right), Some(both)) = (of(left), of(right), of(&joined)) {
                pairs.entry((left, right)).or_insert((rank, both));
            }
        }
        let words = if split.whole_words() {
            (0..).zip(texts).map(|(id, text)| (piece(text, 1), id)).collect()
        } else {
            HashMap::new()
        };
        Ok(Self { split, bytes, merges: pairs, words })
    }

    pub(super) fn encode(&self, text: &str, out: &mut Vec<Token>) {
        let mut work = Work::default();
        for word in self.split.words(text) {
            match self.words.get(word.as_bytes()) {
                Some(token) => out.push(*token),
                None => self.word(word.as_bytes(), &mut work, out),
            }
        }
    }

    /// Merges the pair with the lowest rank, the leftmost of equal ones, until there is none.
    fn word(&self, word: &[u8], work: &mut Work, out: &mut Vec<Token>) {
        let symbols = word.iter().filter_map(|byte| self.bytes[usize::from(*byte)]);
        work.symbols.clear();
        work.symbols.extend(symbols.enumerate().map(|(i, token)| Symbol {
            token: Some(token),
            before: i.checked_sub(1),
            after: i + 1,
        }));
        work.heap.clear();
        for right in 1..work.symbols.len() {
            work.offer(self, right - 1, right);
        }
        while let Some(Reverse((_, left, pair))) = work.heap.pop() {
            let Some(right) = work.right_of(left) else { continue };
            if work.symbols[left].token != Some(pair.0) || work.symbols[right].token != Some(pair.1)
            {
                // One of them became a part of something else meanwhile.
                continue;
            }
            let Some((_, both)) = self.merges.get(&pair) else { continue };
            let after = work.symbols[right].after;
            work.symbols[right].token = None;
            work.symbols[left].token = Some(*both);
            work.symbols[left].after = after;
            if after < work.symbols.len() {
                work.symbols[after].before = Some(left);
                work.offer(self, left, after);
            }
            if let Some(before) = work.symbols[left].before {
                work.offer(self, before, left);
            }
        }
        out.extend(work.symbols.iter().filter_map(|symbol| symbol.token));
    }
}

#[derive(Clone, Copy)]
struct Symbol {
    /// `None` when it became a part of the one before.
    token: Option<Token>,
    before: Option<usize>,
    after: usize,
}

/// How early a pair is merged, where its left one stands, and the pair.
type Offer = (u32, usize, (Token, Token));

#[derive(Default)]
struct Work {
    symbols: Vec<Symbol>,
    heap: BinaryHeap<Reverse<Offer>>,
}

impl Work {
    fn right_of(&self, left: usize) -> Option<usize> {
        Some(self.symbols[left].after).filter(|right| *right < self.symbols.len())
    }

    fn offer(&mut self, bpe: &Bpe, left: usize, right: usize) {
        if let (Some(a), Some(b)) = (self.symbols[left].token, self.symbols[right].token)
            && let Some((rank, _)) = bpe.merges.get(&(a, b))
        {
            self.heap.push(Reverse((*rank, left, (a, b))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{meant, shown};

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        for byte in 0..=255u8 {
            assert_eq!(meant(shown(byte)), Some(byte));
        }
        assert_eq!((shown(b' '), shown(b'\n'), shown(b'a')), ('Ġ', 'Ċ', 'a'));
    }
}
