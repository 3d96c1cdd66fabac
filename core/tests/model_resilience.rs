//! Providers that fail, over a real socket: what is tried again, who goes on, what is told, what is
//! spent. The rules one by one are tested beside the code, with time stopped.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aikit::agent::{EventKind, RunOptions, RunResult};
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::model::{ProviderConfig, Providers};
use aikit::spec::Spec;
use aikit::{Code, Error};
use serde_json::{Value, json};

/// A server that gives one answer for each connection and keeps the requests. One that has no answer
/// left refuses connections.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Server {
    fn new(answers: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = format!("http://{}/v1", listener.local_addr().expect("address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut bytes = Vec::new();
                let mut buffer = [0; 4096];
                let body = loop {
                    let read = stream.read(&mut buffer).expect("request");
                    bytes.extend_from_slice(&buffer[..read]);
                    let text = String::from_utf8_lossy(&bytes);
                    let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                    if let Some(Ok(body)) = body.map(serde_json::from_str) {
                        break body;
                    }
                    assert!(read > 0, "half a request: {text}");
                };
                seen.lock().expect("lock").push(body);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, requests }
    }

    fn config(&self) -> ProviderConfig {
        ProviderConfig { base_url: Some(self.address.clone()), ..ProviderConfig::default() }
    }

    fn asked(&self) -> Vec<Value> {
        self.requests.lock().expect("lock").clone()
    }
}

fn refusal(status: &str, headers: &str) -> String {
    let body = r#"{"error": {"message": "not now"}}"#;
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

/// A stream of these pieces of text; with an end, if it has one.
fn stream(pieces: &[&str], ends: bool) -> String {
    let mut out = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        .to_owned();
    let mut data = |value: Value| out.push_str(&format!("data: {value}\n\n"));
    for piece in pieces {
        data(json!({"choices": [{"delta": {"content": piece}}]}));
    }
    if ends {
        data(json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}));
        data(json!({"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}));
        out.push_str("data: [DONE]\n\n");
    }
    out
}

struct Ran {
    outcome: Result<RunResult, Error>,
    text: String,
    /// Attempt, code, next model.
    retries: Vec<(u32, Code, Option<String>)>,
    /// Budget, used, limit.
    warnings: Vec<(&'static str, Value, Value)>,
}

async fn open(providers: Vec<(&str, ProviderConfig)>) -> Kernel {
    let providers = providers.into_iter().map(|(name, config)| (name.to_owned(), config));
    let providers = Providers(providers.collect());
    Kernel::open(OpenOptions { providers, ..OpenOptions::default() }).await.expect("open")
}

async fn run(kernel: &Kernel, spec: &str, options: RunOptions) -> Ran {
    let spec = Spec::parse(spec).expect("spec");
    let agent =
        kernel.agent_with(AgentRef::Spec(spec), AgentOptions::default()).await.expect("agent");
    let cancel = tokio_util::sync::CancellationToken::new();
    let mut run = agent.start_with("hello", options, None, cancel);
    let (mut text, mut retries, mut warnings) = (String::new(), Vec::new(), Vec::new());
    while let Some(event) = run.next().await {
        match &*event.kind {
            EventKind::TextDelta { text: piece } => text.push_str(piece),
            EventKind::Retrying { attempt, code, model, .. } => {
                retries.push((*attempt, *code, model.clone()));
            }
            EventKind::BudgetWarning { budget, used, limit } => {
                warnings.push((*budget, used.clone(), limit.clone()));
            }
            _ => {}
        }
    }
    Ran { outcome: run.result().await, text, retries, warnings }
}

fn spec(models: &str) -> String {
    format!("identity: {{agent_id: a}}\nintelligence: {models}\n")
}

#[tokio::test]
async fn a_provider_is_asked_again_after_the_time_it_asks_for() {
    let server = Server::new(vec![
        refusal("429 Too Many Requests", "retry-after-ms: 300\r\n"),
        refusal("529 Overloaded", "retry-after: 0\r\n"),
        stream(&["Hello"], true),
    ]);
    let kernel = open(vec![("one", server.config())]).await;
    let before = Instant::now();
    let ran = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("answered").text, "Hello");
    let waited = before.elapsed();
    assert!(waited >= Duration::from_millis(300) && waited < Duration::from_secs(5), "{waited:?}");
    let told = [(1, Code::ModelRateLimited, None), (2, Code::ModelUnavailable, None)];
    assert_eq!(ran.retries, told);
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0], asked[2]);
}

