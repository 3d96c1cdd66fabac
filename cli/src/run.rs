//! `aikit run`.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use aikit::agent::{Event, EventKind, RunOptions, RunResult, RunStatus, ToolOutcome};
use aikit::kernel::{AgentOptions, Kernel};
use aikit::spec::Spec;
use aikit::tool::{Definition, FunctionTool};
use aikit::{Code, Error, Result};
use serde_json::{Map, Value, json};

use crate::failure::{CANCELLED, Failure, Outcome};
use crate::output::count;
use crate::store::{Access, StoreArguments};
use crate::{Format, source};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit run helper.yaml 'Good morning'\n  aikit run handbook@1.0.0 'How much leave do I get?' --store aikit.db --input name=Ada"
)]
pub(crate) struct Arguments {
    /// A spec file, or a version in the repository: `id@version`, `id` for the active one
    #[arg(value_name = "FILE|REF")]
    spec: String,
    /// The question; `-` or nothing reads it from standard input
    question: Option<String>,
    /// SQLite file or PostgreSQL URL to keep documents and runs in, and to find versions in (else
    /// AIKIT_STORE, else the profile's; else in memory for a file, ./aikit.db for a version);
    /// env:NAME or file:PATH for a URL that is kept there, because it holds a password
    #[arg(long, value_name = "STORE")]
    store: Option<PathBuf>,
    /// Tenant to run for (else AIKIT_TENANT, else the profile's, else `default`)
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// TOML file with settings for this machine (else AIKIT_PROFILE)
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
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
    /// A value for the spec's prompts, of those in its interface.input_schema, for instance
    /// customer=Ada
    #[arg(long, value_name = "NAME=VALUE")]
    input: Vec<String>,
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

/// The finding that a collection is not there.
const NO_COLLECTION: &str = "AK3006";
/// The finding that no key is known for the spec's model.
const NO_KEY: &str = "AK3013";

pub(crate) fn run(arguments: Arguments) -> Outcome {
    let status = crate::block_on(answer(&arguments))?;
    Ok(match status {
        RunStatus::Finished => ExitCode::SUCCESS,
        RunStatus::Cancelled => ExitCode::from(CANCELLED),
    })
}

/// The kernel, what its agent is made from, and the text that findings are shown in.
async fn open(arguments: &Arguments) -> Result<(Kernel, Spec, String), Failure> {
    let store = StoreArguments {
        store: arguments.store.clone(),
        tenant: arguments.tenant.clone(),
        profile: arguments.profile.clone(),
    };
    if source::is_file(&arguments.spec) {
        let (spec, text) = source::read_with_text(&arguments.spec);
        let spec = spec.map_err(|error| in_text(error, arguments, &text))?;
        let kernel = Kernel::open(store.options(store.named()?.unwrap_or_default())?).await?;
        return Ok((kernel, spec, text));
    }
    let kernel = store.open(Access::Existing).await?;
    let spec = kernel.specs().load(&arguments.spec).await?;
    let text = spec.text().to_owned();
    Ok((kernel, spec, text))
}

fn in_text(error: Error, arguments: &Arguments, text: &str) -> Failure {
    Failure::in_text(error, source::name_of(&arguments.spec), text)
}

async fn answer(arguments: &Arguments) -> Result<RunStatus, Failure> {
    let question = question(arguments)?;
    let (kernel, spec, text) = open(arguments).await?;
    for (name, result) in pairs(&arguments.tool, "--tool NAME=JSON")? {
        kernel.register(Arc::new(stand_in(name, result)?))?;
    }
    for (collection, path) in pairs(&arguments.ingest, "--ingest COLLECTION=PATH")? {
        let report = kernel.collection(collection)?.ingest(path).await?;
        if !arguments.quiet {
            tell!(
                "{collection}: {} added, {} updated, {} unchanged, {} removed, {} passages\n",
                report.added,
                report.updated,
                report.unchanged,
                report.removed,
                report.chunks
            );
            for skipped in &report.skipped {
                tell!("  skipped {}: {}\n", skipped.path, skipped.reason);
            }
        }
    }
    let options = AgentOptions { model: arguments.model.clone() };
    let made = kernel.agent_with(spec.into(), options).await;
    let agent = made.map_err(|error| in_text(error, arguments, &text))?;
    if !arguments.quiet {
        warn(&kernel, agent.spec(), arguments.model.is_some()).await?;
    }
    let run_options = RunOptions {
        max_turns: arguments.max_turns,
        inputs: inputs(agent.spec(), &arguments.input)?,
        ..RunOptions::default()
    };
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
    Ok(printer.finish(&result.map_err(for_command)?))
}

/// Says beforehand what will make the answer poor or keep it from coming: a collection that is not
/// there, a key that is missing. What concerns the spec's own model does not matter if another one is asked.
async fn warn(kernel: &Kernel, spec: &Spec, other_model: bool) -> Result<()> {
    for found in kernel.check(spec).await? {
        if found.code == NO_COLLECTION || (found.code == NO_KEY && !other_model) {
            tell!("warning[{}]: {}\n", found.code, found.message);
            match (found.code, &found.hint) {
                (NO_COLLECTION, _) => tell!("  hint: fill it: --ingest COLLECTION=PATH\n"),
                (_, Some(hint)) => tell!("  hint: {hint}\n"),
                _ => {}
            }
        }
    }
    Ok(())
}

/// The values for the prompts: texts where the spec says so, else JSON, and what is no JSON is a
/// text. A name that no prompt can use is refused: it is a misspelt one.
fn inputs(spec: &Spec, given: &[String]) -> Result<Map<String, Value>, Failure> {
    let schema = spec.document().interface.input_schema.as_ref();
    let kind = |name: &str| Some(&schema?.get("properties")?.get(name)?["type"]);
    let read = |(name, text): (&str, &str)| {
        let value = match kind(name) {
            Some(kind) if kind == "string" => text.into(),
            _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        (name.to_owned(), value)
    };
    let given: Map<String, Value> =
        pairs(given, "--input NAME=VALUE")?.into_iter().map(read).collect();
    let properties = schema.and_then(|schema| schema.get("properties")?.as_object());
    let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if let Some(name) = given.keys().find(|name| !known.contains(&name.as_str())) {
        let hint = match known.is_empty() {
            true => "declare it under `interface.input_schema.properties`".to_owned(),
            false => format!("its inputs are {}", known.join(", ")),
        };
        let error = Error::invalid_argument(format!("the spec has no input {name:?}"));
        return Err(error.hint(hint).into());
    }
    Ok(given)
}

/// The error of a run with what one does about it on the command line.
fn for_command(error: Error) -> Error {
    match error.code() == Code::InvalidArgument && error.message().starts_with("inputs: ") {
        true => error.hint("give it as --input NAME=VALUE, as `interface.input_schema` says"),
        false => error,
    }
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
            EventKind::Retrying { delay_ms, message, model, .. } => match model {
                Some(model) => self.note(&format!("{message}; asking {model}")),
                None => self.note(&format!("{message}; again in {delay_ms} ms")),
            },
            EventKind::BudgetWarning { budget, used, limit } => {
                self.note(&format!("budget {budget}: {used} of {limit} are spent"));
            }
            _ => {}
        }
    }

    fn note(&mut self, text: &str) {
        if self.quiet {
            return;
        }
        self.end_line();
        tell!("· {text}\n");
    }

    fn end_line(&mut self) {
        if self.in_text {
            say!("\n");
            self.in_text = false;
        }
    }

    fn finish(&mut self, result: &RunResult) -> RunStatus {
        self.end_line();
        if self.format == Format::Text && !self.quiet {
            for citation in &result.citations {
                tell!("{} {}:{}\n", citation.marker, citation.source, citation.start_line);
            }
            let usage = result.usage;
            tell!(
                "{}, {} tokens in, {} out, {}\n",
                count(result.turns as usize, "turn"),
                usage.input_tokens,
                usage.output_tokens,
                result.model
            );
        }
        result.status
    }
}
