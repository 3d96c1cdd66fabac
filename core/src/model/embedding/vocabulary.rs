//! The pieces of a WordPiece vocabulary, found by their bytes without building a key.

/// What stands before a piece that goes on in a word.
const CONTINUES: &str = "##";

/// A table of pieces. Beginnings of words and continuations are kept apart by their hash.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// All pieces without their `##`, one after another.
    bytes: Vec<u8>,
    /// Where each piece ends in `bytes`.
    ends: Vec<u32>,
    /// Pieces that go on in a word.
    continues: Vec<bool>,
    /// Number of a piece, plus 1; 0 is a free place. A power of two of places.
    table: Vec<u32>,
    longest: usize,
}

/// A hash that grows by one byte at a time, so that all beginnings of a word cost one pass.
#[derive(Clone, Copy)]
struct Rolling(u64);

impl Rolling {
    const fn new(continues: bool) -> Self {
        Self(if continues { 0x9e37_79b9_7f4a_7c15 } else { 0xcbf2_9ce4_8422_2325 })
    }

    const fn add(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    /// Low bits of a product depend on low bits only; the high ones know all of it.
    const fn place(self, mask: usize) -> usize {
        ((self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as usize & mask
    }
}

/// Bytes of a word of which beginnings are looked up at once.
const WINDOW: usize = 64;

impl Vocabulary {
    /// The pieces in the order of their numbers. Of equal pieces the last is found.
    pub(super) fn new<'a>(pieces: impl Iterator<Item = &'a str> + Clone) -> Self {
        let count = pieces.clone().count();
        let places = (count * 2).next_power_of_two().max(2);
        let mut new = Self {
            bytes: Vec::with_capacity(count * 8),
            ends: Vec::with_capacity(count),
            continues: Vec::with_capacity(count),
            table: vec![0; places],
            longest: 0,
        };
        for piece in pieces {
            let (text, continues) = match piece.strip_prefix(CONTINUES) {
                Some(text) if !text.is_empty() => (text, true),
                _ => (piece, false),
            };
            new.bytes.extend_from_slice(text.as_bytes());
            new.ends.push(new.bytes.len() as u32);
            new.continues.push(continues);
            // What is longer than a window is never looked for: no word piece is.
            if (1..=WINDOW).contains(&text.len()) {
                new.longest = new.longest.max(text.len());
                new.insert(text.as_bytes(), continues, new.ends.len() as u32 - 1);
            }
        }
        new
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a piece that stands at the beginning of a word, or is a whole one.
    pub(super) fn get(&self, piece: &str) -> Option<u32> {
        let hash = piece.bytes().fold(Rolling::new(false), Rolling::add);
        self.find(hash, piece.as_bytes(), false)
    }

    /// The longest piece that `rest` of a word begins with, and its length in bytes.
    pub(super) fn longest_match(&self, rest: &[u8], continues: bool) -> Option<(u32, usize)> {
        let reach = rest.len().min(self.longest);
        let mut hashes = [Rolling(0); WINDOW];
        let mut hash = Rolling::new(continues);
        for (slot, byte) in hashes.iter_mut().zip(&rest[..reach]) {
            hash = hash.add(*byte);
            *slot = hash;
        }
        (1..=reach).rev().find_map(|length| {
            let number = self.find(hashes[length - 1], &rest[..length], continues)?;
            Some((number, length))
        })
    }

    fn insert(&mut self, text: &[u8], continues: bool, number: u32) {
        let mask = self.table.len() - 1;
        let hash = text.iter().fold(Rolling::new(continues), |hash, byte| hash.add(*byte));
        let mut place = hash.place(mask);
        while self.table[place] != 0 && !self.is(self.table[place] - 1, text, continues) {
            place = (place + 1) & mask;
        }
        self.table[place] = number + 1;
    }

    fn find(&self, hash: Rolling, text: &[u8], continues: bool) -> Option<u32> {
        let mask = self.table.len() - 1;
        let mut place = hash.place(mask);
        loop {
            let number = self.table[place].checked_sub(1)?;
            if self.is(number, text, continues) {
                return Some(number);
            }
            place = (place + 1) & mask;
        }
    }

    fn is(&self, number: u32, text: &[u8], continues: bool) -> bool {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        self.continues[number] == continues
            && &self.bytes[start..self.ends[number] as usize] == text
    }
}

#[cfg(test)]
mod tests {
    use super::Vocabulary;

    #[test]
    fn the_longest_piece_is_found_and_kinds_are_kept_apart() {
        let pieces = ["[UNK]", "a", "ab", "##ab", "##abc", "##", "#", "##b", "ab"];
        let vocabulary = Vocabulary::new(pieces.into_iter());
        assert_eq!(vocabulary.longest_match(b"abc", false), Some((8, 2)), "the last of equals");
        assert_eq!(vocabulary.longest_match(b"abcd", true), Some((4, 3)));
        assert_eq!(vocabulary.longest_match(b"bcd", true), Some((7, 1)));
        assert_eq!(vocabulary.longest_match(b"bcd", false), None);
        assert_eq!(vocabulary.longest_match(b"", false), None);
        assert_eq!(vocabulary.get("##"), Some(5), "two signs alone go on with nothing");
        assert_eq!(vocabulary.get("[UNK]"), Some(0));
        assert_eq!(vocabulary.len(), 9);
        assert_eq!(Vocabulary::new([].into_iter()).longest_match(b"a", false), None);
    }
}
