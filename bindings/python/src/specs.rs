//! The spec repository: each operation is handed out as a [`Task`].

use aikit::host::HostSpecs;
use pyo3::prelude::*;

use crate::spec::Spec;
use crate::task::Task;
use crate::text::Text;

/// The spec repository of a kernel's tenant.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Specs(pub(crate) HostSpecs);

#[pymethods]
impl Specs {
    fn save(&self, py: Python<'_>, spec: &Spec, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.save(&spec.0, options.0)))
    }

    fn get(&self, py: Python<'_>, reference: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.get(reference.0)))
    }

    /// The task ends with a [`Spec`].
    fn load(&self, py: Python<'_>, reference: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.load(reference.0)))
    }

    fn list(&self, py: Python<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.list(options.0)))
    }

    fn history(&self, py: Python<'_>, agent_id: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.history(agent_id.0)))
    }

    fn diff(&self, py: Python<'_>, a: Text<'_>, b: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.diff(a.0, b.0)))
    }

    fn promote(&self, py: Python<'_>, reference: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.promote(reference.0, options.0)))
    }

    fn deprecate(&self, py: Python<'_>, reference: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.deprecate(reference.0, options.0)))
    }

    fn retire(&self, py: Python<'_>, reference: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.retire(reference.0, options.0)))
    }

    fn delete(&self, py: Python<'_>, reference: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.delete(reference.0, options.0)))
    }

    fn export(&self, py: Python<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.export(options.0)))
    }

    /// `bundle` is JSON. `import` is a word of Python's own.
    fn import_(&self, py: Python<'_>, bundle: Text<'_>, options: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.import(bundle.0, options.0)))
    }
}
