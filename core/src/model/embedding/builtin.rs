//! The embedder that ships inside the library: one vector for each word piece, distilled from a
//! sentence model by `scripts/distill`, summed over a text.
//!
//! It knows nothing of the order of words. Against the model that it came from it loses quality
//! and wins four orders of magnitude of time; `docs/design/embeddings.md` has the figures.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::vocabulary::Vocabulary;
use super::wordpiece::{Piece, Preparation, WordPiece};
use crate::error::Result;
use crate::model::EmbeddingModel;

/// What `scripts/distill` wrote; `data/` has its licences.
static FILE: &[u8] = include_bytes!("data/builtin.bin");

/// First in the file: magic, then version, pieces, dimensions and bytes of the vocabulary, then
/// (as floats) the unit of the scales and the length of an unknown word's vector, then the SHA-256
/// of all that follows: a scale of 16 bits for each piece, a row of 4 bits a number for each piece
/// (byte `i` holds number `i` and, high, number `i` of the second half), and the pieces as lines.
const MAGIC: &[u8; 8] = b"aikitvec";
const VERSION: u32 = 1;
const HEADER: usize = 8 + 4 * 4 + 2 * 4 + 32;

/// Texts of a call from which on the work leaves the calling thread, in bytes: about 1 ms.
const SHORT_WORK: usize = 64 * 1024;

/// The embedder inside the library. Nothing is read before the first text, and nothing is kept
/// that other instances do not share.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltinEmbeddings;

/// The file, taken apart. Rows and scales stay where they are: in the library's own image.
struct Table {
    tokenizer: WordPiece,
    dimensions: usize,
    unit: f32,
    unknown: f32,
    scales: &'static [[u8; 2]],
    rows: &'static [u8],
}

impl Table {
    /// `None` if the file is not what the script writes; a test holds that it is.
    fn read(file: &'static [u8]) -> Option<Self> {
        let (header, rest) = file.split_at_checked(HEADER)?;
        let word = |at: usize| header[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        if !header.starts_with(MAGIC) || word(8)? != VERSION {
            return None;
        }
        let (pieces, dimensions) = (word(12)? as usize, word(16)? as usize);
        let (scales, rest) = rest.split_at_checked(pieces.checked_mul(2)?)?;
        let (rows, text) = rest.split_at_checked(pieces.checked_mul(dimensions / 2)?)?;
        if text.len() != word(20)? as usize || dimensions == 0 || dimensions % 2 == 1 {
            return None;
        }
        let vocabulary = Vocabulary::new(std::str::from_utf8(text).ok()?.split('\n'));
        if vocabulary.len() != pieces {
            return None;
        }
        Some(Self {
            tokenizer: WordPiece::new(vocabulary, Preparation::UNCASED),
            dimensions,
            unit: f32::from_bits(word(24)?),
            unknown: f32::from_bits(word(28)?),
            scales: scales.as_chunks().0,
            rows,
        })
    }

    fn shared() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| {
            // Without the file's rows every word is one that is not known: still the same vector
            // for the same word. A test holds that this is never so.
            Self::read(FILE).unwrap_or_else(|| Self {
                tokenizer: WordPiece::new(Vocabulary::new([].into_iter()), Preparation::UNCASED),
                dimensions: 256,
                unit: 0.0,
                unknown: 1.0,
                scales: &[],
                rows: &[],
            })
        })
    }

    fn embed(&self, text: &str) -> Vec<f32> {
        let mut sum = vec![0.0f32; self.dimensions];
        self.tokenizer.pieces(text, |piece| {
            match piece {
                Piece::Known(number) => self.add_row(number as usize, &mut sum),
                Piece::Unknown(word) => add_hashed(word, self.unknown, &mut sum),
            }
            true
        });
        if !normalize(&mut sum) {
            // No word at all, or words that cancel each other out to the last bit.
            sum.fill(0.0);
            add_hashed("", 1.0, &mut sum);
            normalize(&mut sum);
        }
        sum
    }

    fn add_row(&self, number: usize, sum: &mut [f32]) {
        let scale = f32::from(u16::from_le_bytes(self.scales[number])) * self.unit;
        let half = self.dimensions / 2;
        let row = &self.rows[number * half..][..half];
        let (first, second) = sum.split_at_mut(half);
        for ((byte, first), second) in row.iter().zip(first).zip(second) {
            let byte = byte.cast_signed();
            *first += f32::from((byte << 4) >> 4) * scale;
            *second += f32::from(byte >> 4) * scale;
        }
    }
}

/// Adds a vector of this length that the word alone decides: words that are not known are found
/// again, whatever their script, and are at right angles to nearly all others.
fn add_hashed(word: &str, length: f32, sum: &mut [f32]) {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut state = word.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let value = length / (sum.len() as f32).sqrt();
    for signs in sum.chunks_mut(64) {
        // SplitMix64 (Steele, Lea, Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        for sum in signs {
            *sum += if bits & 1 == 1 { value } else { -value };
            bits >>= 1;
        }
    }
}

/// To length 1; false if there is no direction.
fn normalize(vector: &mut [f32]) -> bool {
    let length = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    if length < 1e-12 {
        return false;
    }
    vector.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
    true
}

