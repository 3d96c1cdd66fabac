//! A provider's own headers, over a real socket: who gets them, who does not, and where their values
//! must never be read.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aikit::agent::RunResult;
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::model::{ChatRequest, Delta, DeltaSink, Message, Providers};
use aikit::spec::Spec;
use aikit::store::{Admin, Location, NewTenant};
use aikit::{Code, Error};
use async_trait::async_trait;
use serde_json::{Value, json};

/// A value that must be read nowhere but at its provider.
const SECRET: &str = "gw-canary-0123456789";

const REFUSED: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: \
                       ECHO\r\nconnection: close\r\n\r\n{\"error\": {\"message\": \"you sent ECHO\"}}";
const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\nretry-after-ms: 1\r\nconnection: close\r\n\r\n";
const SAID: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: ECHO\r\n\
                    connection: close\r\n\r\n\
                    data: {\"choices\":[{\"delta\":{\"content\":\"you sent ECHO\"}}]}\n\n\
                    data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
                    data: [DONE]\n\n";

/// The headers of a request, their names in small letters.
#[derive(Clone, Debug)]
struct Head(Vec<(String, String)>);

impl Head {
    fn read(text: &str) -> Self {
        let lines = text.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").skip(1);
        let pair = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_lowercase(), value.to_owned())
        };
        Self(lines.map(pair).collect())
    }

    fn all(&self, name: &str) -> Vec<&str> {
        let named = self.0.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}

type Heads = Arc<Mutex<Vec<Head>>>;

/// Gives one answer for each connection, in which `ECHO` is the secret if it was sent one, and keeps
/// what was asked.
fn serve(answers: Vec<String>) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let heads = Heads::default();
    let seen = heads.clone();
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
            let text = String::from_utf8_lossy(&request);
            let echo = if text.contains(SECRET) { SECRET } else { "nothing" };
            seen.lock().expect("lock").push(Head::read(&text));
            let _ = stream.write_all(answer.replace("ECHO", echo).as_bytes());
        }
    });
    (format!("http://{address}"), heads)
}

fn heads(heads: &Heads) -> Vec<Head> {
    heads.lock().expect("lock").clone()
}

struct Nobody;

#[async_trait]
impl DeltaSink for Nobody {
    async fn delta(&mut self, _: Delta) {}
}

fn providers(config: Value) -> Providers {
    serde_json::from_value(config).expect("providers")
}

fn hidden(error: &Error) {
    let shown = format!("{error} {error:?} {}", error.to_json());
    assert!(!shown.contains("canary"), "{shown}");
}

async fn open(config: Value) -> Kernel {
    let options = OpenOptions { providers: providers(config), ..OpenOptions::default() };
    Kernel::open(options).await.expect("open")
}

async fn ask(kernel: &Kernel, model: &str) -> Result<RunResult, Error> {
    let spec = Spec::parse(&format!("agent: a\nmodel: {model}\n")).expect("spec");
    let agent = kernel.agent_with(AgentRef::Spec(spec), AgentOptions::default()).await?;
    let mut run = agent.start("hello");
    while let Some(event) = run.next().await {
        assert!(!event.to_json().contains("canary"), "{event:?}");
    }
    run.result().await
}

