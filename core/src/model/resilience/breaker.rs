//! A circuit breaker: a provider that fails again and again is left alone for a while, by the tenant
//! that met the failures, or by all when several met them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Lane;
use super::deadline::telling_deadline;
use super::registry::{Forgettable, Registry};
use crate::error::{Code, Error, ProviderAnswer, Result};
use crate::io::Mutex;

/// Failures in a row within [`WINDOW`] that open it.
const FAILURES: usize = 5;
const WINDOW: Duration = Duration::from_secs(30);
/// How long it is open before one request may try.
const COOL_DOWN: Duration = Duration::from_secs(15);

static BREAKERS: Registry<Breaker> = Registry::new();
static OUTAGES: Registry<Outage> = Registry::new();

/// The breaker of one tenant's requests with one key to one address. What a tenant asks for may be what
/// the provider fails on, so its failures hold back nobody else; those of several tenants in a row do.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// Names the tenant's way in.
    own: [u8; 32],
    /// What all tenants meet who ask there with this key. Its lock is taken after that of `state`.
    outage: Arc<Outage>,
    /// Whether it opens at all.
    opens: bool,
}

#[derive(Debug)]
enum State {
    /// Requests go through; the times of the last failures in a row.
    Closed(VecDeque<Instant>),
    /// None goes through.
    Open { why: Why, of: Of, until: Instant },
    /// One is on its way, and the others wait for what becomes of it.
    Probing { why: Why, of: Of },
}

/// Whose failures opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// The tenant's own.
    One,
    /// Those of several: the first answer that any of them gets closes it for all.
    All,
}

/// What is told to those that are held back.
#[derive(Clone, Copy, Debug)]
struct Why {
    since: Timestamp,
    last: Failure,
}

/// The last failure. What the provider said with it is for whoever asked: it may repeat the request.
#[derive(Clone, Copy, Debug)]
struct Failure {
    code: Code,
    status: Option<u16>,
}

/// What everybody has met who asked at one address with one key.
#[derive(Debug, Default)]
struct Outage(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    /// The last failures in a row, and whose they were.
    failures: VecDeque<(Instant, [u8; 32])>,
    /// Since several met them, until somebody is answered: until when nobody tries.
    down: Option<(Why, Instant)>,
}

/// A request that may go through. Without a word from it nothing is learnt, unless it was cut off
/// because its time was over and nothing had come.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    probe: bool,
    /// When its time is over, as long as silence tells that the provider is down.
    deadline: Option<Instant>,
}

impl Breaker {
    pub(super) fn shared(lane: &Lane<'_>) -> Arc<Self> {
        let outage = OUTAGES.get(lane.way_in(), Outage::default);
        let own = lane.own_way_in();
        BREAKERS.get(own, || Self::new(own, outage))
    }

