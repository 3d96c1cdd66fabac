//! Watched runs: a thread for each that takes from the run and calls the host back.

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aikit::error::{Code, Error, Result};

use crate::failure::{aikit_error, aikit_status};
use crate::registry;
use crate::run::{Next, Run, aikit_run};
use crate::text::with_nul;
use crate::tool::{UserData, aikit_finalizer};
use crate::wall::{OK, caught, guard, not_null};

/// Told of an event. `event` is a JSON object, borrowed for the time of the call and followed by a
/// NUL. Must not throw.
pub type aikit_event_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const c_char, event_len: usize)>;

/// Told of the end of a run. With AIKIT_OK `result` is a JSON object as described at
/// aikit_agent_run, followed by a NUL, and `error` is NULL; else `result` is NULL. Both are borrowed
/// for the time of the call: `error` must not be freed. Must not throw.
pub type aikit_end_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        status: aikit_status,
        result: *const c_char,
        result_len: usize,
        error: *const aikit_error,
    ),
>;

/// What is called for a watched run. Set everything to zero first, then `struct_size` to the size of
/// this struct, then what is wanted. Copied by aikit_run_watch.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct aikit_run_callbacks {
    /// sizeof(aikit_run_callbacks), by which a newer library sees how much an older program knows.
    pub struct_size: usize,
    /// Handed to the callbacks.
    pub user_data: *mut c_void,
    /// Called for each event, in order. May be NULL.
    pub on_event: aikit_event_callback,
    /// Called exactly once, after the last event. May be NULL.
    pub on_end: aikit_end_callback,
    /// Called exactly once, after everything else. May be NULL.
    pub finalizer: aikit_finalizer,
}

/// The callbacks of one run.
struct Watcher {
    on_event: aikit_event_callback,
    on_end: aikit_end_callback,
    user: UserData,
}

/// Watchers that have not called their finalizer yet.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// Counts one watcher, from before its thread starts until after its finalizer.
struct Counted;

impl Counted {
    fn new() -> Self {
        WATCHERS.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        WATCHERS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Waits until all watchers have ended, at most so long; gives how many have not.
pub(crate) fn settle(timeout: Duration) -> usize {
    let deadline = Instant::now() + timeout;
    loop {
        let left = WATCHERS.load(Ordering::Acquire);
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Watcher {
    /// Takes from the run until its end.
    fn watch(self, run: &Run) {
        let result = caught(|| self.pass_on(run)).and_then(|result| result);
        let Some(on_end) = self.on_end else { return };
        let data = self.user.data;
        match result {
            Ok(json) => {
                let len = json.len();
                let json = with_nul(json);
                // SAFETY: the host gave the function together with the data.
                unsafe { on_end(data, OK, json.as_ptr().cast::<c_char>(), len, ptr::null()) };
            }
            Err(error) => {
                let error = aikit_error::new(error);
                // SAFETY: as above; the error lives until the call returns.
                unsafe {
                    let number = crate::failure::aikit_error_number(&raw const error);
                    on_end(data, number, ptr::null(), 0, &raw const error);
                }
            }
        }
    }

    fn pass_on(&self, run: &Run) -> Result<String> {
        let mut taker = run.taker()?;
        while let Next::Event(event) = taker.next(None)? {
            let Some(on_event) = self.on_event else { continue };
            let len = event.len();
            let event = with_nul(event);
            // SAFETY: the host gave the function together with the data.
            unsafe { on_event(self.user.data, event.as_ptr().cast::<c_char>(), len) };
        }
        taker.result(None)
    }
}

/// Has a run watched by a thread of its own, which takes its events and calls its tools, then the
/// callbacks. Does not wait. All callbacks of one run come one after the other on that thread, and
/// may call everything but aikit_shutdown. A slow callback holds the run back, and nothing is lost.
///
/// The finalizer of `callbacks` fires exactly once if `callbacks` could be read: after the end of
/// the run (finished, failed, cancelled), or before this function returns if it fails; so
/// `user_data` belongs to aikit from this call on. Errors: AIKIT_INVALID_ARGUMENT for a NULL
/// `callbacks`, a wrong struct_size, or a process without threads left; AIKIT_INVALID_HANDLE. That
/// something else takes from the run is told to `on_end`. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_run_watch(
    run: aikit_run,
    callbacks: *const aikit_run_callbacks,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        not_null(callbacks, "callbacks")?;
        // SAFETY: not NULL, and starts with its size by the header's rules; only that is read here.
        let size = unsafe { (&raw const (*callbacks).struct_size).read() };
        if size < size_of::<aikit_run_callbacks>() {
            return Err(Error::invalid_argument(format!(
                "callbacks.struct_size is {size}, and at least {} is needed",
                size_of::<aikit_run_callbacks>()
            ))
            .hint("set it to sizeof(aikit_run_callbacks)"));
        }
        // SAFETY: as large as the size says.
        let callbacks = unsafe { callbacks.read() };
        let counted = Counted::new();
        let watcher = Watcher {
            on_event: callbacks.on_event,
            on_end: callbacks.on_end,
            user: UserData::new(callbacks.user_data, callbacks.finalizer),
        };
        let run = registry::get::<Arc<Run>>(run)?;
        let thread = std::thread::Builder::new().name("aikit-watch".into());
        let work = move || {
            // Dropped in this order: the run, whose kernel may call finalizers, then the count.
            let (_counted, run) = (counted, run);
            watcher.watch(&run);
        };
        thread
            .spawn(work)
            .map(drop)
            .map_err(|e| Error::new(Code::InvalidArgument, "no thread can be started").caused_by(e))
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}
