//! What a provider can do wrong in the middle of a stream, byte for byte: answers are served from a
//! plain socket, because no well-behaved server sends them. The rest of the wire is tested against
//! a real server and a third party's fake in `tests/wire`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;

use aikit::Code;
use aikit::agent::EventKind;
use aikit::kernel::{AgentOptions, AgentRef, Kernel, OpenOptions};
use aikit::model::{ProviderConfig, Providers};
use aikit::spec::Spec;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

const END: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// Serves one answer per connection, in pieces, and gives the address.
fn serve(answers: Vec<Vec<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        for pieces in answers {
            let Ok((mut stream, _)) = listener.accept() else { return };
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            // The request's body is JSON and ends with its brace.
            while !seen.ends_with(b"}") {
                match stream.read(&mut buffer) {
                    Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            for piece in pieces {
                if stream.write_all(piece.as_bytes()).is_err() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    });
    format!("http://{address}/v1")
}

/// Runs an agent against the answers: its text or the error's code, and the deltas seen.
async fn ask(answers: Vec<Vec<String>>) -> (Result<String, Code>, Vec<String>) {
    let config = ProviderConfig {
        base_url: Some(serve(answers)),
        api_key: None,
        ..ProviderConfig::default()
    };
    let providers = Providers([("fake".to_owned(), config)].into());
    let kernel =
        Kernel::open(OpenOptions { providers, ..OpenOptions::default() }).await.expect("open");
    let spec =
        Spec::parse("identity: {agent_id: a}\nintelligence: {model: fake/x}\n").expect("spec");
    let agent =
        kernel.agent_with(AgentRef::Spec(spec), AgentOptions::default()).await.expect("agent");
    let mut run = agent.start("hello");
    let mut deltas = Vec::new();
    while let Some(event) = run.next().await {
        if let EventKind::TextDelta { text } = &*event.kind {
            deltas.push(text.clone());
        }
    }
    (run.result().await.map(|r| r.text).map_err(|e| e.code()), deltas)
}

#[tokio::test]
async fn a_stream_may_be_cut_into_bytes_at_any_place() {
    let body = format!("{HEAD}{}{}{END}data: [DONE]\n\n", chunk("gr\u{fc}\u{df}"), chunk(" dich"));
    let mut pieces: Vec<String> = vec![HEAD.to_owned()];
    pieces.extend(
        body[HEAD.len()..].chars().collect::<Vec<_>>().chunks(7).map(|c| c.iter().collect()),
    );
    let (answer, deltas) = ask(vec![pieces]).await;
    assert_eq!(answer.as_deref(), Ok("gr\u{fc}\u{df} dich"));
    assert_eq!(deltas, ["gr\u{fc}\u{df}", " dich"]);
}

#[tokio::test]
async fn json_that_breaks_off_in_mid_stream_is_an_invalid_response() {
    let broken = "data: {\"choices\":[{\"delta\":{\"content\":\"x\n\n".to_owned();
    let (answer, deltas) = ask(vec![vec![HEAD.into(), chunk("so far"), broken]]).await;
    assert_eq!(answer, Err(Code::ModelInvalidResponse));
    assert_eq!(deltas, ["so far"]);
}

#[tokio::test]
async fn a_stream_without_its_end_is_broken_and_one_without_done_is_not() {
    let (answer, deltas) = ask(vec![vec![HEAD.into(), chunk("half")]]).await;
    assert_eq!((answer, deltas), (Err(Code::ModelStreamBroken), vec!["half".to_owned()]));
    let (answer, _) = ask(vec![vec![HEAD.into(), chunk("whole"), END.into()]]).await;
    assert_eq!(answer.as_deref(), Ok("whole"));
}

#[tokio::test]
async fn an_error_inside_the_stream_and_nonsense_of_other_kinds_are_typed() {
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n".to_owned();
    let (answer, _) = ask(vec![vec![HEAD.into(), chunk("a"), error]]).await;
    assert_eq!(answer, Err(Code::ModelUnavailable));
    let calls = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":99999999}]}}]}\n\n";
    let (answer, _) = ask(vec![vec![HEAD.into(), calls.into()]]).await;
    assert_eq!(answer, Err(Code::ModelInvalidResponse));
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>";
    let (answer, _) = ask(vec![vec![page.into()]]).await;
    assert_eq!(answer, Err(Code::ModelInvalidResponse));
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = r#"{"choices":[{"message":{"content":"at once"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let whole = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{body}"
    );
    let (answer, deltas) = ask(vec![vec![whole]]).await;
    assert_eq!(answer.as_deref(), Ok("at once"));
    assert_eq!(deltas, ["at once"]);
}
