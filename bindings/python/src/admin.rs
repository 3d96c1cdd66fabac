//! Administration: each operation is named, and handed out as a [`Task`].

use aikit::host::HostAdmin;
use pyo3::prelude::*;

use crate::task::Task;
use crate::text::Text;

/// Opens a store for administration; the task ends with an [`Admin`].
#[pyfunction]
pub(crate) fn open_admin(py: Python<'_>, options: Text<'_>) -> Task {
    Task::new(py.detach(|| HostAdmin::open(options.0)))
}

/// A store that is open for administration.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Admin(pub(crate) HostAdmin);

#[pymethods]
impl Admin {
    /// Does an operation; its arguments and the document that the task ends with are JSON.
    fn call(&self, py: Python<'_>, operation: Text<'_>, arguments: Text<'_>) -> Task {
        Task::new(py.detach(|| self.0.call(operation.0, arguments.0)))
    }

    fn close(&self, py: Python<'_>) -> Task {
        Task::new(py.detach(|| self.0.close()))
    }
}
