//! CPU time of one agent run (two streamed model calls and one tool), and of 1,000 streamed chunks over
//! each wire: a bare HTTP client, rig and aikit, in one process, in turns, against the same local
//! server. `--peer` adds contestants of other languages on the chat wire.
//!
//! ```text
//! aikit-peers                              a table
//! aikit-peers --json                       one JSON object a line, for benches/run.py
//! aikit-peers --peer 'NAME=COMMAND ...'    see `other`
//! aikit-peers --rounds N                   turns of each contestant; default 9
//! aikit-peers --profile WIRE               aikit alone, again and again, for a profiler
//! ```

mod bare;
mod kit;
mod other;
mod rig;
mod server;
mod wires;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use other::Other;
use server::{APART, TOGETHER};
use wires::{WIRES, Wire};

const SYSTEM: &str = "You add numbers with the tool.";
const PROMPT: &str = "What is 19 and 23?";

/// Turns of each contestant, and what is done in one turn. The median turn is reported.
const ROUNDS: usize = 9;
const RUNS: usize = 200;
const STREAMS: usize = 20;
/// Of those that take ten times as long.
const OTHERS_STREAMS: usize = 4;

fn tool_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    })
}

fn add(arguments: &Value) -> Value {
    let number = |key: &str| arguments[key].as_i64().unwrap_or(0);
    json!(number("a") + number("b"))
}

/// The server process; it ends with this value.
struct Server(Child);

