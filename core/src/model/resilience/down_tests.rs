//! Providers that are down, seem to be, or are back: who is left alone, and what is told of it. How the
//! breaker opens and closes is tested beside it.

use super::tests::{answered, ask, resilient, resilient_of, unavailable};
use super::*;
use crate::error::ProviderAnswer;

/// Asks once each time.
fn once() -> Policy {
    Policy { max_retries: 0, ..Policy::default() }
}

/// Whoever gives it something waits for ever.
struct Stuck;

#[async_trait]
impl DeltaSink for Stuck {
    async fn delta(&mut self, _: Delta) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_answer_nobody_reads_holds_nobody_back() {
    for (key, says) in [("text", None), ("counts", Some(Delta::Usage(Usage::new(1, 0))))] {
        let down = resilient(key, vec![unavailable(); 5], once());
        for _ in 0..5 {
            ask(&down).await.0.expect_err("down");
        }
        ask(&down).await.0.expect_err("left alone");
        tokio::time::advance(Duration::from_secs(60)).await;
        let failures = says.iter().map(|_| unavailable()).collect();
        let mut probe = resilient(key, failures, once());
        probe.model.says = says;
        let probing =
            tokio::spawn(
                async move { probe.chat(&ChatRequest::default(), &mut Stuck).await.map(drop) },
            );
        tokio::time::sleep(Duration::from_secs(1)).await;
        ask(&down).await.0.expect("the provider answers again");
        assert!(!probing.is_finished());
        probing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn what_began_and_broke_off_before_the_first_word_is_a_failure() {
    let mut model = resilient("begins", vec![unavailable(); 6], once());
    model.model.says = Some(Delta::Usage(Usage::new(1, 0)));
    for _ in 0..5 {
        ask(&model).await.0.expect_err("down");
    }
    let error = ask(&model).await.0.expect_err("left alone");
    assert!(error.message().contains("left alone since"), "{error}");
}
