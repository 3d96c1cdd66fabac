//! The native half of the Python package `aikit`.
//!
//! It is private to the package: documents cross as JSON text, an operation under way is a
//! [`task::Task`], and what a user sees (typed records, exceptions, the two families) is made of
//! them in Python.

mod admin;
mod errors;
mod session;
mod spec;
mod specs;
mod task;
mod text;

use std::time::Duration;

use pyo3::prelude::*;

/// Cancels what is in flight and waits for its end, at most `seconds`. Gives how many operations
/// were left.
#[pyfunction]
fn shutdown(py: Python<'_>, seconds: f64) -> usize {
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| aikit::io::shutdown(timeout))
}

/// The error codes as `(word, name, number, retryable, meaning)`, in the order of their numbers.
fn codes() -> Vec<(&'static str, String, i32, bool, &'static str)> {
    aikit::Code::ALL
        .iter()
        .map(|code| {
            let name = format!("{code:?}");
            (code.as_str(), name, *code as i32, code.retryable(), code.meaning())
        })
        .collect()
}

#[pymodule]
fn _aikit(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", aikit::host::version())?;
    module.add("CODES", codes())?;
    module.add("ADMIN_OPERATIONS", aikit::host::ADMIN_OPERATIONS.to_vec())?;
    module.add_class::<admin::Admin>()?;
    module.add_class::<session::Agent>()?;
    module.add_class::<session::Collection>()?;
    module.add_class::<session::Kernel>()?;
    module.add_class::<spec::Spec>()?;
    module.add_class::<specs::Specs>()?;
    module.add_class::<task::Task>()?;
    module.add_class::<task::ToolCall>()?;
    module.add_function(wrap_pyfunction!(session::open, module)?)?;
    module.add_function(wrap_pyfunction!(admin::open_admin, module)?)?;
    module.add_function(wrap_pyfunction!(spec::parse_spec, module)?)?;
    module.add_function(wrap_pyfunction!(spec::load_spec, module)?)?;
    module.add_function(wrap_pyfunction!(spec::diagnose, module)?)?;
    module.add_function(wrap_pyfunction!(spec::edit_spec, module)?)?;
    module.add_function(wrap_pyfunction!(spec::import_spec, module)?)?;
    module.add_function(wrap_pyfunction!(spec::spec_schema, module)?)?;
    module.add_function(wrap_pyfunction!(shutdown, module)?)
}
