//! Streams that stand still or do not end, over a plain socket.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::error::Code;
use crate::model::resilience::{Lane, Policy, Resilient};
use crate::model::wires::OpenAiChat;
use crate::model::wires::testing::{Kept, reached};
use crate::model::{ChatModel, ChatRequest, Completion};

const SAID: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"all\"}}]}\n\n";
const OVER: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const COUNTED: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
/// What gateways send so that nobody takes the connection for dead.
const KEEP_ALIVES: [&str; 3] =
    [": PROCESSING\n\n", "event: ping\ndata: {\"type\": \"ping\"}\n\n", "data:\n\n"];

/// Answers one request with these pieces, each after so many milliseconds, and leaves the connection
/// open.
fn drips(pieces: Vec<(u64, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = format!("http://{}", listener.local_addr().expect("address"));
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let _ = stream.set_nodelay(true);
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        // The request's body is JSON and ends with its brace.
        while !seen.ends_with(b"}") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        for (after, piece) in std::iter::once((0, head)).chain(pieces) {
            std::thread::sleep(Duration::from_millis(after));
            if stream.write_all(piece.as_bytes()).is_err() {
                return;
            }
        }
        std::thread::sleep(Duration::from_secs(90));
    });
    address
}

fn model(address: &str, timeouts: Timeouts) -> OpenAiChat {
    let mut provider = reached("mine", address);
    provider.timeouts = timeouts;
    OpenAiChat::new(&provider, "m").expect("model")
}

async fn ask(model: &impl ChatModel) -> (Result<Completion>, Duration) {
    let start = std::time::Instant::now();
    let request = ChatRequest::default();
    let (mut kept, bound) = (Kept::default(), Duration::from_secs(20));
    let outcome = tokio::time::timeout(bound, model.chat(&request, &mut kept)).await;
    (outcome.expect("it ends"), start.elapsed())
}

/// Keep-alives for two seconds, with something between them.
fn kept_alive(keep_alive: &'static str, between: &[&'static str]) -> Vec<(u64, &'static str)> {
    let beat = [(50, keep_alive), (50, keep_alive)];
    let mut pieces = Vec::new();
    for i in 0..20 {
        pieces.extend(beat);
        if let Some(piece) = between.get(i % between.len().max(1)) {
            pieces.push((0, *piece));
        }
    }
    pieces
}

const SHORT: Timeouts = Timeouts {
    first_byte: Duration::from_millis(700),
    between_chunks: Duration::from_millis(400),
    total: None,
};

#[tokio::test]
async fn a_whole_answer_does_not_wait_for_a_connection_that_stays_open() {
    let pieces = vec![(0, SAID), (0, OVER), (300, COUNTED)];
    let (done, took) = ask(&model(&drips(pieces), Timeouts::default())).await;
    let done = done.expect("whole");
    assert_eq!((done.text.as_str(), done.usage.total_tokens), ("all", 5));
    assert!(took < Duration::from_secs(5), "{took:?}");

    // Nor for one that is kept alive.
    for keep_alive in KEEP_ALIVES {
        let mut pieces = vec![(0, SAID), (0, OVER)];
        pieces.extend([(500, keep_alive); 20]);
        let (done, took) = ask(&model(&drips(pieces), Timeouts::default())).await;
        assert_eq!(done.expect("whole").text, "all");
        assert!(took < Duration::from_secs(5), "{took:?} with {keep_alive:?}");
    }
}

#[tokio::test]
async fn an_answer_that_may_end_with_each_event_is_read_to_its_end() {
    // As older models of Gemini's do.
    let last =
        "data: {\"choices\":[{\"delta\":{\"content\":\"all\"},\"finish_reason\":\"stop\"}]}\n\n";
    let pieces = vec![(0, last), (1_200, last), (1_200, last), (1_200, last)];
    let (done, _) = ask(&model(&drips(pieces), Timeouts::default())).await;
    assert_eq!(done.expect("whole").text, "all".repeat(4));
}

#[tokio::test]
async fn a_whole_answer_is_not_lost_when_its_time_ends() {
    let address = drips(vec![(0, SAID), (0, OVER)]);
    let total = Some(Duration::from_millis(500));
    let lane = Lane { tenant: "t", address: &address, key: None, headers: &[], model: "mine/m" };
    let model = model(&address, Timeouts::default());
    let model = Resilient::new(model, &lane, Policy { total, ..Policy::default() });
    assert_eq!(ask(&model).await.0.expect("whole").text, "all");

    let address = drips(vec![(0, SAID)]);
    let lane = Lane { tenant: "t", address: &address, key: None, headers: &[], model: "mine/m" };
    let model = self::model(&address, Timeouts::default());
    let model = Resilient::new(model, &lane, Policy { total, ..Policy::default() });
    let error = ask(&model).await.0.expect_err("half of it");
    assert!(error.message().contains("took longer than 500 ms"), "{error}");
}

#[tokio::test]
async fn nobody_is_kept_waiting_by_signs_of_life_alone() {
    for keep_alive in KEEP_ALIVES {
        let address = drips(kept_alive(keep_alive, &[]));
        let (outcome, took) = ask(&model(&address, SHORT)).await;
        let error = outcome.expect_err("it said nothing");
        assert_eq!(error.code(), Code::ModelUnavailable, "{error}");
        assert!(error.message().contains("nothing but signs of life"), "{error}");
        assert!(took < Duration::from_millis(1_500), "{took:?}");

        // With words between them it may go on for as long as it wants.
        let mut pieces = kept_alive(keep_alive, &[SAID]);
        pieces.extend([(0, OVER), (0, "data: [DONE]\n\n")]);
        let (done, _) = ask(&model(&drips(pieces), SHORT)).await;
        assert_eq!(done.expect("whole").text, "all".repeat(20));
    }
}

#[tokio::test]
async fn an_event_that_comes_in_small_pieces_is_no_silence() {
    let mut pieces = vec![(0, "data: {\"choices\":[{\"delta\":{\"content\":\"")];
    pieces.extend([(100, "x"); 15]);
    pieces.extend([(0, "\"}}]}\n\n"), (0, OVER), (0, "data: [DONE]\n\n")]);
    let (done, took) = ask(&model(&drips(pieces), SHORT)).await;
    assert_eq!(done.expect("whole").text, "x".repeat(15));
    assert!(took > SHORT.first_byte);
}
