//! How errors and text cross: an [`aikit::Error`] as an exception whose message is the error's JSON
//! document, and JavaScript's text as UTF-8, refused where it has no Unicode meaning.

use aikit::error::{Code, Error};
use napi::bindgen_prelude::Utf16String;

/// The `code` by which `lib/errors.js` knows that an exception's message is an error document.
#[derive(Clone, Copy, Debug)]
pub struct Marker;

impl AsRef<str> for Marker {
    fn as_ref(&self) -> &str {
        "AIKIT_ERROR"
    }
}

/// What native functions throw.
pub type Failure = napi::Error<Marker>;

pub(crate) fn thrown(error: &Error) -> Failure {
    Failure::new(Marker, error.to_json().to_string())
}

/// Reads a text of JavaScript's. Its strings may hold halves of surrogate pairs, which no text of
/// ours can; replacing them silently would search for, store or open something else than was meant.
pub(crate) fn text(what: &str, value: &Utf16String) -> Result<String, Failure> {
    String::from_utf16(value).map_err(|_| {
        thrown(&Error::new(Code::InvalidUtf8, format!("{what} is not valid Unicode text")).hint(
            "it holds half of a surrogate pair; cut texts between characters, not code units",
        ))
    })
}
