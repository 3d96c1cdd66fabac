//! Words of texts, and the tokens that SQLite's keyword index has of them.
//!
//! FTS5 keeps one index for the whole file. So that nothing of a search depends on what others keep,
//! a token carries its collection: FTS5 sees other words in every collection, and cutting, folding
//! and stemming are done here.

use std::borrow::Cow;

use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

/// The most characters of a word that count; what is longer is no word that anybody searches for.
const WORD_LENGTH: usize = 64;
/// Bytes of the hash that a token begins with.
const KEY_LENGTH: usize = 8;

/// The words of a text in small letters. Scripts that put no space between words are cut into
/// single characters, so that any part of a sentence is found.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let first = rest.chars().next()?;
        let end = if stands_alone(first) {
            first.len_utf8()
        } else {
            rest.find(|c: char| !c.is_alphanumeric() || stands_alone(c)).unwrap_or(rest.len())
        };
        let (word, behind) = rest.split_at(end);
        rest = behind;
        Some(word.chars().flat_map(char::to_lowercase).take(WORD_LENGTH).collect())
    })
}

/// Han, kana and the scripts between them in the tables of Unicode.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// A text in which Latin letters have no diacritics, and all others one form.
fn folded(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut latin = false;
    let plain = text.nfd().filter(|c| {
        let mark = ('\u{300}'..='\u{36f}').contains(c);
        if !mark {
            latin = c.is_ascii_alphabetic();
        }
        !(mark && latin)
    });
    plain.nfc().collect::<String>().into()
}

/// Makes the tokens of one collection.
pub(super) struct Tokens {
    key: String,
    stemmer: Stemmer,
}

impl Tokens {
    pub(super) fn new(tenant: &str, collection: &str) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(tenant.as_bytes()).update(&[0]).update(collection.as_bytes());
        let hash = hash.finalize();
        let key = hash.as_bytes()[..KEY_LENGTH].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key, stemmer: Stemmer::create(Algorithm::English) }
    }

    /// The tokens of a text in their order. No word has a `_`, so the key of a token ends at its
    /// first one, and no text can forge another.
    pub(super) fn of(&self, text: &str) -> Vec<String> {
        words(&folded(text))
            .map(|word| {
                // The stemmer knows English, and leaves other scripts alone.
                let stem = if word.is_ascii() { self.stemmer.stem(&word) } else { word.into() };
                format!("{}_{stem}", self.key)
            })
            .collect()
    }

    /// What the index is given of a passage: its tokens, and their number.
    pub(super) fn of_passage(&self, text: &str) -> (String, usize) {
        let tokens = self.of(text);
        (tokens.join(" "), tokens.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    fn stems(text: &str) -> Vec<String> {
        let tokens = Tokens::new("t", "c");
        let key = format!("{}_", tokens.key);
        let made = tokens.of(text);
        made.iter().map(|token| token.strip_prefix(&key).expect("the key").to_owned()).collect()
    }

    #[test]
    fn words_are_cut_folded_and_stemmed() {
        assert_eq!(stems("The RUNNING dogs; snake_case"), ["the", "run", "dog", "snake", "case"]);
        assert_eq!(stems("caf\u{e9}s nai\u{308}ve \u{130}stanbul"), ["cafe", "naiv", "istanbul"]);
        assert_eq!(stems("x\u{301}\u{302}y"), ["xy"]);
        // Other letters keep their marks, in one form however they were written.
        assert_eq!(stems("\u{439}"), stems("\u{438}\u{306}"));
        assert_ne!(stems("\u{439}"), stems("\u{438}"));
        assert_eq!(stems("\u{d55c}\u{ae00}"), ["\u{d55c}\u{ae00}"]);
        assert_eq!(stems("\u{6771}\u{4eac}2026"), ["\u{6771}", "\u{4eac}", "2026"]);
        assert_eq!(stems("\u{1f600} \0 \u{301} _ -"), [""; 0]);
    }

    #[test]
    fn no_text_makes_a_token_of_another_collection() {
        let [own, other] = ["c", "d"].map(|collection| Tokens::new("t", collection));
        assert_ne!(own.key, other.key);
        assert_ne!(Tokens::new("a", "bc").key, Tokens::new("ab", "c").key);
        let forged = format!("{0}_apple _{0}_ {0}\u{301}_apple {0}\0_apple", other.key);
        let long = "x".repeat(1_000_000);
        for text in
            [forged.as_str(), &long, &"e\u{301}".repeat(100_000), &"\u{301}".repeat(100_000)]
        {
            for token in own.of(text) {
                let (key, word) = token.split_once('_').expect("a key");
                assert_eq!(key, own.key);
                assert!(!word.is_empty() && word.chars().all(char::is_alphanumeric), "{word}");
                assert!(word.chars().count() <= super::WORD_LENGTH);
            }
        }
        assert_eq!(own.of(&long).len(), 1);
    }
}
