//! One multi-thread tokio runtime per loaded image, with the fork and exit rules.

// `pthread_atfork` and the leaked pointer to the runtime are the reason for `unsafe` in this file.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::image;
use super::lock::Mutex;
use super::panic::panic_error;
use crate::error::{Code, Error, Result};

/// The runtime of this process, or null before first use and in a forked child.
static RUNTIME: AtomicPtr<Global> = AtomicPtr::new(std::ptr::null_mut());
/// Counts the forks that lie between the first process and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// Serialises the making of the runtime. Held for microseconds, never across a fork's child.
static MAKING: Mutex<()> = Mutex::new(());

struct Global {
    runtime: Runtime,
    in_flight: AtomicUsize,
    stop: Mutex<CancellationToken>,
}

/// The process in which a handle was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u32);

impl Generation {
    /// Fails with [`Code::Forked`] when this process is a fork of the one where the handle was made.
    pub fn check(self) -> Result<()> {
        if self.0 == GENERATION.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::new(
            Code::Forked,
            "this handle was made before the process forked, and its threads are not in this one",
        )
        .hint("open a new kernel in the child process"))
    }
}

/// The generation of this process, to be kept by handles.
pub fn generation() -> Generation {
    Generation(GENERATION.load(Ordering::Relaxed))
}

extern "C" fn after_fork_in_child() {
    // Only atomics here: the child of a multi-threaded process may do little else. The old runtime
    // is leaked, because dropping it would join threads that do not exist in this process.
    RUNTIME.store(std::ptr::null_mut(), Ordering::SeqCst);
    GENERATION.fetch_add(1, Ordering::SeqCst);
}

/// Pins the image and registers the fork handler, once. To be called before the first thread of ours
/// starts: threads must never outlive our code, and a child must know that it has none of them.
pub(crate) fn know_forks() {
    static REGISTER: std::sync::Once = std::sync::Once::new();
    REGISTER.call_once(|| {
        image::pin();
        // SAFETY: the handler touches atomics only, and the image was just pinned.
        unsafe { libc::pthread_atfork(None, None, Some(after_fork_in_child)) };
    });
}

fn global() -> Result<&'static Global> {
    let existing = RUNTIME.load(Ordering::Acquire);
    if !existing.is_null() {
        // SAFETY: the pointer came from `Box::leak` and is never freed.
        return Ok(unsafe { &*existing });
    }
    // A fork while another thread held the lock would leave it locked in the child for ever;
    // after a while the child goes on without it.
    let _guard = MAKING.try_lock_for(Duration::from_secs(1));
    let existing = RUNTIME.load(Ordering::Acquire);
    if !existing.is_null() {
        // SAFETY: as above.
        return Ok(unsafe { &*existing });
    }
    know_forks();
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4));
    let runtime = Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("aikit-io")
        .enable_all()
        .build()
        .map_err(|e| {
            Error::new(Code::StoreUnavailable, "the I/O runtime cannot be started")
                .caused_by(e)
                .hint("the process may have reached its limit of threads or descriptors")
        })?;
    let global = Box::leak(Box::new(Global {
        runtime,
        in_flight: AtomicUsize::new(0),
        stop: Mutex::new(CancellationToken::new()),
    }));
    RUNTIME.store(global, Ordering::Release);
    Ok(global)
}

/// The global runtime, made on the first call in this process.
pub fn runtime() -> Result<tokio::runtime::Handle> {
    Ok(global()?.runtime.handle().clone())
}

/// A token that is cancelled when the process shuts aikit down.
pub(crate) fn shutdown_token() -> CancellationToken {
    let existing = RUNTIME.load(Ordering::Acquire);
    if existing.is_null() {
        return CancellationToken::new();
    }
    // SAFETY: the pointer came from `Box::leak` and is never freed.
    unsafe { &*existing }.stop.lock().clone()
}

/// Runs a future on the global runtime, whatever runtime the caller is on: connections stay with
/// the reactor that made them. Dropping the result aborts the work.
pub(crate) async fn run_here<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    struct AbortOnDrop(tokio::task::AbortHandle);
    impl Drop for AbortOnDrop {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let task = runtime()?.spawn(work);
    let _guard = AbortOnDrop(task.abort_handle());
    match task.await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => Err(panic_error(&*payload)),
            Err(_) => Err(Error::new(Code::Cancelled, "the work was stopped")),
        },
    }
}

/// Runs what blocks or takes its time on a thread of its own of the global runtime. Dropping the
/// result does not end the work.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match runtime()?.spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(payload) => Err(panic_error(&*payload)),
            Err(_) => Err(Error::new(Code::Closed, "the work was stopped: aikit is shut down")),
        },
    }
}

struct InFlight(&'static AtomicUsize);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Wraps a future so that [`shutdown`] waits for it, from now until it ends or is dropped.
pub(crate) fn counted<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let guard = global().ok().map(|global| {
        global.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(&global.in_flight)
    });
    async move {
        let output = future.await;
        drop(guard);
        output
    }
}

/// Cancels everything in flight and waits until it has ended, at most `timeout`. Gives the number
/// of operations that were still under way then (0: all ended).
///
/// For exit handlers. The runtime itself stays, so a later call still works; does nothing when the
/// runtime was never used. Thread safe.
pub fn shutdown(timeout: Duration) -> usize {
    let existing = RUNTIME.load(Ordering::Acquire);
    if existing.is_null() {
        return 0;
    }
    // SAFETY: the pointer came from `Box::leak` and is never freed.
    let global = unsafe { &*existing };
    std::mem::take(&mut *global.stop.lock()).cancel();
    let deadline = Instant::now().checked_add(timeout);
    loop {
        let left = global.in_flight.load(Ordering::Acquire);
        if left == 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return left;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shutdown_waits_for_what_is_in_flight_and_no_longer_than_allowed() {
        let handle = runtime().expect("runtime");
        let (release, gate) = tokio::sync::oneshot::channel::<()>();
        handle.spawn(counted(async move {
            let _ = gate.await;
        }));
        let start = Instant::now();
        assert!(shutdown(Duration::from_millis(50)) >= 1);
        assert!(start.elapsed() >= Duration::from_millis(50));
        let _ = release.send(());
        assert_eq!(shutdown(Duration::MAX), 0);
    }
}
