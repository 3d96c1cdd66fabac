//! Quality and speed of the embedders in the process, side by side with BM25.
//!
//!     cargo bench --bench embeddings -- --cranfield FOLDER [--model FOLDER] [--count TEXTS]
//!         [--speed] [--peer PYTHON] [--json]
//!
//! `--speed` leaves the quality of the model out, `--json` is for benches/run.py. `--peer` names a
//! Python with `requirements.txt` of this folder: sentence-transformers takes turns with the model.
//! Run it under `taskset -c 0` for one core.
#![allow(clippy::expect_used, missing_docs, reason = "a bench that stops is a bench that speaks")]

mod cranfield;
mod side_by_side;

use std::path::PathBuf;
use std::time::Instant;

use aikit::model::{BuiltinEmbeddings, EmbeddingUse, SentenceModel};
use cranfield::{Cranfield, Quality, by_vectors, fused};
use side_by_side::{Turn, median, turns};

/// Texts whose speed is measured: the questions and the first sentences of the abstracts.
fn short_texts(cranfield: &Cranfield) -> Vec<String> {
    let first = |text: &String| text.split(" . ").next().unwrap_or_default().trim().to_owned();
    let titles = cranfield.documents.iter().map(first);
    let questions = cranfield.queries.iter().map(|text| text.trim().to_owned());
    questions.chain(titles).filter(|text| !text.is_empty()).collect()
}

fn option(name: &str) -> Option<PathBuf> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map(PathBuf::from)
}

/// A figure for benches/run.py.
fn json(figure: &str, unit: &str, value: f64) {
    json_of(serde_json::json!({"figure": figure, "unit": unit, "value": value}));
}

fn json_of(row: serde_json::Value) {
    if std::env::args().any(|argument| argument == "--json") {
        println!("{row}");
    }
}

fn line(name: &str, Quality { ndcg, recall }: Quality) {
    println!("{name:<34} {ndcg:>8.4} {recall:>10.4}");
}

/// Seconds of processor time of all threads; on a busy machine they say more than the clock.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).flat_map(str::parse::<f64>);
    ticks.sum::<f64>() / 100.0
}

/// Milliseconds of processor time of this thread.
fn thread_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or_default() / 1e6
}

fn rate(name: &str, texts: usize, best_of: usize, mut run: impl FnMut()) {
    let (mut best, mut least) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..best_of {
        let (start, used) = (Instant::now(), processor_time());
        run();
        best = best.min(start.elapsed().as_secs_f64());
        least = least.min(processor_time() - used);
    }
    let (rate, cpu) = (texts as f64 / best, least / texts as f64 * 1e6);
    println!("{name:<34} {rate:>12.0} texts/s, {cpu:.1} us of CPU a text (best of {best_of})");
    json(name, "t/s", rate);
    json(&format!("{name}, CPU of a text"), "us", cpu);
}

fn main() {
    let Some(folder) = option("--cranfield") else {
        println!("--cranfield FOLDER (cran.all.1400, cran.qry, cranqrel) [--model FOLDER]");
        return;
    };
    let cranfield = Cranfield::read(&folder);
    let mut short = short_texts(&cranfield);
    if let Some(count) = option("--count") {
        let count = count.to_string_lossy().parse().expect("a number");
        short.truncate(count);
    }
    let builtin = BuiltinEmbeddings;
    let (start, used) = (Instant::now(), thread_time());
    let dimensions = builtin.dimensions();
    let (first, first_used) = (start.elapsed(), thread_time() - used);

    let all = |texts: &[String]| -> Vec<Vec<f32>> {
        texts.iter().map(|text| builtin.embed_one(text)).collect()
    };
    let words = cranfield.bm25();
    let meaning = by_vectors(&all(&cranfield.queries), &all(&cranfield.documents));
    println!("Cranfield, 1,400 documents, 225 queries    nDCG@10  recall@10");
    line("BM25 (k1 1.2, b 0.75, plain words)", cranfield.judge(&words));
    line(&format!("builtin ({dimensions} numbers)"), cranfield.judge(&meaning));
    line("BM25 + builtin (RRF, k 60)", cranfield.judge(&fused(&words, &meaning)));
    let model = option("--model").map(|folder| {
        let start = Instant::now();
        let model = SentenceModel::open(&folder).expect("a model");
        (model, start.elapsed())
    });
    let none = tokio_util::sync::CancellationToken::new();
    // Speed alone takes a minute less.
    let quality = std::env::args().all(|argument| argument != "--speed");
    if let Some((model, _)) = model.as_ref().filter(|_| quality) {
        let embed =
            |texts: &[String], purpose| model.embed_now(texts, purpose, &none).expect("vectors");
        let documents = embed(&cranfield.documents, EmbeddingUse::Document);
        let theirs = by_vectors(&embed(&cranfield.queries, EmbeddingUse::Query), &documents);
        line(&format!("model ({} numbers)", model.dimensions()), cranfield.judge(&theirs));
        line("BM25 + model (RRF, k 60)", cranfield.judge(&fused(&words, &theirs)));
    }

    let characters = short.iter().map(String::len).sum::<usize>() / short.len();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\n{} texts of {characters} characters in the mean, {threads} threads", short.len());
    println!(
        "{:<34} {:>12.2} ms, {first_used:.2} ms of CPU",
        "builtin, first use",
        first.as_secs_f64() * 1e3
    );
    // Often enough for a clock of 10 ms.
    let passes = 20;
    rate("builtin, one thread", passes * short.len(), 10, || {
        for _ in 0..passes {
            std::hint::black_box(all(&short));
        }
    });
    if let Some((model, load)) = &model {
        println!("{:<34} {:>12.2} ms", "model, load", load.as_secs_f64() * 1e3);
        rate("model", short.len(), 3, || {
            let vectors = model.embed_now(&short, EmbeddingUse::Document, &none);
            std::hint::black_box(vectors.expect("vectors"));
        });
    }
    if let (Some((model, _)), Some(python)) = (&model, option("--peer")) {
        let texts = std::env::temp_dir().join(format!("aikit-texts-{}", std::process::id()));
        std::fs::write(&texts, short.join("\n")).expect("the texts are written");
        let folder = option("--model").expect("there is a model");
        let rounds = 7;
        let (name, ours, theirs) = turns(&python, &folder, &texts, rounds, || {
            let vectors = model.embed_now(&short, EmbeddingUse::Document, &none);
            std::hint::black_box(vectors.expect("vectors"));
        });
        std::fs::remove_file(texts).expect("the texts are removed");
        println!("\nin turns, medians of {rounds}: the model, and {name}");
        let count = short.len() as f64;
        let both = |figure: &str, unit: &str, of: &dyn Fn(&Turn) -> f64| {
            let (mine, others) = (median(&ours, of), median(&theirs, of));
            println!("{figure:<34} {mine:>12.1} and {others:.1} {unit}");
            let values = serde_json::json!({"sentence-transformers": others, "aikit": mine});
            json_of(serde_json::json!({"figure": figure, "unit": unit, "values": values}));
        };
        both("model, a second", "t/s", &|turn| count / turn.clock);
        both("model, CPU of a text", "us", &|turn| turn.processor / count * 1e6);
    }
}
