//! What the core costs: specs, agents, runs and memory.
//!
//! A harness of our own: what aikit promises are percentiles of single calls, CPU time of a whole
//! run over all threads, and memory. With `--json` it prints one JSON object a line.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made has failed")]

#[macro_use]
mod harness;
mod specs;

use aikit::kernel::{Kernel, OpenOptions};
use aikit::spec::Spec;
use harness::Output;
use serde_json::json;

const HANDBOOK: &str = include_str!("../../../examples/specs/handbook.yaml");

const TOOL_RUN: &str = r#"
identity: {agent_id: bench}
integration: {tools: [calculator]}
intelligence:
  model: scripted/bench
  script:
    - tool_calls: [{name: calculator, arguments: {expression: 19 + 23}}]
    - text: The answer is {{tool.calculator}}.
"#;

/// A run that stands still until it is cancelled.
const SLOW_RUN: &str = r#"
identity: {agent_id: bench}
intelligence:
  model: scripted/bench
  script: [{text: "never said", delay_ms: 60000}]
"#;

const SAMPLES: usize = 2000;
const AGENTS: usize = 10_000;
const RUNS_AT_ONCE: usize = 1000;

/// User and system time of this process, in milliseconds: fields 14 and 15 of its `stat`, in ticks
/// of 10 ms. Enough for what takes a second.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|t| t.parse::<u64>().unwrap()).sum();
    ticks as f64 * 10.0
}

/// Resident memory in kilobytes.
fn resident_kb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn measure(out: &Output) -> aikit::Result<()> {
    out.percentiles(
        "spec: parse and check (handbook.yaml)",
        sample!(SAMPLES, Spec::parse(HANDBOOK)?.check()),
    );

    specs::measure(out).await?;
    let kernel = Kernel::open(OpenOptions::default()).await?;
    let spec = Spec::parse(TOOL_RUN)?;
    out.percentiles("agent from a spec", sample!(SAMPLES, kernel.agent(spec.clone()).await?));
    let arguments = json!({"expression": "19 + 23"});
    out.percentiles(
        "call of a built-in tool",
        sample!(SAMPLES, kernel.call_tool("calculator", arguments.clone()).await?),
    );

    let agent = kernel.agent(spec.clone()).await?;
    assert_eq!(agent.run("go").await?.text, "The answer is 42.");
    let before = cpu_ms();
    let samples = sample!(SAMPLES, agent.run("go").await?);
    let runs = (SAMPLES + SAMPLES / 10) as f64;
    out.value("CPU of a scripted run (two turns, one tool)", (cpu_ms() - before) / runs, "ms");
    out.percentiles("scripted run (two turns, one tool)", samples);

    kernel.collection("handbook")?.ingest("examples/handbook").await?;
    let collection = kernel.collection("handbook")?;
    out.percentiles(
        "keyword search, 8 documents",
        sample!(SAMPLES, collection.search("how much leave may I carry over").await?),
    );

    let before = resident_kb();
    let mut agents = Vec::with_capacity(AGENTS);
    for _ in 0..AGENTS {
        agents.push(kernel.agent(spec.clone()).await?);
    }
    out.value("memory of a further agent", (resident_kb() - before) / AGENTS as f64, "KB");
    drop(agents);

    let before = resident_kb();
    let slow = kernel.agent(Spec::parse(SLOW_RUN)?).await?;
    let mut runs = Vec::with_capacity(RUNS_AT_ONCE);
    for _ in 0..RUNS_AT_ONCE {
        let mut run = slow.start("go");
        // The first two events are out: the run stands in its model call.
        run.next().await;
        run.next().await;
        runs.push(run);
    }
    out.value("memory of 1,000 runs at once", (resident_kb() - before) / 1024.0, "MB");
    drop(runs);
    kernel.close().await
}

#[tokio::main]
async fn main() -> aikit::Result<()> {
    // Cargo starts benches in the folder of their package.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).unwrap();
    let json = std::env::args().any(|argument| argument == "--json");
    measure(&Output { json }).await
}
