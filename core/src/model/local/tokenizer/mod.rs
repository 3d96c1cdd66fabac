//! Texts to tokens and back, with the vocabulary of the model's file.
//!
//! Our own and not the `tokenizers` crate: that reads another file than the one that is there, and
//! is as much to compile as all the rest of this room. What is ours is held against llama.cpp.

mod bpe;
mod split;
mod spm;

use std::collections::HashMap;

use super::gguf::{Gguf, invalid};
use super::template::{CALL_END, CALL_START};
use crate::error::Result;

/// A token's number.
pub(super) type Token = u32;

/// Put into texts of users where they would be read as a token of the model's own, and taken out
/// before anything is made of them. Unicode promises that it is never a character.
const BREAK: char = '\u{FDD0}';

/// Tokens that are never shown.
const CONTROL: i32 = 3;
const UNKNOWN: i32 = 2;
/// Tokens that stand for their text wherever it is met.
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

/// Texts of tokens that end a turn, whatever else the file says.
const ENDS: [&str; 9] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|endoftext|>",
    "<|end|>",
    "<|end_of_turn|>",
    "<end_of_turn>",
    "</s>",
];

/// Turns texts into tokens and back.
pub(super) struct Tokenizer {
    kind: Kind,
    /// What each token adds to a text.
    pieces: Vec<Box<[u8]>>,
    kinds: Vec<i32>,
    /// Tokens that are cut out of a text first, the longest first.
    special: Vec<(String, Token)>,
    bos: Option<Token>,
    eos: Option<Token>,
    ends: Vec<Token>,
    add_bos: bool,
}

enum Kind {
    Bpe(bpe::Bpe),
    Spm(spm::Spm),
}

/// What calls and their results stand in, where the model has no tokens for it.
const TAGS: [&str; 4] = [CALL_START, CALL_END, "<tool_response>", "</tool_response>"];
/// Bytes of a token, and of all of them: more would be too much for the tree of a grammar.
const LONGEST: usize = 1_000;
const VOCABULARY: usize = 1 << 22;

/// A text in which a word does not stand any more, and reads as before.
fn broken_up(text: String, word: &str) -> String {
    if !text.contains(word) {
        return text;
    }
    let first = word.chars().next().map_or(0, char::len_utf8);
    text.replace(word, &format!("{}{BREAK}{}", &word[..first], &word[first..]))
}

