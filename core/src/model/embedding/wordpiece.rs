//! The tokenizer of BERT: clean, lower, strip accents, split into words, longest pieces first.
//!
//! What its makers call special tokens are plain text here: a document that holds `[SEP]` must
//! not end a sentence of ours.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::vocabulary::Vocabulary;

/// Characters of a word from which on it is not taken apart any more.
const WORD_LIMIT: usize = 100;

/// How text is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preparation {
    pub(super) lowercase: bool,
    pub(super) strip_accents: bool,
    /// Every Chinese character is a word of its own.
    pub(super) split_chinese: bool,
}

impl Preparation {
    /// What uncased models were trained with.
    pub(super) const UNCASED: Self =
        Self { lowercase: true, strip_accents: true, split_chinese: true };
}

/// What a text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A piece of the vocabulary.
    Known(u32),
    /// A word that the vocabulary has no pieces for.
    Unknown(&'a str),
}

#[derive(Debug)]
pub(super) struct WordPiece {
    vocabulary: Vocabulary,
    preparation: Preparation,
}

/// Buffers that are used again from word to word.
#[derive(Debug, Default)]
struct Scratch {
    word: String,
    pieces: Vec<u32>,
}

impl WordPiece {
    pub(super) fn new(vocabulary: Vocabulary, preparation: Preparation) -> Self {
        Self { vocabulary, preparation }
    }