#[tokio::test]
async fn a_provider_that_asks_for_too_long_a_wait_is_left_at_once() {
    let date =
        "date: Wed, 21 Oct 2015 07:28:00 GMT\r\nretry-after: Wed, 21 Oct 2015 07:29:00 GMT\r\n";
    let server = Server::new(vec![refusal("503 Service Unavailable", date)]);
    let other = Server::new(vec![stream(&["From the other"], true)]);
    let kernel = open(vec![("one", server.config()), ("two", other.config())]).await;
    let before = Instant::now();
    let models = "{model: one/m, fallback_models: [two/m]}";
    let ran = run(&kernel, &spec(models), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("answered").text, "From the other");
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(ran.retries, [(1, Code::ModelUnavailable, Some("two/m".to_owned()))]);

    let server = Server::new(vec![refusal("503 Service Unavailable", date)]);
    let kernel = open(vec![("one", server.config())]).await;
    let error = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await.outcome;
    let error = error.expect_err("too long");
    assert!(error.message().contains("asks to wait 60 s"), "{error}");
}

#[tokio::test]
async fn another_model_goes_on_where_a_stream_broke() {
    let broken = Server::new(vec![stream(&["The quick ", "brown fox"], false)]);
    let other = Server::new(vec![stream(&["brown", " fox jumps", "."], true)]);
    let kernel = open(vec![("one", broken.config()), ("two", other.config())]).await;
    let models = "{model: one/m, fallback_models: [two/m], system_prompt: Be brief.}";
    let ran = run(&kernel, &spec(models), RunOptions::default()).await;
    let result = ran.outcome.expect("answered");
    assert_eq!(result.text, "The quick brown fox jumps.");
    assert_eq!(ran.text, result.text, "no text is given twice");
    assert_eq!(ran.retries, [(1, Code::ModelStreamBroken, Some("two/m".to_owned()))]);
    let messages = &other.asked()[0]["messages"];
    let roles: Vec<_> = messages.as_array().expect("messages").iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
    assert_eq!(messages[2]["content"], "The quick brown fox");
}

#[tokio::test]
async fn the_same_model_goes_on_when_there_is_no_other() {
    let server = Server::new(vec![stream(&["One, "], false), stream(&["two."], true)]);
    let kernel = open(vec![("one", server.config())]).await;
    let ran = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("answered").text, "One, two.");
    assert_eq!(ran.text, "One, two.");
    assert_eq!(ran.retries, [(1, Code::ModelStreamBroken, None)]);

    let never = ProviderConfig {
        max_retries: Some(0),
        ..Server::new(vec![stream(&["One, "], false), stream(&["two."], true)]).config()
    };
    let kernel = open(vec![("one", never)]).await;
    let ran = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect_err("broken").code(), Code::ModelStreamBroken);
    assert_eq!((ran.text.as_str(), ran.retries.len()), ("One, ", 0));
}

#[tokio::test]
async fn a_script_can_stand_in_for_a_provider_that_cannot_be_reached() {
    let nowhere = ProviderConfig {
        base_url: Some("http://127.0.0.1:1/v1".into()),
        max_retries: Some(0),
        ..ProviderConfig::default()
    };
    let kernel = open(vec![("one", nowhere)]).await;
    let models = "{model: one/m, fallback_models: [scripted/b], script: [{text: Standing in.}]}";
    let ran = run(&kernel, &spec(models), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("answered").text, "Standing in.");
    assert_eq!(ran.retries, [(1, Code::ModelUnavailable, Some("scripted/b".to_owned()))]);
}

