//! The tokenizer of Llama 2 and its kin, as SentencePiece has it: the pair with the best score is
//! merged first, and what has no token is written in bytes.

use std::collections::{BinaryHeap, HashMap};

use super::{BYTE, CONTROL, Token, UNKNOWN, numbers};
use crate::error::Result;
use crate::model::local::gguf::invalid;

/// What stands for a space in the file.
const SPACE: char = '\u{2581}';

pub(super) struct Spm {
    tokens: HashMap<Box<[u8]>, Token>,
    scores: Vec<f32>,
    bytes: [Option<Token>; 256],
    unknown: Option<Token>,
    /// Whether a text is read as if a space stood before it.
    prefix: bool,
}

/// What a token adds to a text.
pub(super) fn piece(text: &[u8], kind: i32) -> Box<[u8]> {
    match kind {
        CONTROL | UNKNOWN => text.into(),
        BYTE => byte_of(text).map_or_else(|| text.into(), |byte| [byte].into()),
        _ => String::from_utf8_lossy(text).replace(SPACE, " ").into_bytes().into(),
    }
}

/// The byte of `<0x0A>`.
fn byte_of(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[derive(PartialEq)]
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    size: usize,
}

impl Eq for Pair {}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Symbol {
    start: usize,
    /// 0 when it became a part of the one before.
    size: usize,
    before: Option<usize>,
    after: usize,
}

impl Spm {
    pub(super) fn new(
        texts: &[&[u8]],
        kinds: &[i32],
        scores: Vec<f32>,
        prefix: bool,
    ) -> Result<Self> {
        if scores.len() != texts.len() {
            return Err(invalid("the model file has not one score for each token"));
        }
        let mut bytes = [None; 256];
        for ((id, text), kind) in (0..).zip(texts).zip(kinds) {
            if let (&BYTE, Some(byte)) = (kind, byte_of(text)) {
                bytes[usize::from(byte)] = Some(id);
            }
        }
        let unknown = kinds.iter().position(|kind| *kind == UNKNOWN);
        let unknown = unknown.and_then(|id| Token::try_from(id).ok());
        Ok(Self { tokens: numbers(texts), scores, bytes, unknown, prefix })
    }

    pub(super) fn encode(&self, text: &str, first: bool, out: &mut Vec<Token>) {
        let mut plain = String::with_capacity(text.len() + 8);
        if self.prefix && first {
            plain.push(' ');
        }
        plain.push_str(text);
        let plain = plain.replace(' ', SPACE.encode_utf8(&mut [0; 4]));
        let bytes = plain.as_bytes();
        let mut symbols: Vec<Symbol> = plain
            .char_indices()
            .enumerate()
            .map(|(i, (start, c))| Symbol {
                start,
                size: c.len_utf8(),
                before: i.checked_sub(1),
                after: i + 1,
            })
            .collect();
        let mut heap = BinaryHeap::new();
        let offer = |heap: &mut BinaryHeap<Pair>, symbols: &[Symbol], left: usize, right: usize| {
            let size = symbols[left].size + symbols[right].size;
            if let Some(token) = self.tokens.get(&bytes[symbols[left].start..][..size]) {
                heap.push(Pair { score: self.scores[*token as usize], left, right, size });
            }
        };
        for right in 1..symbols.len() {
            offer(&mut heap, &symbols, right - 1, right);
        }
        while let Some(Pair { left, right, size, .. }) = heap.pop() {
            let (a, b) = (symbols[left].size, symbols[right].size);
            if a == 0 || b == 0 || a + b != size {
                continue;
            }
            symbols[left].size = size;
            symbols[right].size = 0;
            let after = symbols[right].after;
            symbols[left].after = after;
            if after < symbols.len() {
                symbols[after].before = Some(left);
                offer(&mut heap, &symbols, left, after);
            }
            if let Some(before) = symbols[left].before {
                offer(&mut heap, &symbols, before, left);
            }
        }
        for symbol in symbols.iter().filter(|symbol| symbol.size > 0) {
            let text = &bytes[symbol.start..][..symbol.size];
            match self.tokens.get(text) {
                Some(token) => out.push(*token),
                None => out.extend(
                    text.iter().filter_map(|byte| self.bytes[usize::from(*byte)].or(self.unknown)),
                ),
            }
        }
    }
}
