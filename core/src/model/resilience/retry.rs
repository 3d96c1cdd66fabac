//! One model of one provider and key: attempts, total time, circuit breaker, rate limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::breaker::{Breaker, Pass};
use super::deadline::within;
use super::limits::{Limits, Slot};
use super::{Lane, Policy};
use crate::error::{Code, Error, Result};
use crate::model::estimate::Estimate;
use crate::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, StructuredOutput, Usage};

/// The most that is waited before the first further attempt; twice as much each time.
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LAST_DELAY: Duration = Duration::from_secs(8);
/// The longest wait that a provider can ask for. One that asks for more is not asked again.
const ASKED_LIMIT: Duration = Duration::from_secs(20);
/// Waits for our own limits that are shorter are not told.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// A model whose failures are retried as long as nothing was emitted.
pub(in crate::model) struct Resilient<M> {
    pub(super) model: M,
    /// `provider/model`.
    pub(super) name: String,
    pub(super) policy: Policy,
    pub(super) breaker: Arc<Breaker>,
    pub(super) limits: Option<Arc<Limits>>,
}

impl<M> Resilient<M> {
    pub(in crate::model) fn new(model: M, lane: &Lane<'_>, policy: Policy) -> Self {
        let breaker = if policy.replays { Breaker::none() } else { Breaker::shared(lane) };
        Self {
            model,
            name: lane.model.to_owned(),
            policy,
            breaker,
            limits: Limits::shared(lane, &policy),
        }
    }

    /// Gives all attempts together their time.
    pub(super) async fn in_time<T>(
        &self,
        advice: &str,
        attempts: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Some(total) = self.policy.total else { return attempts.await };
        let late = || Err(self.too_late(total, advice).unanswered());
        within(total, attempts).await.unwrap_or_else(late)
    }

    fn too_late(&self, total: Duration, advice: &str) -> Error {
        let message = format!("{} took longer than {} ms", self.name, total.as_millis());
        Error::new(Code::ModelUnavailable, message).hint(advice)
    }
}

#[async_trait]
impl<M: ChatModel> ChatModel for Resilient<M> {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let advice = "raise total_ms of the provider, or ask for shorter answers";
        let attempts = self.attempts(request, &mut *sink);
        let Some(total) = self.policy.total else { return attempts.await };
        if let Some(outcome) = within(total, attempts).await {
            return outcome;
        }
        let error = self.too_late(total, advice).unanswered();
        sink.failed(&error);
        Err(error)
    }

    fn structured_output(&self) -> StructuredOutput {
        self.model.structured_output()
    }
}

