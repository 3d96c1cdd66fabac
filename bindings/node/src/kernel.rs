//! Kernels, agents and collections: text in, a task out.

use aikit::host::{HostAgent, HostCollection, HostKernel};
use aikit::kernel::AgentRef;
use napi::bindgen_prelude::{Either, Utf16String};
use napi_derive::napi;

use crate::failure::{Failure, text, thrown};
use crate::spec::NativeSpec;
use crate::specs::NativeSpecs;
use crate::task::NativeTask;

/// Opens a kernel; the task gives a [`NativeKernel`].
#[napi]
pub fn open(options: String) -> NativeTask {
    NativeTask::new(HostKernel::open(&options))
}

/// An open kernel.
#[napi]
pub struct NativeKernel(pub(crate) HostKernel);

#[napi]
impl NativeKernel {
    /// The kernel's tenant.
    #[napi(getter)]
    pub fn tenant(&self) -> &str {
        self.0.tenant()
    }

    /// Registers a tool by its definition.
    #[napi]
    pub fn register_tool(&self, definition: String) -> Result<(), Failure> {
        self.0.register_tool(&definition).map_err(|error| thrown(&error))
    }

    /// Registers a model whose answers a function of the host's makes, by its definition.
    #[napi]
    pub fn register_model(&self, definition: String) -> Result<(), Failure> {
        self.0.register_model(&definition).map_err(|error| thrown(&error))
    }

    /// Everything that can be said of a spec in this kernel; the task gives diagnostics.
    #[napi]
    pub fn check(&self, spec: &NativeSpec) -> NativeTask {
        NativeTask::new(self.0.check(&spec.0))
    }

    /// The spec repository.
    #[napi(getter)]
    pub fn specs(&self) -> NativeSpecs {
        NativeSpecs(self.0.specs())
    }

    /// Makes an agent of a spec, of the path to one, or of a version in the repository; the task
    /// gives a [`NativeAgent`].
    #[napi]
    pub fn agent(
        &self,
        reference: Either<&NativeSpec, Utf16String>,
        options: String,
    ) -> Result<NativeTask, Failure> {
        let reference = match reference {
            Either::A(spec) => AgentRef::Spec(spec.0.clone()),
            Either::B(reference) => AgentRef::Text(text("the reference", &reference)?),
        };
        Ok(NativeTask::new(self.0.agent(reference, &options)))
    }

    /// The collection of this name.
    #[napi]
    pub fn collection(&self, name: Utf16String) -> Result<NativeCollection, Failure> {
        let name = text("the name of the collection", &name)?;
        self.0.collection(&name).map(NativeCollection).map_err(|error| thrown(&error))
    }

    /// Calls a tool; the task gives its result.
    #[napi]
    pub fn call_tool(&self, name: Utf16String, arguments: String) -> Result<NativeTask, Failure> {
        let name = text("the name of the tool", &name)?;
        Ok(NativeTask::new(self.0.call_tool(&name, &arguments)))
    }

    /// The stored events of a run.
    #[napi]
    pub fn run_events(&self, run_id: Utf16String) -> Result<NativeTask, Failure> {
        let run_id = text("the id of the run", &run_id)?;
        Ok(NativeTask::new(self.0.run_events(&run_id)))
    }

    /// What the tenant has and did; the task gives a document.
    #[napi]
    pub fn usage(&self, days: u32) -> NativeTask {
        NativeTask::new(self.0.usage(days))
    }

    /// Copies the store into a new file.
    #[napi]
    pub fn backup(&self, path: Utf16String) -> Result<NativeTask, Failure> {
        let path = text("the path", &path)?;
        Ok(NativeTask::new(self.0.backup(&path)))
    }

    /// Every setting that holds, or that holds for a spec, and why, as JSON.
    #[napi]
    pub fn config(&self, spec: Option<&NativeSpec>) -> Result<String, Failure> {
        self.0.config(spec.map(|spec| &spec.0)).map_err(|error| thrown(&error))
    }

    /// Closes the kernel.
    #[napi]
    pub fn close(&self) -> NativeTask {
        NativeTask::new(self.0.close())
    }
}

/// An agent.
#[napi]
pub struct NativeAgent(pub(crate) HostAgent);

#[napi]
impl NativeAgent {
    /// The agent's spec.
    #[napi(getter)]
    pub fn spec(&self) -> NativeSpec {
        NativeSpec(self.0.spec().clone())
    }

    /// The agent's name, with its templates filled in.
    #[napi(getter)]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The model that its runs ask.
    #[napi(getter)]
    pub fn model(&self) -> &str {
        self.0.model()
    }

    /// Starts a run; the task gives events, tool calls and the run's result.
    #[napi]
    pub fn start(&self, input: Utf16String, options: String) -> Result<NativeTask, Failure> {
        let input = text("the input", &input)?;
        Ok(NativeTask::new(self.0.start(&input, &options)))
    }
}

/// A collection of documents.
#[napi]
pub struct NativeCollection(HostCollection);

#[napi]
impl NativeCollection {
    /// The collection's name.
    #[napi(getter)]
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Takes in a file or folder; the task gives a report.
    #[napi]
    pub fn ingest(&self, path: Utf16String, options: String) -> Result<NativeTask, Failure> {
        let path = text("the path", &path)?;
        Ok(NativeTask::new(self.0.ingest(&path, &options)))
    }

    /// Searches; the task gives passages.
    #[napi]
    pub fn search(&self, query: Utf16String, options: String) -> Result<NativeTask, Failure> {
        let query = text("the query", &query)?;
        Ok(NativeTask::new(self.0.search(&query, &options)))
    }

    /// The task gives the documents.
    #[napi]
    pub fn documents(&self) -> NativeTask {
        NativeTask::new(self.0.documents())
    }
}
