//! From a user's words to an FTS5 expression, and two rankings into one.

use std::collections::{HashMap, HashSet};

use crate::store::StoredChunk;

/// Words of a query that are used; more only cost time.
const WORD_LIMIT: usize = 64;
/// The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009).
const FUSION_K: f64 = 60.0;

/// Words that stand in every English text and say nothing about it.
const STOP_WORDS: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "have",
    "how", "i", "in", "is", "it", "many", "may", "me", "much", "my", "of", "on", "or", "that",
    "the", "to", "was", "what", "when", "where", "which", "who", "will", "with", "you", "your",
];

/// The query's words, so that nothing a user types is syntax of a search. Stop words are left out
/// unless there is nothing else.
pub(super) fn words(query: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let words: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty() && word.len() <= 64)
        .map(str::to_lowercase)
        .filter(|word| seen.insert(word.clone()))
        .take(WORD_LIMIT)
        .collect();
    let telling: Vec<String> =
        words.iter().filter(|word| !STOP_WORDS.contains(&word.as_str())).cloned().collect();
    if telling.is_empty() { words } else { telling }
}

/// Merges rankings by reciprocal rank: a passage scores the sum of 1 / (60 + rank).
pub(super) fn fuse(
    rankings: Vec<Vec<(StoredChunk, f64)>>,
    limit: usize,
) -> Vec<(StoredChunk, f64)> {
    let mut scores: HashMap<i64, (StoredChunk, f64)> = HashMap::new();
    for ranking in rankings {
        for (rank, (chunk, _)) in (1u32..).zip(ranking) {
            let gain = 1.0 / (FUSION_K + f64::from(rank));
            scores.entry(chunk.id).or_insert((chunk, 0.0)).1 += gain;
        }
    }
    let mut merged: Vec<(StoredChunk, f64)> = scores.into_values().collect();
    merged.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.id.cmp(&b.0.id)));
    merged.truncate(limit);
    merged
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn no_query_is_syntax() {
        assert_eq!(words("leave \"AND\" NEAR(x*) -y"), ["leave", "near", "x", "y"]);
        assert_eq!(words("how many"), ["how", "many"]);
        assert_eq!(words(" \u{2026}*\"' "), [""; 0]);
        assert_eq!(words("\u{dc}bung"), ["\u{fc}bung"]);
    }
}
