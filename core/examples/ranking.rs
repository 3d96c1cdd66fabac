//! How well keyword search on SQLite ranks, and what it costs, beside FTS5's own `bm25` over one
//! index: on the Cranfield collection, with one passage for each abstract.
//!
//!     cargo run --release --example ranking -- FOLDER    with cran.all.1400, cran.qry and cranqrel

#![allow(clippy::expect_used, reason = "a measurement that cannot be made has failed")]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use aikit::store::{Location, NewChunk, NewDocument, Store, StoreOptions};
use rusqlite::Connection;

const DEPTH: usize = 10;

/// What a search of a collection leaves out too.
const STOP_WORDS: &str = "a an and are as at be by can do does for from have how i in is it many may me \
     much my of on or that the to was what when where which who will with you your";

/// Abstracts or queries in their order: what stands between `.W` and the next `.I`.
fn texts(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("read");
    let mut texts: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.get(..2) {
            Some(".I") => {
                texts.push(String::new());
                inside = false;
            }
            Some(".W") => inside = true,
            _ if inside => {
                let last = texts.last_mut().expect("an item");
                last.push_str(line);
                last.push('\n');
            }
            _ => {}
        }
    }
    texts
}

/// How relevant a document is to a query; both are counted from 1.
fn judgements(file: &Path) -> HashMap<usize, HashMap<usize, f64>> {
    let text = std::fs::read_to_string(file).expect("read");
    let mut judged: HashMap<usize, HashMap<usize, f64>> = HashMap::new();
    for line in text.lines() {
        let mut numbers = line.split_whitespace().map(|n| n.parse::<i32>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        let (query, document, code) = (next(), next(), next());
        // 1 is a complete answer, 4 of minimum interest, 5 of none.
        let gain = if (1..=4).contains(&code) { f64::from(5 - code) } else { 0.0 };
        let at = |n: i32| usize::try_from(n).expect("a place");
        judged.entry(at(query)).or_default().insert(at(document), gain);
    }
    judged
}

fn ndcg(found: &[usize], gains: &HashMap<usize, f64>) -> f64 {
    let sum = |gains: &[f64]| -> f64 {
        gains.iter().zip(2u32..).map(|(gain, n)| gain / f64::from(n).log2()).sum()
    };
    let got: Vec<f64> = found.iter().map(|d| gains.get(d).copied().unwrap_or(0.0)).collect();
    let mut best: Vec<f64> = gains.values().copied().collect();
    best.sort_by(|a, b| b.total_cmp(a));
    best.truncate(DEPTH);
    if best.is_empty() { 0.0 } else { sum(&got) / sum(&best).max(f64::MIN_POSITIVE) }
}

fn words(query: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let stop: HashSet<&str> = STOP_WORDS.split_whitespace().collect();
    let words = query.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words
        .filter(|w| !w.is_empty() && !stop.contains(w.as_str()) && seen.insert(w.clone()))
        .collect()
}

fn report(name: &str, scores: &[f64], mut times: Vec<Duration>, ingest: Duration) {
    times.sort();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred queries")]
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    println!(
        "{name}: nDCG@{DEPTH} {mean:.4}, search p50 {:?} p95 {:?}, ingest {ingest:?}",
        times[times.len() / 2],
        times[times.len() * 95 / 100]
    );
}

/// FTS5's own ranking over one index.
fn of_fts5(folder: &Path, documents: &[String], queries: &[(usize, Vec<String>)]) -> Ranked {
    let began = Instant::now();
    let mut connection = Connection::open(folder.join("fts5.db")).expect("open");
    let transaction = connection.transaction().expect("begin");
    transaction
        .execute_batch(
            "CREATE TABLE d (id INTEGER PRIMARY KEY, text TEXT);
             CREATE VIRTUAL TABLE t USING fts5 (text, content = 'd', content_rowid = 'id',
                 tokenize = 'porter unicode61 remove_diacritics 2');
             CREATE TRIGGER i AFTER INSERT ON d BEGIN
                 INSERT INTO t (rowid, text) VALUES (new.id, new.text); END;",
        )
        .expect("tables");
    for (id, text) in (1i64..).zip(documents) {
        let insert = "INSERT INTO d VALUES (?1, ?2)";
        transaction.execute(insert, rusqlite::params![id, text]).expect("insert");
    }
    transaction.commit().expect("commit");
    let ingest = began.elapsed();
    let mut select = connection
        .prepare(
            "SELECT d.id, d.text FROM t JOIN d ON d.id = t.rowid WHERE t MATCH ?1
             ORDER BY bm25(t), d.id LIMIT ?2",
        )
        .expect("prepare");
    let mut ranked = Ranked { ingest, ..Ranked::default() };
    for (_, words) in queries {
        let began = Instant::now();
        let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let found: Vec<(i64, String)> = select
            .query_map(rusqlite::params![quoted.join(" OR "), DEPTH as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .and_then(Iterator::collect)
            .expect("search");
        ranked.times.push(began.elapsed());
        ranked.found.push(found.iter().filter_map(|(id, _)| usize::try_from(*id).ok()).collect());
    }
    ranked
}

#[derive(Default)]
struct Ranked {
    found: Vec<Vec<usize>>,
    times: Vec<Duration>,
    ingest: Duration,
}

async fn of_aikit(folder: &Path, documents: &[String], queries: &[(usize, Vec<String>)]) -> Ranked {
    let location = Location::from(folder.join("aikit.db"));
    let store = Store::open(&location, StoreOptions::default()).await.expect("open");
    let tenant = store.tenant("cranfield").expect("tenant");
    tenant.settle().await.expect("settle");
    let new = |(number, text): (usize, &String)| NewDocument {
        source: number.to_string(),
        title: String::new(),
        hash: vec![],
        bytes: text.len() as u64,
        chunks: vec![NewChunk { text: text.clone(), start_line: 1 }],
    };
    let began = Instant::now();
    let documents = (1..).zip(documents).map(new).collect();
    tenant.put_documents("c", documents, vec![]).await.expect("put");
    let mut ranked = Ranked { ingest: began.elapsed(), ..Ranked::default() };
    for (_, words) in queries {
        let began = Instant::now();
        let found = tenant.search_text("c", words.clone(), DEPTH as u32).await.expect("search");
        ranked.times.push(began.elapsed());
        let numbers = found.iter().filter_map(|(chunk, _)| chunk.source.parse().ok());
        ranked.found.push(numbers.collect());
    }
    store.close().await.expect("close");
    ranked
}

#[tokio::main]
async fn main() {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("usage: ranking FOLDER    with cran.all.1400, cran.qry and cranqrel");
        std::process::exit(2);
    };
    let folder = Path::new(&folder);
    let documents = texts(&folder.join("cran.all.1400"));
    let judged = judgements(&folder.join("cranqrel"));
    let queries = texts(&folder.join("cran.qry"));
    let queries: Vec<_> = (1..).zip(queries).map(|(number, text)| (number, words(&text))).collect();
    println!("{} documents, {} queries", documents.len(), queries.len());
    let place = tempfile::tempdir().expect("folder");
    let score = |ranked: &Ranked| -> Vec<f64> {
        let of = |((number, _), found): (&(usize, Vec<String>), &Vec<usize>)| {
            ndcg(found, judged.get(number).expect("judgements"))
        };
        queries.iter().zip(&ranked.found).map(of).collect()
    };
    let ranked = of_fts5(place.path(), &documents, &queries);
    report("FTS5", &score(&ranked), ranked.times, ranked.ingest);
    let ranked = of_aikit(place.path(), &documents, &queries).await;
    report("aikit", &score(&ranked), ranked.times, ranked.ingest);
}
