//! The rules one by one, with time stopped; `core/tests/embeddings.rs` has them over a socket.

use std::sync::Mutex;
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::*;
use crate::error::ProviderAnswer;
use crate::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink};

/// Fails as it is told, then answers; notes how many texts each request had.
struct Flaky {
    failures: Mutex<Vec<Error>>,
    asked: Mutex<Vec<usize>>,
    takes: Duration,
    /// What the provider counts for a text.
    counts: u64,
}

#[async_trait]
impl EmbeddingWire for Flaky {
    fn batch_limit(&self) -> BatchLimit {
        BatchLimit { texts: 3, bytes: 1000 }
    }

    async fn embed_batch(&self, texts: &[String], _: EmbeddingUse) -> Result<Embedded> {
        self.asked.lock().expect("lock").push(texts.len());
        tokio::time::sleep(self.takes).await;
        if let Some(error) = self.failures.lock().expect("lock").pop() {
            return Err(error);
        }
        let vector = |text: &String| vec![1.0; 1 + usize::from(text == "longer")];
        let tokens = self.counts * texts.len() as u64;
        Ok(Embedded { vectors: texts.iter().map(vector).collect(), tokens })
    }
}

/// A chat model that is down.
struct Down;

#[async_trait]
impl ChatModel for Down {
    async fn chat(&self, _: &ChatRequest, _: &mut dyn DeltaSink) -> Result<Completion> {
        Err(unavailable())
    }
}

struct Nothing;

#[async_trait]
impl DeltaSink for Nothing {
    async fn delta(&mut self, _: Delta) {}
}

fn unavailable() -> Error {
    Error::new(Code::ModelUnavailable, "host answered 503")
        .answered(ProviderAnswer { status: Some(503), ..ProviderAnswer::default() })
}

fn limited(wait: f64) -> Error {
    Error::new(Code::ModelRateLimited, "host answered 429").answered(ProviderAnswer {
        status: Some(429),
        retry_after: Some(Duration::from_secs_f64(wait)),
        ..ProviderAnswer::default()
    })
}

/// Each test has a key of its own: breakers and limits are shared.
fn resilient<M>(key: &str, model: M, policy: Policy) -> Resilient<M> {
    let key = SecretString::from(format!("embeddings {key}"));
    let lane = Lane { tenant: "t", address: "x", key: Some(&key), headers: &[], model: "x/m" };
    Resilient::new(model, &lane, policy)
}

fn flaky(key: &str, failures: Vec<Error>, policy: Policy) -> Resilient<Flaky> {
    let wire = Flaky {
        failures: failures.into(),
        asked: Mutex::default(),
        takes: Duration::ZERO,
        counts: 0,
    };
    resilient(key, wire, policy)
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("text {i}")).collect()
}

impl Resilient<Flaky> {
    async fn ask(&self, count: usize) -> Result<Vec<Vec<f32>>> {
        Ok(self.all_vectors(&texts(count), EmbeddingUse::Document).await?.vectors)
    }

