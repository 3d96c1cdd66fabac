//! Keyword search on SQLite.
//!
//! Ranks by BM25 over the tenant's own collection alone: the number of its passages and their mean
//! length are kept beside it, how many passages have a word is the length of a list that has the
//! collection in its name (see [`super::words`]), and only such lists are read.
//!
//! `k1` and `b` are those of FTS5. The weight of a word is `ln(1 + (N - n + 0.5) / (n + 0.5))`: that
//! of Robertson and Zaragoza ("The Probabilistic Relevance Framework: BM25 and Beyond", 2009) with
//! one added, as Lucene has it, so that a word of most passages still counts a little. FTS5 gives
//! all of those the same weight, which leaves small collections without an order.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet};

use rusqlite::{Connection, OptionalExtension, Rows};

use super::words::Tokens;

const K1: f64 = 1.2;
const B: f64 = 0.75;
/// Tokens of a query that are used: each is one list that is open.
const TOKEN_LIMIT: usize = 256;

const STATISTICS: &str = "SELECT CAST(passages AS REAL), CAST(words AS REAL) FROM collections
     WHERE tenant_id = ?1 AND name = ?2";
const FREQUENCY: &str = "SELECT CAST(doc AS REAL) FROM chunk_terms WHERE term = ?1";
/// One row for each time that a passage has the token, by passage.
const POSTINGS: &str = "SELECT doc FROM chunk_postings WHERE term = ?1";
/// From the index alone: the row itself has the long texts.
const LENGTH: &str = "SELECT CAST(length AS REAL) FROM chunks INDEXED BY chunk_length
     WHERE tenant_id = ?1 AND collection = ?2 AND id = ?3";

/// A passage that was found. The better one is the greater one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) score: f64,
    pub(super) id: i64,
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(other.id.cmp(&self.id))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hit {}

/// The passages that have a token, while they are read.
struct List<'s> {
    rows: Rows<'s>,
    next: Option<i64>,
    weight: f64,
    /// How often the passage that is looked at has it.
    count: u32,
}

impl List<'_> {
    fn advance(&mut self) -> rusqlite::Result<()> {
        self.next = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(())
    }

    /// Counts the token in a passage that is not behind the next one.
    fn count(&mut self, id: i64) -> rusqlite::Result<()> {
        self.count = 0;
        while self.next == Some(id) {
            self.count = self.count.saturating_add(1);
            self.advance()?;
        }
        Ok(())
    }
}

/// BM25 of the passage that is looked at; `length` in parts of the mean.
fn score(lists: &[List<'_>], length: f64) -> f64 {
    let part = |list: &List<'_>| {
        let count = f64::from(list.count);
        list.weight * count * (K1 + 1.0) / (count + K1 * (1.0 - B + B * length))
    };
    lists.iter().map(part).sum()
}

