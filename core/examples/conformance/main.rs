//! The Rust adapter of the conformance scenarios (`docs/design/surface.md`): performs the steps of
//! one scenario through the public surface and prints what it observed. It judges nothing.

mod administration;
mod models;

use std::sync::Arc;
use std::time::Duration;

use aikit::agent::{Agent, Event, Run, RunOptions, RunResult};
use aikit::kernel::{AgentOptions, AgentRef, Bundle, Kernel, OpenOptions};
use aikit::retrieval::{IngestOptions, SearchOptions};
use aikit::spec::{self, Format, Spec, neighbours};
use aikit::store::Admin;
use aikit::tool::{Definition, FunctionTool, HostCalls};
use aikit::{Code, Error, Result};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The options of a step `open`.
const OPEN_OPTIONS: &[&str] = &[
    "location",
    "tenant",
    "providers",
    "actor",
    "default_model",
    "policy",
    "profile",
    "reader",
    "rls",
];

struct Adapter {
    scenario: Value,
    kernel: Option<Kernel>,
    /// What answers for the scenario's models.
    models: Option<Arc<dyn HostCalls>>,
    admin: Option<Admin>,
    agent: Option<Agent>,
    /// What the last `parse` gave.
    spec: Option<Spec>,
    /// What the last export gave.
    bundle: Value,
}

/// What one step showed: its value or error, and the events that it saw.
type Observed = (Result<Value>, Option<Vec<Event>>);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: conformance SCENARIO.json")?;
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let steps = scenario["steps"].as_array().cloned().unwrap_or_default();
    let mut adapter = Adapter::of(scenario);
    let runtime = tokio::runtime::Runtime::new()?;
    let observations: Vec<Value> = steps
        .iter()
        .map(|step| {
            let (outcome, events) = runtime.block_on(adapter.step(step));
            let mut observation = match outcome {
                Ok(value) => json!({"ok": value}),
                Err(error) => json!({"error": error.to_json()}),
            };
            if let Some(events) = events {
                let events: Vec<Value> = events
                    .iter()
                    .filter_map(|event| serde_json::from_str(event.as_json()).ok())
                    .collect();
                observation["events"] = events.into();
            }
            observation
        })
        .collect();
    println!("{}", json!({"observations": observations}));
    Ok(())
}

fn not_there(what: &str) -> Error {
    Error::invalid_argument(format!("the scenario uses {what} before it is there"))
}

impl Adapter {
    fn of(scenario: Value) -> Self {
        Self {
            scenario,
            kernel: None,
            models: None,
            admin: None,
            agent: None,
            spec: None,
            bundle: Value::Null,
        }
    }

    fn kernel(&self) -> Result<&Kernel> {
        self.kernel.as_ref().ok_or_else(|| not_there("a kernel"))
    }

    fn admin(&self) -> Result<&Admin> {
        self.admin.as_ref().ok_or_else(|| not_there("an administrator"))
    }

    fn agent(&self) -> Result<&Agent> {
        self.agent.as_ref().ok_or_else(|| not_there("an agent"))
    }

    /// The step's own spec, or the scenario's.
    fn read(&self, step: &Value) -> Result<Spec> {
        let text = step["spec"].as_str().or_else(|| self.scenario["spec"].as_str());
        match (text, step["base"].as_str()) {
            (Some(text), Some(base)) => Spec::parse_in(text, base),
            (Some(text), None) => Spec::parse(text),
            (None, _) => Spec::read(self::text(&self.scenario, "spec_file")),
        }
    }

    fn spec(&self) -> Result<Spec> {
        self.spec.clone().map_or_else(|| self.read(&Value::Null), Ok)
    }

    async fn step(&mut self, step: &Value) -> Observed {
        match text(step, "do") {
            "run" => (self.run(step).await, None),
            "start" => self.start(step).await,
            "together" => (self.together(step).await, None),
            "open" => (self.open(step).await, None),
            "agent" => (self.make_agent(step).await, None),
            "close" => (self.close().await, None),
            "specs" => (self.repository(step).await, None),
            "open_admin" | "admin" | "close_admin" => (self.administer(step).await, None),
            "check_in_kernel" => (self.check_in_kernel().await, None),
            "diagnose" => (diagnose(step), None),
            "edit" => (edit(step), None),
            "import_spec" => (import(step), None),
            "schema" => (Ok(spec::schema()), None),
            "parse" => (self.parse(step), None),
            "check" | "render" | "diff_specs" => (self.about_spec(step), None),
            other => (self.query(other, step).await, None),
        }
    }

