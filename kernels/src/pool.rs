//! A few threads that share the loops of one forward pass.
//!
//! A pass is some hundred short loops, one after the other. Waking threads for each of them would
//! cost more than the loops do, so workers look for the next loop for a moment before they sleep;
//! and a worker that the system does not run right now holds nobody up: chunks are claimed one at
//! a time, and who comes late finds none left.

#![allow(unsafe_code, reason = "a loop's closure is lent to threads that outlive it; see `run`")]

use std::cell::UnsafeCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

type Body = dyn Fn(usize) + Sync;

/// Looks before a worker sleeps: some tens of microseconds.
const SPINS: u32 = 2_000;

struct Shared {
    /// The number of the loop above, the chunks that are not claimed yet below.
    tickets: AtomicU64,
    /// The loop that the tickets are for.
    body: UnsafeCell<Option<*const Body>>,
    done: AtomicUsize,
    sleeping: AtomicUsize,
    panicked: AtomicBool,
    closed: AtomicBool,
}

// SAFETY: `body` is written only by `Pool::run`, which has `&mut`, while there are no tickets, and
// read only by who holds a ticket. The closure behind the pointer is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is never followed without a ticket.
unsafe impl Send for Shared {}

/// The threads. The one that calls [`Pool::run`] works too.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<(Thread, Option<JoinHandle<()>>)>,
    number: u32,
}

impl Shared {
    fn claim(&self) -> Option<usize> {
        let mut tickets = self.tickets.load(Ordering::Acquire);
        loop {
            let left = tickets & 0xFFFF_FFFF;
            if left == 0 {
                return None;
            }
            // The number of the loop is part of the value: a ticket of a loop that has ended is
            // never taken for one of the next.
            let claimed = self.tickets.compare_exchange_weak(
                tickets,
                tickets - 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match claimed {
                Ok(_) => return usize::try_from(left - 1).ok(),
                Err(now) => tickets = now,
            }
        }
    }

    fn work(&self) {
        while let Some(chunk) = self.claim() {
            // SAFETY: a ticket was claimed and not yet counted as done, so `run` has not returned:
            // the pointer is set (before the tickets were, which `claim` acquired) and its closure
            // alive.
            let body = unsafe { (*self.body.get()).map(|body| &*body) };
            if let Some(body) = body {
                let call = std::panic::AssertUnwindSafe(|| body(chunk));
                if std::panic::catch_unwind(call).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.done.fetch_add(1, Ordering::Release);
        }
    }

    fn serve(&self) {
        let mut idle = 0;
        while !self.closed.load(Ordering::Relaxed) {
            if self.tickets.load(Ordering::Acquire) & 0xFFFF_FFFF != 0 {
                self.work();
                idle = 0;
            } else if idle < SPINS {
                idle += 1;
                std::hint::spin_loop();
            } else {
                self.sleeping.fetch_add(1, Ordering::SeqCst);
                // Whoever gave out tickets before the line above did not see a sleeper.
                if self.tickets.load(Ordering::SeqCst) & 0xFFFF_FFFF == 0
                    && !self.closed.load(Ordering::SeqCst)
                {
                    std::thread::park();
                }
                self.sleeping.fetch_sub(1, Ordering::SeqCst);
                idle = 0;
            }
        }
    }
}

impl Pool {
    /// A pool of so many threads, the caller's included.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn new(threads: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            tickets: AtomicU64::new(0),
            body: UnsafeCell::new(None),
            done: AtomicUsize::new(0),
            sleeping: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let mut pool = Self { shared, workers: Vec::new(), number: 0 };
        for index in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let worker = std::thread::Builder::new()
                .name(format!("aikit-local-{index}"))
                .spawn(move || shared.serve())?;
            pool.workers.push((worker.thread().clone(), Some(worker)));
        }
        Ok(pool)
    }