/// The best passages of a collection that have any of these words. All lists are read side by side
/// in the order of passages, so that no more than `limit` of them are held.
pub(super) fn search(
    connection: &Connection,
    tenant: &str,
    collection: &str,
    words: &[String],
    limit: usize,
) -> rusqlite::Result<Vec<Hit>> {
    let statistics: Option<(f64, f64)> = connection
        .prepare_cached(STATISTICS)?
        .query_row([tenant, collection], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((passages, total)) = statistics.filter(|(_, total)| *total > 0.0) else {
        return Ok(Vec::new());
    };
    let mean = total / passages;
    let tokens = Tokens::new(tenant, collection);
    let mut seen = HashSet::new();
    let mut statements = Vec::new();
    let distinct =
        words.iter().flat_map(|w| tokens.of(w)).filter(|token| seen.insert(token.clone()));
    let mut frequency = connection.prepare_cached(FREQUENCY)?;
    for token in distinct.take(TOKEN_LIMIT) {
        let having: Option<f64> = frequency.query_row([&token], |row| row.get(0)).optional()?;
        let Some(having) = having else { continue };
        let weight = (((passages - having).max(0.0) + 0.5) / (having + 0.5)).ln_1p();
        statements.push((connection.prepare_cached(POSTINGS)?, token, weight));
    }
    let mut lists = Vec::new();
    for (statement, token, weight) in &mut statements {
        let rows = statement.query([&*token])?;
        let mut list = List { rows, next: None, weight: *weight, count: 0 };
        list.advance()?;
        lists.push(list);
    }
    let mut length = connection.prepare_cached(LENGTH)?;
    let mut best: BinaryHeap<Reverse<Hit>> = BinaryHeap::new();
    while let Some(id) = lists.iter().filter_map(|list| list.next).min() {
        for list in &mut lists {
            list.count(id)?;
        }
        let full = best.len() >= limit;
        // If it could not come in were it as short as can be, its length need not be read; of equal
        // ones those that were met first stay.
        let least = best.peek().filter(|_| full).map(|worst| worst.0.score);
        if limit == 0 || least.is_some_and(|least| score(&lists, 0.0) <= least) {
            continue;
        }
        let of = (tenant, collection, id);
        let length: Option<f64> = length.query_row(of, |row| row.get(0)).optional()?;
        let Some(length) = length else { continue };
        let hit = Hit { score: score(&lists, length / mean), id };
        if least.is_none_or(|least| hit.score > least) {
            if full {
                best.pop();
            }
            best.push(Reverse(hit));
        }
    }
    // The order of `Reverse`: the best one first.
    Ok(best.into_sorted_vec().into_iter().map(|hit| hit.0).collect())
}

#[cfg(test)]
mod tests {
    use super::{FREQUENCY, LENGTH, POSTINGS, STATISTICS};
    use crate::store::words::Tokens;
    use crate::store::{Database, NewChunk, NewDocument, Store, TenantStore};

    fn document(source: &str, text: &str) -> NewDocument {
        NewDocument {
            source: source.into(),
            title: String::new(),
            hash: vec![],
            bytes: 1,
            chunks: vec![NewChunk { text: text.into(), start_line: 1 }],
        }
    }

    async fn tenant(store: &Store, id: &str) -> TenantStore {
        let tenant = store.tenant(id).expect("tenant");
        tenant.settle().await.expect("settle");
        tenant
    }

    async fn found(tenant: &TenantStore, collection: &str, word: &str) -> Vec<String> {
        let found = tenant.search_text(collection, vec![word.into()], 100).await.expect("search");
        found.into_iter().map(|(chunk, _)| chunk.source).collect()
    }

    /// Asks SQLite how it runs a statement, or what is wrong with the database.
    async fn ask(store: &Store, sql: Option<&'static str>) -> Vec<String> {
        let Database::Sqlite(database) = store.database().expect("open") else { return Vec::new() };
        let Some(sql) = sql else { return database.check().await.expect("check") };
        let plan = database.maintain(move |connection| {
            let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect(sql);
            let lines = explain.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>();
            Ok(lines.expect(sql))
        });
        plan.await.expect("plan")
    }

    #[test]
    fn every_list_is_found_by_its_exact_token_and_nothing_else_is_read() {
        crate::io::runtime().expect("runtime").block_on(async {
            let store = Store::in_memory().await.expect("open");
            // 256 is FTS5's mark for one exact term, 3 are the columns that are used.
            for (sql, plan) in [
                (FREQUENCY, "SCAN chunk_terms VIRTUAL TABLE INDEX 259:"),
                (POSTINGS, "SCAN chunk_postings VIRTUAL TABLE INDEX 259:"),
                (
                    LENGTH,
                    "SEARCH chunks USING COVERING INDEX chunk_length \
                     (tenant_id=? AND collection=? AND id=?)",
                ),
                (STATISTICS, "SEARCH collections USING PRIMARY KEY (tenant_id=? AND name=?)"),
            ] {
                assert_eq!(ask(&store, Some(sql)).await, [plan]);
            }
        });
    }

    #[test]
    fn texts_that_forge_tokens_reach_no_other_collection() {
        crate::io::runtime().expect("runtime").block_on(async {
            let store = Store::in_memory().await.expect("open");
            let (a, b) = (tenant(&store, "a").await, tenant(&store, "b").await);
            let forged = Tokens::new("b", "c").of("apple").remove(0);
            let forged_in = format!("{forged} pear {forged}\u{301} \u{1f34e}_apple \0");
            let long = "y".repeat(1_000_000);
            let own = [document("forged", &forged_in), document("long", &long)];
            a.put_documents("c", own.to_vec(), vec![]).await.expect("put");
            a.put_documents("d", vec![document("d", "apple")], vec![]).await.expect("put");
            b.put_documents("c", vec![document("theirs", "an apple")], vec![]).await.expect("put");
            assert_eq!(found(&b, "c", "apple").await, ["theirs"]);
            assert_eq!(found(&b, "c", &forged).await, ["theirs"], "cut into key and word");
            assert_eq!(found(&b, "c", "pear").await, [""; 0]);
            assert_eq!(found(&a, "c", "apples").await, ["forged"]);
            assert_eq!(found(&a, "c", &forged).await, ["forged"]);
            assert_eq!(found(&a, "d", &forged).await, ["d"]);
            assert_eq!(found(&a, "c", &long).await, ["long"]);
            for nothing in ["\0", "", "_", "\u{301}", "*", "\" OR \"", "\u{1f34e}"] {
                assert_eq!(found(&a, "c", nothing).await, [""; 0], "{nothing:?}");
            }
            assert_eq!(ask(&store, None).await, [""; 0]);
        });
    }

    #[test]
    fn what_is_removed_or_replaced_is_found_by_nothing() {
        crate::io::runtime().expect("runtime").block_on(async {
            let store = Store::in_memory().await.expect("open");
            let tenant = tenant(&store, "t").await;
            let mut random = 7u64;
            let mut next = |below: u64| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 33) % below
            };
            let mut kept = std::collections::BTreeMap::new();
            for _ in 0..60 {
                let (source, word) = (format!("s{}", next(9)), format!("w{}", next(5)));
                let (mut put, mut remove) = (Vec::new(), Vec::new());
                if next(3) == 0 {
                    kept.remove(&source);
                    remove.push(source);
                } else {
                    put.push(document(&source, &format!("{word} {word} filler caf\u{e9}")));
                    kept.insert(source, word);
                }
                tenant.put_documents("c", put, remove).await.expect("put");
                for n in 0..5 {
                    let word = format!("w{n}");
                    let mut sources = found(&tenant, "c", &word).await;
                    sources.sort();
                    let has = kept.iter().filter(|(_, kept)| **kept == word);
                    assert!(sources.iter().eq(has.map(|(source, _)| source)), "{sources:?}");
                }
                assert_eq!(found(&tenant, "c", "cafe").await.len(), kept.len());
            }
            assert_eq!(ask(&store, None).await, [""; 0]);
        });
    }

    #[test]
    fn the_best_come_first_and_of_equal_ones_the_older() {
        crate::io::runtime().expect("runtime").block_on(async {
            let store = Store::in_memory().await.expect("open");
            let tenant = tenant(&store, "t").await;
            let texts =
                ["apple pie", "apple pie", "apple apple", "apple and a very long text", "pie"];
            let documents = (0..).zip(texts).map(|(n, text)| document(&format!("{n}"), text));
            tenant.put_documents("c", documents.collect(), vec![]).await.expect("put");
            assert_eq!(found(&tenant, "c", "apple").await, ["2", "0", "1", "3"]);
            for limit in 0..4 {
                let best = tenant.search_text("c", vec!["apple".into()], limit).await;
                let best: Vec<_> =
                    best.expect("search").into_iter().map(|(chunk, _)| chunk.source).collect();
                assert_eq!(best, ["2", "0", "1", "3"][..limit as usize]);
            }
        });
    }
}
