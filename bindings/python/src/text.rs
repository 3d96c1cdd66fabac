//! Text from Python.

use aikit::{Code, Error};
use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;

use crate::errors::exception;

/// A `str` argument. A Python `str` may hold lone surrogates, which no UTF-8 text can; such a text
/// is refused with `InvalidUtf8`.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl<'a, 'py> FromPyObject<'a, 'py> for Text<'a> {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let py = object.py();
        <&'a str>::extract(object).map(Self).map_err(|failure| {
            if !failure.is_instance_of::<PyUnicodeEncodeError>(py) {
                return failure;
            }
            let error = Error::new(Code::InvalidUtf8, "the text holds a lone surrogate")
                .caused_by(failure)
                .hint("decode the bytes it came from with their real encoding");
            exception(py, &error)
        })
    }
}