    /// One that learns nothing and holds nobody back.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self { opens: false, ..Self::new([0; 32], Arc::default()) })
    }

    fn new(own: [u8; 32], outage: Arc<Outage>) -> Self {
        Self { state: Mutex::new(State::Closed(VecDeque::new())), own, outage, opens: true }
    }

    /// Fails as long as no request goes through; takes nothing.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`].
    pub(super) fn check(&self) -> Result<()> {
        self.current(&mut self.state.lock()).map(drop)
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`].
    pub(super) fn enter(self: &Arc<Self>) -> Result<Pass> {
        let mut state = self.state.lock();
        let probe = self.current(&mut state)?;
        if let Some((why, of)) = probe {
            *state = State::Probing { why, of };
        }
        let deadline = telling_deadline();
        Ok(Pass { breaker: self.clone(), probe: probe.is_some(), deadline })
    }

    /// Whether a request goes through, and what it is to try if it is a probe, with what others have
    /// met meanwhile.
    fn current(&self, state: &mut State) -> Result<Option<(Why, Of)>> {
        match (&*state, self.outage.0.lock().down) {
            (State::Closed(_), Some((why, until))) => {
                *state = State::Open { why, of: Of::All, until };
            }
            (State::Open { of: Of::All, .. } | State::Probing { of: Of::All, .. }, None) => {
                *state = State::Closed(VecDeque::new());
            }
            _ => {}
        }
        match &*state {
            State::Closed(_) => Ok(None),
            State::Open { why, of, until } if *until <= Instant::now() => Ok(Some((*why, *of))),
            State::Open { why, until, .. } => Err(why.refusal(Some(*until - Instant::now()))),
            State::Probing { why, .. } => Err(why.refusal(None)),
        }
    }

    fn close(&self) {
        let mut state = self.state.lock();
        *state = State::Closed(VecDeque::new());
        *self.outage.0.lock() = Met::default();
    }
}

impl Outage {
    fn failed(&self, who: [u8; 32], now: Instant, last: Failure) {
        let mut met = self.0.lock();
        if met.down.is_some() {
            return;
        }
        met.failures.push_back((now, who));
        if met.failures.len() > FAILURES {
            met.failures.pop_front();
        }
        let within = met.failures.front().is_some_and(|(first, _)| now - *first <= WINDOW);
        let several = met.failures.iter().any(|(_, other)| *other != who);
        if met.failures.len() == FAILURES && within && several {
            met.failures.clear();
            met.down = Some((Why { since: Timestamp::now(), last }, now + COOL_DOWN));
        }
    }
}

impl Forgettable for Breaker {
    fn is_idle(&self) -> bool {
        matches!(&*self.state.lock(), State::Closed(failures) if failures.is_empty())
    }
}

impl Forgettable for Outage {
    fn is_idle(&self) -> bool {
        let met = self.0.lock();
        met.failures.is_empty() && met.down.is_none()
    }
}

impl Pass {
    /// An answer begins: nobody waits for the rest of it, but without a word of it, it may still have
    /// failed.
    pub(super) fn began(&mut self) {
        self.deadline = None;
        if std::mem::take(&mut self.probe) {
            self.breaker.close();
        }
    }

    /// The provider answered, be it with a refusal.
    pub(super) fn answered(mut self) {
        (self.probe, self.deadline) = (false, None);
        self.breaker.close();
    }

    /// The provider is down.
    pub(super) fn failed(mut self, error: &Error) {
        let status = error.answer().and_then(|answer| answer.status);
        self.fail(Failure { code: error.code(), status });
    }

    /// It failed on its way to the provider.
    pub(super) fn returned(mut self) {
        self.deadline = None;
    }

    fn fail(&mut self, last: Failure) {
        self.deadline = None;
        if !self.breaker.opens {
            return;
        }
        let now = Instant::now();
        let until = now + COOL_DOWN;
        let probe = std::mem::take(&mut self.probe);
        let mut state = self.breaker.state.lock();
        match &mut *state {
            State::Probing { why, of } if probe => {
                *state = State::Open { why: Why { last, ..*why }, of: *of, until };
            }
            State::Closed(failures) => {
                failures.push_back(now);
                if failures.len() > FAILURES {
                    failures.pop_front();
                }
                let within = failures.front().is_some_and(|first| now - *first <= WINDOW);
                if failures.len() == FAILURES && within {
                    let why = Why { since: Timestamp::now(), last };
                    *state = State::Open { why, of: Of::One, until };
                }
            }
            // Of a request that was on its way when the breaker opened.
            State::Open { .. } | State::Probing { .. } => {}
        }
        self.breaker.outage.failed(self.breaker.own, now, last);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.fail(Failure { code: Code::ModelUnavailable, status: None });
        }
        if !self.probe {
            return;
        }
        // The probe was cut off: the next request is one.
        let mut state = self.breaker.state.lock();
        if let State::Probing { why, of } = *state {
            *state = State::Open { why, of, until: Instant::now() };
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
        let Failure { code, status } = self.last;
        let status = status.map_or_else(String::new, |status| format!(" (status {status})"));
        Error::new(
            Code::ModelUnavailable,
            format!(
                "the provider failed {FAILURES} times in a row and is left alone since {} {until}; \
                 its last failure: {code}{status}",
                at(self.since),
            ),
        )
        .hint("name other models in `intelligence.fallback_models`, or run again later")
        .answered(ProviderAnswer { retry_after: left, ..ProviderAnswer::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::deadline::within;
    use super::*;

    fn breaker() -> Arc<Breaker> {
        of([1; 32], &Arc::default())
    }

    fn of(tenant: [u8; 32], outage: &Arc<Outage>) -> Arc<Breaker> {
        Arc::new(Breaker::new(tenant, outage.clone()))
    }

    fn down() -> Error {
        Error::new(Code::ModelUnavailable, "host answered 503: no")
            .answered(ProviderAnswer { status: Some(503), ..ProviderAnswer::default() })
    }

    fn fail(breaker: &Arc<Breaker>, times: usize) {
        for _ in 0..times {
            breaker.enter().expect("closed").failed(&down());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_for_what_little_time_was_left_says_nothing() {
        for (waits, opens) in [(0, true), (1, true), (3, false), (4, false)] {
            let breaker = breaker();
            for _ in 0..FAILURES {
                let request = async {
                    tokio::time::sleep(Duration::from_secs(waits)).await;
                    let _pass = breaker.enter().expect("closed");
                    std::future::pending::<()>().await;
                };
                assert!(within(Duration::from_secs(5), request).await.is_none());
            }
            assert_eq!(breaker.check().is_err(), opens, "after {waits} s of waiting");
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
        assert!(error.message().ends_with("model_unavailable (status 503)"), "{error}");
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

    #[tokio::test(start_paused = true)]
    async fn all_are_held_back_when_several_fail_until_one_of_them_is_answered() {
        let outage = Arc::default();
        let [one, two, three] = [1, 2, 3].map(|tenant| of([tenant; 32], &outage));
        fail(&one, FAILURES);
        one.check().expect_err("it failed");
        two.check().expect("the others are not held back");
        three.enter().expect("closed").answered();
        one.check().expect_err("what others are answered says nothing of its own requests");

        fail(&two, FAILURES - 1);
        three.check().expect("still one tenant in a row");
        fail(&three, 1);
        for breaker in [&two, &three] {
            breaker.enter().expect_err("the provider is down");
        }
        tokio::time::advance(COOL_DOWN).await;
        // Each has a probe of its own: who fails holds up no other.
        two.enter().expect("one may try").failed(&down());
        two.check().expect_err("open again");
        let probe = three.enter().expect("one may try");
        three.check().expect_err("only one");
        probe.answered();
        for breaker in [&two, &three] {
            breaker.check().expect("closed");
            assert!(breaker.is_idle());
        }
        assert!(outage.is_idle());
    }

    #[test]
    fn kernels_share_the_breaker_of_a_tenant_and_a_key() {
        let lane = Lane { tenant: "a", address: "breaker", key: None, headers: &[], model: "p/m" };
        let shared = Breaker::shared(&lane);
        assert!(Arc::ptr_eq(&shared, &Breaker::shared(&Lane { model: "p/n", ..lane })));
        let other = Breaker::shared(&Lane { tenant: "b", ..lane });
        assert!(!Arc::ptr_eq(&shared, &other) && Arc::ptr_eq(&shared.outage, &other.outage));
        let elsewhere = Breaker::shared(&Lane { address: "elsewhere", ..lane });
        assert!(!Arc::ptr_eq(&shared.outage, &elsewhere.outage));
    }
}
