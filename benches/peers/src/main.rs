//! CPU time of one agent run (two streamed model calls and one tool), and of 1,000 streamed chunks:
//! a bare HTTP client, rig and aikit, in one process, in turns, against the same local server.
//!
//! ```text
//! aikit-peers           a table
//! aikit-peers --json    one JSON object a line, for benches/run.py
//! ```

mod bare;
mod kit;
mod rig;
mod server;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

const SYSTEM: &str = "You add numbers with the tool.";
const PROMPT: &str = "What is 19 and 23?";

/// Turns of each contestant, and what is done in one turn. The median turn is reported.
const ROUNDS: usize = 9;
const RUNS: usize = 200;
const STREAMS: usize = 20;

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
        Ok((Self(child), format!("http://127.0.0.1:{}/v1", port.trim())))
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

/// CPU milliseconds of one repetition of `work`, over `times`.
macro_rules! cpu_of {
    ($times:expr, $work:expr) => {{
        let before = cpu_time();
        for _ in 0..$times {
            $work;
        }
        (cpu_time() - before).as_secs_f64() * 1000.0 / $times as f64
    }};
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[derive(Default)]
struct Times {
    bare: Vec<f64>,
    rig: Vec<f64>,
    aikit: Vec<f64>,
}

impl Times {
    fn print(self, figure: &str, as_json: bool) {
        let (bare, rig, aikit) = (median(self.bare), median(self.rig), median(self.aikit));
        if as_json {
            let values = json!({"bare reqwest": bare, "rig 0.44": rig, "aikit": aikit});
            println!("{}", json!({"figure": figure, "unit": "ms", "values": values}));
            return;
        }
        println!("{figure}");
        for (name, value) in [("bare reqwest", bare), ("rig 0.44", rig), ("aikit", aikit)] {
            println!("  {name:<14}{value:>8.3} ms   {:>5.2} x bare", value / bare);
        }
    }
}

async fn measure(base_url: &str, as_json: bool) -> Result<(), Box<dyn Error>> {
    let (bare, rig) = (bare::Bare::new(base_url), rig::Rig::new(base_url));
    let kit = kit::Kit::new(base_url).await?;

    // All three do the same, or the comparison means nothing.
    let expected = " word".repeat(20);
    for answer in [bare.run().await?, rig.run().await?, kit.run().await?] {
        if answer != expected {
            return Err(format!("a contestant answered {answer:?}").into());
        }
    }
    for pieces in [bare.chunks().await?, rig.chunks().await?, kit.chunks().await?] {
        if pieces != server::CHUNKS {
            return Err(format!("a contestant saw {pieces} chunks").into());
        }
    }

    let (mut runs, mut chunks) = (Times::default(), Times::default());
    for _ in 0..ROUNDS {
        runs.bare.push(cpu_of!(RUNS, bare.run().await?));
        runs.rig.push(cpu_of!(RUNS, rig.run().await?));
        runs.aikit.push(cpu_of!(RUNS, kit.run().await?));
        chunks.bare.push(cpu_of!(STREAMS, bare.chunks().await?));
        chunks.rig.push(cpu_of!(STREAMS, rig.chunks().await?));
        chunks.aikit.push(cpu_of!(STREAMS, kit.chunks().await?));
    }
    runs.print("CPU of one run: two streamed model calls, one tool", as_json);
    chunks.print("CPU of 1,000 streamed chunks", as_json);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "serve") {
        return Ok(server::serve()?);
    }
    // The first to set the process's TLS provider wins; all of them use ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (_server, base_url) = Server::start()?;
    measure(&base_url, arguments.iter().any(|a| a == "--json")).await
}
