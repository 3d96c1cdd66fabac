//! Our own limits on the requests of a tenant, key and model: requests and tokens in a minute,
//! requests at once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::registry::{Forgettable, Registry};
use super::{Lane, Policy};
use crate::io::Mutex;

/// How long tokens that were reserved and not used can be used after all: by then they would have
/// come back anyway.
const SPARE: Duration = Duration::from_secs(60);
/// Minutes' worth of tokens that can be owed: no count of a provider's stops a lane for longer.
const MINUTES_OWED: u64 = 3;

static LIMITS: Registry<Limits> = Registry::new();

/// The limits of one lane.
pub(super) struct Limits {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    concurrent: Option<Arc<Semaphore>>,
    most: usize,
}

/// A request that may be made. What it reserved stays used unless it is settled.
pub(super) struct Slot {
    limits: Arc<Limits>,
    reserved: u64,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Limits {
    /// Those of a lane; `None` without any, and where there is no provider to spare.
    pub(super) fn shared(lane: &Lane<'_>, policy: &Policy) -> Option<Arc<Self>> {
        let Policy { requests_per_minute, tokens_per_minute, concurrent_requests, .. } = policy;
        let none = (&None, &None, &None);
        if policy.replays || (requests_per_minute, tokens_per_minute, concurrent_requests) == none {
            return None;
        }
        Some(LIMITS.get(lane.limits(policy), || Self::new(policy)))
    }

    fn new(policy: &Policy) -> Self {
        let most = policy.concurrent_requests.map_or(0, |most| most.get() as usize);
        Self {
            requests: policy.requests_per_minute.map(Bucket::new),
            tokens: policy.tokens_per_minute.map(Bucket::new),
            concurrent: policy.concurrent_requests.map(|_| Arc::new(Semaphore::new(most))),
            most,
        }
    }

    /// Waits until a request of about so many tokens may be made. `left` is kept at the milliseconds
    /// that are still to be waited, as far as that is known. Whoever gives up takes nothing.
    pub(super) async fn enter(self: &Arc<Self>, tokens: u64, left: &AtomicU64) -> Slot {
        // First, because a place can be waited for without holding anything.
        let permit = match &self.concurrent {
            // It is never closed.
            Some(concurrent) => concurrent.clone().acquire_owned().await.ok(),
            None => None,
        };
        let requests = match &self.requests {
            Some(bucket) => Some(bucket.take(1, left).await),
            None => None,
        };
        if let Some(bucket) = &self.tokens {
            bucket.take(tokens, left).await.keep();
        }
        if let Some(taken) = requests {
            taken.keep();
        }
        left.store(0, Ordering::Relaxed);
        Slot { limits: self.clone(), reserved: tokens, _permit: permit }
    }
}

impl Forgettable for Limits {
    fn is_idle(&self) -> bool {
        let full = |bucket: &Option<Bucket>| bucket.as_ref().is_none_or(Bucket::is_full);
        let free = self.concurrent.as_ref().is_none_or(|c| c.available_permits() == self.most);
        full(&self.requests) && full(&self.tokens) && free
    }
}

impl Slot {
    /// Corrects what was reserved to what was used.
    pub(super) fn settle(self, used: u64) {
        if let Some(bucket) = &self.limits.tokens {
            bucket.settle(self.reserved, used);
        }
    }

    /// The request was not made after all.
    pub(super) fn give_back(self) {
        if let Some(bucket) = &self.limits.requests {
            bucket.settle(1, 0);
        }
        self.settle(0);
    }
}

/// So many units in a minute: all of them at once, and then as they come back.
struct Bucket {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Duration>>,
    most: NonZeroU32,
    /// Whoever came first goes first, also when the next one needs less.
    turn: tokio::sync::Mutex<()>,
    ledger: Mutex<Ledger>,
}

/// What the reservations were wrong by.
#[derive(Default)]
struct Ledger {
    owed: u64,
    spare: u64,
    spare_until: Option<Instant>,
    /// By when everything has come back.
    full_at: Option<Instant>,
}

impl Bucket {
    fn new(most: NonZeroU32) -> Self {
        let clock = TokioClock(Instant::now());
        Self {
            limiter: RateLimiter::direct_with_clock(Quota::per_minute(most), clock),
            most,
            turn: tokio::sync::Mutex::default(),
            ledger: Mutex::default(),
        }
    }