impl<M: ChatModel> Resilient<M> {
    async fn attempts(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<Completion> {
        let (before, usage) = (Usage::default(), Usage::default());
        let mut watch = Watch { sink, pass: None, emitted: false, before, usage };
        let mut attempt = 1;
        loop {
            let error = match self.attempt(attempt, request, &mut watch).await {
                Ok(mut completion) => {
                    completion.usage += watch.before;
                    return Ok(completion);
                }
                Err(error) => error,
            };
            watch.sink.failed(&error);
            watch.before += std::mem::take(&mut watch.usage);
            let last = watch.emitted || attempt > self.policy.max_retries;
            // What the provider failed with last tells more than that it is left alone now.
            if last || !error.retryable() || self.breaker.check().is_err() {
                return Err(error);
            }
            let delay = delay(attempt, &error)?;
            watch
                .delta(Delta::Retrying {
                    attempt,
                    delay_ms: millis(delay),
                    code: error.code(),
                    message: error.message().to_owned(),
                    model: None,
                })
                .await;
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        attempt: u32,
        request: &ChatRequest,
        watch: &mut Watch<'_>,
    ) -> Result<Completion> {
        self.breaker.check()?;
        let slot = match &self.limits {
            Some(limits) => Some(self.slot(limits, attempt, request, watch).await),
            None => None,
        };
        let pass = match self.breaker.enter() {
            Ok(pass) => pass,
            Err(error) => {
                if let Some(slot) = slot {
                    slot.give_back();
                }
                return Err(error);
            }
        };
        if let Err(error) = watch.sink.asks(&self.name, request) {
            if let Some(slot) = slot {
                slot.give_back();
            }
            return Err(error);
        }
        watch.pass = Some(pass);
        let outcome = self.model.chat(request, watch).await;
        // If something was given before, that has told it, wherever it broke off afterwards.
        if let Some(pass) = watch.pass.take() {
            conclude(pass, outcome.as_ref().err());
        }
        if let Some(slot) = slot {
            let used = outcome.as_ref().map_or(watch.usage, |completion| completion.usage);
            // A provider that counts nothing is taken at our estimate.
            if outcome.is_err() || used.total_tokens > 0 {
                slot.settle(used.total_tokens);
            }
        }
        outcome
    }

    /// Waits for our own limits.
    async fn slot(
        &self,
        limits: &Arc<Limits>,
        attempt: u32,
        request: &ChatRequest,
        watch: &mut Watch<'_>,
    ) -> Slot {
        let left = AtomicU64::new(0);
        let mut entering = std::pin::pin!(limits.enter(Estimate::of(request).total(), &left));
        if let Ok(slot) = tokio::time::timeout(QUIET, &mut entering).await {
            return slot;
        }
        watch
            .delta(Delta::Retrying {
                attempt,
                delay_ms: left.load(Ordering::Relaxed).saturating_sub(millis(QUIET)),
                code: Code::ModelRateLimited,
                message: format!(
                    "our own limit on requests to {} is reached (requests_per_minute, \
                     tokens_per_minute or concurrent_requests of the provider)",
                    self.name
                ),
                model: None,
            })
            .await;
        entering.await
    }
}

/// Tells the breaker what became of a request of which nothing was given.
pub(super) fn conclude(pass: Pass, failure: Option<&Error>) {
    match failure {
        None => pass.answered(),
        Some(error) if is_down(error) => pass.failed(error),
        Some(error) if is_answer(error) => pass.answered(),
        Some(_) => pass.returned(),
    }
}

/// Whether a failure came from the provider; others may never have left the process.
fn is_answer(error: &Error) -> bool {
    error.answer().is_some() || error.code() == Code::ModelInvalidResponse
}

/// Whether a failure tells that the provider is down, rather than that it refuses this request.
fn is_down(error: &Error) -> bool {
    let status = error.answer().and_then(|answer| answer.status);
    matches!(error.code(), Code::ModelUnavailable | Code::ModelStreamBroken)
        && status.is_none_or(|status| status >= 500)
}

/// Notes whether something was given that a second attempt would give again, and what was used; tells
/// the breaker of the first sign of an answer, before whoever reads it may hold it up.
struct Watch<'a> {
    sink: &'a mut dyn DeltaSink,
    /// Of the request that is on its way, as long as it was not answered.
    pass: Option<Pass>,
    emitted: bool,
    /// By attempts that failed.
    before: Usage,
    /// By the one under way.
    usage: Usage,
}

#[async_trait]
impl DeltaSink for Watch<'_> {
    async fn delta(&mut self, mut delta: Delta) {
        match &mut delta {
            Delta::Usage(usage) => {
                self.usage = *usage;
                *usage += self.before;
                if let Some(pass) = &mut self.pass {
                    pass.began();
                }
            }
            Delta::Retrying { .. } => {}
            _ => {
                self.emitted = true;
                if let Some(pass) = self.pass.take() {
                    pass.answered();
                }
            }
        }
        self.sink.delta(delta).await;
    }

    fn began(&mut self) {
        if let Some(pass) = &mut self.pass {
            pass.began();
        }
    }
}