#[tokio::test]
async fn every_wire_sends_them_once_with_each_chat_and_each_embedding() {
    let wires = [
        ("openai_chat", true),
        ("openai_responses", true),
        ("anthropic", false),
        ("gemini", true),
        ("cohere", true),
    ];
    for (wire, embeds) in wires {
        let (address, seen) = serve(vec![REFUSED.into(); 2]);
        let all = providers(json!({"mine": {
            "base_url": address, "wire": wire, "api_key": "sk-key",
            "headers": {
                "X-Title": "my app",
                "Helicone-Auth": format!("Bearer {SECRET}"),
                "User-Agent": "mine/1",
            },
        }}));
        let chat = all.chat("mine/m", &[]).expect("chat");
        let request =
            ChatRequest { messages: vec![Message::user("hello")], ..ChatRequest::default() };
        let error = chat.chat(&request, &mut Nobody).await.expect_err("refused");
        assert_eq!(error.answer().and_then(|answer| answer.status), Some(400), "{wire}: {error}");
        hidden(&error);
        if embeds {
            let model = all.embedding("mine/m").expect("embedding");
            hidden(&model.embed(&["hello".to_owned()]).await.expect_err("refused"));
        }
        let heads = heads(&seen);
        assert_eq!(heads.len(), if embeds { 2 } else { 1 }, "{wire}");
        for head in heads {
            assert_eq!(head.all("x-title"), ["my app"], "{head:?}");
            assert_eq!(head.all("helicone-auth"), [format!("Bearer {SECRET}")], "{head:?}");
            assert_eq!(head.all("user-agent"), ["mine/1"], "{head:?}");
            assert_eq!(head.all("content-type"), ["application/json"], "{head:?}");
            assert_eq!(head.all("host").len(), 1, "{head:?}");
            // The key goes where it went before.
            let keys = ["authorization", "x-api-key", "x-goog-api-key"].map(|name| head.all(name));
            assert_eq!(keys.concat().len(), 1, "{head:?}");
            assert!(keys.concat()[0].ends_with("sk-key"), "{head:?}");
        }
    }
}

#[tokio::test]
async fn a_header_that_stands_for_a_key_is_the_only_one() {
    for (provider, wire) in [("azure", "openai_chat"), ("anthropic", "anthropic")] {
        let (address, seen) = serve(vec![REFUSED.into()]);
        let all = providers(json!({provider: {
            "base_url": address, "wire": wire,
            "headers": {"Authorization": format!("Bearer {SECRET}")},
        }}));
        let chat = all.chat(&format!("{provider}/m"), &[]).expect("chat");
        let error = chat.chat(&ChatRequest::default(), &mut Nobody).await.expect_err("refused");
        hidden(&error);
        let head = &heads(&seen)[0];
        assert_eq!(head.all("authorization"), [format!("Bearer {SECRET}")]);
        assert!(head.all("api-key").is_empty() && head.all("x-api-key").is_empty(), "{head:?}");
    }
}

#[tokio::test]
async fn every_attempt_has_them_and_nothing_shows_them() {
    let (address, seen) = serve(vec![UNAVAILABLE.into(), REFUSED.into()]);
    let kernel = open(json!({"mine": {
        "base_url": address, "headers": {"X-Gateway": SECRET}
    }}))
    .await;
    let error = ask(&kernel, "mine/m").await.expect_err("refused");
    assert!(error.message().contains("you sent [header]"), "{error}");
    hidden(&error);
    let heads = heads(&seen);
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| head.all("x-gateway") == [SECRET]), "{heads:?}");
    let shown = format!("{kernel:?} {} {:?}", kernel.explain(None), kernel.explain(None));
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn another_host_that_a_provider_points_to_gets_nothing() {
    let (elsewhere, theirs) = serve(vec![REFUSED.into()]);
    for status in [301, 302, 303, 307, 308] {
        let moved = format!(
            "HTTP/1.1 {status} Elsewhere\r\nlocation: {elsewhere}/v1\r\ncontent-length: 0\r\n\
             connection: close\r\n\r\n"
        );
        let (address, ours) = serve(vec![moved]);
        let kernel = open(json!({"mine": {
            "base_url": address, "max_retries": 0, "headers": {"X-Gateway": SECRET}
        }}))
        .await;
        let error = ask(&kernel, "mine/m").await.expect_err("moved");
        assert!(error.message().contains(&status.to_string()), "{error}");
        assert_eq!(heads(&ours).len(), 1);
    }
    assert!(heads(&theirs).is_empty(), "{theirs:?}");
}