    /// How many threads it has, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `body` for every chunk of `0..chunks`, each once, on any of the threads.
    ///
    /// # Panics
    /// When `body` did.
    pub fn run(&mut self, chunks: usize, body: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() || chunks < 2 {
            (0..chunks).for_each(body);
            return;
        }
        let Ok(count) = u32::try_from(chunks) else {
            (0..chunks).for_each(body);
            return;
        };
        let shared = &*self.shared;
        // SAFETY: the lifetime is cut off, and given back by waiting below until every ticket of
        // this loop is done: nobody follows the pointer after that. Nobody reads `body` now, as
        // all tickets of the loop before were done when it returned.
        unsafe {
            let lent = std::mem::transmute::<*const (dyn Fn(usize) + Sync), *const Body>(body);
            *shared.body.get() = Some(lent);
        }
        shared.done.store(0, Ordering::Relaxed);
        self.number = self.number.wrapping_add(1);
        let tickets = u64::from(self.number) << 32 | u64::from(count);
        shared.tickets.store(tickets, Ordering::SeqCst);
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            self.workers.iter().for_each(|(thread, _)| thread.unpark());
        }
        shared.work();
        let mut waited = 0u32;
        while shared.done.load(Ordering::Acquire) < chunks {
            waited += 1;
            if waited > SPINS {
                // The worker that holds the last chunk may wait for this very core.
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        assert!(!shared.panicked.swap(false, Ordering::Relaxed), "a worker of a model panicked");
    }

    /// Cuts `out` into pieces of `size` and calls `body` for each, with its number.
    pub fn pieces<T: Send>(
        &mut self,
        out: &mut [T],
        size: usize,
        body: &(dyn Fn(usize, &mut [T]) + Sync),
    ) {
        let size = size.max(1);
        let length = out.len();
        let out = Disjoint(out.as_mut_ptr());
        self.run(length.div_ceil(size), &|index| {
            let start = index * size;
            // SAFETY: `run` calls once for every index, the ranges of two indices never overlap,
            // all lie inside of `out`, and `out` is borrowed until `run` returns.
            let piece = unsafe { out.slice(start, size.min(length - start)) };
            body(index, piece);
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        for (thread, worker) in &mut self.workers {
            thread.unpark();
            if let Some(worker) = worker.take() {
                let _ = worker.join();
            }
        }
    }
}

/// The start of a slice that threads write to in ranges that do not overlap.
pub(crate) struct Disjoint<T>(pub(crate) *mut T);

// SAFETY: who makes a slice of it promises that ranges do not overlap.
unsafe impl<T: Send> Sync for Disjoint<T> {}

impl<T> Disjoint<T> {
    /// # Safety
    /// The range lies inside of the slice that this was made of, that slice is still borrowed for
    /// this, and no other range that overlaps is in use.
    #[expect(clippy::mut_from_ref, reason = "that is its purpose")]
    pub(crate) unsafe fn slice(&self, start: usize, length: usize) -> &mut [T] {
        // SAFETY: promised by the caller.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), length) }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_chunk_is_done_once_in_many_loops() {
        let mut pool = Pool::new(3).unwrap();
        for round in 0..5_000 {
            let chunks = round % 17;
            let counts: Vec<_> = (0..chunks).map(|_| AtomicUsize::new(0)).collect();
            pool.run(chunks, &|chunk| {
                counts[chunk].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{round}");
            if round % 500 == 0 {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    }

    #[test]
    fn pieces_cover_a_slice_that_does_not_divide() {
        let mut pool = Pool::new(2).unwrap();
        let mut out = vec![0usize; 1003];
        pool.pieces(&mut out, 10, &|index, piece| piece.fill(index + 1));
        assert!(out.iter().enumerate().all(|(i, value)| *value == i / 10 + 1));
    }

    #[test]
    fn a_panic_in_a_worker_is_the_callers_and_the_pool_lives_on() {
        let mut pool = Pool::new(2).unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(8, &|chunk| assert!(chunk != 3));
        }));
        assert!(caught.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(8, &|chunk| {
            sum.fetch_add(chunk, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 28);
    }
}