    /// Gives the pieces of a text in order, as long as `each` wants more.
    pub(super) fn pieces(&self, text: &str, mut each: impl FnMut(Piece<'_>) -> bool) {
        let mut scratch = Scratch::default();
        let each: &mut dyn FnMut(Piece<'_>) -> bool = &mut each;
        for c in text.chars() {
            let more = match c {
                'a'..='z' | '0'..='9' => {
                    scratch.word.push(c);
                    true
                }
                'A'..='Z' => {
                    let lower = self.preparation.lowercase;
                    scratch.word.push(if lower { c.to_ascii_lowercase() } else { c });
                    true
                }
                ' ' | '\t' | '\n' | '\r' => self.end_word(&mut scratch, each),
                '\0'..='\x7f' if c.is_ascii_control() => true,
                '\0'..='\x7f' => self.mark(c, &mut scratch, each),
                _ => self.beyond_ascii(c, &mut scratch, each),
            };
            if !more {
                return;
            }
        }
        self.end_word(&mut scratch, each);
    }

    fn beyond_ascii(
        &self,
        c: char,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(Piece<'_>) -> bool,
    ) -> bool {
        if c == char::REPLACEMENT_CHARACTER || is_control(c) {
            return true;
        }
        if c.is_whitespace() {
            return self.end_word(scratch, each);
        }
        let alone = self.preparation.split_chinese && is_chinese(c);
        if alone && !self.end_word(scratch, each) {
            return false;
        }
        let mut more = true;
        let mut prepared = |c: char, scratch: &mut Scratch| {
            if c.general_category_group() == GeneralCategoryGroup::Punctuation
                || c.is_ascii_punctuation()
            {
                more = more && self.mark(c, scratch, each);
            } else {
                scratch.word.push(c);
            }
        };
        let mut lowered = |c: char, scratch: &mut Scratch| {
            if self.preparation.lowercase {
                c.to_lowercase().for_each(|c| prepared(c, scratch));
            } else {
                prepared(c, scratch);
            }
        };
        if self.preparation.strip_accents {
            unicode_normalization::char::decompose_canonical(c, |c| {
                if c.general_category() != GeneralCategory::NonspacingMark {
                    lowered(c, scratch);
                }
            });
        } else {
            lowered(c, scratch);
        }
        more && (!alone || self.end_word(scratch, each))
    }

    /// A mark is a word of its own.
    fn mark(
        &self,
        c: char,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(Piece<'_>) -> bool,
    ) -> bool {
        if !self.end_word(scratch, each) {
            return false;
        }
        scratch.word.push(c);
        self.end_word(scratch, each)
    }

    /// Gives the pieces of the word that was gathered: all of them, or that it is unknown.
    fn end_word(&self, scratch: &mut Scratch, each: &mut dyn FnMut(Piece<'_>) -> bool) -> bool {
        if scratch.word.is_empty() {
            return true;
        }
        let word = scratch.word.as_bytes();
        scratch.pieces.clear();
        let mut at = 0;
        // Beyond the limit in bytes only such a word is counted.
        let mut known = word.len() <= WORD_LIMIT || scratch.word.chars().count() <= WORD_LIMIT;
        while known && at < word.len() {
            match self.vocabulary.longest_match(&word[at..], at > 0) {
                Some((number, length)) => {
                    scratch.pieces.push(number);
                    at += length;
                }
                None => known = false,
            }
        }
        let more = if known {
            scratch.pieces.iter().all(|number| each(Piece::Known(*number)))
        } else {
            each(Piece::Unknown(&scratch.word))
        };
        scratch.word.clear();
        more
    }
}

/// Control, format, private and surrogate: what is not meant to be seen.
fn is_control(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
    )
}

/// The blocks of CJK unified ideographs, as the model's makers drew them.
fn is_chinese(c: char) -> bool {
    matches!(c,
        '\u{4e00}'..='\u{9fff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}'
        | '\u{2b920}'..='\u{2ceaf}'
        | '\u{f900}'..='\u{faff}'
        | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::{Piece, Preparation, WordPiece};
    use crate::model::embedding::builtin;
    use crate::model::embedding::vocabulary::Vocabulary;

    fn pieces(tokenizer: &WordPiece, vocabulary: &[&str], text: &str) -> String {
        let mut out = Vec::new();
        tokenizer.pieces(text, |piece| {
            out.push(match piece {
                Piece::Known(number) => vocabulary[number as usize],
                Piece::Unknown(_) => "[UNK]",
            });
            true
        });
        out.join(" ")
    }

    /// `scripts/distill/wordpiece_reference.py` wrote what the reference makes of the texts.
    #[test]
    fn pieces_are_those_of_the_reference() {
        let rows: Vec<(String, String)> =
            serde_json::from_str(include_str!("testdata/wordpiece.json")).expect("JSON");
        assert!(rows.len() > 40);
        let vocabulary = builtin::vocabulary();
        let table = Vocabulary::new(vocabulary.iter().copied());
        let tokenizer = WordPiece::new(table, Preparation::UNCASED);
        for (text, due) in rows {
            assert_eq!(pieces(&tokenizer, &vocabulary, &text), due, "{text:?}");
        }
    }

    #[test]
    fn cased_models_keep_case_and_accents() {
        let vocabulary = ["Caf", "##é", "É", "日", "本"];
        let table = || Vocabulary::new(vocabulary.into_iter());
        let preparation =
            Preparation { lowercase: false, strip_accents: false, split_chinese: true };
        let cased = WordPiece::new(table(), preparation);
        assert_eq!(pieces(&cased, &vocabulary, "Café É cafe 日本"), "Caf ##é É [UNK] 日 本");
        let preparation = Preparation { split_chinese: false, ..preparation };
        let joined = WordPiece::new(table(), preparation);
        assert_eq!(pieces(&joined, &vocabulary, "日本 日"), "[UNK] 日");
    }

    #[test]
    fn whoever_has_enough_stops_it() {
        let vocabulary = ["a"];
        let table = Vocabulary::new(vocabulary.into_iter());
        let tokenizer = WordPiece::new(table, Preparation::UNCASED);
        for (text, due) in [("a a a a", 2), ("a日日日", 2), ("a.....", 2), ("a", 1)] {
            let mut seen = 0;
            tokenizer.pieces(text, |_| {
                seen += 1;
                seen < 2
            });
            assert_eq!(seen, due, "{text}");
        }
    }
}