#[tokio::test]
async fn what_is_wrong_is_told_when_the_kernel_is_opened() {
    let cases = [
        (json!({"Content-Length": SECRET}), "is set by aikit itself", "leave it out"),
        (json!({"a b": SECRET}), "is not the name of a header", "X-Title"),
        (json!({"x-a": format!("{SECRET}\r\nhost: other")}), "no header can hold", "one line"),
        (json!({"authorization": SECRET}), "so does `api_key`", "take one of them"),
    ];
    for (headers, message, hint) in cases {
        let config = json!({"mine": {
            "base_url": "http://127.0.0.1:9", "api_key": "sk-key", "headers": headers
        }});
        let options = OpenOptions { providers: providers(config), ..OpenOptions::default() };
        let error = Kernel::open(options).await.expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains("providers.mine.headers"), "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.hint_text().is_some_and(|said| said.contains(hint)), "{error}");
        hidden(&error);
    }
    let shape = serde_json::from_value::<Providers>(json!({"mine": {"headers": [SECRET]}}));
    assert!(!shape.expect_err("no headers").to_string().contains("canary"));
    // Models in the process have nowhere to send them.
    let kernel = open(json!({"local": {"headers": {"x-a": "b"}}})).await;
    let error = ask(&kernel, "local/m").await.expect_err("misplaced");
    assert!(error.message().contains("providers.local.headers"), "{error}");
}

#[tokio::test]
async fn a_recording_has_none_and_replays_without_them() {
    let folder = tempfile::tempdir().expect("folder");
    let cassette = folder.path().join("c.json");
    let (address, seen) = serve(vec![SAID.into()]);
    let config = |headers: Value| json!({"mine": {"base_url": address, "cassette": cassette, "headers": headers}});
    let recording = open(config(json!({"X-Gateway": SECRET, "X-Title": "hello"}))).await;
    let recorded = ask(&recording, "mine/m").await.expect("recorded");
    assert_eq!(heads(&seen)[0].all("x-gateway"), [SECRET]);
    let text = std::fs::read_to_string(&cassette).expect("cassette");
    assert!(!text.contains("canary") && !text.to_lowercase().contains("x-gateway"), "{text}");
    assert!(text.contains("you sent [header]") && text.contains("\"hello\""), "{text}");
    assert_eq!(recorded.text, "you sent [header]");
    let replayed = ask(&open(config(json!({}))).await, "mine/m").await.expect("replayed");
    assert_eq!(replayed.text, recorded.text);
}

/// A store with a tenant `acme` of this configuration, and a profile.
struct Layers {
    folder: tempfile::TempDir,
}

impl Layers {
    async fn new(profile: &str, tenant: Value) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("write");
        };
        // A secret in a file ends with a line end.
        write("gateway", &format!("{SECRET}\n"));
        write("other", "of-the-tenant-5678\n");
        write("profile.toml", &Self::named(profile, folder.path()));
        let config: Value =
            serde_json::from_str(&Self::named(&tenant.to_string(), folder.path())).expect("JSON");
        let location = Location::from(folder.path().join("a.db"));
        let admin = Admin::open(&location, "ada").await.expect("admin");
        let new = NewTenant { config: Some(config), ..NewTenant::default() };
        admin.create_tenant("acme", new).await.expect("tenant");
        Self { folder }
    }

    fn named(text: &str, folder: &Path) -> String {
        text.replace("FOLDER", &folder.display().to_string())
    }

    async fn open(&self, callers: Value) -> Kernel {
        let options = OpenOptions {
            tenant: Some("acme".into()),
            profile: Some(self.folder.path().join("profile.toml")),
            providers: providers(callers),
            ..OpenOptions::file(self.folder.path().join("a.db"))
        };
        Kernel::open(options).await.expect("open")
    }
}

