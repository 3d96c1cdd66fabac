//! The library itself: its versions, the names of statuses, and its end.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use aikit::error::Code;

use crate::failure::{aikit_status, c_text};
use crate::wall::shield;
use crate::watch;

/// The version of the C ABI that this header describes: raised when a program must be compiled anew.
pub const AIKIT_ABI_VERSION: u32 = 1;

/// The version of the C ABI of the library that is loaded. Compare it with AIKIT_ABI_VERSION when
/// the library is loaded by hand. Thread safe; cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn aikit_abi_version() -> u32 {
    AIKIT_ABI_VERSION
}

/// The version of the library that is loaded, for instance "0.1.0". Static: never freed. Thread
/// safe; cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn aikit_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast::<c_char>()
}

/// The stable word of a status, for instance "spec_invalid"; "ok" for AIKIT_OK, "unknown" for a
/// number that this version does not know. Static: never freed. Thread safe; cannot fail.
#[unsafe(no_mangle)]
pub extern "C" fn aikit_status_name(status: aikit_status) -> *const c_char {
    static WORDS: LazyLock<Vec<(aikit_status, CString)>> = LazyLock::new(|| {
        Code::ALL.iter().map(|code| (*code as aikit_status, c_text(code.as_str()))).collect()
    });
    shield(c"unknown".as_ptr(), || match status {
        crate::wall::OK => c"ok".as_ptr(),
        _ => WORDS
            .iter()
            .find(|(number, _)| *number == status)
            .map_or(c"unknown".as_ptr(), |(_, word)| word.as_ptr()),
    })
}

/// Cancels everything under way and waits until it has ended and no callback runs any more, at most
/// `timeout_ms` milliseconds. Answers how much was still under way then: 0 if all ended. For the end
/// of a program; what is called later still works. Thread safe; not to be called from a callback,
/// which it would wait for.
#[unsafe(no_mangle)]
pub extern "C" fn aikit_shutdown(timeout_ms: u32) -> u32 {
    shield(u32::MAX, || {
        let timeout = Duration::from_millis(timeout_ms.into());
        let started = Instant::now();
        let operations = aikit::io::shutdown(timeout);
        let watchers = watch::settle(timeout.saturating_sub(started.elapsed()));
        u32::try_from(operations + watchers).unwrap_or(u32::MAX)
    })
}
