//! Tokens per second of a local model, beside llama.cpp on the same threads:
//!
//! `cargo bench --bench local --features local -- MODEL PYTHON [THREADS [ROUNDS]] [--json]`, where PYTHON
//! has xllamacpp; `--json` is for benches/run.py. Rounds of both alternate, as a machine is seldom alone; CPU time is given beside wall
//! time, as it says more on one that is shared.

#![allow(clippy::expect_used, reason = "a measurement that cannot be made ends")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use aikit::model::local::{LocalModel, LocalOptions};
use aikit::model::{ChatModel, ChatRequest, Delta, DeltaSink, Message};
use async_trait::async_trait;
use serde_json::{Value, json};

/// What a run took: of the prompt, and of the tokens after the first.
#[derive(Clone, Copy, Debug)]
struct Took {
    prompt_rate: f64,
    prompt_cpu: f64,
    rate: f64,
    cpu: f64,
}

/// A column of it.
type Get = fn(&Took) -> f64;

#[derive(Default)]
struct Nothing;

#[async_trait]
impl DeltaSink for Nothing {
    async fn delta(&mut self, _: Delta) {}
}

/// Seconds of CPU that this process took.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Kilobytes of a line of `/proc/self/status`.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0)
}

async fn run(model: &LocalModel, prompt: &str, tokens: u32) -> (f64, f64, u64, u64) {
    let request = ChatRequest {
        messages: vec![Message::user(prompt)],
        temperature: Some(0.0),
        max_tokens: Some(tokens),
        ..ChatRequest::default()
    };
    let (wall, used) = (Instant::now(), cpu());
    let done = model.chat(&request, &mut Nothing).await.expect("an answer");
    let usage = done.usage;
    let read = usage.input_tokens - usage.cached_input_tokens;
    (wall.elapsed().as_secs_f64(), cpu() - used, read, usage.output_tokens)
}

/// Numbers that differ from round to round, so that no cache has them.
fn prompt(round: usize) -> String {
    let numbers: Vec<String> =
        (0..70).map(|i| ((round * 7 + 3) * (i + 11) % 997).to_string()).collect();
    format!("{}: {}. Write a very long story about these numbers.", round, numbers.join(" "))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let as_json = arguments.iter().any(|a| a == "--json");
    arguments.retain(|a| a != "--json");
    let [file, python, rest @ ..] = &arguments[..] else {
        println!("usage: MODEL PYTHON [THREADS [ROUNDS]] [--json]");
        return;
    };
    let number =
        |i: usize, default: usize| rest.get(i).and_then(|n| n.parse().ok()).unwrap_or(default);
    let (threads, rounds, tokens) = (number(0, 2), number(1, 5), 65u32);
    let bytes = std::fs::metadata(file).expect("the model").len();
    let before = memory("RssAnon");
    let model = LocalModel::new(file, LocalOptions { threads, ..LocalOptions::default() });
    let started = Instant::now();
    let used = cpu();
    model.load().await.expect("it loads");
    let (load, load_cpu) = (started.elapsed().as_secs_f64() * 1e3, (cpu() - used) * 1e3);
    let own = || memory("RssAnon").saturating_sub(before) as f64 / 1024.0;
    let loaded = own();
    let megabytes = bytes as f64 / f64::from(1 << 20);
    println!(
        "file {megabytes:.1} MB, loaded in {load:.0} ms ({load_cpu:.0} of CPU), {loaded:.1} MB over it"
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/local/llama_cpp.py");
    let mut peer = Command::new(python)
        .args([script, file, &threads.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("python");
    let mut asks = peer.stdin.take().expect("piped");
    let mut answers = BufReader::new(peer.stdout.take().expect("piped")).lines();
    let (mut ours, mut theirs, mut prompt_tokens) = (Vec::new(), Vec::new(), 0);
    for round in 0..=rounds {
        let text = prompt(round);
        let (wall, used, read, _) = run(&model, &text, 1).await;
        // The second time all but its last token is in the cache: what it takes is the answer.
        let (after, after_cpu, _, made) = run(&model, &text, tokens).await;
        prompt_tokens = read;
        let own = Took {
            prompt_rate: read as f64 / wall,
            prompt_cpu: used / read as f64 * 1e3,
            rate: made as f64 / after,
            cpu: after_cpu / made as f64 * 1e3,
        };
        writeln!(asks, "{}", json!({"prompt": text, "tokens": tokens})).expect("it listens");
        let line = answers.next().expect("it answers").expect("text");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        let of = |key: &str| answer[key].as_f64().unwrap_or(0.0);
        let other = Took {
            prompt_rate: of("prompt_tokens") / of("prompt_wall"),
            prompt_cpu: of("prompt_cpu") / of("prompt_tokens") * 1e3,
            rate: of("tokens") / of("wall"),
            cpu: of("cpu") / of("tokens") * 1e3,
        };
        // The first round warms up.
        if round > 0 {
            println!("round {round}: ours {own:.1?}\n         llama.cpp {other:.1?}");
            ours.push(own);
            theirs.push(other);
        }
    }
    drop(asks);
    let _ = peer.wait();
    let median = |of: &[Took], get: Get| {
        let mut all: Vec<f64> = of.iter().map(get).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let (read, made) = (prompt_tokens, tokens);
    println!(
        "{threads} threads, {rounds} rounds, medians; prompts of {read} tokens, answers of {made}"
    );
    let rows: [(&str, &str, Get); 4] = [
        ("prompt", "t/s", |t| t.prompt_rate),
        ("prompt, CPU of a token", "ms", |t| t.prompt_cpu),
        ("answer", "t/s", |t| t.rate),
        ("answer, CPU of a token", "ms", |t| t.cpu),
    ];
    for (name, unit, get) in rows {
        let (own, other) = (median(&ours, get), median(&theirs, get));
        if as_json {
            let values = json!({"llama.cpp": other, "aikit": own});
            let figure = format!("{name}, {threads} threads");
            println!("{}", json!({"figure": figure, "unit": unit, "values": values}));
        } else {
            let name = format!("{name}, {unit}");
            println!("{name:28} {own:8.1} {other:8.1}   {:.2}", own / other);
        }
    }
    let after = own();
    if as_json {
        for (figure, unit, value) in [
            ("load", "ms", load),
            ("memory over the file, loaded", "MB", loaded),
            ("memory over the file, after the rounds", "MB", after),
        ] {
            let figure = format!("{figure}, {threads} threads");
            println!("{}", json!({"figure": figure, "unit": unit, "value": value}));
        }
    } else {
        println!("after the rounds {after:.1} MB over the file");
    }
}
