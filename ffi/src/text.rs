//! Text that comes in as pointer and length, and `aikit_bytes` that go out.

use std::ffi::{CStr, c_char};
use std::ptr;

use aikit::error::{Code, Error, Result};

use crate::wall::{not_null, shield};

/// As the length of a text: the text ends at its first NUL. (The header's test writes it out, as
/// cbindgen cannot say the greatest `size_t`.)
pub const AIKIT_TO_NUL: usize = usize::MAX;

/// Text that aikit gives away: UTF-8, owned by the caller until aikit_bytes_free. A NUL that `len`
/// does not count follows the text, so `data` can be printed as it is. Empty: `data` is NULL and
/// `len` is 0.
#[repr(C)]
pub struct aikit_bytes {
    /// The first byte, or NULL.
    pub data: *mut c_char,
    /// How many bytes, without the NUL behind them.
    pub len: usize,
}

impl aikit_bytes {
    pub(crate) const EMPTY: Self = Self { data: ptr::null_mut(), len: 0 };

    fn new(text: String) -> Self {
        let len = text.len();
        let owned = with_nul(text).into_boxed_slice();
        Self { data: Box::into_raw(owned).cast::<c_char>(), len }
    }
}

/// A text followed by a NUL.
pub(crate) fn with_nul(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.push(0);
    bytes
}

/// Frees what aikit gave away and empties the struct. Does nothing for NULL and for an empty one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_bytes_free(bytes: *mut aikit_bytes) {
    shield((), || {
        if bytes.is_null() {
            return;
        }
        // SAFETY: not NULL, so it can be read and written.
        let owned = unsafe { bytes.replace(aikit_bytes::EMPTY) };
        if !owned.data.is_null() {
            let whole = ptr::slice_from_raw_parts_mut(owned.data.cast::<u8>(), owned.len + 1);
            // SAFETY: made by `Box::into_raw` in `aikit_bytes::new`, of this length with its NUL.
            drop(unsafe { Box::from_raw(whole) });
        }
    });
}

/// Writes a text to where the caller wants it.
///
/// # Safety
/// `out` can be written; `not_null` was asked before.
pub(crate) unsafe fn give(out: *mut aikit_bytes, text: String) {
    // SAFETY: the caller's promise.
    unsafe { out.write(aikit_bytes::new(text)) };
}

/// The text at this pointer. NULL is the empty text if its length is 0.
///
/// # Safety
/// `data` is NULL or can be read for `len` bytes (up to its NUL if `len` is [`AIKIT_TO_NUL`]) for
/// as long as the answer is used.
pub(crate) unsafe fn text<'a>(data: *const c_char, len: usize, what: &str) -> Result<&'a str> {
    if len == 0 {
        return Ok("");
    }
    not_null(data, what)?;
    let bytes = if len == AIKIT_TO_NUL {
        // SAFETY: the caller promises a NUL.
        unsafe { CStr::from_ptr(data) }.to_bytes()
    } else if isize::try_from(len).is_err() {
        return Err(Error::invalid_argument(format!("{what} cannot have {len} bytes")));
    } else {
        // SAFETY: not NULL, not longer than a slice may be, and readable by the caller's promise.
        unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }
    };
    std::str::from_utf8(bytes).map_err(|error| {
        Error::new(
            Code::InvalidUtf8,
            format!("{what} is not valid UTF-8: byte {} does not fit", error.valid_up_to() + 1),
        )
        .hint("aikit takes text in UTF-8; encode other bytes first, for instance as base64")
    })
}
