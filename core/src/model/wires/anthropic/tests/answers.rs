//! What comes back.

use serde_json::json;

use super::*;
use crate::error::Code;
use crate::io::SseReader;
use crate::model::Usage;
use crate::model::dialect::Tools;
use crate::model::wires::testing::{Kept, reached, serve, with_nonsense, with_nulls};

fn endpoint() -> Endpoint {
    let base = "http://127.0.0.1:9";
    let url = address(base, "v1/messages").expect("url");
    Endpoint::of(&reached("anthropic", base), url, KeyHeader::Named("x-api-key"))
}

/// Reads a stream that is cut at a place.
async fn read(body: &str, cut: usize, tools: &Tools) -> (Result<Completion>, Kept) {
    let (endpoint, mut seen) = (endpoint(), Kept::default());
    let mut sse = SseReader::default();
    let mut reader = Reader::new(&endpoint, "claude-sonnet-4-6", None, tools, true);
    for piece in [&body.as_bytes()[..cut], &body.as_bytes()[cut..]] {
        sse.push(piece).expect("push");
        while let Some(data) = sse.next().expect("event") {
            if let Err(error) = reader.event(&data, &mut seen).await {
                return (Err(error), seen);
            }
        }
    }
    let closed = reader.close(&mut seen).await;
    (closed.map(|()| reader.done), seen)
}

/// As the documentation shows streams: text, thinking, two calls, and what is none of ours.
const STREAM: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":1}}}

event: ping
data: {"type": "ping"}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let me "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"think ä."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB=="}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Emwk"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Gr\u00fc\u00dfe \"you\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"char_location"}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":" there"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"location\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":" \"Z\u00fcrich\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"input_json_delta","partial_json":"{}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: content_block_start
data: {"type":"content_block_start","index":5,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":5}

event: something_new
data: {"type":"something_new","delta":{"weird":1}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89,"output_tokens_details":{"thinking_tokens":40}}}

event: message_stop
data: {"type":"message_stop"}

"#;

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    for cut in
        (0..=STREAM.len()).filter(|cut| *cut < 40 || cut % 3 == 0 || *cut > STREAM.len() - 40)
    {
        let (done, seen) = read(STREAM, cut, &tools).await;
        let done = done.expect("answer");
        assert_eq!(done.text, "Grüße \"you\" there", "cut at {cut}");
        assert_eq!(done.finish_reason, "tool_calls");
        assert_eq!(done.usage, Usage::new(1125, 89).cached(1000, 100).reasoned(40));
        let calls: Vec<_> = done
            .tool_calls
            .iter()
            .map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str()))
            .collect();
        assert_eq!(
            calls,
            [("toolu_1", "get_weather", "{\"location\": \"Zürich\"}"), ("toolu_2", "now", "{}"),]
        );
        let data: Vec<_> = done
            .reasoning
            .iter()
            .map(|r| r.receipt.as_ref().expect("receipt").data.clone())
            .collect();
        assert_eq!(
            data,
            [
                json!({"model": "claude-sonnet-4-6", "block":
                {"type": "thinking", "thinking": "Let me think ä.", "signature": "EqQB=="}, "text": 0, "calls": 0}),
                json!({"model": "claude-sonnet-4-6", "block":
                {"type": "redacted_thinking", "data": "Emwk"}, "text": 0, "calls": 0}),
            ]
        );
        // What came in pieces and what there is in the end agree.
        assert_eq!(seen.text(), done.text);
        assert_eq!(seen.thought(), "Let me think ä.");
        for call in &done.tool_calls {
            assert_eq!(seen.arguments(&call.id), call.arguments);
        }
        let last = seen.0.iter().rev().find(|d| matches!(d, Delta::Usage(_)));
        assert_eq!(last, Some(&Delta::Usage(done.usage)));
    }
}

#[tokio::test]
async fn calls_that_were_compiled_come_back_as_the_tool_wants_them() {
    let either = json!({"type": "object", "oneOf": [
        {"properties": {"id": {"type": "integer"}}, "required": ["id"]},
        {"properties": {"name": {"type": "string"}}, "required": ["name"]},
    ]});
    let tools = Tools::compile(Flavour::Anthropic, &[tool("find.it", either)]);
    let body = r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"find_it","input":{}}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"value\": {\"id\""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":": 7}}"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use"}}