fn row(kernel: &Kernel, key: &str) -> Value {
    let rows = serde_json::to_value(kernel.explain(None)).expect("JSON");
    assert!(!rows.to_string().contains("canary"), "{rows}");
    let found = rows.as_array().expect("rows").iter().find(|row| row["key"] == key);
    found.cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_tenant_with_another_address_does_not_get_those_of_the_profile() {
    let (operators, ours) = serve(vec![REFUSED.into(); 2]);
    let (tenants, theirs) = serve(vec![REFUSED.into(); 2]);
    let profile = format!(
        "[providers.mine]\nbase_url = \"{operators}\"\n\
         headers.X-Gateway.file = \"FOLDER/gateway\"\n\
         headers.Authorization = {{file = \"FOLDER/gateway\"}}\n"
    );
    let other = json!({"providers": {"mine": {"base_url": tenants}}});
    let layers = Layers::new(&profile, other).await;
    let kernel = layers.open(json!({})).await;
    hidden(&ask(&kernel, "mine/m").await.expect_err("refused"));
    let head = &heads(&theirs)[0];
    assert!(head.all("x-gateway").is_empty() && head.all("authorization").is_empty(), "{head:?}");
    assert!(heads(&ours).is_empty());
    let said = row(&kernel, "providers.mine.headers.x-gateway");
    assert_eq!((&said["value"], &said["source"]), (&Value::Null, &json!("tenant acme")));

    // One that says the same address, or brings headers, asks there with all of them.
    let own = json!({"providers": {"mine": {
        "base_url": operators, "headers": {"X-Team": {"file": "FOLDER/other"}}
    }}});
    let layers = Layers::new(&profile, own).await;
    let kernel = layers.open(json!({})).await;
    hidden(&ask(&kernel, "mine/m").await.expect_err("refused"));
    let head = &heads(&ours)[0];
    assert_eq!(head.all("x-gateway"), [SECRET]);
    assert_eq!(head.all("authorization"), [SECRET]);
    assert_eq!(head.all("x-team"), ["of-the-tenant-5678"]);
    let said = row(&kernel, "providers.mine.headers.x-gateway");
    assert!(said["value"].as_str().is_some_and(|at| at.starts_with("file:/")), "{said}");
    assert_eq!((&said["secret"], &said["overruled"]), (&json!("set"), &json!([])));

    // A key of the tenant's own says who asks, in the place of the profile's header.
    let keyed = json!({"providers": {"mine": {"api_key": {"file": "FOLDER/other"}}}});
    let layers = Layers::new(&profile, keyed).await;
    hidden(&ask(&layers.open(json!({})).await, "mine/m").await.expect_err("refused"));
    let head = &heads(&ours)[1];
    assert_eq!(head.all("authorization"), ["Bearer of-the-tenant-5678"]);
    assert_eq!(head.all("x-gateway"), [SECRET]);
}

#[tokio::test]
async fn headers_of_the_caller_go_to_no_address_of_a_layer_nor_theirs_to_the_callers() {
    let (tenants, theirs) = serve(vec![REFUSED.into()]);
    let (callers, ours) = serve(vec![REFUSED.into()]);
    let tenant = json!({"providers": {
        "mine": {"base_url": tenants, "headers": {"X-Team": {"file": "FOLDER/other"}}}
    }});
    let layers = Layers::new("", tenant).await;
    let kernel = layers.open(json!({"mine": {"headers": {"X-Gateway": SECRET}}})).await;
    let error = ask(&kernel, "mine/m").await.expect_err("nowhere");
    assert_eq!(error.code(), Code::ModelUnknown, "{error}");
    assert!(error.message().contains("nobody said where \"mine\" is"), "{error}");
    assert!(heads(&theirs).is_empty());
    let kernel = layers.open(json!({"mine": {"base_url": callers}})).await;
    hidden(&ask(&kernel, "mine/m").await.expect_err("refused"));
    assert!(heads(&ours)[0].all("x-team").is_empty(), "{ours:?}");
}

#[tokio::test]
async fn a_reference_that_cannot_be_read_is_told_when_it_is_needed() {
    let profile = "[providers.mine]\nbase_url = \"http://127.0.0.1:9\"\n\
                   headers.X-Gateway.file = \"FOLDER/no-such-file\"\n";
    let layers = Layers::new(profile, json!({})).await;
    let kernel = layers.open(json!({})).await;
    let said = row(&kernel, "providers.mine.headers.x-gateway");
    assert_eq!(said["secret"], "missing");
    let error = ask(&kernel, "mine/m").await.expect_err("missing");
    assert_eq!(error.code(), Code::FileNotFound, "{error}");
    assert!(error.message().contains("no-such-file"), "{error}");
    // What stands there must be fit for a header.
    let file = layers.folder.path().join("no-such-file");
    std::fs::write(&file, format!("{SECRET}\nx-other: y")).expect("write");
    let error = ask(&layers.open(json!({})).await, "mine/m").await.expect_err("two lines");
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
    assert!(error.message().contains("x-gateway"), "{error}");
    hidden(&error);
}