impl Tokenizer {
    pub(super) fn new(gguf: &Gguf, file: &[u8]) -> Result<Self> {
        let key = |name: &str| format!("tokenizer.ggml.{name}");
        let texts = gguf.texts(file, &key("tokens")).unwrap_or_default();
        let mut kinds = gguf.integers(file, &key("token_type")).unwrap_or_default();
        kinds.resize(texts.len(), 1);
        let (longest, all) = texts
            .iter()
            .fold((0, 0), |(longest, all), text| (text.len().max(longest), all + text.len()));
        if longest > LONGEST || all > VOCABULARY {
            return Err(invalid("the tokens of the model file are longer than tokens are"));
        }
        // Some files give what ends a turn as text.
        for (kind, text) in kinds.iter_mut().zip(&texts) {
            if *kind == USER_DEFINED && ENDS.iter().any(|end| end.as_bytes() == *text) {
                *kind = CONTROL;
            }
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let model = gguf.text(file, &key("model")).unwrap_or_default();
        let flag = |name: &str| gguf.flag(&key(name));
        let (kind, pieces, bos_default) = match model {
            "gpt2" => {
                let merges = gguf.texts(file, &key("merges")).unwrap_or_default();
                let name = gguf.text(file, &key("pre")).unwrap_or("default");
                let split = split::Split::named(name)?;
                let bos = split.adds_bos();
                let bpe = bpe::Bpe::new(&texts, &merges, split)?;
                let pieces: Vec<_> =
                    texts.iter().zip(&kinds).map(|(text, kind)| bpe::piece(text, *kind)).collect();
                (Kind::Bpe(bpe), pieces, bos)
            }
            "llama" => {
                let scores = gguf.floats(file, &key("scores")).unwrap_or_default();
                let prefix = flag("add_space_prefix").unwrap_or(true);
                let spm = spm::Spm::new(&texts, &kinds, scores, prefix)?;
                let pieces: Vec<_> =
                    texts.iter().zip(&kinds).map(|(text, kind)| spm::piece(text, *kind)).collect();
                (Kind::Spm(spm), pieces, true)
            }
            other => {
                return Err(invalid(format!("the tokenizer {other:?} is not supported"))
                    .hint("supported are gpt2 and llama"));
            }
        };
        let known = |name: &str| {
            let id = Token::try_from(gguf.number(&key(name))?).ok()?;
            ((id as usize) < texts.len()).then_some(id)
        };
        let mut special: Vec<(String, Token)> = (0..)
            .zip(&texts)
            .zip(&kinds)
            .filter(|((_, bytes), kind)| {
                matches!(**kind, CONTROL | USER_DEFINED | UNKNOWN) && !bytes.is_empty()
            })
            .map(|((id, bytes), _)| (text(bytes), id))
            .collect();
        special.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let (bos, eos) = (known("bos_token_id"), known("eos_token_id"));
        let named = special
            .iter()
            .filter(|(text, id)| kinds[*id as usize] == CONTROL && ENDS.contains(&text.as_str()));
        let mut ends: Vec<Token> = named.map(|(_, id)| *id).collect();
        ends.extend([eos, known("eot_token_id"), known("eom_token_id")].into_iter().flatten());
        ends.sort_unstable();
        ends.dedup();
        let add_bos = flag("add_bos_token").unwrap_or(bos_default) && bos.is_some();
        Ok(Self { kind, pieces, kinds, special, bos, eos, ends, add_bos })
    }

    /// How many tokens there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// What a token adds to a text. Tokens of the model's own have a text, too.
    pub(super) fn piece(&self, token: Token) -> &[u8] {
        self.pieces.get(token as usize).map_or(&[], |piece| piece)
    }

    /// Whether a token is never a part of an answer.
    pub(super) fn is_control(&self, token: Token) -> bool {
        matches!(self.kinds.get(token as usize), Some(&(CONTROL | UNKNOWN)))
    }

    /// Whether a token ends an answer.
    pub(super) fn is_end(&self, token: Token) -> bool {
        self.ends.binary_search(&token).is_ok()
    }

    pub(super) fn ends(&self) -> &[Token] {
        &self.ends
    }

    /// The text of a token, for templates.
    pub(super) fn bos_text(&self) -> String {
        self.text_of(self.bos)
    }

    pub(super) fn eos_text(&self) -> String {
        self.text_of(self.eos)
    }

    fn text_of(&self, token: Option<Token>) -> String {
        token.map(|id| String::from_utf8_lossy(self.piece(id)).into_owned()).unwrap_or_default()
    }

    /// A text of somebody else's, with nothing in it that the model would take for its own tokens.
    pub(super) fn harmless(&self, text: &str) -> String {
        let mut text = text.replace(BREAK, "");
        for (special, id) in &self.special {
            // Words in angle brackets have a meaning to the model, whatever the file calls them.
            let tag = special.starts_with('<') && special.ends_with('>');
            if tag || self.is_control(*id) {
                text = broken_up(text, special);
            }
        }
        TAGS.iter().fold(text, |text, tag| broken_up(text, tag))
    }

    /// Tokens of a text. In a `prompt`, texts of control tokens are the tokens, and the token that
    /// begins every text is put first where the model wants it.
    pub(super) fn encode(&self, text: &str, prompt: bool) -> Vec<Token> {
        let mut out = Vec::with_capacity(text.len() / 3 + 4);
        let parts = self.parts(text, prompt);
        if prompt && self.add_bos {
            // Templates write it themselves, mostly.
            let there = parts
                .first()
                .is_some_and(|part| matches!(part, Part::Token(id) if Some(*id) == self.bos));
            out.extend(self.bos.filter(|_| !there));
        }
        let mut after_special = true;
        for part in parts {
            match part {
                Part::Token(id) => {
                    out.push(id);
                    after_special = true;
                }
                Part::Text(text) => {
                    let clean;
                    let text = if text.contains(BREAK) {
                        clean = text.replace(BREAK, "");
                        &clean
                    } else {
                        text
                    };
                    match &self.kind {
                        Kind::Bpe(bpe) => bpe.encode(text, &mut out),
                        Kind::Spm(spm) => spm.encode(text, after_special, &mut out),
                    }
                    after_special = false;
                }
            }
        }
        out
    }

    fn parts<'a>(&self, text: &'a str, prompt: bool) -> Vec<Part<'a>> {
        let mut parts = vec![Part::Text(text)];
        for (special, id) in &self.special {
            if !prompt && self.is_control(*id) || !text.contains(special.as_str()) {
                continue;
            }
            let mut next = Vec::with_capacity(parts.len() + 2);
            for part in parts {
                let Part::Text(mut rest) = part else {
                    next.push(part);
                    continue;
                };
                while let Some(at) = rest.find(special.as_str()) {
                    if at > 0 {
                        next.push(Part::Text(&rest[..at]));
                    }
                    next.push(Part::Token(*id));
                    rest = &rest[at + special.len()..];
                }
                if !rest.is_empty() {
                    next.push(Part::Text(rest));
                }
            }
            parts = next;
        }
        parts.retain(|part| !matches!(part, Part::Text("")));
        parts
    }
}

enum Part<'a> {
    Text(&'a str),
    Token(Token),
}

/// Texts to tokens, for what is looked up while texts are cut.
fn numbers(texts: &[&[u8]]) -> HashMap<Box<[u8]>, Token> {
    // Of two tokens of one text the first counts.
    let mut out = HashMap::with_capacity(texts.len());
    for (id, text) in (0..).zip(texts) {
        out.entry((*text).into()).or_insert(id);
    }
    out
}