    async fn open(&mut self, step: &Value) -> Result<Value> {
        let options: OpenOptions = from_json(only(step, OPEN_OPTIONS))?;
        let kernel = Kernel::open(options).await?;
        for tool in self.scenario["tools"].as_array().into_iter().flatten() {
            kernel.register(Arc::new(scenario_tool(tool)?))?;
        }
        self.models = Some(models::Models::register(&kernel, &self.scenario)?);
        let tenant = kernel.tenant().to_owned();
        self.kernel = Some(kernel);
        Ok(json!({"tenant": tenant}))
    }

    async fn make_agent(&mut self, step: &Value) -> Result<Value> {
        let model = step["model"].as_str().map(str::to_owned);
        let reference = match step["ref"].as_str() {
            Some(reference) => AgentRef::from(reference),
            None => AgentRef::Spec(self.spec()?),
        };
        let agent = self.kernel()?.agent_with(reference, AgentOptions { model }).await?;
        let spec = agent.spec();
        let made = json!({
            "agent_id": spec.agent_id(), "name": agent.name(),
            "version": spec.version(), "model": agent.model(),
        });
        self.agent = Some(agent);
        Ok(made)
    }

    async fn run(&self, step: &Value) -> Result<Value> {
        let (agent, cancel) = (self.agent()?, CancellationToken::new());
        let options = RunOptions::default();
        let run = agent.start_with(text(step, "input"), options, self.models.clone(), cancel);
        to_json(&run.result().await?)
    }

    async fn start(&self, step: &Value) -> Observed {
        let agent = match self.agent() {
            Ok(agent) => agent,
            Err(error) => return (Err(error), None),
        };
        let keys = [
            "run_id",
            "max_turns",
            "timeout_ms",
            "tokens_per_run",
            "cost_usd_per_run",
            "inputs",
            "images",
            "output_schema",
        ];
        let options: RunOptions = match from_json(only(step, &keys)) {
            Ok(options) => options,
            Err(error) => return (Err(error), Some(Vec::new())),
        };
        let (host, cancel) = (self.models.clone(), CancellationToken::new());
        let mut run = agent.start_with(text(step, "input"), options, host, cancel);
        let mut events = Vec::new();
        while let Some(event) = run.next().await {
            if step["cancel_at"] == event.kind() {
                run.cancel();
            }
            events.push(event);
        }
        let result = run.result().await.and_then(|result| to_json(&result));
        (result, Some(events))
    }

    async fn together(&self, step: &Value) -> Result<Value> {
        let agent = self.agent()?;
        let inputs = step["inputs"].as_array().into_iter().flatten();
        let runs: Vec<Run> =
            inputs.map(|input| agent.start(input.as_str().unwrap_or_default())).collect();
        let mut results: Vec<RunResult> = Vec::new();
        for run in runs {
            results.push(run.result().await?);
        }
        to_json(&results)
    }

    async fn query(&self, what: &str, step: &Value) -> Result<Value> {
        let kernel = self.kernel()?;
        match what {
            "call_tool" => {
                let arguments = step["arguments"].clone();
                kernel.call_tool(text(step, "name"), arguments).await
            }
            "run_events" => to_json(&kernel.run_events(text(step, "run_id")).await?),
            "usage" => {
                let days: Option<u32> = from_json(step["days"].clone())?;
                to_json(&kernel.usage(days.unwrap_or(administration::DAYS)).await?)
            }
            "config" => to_json(&kernel.explain(self.spec.as_ref())),
            "backup" => to_json(&kernel.backup(text(step, "path")).await?),
            "ingest" => {
                let options: IngestOptions =
                    from_json(only(step, &["embedding_model", "strategy"]))?;
                let never = CancellationToken::new();
                let path = text(step, "path").as_ref();
                let collection = kernel.collection(text(step, "collection"))?;
                to_json(&collection.ingest_with(path, options, never).await?)
            }
            "search" => {
                let names = ["top_k", "embedding_model", "strategy"];
                let options: SearchOptions = from_json(only(step, &names))?;
                let collection = kernel.collection(text(step, "collection"))?;
                to_json(&collection.search_with(text(step, "query"), options).await?)
            }
            "documents" => {
                to_json(&kernel.collection(text(step, "collection"))?.documents().await?)
            }
            other => Err(Error::invalid_argument(format!("no step {other:?}"))),
        }
    }

    fn parse(&mut self, step: &Value) -> Result<Value> {
        let spec = self.read(step)?;
        let shown = summary(&spec);
        self.spec = Some(spec);
        Ok(shown)
    }

    /// The steps that ask the spec something.
    fn about_spec(&self, step: &Value) -> Result<Value> {
        let spec = self.spec()?;
        match text(step, "do") {
            "check" => to_json(&spec.check()),
            "render" => Ok(spec.render(Format::of(text(step, "format"))?)?.into()),
            _ => to_json(&spec::diff(&spec, &Spec::parse(text(step, "other"))?)),
        }
    }

