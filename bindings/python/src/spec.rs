//! Specs: parsed, checked, compared and written here, without a kernel and without a thread.

use std::path::Path;

use aikit::host;
use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::text::Text;

// A spec may have 2 MiB: other threads of Python go on while it is read, hashed or written.

/// A parsed spec.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Spec(pub(crate) aikit::spec::Spec);

#[pymethods]
impl Spec {
    #[getter]
    fn agent_id(&self) -> &str {
        self.0.agent_id()
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn version(&self) -> &str {
        self.0.version()
    }

    #[getter]
    fn model(&self) -> &str {
        self.0.model()
    }

    #[getter]
    fn hash(&self, py: Python<'_>) -> &str {
        py.detach(|| self.0.hash())
    }

    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    /// The findings, as a JSON array.
    fn check(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0.check())
            .map_err(|e| aikit::Error::invalid_argument(e.to_string()))
            .or_raise(py)
    }

    fn render(&self, py: Python<'_>, format: Text<'_>) -> PyResult<String> {
        py.detach(|| host::render_spec(&self.0, format.0)).or_raise(py)
    }

    /// What differs in the other spec, as a JSON array.
    fn diff(&self, py: Python<'_>, other: &Self) -> PyResult<String> {
        py.detach(|| host::diff_specs(&self.0, &other.0)).or_raise(py)
    }

    /// The whole document, as JSON.
    fn to_json(&self) -> String {
        self.0.to_json().to_string()
    }
}

/// Parses a spec from YAML or JSON text.
#[pyfunction]
pub(crate) fn parse_spec(py: Python<'_>, text: Text<'_>, options: Text<'_>) -> PyResult<Spec> {
    py.detach(|| host::parse_spec(text.0, options.0)).map(Spec).or_raise(py)
}

/// Reads a spec from a file.
#[pyfunction]
pub(crate) fn load_spec(py: Python<'_>, path: Text<'_>) -> PyResult<Spec> {
    py.detach(|| aikit::spec::Spec::read(Path::new(path.0))).map(Spec).or_raise(py)
}

/// Everything that can be said of a text, as JSON.
#[pyfunction]
pub(crate) fn diagnose(py: Python<'_>, text: Text<'_>, options: Text<'_>) -> PyResult<String> {
    py.detach(|| host::diagnose(text.0, options.0)).or_raise(py)
}

/// The text with one value set; `value` is JSON.
#[pyfunction]
pub(crate) fn edit_spec(
    py: Python<'_>,
    text: Text<'_>,
    pointer: Text<'_>,
    value: Text<'_>,
) -> PyResult<String> {
    py.detach(|| host::edit_spec(text.0, pointer.0, value.0)).or_raise(py)
}

/// Reads a neighbour's document; gives specs and a report, as JSON.
#[pyfunction]
pub(crate) fn import_spec(py: Python<'_>, text: Text<'_>, options: Text<'_>) -> PyResult<String> {
    py.detach(|| host::import_spec(text.0, options.0)).or_raise(py)
}

/// The JSON Schema of specs.
#[pyfunction]
pub(crate) fn spec_schema() -> String {
    host::spec_schema()
}