    fn asked(&self) -> Vec<usize> {
        self.model.asked.lock().expect("lock").clone()
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_is_made_as_often_as_allowed_and_no_oftener() {
    for (retries, failures, works) in
        [(2, 2, true), (2, 3, false), (0, 1, false), (4, 4, true), (0, 0, true)]
    {
        let key = format!("often {retries} {failures}");
        let policy = Policy { max_retries: retries, ..Policy::default() };
        let model = flaky(&key, vec![unavailable(); failures], policy);
        assert_eq!(model.ask(3).await.is_ok(), works, "{key}");
        assert_eq!(model.asked().len(), failures.min(retries as usize) + 1, "{key}");
    }
    // Each request has its own attempts.
    let model = flaky("own", Vec::new(), Policy::default());
    assert_eq!(model.ask(7).await.expect("vectors").len(), 7);
    assert_eq!(model.asked(), [3, 3, 1]);
    for code in [Code::ModelRefused, Code::ModelUnauthorized, Code::ModelInvalidResponse] {
        let model = flaky(code.as_str(), vec![Error::new(code, "no")], Policy::default());
        assert_eq!(model.ask(1).await.expect_err("fails").code(), code);
        assert_eq!(model.asked(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_asks_for_is_waited_up_to_a_bound() {
    let before = Instant::now();
    flaky("asks", vec![limited(7.0)], Policy::default()).ask(1).await.expect("vectors");
    let waited = before.elapsed().as_secs_f64();
    assert!((7.0..7.8).contains(&waited), "{waited}");

    let model = flaky("asks much", vec![limited(90.0)], Policy::default());
    let error = model.ask(1).await.expect_err("too long");
    assert!(error.message().contains("asks to wait 90 s"), "{error}");
    assert_eq!(model.asked(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_down_is_left_alone_by_chats_and_vectors_alike() {
    let policy = Policy { max_retries: 0, ..Policy::default() };
    let model = flaky("down", vec![unavailable(); 3], policy);
    let chat = resilient("down", Down, policy);
    for _ in 0..3 {
        model.ask(1).await.expect_err("down");
    }
    for _ in 0..2 {
        chat.chat(&ChatRequest::default(), &mut Nothing).await.expect_err("down");
    }
    let error = model.ask(1).await.expect_err("left alone");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    assert!(error.message().contains("left alone since"), "{error}");
    assert_eq!(error.hint_text(), Some(LEFT_ALONE));
    assert_eq!(model.asked().len(), 3, "it was not asked");
    // Another key is another matter.
    flaky("another", Vec::new(), policy).ask(1).await.expect("asked");
    tokio::time::advance(Duration::from_secs(60)).await;
    model.ask(1).await.expect("it is back");

    let busy = flaky("busy", vec![limited(1.0); 6], policy);
    for _ in 0..6 {
        assert!(busy.ask(1).await.expect_err("busy").message().contains("429"));
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_end_when_the_breaker_opens_and_say_what_the_provider_said() {
    let policy = Policy { max_retries: 9, ..Policy::default() };
    let model = flaky("opens", vec![unavailable(); 10], policy);
    let error = model.ask(1).await.expect_err("down");
    assert_eq!(error.message(), "host answered 503");
    assert_eq!(model.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn all_attempts_of_one_request_have_a_time() {
    let policy = Policy { total: Some(Duration::from_secs(3)), ..Policy::default() };
    let mut model = flaky("total", vec![unavailable(); 2], policy);
    model.model.takes = Duration::from_secs(2);
    let before = Instant::now();
    let error = model.ask(1).await.expect_err("too long");
    assert!(error.message().contains("x/m took longer than 3000 ms"), "{error}");
    assert_eq!(before.elapsed().as_secs(), 3);

    // Many requests may take longer than one of them may.
    let mut model = flaky("total of each", Vec::new(), policy);
    model.model.takes = Duration::from_secs(2);
    assert_eq!(model.ask(9).await.expect("vectors").len(), 9);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_key_go_one_after_the_other_where_that_is_the_limit() {
    let policy = Policy { concurrent_requests: std::num::NonZeroU32::new(1), ..Policy::default() };
    let model = || {
        let mut model = flaky("one", Vec::new(), policy);
        model.model.takes = Duration::from_secs(10);
        model
    };
    let (first, second, third) = (model(), model(), model());
    let before = Instant::now();
    let mut going = Box::pin(first.ask(1));
    let mut waiting = Box::pin(second.ask(1));
    tokio::select! {
        biased;
        _ = &mut going => unreachable!("it takes ten seconds"),
        _ = &mut waiting => unreachable!("it takes longer"),
        () = tokio::time::sleep(Duration::from_secs(5)) => {}
    }
    assert_eq!((first.asked().len(), second.asked().len()), (1, 0));
    // Who waits gives its place in the queue back, and who is at it gives back its slot.
    drop(waiting);
    drop(going);
    third.ask(1).await.expect("vectors");
    assert_eq!(before.elapsed().as_secs(), 15);
    assert_eq!(second.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_estimated_bounded_in_a_request_and_corrected() {
    let limit =
        |most| Policy { tokens_per_minute: std::num::NonZeroU32::new(most), ..Policy::default() };
    // "text 0" is two tokens of ours.
    let model = flaky("tokens", Vec::new(), limit(6));
    let before = Instant::now();
    model.ask(3).await.expect("vectors");
    assert_eq!(before.elapsed().as_secs(), 0);
    model.ask(3).await.expect("vectors");
    let waited = before.elapsed().as_secs();
    assert!((59..62).contains(&waited), "{waited}");
    // A request holds no more than a minute gives.
    let model = flaky("few tokens", Vec::new(), limit(4));
    model.ask(3).await.expect("vectors");
    assert_eq!(model.asked(), [2, 1]);
    // The provider counts more than was estimated: the next one waits for the rest.
    let mut model = flaky("more tokens", Vec::new(), limit(60));
    model.model.counts = 40;
    let before = Instant::now();
    model.ask(3).await.expect("vectors");
    model.ask(1).await.expect("vectors");
    let waited = before.elapsed().as_secs();
    assert!((60..64).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn vectors_of_different_sizes_are_no_answer() {
    let model = flaky("sizes", Vec::new(), Policy::default());
    let mut texts = texts(4);
    texts[3] = "longer".into();
    let error = model.all_vectors(&texts, EmbeddingUse::Document).await.expect_err("sizes");
    assert_eq!(error.code(), Code::ModelInvalidResponse);
    let none = model.all_vectors(&[], EmbeddingUse::Document).await.expect("none");
    assert_eq!(none, Embedded::default());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_is_told_as_the_provider_counts_it_or_as_we_do() {
    let mut model = flaky("counts", Vec::new(), Policy::default());
    let seven = texts(7);
    let made = model.all_vectors(&seven, EmbeddingUse::Query).await.expect("made");
    assert_eq!(made.tokens, of_texts(&seven));
    model.model.counts = 40;
    let made = model.all_vectors(&seven, EmbeddingUse::Query).await.expect("made");
    assert_eq!((made.tokens, made.vectors.len()), (7 * 40, 7));
}
