//! Keeps SQLite usable in a forked child.
//!
//! SQLite guards its allocator and its caches with a few static mutexes. A fork while a worker
//! thread holds one would leave it locked for ever in the child, where that thread does not exist,
//! and the first `open` there would hang. So the forking thread takes them all, and both sides give
//! them back.

// Handlers of `pthread_atfork`, and the mutexes of SQLite's that they take.
#![allow(unsafe_code)]

use std::os::raw::c_int;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi;

/// From the outermost to the innermost, the order in which SQLite itself takes them.
const ORDER: [c_int; 6] = [
    ffi::SQLITE_MUTEX_STATIC_MAIN,
    ffi::SQLITE_MUTEX_STATIC_VFS1,
    ffi::SQLITE_MUTEX_STATIC_LRU,
    ffi::SQLITE_MUTEX_STATIC_PMEM,
    ffi::SQLITE_MUTEX_STATIC_PRNG,
    ffi::SQLITE_MUTEX_STATIC_MEM,
];

static MUTEXES: [AtomicPtr<ffi::sqlite3_mutex>; ORDER.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; ORDER.len()];

extern "C" fn before() {
    for mutex in &MUTEXES {
        // SAFETY: a static mutex of SQLite's, or null, which is ignored. The forking thread holds
        // none of them: SQLite runs on worker threads only, and they do not fork.
        unsafe { ffi::sqlite3_mutex_enter(mutex.load(Ordering::Acquire)) };
    }
}

extern "C" fn after() {
    for mutex in MUTEXES.iter().rev() {
        // SAFETY: taken by `before` on this thread; in the child, this thread is its copy.
        unsafe { ffi::sqlite3_mutex_leave(mutex.load(Ordering::Acquire)) };
    }
}

/// Registers the handlers, once. To be called before the first connection is opened.
pub(super) fn prepare() {
    static REGISTER: Once = Once::new();
    REGISTER.call_once(|| {
        for (slot, id) in MUTEXES.iter().zip(ORDER) {
            // SAFETY: static mutexes live as long as the process.
            slot.store(unsafe { ffi::sqlite3_mutex_alloc(id) }, Ordering::Release);
        }
        // SAFETY: the store pinned the image before it came here, so the handlers stay mapped.
        unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    });
}
