//! Bounded retries of what had no effect yet.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Result};
use crate::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, StructuredOutput};

/// Attempts in all, before the caller sees the error.
const ATTEMPTS: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest wait that a provider can ask for with `Retry-After`.
const DELAY_LIMIT: Duration = Duration::from_secs(20);

/// A model whose failures are retried as long as nothing was emitted.
#[derive(Debug)]
pub(in crate::model) struct Resilient<M>(pub(in crate::model) M);

#[async_trait]
impl<M: ChatModel> ChatModel for Resilient<M> {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let mut attempt = 1;
        loop {
            let mut watch = Watch { sink: &mut *sink, emitted: false };
            let error = match self.0.chat(request, &mut watch).await {
                Ok(completion) => return Ok(completion),
                Err(error) => error,
            };
            if watch.emitted || attempt == ATTEMPTS || !error.retryable() {
                return Err(error);
            }
            let delay = delay(attempt, &error);
            sink.delta(Delta::Retrying {
                attempt,
                delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                code: error.code(),
                message: error.message().to_owned(),
                model: None,
            })
            .await;
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    fn structured_output(&self) -> StructuredOutput {
        self.0.structured_output()
    }
}

/// Notes whether something was given that a second attempt would give again.
struct Watch<'a> {
    sink: &'a mut dyn DeltaSink,
    emitted: bool,
}

#[async_trait]
impl DeltaSink for Watch<'_> {
    async fn delta(&mut self, delta: Delta) {
        self.emitted |= !matches!(delta, Delta::Usage(_) | Delta::Retrying { .. });
        self.sink.delta(delta).await;
    }
}

/// Does something again while it fails with what may pass.
pub(in crate::model) async fn with_retries<T, F: Future<Output = Result<T>>>(
    work: impl Fn() -> F,
) -> Result<T> {
    let mut attempt = 1;
    loop {
        match work().await {
            Err(error) if attempt < ATTEMPTS && error.retryable() => {
                tokio::time::sleep(delay(attempt, &error)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

/// What the provider asked for, else twice as long each time.
fn delay(attempt: u32, error: &Error) -> Duration {
    let asked = error.answer().and_then(|answer| answer.retry_after);
    let backoff = FIRST_DELAY * 2u32.pow(attempt - 1);
    asked.unwrap_or(backoff + jitter(backoff)).min(DELAY_LIMIT)
}

/// Up to half of `delay`, so that many clients do not come back at once.
fn jitter(delay: Duration) -> Duration {
    let noise = uuid::Uuid::now_v7().as_bytes()[15];
    delay.mul_f64(f64::from(noise) / 510.0)
}
