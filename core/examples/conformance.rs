//! The Rust adapter of the conformance scenarios (`docs/design/surface.md`): performs the steps of
//! one scenario through the public surface and prints what it observed. It judges nothing.

use std::sync::Arc;
use std::time::Duration;

use aikit::agent::{Agent, Event, Run, RunOptions, RunResult};
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::retrieval::{IngestOptions, SearchOptions};
use aikit::spec::Spec;
use aikit::tool::{Definition, FunctionTool};
use aikit::{Code, Error, Result};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

struct Adapter {
    scenario: Value,
    kernel: Option<Kernel>,
    agent: Option<Agent>,
}

/// What one step showed: its value or error, and the events that it saw.
type Observed = (Result<Value>, Option<Vec<Event>>);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: conformance SCENARIO.json")?;
    let scenario: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let steps = scenario["steps"].as_array().cloned().unwrap_or_default();
    let mut adapter = Adapter { scenario, kernel: None, agent: None };
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
    fn kernel(&self) -> Result<&Kernel> {
        self.kernel.as_ref().ok_or_else(|| not_there("a kernel"))
    }

    fn agent(&self) -> Result<&Agent> {
        self.agent.as_ref().ok_or_else(|| not_there("an agent"))
    }

    fn spec(&self) -> Result<Spec> {
        match self.scenario["spec"].as_str() {
            Some(text) => Spec::parse(text),
            None => Spec::read(text(&self.scenario, "spec_file")),
        }
    }

    async fn step(&mut self, step: &Value) -> Observed {
        match text(step, "do") {
            "run" => (self.run(step).await, None),
            "start" => self.start(step).await,
            "together" => (self.together(step).await, None),
            "parse" => (self.spec().map(|spec| summary(&spec)), None),
            "check" => (self.spec().and_then(|spec| to_json(&spec.check())), None),
            "open" => (self.open(step).await, None),
            "agent" => (self.make_agent(step).await, None),
            "close" => (self.close().await, None),
            other => (self.query(other, step).await, None),
        }
    }

    async fn open(&mut self, step: &Value) -> Result<Value> {
        let given = ["location", "tenant", "providers"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), step.get(key)?.clone())))
            .collect::<Map<_, _>>();
        let options: OpenOptions = from_json(Value::Object(given))?;
        let kernel = Kernel::open(options).await?;
        for tool in self.scenario["tools"].as_array().into_iter().flatten() {
            kernel.register(Arc::new(scenario_tool(tool)?))?;
        }
        let tenant = kernel.tenant().to_owned();
        self.kernel = Some(kernel);
        Ok(json!({"tenant": tenant}))
    }

    async fn make_agent(&mut self, step: &Value) -> Result<Value> {
        let model = step["model"].as_str().map(str::to_owned);
        let reference = match self.scenario["spec"].as_str() {
            Some(text) => AgentRef::Spec(Spec::parse(text)?),
            None => AgentRef::from(text(&self.scenario, "spec_file")),
        };
        let agent = self.kernel()?.agent_with(reference, AgentOptions { model }).await?;
        let spec = agent.spec();
        let made = json!({
            "agent_id": spec.agent_id(), "version": spec.version(), "model": agent.model(),
        });
        self.agent = Some(agent);
        Ok(made)
    }

    async fn run(&self, step: &Value) -> Result<Value> {
        to_json(&self.agent()?.run(text(step, "input")).await?)
    }

    async fn start(&self, step: &Value) -> Observed {
        let agent = match self.agent() {
            Ok(agent) => agent,
            Err(error) => return (Err(error), None),
        };
        let options = RunOptions {
            run_id: step["run_id"].as_str().map(str::to_owned),
            max_turns: step["max_turns"].as_u64().and_then(|n| u32::try_from(n).ok()),
            timeout_ms: step["timeout_ms"].as_u64(),
        };
        let mut run =
            agent.start_with(text(step, "input"), options, None, CancellationToken::new());
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
            "ingest" => {
                let options: IngestOptions = from_json(only(step, &["embedding_model"]))?;
                let never = CancellationToken::new();
                let path = text(step, "path").as_ref();
                let collection = kernel.collection(text(step, "collection"))?;
                to_json(&collection.ingest_with(path, options, never).await?)
            }
            "search" => {
                let options: SearchOptions = from_json(only(step, &["top_k", "embedding_model"]))?;
                let collection = kernel.collection(text(step, "collection"))?;
                to_json(&collection.search_with(text(step, "query"), options).await?)
            }
            "documents" => {
                to_json(&kernel.collection(text(step, "collection"))?.documents().await?)
            }
            other => Err(Error::invalid_argument(format!("no step {other:?}"))),
        }
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

fn from_json<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| Error::invalid_argument(e.to_string()))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::invalid_argument(e.to_string()))
}

fn summary(spec: &Spec) -> Value {
    json!({
        "agent_id": spec.agent_id(), "name": spec.name(),
        "version": spec.version(), "model": spec.model(),
    })
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
