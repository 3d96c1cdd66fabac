//! What runs are counted at when providers count late, never, or not at all, and what further requests
//! of a run are measured by: over a real socket, with the store's own books.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use aikit::agent::{EventKind, RunOptions, RunResult};
use aikit::kernel::{Kernel, OpenOptions};
use aikit::model::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, ProviderConfig, Providers,
};
use aikit::spec::Spec;
use aikit::store::DayUsage;
use aikit::{Code, Error};
use serde_json::{Value, json};

/// What is done after an answer.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// It ends as answers do, with what was counted if that is said.
    Ends(Option<(u64, u64)>),
    Breaks,
    /// The connection stands still.
    Waits,
}

/// A server that gives one answer for each connection and keeps the requests.
struct Server {
    config: ProviderConfig,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = format!("http://{}/v1", listener.local_addr().expect("address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let body = body(&mut stream);
                seen.lock().expect("lock").push(body);
                let _ = stream.write_all(answer.trim_end_matches(WAITS).as_bytes());
                if answer.ends_with(WAITS) {
                    open.push(stream);
                }
            }
            if !open.is_empty() {
                std::thread::park();
            }
        });
        let config = ProviderConfig { base_url: Some(address), ..ProviderConfig::default() };
        Self { config, requests }
    }

    fn asked(&self) -> usize {
        self.requests.lock().expect("lock").len()
    }
}

fn body(stream: &mut impl Read) -> Value {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("request");
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(Ok(body)) = body.map(serde_json::from_str) {
            return body;
        }
        assert!(read > 0, "half a request: {text}");
    }
}

const WAITS: char = '\u{0}';

