//! A circuit breaker: a provider that fails again and again is left alone for a while.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::registry::{Forgettable, Registry};
use crate::error::{Code, Error, ProviderAnswer, Result};
use crate::io::Mutex;

/// Failures in a row within [`WINDOW`] that open it.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(30);
/// How long it is open before one request may try.
const COOL_DOWN: Duration = Duration::from_secs(15);

static BREAKERS: Registry<Breaker> = Registry::new();

/// The breaker of one provider's address and key.
#[derive(Debug)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug)]
enum State {
    /// Requests go through; the times of the last failures in a row.
    Closed(VecDeque<Instant>),
    /// None goes through.
    Open { why: Why, until: Instant },
    /// One is on its way, and the others wait for what becomes of it.
    Probing { why: Why },
}

/// What is told to those that are held back.
#[derive(Clone, Debug)]
struct Why {
    since: Timestamp,
    /// The last failure.
    last: String,
}

/// A request that may go through. Without a word from it, nothing is learnt.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
}

impl Breaker {
    pub(super) fn shared(way_in: [u8; 32]) -> Arc<Self> {
        BREAKERS.get(way_in, || Self(Mutex::new(State::Closed(VecDeque::new()))))
    }

    /// Fails as long as no request goes through; takes nothing.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`].
    pub(super) fn check(&self) -> Result<()> {
        match &*self.0.lock() {
            State::Closed(_) => Ok(()),
            State::Open { until, .. } if *until <= Instant::now() => Ok(()),
            State::Open { why, until } => Err(why.refusal(Some(*until - Instant::now()))),
            State::Probing { why } => Err(why.refusal(None)),
        }
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`].
    pub(super) fn enter(self: &Arc<Self>) -> Result<Pass> {
        self.check()?;
        let mut state = self.0.lock();
        let probe = match &*state {
            State::Closed(_) => false,
            State::Open { why, .. } => {
                *state = State::Probing { why: why.clone() };
                true
            }
            // Another request was faster.
            State::Probing { why } => return Err(why.refusal(None)),
        };
        Ok(Pass { breaker: self.clone(), probe })
    }
}

impl Forgettable for Breaker {
    fn is_idle(&self) -> bool {
        matches!(&*self.0.lock(), State::Closed(failures) if failures.is_empty())
    }
}

impl Pass {
    /// An answer begins: nobody waits for the rest of it, but without a word of it, it may still have
    /// failed.
    pub(super) fn began(&mut self) {
        if std::mem::take(&mut self.probe) {
            *self.breaker.0.lock() = State::Closed(VecDeque::new());
        }
    }

    /// The provider answered, be it with a refusal.
    pub(super) fn answered(mut self) {
        self.probe = false;
        *self.breaker.0.lock() = State::Closed(VecDeque::new());
    }

    /// The provider is down.
    pub(super) fn failed(mut self, error: &Error) {
        let now = Instant::now();
        let mut state = self.breaker.0.lock();
        let open = |since| State::Open {
            why: Why { since, last: format!("[{}] {}", error.code(), error.message()) },
            until: now + COOL_DOWN,
        };
        match &mut *state {
            State::Probing { why } if self.probe => *state = open(why.since),
            State::Closed(failures) => {
                failures.push_back(now);
                if failures.len() > FAILURES {
                    failures.pop_front();
                }
                let within = failures.front().is_some_and(|first| now - *first <= WINDOW);
                if failures.len() == FAILURES && within {
                    *state = open(Timestamp::now());
                }
            }
            // Of a request that was on its way when the breaker opened.
            State::Open { .. } | State::Probing { .. } => {}
        }
        drop(state);
        self.probe = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.probe {
            return;
        }
        // The probe was cut off: the next request is one.
        let mut state = self.breaker.0.lock();
        if let State::Probing { why } = &*state {
            *state = State::Open { why: why.clone(), until: Instant::now() };
        }
    }
}

impl Why {
    fn refusal(&self, left: Option<Duration>) -> Error {
        let at = |time: Timestamp| time.strftime("%H:%M:%S UTC").to_string();
        let until = left.map_or_else(
            || "while one request tries whether it is back".to_owned(),
            |left| {
                let left = jiff::SignedDuration::try_from(left).unwrap_or_default();
                let until = Timestamp::now().checked_add(left).unwrap_or(self.since);
                format!("until {}", at(until))
            },
        );
        Error::new(
            Code::ModelUnavailable,
            format!(
                "the provider failed {FAILURES} times in a row and is left alone since {} {until}; \
                 its last failure: {}",
                at(self.since),
                self.last
            ),
        )
        .hint("name other models in `intelligence.fallback_models`, or run again later")
        .answered(ProviderAnswer { retry_after: left, ..ProviderAnswer::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker(Mutex::new(State::Closed(VecDeque::new()))))
    }

    fn down() -> Error {
        Error::new(Code::ModelUnavailable, "host answered 503: no")
    }

    fn fail(breaker: &Arc<Breaker>, times: usize) {
        for _ in 0..times {
            breaker.enter().expect("closed").failed(&down());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_lets_one_request_try() {
        let breaker = breaker();
        fail(&breaker, FAILURES - 1);
        breaker.enter().expect("closed").answered();
        fail(&breaker, FAILURES);
        let error = breaker.enter().expect_err("open");
        assert_eq!(error.code(), Code::ModelUnavailable);
        assert!(error.message().contains("5 times in a row"), "{error}");
        assert!(error.message().contains("answered 503"), "{error}");
        assert!(error.message().contains("since ") && error.message().contains("until "));
        assert_eq!(error.answer().and_then(|answer| answer.retry_after), Some(COOL_DOWN));

        tokio::time::advance(COOL_DOWN).await;
        let probe = breaker.enter().expect("one may try");
        assert!(breaker.enter().expect_err("only one").message().contains("whether it is back"));
        probe.failed(&down());
        breaker.check().expect_err("open again");
        tokio::time::advance(COOL_DOWN).await;
        drop(breaker.enter().expect("one may try"));
        breaker.enter().expect("the probe was cut off: the next one tries").answered();
        breaker.enter().expect("closed").answered();
        assert!(breaker.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_far_from_each_other_do_not_open_it() {
        let breaker = breaker();
        for _ in 0..20 {
            fail(&breaker, 1);
            tokio::time::advance(WINDOW / 3).await;
        }
        breaker.check().expect("closed");
        assert!(!breaker.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_on_its_way_before_does_not_disturb_the_probe() {
        let breaker = breaker();
        let early = breaker.enter().expect("closed");
        fail(&breaker, FAILURES);
        tokio::time::advance(COOL_DOWN).await;
        let probe = breaker.enter().expect("one may try");
        early.failed(&down());
        breaker.enter().expect_err("the probe is still on its way");
        probe.answered();
        breaker.check().expect("closed");
    }

    #[test]
    fn kernels_share_the_breaker_of_a_key() {
        assert!(Arc::ptr_eq(&Breaker::shared([7; 32]), &Breaker::shared([7; 32])));
        assert!(!Arc::ptr_eq(&Breaker::shared([7; 32]), &Breaker::shared([8; 32])));
    }
}
