//! Cassettes: recorded from a plain socket, then replayed while nobody listens there any more.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aikit::agent::{EventKind, RunResult};
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::model::{Cassette, ProviderConfig, Providers};
use aikit::spec::Spec;
use aikit::{Code, Error};

const KEY: &str = "sk-canary-0123456789";

fn stream(text: &str) -> String {
    let delta = |text: &str| {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let (first, second) = text.split_at(text.len() / 2);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-1\r\nset-cookie: \
         session=canary\r\nconnection: close\r\n\r\n{}{}data: {{\"choices\":[{{\"delta\":{{}},\
         \"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":3,\"completion_tokens\":2}}}}\n\n\
         data: [DONE]\n\n",
        delta(first),
        delta(second)
    )
}

fn limited(wait: u64) -> String {
    let body = format!("{{\"error\":{{\"message\":\"slow down, {KEY}\"}}}}");
    format!(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: {wait}\r\ncontent-type: \
         application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn down() -> String {
    "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()
}

/// Answers once each, then listens no more. Gives the address and what was asked.
fn serve(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for answer in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            // The request's body is JSON and ends with its brace.
            while !request.ends_with(b"}") {
                match stream.read(&mut buffer) {
                    Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            seen.lock().expect("lock").push(String::from_utf8_lossy(&request).into_owned());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (format!("http://{address}/v1"), asked)
}

fn config(address: &str, key: Option<&str>, cassette: &Path) -> ProviderConfig {
    ProviderConfig {
        base_url: Some(address.to_owned()),
        api_key: key.map(Into::into),
        cassette: Some(Cassette::new(cassette)),
        ..ProviderConfig::default()
    }
}

async fn kernel(address: &str, key: Option<&str>, cassette: &Path) -> Kernel {
    open(config(address, key, cassette)).await
}

/// A kernel that asks once.
async fn kernel_without_retries(address: &str, cassette: &Path) -> Kernel {
    open(ProviderConfig { max_retries: Some(0), ..config(address, None, cassette) }).await
}

async fn open(config: ProviderConfig) -> Kernel {
    let providers = Providers([("fake".to_owned(), config)].into());
    Kernel::open(OpenOptions { providers, ..OpenOptions::default() }).await.expect("open")
}

/// An address at which nobody listens.
fn nowhere() -> String {
    serve(Vec::new()).0
}

async fn ask(kernel: &Kernel, input: &str) -> (Result<RunResult, Error>, Vec<String>) {
    let spec =
        Spec::parse("identity: {agent_id: a}\nintelligence: {model: fake/x}\n").expect("spec");
    let agent =
        kernel.agent_with(AgentRef::Spec(spec), AgentOptions::default()).await.expect("agent");
    let mut run = agent.start(input);
    let mut deltas = Vec::new();
    while let Some(event) = run.next().await {
        match &*event.kind {
            EventKind::TextDelta { text } => deltas.push(text.clone()),
            EventKind::Retrying { delay_ms, code, .. } => deltas.push(format!("{code} {delay_ms}")),
            _ => {}
        }
    }
    (run.result().await, deltas)
}

async fn said(kernel: &Kernel, input: &str) -> String {
    ask(kernel, input).await.0.expect("run").text
}

async fn fails(kernel: &Kernel, input: &str) -> Error {
    ask(kernel, input).await.0.expect_err("no recording")
}

#[tokio::test]
async fn what_was_recorded_is_replayed_without_network_and_key() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("new/folder/talk.json");
    let answers = vec![stream("hello you"), stream("again"), stream("you asked twice")];
    let (address, asked) = serve(answers);
    let recording = kernel(&address, Some(KEY), &cassette).await;
    let (first, deltas) = ask(&recording, &format!("hi, {KEY}")).await;
    let first = first.expect("run");
    assert_eq!((first.text.as_str(), first.usage.total_tokens), ("hello you", 5));
    assert_eq!(said(&recording, "more").await, "again");
    assert_eq!(said(&recording, "more").await, "you asked twice");
    assert!(asked.lock().expect("lock")[0].contains(KEY), "the provider got the key");

    let text = std::fs::read_to_string(&cassette).expect("cassette");
    assert!(!text.contains("canary") && !text.contains("127.0.0.1"), "{text}");
    assert!(!text.to_lowercase().contains("authorization"), "{text}");
    let others: Vec<_> = cassette.parent().expect("parent").read_dir().expect("folder").collect();
    assert_eq!(others.len(), 1, "nothing is left behind: {others:?}");

    for key in [None, Some(KEY)] {
        let replaying = kernel(&nowhere(), key, &cassette).await;
        // Another order, and what is equal in the order of its recording.
        assert_eq!(said(&replaying, "more").await, "again");
        let input = if key.is_some() { format!("hi, {KEY}") } else { "hi, [api key]".to_owned() };
        let (result, replayed) = ask(&replaying, &input).await;
        let result = result.expect("replayed");
        assert_eq!((result.text, result.usage), (first.text.clone(), first.usage));
        assert_eq!(replayed, deltas);
        assert_eq!(said(&replaying, "more").await, "you asked twice");
        let error = fails(&replaying, "more").await;
        assert_eq!(error.code(), Code::CassetteDiffers);
        assert!(error.message().contains("2 time(s)"), "{error}");
    }
    assert_eq!(
        std::fs::read_to_string(&cassette).expect("cassette"),
        text,
        "replay writes nothing"
    );
}

#[tokio::test]
async fn a_request_that_differs_fails_with_the_fields_of_the_closest() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let (address, _) = serve(vec![stream("one one"), stream("two two")]);
    let recording = kernel(&address, None, &cassette).await;
    said(&recording, "what is one?").await;
    said(&recording, "what is two?").await;
    let replaying = kernel(&nowhere(), None, &cassette).await;
    assert_eq!(said(&replaying, "what is one?").await, "one one");
    let error = fails(&replaying, "what is three?").await;
    assert_eq!((error.code(), error.retryable()), (Code::CassetteDiffers, false));
    let expected = r#"body.messages[0].content: recorded "what is two?", asked "what is three?""#;
    assert!(error.message().contains(expected), "{error}");
    assert!(error.message().contains("number 2"), "{error}");
    assert!(error.hint_text().expect("hint").contains("record it anew"), "{error}");
    assert_eq!(said(&replaying, "what is two?").await, "two two", "nothing was used up");
}

#[tokio::test]
async fn equal_requests_at_once_get_a_recording_each() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let answers: Vec<String> = (0..8).map(|i| stream(&format!("answer {i}"))).collect();
    let (address, _) = serve(answers);
    let all = async |kernel: Kernel| {
        let asked = (0..8).map(|_| {
            let kernel = kernel.clone();
            tokio::spawn(async move { said(&kernel, "same").await })
        });
        let mut texts = Vec::new();
        for text in asked.collect::<Vec<_>>() {
            texts.push(text.await.expect("task"));
        }
        texts.sort();
        texts
    };
    let recorded = all(kernel(&address, None, &cassette).await).await;
    assert_eq!(recorded.len(), 8);
    let replayed = all(kernel(&nowhere(), None, &cassette).await).await;
    assert_eq!(replayed, recorded);
    assert_eq!(replayed[7], "answer 7");
}

#[tokio::test]
async fn errors_replay_as_such_and_nobody_waits() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let (address, _) = serve(vec![limited(1), stream("at last")]);
    let recording = kernel(&address, Some(KEY), &cassette).await;
    let (result, deltas) = ask(&recording, "x").await;
    assert_eq!(result.expect("run").text, "at last");
    // As long as it was asked to wait, and up to a tenth more.
    let waited =
        deltas[0].strip_prefix("model_rate_limited ").and_then(|ms| ms.parse::<u32>().ok());
    assert!(waited.is_some_and(|ms| (1000..=1100).contains(&ms)), "{deltas:?}");

    let replaying = kernel(&nowhere(), None, &cassette).await;
    let start = Instant::now();
    let (result, deltas) = ask(&replaying, "x").await;
    assert_eq!(result.expect("run").text, "at last");
    assert_eq!(deltas, ["model_rate_limited 0", "at ", "last"]);
    assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
    let text = std::fs::read_to_string(&cassette).expect("cassette");
    assert!(text.contains("slow down, [api key]") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_replay_goes_as_the_one_before_whatever_failed_in_it() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let mut answers = vec![stream("at last")];
    answers.extend((0..5).map(|_| down()));
    let recording = kernel_without_retries(&serve(answers).0, &cassette).await;
    assert_eq!(said(&recording, "fine").await, "at last");
    for _ in 0..5 {
        assert_eq!(fails(&recording, "x").await.code(), Code::ModelUnavailable);
    }
    assert!(fails(&recording, "x").await.message().contains("left alone"), "it is a provider");

    // What is recorded is neither left alone nor limited.
    let address = nowhere();
    for _ in 0..2 {
        let replaying = open(ProviderConfig {
            max_retries: Some(0),
            requests_per_minute: Some(1),
            tokens_per_minute: Some(1),
            ..config(&address, None, &cassette)
        })
        .await;
        let start = Instant::now();
        for _ in 0..5 {
            let error = fails(&replaying, "x").await;
            assert!(error.message().contains("answered 503"), "{error}");
        }
        assert_eq!(said(&replaying, "fine").await, "at last");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_broken_stream_replays_as_one() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 500\r\n\
               connection: close\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n";
    let (address, _) = serve(vec![cut.into()]);
    let (result, recorded) = ask(&kernel_without_retries(&address, &cassette).await, "y").await;
    assert_eq!(result.expect_err("cut").code(), Code::ModelStreamBroken);
    assert_eq!(recorded, ["half"]);
    let (result, replayed) = ask(&kernel_without_retries(&nowhere(), &cassette).await, "y").await;
    assert_eq!(result.expect_err("cut").code(), Code::ModelStreamBroken);
    assert_eq!(replayed, recorded);
}

#[tokio::test]
async fn a_file_that_is_no_cassette_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let good = r#"{"aikit_cassette": 1, "exchanges": []}"#;
    let cases = [
        ("", "damaged"),
        ("{", "damaged"),
        ("[1, 2]", "is no cassette"),
        (r#"{"aikit_cassette": 2, "exchanges": [], "later": true}"#, "version 2"),
        (r#"{"aikit_cassette": 1, "exchanges": [{"request": {}}]}"#, "damaged"),
        (r#"{"aikit_cassette": 1, "exchanges": [], "exchnages": []}"#, "damaged"),
        ("\u{0}\u{1}", "damaged"),
    ];
    for (text, said) in cases {
        std::fs::write(&cassette, text).expect("write");
        let error = fails(&kernel(&nowhere(), None, &cassette).await, "x").await;
        assert_eq!(error.code(), Code::FileUnreadable, "{text:?}: {error}");
        assert!(error.message().contains(said), "{text:?}: {error}");
        assert_eq!(std::fs::read_to_string(&cassette).expect("cassette"), text);
    }
    std::fs::write(&cassette, [0xff, 0xfe]).expect("write");
    assert_eq!(
        fails(&kernel(&nowhere(), None, &cassette).await, "x").await.code(),
        Code::FileUnreadable
    );
    assert_eq!(
        fails(&kernel(&nowhere(), None, folder.path()).await, "x").await.code(),
        Code::FileUnreadable
    );
    std::fs::write(&cassette, good).expect("write");
    let error = fails(&kernel(&nowhere(), None, &cassette).await, "x").await;
    assert_eq!(error.code(), Code::CassetteDiffers);
    assert!(error.message().contains("has no exchange"), "{error}");
}

#[tokio::test]
async fn what_another_kernel_recorded_meanwhile_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let (address, _) = serve(vec![stream("first"), stream("second"), stream("third")]);
    let (a, b) = (kernel(&address, None, &cassette).await, kernel(&address, None, &cassette).await);
    // Both have looked, and found nothing.
    let spec =
        Spec::parse("identity: {agent_id: a}\nintelligence: {model: fake/x}\n").expect("spec");
    for kernel in [&a, &b] {
        kernel.agent(spec.clone()).await.expect("agent");
    }
    assert_eq!(said(&a, "x").await, "first");
    let text = std::fs::read_to_string(&cassette).expect("cassette");
    let error = fails(&b, "x").await;
    assert!(error.message().contains("meanwhile"), "{error}");
    assert_eq!(std::fs::read_to_string(&cassette).expect("cassette"), text);
    assert_eq!(said(&a, "y").await, "third");
}

#[tokio::test]
async fn a_cassette_that_cannot_be_written_fails_the_call_and_says_why() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("write");
    let (address, _) = serve(vec![stream("lost")]);
    let error = fails(&kernel(&address, None, &file.join("c.json")).await, "x").await;
    assert!(matches!(error.code(), Code::InvalidArgument | Code::FileUnreadable), "{error}");
    assert!(error.message().contains("c.json"), "{error}");
}

#[tokio::test]
async fn two_providers_share_a_file_and_embeddings_are_recorded_as_well() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let body = r#"{"data":[{"index":0,"embedding":[0.6,0.8000000000000001]}]}"#;
    let vectors = || {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let (chat, _) = serve(vec![stream("hello")]);
    let (embed, _) = serve(vec![vectors()]);
    let open = async |chat: &str, embed: &str| {
        let providers = [
            ("fake".to_owned(), config(chat, None, &cassette)),
            ("vectors".to_owned(), config(embed, None, &cassette)),
        ];
        let providers = Providers(providers.into());
        Kernel::open(OpenOptions { providers, ..OpenOptions::default() }).await.expect("open")
    };
    let used = async |kernel: Kernel| {
        let text = said(&kernel, "x").await;
        let note = folder.path().join("note.txt");
        std::fs::write(&note, "one sentence").expect("write");
        let collection = kernel.collection("notes").expect("collection");
        let options = aikit::retrieval::IngestOptions {
            embedding_model: Some("vectors/small".into()),
            ..Default::default()
        };
        let report = collection.ingest_with(&note, options, Default::default()).await;
        (text, report.expect("ingest").chunks)
    };
    let recorded = used(open(&chat, &embed).await).await;
    let text = std::fs::read_to_string(&cassette).expect("cassette");
    assert!(text.contains("/v1/chat/completions") && text.contains("/v1/embeddings"), "{text}");
    assert_eq!(used(open(&nowhere(), &nowhere()).await).await, recorded);
}
