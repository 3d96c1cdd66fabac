//! Runs: waiting for the end, taking events, cancelling.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use aikit::error::{Code, Error, Result};
use aikit::host::{Step, Task};
use aikit::io::Mutex;

use crate::calls::Calls;
use crate::failure::{aikit_error, aikit_status};
use crate::kernel::Kernel;
use crate::registry::{self, Object};
use crate::text::{aikit_bytes, give};
use crate::wall::{answer, guard, not_null, shield};

/// A run: one question to an agent, under way or ended.
pub type aikit_run = u64;

/// What aikit_run_next_event has: nothing within the time allowed.
pub const AIKIT_NEXT_PENDING: i32 = 0;
/// What aikit_run_next_event has: an event.
pub const AIKIT_NEXT_EVENT: i32 = 1;
/// What aikit_run_next_event has: all events were taken. aikit_run_wait has the result.
pub const AIKIT_NEXT_ENDED: i32 = 2;

/// A run and how far it was taken.
pub(crate) struct Run {
    pub(crate) task: Task<String>,
    calls: Calls,
    taking: Mutex<Outcome>,
}

/// The end of a run.
enum Outcome {
    Ahead,
    Here(Result<String>),
    Taken,
}

/// What there is to take.
pub(crate) enum Next {
    Event(String),
    Pending,
    Ended,
}

/// The right to take from a run; one thread has it at a time.
pub(crate) struct Taker<'a> {
    run: &'a Run,
    outcome: MutexGuard<'a, Outcome>,
}

impl Run {
    pub(crate) fn new(task: Task<String>, kernel: Arc<Kernel>) -> Self {
        Self { task, calls: Calls::new(kernel), taking: Mutex::new(Outcome::Ahead) }
    }

    pub(crate) fn taker(&self) -> Result<Taker<'_>> {
        let outcome = self.taking.try_lock().ok_or_else(|| {
            Error::invalid_argument("something else is taking from this run already")
                .hint("take from a run on one thread at a time, or watch it, and not in its tools")
        })?;
        Ok(Taker { run: self, outcome })
    }

    /// The result, waiting at most so long.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> Result<String> {
        self.taker()?.result(timeout)
    }
}

impl Taker<'_> {
    /// The next event, waiting at most so long. Tools are served meanwhile, on this thread.
    pub(crate) fn next(&mut self, timeout: Option<Duration>) -> Result<Next> {
        if !matches!(*self.outcome, Outcome::Ahead) {
            return Ok(Next::Ended);
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.run.task.next(left) {
                Step::Event(event) => return Ok(Next::Event(event.to_json())),
                Step::ToolCall(call) => self.run.calls.serve(call),
                Step::Pending => return Ok(Next::Pending),
                // Not the run's end but this process's: the answer is the same every time.
                Step::Done(Err(error)) if error.code() == Code::Forked => return Err(error),
                Step::Done(result) => {
                    self.run.calls.settle();
                    *self.outcome = Outcome::Here(result);
                    return Ok(Next::Ended);
                }
                Step::Ended => return Ok(Next::Ended),
            }
        }
    }

    /// The result, waiting at most so long; events are passed over.
    pub(crate) fn result(&mut self, timeout: Option<Duration>) -> Result<String> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match self.next(left)? {
                Next::Event(_) => {}
                Next::Pending => {
                    return Err(Error::new(Code::Timeout, "the run has not ended yet")
                        .hint("call again, or cancel the run"));
                }
                Next::Ended => break,
            }
        }
        match std::mem::replace(&mut *self.outcome, Outcome::Taken) {
            Outcome::Here(result) => result,
            Outcome::Ahead | Outcome::Taken => {
                Err(Error::new(Code::RunEnded, "the result of this run was already taken"))
            }
        }
    }
}

