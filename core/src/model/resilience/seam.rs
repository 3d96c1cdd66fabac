//! Puts the beginning of an answer together with what another request goes on with.

/// The end of the first text that is looked at. A model that goes on from further back repeats itself.
const TAIL: usize = 16 * 1024;
/// Letters in a row that are a repetition wherever they begin.
const ANYWHERE: usize = 8;
/// Letters that are one when they begin with a word; there may be several words.
const WORD: usize = 3;

/// Takes the second text in pieces and cuts off what it repeats of the first one's end.
#[derive(Debug)]
pub(super) struct Seam {
    tail: String,
    /// May still turn out to be a repetition. `None`: the seam is behind us.
    held: Option<String>,
}

impl Seam {
    /// After this text; an empty one has no seam.
    pub(super) fn after(text: &str) -> Self {
        let mut from = text.len().saturating_sub(TAIL);
        while !text.is_char_boundary(from) {
            from += 1;
        }
        Self { tail: text[from..].to_owned(), held: (!text.is_empty()).then(String::new) }
    }

    /// Takes a piece and gives what is new of it.
    pub(super) fn push(&mut self, piece: String) -> String {
        let Some(held) = &mut self.held else { return piece };
        held.push_str(&piece);
        // As long as it could be the beginning of a repetition up to the end, it is waited.
        if held.len() < self.tail.len() && self.tail.contains(held.as_str()) {
            return String::new();
        }
        self.finish()
    }

    /// Nothing more comes, or something else than text: gives what is left.
    pub(super) fn finish(&mut self) -> String {
        let Some(mut held) = self.held.take() else { return String::new() };
        held.split_off(self.overlap(&held))
    }

    /// Bytes at the beginning of `text` that repeat the end of the tail.
    fn overlap(&self, text: &str) -> usize {
        let most = text.len().min(self.tail.len());
        let fits = |length: usize| {
            text.is_char_boundary(length)
                && self.tail.ends_with(&text[..length])
                && self.is_repetition(&text[..length])
        };
        (1..=most).rev().find(|length| fits(*length)).unwrap_or(0)
    }

    /// Short overlaps happen by chance, and cutting them would lose a text's own letters.
    fn is_repetition(&self, overlap: &str) -> bool {
        if overlap.chars().filter(|c| c.is_alphanumeric()).count() >= ANYWHERE {
            return true;
        }
        let before = self.tail[..self.tail.len() - overlap.len()].chars().next_back();
        let at_word = before.is_none_or(|c| !c.is_alphanumeric());
        let letters = overlap.chars().filter(|c| c.is_alphabetic()).count();
        at_word && letters >= WORD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(first: &str, second: &str, piece: usize) -> String {
        let mut seam = Seam::after(first);
        let mut out = first.to_owned();
        let chars: Vec<char> = second.chars().collect();
        for piece in chars.chunks(piece) {
            out += &seam.push(piece.iter().collect());
        }
        out + &seam.finish()
    }

    #[test]
    fn what_is_repeated_is_cut_off_however_it_is_cut_into_pieces() {
        let table = [
            // Nothing is repeated.
            ("The quick brown", " fox jumps", "The quick brown fox jumps"),
            ("", "The quick", "The quick"),
            ("The quick", "", "The quick"),
            // The last words, part of a word, all of it, and all of it and no more.
            ("The quick brown fox", "brown fox jumps", "The quick brown fox jumps"),
            ("The quick bro", "brown fox", "The quick brown fox"),
            ("The quick", "The quick brown", "The quick brown"),
            ("The quick brown", "The quick brown", "The quick brown"),
            // Short words, as at the beginning of an answer.
            ("I boo", "I book it", "I book it"),
            // The longest.
            ("the end the end", "the end the end of it", "the end the end of it"),
            // Chance.
            ("ha ha", "ha, said he", "ha haha, said he"),
            ("It costs 10", "10 more than", "It costs 1010 more than"),
            ("so be", "better", "so bebetter"),
            // Signs of more bytes, and a repetition in the middle of a word.
            ("Gr\u{fc}\u{df}e \u{fc}ber", "\u{fc}ber alles", "Gr\u{fc}\u{df}e \u{fc}ber alles"),
            ("{\"answer\": \"forty", "\"answer\": \"forty-two\"}", "{\"answer\": \"forty-two\"}"),
        ];
        for (first, second, whole) in table {
            for piece in 1..=second.len().max(1) {
                assert_eq!(
                    joined(first, second, piece),
                    whole,
                    "{first:?} + {second:?} by {piece}"
                );
            }
        }
    }

    #[test]
    fn what_is_new_is_given_at_once() {
        let mut seam = Seam::after("The quick");
        assert_eq!(seam.push(" brown".into()), " brown");
        assert_eq!(seam.push("The quick".into()), "The quick");
    }

    #[test]
    fn long_texts_cost_little() {
        let first = "abc ".repeat(500_000);
        let before = std::time::Instant::now();
        assert_eq!(joined(&first, &first[..40_000], 4).len(), first.len() + 40_000 - TAIL);
        assert!(before.elapsed().as_secs() < 20, "{:?}", before.elapsed());
    }
}