#[tokio::test]
async fn a_fallback_that_nobody_knows_is_told_with_its_place() {
    let kernel = open(Vec::new()).await;
    let text = "identity: {agent_id: a}\nintelligence:\n  model: scripted/a\n  fallback_models:\n    - nobody/x\n";
    let spec = Spec::parse(text).expect("spec");
    let error = kernel.agent(spec).await.expect_err("unknown");
    assert_eq!((error.code(), error.line()), (Code::ModelUnknown, Some(5)), "{error}");
    assert!(error.message().contains("nobody"), "{error}");
}

#[tokio::test]
async fn a_run_stops_before_the_call_that_its_budget_has_no_room_for() {
    let answers = || vec![stream(&["Yes."], true)];
    let limits = "governance: {budget: {tokens_per_run: 500}}\n";
    let text = spec("{model: one/m, max_tokens: 300}") + limits;

    let server = Server::new(answers());
    let kernel = open(vec![("one", server.config())]).await;
    let ran = run(&kernel, &text, RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("fits").usage.total_tokens, 120);
    assert!(ran.warnings.is_empty());

    let server = Server::new(answers());
    let kernel = open(vec![("one", server.config())]).await;
    let small = RunOptions { tokens_per_run: Some(200), ..RunOptions::default() };
    let error = run(&kernel, &text, small).await.outcome.expect_err("does not fit");
    assert_eq!((error.code(), error.retryable()), (Code::BudgetExceeded, false));
    let said = "the run's budget tokens_per_run allows 200 tokens: 0 tokens are spent";
    assert!(error.message().starts_with(said), "{error}");
    assert!(server.asked().is_empty(), "nothing was asked");
}

#[tokio::test]
async fn money_is_counted_with_list_prices_and_warned_of() {
    let server = Server::new(vec![stream(&["Yes."], true), stream(&["Yes."], true)]);
    let kernel = open(vec![("openai", server.config())]).await;
    // 100 tokens in and 20 out: 0.000027 dollars.
    let text = spec("{model: openai/gpt-4o-mini-2024-07-18, max_tokens: 1}")
        + "governance: {budget: {cost_usd_per_run: 0.00004}}\n";
    let ran = run(&kernel, &text, RunOptions::default()).await;
    ran.outcome.expect("fits");
    assert!(ran.warnings.is_empty(), "{:?}", ran.warnings);
    assert_eq!(kernel.usage(1).await.expect("usage").days[0].cost_micros, 27);

    let text = text.replace("cost_usd_per_run: 0.00004", "tokens_per_run: 140");
    let ran = run(&kernel, &text, RunOptions::default()).await;
    ran.outcome.expect("fits");
    assert_eq!(ran.warnings, [("tokens_per_run", json!(120), json!(140))]);
}

#[tokio::test]
async fn an_agent_has_a_day_of_its_own() {
    let kernel = open(Vec::new()).await;
    let agent = |id: &str, limits: &str| {
        format!(
            "identity: {{agent_id: {id}}}\nintelligence: {{model: scripted/a, max_tokens: 10, \
             script: [{{text: Yes., usage: {{input_tokens: 50, output_tokens: 10}}}}]}}\n\
             governance: {{rate_limits: {{{limits}}}}}\n"
        )
    };
    let one = agent("one", "llm_tokens_per_day: 100");
    let ran = run(&kernel, &one, RunOptions::default()).await;
    ran.outcome.expect("fits");
    assert!(ran.warnings.is_empty());
    let ran = run(&kernel, &one, RunOptions::default()).await;
    ran.outcome.expect("fits");
    assert_eq!(ran.warnings, [("llm_tokens_per_day", json!(120), json!(100))]);
    let error = run(&kernel, &one, RunOptions::default()).await.outcome.expect_err("used up");
    assert_eq!(error.code(), Code::BudgetExceeded);
    let said = "the agent's budget llm_tokens_per_day allows 100 tokens: 120 tokens are spent";
    assert!(error.message().starts_with(said), "{error}");
    // Another agent of the tenant is another matter.
    let other =
        run(&kernel, &agent("other", "llm_tokens_per_day: 100"), RunOptions::default()).await;
    other.outcome.expect("fits");

    let slow = agent("slow", "requests_per_minute: 2");
    for _ in 0..2 {
        run(&kernel, &slow, RunOptions::default()).await.outcome.expect("fits");
    }
    let error = run(&kernel, &slow, RunOptions::default()).await.outcome.expect_err("too many");
    assert_eq!(error.code(), Code::QuotaExceeded);
    assert!(error.message().contains("requests_per_minute of the agent \"slow\""), "{error}");
    assert_eq!(kernel.usage(1).await.expect("usage").days[0].runs, 6);
}

