//! Core errors as exceptions: the classes are made in `aikit._errors`, from the same table.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception for an error of the core's.
pub(crate) fn exception(py: Python<'_>, error: &aikit::Error) -> PyErr {
    static FROM_JSON: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FROM_JSON
        .get_or_try_init(py, || Ok(py.import("aikit._errors")?.getattr("from_json")?.unbind()))
        .and_then(|from_json| from_json.call1(py, (error.to_json().to_string(),)))
        .map_or_else(
            // Raising must not fail for another reason than the error itself.
            |failure| failure,
            |exception| PyErr::from_value(exception.into_bound(py)),
        )
}

/// Gives results of the core the shape that Python functions return.
pub(crate) trait OrRaise<T> {
    /// The value, or the error as an exception.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for aikit::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}
