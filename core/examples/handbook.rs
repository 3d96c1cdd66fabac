//! An assistant that answers from a company's handbook and calls a tool of this program's.
//!
//! ```text
//! cargo run --example handbook                    with the scripted model of the spec
//! cargo run --example handbook -- SPEC DOCUMENTS QUESTION
//! AIKIT_MODEL=openai/gpt-4o-mini cargo run ...    with a real one
//! ```
//!
//! With `--json` the last line reports what happened, for `make demo`.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use aikit::Result;
use aikit::agent::{EventKind, ToolOutcome};
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::tool::{Context, Definition, Tool};
use serde_json::{Value, json};

const QUESTION: &str = "How many days of leave do I have left, and how many may I carry over?";

/// Days of leave that an employee has left. A real program would ask its database.
struct LeaveBalance(Definition);

impl LeaveBalance {
    fn new() -> Self {
        Self(Definition {
            name: "leave_balance".into(),
            description: "Days of annual leave that an employee has left this year.".into(),
            parameters: json!({
                "type": "object",
                "properties": {"employee": {"type": "string", "description": "login name"}},
                "required": ["employee"],
                "additionalProperties": false,
            }),
            timeout_ms: None,
        })
    }
}

#[async_trait::async_trait]
impl Tool for LeaveBalance {
    fn definition(&self) -> &Definition {
        &self.0
    }

    async fn call(&self, arguments: Value, _: Context) -> Result<Value> {
        // The arguments fit the schema: aikit has checked them.
        Ok(json!({"employee": arguments["employee"], "days": 12}))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let given: Vec<String> = std::env::args().skip(1).filter(|given| given != "--json").collect();
    let or = |place: usize, default: &'static str| given.get(place).map_or(default, String::as_str);
    let spec = AgentRef::from(or(0, "examples/specs/handbook.yaml"));
    let (documents, question) = (or(1, "examples/handbook"), or(2, QUESTION));

    let kernel = Kernel::open(OpenOptions::default()).await?;
    kernel.register(Arc::new(LeaveBalance::new()))?;
    kernel.collection("handbook")?.ingest(documents).await?;

    let options = AgentOptions { model: std::env::var("AIKIT_MODEL").ok() };
    let agent = kernel.agent_with(spec, options).await?;

    println!("> {question}\n");
    let started = Instant::now();
    let mut run = agent.start(question);
    let mut events = 0;
    while let Some(event) = run.next().await {
        events += 1;
        match &*event.kind {
            EventKind::TextDelta { text } => {
                print!("{text}");
                // A failing terminal is no reason to stop the run.
                let _ = std::io::stdout().flush();
            }
            EventKind::ToolFinished { name, outcome: ToolOutcome::Result(result), .. } => {
                println!("\n  [{name} gave {result}]");
            }
            EventKind::ToolFinished { name, outcome: ToolOutcome::Error(error), .. } => {
                println!("\n  [{name} failed: {error}]");
            }
            _ => {}
        }
    }
    let result = run.result().await?;
    let run_ms = started.elapsed().as_secs_f64() * 1000.0;

    println!("\n");
    for citation in &result.citations {
        println!("  {} {} (line {})", citation.marker, citation.source, citation.start_line);
    }
    println!("  {} tokens, {} model calls", result.usage.total_tokens, result.turns);
    kernel.close().await?;

    if std::env::args().any(|argument| argument == "--json") {
        println!(
            "{}",
            json!({
                "language": "Rust",
                "answer": result.text,
                "events": events,
                "run_ms": run_ms,
                "citations": result.citations.len(),
            })
        );
    }
    Ok(())
}
