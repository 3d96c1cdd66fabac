//! Kernel, agent and collection in the form that bindings hold: JSON text in, a [`Task`] out.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::task::Task;
use crate::agent::{Agent, RunOptions};
use crate::error::{Code, Error, Result};
use crate::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use crate::retrieval::{Collection, IngestOptions, SearchOptions};
use crate::spec::Spec;
use crate::tool::{HostCall, HostCalls, HostTool};

/// The version of aikit, the same in every language.
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Reads options from JSON text; an empty text or `null` means the defaults. Unknown keys are
/// refused.
pub(super) fn options<T: DeserializeOwned + Default>(what: &str, json: &str) -> Result<T> {
    if json.trim().is_empty() || json.trim() == "null" {
        return Ok(T::default());
    }
    object(what, json).map_err(|e| e.hint("see the options of this call in the documentation"))
}

/// Reads an object from JSON text. A list is refused, though `serde` would take one for a struct;
/// and where in the text a value stands means nothing to who never saw the text.
pub(super) fn object<T: DeserializeOwned>(what: &str, json: &str) -> Result<T> {
    if !json.trim_start().starts_with('{') {
        return Err(Error::invalid_argument(format!(
            "{what}: here belongs an object of named values"
        )));
    }
    serde_json::from_str(json).map_err(|e| {
        let said = e.to_string();
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        Error::invalid_argument(format!("{what}: {said}"))
    })
}

pub(super) fn json_text<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::invalid_argument(format!("the result cannot be written as JSON: {e}")))
}

/// Host tool calls of one task go to that task's queue.
struct Queue<T>(super::task::Feed<T>);

impl<T: Send> HostCalls for Queue<T> {
    fn dispatch(&self, call: HostCall) {
        self.0.tool_call(call);
    }
}

/// An open kernel. Cheap to clone; all clones are the same kernel.
#[derive(Clone, Debug)]
pub struct HostKernel(Kernel);

impl HostKernel {
    /// Opens a kernel. `options` is JSON of [`OpenOptions`]; empty for an in-memory store.
    pub fn open(open_options: &str) -> Task<HostKernel> {
        match options::<OpenOptions>("open", open_options) {
            Ok(open_options) => {
                Task::spawn(|_, _| async move { Kernel::open(open_options).await.map(HostKernel) })
            }
            Err(error) => Task::ready(Err(error)),
        }
    }

    pub(super) fn kernel(&self) -> &Kernel {
        &self.0
    }

    /// The kernel's tenant.
    pub fn tenant(&self) -> &str {
        self.0.tenant()
    }

    /// Registers a tool of the host's. `definition` is JSON: `name`, `description`, `parameters`
    /// (a JSON Schema), `timeout_ms`. Its calls come as [`super::Step::ToolCall`].
    pub fn register_tool(&self, definition: &str) -> Result<()> {
        let tool: HostTool = object("tool definition", definition)?;
        self.0.register(Arc::new(tool))
    }

    /// Registers a model of the host's, `host/NAME` in specs. `definition` is JSON: `name`,
    /// `timeout_ms`. Its calls come as [`super::Step::ToolCall`] under that full name, with the
    /// request as arguments.
    pub fn register_model(&self, definition: &str) -> Result<()> {
        self.0.register_host_model(object("model definition", definition)?)
    }

    /// Makes an agent. `agent_options` is JSON of [`AgentOptions`].
    pub fn agent(&self, reference: AgentRef, agent_options: &str) -> Task<HostAgent> {
        let kernel = self.0.clone();
        match options::<AgentOptions>("agent", agent_options) {
            Ok(agent_options) => Task::spawn(|_, _| async move {
                kernel.agent_with(reference, agent_options).await.map(HostAgent)
            }),
            Err(error) => Task::ready(Err(error)),
        }
    }

    /// Everything that can be said of a spec in this kernel, as a JSON array of diagnostics.
    pub fn check(&self, spec: &Spec) -> Task<String> {
        let (kernel, spec) = (self.0.clone(), spec.clone());
        Task::spawn(|_, _| async move { json_text(&kernel.check(&spec).await?) })
    }

    /// The collection of this name; it need not exist yet.
    pub fn collection(&self, name: &str) -> Result<HostCollection> {
        self.0.collection(name).map(HostCollection)
    }

