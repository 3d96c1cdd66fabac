//! Time that this thread has computed: unlike the clock on the wall, it does not go on while other
//! programs have the processor.

#![allow(unsafe_code, reason = "the standard library has no clock of this kind")]

/// Seconds of CPU time since the thread began.
pub(crate) fn seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes to the one struct whose address it gets, and to nothing else.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(status, 0, "the thread has no clock");
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
