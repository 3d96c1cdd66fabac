//! Specs: parsed, checked and read here, without a kernel and without a thread.

use std::path::Path;

use pyo3::prelude::*;

use crate::errors::OrRaise;
use crate::text::Text;

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

    /// The findings, as a JSON array.
    fn check(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0.check())
            .map_err(|e| aikit::Error::invalid_argument(e.to_string()))
            .or_raise(py)
    }

    /// The whole document, as JSON.
    fn to_json(&self) -> String {
        self.0.to_json().to_string()
    }
}

/// Parses a spec from YAML or JSON text.
#[pyfunction]
pub(crate) fn parse_spec(py: Python<'_>, text: Text<'_>) -> PyResult<Spec> {
    py.detach(|| aikit::spec::Spec::parse(text.0)).map(Spec).or_raise(py)
}

/// Reads a spec from a file.
#[pyfunction]
pub(crate) fn load_spec(py: Python<'_>, path: Text<'_>) -> PyResult<Spec> {
    py.detach(|| aikit::spec::Spec::read(Path::new(path.0))).map(Spec).or_raise(py)
}