    /// Calls a registered tool directly with arguments as JSON text; gives its result as JSON.
    pub fn call_tool(&self, name: &str, arguments: &str) -> Task<String> {
        let arguments = match options::<serde_json::Map<_, _>>("arguments", arguments) {
            Ok(arguments) => serde_json::Value::Object(arguments),
            Err(error) => return Task::ready(Err(error)),
        };
        let (kernel, name) = (self.0.clone(), name.to_owned());
        Task::spawn(|feed, cancel| async move {
            let calls = Arc::new(Queue(feed));
            json_text(&kernel.call_tool_with(&name, arguments, Some(calls), cancel).await?)
        })
    }

    /// The events that the store keeps of a run, as a JSON array.
    pub fn run_events(&self, run_id: &str) -> Task<String> {
        let (kernel, run_id) = (self.0.clone(), run_id.to_owned());
        Task::spawn(|_, _| async move { json_text(&kernel.run_events(&run_id).await?) })
    }

    /// What the tenant has, and what it did on the last `days` days on which it did something, as
    /// JSON.
    pub fn usage(&self, days: u32) -> Task<String> {
        let kernel = self.0.clone();
        Task::spawn(|_, _| async move { json_text(&kernel.usage(days).await?) })
    }

    /// Copies the store with all of its tenants into the new file `path` while it is in use.
    pub fn backup(&self, path: &str) -> Task<()> {
        let (kernel, path) = (self.0.clone(), path.to_owned());
        Task::spawn(|_, _| async move { kernel.backup(path).await })
    }

    /// Every setting that holds here, or for the agents of a spec, with its source, as a JSON array.
    pub fn config(&self, spec: Option<&Spec>) -> Result<String> {
        json_text(&self.0.explain(spec))
    }

    /// Closes the store. Runs under way are cancelled; later calls answer `closed`. Idempotent.
    pub fn close(&self) -> Task<()> {
        let kernel = self.0.clone();
        Task::spawn(|_, _| async move { kernel.close().await })
    }
}

/// An agent made from a spec.
#[derive(Clone, Debug)]
pub struct HostAgent(Agent);

impl HostAgent {
    /// The agent's spec.
    pub fn spec(&self) -> &Spec {
        self.0.spec()
    }

    /// The agent's name for people.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The model that the agent uses: the spec's, or the one it was made with.
    pub fn model(&self) -> &str {
        self.0.model()
    }

    /// Starts a run. `run_options` is JSON of [`RunOptions`]. The result is JSON of [`crate::agent::RunResult`].
    pub fn start(&self, input: &str, run_options: &str) -> Task<String> {
        let run_options = match options::<RunOptions>("run", run_options) {
            Ok(run_options) => run_options,
            Err(error) => return Task::ready(Err(error)),
        };
        let (agent, input) = (self.0.clone(), input.to_owned());
        Task::spawn(|feed, cancel| async move {
            let calls = Arc::new(Queue(feed.clone()));
            json_text(&agent.drive(input, run_options, Some(calls), cancel, &feed).await?)
        })
    }
}

/// A collection of documents.
#[derive(Clone, Debug)]
pub struct HostCollection(Collection);

impl HostCollection {
    /// The collection's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Takes in a file or folder. `ingest_options` is JSON of [`IngestOptions`]; the report is JSON.
    pub fn ingest(&self, path: &str, ingest_options: &str) -> Task<String> {
        let (collection, path) = (self.0.clone(), Path::new(path).to_path_buf());
        match options::<IngestOptions>("ingest", ingest_options) {
            Ok(ingest_options) => Task::spawn(|_, cancel| async move {
                json_text(&collection.ingest_with(&path, ingest_options, cancel).await?)
            }),
            Err(error) => Task::ready(Err(error)),
        }
    }

    /// Searches. `search_options` is JSON of [`SearchOptions`]; the passages are a JSON array.
    pub fn search(&self, query: &str, search_options: &str) -> Task<String> {
        let (collection, query) = (self.0.clone(), query.to_owned());
        match options::<SearchOptions>("search", search_options) {
            // With an embedding model this can take minutes.
            Ok(search_options) => Task::spawn(|_, cancel| async move {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {
                        Err(Error::new(Code::Cancelled, "the search was cancelled"))
                    }
                    found = collection.search_with(&query, search_options) => json_text(&found?),
                }
            }),
            Err(error) => Task::ready(Err(error)),
        }
    }

    /// The documents of the collection, as a JSON array of `source`, `title`, `chunks`, `bytes`.
    pub fn documents(&self) -> Task<String> {
        let collection = self.0.clone();
        Task::spawn(|_, _| async move { json_text(&collection.documents().await?) })
    }
}