"#;
    let (done, seen) = read(body, 0, &tools).await;
    let done = done.expect("answer");
    assert_eq!(done.tool_calls, [call("a", "find.it", r#"{"id":7}"#)]);
    assert_eq!(seen.arguments("a"), r#"{"id":7}"#);
    // And go out again as they came.
    let said = Message::Assistant {
        text: String::new(),
        reasoning: Vec::new(),
        tool_calls: done.tool_calls,
    };
    let said = [said];
    let turns = conversation::turns("m", &said, &tools);
    assert_eq!(
        serde_json::to_value(turns).expect("json")[0]["content"],
        json!([
            {"type": "tool_use", "id": "a", "name": "find_it", "input": {"value": {"id": 7}}},
        ])
    );
}

#[tokio::test]
async fn what_ends_an_answer_has_one_word() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    for (theirs, ours) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("what_next", "what_next"),
    ] {
        let body = format!(
            "data: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"{theirs}\"}},\"usage\":{{\"output_tokens\":1}}}}\n\n"
        );
        let (done, _) = read(&body, 0, &tools).await;
        assert_eq!(done.expect("answer").finish_reason, ours);
    }
}

#[tokio::test]
async fn errors_in_the_stream_and_nonsense_are_typed() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    for (kind, code, retryable) in [
        ("overloaded_error", Code::ModelUnavailable, true),
        ("api_error", Code::ModelUnavailable, true),
        ("rate_limit_error", Code::ModelRateLimited, true),
        ("authentication_error", Code::ModelUnauthorized, false),
        ("invalid_request_error", Code::ModelRefused, false),
    ] {
        let body = format!(
            "data: {{\"type\":\"error\",\"error\":{{\"type\":\"{kind}\",\"message\":\"so\"}},\"request_id\":\"req_1\"}}\n\n"
        );
        let error = read(&body, 0, &tools).await.0.expect_err("error");
        assert_eq!((error.code(), error.retryable()), (code, retryable), "{kind}");
        assert!(error.message().contains("so"), "{error}");
        assert_eq!(error.answer().and_then(|a| a.request_id.as_deref()), Some("req_1"));
    }
    for body in [
        "data: <html>\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":0}\n\n",
        "data: {\"type\":\"content_block_start\",\"index\":-1,\"content_block\":{}}\n\n",
    ] {
        let error = read(body, 0, &tools).await.0.expect_err("error");
        assert_eq!(error.code(), Code::ModelInvalidResponse, "{body}");
    }
    let start = "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\"}}\n\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n";
    let error = read(&start.repeat(300), 0, &tools).await.0.expect_err("error");
    assert_eq!(error.code(), Code::ModelInvalidResponse);
}

async fn ask(base: String, request: &ChatRequest) -> (Result<Completion>, Kept) {
    let provider =
        Reached { key: Some("sk-ant-canary".to_owned().into()), ..reached("anthropic", &base) };
    let model = Anthropic::new(&provider, "claude-sonnet-4-6").expect("model");
    let mut seen = Kept::default();
    (model.chat(request, &mut seen).await, seen)
}

#[tokio::test]
async fn over_a_socket_the_headers_are_there_and_the_answer_is_whole() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_9\r\nconnection: close\r\n\r\n";
    for path in ["", "/v1", "/v1/"] {
        let (base, asked) = serve(format!("{head}{STREAM}").into_bytes(), 4096);
        let (done, _) = ask(format!("{base}{path}"), &plain(vec![Message::user("x")])).await;
        let done = done.expect("answer");
        assert_eq!(
            (done.text.as_str(), done.request_id.as_deref()),
            ("Grüße \"you\" there", Some("req_9"))
        );
        let asked = asked.recv().expect("asked");
        assert!(asked.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("x-api-key: sk-ant-canary\r\n"), "{asked}");
        assert!(asked.contains("anthropic-version: 2023-06-01\r\n"), "{asked}");
    }
    // A connection that breaks behind a whole answer takes nothing from it.
    let head = head.replace("connection: close", "content-length: 1000000");
    let unsaid = &STREAM[..STREAM.find("event: message_stop").expect("place")];
    let (base, _) = serve(format!("{head}{unsaid}").into_bytes(), 4096);
    let (done, _) = ask(base, &plain(vec![Message::user("x")])).await;
    assert_eq!(done.expect("whole").text, "Grüße \"you\" there");
    // Cut off before it says why it ended.
    let cut = &STREAM[..STREAM.find("event: message_delta").expect("place")];
    let (base, _) = serve(format!("{head}{cut}").into_bytes(), 4096);
    let (done, _) = ask(base, &plain(vec![Message::user("x")])).await;
    assert_eq!(done.expect_err("broken").code(), Code::ModelStreamBroken);
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "at once"},
            {"type": "tool_use", "id": "toolu_1", "name": "t", "input": {"a": [1]}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    })
    .to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (base, _) = serve(format!("{head}{body}").into_bytes(), 4096);
    let (done, seen) = ask(base, &plain(vec![Message::user("x")])).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.finish_reason.as_str()), ("at once", "tool_calls"));
    assert_eq!(done.tool_calls, [call("toolu_1", "t", r#"{"a":[1]}"#)]);
    assert_eq!(
        (seen.text(), seen.thought(), seen.arguments("toolu_1")),
        ("at once".into(), "hm".into(), r#"{"a":[1]}"#.into())
    );
    assert_eq!(done.usage, Usage::new(3, 4));

    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded sk-ant-canary"}}"#;
    let head = format!(
        "HTTP/1.1 529 Overloaded\r\ncontent-type: application/json\r\nrequest-id: req_2\r\nretry-after: 3\r\ncontent-length: {}\r\n\r\n",
        error.len()
    );
    let (base, _) = serve(format!("{head}{error}").into_bytes(), 4096);
    let error = ask(base, &plain(vec![Message::user("x")])).await.0.expect_err("error");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    assert_eq!(error.answer().and_then(|a| a.request_id.as_deref()), Some("req_2"));
    assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
}

#[tokio::test]
async fn an_error_in_the_stream_means_what_it_means_elsewhere() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    let said = |kind: &str, message: &str| {
        let error = json!({"type": kind, "message": message});
        format!("data: {}\n\n", json!({"type": "error", "error": error}))
    };
    for (kind, message, code, hint) in [
        (
            "invalid_request_error",
            "prompt is too long: 213462 tokens > 200000 maximum",
            Code::ModelContextExceeded,
            "shorten",
        ),
        ("billing_error", "Your credit is used up", Code::ModelRateLimited, "billing"),
        ("not_found_error", "model: claude-x", Code::ModelRefused, "name"),
        ("authentication_error", "invalid x-api-key", Code::ModelUnauthorized, "key"),
    ] {
        let error = read(&said(kind, message), 0, &tools).await.0.expect_err(kind);
        assert_eq!(error.code(), code, "{kind}");
        assert!(error.hint_text().is_some_and(|text| text.contains(hint)), "{error:?}");
    }
}

#[tokio::test]
async fn what_gateways_leave_out_is_made_up_for() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    // Neither beginnings nor ends of blocks, and counts only at the beginning.
    let body = r#"data: {"type":"message_start","message":{"usage":{"input_tokens":15,"cache_read_input_tokens":4,"output_tokens":0}}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"so"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" it is"}}

data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"t","input":{"x":1}}}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7.0}}