#[tokio::test]
async fn a_run_that_waits_for_a_limit_can_be_cancelled_and_has_its_own_time() {
    let server = Server::new(vec![stream(&["Yes."], true)]);
    let limited = ProviderConfig { requests_per_minute: Some(1), ..server.config() };
    let kernel = open(vec![("one", limited)]).await;
    let text = spec("{model: one/m}");
    run(&kernel, &text, RunOptions::default()).await.outcome.expect("answered");

    let before = Instant::now();
    let timeout = RunOptions { timeout_ms: Some(1_500), ..RunOptions::default() };
    let ran = run(&kernel, &text, timeout).await;
    assert_eq!(ran.outcome.expect_err("too long").code(), Code::Timeout);
    assert_eq!(ran.retries, [(1, Code::ModelRateLimited, None)], "it is told why nothing happens");
    assert!(before.elapsed() < Duration::from_secs(5));

    let agent = kernel.agent(Spec::parse(&text).expect("spec")).await.expect("agent");
    let mut waiting = agent.start("hello");
    while let Some(event) = waiting.next().await {
        if let EventKind::Retrying { .. } = &*event.kind {
            break;
        }
    }
    let before = Instant::now();
    waiting.cancel();
    let result = waiting.result().await.expect("cancelled");
    assert_eq!(result.finish_reason, "cancelled");
    assert!(before.elapsed() < Duration::from_millis(500), "{:?}", before.elapsed());
    assert_eq!(server.asked().len(), 1, "nothing was asked meanwhile");
}

#[tokio::test]
async fn what_a_caller_says_of_a_provider_lies_over_what_a_profile_says() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("aikit.toml");
    let with = |providers: Value| {
        let options = json!({"profile": profile, "providers": providers});
        serde_json::from_value::<OpenOptions>(options)
    };
    let write = |server: &Server| {
        let text = format!("[providers.one]\nbase_url = {:?}\nmax_retries = 5\n", server.address);
        std::fs::write(&profile, text).expect("profile");
    };
    let down = || refusal("503 Service Unavailable", "");

    // Only how it is treated: the profile's address stays.
    let server = Server::new(vec![down(), stream(&["Yes."], true)]);
    write(&server);
    let options = with(json!({"one": {"max_retries": 0}})).expect("options");
    let kernel = Kernel::open(options).await.expect("open");
    let ran = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect_err("not tried again").code(), Code::ModelUnavailable);
    let explained = kernel.explain(None);
    let row = explained.rows.iter().find(|row| row.key == "providers.one.max_retries");
    let row = row.expect("a row");
    assert_eq!((&row.value, row.overruled.len()), (&json!(0), 1));

    // Another address: how the profile treats the provider stays.
    let server = Server::new(vec![down(), stream(&["Yes."], true)]);
    let options = with(json!({"one": {"base_url": server.address}})).expect("options");
    let kernel = Kernel::open(options).await.expect("open");
    let ran = run(&kernel, &spec("{model: one/m}"), RunOptions::default()).await;
    assert_eq!(ran.outcome.expect("tried again").text, "Yes.");

    let error =
        with(json!({"one": {"base_url": "http://x", "max_retry": 1}})).expect_err("unknown");
    assert!(error.to_string().contains("max_retry"), "{error}");
    let options = with(json!({"one": {"requests_per_minute": 0}})).expect("options");
    let kernel = Kernel::open(options).await.expect("open");
    let error = kernel.agent(Spec::parse(&spec("{model: one/m}")).expect("spec")).await;
    let error = error.expect_err("no request could be made");
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}
