//! A sentence model of ours and sentence-transformers, in turns.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::processor_time;

/// Seconds of one pass over all texts, by the clock and of the processor.
pub(crate) struct Turn {
    pub(crate) clock: f64,
    pub(crate) processor: f64,
}

/// The turns of ours and of `peer.py`, run by this Python on the texts of a file; each of the two has had
/// a turn before.
pub(crate) fn turns(
    python: &Path,
    model: &Path,
    texts: &Path,
    rounds: usize,
    mut ours: impl FnMut(),
) -> (String, Vec<Turn>, Vec<Turn>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/embeddings/peer.py");
    let mut peer = Command::new(python)
        .args([&*script, model, texts])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the Python is there");
    let mut asked = peer.stdin.take().expect("its input");
    let mut said = BufReader::new(peer.stdout.take().expect("its output")).lines();
    let mut next = move || said.next().expect("it goes on").expect("a line");
    let name = next();
    let mut theirs = Vec::new();
    let mut mine = Vec::new();
    ours();
    for _ in 0..rounds {
        let (start, used) = (Instant::now(), processor_time());
        ours();
        mine.push(Turn {
            clock: start.elapsed().as_secs_f64(),
            processor: processor_time() - used,
        });
        writeln!(asked, "again").expect("it listens");
        let line = next();
        let mut numbers = line.split_whitespace().map(|text| text.parse().expect("a number"));
        let mut number = || numbers.next().expect("two numbers");
        theirs.push(Turn { clock: number(), processor: number() });
    }
    drop(asked);
    peer.wait().expect("it ends");
    (name, mine, theirs)
}

/// The middle one.
pub(crate) fn median(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    let mut all: Vec<f64> = turns.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