"#;
    let (done, kept) = read(body, 0, &tools).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), kept.text()), ("so it is", "so it is".into()));
    assert_eq!(done.tool_calls, [call("a", "t", r#"{"x":1}"#)]);
    assert_eq!(kept.arguments("a"), r#"{"x":1}"#);
    assert_eq!(done.usage, Usage::new(19, 7).cached(4, 0));
    let block = done.reasoning[0].receipt.as_ref().expect("receipt").data["block"].clone();
    assert_eq!(block, json!({"type": "thinking", "thinking": "hm", "signature": "sig"}));
}

#[tokio::test]
async fn a_refusal_is_explained_where_nothing_was_said() {
    let tools = Tools::compile(Flavour::Anthropic, &[]);
    let end = json!({"type": "message_delta", "delta": {"stop_reason": "refusal",
        "stop_details": {"type": "refusal", "category": "cyber", "explanation": "Not this."}}});
    let (done, kept) = read(&format!("data: {end}\n\n"), 0, &tools).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.finish_reason.as_str()), ("Not this.", "content_filter"));
    assert_eq!(kept.text(), "Not this.");
    let text = json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "text_delta", "text": "I"}});
    let (done, _) = read(&format!("data: {text}\n\ndata: {end}\n\n"), 0, &tools).await;
    assert_eq!(done.expect("answer").text, "I");
}

#[tokio::test]
async fn null_is_taken_anywhere_and_nonsense_never_does_worse_than_fail() {
    let (endpoint, tools) = (endpoint(), Tools::compile(Flavour::Anthropic, &[]));
    let reader = || Reader::new(&endpoint, "claude-sonnet-4-6", None, &tools, true);
    let events = || STREAM.lines().filter_map(|line| line.strip_prefix("data: "));
    // A beginning of nothing is nonsense, and so is a piece of a call that was not begun.
    let breaks = |mutant: &str| {
        mutant.contains(r#""index":null"#) && mutant.contains("_start")
            || mutant.contains(r#""content_block":null"#)
            || mutant.contains("_delta") && !mutant.contains("message_delta")
    };
    for mutant in with_nulls(events()) {
        let outcome = reader().event(&mutant, &mut Kept::default()).await;
        assert!(outcome.is_ok() || breaks(&mutant), "{mutant}: {outcome:?}");
    }
    for mutant in with_nonsense(events()) {
        let mut reader = reader();
        if reader.event(&mutant, &mut Kept::default()).await.is_ok() {
            let _ = reader.close(&mut Kept::default()).await;
        }
    }
    // The pieces, behind a beginning.
    let start =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"KIND","name":"t"}}"#;
    for (kind, piece) in [
        ("thinking", r#"{"type":"thinking_delta","thinking":"x"}"#),
        ("thinking", r#"{"type":"signature_delta","signature":"x"}"#),
        ("text", r#"{"type":"text_delta","text":"x"}"#),
        ("tool_use", r#"{"type":"input_json_delta","partial_json":"x"}"#),
    ] {
        let piece = format!(r#"{{"type":"content_block_delta","index":0,"delta":{piece}}}"#);
        for mutant in with_nulls([piece.as_str()]) {
            let mut reader = reader();
            let begun = reader.event(&start.replace("KIND", kind), &mut Kept::default()).await;
            begun.expect("begun");
            reader.event(&mutant, &mut Kept::default()).await.expect(&mutant);
        }
    }
}
