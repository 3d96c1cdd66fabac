//! Tools whose work is done by a callback of the host's.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use aikit::error::{Code, Error, Result};
use aikit::host::HostCall;

use crate::calls::Calls;
use crate::failure::{aikit_error, aikit_status};
use crate::kernel::{self, Kernel, aikit_kernel};
use crate::registry::{self, Object};
use crate::text::{aikit_bytes, text};
use crate::wall::{answer, guard};

/// The answer that a call of a tool waits for. Valid until it is given, or until the operation that
/// called the tool has ended.
pub type aikit_reply = u64;

/// Does a tool's work. `arguments` is a JSON object that fits the tool's schema; it is borrowed for
/// the time of the call and followed by a NUL. The answer goes to `reply`, before the callback
/// returns or later, from any thread. Must not throw and must not jump out.
pub type aikit_tool_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        arguments: *const c_char,
        arguments_len: usize,
        reply: aikit_reply,
    ),
>;

/// Lets go of `user_data`. Called exactly once, from any thread, after the last use.
pub type aikit_finalizer = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The host's data and how it is let go of: exactly once, when this is dropped.
pub(crate) struct UserData {
    pub(crate) data: *mut c_void,
    finalizer: aikit_finalizer,
}

// SAFETY: the header says on which threads callbacks and finalizers run, and leaves the care of what
// the pointer points to with the host.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub(crate) fn new(data: *mut c_void, finalizer: aikit_finalizer) -> Self {
        Self { data, finalizer }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: the host gave the function together with the data.
            unsafe { finalizer(self.data) };
        }
    }
}

type Function = unsafe extern "C" fn(*mut c_void, *const c_char, usize, aikit_reply);

/// A tool's callback with its data.
pub(crate) struct Callback {
    function: Function,
    user: UserData,
}

impl Callback {
    pub(crate) fn call(&self, arguments: *const c_char, len: usize, reply: aikit_reply) {
        // SAFETY: the host gave the function for this; the arguments outlive the call.
        unsafe { (self.function)(self.user.data, arguments, len, reply) };
    }
}

/// Registers a tool; agents whose spec names it may use it.
///
/// `definition` is a JSON object: name, description, parameters (a JSON Schema of an object),
/// timeout_ms (default 30000: a call that is not answered by then fails with AIKIT_TOOL_TIMEOUT, and
/// the run goes on). The callback runs on the thread that waits for the run or takes its events; of
/// a watched run, on that run's watcher thread. So two runs that are taken from by two threads may
/// call it at the same time.
///
/// `finalizer` may be NULL. It fires exactly once: when the kernel, its agents and its runs are all
/// freed, or before this function returns if it fails. Errors: AIKIT_INVALID_ARGUMENT,
/// AIKIT_TOOL_EXISTS, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_tool_register(
    kernel: aikit_kernel,
    definition: *const c_char,
    definition_len: usize,
    callback: aikit_tool_callback,
    user_data: *mut c_void,
    finalizer: aikit_finalizer,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules, as they stand above.
    unsafe {
        register(
            kernel::Function::Tool,
            kernel,
            (definition, definition_len),
            callback,
            UserData::new(user_data, finalizer),
            error,
        )
    }
}

/// Registers a function that answers in the place of a model; specs name it `host/NAME`.
///
/// `definition` is a JSON object: name, timeout_ms (default 120000: an answer that is not there by then
/// fails the call with AIKIT_MODEL_UNAVAILABLE). The callback gets the request as its arguments:
/// model, messages ([{role, content, tool_calls, tool_call_id, name, is_error, images, reasoning}]),
/// tools ([{name, description, parameters}]), tool_choice, parallel_tool_calls and, where they are
/// set, temperature, top_p, max_tokens, stop, seed, reasoning_effort, output_schema,
/// provider_options. It answers with aikit_tool_reply_ok: a JSON text, which is the answer, or an
/// object with text, reasoning, tool_calls ([{name, arguments, id}]), usage ({input_tokens,
/// output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens}) and finish_reason, of
/// which text or tool_calls must be there; anything else fails the run with
/// AIKIT_MODEL_INVALID_RESPONSE. aikit_tool_reply_error fails the call with AIKIT_MODEL_UNAVAILABLE.
///
/// On which thread the callback runs, and when `finalizer` fires: as for aikit_tool_register. Errors:
/// AIKIT_INVALID_ARGUMENT (also for a name that is taken), AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
/// AIKIT_FORKED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_model_register(
    kernel: aikit_kernel,
    definition: *const c_char,
    definition_len: usize,
    callback: aikit_tool_callback,
    user_data: *mut c_void,
    finalizer: aikit_finalizer,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules, as they stand above.
    unsafe {
        register(
            kernel::Function::Model,
            kernel,
            (definition, definition_len),
            callback,
            UserData::new(user_data, finalizer),
            error,
        )
    }
}

