//! `aikit run`.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use aikit::agent::{Event, EventKind, RunResult, RunStatus, ToolOutcome};
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::tool::{Definition, FunctionTool};
use aikit::{Error, Result};
use serde_json::{Value, json};

use crate::Format;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Spec file, YAML or JSON
    spec: PathBuf,
    /// The question; `-` or nothing reads it from standard input
    question: Option<String>,
    /// SQLite file to keep documents and runs in (default: in memory)
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Tenant to run for
    #[arg(long, default_value = "default")]
    tenant: String,
    /// Model to use instead of the spec's, for instance openai/gpt-4o-mini (address and key from
    /// OPENAI_BASE_URL and OPENAI_API_KEY)
    #[arg(long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// Take documents into a collection first, for instance handbook=docs/handbook
    #[arg(long, value_name = "COLLECTION=PATH")]
    ingest: Vec<String>,
    /// Stand in for a tool of the host's: every call gives this result, for instance
    /// leave_balance='{"days": 12}'
    #[arg(long, value_name = "NAME=JSON")]
    tool: Vec<String>,
    /// Model calls, instead of the spec's behavior.max_turns
    #[arg(long, value_name = "N")]
    max_turns: Option<u32>,
    /// `text`: the answer on standard output, what happens on standard error; `json`: every event
    /// as a line of JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Show the answer only
    #[arg(long, short)]
    quiet: bool,
}

/// Exit statuses beside 0: 1 for a failed run, 130 for a cancelled one, as shells have it.
const CANCELLED: u8 = 130;

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime can be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(answer(&arguments));
    aikit::io::shutdown(std::time::Duration::from_secs(2));
    match outcome {
        Ok(RunStatus::Finished) => ExitCode::SUCCESS,
        Ok(RunStatus::Cancelled) => ExitCode::from(CANCELLED),
        Err(error) => {
            crate::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn answer(arguments: &Arguments) -> Result<RunStatus> {
    let question = question(arguments)?;
    let kernel = Kernel::open(OpenOptions {
        location: arguments.store.clone(),
        tenant: arguments.tenant.clone(),
        ..OpenOptions::default()
    })
    .await?;
    for (name, result) in pairs(&arguments.tool, "--tool NAME=JSON")? {
        kernel.register(Arc::new(stand_in(name, result)?))?;
    }
    for (collection, path) in pairs(&arguments.ingest, "--ingest COLLECTION=PATH")? {
        let report = kernel.collection(collection)?.ingest(path).await?;
        if !arguments.quiet {
            eprintln!(
                "{collection}: {} added, {} updated, {} unchanged, {} removed, {} passages",
                report.added, report.updated, report.unchanged, report.removed, report.chunks
            );
            for skipped in &report.skipped {
                eprintln!("  skipped {}: {}", skipped.path, skipped.reason);
            }
        }
    }
    let options = AgentOptions { model: arguments.model.clone() };
    let agent = kernel.agent_with(AgentRef::from(arguments.spec.as_path()), options).await?;
    let run_options =
        aikit::agent::RunOptions { max_turns: arguments.max_turns, ..Default::default() };
    let mut run = agent.start_with(question, run_options, None, Default::default());
    let mut printer = Printer { format: arguments.format, quiet: arguments.quiet, in_text: false };
    // The first Ctrl-C cancels the run and waits for its end, the second does not wait.
    let mut stopping = false;
    loop {
        tokio::select! {
            event = run.next() => match event {
                Some(event) => printer.show(&event),
                None => break,
            },
            _ = tokio::signal::ctrl_c() => {
                if stopping {
                    std::process::exit(i32::from(CANCELLED));
                }
                stopping = true;
                run.cancel();
            }
        }
    }
    let result = run.result().await;
    kernel.close().await?;
    printer.finish(&result?)
}

fn question(arguments: &Arguments) -> Result<String> {
    match arguments.question.as_deref() {
        Some("-") | None => {
            if arguments.question.is_none() && std::io::stdin().is_terminal() {
                return Err(Error::invalid_argument("there is no question")
                    .hint("give it after the spec, or on standard input"));
            }
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|e| {
                Error::invalid_argument("standard input is not a text in UTF-8").caused_by(e)
            })?;
            Ok(text)
        }
        Some(text) => Ok(text.to_owned()),
    }
}

fn pairs<'a>(given: &'a [String], form: &str) -> Result<Vec<(&'a str, &'a str)>> {
    given
        .iter()
        .map(|text| {
            text.split_once('=').ok_or_else(|| {
                Error::invalid_argument(format!("{text:?} is not of the form {form}"))
            })
        })
        .collect()
}

/// A tool that takes anything and always gives the same.
fn stand_in(name: &str, result: &str) -> Result<FunctionTool> {
    let result: Value = serde_json::from_str(result).map_err(|e| {
        Error::invalid_argument(format!("--tool {name}: the result is not JSON: {e}"))
    })?;
    let definition = Definition {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        timeout_ms: None,
    };
    Ok(FunctionTool::new(definition, move |_, _| {
        let result = result.clone();
        async move { Ok(result) }
    }))
}

struct Printer {
    format: Format,
    quiet: bool,
    /// Whether the cursor stands behind text without a line end.
    in_text: bool,
}

impl Printer {
    fn show(&mut self, event: &Event) {
        if self.format == Format::Json {
            say!("{}\n", event.as_json());
            return;
        }
        match &*event.kind {
            EventKind::TextDelta { text } => {
                say!("{text}");
                self.in_text = !text.ends_with('\n');
            }
            EventKind::RetrievalFinished { collection, passages } => {
                self.note(&format!("{collection}: {} passages", passages.len()));
            }
            EventKind::ToolStarted { name, arguments, .. } => {
                self.note(&format!("{name}({arguments})"));
            }
            EventKind::ToolFinished { name, outcome, .. } => match outcome {
                ToolOutcome::Result(result) => self.note(&format!("{name} -> {result}")),
                ToolOutcome::Error(error) => {
                    self.note(&format!("{name} failed: {}", error.message()));
                }
            },
            EventKind::Retrying { delay_ms, message, .. } => {
                self.note(&format!("{message}; again in {delay_ms} ms"));
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        self.end_line();
        eprintln!("· {text}");
    }

    fn end_line(&mut self) {
        if self.in_text {
            say!("\n");
            self.in_text = false;
        }
    }

    fn finish(&mut self, result: &RunResult) -> Result<RunStatus> {
        self.end_line();
        if self.format == Format::Text && !self.quiet {
            for citation in &result.citations {
                eprintln!("{} {}:{}", citation.marker, citation.source, citation.start_line);
            }
            let usage = result.usage;
            eprintln!(
                "{} turns, {} tokens in, {} out, {}",
                result.turns, usage.input_tokens, usage.output_tokens, result.model
            );
        }
        Ok(result.status)
    }
}