impl BuiltinEmbeddings {
    /// Its name as an embedding model. Vectors of another file get another name: they cannot be
    /// compared.
    pub const NAME: &'static str = "builtin/static-v1";

    /// The inner product from which on a passage is more than any text to a question: of passages
    /// about other things than the question about one in a hundred reach it.
    pub const RELATED: f64 = 0.3;

    /// How many numbers a vector has.
    pub fn dimensions(&self) -> usize {
        Table::shared().dimensions
    }

    /// The vector of a text, of length 1 for every text: words that are not known get a vector
    /// that their spelling decides, and a text without any word a fixed one.
    pub fn embed_one(&self, text: &str) -> Vec<f32> {
        Table::shared().embed(text)
    }
}

#[async_trait]
impl EmbeddingModel for BuiltinEmbeddings {
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        if texts.iter().map(String::len).sum::<usize>() <= SHORT_WORK {
            return Ok(texts.iter().map(|text| self.embed_one(text)).collect());
        }
        let this = *self;
        super::away(texts, move |texts, cancel| {
            let one = |text: &String| super::still_wanted(cancel).map(|()| this.embed_one(text));
            texts.iter().map(one).collect()
        })
        .await
    }
}

/// The pieces in the order of their numbers.
#[cfg(test)]
pub(super) fn vocabulary() -> Vec<&'static str> {
    let length = u32::from_le_bytes([20, 21, 22, 23].map(|at: usize| FILE[at])) as usize;
    std::str::from_utf8(&FILE[FILE.len() - length..]).expect("UTF-8").split('\n').collect()
}

#[cfg(test)]
mod tests {
    use super::{BuiltinEmbeddings, FILE, HEADER, Table};
    use crate::model::EmbeddingModel;

    fn cosine(a: &str, b: &str) -> f32 {
        let (a, b) = (BuiltinEmbeddings.embed_one(a), BuiltinEmbeddings.embed_one(b));
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn the_file_is_whole() {
        let table = Table::read(FILE).expect("the file that the script wrote");
        assert_eq!(table.dimensions, 256);
        assert!(table.unit > 0.0 && table.unit.is_finite());
        assert!(table.unknown > 0.0 && table.unknown.is_finite());
        assert!(FILE.len() < 4_200_000, "it is in every binary");
        let hash = ring::digest::digest(&ring::digest::SHA256, &FILE[HEADER..]);
        assert_eq!(&FILE[HEADER - 32..HEADER], hash.as_ref());
        for length in [0, 7, HEADER - 1, HEADER, FILE.len() / 2, FILE.len() - 1] {
            assert!(Table::read(&FILE[..length]).is_none(), "{length} bytes of it are not it");
        }
    }

    #[test]
    fn every_text_has_a_vector_of_length_one() {
        let long = "a long text ".repeat(10_000);
        let texts =
            ["", " \t\n", "cat", "\u{200b}", "🦀", "𠀀𠀁", "ꙮ", "a", ".", "\u{0}", "[UNK]", &long];
        for text in texts {
            let vector = BuiltinEmbeddings.embed_one(text);
            let length = vector.iter().map(|x| x * x).sum::<f32>();
            assert_eq!(vector.len(), 256);
            assert!((length - 1.0).abs() < 1e-5, "{text:?}: {length}");
            assert_eq!(vector, BuiltinEmbeddings.embed_one(text), "{text:?}");
        }
        let empty = BuiltinEmbeddings.embed_one("");
        assert_eq!(empty, BuiltinEmbeddings.embed_one(" \u{200b}\n"), "no word is no word");
    }

    #[test]
    fn meaning_is_near_and_other_things_are_far() {
        for (one, near, far) in [
            ("The cat sleeps.", "a kitten is napping", "quarterly stock market report"),
            ("The payment was refused", "the credit card was declined", "museum opening hours"),
            ("The car won't start", "automobile engine trouble", "a recipe for apple pie"),
            ("database migration", "changing the tables of a SQL server", "birds in winter"),
        ] {
            let (near_by, far_off) = (cosine(one, near), cosine(one, far));
            assert!(near_by > far_off + 0.1, "{one:?}: {near:?} {near_by}, {far:?} {far_off}");
        }
        assert!((cosine("Café RÉSUMÉ", "cafe resume") - 1.0).abs() < 1e-5);
    }

    #[test]
    fn words_that_are_not_known_are_found_again() {
        assert!((cosine("𠀀𠀁𠀂", "𠀀𠀁𠀂") - 1.0).abs() < 1e-5);
        assert!(cosine("𠀀𠀁𠀂", "𠀃𠀄𠀅").abs() < 0.25);
        assert!(cosine("🦀 crab", "🦀 lobster") > cosine("crab", "lobster"));
    }

    #[test]
    fn the_trait_gives_the_same_for_few_and_for_many() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let texts: Vec<String> = (0..3000).map(|i| format!("text {i} of a long list")).collect();
        let many = runtime.block_on(BuiltinEmbeddings.embed(&texts)).expect("vectors");
        let few = runtime.block_on(BuiltinEmbeddings.embed(&texts[..2])).expect("vectors");
        assert_eq!(many.len(), 3000);
        assert_eq!(many[..2], few[..]);
        assert_eq!(many[2999], BuiltinEmbeddings.embed_one(&texts[2999]));
    }
}