    async fn take(&self, units: u64, left: &AtomicU64) -> Taken<'_> {
        let _turn = self.turn.lock().await;
        let mut taken = self.draw(units);
        // More than the bucket holds is taken as it comes in: a request that is larger than the
        // limit of a minute waits longer than a minute, and is made.
        while let Some(part) =
            u32::try_from(taken.missing.min(self.most.get().into())).ok().and_then(NonZeroU32::new)
        {
            match self.limiter.check_n(part) {
                Ok(Err(not_until)) => {
                    let wait = not_until.wait_time_from(self.limiter.clock().now());
                    let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                    left.store(ms, Ordering::Relaxed);
                    // A timer counts in milliseconds, and must not come too early.
                    tokio::time::sleep(wait + Duration::from_millis(1)).await;
                }
                // A part is never more than the bucket holds.
                Ok(Ok(())) | Err(_) => taken.add(part.get().into()),
            }
        }
        taken
    }

    /// What has to be taken for so many units, and for those that are owed.
    fn draw(&self, units: u64) -> Taken<'_> {
        let mut ledger = self.ledger.lock();
        ledger.forget();
        let owed = std::mem::take(&mut ledger.owed);
        let wanted = units.saturating_add(owed);
        let got = ledger.spare.min(wanted);
        ledger.spare -= got;
        Taken { bucket: self, owed, got, missing: wanted - got }
    }

    fn settle(&self, reserved: u64, used: u64) {
        let most = u64::from(self.most.get());
        let mut ledger = self.ledger.lock();
        if used > reserved {
            let owed = ledger.owed.saturating_add(used - reserved);
            ledger.owed = owed.min(most.saturating_mul(MINUTES_OWED));
            return;
        }
        ledger.forget();
        ledger.spare = ledger.spare.saturating_add(reserved - used).min(most);
        ledger.spare_until = Some(Instant::now() + SPARE);
    }

    fn is_full(&self) -> bool {
        let ledger = self.ledger.lock();
        ledger.owed == 0 && ledger.full_at.is_none_or(|full| full <= Instant::now())
    }
}

/// Units for a request, and for those before it that reserved too little. They go back if it is given
/// up.
struct Taken<'a> {
    bucket: &'a Bucket,
    owed: u64,
    got: u64,
    missing: u64,
}

impl Taken<'_> {
    fn add(&mut self, units: u64) {
        (self.got, self.missing) = (self.got + units, self.missing - units);
        self.bucket.ledger.lock().full_at = Some(Instant::now() + SPARE);
    }

    /// The request is made.
    fn keep(mut self) {
        // Nothing is left to go back.
        (self.owed, self.got) = (0, 0);
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        // What was owed stays owed as far as it was not waited for; the rest is for the next one.
        if (self.owed, self.got) != (0, 0) {
            self.bucket.settle(self.got, self.owed);
        }
    }
}

impl Ledger {
    fn forget(&mut self) {
        if self.spare_until.is_some_and(|until| until <= Instant::now()) {
            (self.spare, self.spare_until) = (0, None);
        }
    }
}

