//! Kernel, agent and collection: each operation is handed out as a [`Task`].

use std::path::PathBuf;

use aikit::host::{HostAgent, HostCollection, HostKernel};
use aikit::kernel::AgentRef;
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::spec::Spec;
use crate::specs::Specs;
use crate::task::Task;
use crate::text::Text;

// Every call that may start the runtime or take a lock of the core's lets other threads of Python
// go on meanwhile.

/// Opens a kernel; the task ends with a [`Kernel`].
#[pyfunction]
pub(crate) fn open(py: Python<'_>, options: Text<'_>) -> Task {
    Task::new(py.detach(|| HostKernel::open(options.0)))
}

/// An open kernel.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Kernel(pub(crate) HostKernel);

#[pymethods]
impl Kernel {
    #[getter]
    fn tenant(&self) -> &str {
        self.0.tenant()
    }

    fn register_tool(&self, py: Python<'_>, definition: Text<'_>) -> PyResult<()> {
        py.detach(|| self.0.register_tool(definition.0)).or_raise(py)
    }

    fn register_model(&self, py: Python<'_>, definition: Text<'_>) -> PyResult<()> {
        py.detach(|| self.0.register_model(definition.0)).or_raise(py)
    }

    /// The agent of a spec; the task ends with an [`Agent`].
    fn agent_of_spec(&self, py: Python<'_>, spec: &Spec, options: Text<'_>) -> Task {
        let reference = AgentRef::Spec(spec.0.clone());
        Task::new(py.detach(|| self.0.agent(reference, options.0)))
    }

    /// The agent that a text refers to; the task ends with an [`Agent`].
    fn agent_of_text(&self, py: Python<'_>, reference: Text<'_>, options: Text<'_>) -> Task {
        let reference = AgentRef::Text(reference.0.to_owned());
        Task::new(py.detach(|| self.0.agent(reference, options.0)))
    }

    /// The agent of a spec file, whatever the file is called; the task ends with an [`Agent`].
    fn agent_of_path(&self, py: Python<'_>, path: Text<'_>, options: Text<'_>) -> Task {
        let reference = AgentRef::Path(PathBuf::from(path.0));
        Task::new(py.detach(|| self.0.agent(reference, options.0)))
    }

    /// Everything that can be said of a spec in this kernel, as a JSON array.
    fn check(&self, py: Python<'_>, spec: &Spec) -> Task {
        Task::new(py.detach(|| self.0.check(&spec.0)))
    }

    fn specs(&self) -> Specs {
        Specs(self.0.specs())
    }

    fn collection(&self, py: Python<'_>, name: Text<'_>) -> PyResult<Collection> {
        self.0.collection(name.0).map(Collection).or_raise(py)
    }

    fn call_tool(&self, py: Python<'_>, name: Text<'_>, arguments: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.call_tool(name.0, arguments.0)))
    }

    fn run_events(&self, py: Python<'_>, run_id: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.run_events(run_id.0)))
    }

    /// What the tenant has and did, as JSON.
    fn usage(&self, py: Python<'_>, days: u32) -> Task {
        Task::new(py.detach(|| self.0.usage(days)))
    }

    fn backup(&self, py: Python<'_>, path: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.backup(path.0)))
    }

    /// Every setting that holds, or that holds for a spec, and why, as a JSON array.
    #[pyo3(signature = (spec=None))]
    fn config(&self, py: Python<'_>, spec: Option<&Spec>) -> PyResult<String> {
        py.detach(|| self.0.config(spec.map(|spec| &spec.0))).or_raise(py)
    }

    fn close(&self, py: Python<'_>) -> Task {
        Task::new(py.detach(|| self.0.close()))
    }
}

/// An agent made from a spec.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Agent(pub(crate) HostAgent);

#[pymethods]
impl Agent {
    #[getter]
    fn spec(&self) -> Spec {
        Spec(self.0.spec().clone())
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn model(&self) -> &str {
        self.0.model()
    }

    fn start(&self, py: Python<'_>, input: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.start(input.0, options.0)))
    }
}

/// A collection of documents.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Collection(HostCollection);

#[pymethods]
impl Collection {
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    fn ingest(&self, py: Python<'_>, path: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.ingest(path.0, options.0)))
    }

    fn search(&self, py: Python<'_>, query: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.search(query.0, options.0)))
    }

    fn documents(&self, py: Python<'_>) -> Task {
        Task::new(py.detach(|| self.0.documents()))
    }
}