/// # Safety
/// The header's rules for texts, callbacks and errors.
unsafe fn register(
    function: kernel::Function,
    kernel: aikit_kernel,
    (definition, definition_len): (*const c_char, usize),
    callback: aikit_tool_callback,
    user: UserData,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = move || {
        // From here on the data is let go of on every way out.
        let user = user;
        let work = callback.ok_or_else(|| Error::invalid_argument("callback must not be NULL"))?;
        let kernel = registry::get::<Arc<Kernel>>(kernel)?;
        // SAFETY: the caller's promise.
        let definition = unsafe { text(definition, definition_len, "definition") }?;
        kernel.register(function, definition, Callback { function: work, user })
    };
    // SAFETY: the caller's promise.
    unsafe { guard(error, body) }
}

/// Calls a registered tool directly and waits for its result. A tool of the host's runs on this
/// thread.
///
/// `arguments` is a JSON object or empty. On success the caller owns `*result`, JSON. Errors:
/// AIKIT_TOOL_UNKNOWN, AIKIT_TOOL_INVALID_ARGUMENTS, AIKIT_TOOL_FAILED, AIKIT_TOOL_TIMEOUT,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_tool_call(
    kernel: aikit_kernel,
    name: *const c_char,
    name_len: usize,
    arguments: *const c_char,
    arguments_len: usize,
    result: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(result, "result", error, || {
            let kernel = registry::get::<Arc<Kernel>>(kernel)?;
            let arguments = text(arguments, arguments_len, "arguments")?;
            let task = kernel.host.call_tool(text(name, name_len, "name")?, arguments);
            let calls = Calls::new(kernel);
            task.wait(|call| calls.serve(call))
        })
    }
}

/// Takes the call behind a reply; the handle is used up.
fn due(reply: aikit_reply) -> Result<HostCall> {
    let awaited = registry::reply_is_awaited(reply)?;
    match registry::remove(reply, |object| matches!(object, Object::Reply(_)))? {
        Some(Object::Reply(call)) if awaited => Ok(call),
        Some(_) => Err(Error::new(
            Code::ToolTimeout,
            "nobody waits for this reply any more: its time ran out, or its run was cancelled",
        )),
        None => Err(Error::new(Code::InvalidHandle, "the reply was given already")),
    }
}

/// Answers a call with a result: any JSON.
///
/// The handle is used up by the first answer, unless that is refused with AIKIT_INVALID_ARGUMENT or
/// AIKIT_INVALID_UTF8. Errors: AIKIT_INVALID_HANDLE (answered before, or the run has ended),
/// AIKIT_TOOL_TIMEOUT (nobody waits any more). Thread safe; also while the callback still runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_tool_reply_ok(
    reply: aikit_reply,
    result: *const c_char,
    result_len: usize,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        // SAFETY: the header's rules for texts.
        let result = unsafe { text(result, result_len, "result") }?;
        let result = serde_json::from_str(result).map_err(|e| {
            Error::invalid_argument(format!("the result of a tool must be JSON: {e}"))
                .hint("write a text with quotes and escapes, and nothing as null")
        })?;
        due(reply)?.succeed(result);
        Ok(())
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Answers a call with a failure. The model sees `message`; `cause` (may be empty) is kept in the
/// event. The run goes on.
///
/// The handle is used up by the first answer. Errors: as aikit_tool_reply_ok. Thread safe; also
/// while the callback still runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_tool_reply_error(
    reply: aikit_reply,
    message: *const c_char,
    message_len: usize,
    cause: *const c_char,
    cause_len: usize,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        // SAFETY: the header's rules for texts.
        let (message, cause) =
            unsafe { (text(message, message_len, "message")?, text(cause, cause_len, "cause")?) };
        due(reply)?.fail(message, (!cause.is_empty()).then_some(cause));
        Ok(())
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}