/// The clock of the runtime, that tests can stop.
#[derive(Clone)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: u32, tokens: u32, concurrent: u32) -> Arc<Limits> {
        Arc::new(Limits::new(&Policy {
            requests_per_minute: NonZeroU32::new(requests),
            tokens_per_minute: NonZeroU32::new(tokens),
            concurrent_requests: NonZeroU32::new(concurrent),
            ..Policy::default()
        }))
    }

    async fn waited(limits: &Arc<Limits>, tokens: u64) -> (Slot, Duration) {
        let before = Instant::now();
        let slot = limits.enter(tokens, &AtomicU64::default()).await;
        (slot, before.elapsed())
    }

    fn near(found: Duration, seconds: f64) {
        let off = (found.as_secs_f64() - seconds).abs();
        assert!(off < 0.1, "{found:?} is not about {seconds} s");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_go_at_once_up_to_the_limit_and_then_as_time_passes() {
        let limits = limits(3, 0, 0);
        assert!(limits.is_idle());
        for _ in 0..3 {
            near(waited(&limits, 1).await.1, 0.0);
        }
        assert!(!limits.is_idle());
        near(waited(&limits, 1).await.1, 20.0);
        tokio::time::advance(Duration::from_secs(60)).await;
        near(waited(&limits, 1).await.1, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_reserved_and_corrected() {
        let limits = limits(0, 600, 0);
        let (slot, wait) = waited(&limits, 600).await;
        near(wait, 0.0);
        // 500 of them were not used: the next 500 need no wait.
        slot.settle(100);
        let (slot, wait) = waited(&limits, 500).await;
        near(wait, 0.0);
        // 100 more were used than reserved: they are waited for by the next, 10 in a second.
        slot.settle(600);
        near(waited(&limits, 50).await.1, 15.0);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_that_were_spared_are_not_kept_for_ever() {
        let limits = limits(0, 60, 0);
        waited(&limits, 60).await.0.settle(0);
        tokio::time::advance(Duration::from_secs(61)).await;
        near(waited(&limits, 60).await.1, 0.0);
        near(waited(&limits, 30).await.1, 30.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_larger_than_the_limit_is_made_in_the_end() {
        let limits = limits(0, 60, 0);
        near(waited(&limits, 150).await.1, 90.0);
    }

    /// Waits for a slot for so long, and gives up.
    async fn gives_up(limits: &Arc<Limits>, tokens: u64, after: u64) {
        let gone = tokio::time::timeout(Duration::from_secs(after), waited(limits, tokens)).await;
        assert!(gone.is_err(), "it did not wait");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_owed_stays_owed_when_the_next_one_gives_up() {
        let limits = limits(0, 60, 0);
        // 60 tokens were reserved and 150 used: 90 are owed, one comes back in a second.
        waited(&limits, 60).await.0.settle(150);
        gives_up(&limits, 10, 30).await;
        gives_up(&limits, 10, 30).await;
        near(waited(&limits, 10).await.1, 40.0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_takes_nothing_from_the_next() {
        let limits = limits(0, 60, 0);
        waited(&limits, 60).await;
        // It is given sixty on the way.
        gives_up(&limits, 90, 61).await;
        near(waited(&limits, 60).await.1, 0.0);

        let limits = self::limits(2, 0, 1);
        let held = waited(&limits, 1).await.0;
        gives_up(&limits, 1, 10).await;
        gives_up(&limits, 1, 10).await;
        drop(held);
        near(waited(&limits, 1).await.1, 0.0);

        let limits = self::limits(2, 60, 0);
        waited(&limits, 60).await;
        gives_up(&limits, 60, 1).await;
        near(waited(&limits, 0).await.1, 0.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_makes_no_sense_does_not_stop_a_lane() {
        let limits = limits(0, 60, 0);
        for nonsense in [u64::MAX, u64::MAX / 2, 0] {
            let minutes = Duration::from_secs(300);
            let slot = tokio::time::timeout(minutes, waited(&limits, 1)).await;
            slot.expect("it goes on in some minutes").0.settle(nonsense);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_allowed_are_at_once_and_the_first_comes_first() {
        let limits = limits(0, 0, 1);
        let first = limits.enter(1, &AtomicU64::default()).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let waiting: Vec<_> = (0..3)
            .map(|i| {
                let (limits, order) = (limits.clone(), order.clone());
                tokio::spawn(async move {
                    let slot = limits.enter(1, &AtomicU64::default()).await;
                    order.lock().push(i);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    slot.settle(1);
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(order.lock().is_empty());
        // One that gives up gives its place away.
        waiting[0].abort();
        first.settle(1);
        for task in waiting {
            let _ = task.await;
        }
        assert_eq!(*order.lock(), [1, 2]);
        assert!(limits.is_idle());
    }
}