/// How long is waited before the next attempt: what the provider asked for and a little more, else
/// anything up to twice as much each time, so that many clients do not come back at once.
///
/// # Errors
/// The failure itself, when the provider asks for more than is waited.
pub(super) fn delay(attempt: u32, error: &Error) -> Result<Duration> {
    let asked = error.answer().and_then(|answer| answer.retry_after);
    let Some(asked) = asked else {
        let most = FIRST_DELAY.saturating_mul(2u32.saturating_pow(attempt - 1)).min(LAST_DELAY);
        return Ok(most.mul_f64(chance()));
    };
    if asked <= ASKED_LIMIT {
        return Ok(asked + asked.mul_f64(chance() / 10.0));
    }
    let message = format!(
        "{} (it asks to wait {} s, and at most {} s are waited)",
        error.message(),
        asked.as_secs(),
        ASKED_LIMIT.as_secs()
    );
    let mut told = Error::new(error.code(), message).retry(error.retryable());
    if let Some(hint) = error.hint_text() {
        told = told.hint(hint);
    }
    if let Some(cause) = error.cause() {
        told = told.caused_by(cause);
    }
    if let Some(answer) = error.answer() {
        told = told.answered(answer.clone());
    }
    Err(told)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A number from 0 to 1. The last bytes of such an id are random.
fn chance() -> f64 {
    let id = uuid::Uuid::now_v7();
    let noise = u32::from_le_bytes(id.as_bytes()[12..16].try_into().unwrap_or_default());
    f64::from(noise) / f64::from(u32::MAX)
}

#[cfg(test)]
#[path = "down_tests.rs"]
mod down_tests;

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::Instant;

    use super::*;
    use crate::error::ProviderAnswer;

    /// Fails as it is told, then answers.
    pub(super) struct Flaky {
        pub(super) failures: Mutex<Vec<Error>>,
        pub(super) takes: Duration,
        /// Whether an answer begins before there is anything to give of it.
        pub(super) begins: bool,
        /// Said before it fails.
        pub(super) says: Option<Delta>,
        /// Between what it says and its failure.
        pub(super) stands: Duration,
    }

    #[async_trait]
    impl ChatModel for Flaky {
        async fn chat(&self, _: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
            tokio::time::sleep(self.takes).await;
            let failure = self.failures.lock().expect("lock").pop();
            let Some(error) = failure else {
                sink.delta(Delta::Text("done".into())).await;
                let usage = Usage::new(10, 10);
                return Ok(Completion { text: "done".into(), usage, ..Completion::default() });
            };
            if self.begins {
                sink.began();
            }
            if let Some(delta) = &self.says {
                sink.delta(delta.clone()).await;
            }
            tokio::time::sleep(self.stands).await;
            Err(error)
        }
    }

    #[derive(Default)]
    pub(super) struct Deltas(Vec<Delta>);

    #[async_trait]
    impl DeltaSink for Deltas {
        async fn delta(&mut self, delta: Delta) {
            self.0.push(delta);
        }
    }

    impl Deltas {
        fn retries(&self) -> Vec<(u32, u64, Code)> {
            let of = |delta: &Delta| match delta {
                Delta::Retrying { attempt, delay_ms, code, .. } => {
                    Some((*attempt, *delay_ms, *code))
                }
                _ => None,
            };
            self.0.iter().filter_map(of).collect()
        }
    }

    pub(super) fn answered(code: Code, status: u16, wait: Option<f64>) -> Error {
        Error::new(code, format!("host answered {status}")).answered(ProviderAnswer {
            status: Some(status),
            request_id: None,
            retry_after: wait.map(Duration::from_secs_f64),
        })
    }

    pub(super) fn unavailable() -> Error {
        answered(Code::ModelUnavailable, 503, None)
    }

    /// Each test has a key of its own: breakers and limits are shared.
    pub(super) fn resilient(key: &str, failures: Vec<Error>, policy: Policy) -> Resilient<Flaky> {
        resilient_of("t", key, failures, policy)
    }

    pub(super) fn resilient_of(
        tenant: &str,
        key: &str,
        failures: Vec<Error>,
        policy: Policy,
    ) -> Resilient<Flaky> {
        let (takes, stands) = (Duration::ZERO, Duration::ZERO);
        let model = Flaky { failures: failures.into(), takes, begins: false, says: None, stands };
        let key = secrecy::SecretString::from(key.to_owned());
        let lane = Lane { tenant, address: "x", key: Some(&key), headers: &[], model: "x/m" };
        Resilient::new(model, &lane, policy)
    }

    pub(super) async fn ask(model: &Resilient<Flaky>) -> (Result<Completion>, Deltas) {
        let mut deltas = Deltas::default();
        let outcome = model.chat(&ChatRequest::default(), &mut deltas).await;
        (outcome, deltas)
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_as_often_as_allowed() {
        for (retries, failures, works) in
            [(2, 2, true), (2, 3, false), (0, 1, false), (4, 4, true), (0, 0, true)]
        {
            let key = format!("often {retries} {failures}");
            let policy = Policy { max_retries: retries, ..Policy::default() };
            let model = resilient(&key, vec![unavailable(); failures], policy);
            let (outcome, deltas) = ask(&model).await;
            assert_eq!(outcome.is_ok(), works, "{key}");
            let told = deltas.retries();
            assert_eq!(told.len(), failures.min(retries as usize), "{key}");
            for (i, (attempt, delay, code)) in told.iter().enumerate() {
                assert_eq!(*attempt as usize, i + 1);
                assert!(*delay <= 500 << i, "{delay} before attempt {}", i + 2);
                assert_eq!(*code, Code::ModelUnavailable);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_would_fail_again_is_not_tried_again() {
        for code in [Code::ModelRefused, Code::ModelUnauthorized, Code::ModelContextExceeded] {
            let model = resilient(code.as_str(), vec![Error::new(code, "no")], Policy::default());
            let (outcome, deltas) = ask(&model).await;
            assert_eq!(outcome.expect_err("fails").code(), code);
            assert!(deltas.0.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_provider_asks_for_is_waited_up_to_a_bound() {
        let limited = |wait| vec![answered(Code::ModelRateLimited, 429, Some(wait))];
        let before = Instant::now();
        let (outcome, deltas) = ask(&resilient("asks", limited(7.0), Policy::default())).await;
        outcome.expect("answered");
        let waited = before.elapsed().as_secs_f64();
        assert!((7.0..7.8).contains(&waited), "{waited}");
        assert!((7000..=7700).contains(&deltas.retries()[0].1), "{deltas:?}", deltas = deltas.0);

        let before = Instant::now();
        let (outcome, deltas) =
            ask(&resilient("asks much", limited(90.0), Policy::default())).await;
        let error = outcome.expect_err("too long");
        assert_eq!((error.code(), error.retryable()), (Code::ModelRateLimited, true));
        assert!(error.message().contains("asks to wait 90 s, and at most 20 s"), "{error}");
        assert_eq!(error.answer().and_then(|answer| answer.status), Some(429));
        assert!(before.elapsed() < Duration::from_millis(10) && deltas.0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_given_is_not_given_again() {
        let call =
            Delta::ToolCall { call_id: "c".into(), name: "t".into(), arguments: String::new() };
        for (says, again) in [
            (Delta::Text("a".into()), false),
            (Delta::Reasoning("a".into()), false),
            (call, false),
            (Delta::Usage(Usage::new(1, 0)), true),
        ] {
            let broken = Error::new(Code::ModelStreamBroken, "ended");
            let mut model = resilient(&format!("{says:?}"), vec![broken], Policy::default());
            model.model.says = Some(says.clone());
            assert_eq!(ask(&model).await.0.is_ok(), again, "{says:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_is_told_and_what_all_used_is_counted() {
        struct Book(Vec<String>, Usage, usize);
        #[async_trait]
        impl DeltaSink for Book {
            async fn delta(&mut self, delta: Delta) {
                if let Delta::Usage(usage) = delta {
                    self.1 = usage;
                }
            }

            fn asks(&mut self, model: &str, _: &ChatRequest) -> Result<()> {
                if self.2 == 0 {
                    return Err(Error::new(Code::BudgetExceeded, "no room"));
                }
                self.2 -= 1;
                self.0.push(model.to_owned());
                Ok(())
            }

            fn failed(&mut self, error: &Error) {
                self.0.push(error.code().to_string());
            }
        }
        let flaky = |key: &str| {
            let mut model = resilient(key, vec![unavailable(); 2], Policy::default());
            model.model.says = Some(Delta::Usage(Usage::new(100, 1)));
            model
        };
        let request = ChatRequest::default();
        let mut book = Book(Vec::new(), Usage::default(), 9);
        let done = flaky("book").chat(&request, &mut book).await.expect("answered");
        let down = "model_unavailable";
        assert_eq!(book.0, ["x/m", down, "x/m", down, "x/m"]);
        assert_eq!((book.1, done.usage), (Usage::new(200, 2), Usage::new(210, 12)));

        let mut book = Book(Vec::new(), Usage::default(), 1);
        let error = flaky("kept back").chat(&request, &mut book).await.expect_err("kept back");
        assert_eq!(error.code(), Code::BudgetExceeded);
        assert_eq!(book.0, ["x/m", down, "budget_exceeded"], "not asked again");
    }

    #[tokio::test(start_paused = true)]
    async fn all_attempts_together_have_a_time() {
        let policy = Policy { total: Some(Duration::from_secs(3)), ..Policy::default() };
        let mut model = resilient("total", vec![unavailable(); 2], policy);
        model.model.takes = Duration::from_secs(2);
        let before = Instant::now();
        let error = ask(&model).await.0.expect_err("too long");
        assert!(error.message().contains("x/m took longer than 3000 ms"), "{error}");
        assert_eq!(before.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_is_down_is_left_alone_and_one_that_refuses_is_not() {
        let policy = Policy { max_retries: 0, ..Policy::default() };
        let model = resilient("down", vec![unavailable(); 6], policy);
        for _ in 0..5 {
            ask(&model).await.0.expect_err("down");
        }
        let error = ask(&model).await.0.expect_err("left alone");
        assert!(error.message().contains("left alone since"), "{error}");
        assert_eq!(model.model.failures.lock().expect("lock").len(), 1, "it was not asked");
        // Another agent with the same key is told the same; one with another key asks.
        ask(&resilient("down", Vec::new(), policy)).await.0.expect_err("left alone");
        ask(&resilient("another", Vec::new(), policy)).await.0.expect("asked");
        tokio::time::advance(Duration::from_secs(60)).await;
        ask(&model).await.0.expect_err("the probe failed");
        tokio::time::advance(Duration::from_secs(60)).await;
        ask(&model).await.0.expect("it is back");
        ask(&model).await.0.expect("it is back");

        let busy = vec![answered(Code::ModelRateLimited, 429, None); 6];
        let model = resilient("busy", busy, policy);
        for _ in 0..6 {
            assert!(ask(&model).await.0.expect_err("busy").message().contains("429"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_limit_is_told_when_it_is_felt() {
        let requests_per_minute = std::num::NonZeroU32::new(2);
        let policy = Policy { requests_per_minute, ..Policy::default() };
        let model = resilient("limited", Vec::new(), policy);
        for _ in 0..2 {
            assert!(ask(&model).await.1.retries().is_empty());
        }
        let before = Instant::now();
        let (outcome, deltas) = ask(&model).await;
        outcome.expect("answered");
        assert_eq!(before.elapsed().as_secs(), 30);
        let [Delta::Retrying { delay_ms, code, message, .. }, _] = &deltas.0[..] else {
            panic!("{:?}", deltas.0)
        };
        assert_eq!(*code, Code::ModelRateLimited);
        assert!((28_500..=29_500).contains(delay_ms), "{delay_ms}");
        assert!(message.contains("our own limit on requests to x/m"), "{message}");
    }

    #[test]
    fn chances_are_spread() {
        let some: Vec<f64> = (0..1000).map(|_| chance()).collect();
        let mean = some.iter().sum::<f64>() / 1000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
        assert!(some.iter().all(|chance| (0.0..=1.0).contains(chance)));
    }
}