/// Milliseconds from C: negative means for ever.
fn time(milliseconds: i64) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// Waits for the end of a run, at most `timeout_ms` milliseconds; a negative number means for ever.
/// Events are passed over. Tools of the host's run on this thread.
///
/// On success the caller owns `*result`, as described at aikit_agent_run; the result is given once.
/// A cancelled run succeeds with status "cancelled" and what there was until then. Errors:
/// AIKIT_TIMEOUT if the run goes on (call again) or its own timeout_ms ran out (then the run has
/// ended), AIKIT_RUN_ENDED if the result was taken before, those of aikit_agent_run,
/// AIKIT_INVALID_ARGUMENT if another thread takes from this run. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_wait(
    run: aikit_run,
    timeout_ms: i64,
    result: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(result, "result", error, || registry::get::<Arc<Run>>(run)?.wait(time(timeout_ms)))
    }
}

/// Takes the next event of a run, waiting at most `timeout_ms` milliseconds; 0 does not wait, a
/// negative number means for ever. Tools of the host's run on this thread.
///
/// On success `*state` is AIKIT_NEXT_EVENT, and the caller owns `*event`, a JSON object with type,
/// run_id, seq and the fields of its type; or AIKIT_NEXT_PENDING or AIKIT_NEXT_ENDED, and `*event`
/// is empty. How the run ended is told by its last event and by aikit_run_wait. Errors:
/// AIKIT_INVALID_ARGUMENT if another thread takes from this run, AIKIT_INVALID_HANDLE,
/// AIKIT_FORKED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_next_event(
    run: aikit_run,
    timeout_ms: i64,
    state: *mut i32,
    event: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        not_null(state, "state")?;
        not_null(event, "event")?;
        let run = registry::get::<Arc<Run>>(run)?;
        let next = run.taker()?.next(time(timeout_ms))?;
        // SAFETY: the header's rules for places to write to; both are not NULL.
        unsafe {
            event.write(aikit_bytes::EMPTY);
            state.write(match next {
                Next::Event(json) => {
                    give(event, json);
                    AIKIT_NEXT_EVENT
                }
                Next::Pending => AIKIT_NEXT_PENDING,
                Next::Ended => AIKIT_NEXT_ENDED,
            });
        }
        Ok(())
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// A descriptor that is readable while aikit_run_next_event has something to do: an event, a tool
/// call, or the end. For poll, epoll and event loops: when it is readable, call aikit_run_next_event
/// with timeout 0 until it answers AIKIT_NEXT_PENDING or AIKIT_NEXT_ENDED.
///
/// On success `*fd` is owned by the run: watch it, neither read nor close it, and stop watching it
/// before the run is freed. Errors: AIKIT_INVALID_HANDLE, AIKIT_INVALID_ARGUMENT if the process has
/// no descriptor left. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_fd(
    run: aikit_run,
    fd: *mut i32,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        not_null(fd, "fd")?;
        let number = registry::get::<Arc<Run>>(run)?.task.fd()?;
        // SAFETY: the header's rules for places to write to; not NULL.
        unsafe { fd.write(number) };
        Ok(())
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Asks a run to stop. It ends soon after with the event run_cancelled and a result with status
/// "cancelled". Does not wait. Cancelling twice, or after the end, is no error.
///
/// Errors: AIKIT_INVALID_HANDLE. Thread safe: from any thread, also while another one waits, and
/// from callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_cancel(
    run: aikit_run,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        registry::get::<Arc<Run>>(run)?.task.cancel();
        Ok(())
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Frees a run and sets the handle to 0. A run that has not ended is cancelled; of a watched run the
/// callbacks still see that end. Does nothing for NULL and for a handle that is not one of a run.
/// Thread safe; also while another thread waits for the run, and from callbacks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_free(run: *mut aikit_run) {
    shield((), || {
        // SAFETY: the header's rules for handles.
        unsafe {
            if let Some(handle) = run.as_ref()
                && let Ok(found) = registry::get::<Arc<Run>>(*handle)
            {
                // Whoever takes from the run keeps it alive, so dropping ours would not cancel it.
                found.task.cancel();
            }
            registry::free(run, |object| matches!(object, Object::Run(_)));
        }
    });
}
