//! An operation under way, as Python takes steps from it: blocking in slices, or behind its
//! descriptor.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aikit::host::{AnyTask, HostCall, Outcome, QUEUE_LIMIT, Step};
use aikit::{Code, Error};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

use crate::admin::Admin;
use crate::errors::{OrRaise, exception};
use crate::session::{Agent, Kernel};
use crate::spec::Spec;
use crate::text::Text;

/// How long a wait may last before signal handlers get their turn: Ctrl-C is to be felt within
/// 100 ms.
const SLICE: Duration = Duration::from_millis(50);

fn to_object(py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
    match outcome {
        Outcome::Kernel(kernel) => Kernel(kernel).into_py_any(py),
        Outcome::Agent(agent) => Agent(agent).into_py_any(py),
        Outcome::Admin(admin) => Admin(admin).into_py_any(py),
        Outcome::Spec(spec) => Spec(spec).into_py_any(py),
        Outcome::Json(json) => json.into_py_any(py),
        Outcome::Nothing => Ok(py.None()),
    }
}

/// A step that Python has to act on.
enum Taken {
    Event(String),
    Call(HostCall),
}

/// An operation under way. Its end is kept, so a batch that an exception swallowed (a signal handler
/// may raise between any two instructions of Python's) never loses it.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct Task {
    operation: Box<dyn AnyTask>,
    end: OnceLock<aikit::Result<Outcome>>,
}

impl Task {
    pub(crate) fn new(task: impl AnyTask + 'static) -> Self {
        Self { operation: Box::new(task), end: OnceLock::new() }
    }

    /// Everything that is there, after waiting at most `patience` for the first step.
    fn batch(&self, patience: Duration, events: bool) -> Vec<Taken> {
        let mut batch = Vec::new();
        let mut step = if patience.is_zero() {
            self.operation.try_next()
        } else {
            self.operation.next(Some(patience))
        };
        loop {
            match step {
                Step::Event(event) => {
                    if events {
                        batch.push(Taken::Event(event.to_json()));
                    }
                }
                Step::ToolCall(call) => batch.push(Taken::Call(call)),
                Step::Done(result) => {
                    // Set once: the core gives the end once.
                    let _ = self.end.set(result);
                    return batch;
                }
                Step::Pending | Step::Ended => return batch,
            }
            if batch.len() >= QUEUE_LIMIT {
                return batch;
            }
            step = self.operation.try_next();
        }
    }
}

fn to_python(py: Python<'_>, batch: Vec<Taken>) -> PyResult<Vec<Py<PyAny>>> {
    batch
        .into_iter()
        .map(|taken| match taken {
            Taken::Event(json) => json.into_py_any(py),
            Taken::Call(call) => ToolCall::new(call).into_py_any(py),
        })
        .collect()
}

#[pymethods]
impl Task {
    /// Waits for steps and gives them: event texts and tool calls. Empty only at the end. Without
    /// `events` they are passed over. A signal handler that raises cancels the operation.
    fn wait(&self, py: Python<'_>, events: bool) -> PyResult<Vec<Py<PyAny>>> {
        loop {
            let batch = py.detach(|| self.batch(SLICE, events));
            if !batch.is_empty() || self.end.get().is_some() {
                return to_python(py, batch);
            }
            py.check_signals().inspect_err(|_| self.operation.cancel())?;
        }
    }

    /// The steps that are there now.
    fn poll(&self, py: Python<'_>, events: bool) -> PyResult<Vec<Py<PyAny>>> {
        to_python(py, self.batch(Duration::ZERO, events))
    }

    /// Whether the end was reached.
    #[getter]
    fn ended(&self) -> bool {
        self.end.get().is_some()
    }

    /// What the operation ended with, or its error as an exception. Only after the end.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.end.get() {
            Some(Ok(outcome)) => to_object(py, outcome.clone()),
            Some(Err(error)) => Err(exception(py, error)),
            None => Err(exception(py, &Error::invalid_argument("the operation has not ended"))),
        }
    }

    /// The descriptor that is readable while [`Task::poll`] has something.
    fn fd(&self, py: Python<'_>) -> PyResult<i32> {
        self.operation.fd().or_raise(py)
    }

    /// Asks the operation to stop. Idempotent, from any thread.
    fn cancel(&self) {
        self.operation.cancel();
    }
}

/// A call of a tool of the host's. Answered once; dropped without an answer, it fails.
#[pyclass(frozen, module = "aikit._aikit")]
pub(crate) struct ToolCall {
    name: String,
    call: Mutex<Option<HostCall>>,
}

impl ToolCall {
    fn new(call: HostCall) -> Self {
        Self { name: call.name.clone(), call: Mutex::new(Some(call)) }
    }

    fn take(&self) -> Option<HostCall> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[pymethods]
impl ToolCall {
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The arguments, a JSON object.
    #[getter]
    fn arguments(&self) -> String {
        self.call
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map_or_else(|| "{}".to_owned(), |call| call.arguments.to_string())
    }

    /// Answers with a result, given as JSON.
    fn succeed(&self, py: Python<'_>, json: Text<'_>) -> PyResult<()> {
        let result = serde_json::from_str(json.0)
            .map_err(|e| Error::new(Code::InvalidArgument, format!("not JSON: {e}")))
            .or_raise(py)?;
        if let Some(call) = self.take() {
            call.succeed(result);
        }
        Ok(())
    }

    /// Answers with a failure, which the model sees.
    #[pyo3(signature = (message, cause=None))]
    fn fail(&self, message: Text<'_>, cause: Option<Text<'_>>) {
        if let Some(call) = self.take() {
            call.fail(message.0, cause.map(|cause| cause.0));
        }
    }
}
