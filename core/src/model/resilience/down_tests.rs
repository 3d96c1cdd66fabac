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

#[tokio::test(start_paused = true)]
async fn the_failures_of_one_tenant_hold_nobody_else_back() {
    let of = |tenant| resilient_of(tenant, "one", vec![unavailable(); 9], once());
    let (one, other) = (of("one"), of("other"));
    for _ in 0..5 {
        ask(&one).await.0.expect_err("down");
    }
    let left_alone = async |model| {
        let error = ask(model).await.0.expect_err("down");
        error.message().contains("left alone since")
    };
    assert!(left_alone(&one).await);
    // That two of them meet it says that it is the provider.
    assert!(!left_alone(&other).await);
    assert!(left_alone(&other).await);
    let third = resilient_of("third", "one", Vec::new(), once());
    assert!(left_alone(&third).await);
    // One whose requests go on failing does not keep the others from trying.
    tokio::time::advance(Duration::from_secs(16)).await;
    assert!(!left_alone(&one).await);
    assert!(left_alone(&one).await);
    ask(&third).await.0.expect("it is back");
    other.model.failures.lock().expect("lock").clear();
    ask(&other).await.0.expect("it is back");
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_said_to_one_tenant_is_told_to_no_other() {
    let said = || {
        let answer = ProviderAnswer { status: Some(500), ..ProviderAnswer::default() };
        Error::new(Code::ModelUnavailable, "host answered 500: canary").answered(answer)
    };
    for (tenant, times) in [("a", 3), ("b", 2)] {
        let model = resilient_of(tenant, "told", vec![said(); times], once());
        for _ in 0..times {
            ask(&model).await.0.expect_err("down");
        }
    }
    let error = ask(&resilient_of("c", "told", Vec::new(), once())).await.0;
    let error = error.expect_err("left alone");
    assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
    assert!(error.message().contains("model_unavailable (status 500)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_silent_for_all_the_time_there_is_is_down() {
    let policy = Policy { total: Some(Duration::from_secs(3)), ..once() };
    let mut silent = resilient("silent", Vec::new(), policy);
    silent.model.takes = Duration::from_secs(10);
    for _ in 0..5 {
        let error = ask(&silent).await.0.expect_err("silent");
        assert!(error.message().contains("took longer than"), "{error}");
    }
    let error = ask(&silent).await.0.expect_err("left alone");
    assert!(error.message().contains("left alone since"), "{error}");
    // A probe that is silent as well, too.
    tokio::time::advance(Duration::from_secs(15)).await;
    ask(&silent).await.0.expect_err("silent");
    let error = ask(&silent).await.0.expect_err("left alone");
    assert!(error.message().contains("left alone since"), "{error}");

    // One that was answering when its time was over is slow, not down; nor is one down whose
    // callers give up.
    for (key, begins, says) in
        [("slow", false, Some(Delta::Text("a".into()))), ("thinks", true, None)]
    {
        let mut slow = resilient(key, vec![unavailable(); 6], policy);
        (slow.model.begins, slow.model.says) = (begins, says);
        slow.model.stands = Duration::from_secs(10);
        for _ in 0..6 {
            let error = ask(&slow).await.0.expect_err("slow");
            assert!(error.message().contains("took longer than"), "{error}");
        }
    }
    let mut left = resilient("left", Vec::new(), policy);
    left.model.takes = Duration::from_millis(2_000);
    for _ in 0..6 {
        let gone = tokio::time::timeout(Duration::from_secs(1), ask(&left)).await;
        assert!(gone.is_err());
    }
    ask(&left).await.0.expect("answered");
}

#[tokio::test(start_paused = true)]
async fn what_never_left_the_process_says_nothing_of_the_provider() {
    let ours = || Error::invalid_argument("this wire has no stop texts");
    let refused = || answered(Code::ModelRefused, 400, None);
    let nonsense = || Error::new(Code::ModelInvalidResponse, "no JSON");
    for (name, error, opens) in [
        ("ours", ours(), true),
        ("refused", refused(), false),
        ("nonsense", nonsense(), false),
        ("differs", Error::new(Code::CassetteDiffers, "differs"), true),
    ] {
        let mut failures = vec![unavailable(); 6];
        failures.insert(2, error);
        let model = resilient(&format!("says {name}"), failures, once());
        for _ in 0..6 {
            ask(&model).await.0.expect_err(name);
        }
        let error = ask(&model).await.0.expect_err(name);
        assert_eq!(error.message().contains("left alone since"), opens, "{name}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_left_alone_while_it_waits_for_our_own_limits_gives_its_place_back() {
    let policy = Policy { requests_per_minute: std::num::NonZeroU32::new(10), ..once() };
    let limited = resilient("place", Vec::new(), policy);
    for _ in 0..10 {
        ask(&limited).await.0.expect("answered");
    }
    // It waits for six seconds, and meanwhile others find the provider down.
    let down = resilient("place", vec![unavailable(); 5], once());
    let fails = async {
        for _ in 0..5 {
            ask(&down).await.0.expect_err("down");
        }
    };
    let ((outcome, _), ()) = tokio::join!(ask(&limited), fails);
    outcome.expect_err("left alone");
    tokio::time::advance(Duration::from_secs(10)).await;
    // One has come back since, and one was not used.
    let before = tokio::time::Instant::now();
    for _ in 0..2 {
        ask(&limited).await.0.expect("answered");
    }
    assert_eq!(before.elapsed().as_secs(), 0);
}
