//! `aikit_error`: what went wrong, as C reads it.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use aikit::error::Error;

use crate::wall::shield;

/// What a call answers: AIKIT_OK (0), or one of the numbers above.
pub type aikit_status = i32;

/// What went wrong, where, and what to do about it. Owned by whoever received it, until
/// aikit_error_free. Immutable, so any number of threads may read one.
pub struct aikit_error {
    error: Error,
    code: CString,
    message: CString,
    path: Option<CString>,
    hint: Option<CString>,
    cause: Option<CString>,
    request_id: Option<CString>,
    json: OnceLock<CString>,
}

/// Text for C. A NUL inside would cut it short, so the replacement character stands for it.
pub(crate) fn c_text(text: &str) -> CString {
    let text = if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text.to_owned() };
    CString::new(text).unwrap_or_default()
}

impl aikit_error {
    pub(crate) fn new(error: Error) -> Self {
        Self {
            code: c_text(error.code().as_str()),
            message: c_text(error.message()),
            path: error.path().map(c_text),
            hint: error.hint_text().map(c_text),
            cause: error.cause().map(c_text),
            request_id: error.answer().and_then(|a| a.request_id.as_deref()).map(c_text),
            json: OnceLock::new(),
            error,
        }
    }
}

/// Reads a field of an error that may be NULL.
///
/// # Safety
/// `error` is NULL or an error that was not freed.
unsafe fn read<'a, T>(
    error: *const aikit_error,
    absent: T,
    field: impl FnOnce(&'a aikit_error) -> T,
) -> T
where
    T: Copy,
{
    // SAFETY: the caller's promise.
    let error = unsafe { error.as_ref() };
    shield(absent, || error.map_or(absent, field))
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// The stable word of the error, for instance "spec_invalid": the same in every language. Borrowed
/// from the error. NULL for a NULL error. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_code(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| e.code.as_ptr()) }
}

/// The number of the error: the status that the call answered. AIKIT_OK for a NULL error. Thread
/// safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_number(error: *const aikit_error) -> aikit_status {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, crate::wall::OK, |e| e.error.code() as aikit_status) }
}

/// What happened, in a sentence. Borrowed from the error. NULL for a NULL error. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_message(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| e.message.as_ptr()) }
}

/// Where it happened: a file, or a JSON pointer into the document. Borrowed from the error. NULL if
/// that is not known. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_path(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| pointer(e.path.as_ref())) }
}

/// The line in the document, from 1; 0 if that is not known. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_line(error: *const aikit_error) -> u32 {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, 0, |e| e.error.line().unwrap_or(0)) }
}

/// The column in the line, from 1, in characters; 0 if that is not known. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_column(error: *const aikit_error) -> u32 {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, 0, |e| e.error.column().unwrap_or(0)) }
}

/// What to do about it. Borrowed from the error. NULL if that is not known. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_hint(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| pointer(e.hint.as_ref())) }
}

/// Whether the same call may succeed later without a change by the caller. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_retryable(error: *const aikit_error) -> bool {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, false, |e| e.error.retryable()) }
}

/// What lay beneath, as text: a message of the system, a traceback. Borrowed from the error. NULL if
/// there is nothing. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_cause(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| pointer(e.cause.as_ref())) }
}

/// The HTTP status of a model provider's answer; 0 if there was none. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_http_status(error: *const aikit_error) -> u32 {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, 0, |e| e.error.answer().and_then(|a| a.status).map_or(0, u32::from)) }
}

/// The model provider's id of the exchange, for its support. Borrowed from the error. NULL if that
/// is not known. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_request_id(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe { read(error, ptr::null(), |e| pointer(e.request_id.as_ref())) }
}

/// The seconds that a model provider asked to wait; negative if it did not say. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_retry_after(error: *const aikit_error) -> f64 {
    // SAFETY: the header's rules for errors.
    unsafe {
        read(error, -1.0, |e| {
            e.error.answer().and_then(|a| a.retry_after).map_or(-1.0, |wait| wait.as_secs_f64())
        })
    }
}

/// The whole error as a JSON object: code, message, retryable and, where known, path, line, column,
/// hint, cause, status, request_id, retry_after and diagnostics (all findings about a spec).
/// Borrowed from the error. NULL for a NULL error. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_json(error: *const aikit_error) -> *const c_char {
    // SAFETY: the header's rules for errors.
    unsafe {
        read(error, ptr::null(), |e| {
            e.json.get_or_init(|| c_text(&e.error.to_json().to_string())).as_ptr()
        })
    }
}

/// Frees an error and sets the pointer to NULL. Does nothing for NULL and for a pointer to NULL.
/// Texts borrowed from the error are gone afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_error_free(error: *mut *mut aikit_error) {
    shield((), || {
        if error.is_null() {
            return;
        }
        // SAFETY: not NULL, so it can be read and written, and holds NULL or an error of ours.
        let owned = unsafe { error.replace(ptr::null_mut()) };
        if !owned.is_null() {
            // SAFETY: made by `Box::into_raw` in `wall::guard`, and not freed before.
            drop(unsafe { Box::from_raw(owned) });
        }
    });
}