    async fn check_in_kernel(&self) -> Result<Value> {
        to_json(&self.kernel()?.check(&self.spec()?).await?)
    }

    async fn repository(&mut self, step: &Value) -> Result<Value> {
        let specs = self.kernel()?.specs();
        let reference = text(step, "ref");
        match text(step, "op") {
            "save" => {
                let spec = step["text"].as_str().map_or_else(|| self.spec(), Spec::parse)?;
                to_json(&specs.save(&spec, options(step)?).await?)
            }
            "get" => to_json(&specs.get(reference).await?),
            "load" => Ok(summary(&specs.load(reference).await?)),
            "list" => to_json(&specs.list(options(step)?).await?),
            "history" => to_json(&specs.history(text(step, "agent_id")).await?),
            "diff" => to_json(&specs.diff(text(step, "a"), text(step, "b")).await?),
            "promote" => to_json(&specs.promote(reference, options(step)?).await?),
            "deprecate" => to_json(&specs.deprecate(reference, options(step)?).await?),
            "retire" => to_json(&specs.retire(reference, options(step)?).await?),
            "delete" => to_json(&specs.delete(reference, options(step)?).await?),
            "export" => {
                self.bundle = to_json(&specs.export(options(step)?).await?)?;
                Ok(self.bundle.clone())
            }
            "import" => {
                let bundle: Bundle = from_json(step.get("bundle").unwrap_or(&self.bundle).clone())?;
                to_json(&specs.import(bundle, options(step)?).await?)
            }
            other => Err(Error::invalid_argument(format!("no operation {other:?}"))),
        }
    }

    async fn administer(&mut self, step: &Value) -> Result<Value> {
        match text(step, "do") {
            "open_admin" => self.admin = Some(administration::open(step).await?),
            "admin" => return administration::operate(self.admin()?, step).await,
            _ => self.admin()?.close().await?,
        }
        Ok(Value::Null)
    }

    async fn close(&self) -> Result<Value> {
        self.kernel()?.close().await?;
        Ok(Value::Null)
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn only(step: &Value, keys: &[&str]) -> Value {
    let given = keys.iter().filter_map(|key| Some(((*key).to_owned(), step.get(*key)?.clone())));
    Value::Object(given.collect())
}

/// The options of an operation of the repository.
fn options<T: Default + serde::de::DeserializeOwned>(step: &Value) -> Result<T> {
    step.get("options").map_or_else(|| Ok(T::default()), |given| from_json(given.clone()))
}

fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::invalid_argument(e.to_string()))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::invalid_argument(e.to_string()))
}

fn summary(spec: &Spec) -> Value {
    json!({
        "agent_id": spec.agent_id(), "name": spec.name(),
        "version": spec.version(), "model": spec.model(), "hash": spec.hash(),
    })
}

fn diagnose(step: &Value) -> Result<Value> {
    let source = text(step, "text");
    let found = match step["base"].as_str() {
        Some(base) => Spec::diagnose_in(source, base),
        None => Spec::diagnose(source),
    };
    match step["format"].as_str().unwrap_or("json") {
        "json" => to_json(&found),
        "lsp" => Ok(spec::lsp(source, &found)),
        "text" => {
            let name = step["file"].as_str().unwrap_or("spec");
            Ok(spec::terminal(name, source, &found).into())
        }
        other => Err(Error::invalid_argument(format!("no format {other:?}"))),
    }
}

fn edit(step: &Value) -> Result<Value> {
    Ok(spec::edit(text(step, "text"), text(step, "pointer"), &step["value"])?.into())
}

fn import(step: &Value) -> Result<Value> {
    let from = step["from"].as_str().map(str::parse::<neighbours::Format>).transpose()?;
    to_json(&neighbours::import(text(step, "text"), from, step["file"].as_str())?)
}

/// A host tool that behaves as the scenario says.
fn scenario_tool(tool: &Value) -> Result<FunctionTool> {
    let keys = ["name", "description", "parameters", "timeout_ms"];
    let definition: Definition = from_json(only(tool, &keys))?;
    let behaviour = tool["behaviour"].clone();
    Ok(FunctionTool::new(definition, move |arguments, _| {
        let behaviour = behaviour.clone();
        async move {
            if let Some(pause) = behaviour["sleeps_ms"].as_u64() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            if let Some(message) = behaviour["fails"].as_str() {
                return Err(Error::new(Code::ToolFailed, message));
            }
            if behaviour["echoes"] == true {
                return Ok(arguments);
            }
            Ok(behaviour["returns"].clone())
        }
    }))
}
