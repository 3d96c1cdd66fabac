//! For the tests of the wires: a server on a plain socket that gives what no well-behaved one
//! gives, and a sink that keeps what it takes.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::embeddings::EmbeddingWire;
use crate::error::Result;
use crate::model::providers::{Reached, Timeouts};
use crate::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, EmbeddingUse};

/// A provider at this address.
pub(super) fn reached(name: &str, base_url: &str) -> Reached {
    Reached {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        key: Some(SecretString::from("sk-test".to_owned())),
        headers: Vec::new(),
        api_version: None,
        timeouts: Timeouts::default(),
        cassette: None,
    }
}

/// Keeps what it takes.
#[derive(Default)]
pub(super) struct Kept(pub(super) Vec<Delta>);

#[async_trait]
impl DeltaSink for Kept {
    async fn delta(&mut self, delta: Delta) {
        self.0.push(delta);
    }
}

impl Kept {
    /// What the deltas add up to: text, reasoning, and for each call its name and arguments.
    pub(super) fn sum(&self) -> (String, String, Vec<(String, String, String)>) {
        let (mut text, mut thought) = (String::new(), String::new());
        let mut calls: Vec<(String, String, String)> = Vec::new();
        for delta in &self.0 {
            match delta {
                Delta::Text(piece) => text.push_str(piece),
                Delta::Reasoning(piece) => thought.push_str(piece),
                Delta::ToolCall { call_id, name, arguments } => {
                    match calls.iter_mut().find(|call| call.0 == *call_id) {
                        Some(call) => call.2.push_str(arguments),
                        None => calls.push((call_id.clone(), name.clone(), arguments.clone())),
                    }
                }
                Delta::Usage(_) | Delta::Retrying { .. } => {}
            }
        }
        (text, thought, calls)
    }

    pub(super) fn text(&self) -> String {
        self.sum().0
    }

    pub(super) fn thought(&self) -> String {
        self.sum().1
    }

    pub(super) fn arguments(&self, id: &str) -> String {
        let found = self.sum().2.into_iter().find(|call| call.0 == id);
        found.map_or_else(String::new, |call| call.2)
    }
}

/// Answers one request with these bytes, in pieces of `size`; gives the address and what was asked.
pub(super) fn serve(answer: Vec<u8>, size: usize) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    let (asked, receiver) = channel();
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let _ = stream.set_nodelay(true);
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        // The request's body is JSON and ends with its brace.
        while !seen.ends_with(b"}") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        let _ = asked.send(String::from_utf8_lossy(&seen).into_owned());
        for piece in answer.chunks(size) {
            if stream.write_all(piece).is_err() {
                break;
            }
        }
    });
    (address, receiver)
}

/// An answer as server-sent events.
pub(super) fn events(data: &[&str]) -> Vec<u8> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_1\r\nconnection: close\r\n\r\n"
            .to_vec();
    for data in data {
        answer.extend_from_slice(format!("data: {data}\n\n").as_bytes());
    }
    answer
}

/// The same answer, whose connection breaks behind it: less comes than was announced.
pub(super) fn cut_off(answer: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(answer).expect("text");
    text.replacen("connection: close", "content-length: 1000000", 1).into_bytes()
}

/// An answer in one piece.
pub(super) fn whole(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Asks a model that `make` makes for the address: what it gives, with its deltas, which must add up
/// to the completion.
pub(super) async fn ask<M: ChatModel>(
    answer: Vec<u8>,
    size: usize,
    make: impl Fn(&str) -> M,
) -> (Result<Completion>, Kept) {
    let (address, _asked) = serve(answer, size);
    let mut kept = Kept::default();
    let outcome = make(&address).chat(&ChatRequest::default(), &mut kept).await;
    if let Ok(done) = &outcome {
        let (text, thought, calls) = kept.sum();
        assert_eq!(text, done.text);
        // Each thought is whole; what several of them add up to is what was given.
        let mut thoughts: Vec<&str> = done.reasoning.iter().map(|r| r.text.as_str()).collect();
        thoughts.retain(|text| !text.is_empty());
        assert_eq!(thought.len(), thoughts.concat().len());
        let done: Vec<_> = done
            .tool_calls
            .iter()
            .map(|call| (call.id.clone(), call.name.clone(), call.arguments.clone()))
            .collect();
        assert_eq!(calls, done);
    }
    (outcome, kept)
}

/// Each of the events with each part of it in turn replaced by null: what providers send for nothing.
pub(super) fn with_nulls<'a>(events: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    events.into_iter().flat_map(|event| replaced(event, &Value::Null)).collect()
}

/// The same with what has no place there.
pub(super) fn with_nonsense<'a>(events: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let nonsense = [json!(7), json!(-1.5), json!("x"), json!([]), json!({}), json!([{}])];
    let of = |event| nonsense.iter().flat_map(|with| replaced(event, with)).collect::<Vec<_>>();
    events.into_iter().flat_map(of).collect()
}

/// The tokens that are read of each of these answers to a request for vectors of two texts.
pub(super) async fn tokens_of<M: EmbeddingWire>(
    answers: &[String],
    make: impl Fn(&str) -> M,
) -> Vec<u64> {
    let mut counts = Vec::new();
    for answer in answers {
        let (address, _asked) = serve(whole("200 OK", answer), 4096);
        let texts = ["a".to_owned(), "b".to_owned()];
        let made = make(&address).embed_batch(&texts, EmbeddingUse::Document).await;
        counts.push(made.expect(answer).tokens);
    }
    counts
}

/// The vectors of one request for passages.
pub(super) async fn embedded(
    model: &impl EmbeddingWire,
    texts: &[String],
) -> Result<Vec<Vec<f32>>> {
    model.embed_batch(texts, EmbeddingUse::Document).await.map(|made| made.vectors)
}

/// An event with each part of it in turn replaced by `with`.
fn replaced(event: &str, with: &Value) -> Vec<String> {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        let parts: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(k, v)| (k.replace('~', "~0"), v)).collect(),
            Value::Array(list) => {
                list.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect()
            }
            _ => Vec::new(),
        };
        for (key, part) in parts {
            let at = format!("{at}/{key}");
            pointers(part, &at, found);
            found.push(at);
        }
    }
    let event: Value = serde_json::from_str(event).expect("json");
    let mut found = Vec::new();
    pointers(&event, "", &mut found);
    let replace = |pointer: String| {
        let mut event = event.clone();
        *event.pointer_mut(&pointer).expect("part") = with.clone();
        event.to_string()
    };
    found.into_iter().map(replace).collect()
}
