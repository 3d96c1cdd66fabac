//! The Cranfield collection: 1,400 abstracts, 225 questions, judgments in grades.

use std::collections::HashMap;
use std::path::Path;

pub(crate) struct Cranfield {
    pub(crate) documents: Vec<String>,
    pub(crate) queries: Vec<String>,
    /// For each question, the gain of each document that is of use.
    gains: Vec<HashMap<usize, f64>>,
}

/// nDCG@10 and recall@10, averaged over the questions.
#[derive(Clone, Copy)]
pub(crate) struct Quality {
    pub(crate) ndcg: f64,
    pub(crate) recall: f64,
}

/// The texts of field `.W` in the order of appearance (questions are numbered by it, not by `.I`);
/// an abstract begins with its title.
fn texts(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).expect("a file of the collection");
    let mut texts = Vec::new();
    let mut inside = false;
    for line in String::from_utf8_lossy(&bytes).lines() {
        if line.starts_with(".I") {
            texts.push(String::new());
            inside = false;
        } else if matches!(line.trim(), ".T" | ".A" | ".B" | ".W" | ".X") {
            inside = line.starts_with(".W");
        } else if inside && let Some(text) = texts.last_mut() {
            *text += line;
            text.push(' ');
        }
    }
    texts
}

impl Cranfield {
    pub(crate) fn read(folder: &Path) -> Self {
        let documents = texts(&folder.join("cran.all.1400"));
        let queries = texts(&folder.join("cran.qry"));
        let mut gains = vec![HashMap::new(); queries.len()];
        let judged = std::fs::read_to_string(folder.join("cranqrel")).expect("the judgments");
        for line in judged.lines() {
            let numbers: Vec<i64> = line.split_whitespace().flat_map(str::parse).collect();
            let [query, document, code] = numbers[..] else { continue };
            // By their readme, 1 is a complete answer and 4 of minimum interest; others are of none.
            if (1..=4).contains(&code) {
                gains[query as usize - 1].insert(document as usize - 1, (5 - code) as f64);
            }
        }
        assert_eq!((documents.len(), queries.len()), (1400, 225));
        Self { documents, queries, gains }
    }

    /// Of rankings, one for each question, the best first.
    pub(crate) fn judge(&self, rankings: &[Vec<usize>]) -> Quality {
        let (mut ndcg, mut recall) = (0.0, 0.0);
        for (gains, ranking) in self.gains.iter().zip(rankings) {
            let discounted = |gains: &mut dyn Iterator<Item = f64>| -> f64 {
                gains.take(10).enumerate().map(|(i, gain)| gain / (i as f64 + 2.0).log2()).sum()
            };
            let of = |document| gains.get(document).copied().unwrap_or(0.0);
            let mut best: Vec<f64> = gains.values().copied().collect();
            best.sort_by(|a, b| b.total_cmp(a));
            ndcg += discounted(&mut ranking.iter().map(of)) / discounted(&mut best.into_iter());
            let found = ranking.iter().take(10).filter(|document| gains.contains_key(document));
            recall += found.count() as f64 / gains.len() as f64;
        }
        let count = rankings.len() as f64;
        Quality { ndcg: ndcg / count, recall: recall / count }
    }

    /// Okapi BM25, k1 = 1.2, b = 0.75, lower-case words of letters and digits, nothing else.
    pub(crate) fn bm25(&self) -> Vec<Vec<usize>> {
        let words = |text: &str| -> Vec<String> {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
        };
        let mut postings: HashMap<String, HashMap<usize, f64>> = HashMap::new();
        let mut lengths = Vec::new();
        for (document, text) in self.documents.iter().enumerate() {
            let words = words(text);
            lengths.push(words.len() as f64);
            for word in words {
                *postings.entry(word).or_default().entry(document).or_default() += 1.0;
            }
        }
        let count = lengths.len() as f64;
        let mean = lengths.iter().sum::<f64>() / count;
        let rank = |query: &String| {
            let mut scores = vec![0.0; lengths.len()];
            let mut words = words(query);
            words.sort();
            words.dedup();
            for posting in words.iter().filter_map(|word| postings.get(word)) {
                let found = posting.len() as f64;
                let rare = (1.0 + (count - found + 0.5) / (found + 0.5)).ln();
                for (document, times) in posting {
                    let norm = 1.2 * (0.25 + 0.75 * lengths[*document] / mean);
                    scores[*document] += rare * times * 2.2 / (times + norm);
                }
            }
            by_score(&scores)
        };
        self.queries.iter().map(rank).collect()
    }
}

/// Documents, the highest score first.
pub(crate) fn by_score(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order
}

/// Rankings by the cosine of vectors of length 1.
pub(crate) fn by_vectors(queries: &[Vec<f32>], documents: &[Vec<f32>]) -> Vec<Vec<usize>> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum();
    let rank = |query: &Vec<f32>| -> Vec<usize> {
        by_score(&documents.iter().map(|document| dot(query, document)).collect::<Vec<f64>>())
    };
    queries.iter().map(rank).collect()
}

/// Reciprocal rank fusion, k = 60, over whole rankings.
pub(crate) fn fused(one: &[Vec<usize>], other: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let fuse = |(one, other): (&Vec<usize>, &Vec<usize>)| {
        let mut scores = vec![0.0; one.len()];
        for ranking in [one, other] {
            for (rank, document) in ranking.iter().enumerate() {
                scores[*document] += 1.0 / (61.0 + rank as f64);
            }
        }
        by_score(&scores)
    };
    one.iter().zip(other).map(fuse).collect()
}