impl Server {
    fn start() -> Result<(Self, String), Box<dyn Error>> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        Ok((Self(child), format!("http://127.0.0.1:{}", port.trim())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// User and system time of all threads of this process.
fn cpu_time() -> Duration {
    // SAFETY: `rusage` is plain numbers, for which zero is valid, and the pointer is to a local.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.unsigned_abs())
            + Duration::from_micros(t.tv_usec.unsigned_abs())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Of aikit's own threads for networks and runs: the wire and all that a run does until its events stand
/// in their queue. The writer of the store and who takes the events are other threads.
fn queue_time() -> Duration {
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let own = threads.filter(|thread| read(thread.path().join("comm")).starts_with("aikit-io"));
    let nanoseconds = own.map(|thread| {
        let stat = read(thread.path().join("schedstat"));
        stat.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// CPU milliseconds of one repetition of `work`, over `times`.
macro_rules! cpu_of {
    ($times:expr, $work:expr) => {
        cpu_of!($times, $work, cpu_time)
    };
    ($times:expr, $work:expr, $clock:expr) => {{
        let before = $clock();
        for _ in 0..$times {
            $work;
        }
        ($clock() - before).as_secs_f64() * 1000.0 / $times as f64
    }};
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What contestants took in each round, by their names, the first the one that others are compared
/// with.
struct Times(Vec<(String, Vec<f64>)>);

impl Times {
    fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect())
    }

    /// Takes a round, in the order of the names.
    fn add(&mut self, round: impl IntoIterator<Item = f64>) {
        for ((_, times), time) in self.0.iter_mut().zip(round) {
            times.push(time);
        }
    }

    fn print(self, figure: &str, as_json: bool) {
        let medians: Vec<_> =
            self.0.into_iter().map(|(name, times)| (name, median(times))).collect();
        if as_json {
            let values: serde_json::Map<String, Value> =
                medians.into_iter().map(|(name, value)| (name, json!(value))).collect();
            println!("{}", json!({"figure": figure, "unit": "ms", "values": values}));
            return;
        }
        println!("{figure}");
        for (name, value) in &medians {
            println!("  {name:<28}{value:>8.3} ms   {:>5.2} x", value / medians[0].1);
        }
    }
}

struct Contestants {
    bare: bare::Bare,
    rig: rig::Rig,
    kit: kit::Kit,
    others: Vec<Other>,
}

impl Contestants {
    /// All of them do the same, or the comparison means nothing.
    async fn check(&self) -> Result<(), Box<dyn Error>> {
        let expected = wires::WORD.repeat(server::DELTAS);
        for answer in [self.bare.run().await?, self.rig.run().await?, self.kit.run().await?] {
            if answer != expected {
                return Err(format!("a contestant answered {answer:?}").into());
            }
        }
        let expected = (wires::WORD.repeat(server::CHUNKS), server::CHUNKS);
        for wire in WIRES {
            for model in [APART, TOGETHER] {
                for (name, answer) in [
                    ("bare reqwest", self.bare.chunks(wire, model).await),
                    ("rig", self.rig.chunks(wire, model).await),
                    ("aikit's model", self.kit.model(wire, model).await),
                    ("aikit", self.kit.chunks(wire, model).await),
                ] {
                    let (text, pieces) =
                        answer.map_err(|e| format!("{name}, {}: {e}", wire.name()))?;
                    if (&text, pieces) != (&expected.0, expected.1) {
                        let length = text.len();
                        return Err(format!(
                            "{name}, {}: {pieces} chunks, {length} bytes of text",
                            wire.name()
                        )
                        .into());
                    }
                }
            }
        }
        Ok(())
    }

    async fn runs(&self, rounds: usize, as_json: bool) -> Result<(), Box<dyn Error>> {
        let mut times = Times::of(&["bare reqwest", "rig 0.44", "aikit"]);
        for _ in 0..rounds {
            times.add([
                cpu_of!(RUNS, self.bare.run().await?),
                cpu_of!(RUNS, self.rig.run().await?),
                cpu_of!(RUNS, self.kit.run().await?),
            ]);
        }
        times.print("CPU of one run: two streamed model calls, one tool", as_json);
        Ok(())
    }

    /// The wires take turns within a round, too: a busy minute is a busy minute of all.
    async fn chunks(&mut self, rounds: usize, as_json: bool) -> Result<(), Box<dyn Error>> {
        let names = [
            "bare reqwest",
            "rig 0.44",
            "aikit, the model",
            "aikit, up to the queue",
            "aikit, all",
        ];
        let mut table: Vec<(Wire, &str, &str, Times)> = Vec::new();
        for (model, how) in [(APART, "a packet each"), (TOGETHER, "at once")] {
            table.extend(WIRES.map(|wire| (wire, model, how, Times::of(&names))));
        }
        for other in &self.others {
            table[0].3.0.push((other.name.clone(), Vec::new()));
        }
        for _ in 0..rounds {
            for (row, (wire, model, _, times)) in table.iter_mut().enumerate() {
                let mut round = vec![
                    cpu_of!(STREAMS, self.bare.chunks(*wire, model).await?),
                    cpu_of!(STREAMS, self.rig.chunks(*wire, model).await?),
                    cpu_of!(STREAMS, self.kit.model(*wire, model).await?),
                    cpu_of!(STREAMS, self.kit.chunks(*wire, model).await?, queue_time),
                    cpu_of!(STREAMS, self.kit.chunks(*wire, model).await?),
                ];
                if row == 0 {
                    for other in &mut self.others {
                        round.push(other.streams(OTHERS_STREAMS)?);
                    }
                }
                times.add(round);
            }
        }
        for (wire, _, how, times) in table {
            times.print(&format!("CPU of 1,000 chunks, {}, {how}", wire.name()), as_json);
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "serve") {
        return Ok(server::serve()?);
    }
    let after = |name: &'static str| {
        arguments.windows(2).filter(move |pair| pair[0] == name).map(|pair| pair[1].as_str())
    };
    let rounds = after("--rounds").next().map(str::parse).transpose()?.unwrap_or(ROUNDS);
    let as_json = arguments.iter().any(|a| a == "--json");
    // The first to set the process's TLS provider wins; all of them use ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (_server, server) = Server::start()?;
    let mut all = Contestants {
        bare: bare::Bare::new(&server),
        rig: rig::Rig::new(&server),
        kit: kit::Kit::new(&server).await?,
        others: Vec::new(),
    };
    if let Some(word) = after("--profile").next() {
        let wire = WIRES.into_iter().find(|wire| wire.word() == word).ok_or("no such wire")?;
        for _ in 0..1000 {
            all.kit.chunks(wire, APART).await?;
        }
        return Ok(());
    }
    all.check().await?;
    let base_url = Wire::Chat.base_url(&server);
    for given in after("--peer") {
        let mut other = Other::start(given, &base_url, APART)?;
        // Its first streams load what it needs.
        other.streams(OTHERS_STREAMS)?;
        all.others.push(other);
    }
    println!(
        "{rounds} rounds of all in turn, medians; {RUNS} runs or {STREAMS} streams a round, \
         {OTHERS_STREAMS} of other languages"
    );
    all.runs(rounds, as_json).await?;
    all.chunks(rounds, as_json).await
}