fn answer(text: &str, then: Then) -> String {
    let mut out = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        .to_owned();
    let mut data = |value: Value| out.push_str(&format!("data: {value}\n\n"));
    data(json!({"choices": [{"delta": {"content": text}}]}));
    if let Then::Ends(counted) = then {
        data(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
        if let Some((input, output)) = counted {
            let usage = json!({"prompt_tokens": input, "completion_tokens": output});
            data(json!({"choices": [], "usage": usage}));
        }
        out.push_str("data: [DONE]\n\n");
    }
    if then == Then::Waits {
        out.push(WAITS);
    }
    out
}

fn refusal(status: &str) -> String {
    let body = r#"{"error": {"message": "no"}}"#;
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn nowhere() -> ProviderConfig {
    ProviderConfig {
        base_url: Some("http://127.0.0.1:1/v1".into()),
        max_retries: Some(0),
        ..ProviderConfig::default()
    }
}

async fn open(providers: Vec<(&str, &ProviderConfig)>) -> Kernel {
    let providers = providers.into_iter().map(|(name, config)| (name.to_owned(), config.clone()));
    let providers = Providers(providers.collect());
    Kernel::open(OpenOptions { providers, ..OpenOptions::default() }).await.expect("open")
}

/// 3,500 bytes: 1,000 tokens by our estimate, with 4 for the message, and 6 for the input.
const PROMPT: u64 = 1_010;

fn spec(models: &str, limits: &str) -> Spec {
    let prompt = "x".repeat(3_500);
    let text = format!(
        "identity: {{agent_id: a}}\nintelligence: {{{models}, system_prompt: {prompt}}}\n\
         governance: {{{limits}}}\n"
    );
    Spec::parse(&text).expect("spec")
}

async fn run(kernel: &Kernel, spec: Spec) -> Result<RunResult, Error> {
    kernel.agent(spec).await.expect("agent").run("hello").await
}

/// Runs until the first text, and cancels.
async fn cancelled(kernel: &Kernel, spec: Spec) -> RunResult {
    let mut run = kernel.agent(spec).await.expect("agent").start("hello");
    while let Some(event) = run.next().await {
        if let EventKind::TextDelta { .. } = &*event.kind {
            break;
        }
    }
    run.cancel();
    run.result().await.expect("cancelled")
}

async fn today(kernel: &Kernel) -> DayUsage {
    kernel.usage(1).await.expect("usage").days.remove(0)
}

async fn tokens_today(kernel: &Kernel) -> (u64, u64) {
    let day = today(kernel).await;
    (day.input_tokens, day.output_tokens)
}

#[tokio::test]
async fn a_run_that_is_cancelled_before_its_provider_counts_is_counted() {
    let server = Server::new(vec![answer("Hello", Then::Waits)]);
    let kernel = open(vec![("openai", &server.config)]).await;
    let result = cancelled(&kernel, spec("model: openai/gpt-4o", "")).await;
    assert_eq!(result.text, "Hello");
    assert_eq!(result.usage.total_tokens, 0, "the result says what the provider did");
    assert_eq!(tokens_today(&kernel).await, (PROMPT, 2));
    // 2.5 and 10 dollars for a million.
    assert_eq!(today(&kernel).await.cost_micros, 2_545);
}

#[tokio::test]
async fn a_run_whose_time_is_over_before_anything_came_is_counted() {
    let server = Server::new(vec![WAITS.to_string()]);
    let kernel = open(vec![("one", &server.config)]).await;
    let agent = kernel.agent(spec("model: one/m", "")).await.expect("agent");
    let options = RunOptions { timeout_ms: Some(500), ..RunOptions::default() };
    let cancel = tokio_util::sync::CancellationToken::new();
    let error = agent.start_with("hello", options, None, cancel).result().await;
    assert_eq!(error.expect_err("too long").code(), Code::Timeout);
    assert_eq!(server.asked(), 1);
    assert_eq!(tokens_today(&kernel).await, (PROMPT, 0));
}

#[tokio::test]
async fn a_provider_that_never_counts_uses_up_a_budget_all_the_same() {
    let server = Server::new(vec![answer("Hello", Then::Ends(None)); 2]);
    let kernel = open(vec![("one", &server.config)]).await;
    let limits = "rate_limits: {llm_tokens_per_day: 2000}";
    let model = "model: one/m, max_tokens: 100";
    let result = run(&kernel, spec(model, limits)).await.expect("fits");
    assert_eq!(result.usage.total_tokens, 0);
    assert_eq!(tokens_today(&kernel).await, (PROMPT, 2));
    let error = run(&kernel, spec(model, limits)).await.expect_err("used up");
    assert_eq!(error.code(), Code::BudgetExceeded);
    assert!(error.message().contains("1012 tokens are spent"), "{error}");
    assert_eq!(server.asked(), 1);
}

struct Quiet;

#[async_trait::async_trait]
impl ChatModel for Quiet {
    async fn chat(&self, _: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion, Error> {
        sink.delta(Delta::Text("Hello".into())).await;
        Ok(Completion { text: "Hello".into(), ..Completion::default() })
    }
}

#[tokio::test]
async fn a_model_of_the_programs_own_that_never_counts_is_counted() {
    let kernel = open(Vec::new()).await;
    kernel.register_model("quiet", Arc::new(Quiet)).expect("register");
    run(&kernel, spec("model: host/quiet", "")).await.expect("answers");
    assert_eq!(tokens_today(&kernel).await, (PROMPT, 2));
}

#[tokio::test]
async fn what_no_model_saw_costs_nothing() {
    for status in ["401 Unauthorized", "400 Bad Request"] {
        let server = Server::new(vec![refusal(status)]);
        let kernel = open(vec![("one", &server.config)]).await;
        run(&kernel, spec("model: one/m", "")).await.expect_err(status);
        assert_eq!(server.asked(), 1);
        assert_eq!(tokens_today(&kernel).await, (0, 0), "{status}");
    }
    let kernel = open(vec![("one", &nowhere())]).await;
    run(&kernel, spec("model: one/m", "")).await.expect_err("nobody is there");
    assert_eq!(tokens_today(&kernel).await, (0, 0));
}

#[tokio::test]
async fn each_of_several_models_is_counted_at_its_own_price() {
    let first = Server::new(vec![answer("One, ", Then::Breaks)]);
    let second = Server::new(vec![answer("two.", Then::Ends(Some((2_000, 100))))]);
    let kernel = open(vec![("openai", &first.config), ("groq", &second.config)]).await;
    let models = "model: openai/gpt-4o, fallback_models: [groq/llama-3.3-70b-versatile]";
    let result = run(&kernel, spec(models, "")).await.expect("answered");
    assert_eq!((result.text.as_str(), result.usage.total_tokens), ("One, two.", 2_100));
    let day = today(&kernel).await;
    assert_eq!((day.input_tokens, day.output_tokens), (PROMPT + 2_000, 102));
    // 1,010 at 2.5 and 2 at 10; 2,000 at 0.59 and 100 at 0.79.
    assert_eq!(day.cost_micros, 2_545 + 1_259);
}

#[tokio::test]
async fn a_fallback_model_is_measured_by_its_own_price() {
    let server = Server::new(vec![answer("Dear", Then::Ends(None))]);
    let down = nowhere();
    let kernel = open(vec![("ollama", &down), ("openai", &server.config)]).await;
    let models = "model: ollama/x, fallback_models: [openai/gpt-4o]";
    let limits = "budget: {cost_usd_per_run: 0.001}";
    let error = run(&kernel, spec(models, limits)).await.expect_err("too dear");
    assert_eq!(error.code(), Code::BudgetExceeded, "{error}");
    assert!(error.message().contains("cost_usd_per_run allows 0.001000"), "{error}");
    assert!(error.cause().is_some_and(|cause| cause.contains("[model_unavailable]")), "{error:?}");
    assert_eq!(server.asked(), 0);
    // A cheaper one behind it is asked.
    let cheap = Server::new(vec![answer("Cheap", Then::Ends(None))]);
    let providers = vec![("ollama", &down), ("openai", &server.config), ("groq", &cheap.config)];
    let kernel = open(providers).await;
    let models = "model: ollama/x, fallback_models: [openai/gpt-4o, groq/llama-3.1-8b-instant]";
    assert_eq!(run(&kernel, spec(models, limits)).await.expect("answered").text, "Cheap");
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_first_model_without_room_leaves_the_run_to_a_cheaper_one() {
    let dear = Server::new(vec![answer("Dear", Then::Ends(None))]);
    let cheap = Server::new(vec![answer("Cheap", Then::Ends(None))]);
    let kernel = open(vec![("openai", &dear.config), ("groq", &cheap.config)]).await;
    let limits = "budget: {cost_usd_per_run: 0.001}";
    let models = "model: openai/gpt-4o, fallback_models: [groq/llama-3.1-8b-instant]";
    let result = run(&kernel, spec(models, limits)).await.expect("answered");
    assert_eq!((result.text.as_str(), dear.asked()), ("Cheap", 0));
}

#[tokio::test]
async fn an_answer_is_gone_on_with_only_as_far_as_the_budget_goes() {
    let server = Server::new(vec![answer("One, ", Then::Breaks), answer("two.", Then::Ends(None))]);
    let kernel = open(vec![("one", &server.config)]).await;
    let limits = "budget: {tokens_per_run: 2000}";
    let error = run(&kernel, spec("model: one/m", limits)).await.expect_err("no room");
    assert_eq!(error.code(), Code::BudgetExceeded, "{error}");
    assert_eq!(server.asked(), 1);
    assert_eq!(tokens_today(&kernel).await, (PROMPT, 2));
}

#[tokio::test]
async fn a_fallback_model_that_is_cancelled_is_counted_at_its_own_price() {
    let server = Server::new(vec![answer("Hello", Then::Waits)]);
    let kernel = open(vec![("ollama", &nowhere()), ("openai", &server.config)]).await;
    let models = "model: ollama/x, fallback_models: [openai/gpt-4o]";
    cancelled(&kernel, spec(models, "")).await;
    assert_eq!(today(&kernel).await.cost_micros, 2_545);
}

#[tokio::test]
async fn a_price_holds_under_all_names_of_a_provider() {
    let answers = vec![answer("Hello", Then::Ends(Some((1_000, 0)))); 2];
    let server = Server::new(answers);
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("aikit.toml");
    let price = |name: &str, dollars: u32| {
        format!(
            "[prices.{name:?}]\ninput_usd_per_million = {dollars}\noutput_usd_per_million = 9\n"
        )
    };
    let mut text = price("openai_responses/house", 5);
    for (prices, cost) in [("", 5_000), (&*price("openai/house", 7), 7_000)] {
        text.push_str(prices);
        std::fs::write(&profile, &text).expect("profile");
        let providers = [("openai".to_owned(), server.config.clone())];
        let options = OpenOptions {
            providers: Providers(providers.into()),
            profile: Some(profile.clone()),
            ..OpenOptions::default()
        };
        let kernel = Kernel::open(options).await.expect("open");
        run(&kernel, spec("model: openai/house", "")).await.expect("answered");
        assert_eq!(today(&kernel).await.cost_micros, cost);
    }
}
