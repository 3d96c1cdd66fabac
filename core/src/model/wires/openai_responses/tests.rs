//! Requests compared whole with the documented ones, and streams byte for byte.

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::model::wires::testing::{Kept, ask, events, reached, whole, with_nonsense, with_nulls};
use crate::model::{
    Delta, Image, ImageSource, Message, OutputSchema, Reasoning, Receipt, ToolCall, ToolSpec, Usage,
};
use crate::spec::{ReasoningEffort, ToolChoice};

fn model(base_url: &str, name: &str) -> OpenAiResponses {
    OpenAiResponses::new(&reached("openai", base_url), name).expect("model")
}

fn sent(name: &str, request: &ChatRequest) -> Value {
    let body = model("https://api.openai.com/v1", name).body(request).expect("body");
    serde_json::from_slice(&body).expect("json")
}

fn call(id: &str) -> ToolCall {
    ToolCall { id: id.into(), name: "t".into(), arguments: "{}".into(), receipt: None }
}

fn result(id: &str) -> Message {
    let (call_id, name) = (id.into(), "t".into());
    Message::Tool { call_id, name, content: "1".into(), is_error: false }
}

#[test]
fn the_body_is_the_one_that_the_api_documents() {
    let schema = json!({"type": "object", "properties": {}, "required": [],
        "additionalProperties": false});
    let image =
        Image { media_type: "image/png".into(), source: ImageSource::Bytes(vec![1, 2, 3].into()) };
    let request = ChatRequest {
        messages: vec![
            Message::System("s".into()),
            Message::User { text: "u".into(), images: vec![image] },
            Message::Assistant {
                text: "so".into(),
                reasoning: Vec::new(),
                tool_calls: vec![call("c1")],
            },
            result("c1"),
        ],
        tools: vec![ToolSpec {
            name: "t".into(),
            description: "d".into(),
            parameters: json!({"type": "object"}),
        }]
        .into(),
        tool_choice: ToolChoice::Required,
        temperature: Some(0.5),
        max_tokens: Some(100),
        seed: Some(7),
        cache_key: Some("k".into()),
        output: Some(OutputSchema { name: "answer".into(), schema: schema.clone() }.into()),
        ..ChatRequest::default()
    };
    assert_eq!(
        sent("gpt-4o", &request),
        json!({
            "model": "gpt-4o",
            "input": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [
                    {"type": "input_text", "text": "u"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AQID"},
                ]},
                {"type": "message", "role": "assistant", "content": "so"},
                {"type": "function_call", "call_id": "c1", "name": "t", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "1"},
            ],
            "stream": true,
            "store": false,
            "temperature": 0.5,
            "max_output_tokens": 100,
            "tools": [{"type": "function", "name": "t", "description": "d",
                "parameters": {"type": "object"}, "strict": false}],
            "tool_choice": "required",
            "parallel_tool_calls": false,
            "text": {"format": {"type": "json_schema", "name": "answer", "strict": true,
                "schema": schema}},
            "prompt_cache_key": "k",
        })
    );
}

#[test]
fn a_shape_waits_where_a_server_would_never_call_a_tool_next_to_it() {
    let parameters = json!({"type": "object"});
    let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters };
    let output = Some(OutputSchema { name: "answer".into(), schema: json!({}) }.into());
    let alone = ChatRequest { output, ..ChatRequest::default() };
    let beside = ChatRequest { tools: vec![tool].into(), ..alone.clone() };
    for (address, way, waits) in [
        ("https://api.openai.com/v1", StructuredOutput::Native, false),
        ("http://127.0.0.1:9/v1", StructuredOutput::NativeWithoutTools, true),
    ] {
        let model = model(address, "m");
        assert_eq!(model.structured_output(), way);
        for (request, says) in [(&alone, true), (&beside, !waits)] {
            let body = model.body(request).expect("body");
            assert_eq!(String::from_utf8_lossy(&body).contains("json_schema"), says, "{address}");
        }
    }
}

#[test]
fn models_that_think_are_asked_for_their_thoughts_in_a_form_that_can_go_back() {
    let request = ChatRequest {
        messages: vec![Message::user("u")],
        temperature: Some(0.5),
        reasoning_effort: Some(ReasoningEffort::High),
        ..ChatRequest::default()
    };
    assert_eq!(
        sent("gpt-5", &request),
        json!({
            "model": "gpt-5",
            "input": [{"role": "user", "content": "u"}],
            "stream": true,
            "store": false,
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "high"},
        })
    );
}

#[test]
fn stop_texts_are_refused_rather_than_passed_over() {
    let request = ChatRequest { stop: vec!["END".into()], ..ChatRequest::default() };
    let error = model("http://h", "m").body(&request).expect_err("stop");
    assert_eq!(error.code(), Code::InvalidArgument);
}

fn item(id: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": [], "encrypted_content": "xyz"})
}

fn thought(wire: &str, id: &str, before: usize) -> Reasoning {
    let data = json!({"model": "gpt-5", "item": item(id), "calls_before": before});
    Reasoning { text: String::new(), receipt: Some(Receipt { wire: wire.into(), data }) }
}

#[test]
fn thoughts_go_back_to_where_they_stood_and_to_nobody_else() {
    let ours = "openai_responses:openai";
    let said = |text: &str, tool_calls: Vec<ToolCall>| ChatRequest {
        messages: vec![Message::Assistant {
            text: text.into(),
            reasoning: vec![
                thought(ours, "rs_1", 0),
                thought("anthropic", "rs_x", 0),
                thought(ours, "rs_2", 1),
            ],
            tool_calls,
        }],
        ..ChatRequest::default()
    };
    let function =
        |id: &str| json!({"type": "function_call", "call_id": id, "name": "t", "arguments": "{}"});
    let text = json!({"type": "message", "role": "assistant", "content": "so"});
    assert_eq!(
        sent("gpt-5", &said("so", vec![call("a"), call("b")]))["input"],
        json!([item("rs_1"), text, function("a"), item("rs_2"), function("b")])
    );
    assert_eq!(sent("gpt-5", &said("", vec![]))["input"], json!([]));
    // Not to another model of the provider either: it cannot read them.
    for other in ["gpt-4o", "gpt-5-mini"] {
        assert_eq!(sent(other, &said("so", vec![]))["input"], json!([text]), "{other}");
    }
}

async fn answer(data: &[&str]) -> (Result<Completion>, Kept) {
    ask(events(data), 4096, |address| model(address, "gpt-5")).await
}

/// A stream as it is documented.
const STREAM: [&str; 15] = [
    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","error":null,"output":[],"usage":null}}"#,
    r#"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_1","status":"in_progress"}}"#,
    r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA-early"}}"#,
    r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"First."}"#,
    r#"{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}"#,
    r#"{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"Then."}"#,
    r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}],"encrypted_content":"gAAA","status":null}}"#,
    r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}"#,
    r#"{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Gr\u00fc"}"#,
    r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"\u00dfe","logprobs":[],"obfuscation":"x"}"#,
    r#"{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Gr\u00fc\u00dfe"}"#,
    r#"{"type":"response.output_item.done","output_index":1,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Gr\u00fc\u00dfe","annotations":[]}]}}"#,
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","error":null,"incomplete_details":null,"output":[{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Gr\u00fc\u00dfe"}]}],"usage":{"input_tokens":30,"input_tokens_details":{"cached_tokens":20,"cache_write_tokens":6},"output_tokens":12,"output_tokens_details":{"reasoning_tokens":8},"total_tokens":42}}}"#,
];

#[tokio::test]
async fn the_documented_stream() {
    let sent = json!({"type": "reasoning", "id": "rs_1", "summary": [
        {"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}],
        "encrypted_content": "gAAA"});
    let receipt = Receipt {
        wire: "openai_responses:openai".into(),
        data: json!({"model": "gpt-5", "item": sent, "calls_before": 0}),
    };
    let expected = Completion {
        text: "Grüße".into(),
        reasoning: vec![Reasoning { text: "First.\n\nThen.".into(), receipt: Some(receipt) }],
        usage: Usage::new(30, 12).cached(20, 6).reasoned(8),
        finish_reason: "stop".into(),
        request_id: Some("req_1".into()),
        ..Completion::default()
    };
    assert_eq!(answer(&STREAM).await.0.expect("answer"), expected);
    for size in [1, 5, 64] {
        let (cut, _) = ask(events(&STREAM), size, |address| model(address, "gpt-5")).await;
        assert_eq!(cut.expect("answer"), expected, "{size}");
    }
}

/// Calls and thoughts between them.
const CALLS: [&str; 11] = [
    r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"1"}}"#,
    r#"{"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","arguments":"","call_id":"call_a","name":"f"}}"#,
    r#"{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_2","type":"function_call","status":"in_progress","arguments":"","call_id":"call_b","name":"g"}}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":2,"delta":"{\"b\""}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{}"}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"fc_2","output_index":2,"delta":":2}"}"#,
    r#"{"type":"response.function_call_arguments.done","item_id":"fc_2","output_index":2,"arguments":"{\"b\":2}"}"#,
    r#"{"type":"response.output_item.done","output_index":2,"item":{"id":"fc_2","type":"function_call","status":"completed","arguments":"{\"b\":2}","call_id":"call_b","name":"g"}}"#,
    r#"{"type":"response.output_item.done","output_index":3,"item":{"id":"rs_2","type":"reasoning","summary":[],"encrypted_content":"2"}}"#,
    r#"{"type":"response.output_item.done","output_index":4,"item":{"id":"fc_3","type":"function_call","arguments":"","call_id":"call_c","name":"h"}}"#,
    r#"{"type":"response.completed","response":{"status":"completed"}}"#,
];

#[tokio::test]
async fn parallel_calls_and_the_thoughts_before_them() {
    let (done, kept) = answer(&CALLS).await;
    let done = done.expect("answer");
    let calls: Vec<_> = done.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(calls, [("call_a", "f", "{}"), ("call_b", "g", "{\"b\":2}"), ("call_c", "h", "{}")]);
    assert_eq!(done.finish_reason, "tool_calls");
    let before: Vec<_> = done
        .reasoning
        .iter()
        .map(|r| r.receipt.as_ref().expect("receipt").data["calls_before"].clone())
        .collect();
    assert_eq!(before, [json!(0), json!(2)]);
    let first = kept.0.iter().find(|delta| matches!(delta, Delta::ToolCall { .. }));
    let begun =
        Delta::ToolCall { call_id: "call_a".into(), name: "f".into(), arguments: "".into() };
    assert_eq!(first, Some(&begun));
}

#[tokio::test]
async fn what_only_the_last_event_says_is_taken() {
    let (done, _) = answer(&[
        r#"{"type":"response.created","response":{"status":"in_progress"}}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"1"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"reasoning","id":"rs_2","encrypted_content":"2"},{"type":"function_call","call_id":"b","name":"g","arguments":""},{"type":"message","content":[{"type":"output_text","text":"one "}]},{"type":"message","content":[{"type":"output_text","text":"two"}]}]}}"#,
    ])
    .await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.finish_reason.as_str()), ("one two", "tool_calls"));
    let calls: Vec<_> = done.tool_calls.iter().map(|c| (&*c.id, &*c.arguments)).collect();
    assert_eq!(calls, [("a", "{}"), ("b", "{}")]);
    let before: Vec<_> = done
        .reasoning
        .iter()
        .map(|r| r.receipt.as_ref().expect("receipt").data["calls_before"].clone())
        .collect();
    assert_eq!(before, [json!(0), json!(1)]);
}

#[tokio::test]
async fn what_was_streamed_is_not_taken_twice_and_what_came_late_is_filled_in() {
    // The whole answer has the call at another place, and the content that the thought lacked.
    let (done, kept) = answer(&[
        r#"{"type":"response.reasoning_summary_text.delta","output_index":0,"delta":"hm"}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]}}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"delta":"so"}"#,
        r#"{"type":"response.output_item.added","output_index":7,"item":{"type":"function_call","name":"f"}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":7,"delta":"{\"a\":1}"}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"late"},{"type":"message","content":[{"type":"output_text","text":"so"}]},{"type":"function_call","call_id":"a","name":"f","arguments":"{\"a\":1}"}]}}"#,
    ])
    .await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), kept.thought().as_str()), ("so", "hm"));
    let [call] = done.tool_calls.as_slice() else { panic!("one call: {done:?}") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("f", "{\"a\":1}"));
    let [thought] = done.reasoning.as_slice() else { panic!("one thought: {done:?}") };
    let receipt = thought.receipt.as_ref().expect("receipt");
    assert_eq!(receipt.data["item"]["encrypted_content"], json!("late"));
    assert_eq!(receipt.data["calls_before"], json!(0));
}

#[tokio::test]
async fn arguments_may_come_before_their_call_is_named() {
    let early =
        r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":"{\"a\""}"#;
    let more =
        r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":":1}"}"#;
    let named = r#"{"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","call_id":"a","name":"f","arguments":"{\"a\":1}"}}"#;
    let last = r#"{"type":"response.completed","response":{"status":"completed"}}"#;
    let at_last = r#"{"type":"response.completed","response":{"status":"completed","output":[{"type":"function_call","call_id":"a","name":"f","arguments":"{\"a\":1}"}]}}"#;
    for events in [&[early, more, named, last][..], &[early, more, at_last][..]] {
        let done = answer(events).await.0.expect("answer");
        let calls: Vec<_> =
            done.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
        assert_eq!(calls, [("a", "f", "{\"a\":1}")]);
    }
    let error = answer(&[early, last]).await.0.expect_err("never named");
    assert_eq!(error.code(), Code::ModelInvalidResponse);
    assert_eq!(answer(&[early]).await.0.expect_err("cut").code(), Code::ModelStreamBroken);
}

#[tokio::test]
async fn what_was_said_on_the_way_goes_back_as_such() {
    let message = |place: u64, phase: &str, text: &str| {
        let item = json!({"type": "message", "role": "assistant", "phase": phase,
            "content": [{"type": "output_text", "text": text}]});
        [
            json!({"type": "response.output_text.delta", "output_index": place, "delta": text}),
            json!({"type": "response.output_item.done", "output_index": place, "item": item}),
        ]
    };
    let end = json!({"type": "response.completed", "response": {"status": "completed"}});
    let events = [message(0, "commentary", "Grüße, "), message(1, "final_answer", "so.")].concat();
    let events: Vec<String> = events.iter().chain([&end]).map(Value::to_string).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let done = answer(&events).await.0.expect("answer");
    assert_eq!((done.text.as_str(), done.reasoning.len()), ("Grüße, so.", 2));
    let input = |model: &str, text: &str| {
        let text = text.to_owned();
        let message =
            Message::Assistant { text, reasoning: done.reasoning.clone(), tool_calls: Vec::new() };
        sent(model, &ChatRequest { messages: vec![message], ..ChatRequest::default() })["input"]
            .clone()
    };
    let both = json!([
        {"type": "message", "role": "assistant", "content": "Grüße, ", "phase": "commentary"},
        {"type": "message", "role": "assistant", "content": "so.", "phase": "final_answer"},
    ]);
    assert_eq!(input("gpt-5", "Grüße, so."), both);
    let plain = |text: &str| json!([{"type": "message", "role": "assistant", "content": text}]);
    assert_eq!(input("gpt-5-mini", "Grüße, so."), plain("Grüße, so."));
    // Places that the text does not have, or not between two letters.
    assert_eq!(input("gpt-5", "Grü"), plain("Grü"));
    assert_eq!(input("gpt-5", "12345678üx"), plain("12345678üx"));
    // The same when nothing was streamed.
    let response = json!({"status": "completed", "output": [
        {"type": "message", "phase": "commentary", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "b"}]},
    ]});
    let body = whole("200 OK", &response.to_string());
    let (done, _) = ask(body, 4096, |address| model(address, "gpt-5")).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.reasoning.len()), ("ab", 1));
}

#[test]
fn xai_is_asked_for_its_thoughts_and_for_what_it_has_words_for() {
    let request = ChatRequest {
        messages: vec![Message::user("u")],
        temperature: Some(0.7),
        reasoning_effort: Some(ReasoningEffort::Minimal),
        cache_key: Some("k".into()),
        ..ChatRequest::default()
    };
    let sent = |model: &str| -> Value {
        let model = OpenAiResponses::new(&reached("xai", "https://api.x.ai/v1"), model);
        serde_json::from_slice(&model.expect("model").body(&request).expect("body")).expect("json")
    };
    let body = sent("grok-4.3");
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!((&body["temperature"], &body["prompt_cache_key"]), (&json!(0.7), &json!("k")));
    assert_eq!(body["reasoning"], json!({"effort": "low"}));
    assert!(sent("grok-4.20-non-reasoning").get("include").is_none());
}

#[tokio::test]
async fn an_answer_that_was_cut_or_refused_says_so() {
    for (data, reason) in [
        (
            r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
            "length",
        ),
        (
            r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"content_filter"}}}"#,
            "content_filter",
        ),
    ] {
        assert_eq!(answer(&[data]).await.0.expect(data).finish_reason, reason);
    }
    let (done, _) = answer(&[
        r#"{"type":"response.refusal.delta","output_index":0,"delta":"No."}"#,
        r#"{"type":"response.completed","response":{"status":"completed"}}"#,
    ])
    .await;
    let done = done.expect("refusal");
    assert_eq!((done.text.as_str(), done.finish_reason.as_str()), ("No.", "content_filter"));
}

#[tokio::test]
async fn failures_have_their_codes() {
    for (data, code) in [
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"slow","param":null}"#,
            Code::ModelRateLimited,
        ),
        (
            r#"{"type":"error","error":{"type":"invalid_request_error","code":"context_length_exceeded","message":"long"}}"#,
            Code::ModelContextExceeded,
        ),
        (r#"{"error":{"message":"fell over","type":"server_error"}}"#, Code::ModelUnavailable),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"x"}}}"#,
            Code::ModelUnavailable,
        ),
        (
            r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#,
            Code::ModelUnavailable,
        ),
        (r#"{"type":"response.output_text.delta","delta":"half"}"#, Code::ModelStreamBroken),
        (r#"{"type":"response.output_item.added","item":7}"#, Code::ModelInvalidResponse),
        ("{", Code::ModelInvalidResponse),
    ] {
        assert_eq!(answer(&[data]).await.0.expect_err(data).code(), code, "{data}");
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = r#"{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"at once"}]},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"web_search_call","id":"w"}],"usage":{"input_tokens":1,"output_tokens":2}}"#;
    let (done, _) = ask(whole("200 OK", body), 4096, |address| model(address, "gpt-5")).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.finish_reason.as_str()), ("at once", "tool_calls"));
    // Nothing was kept at the provider: without its content a thought cannot go back.
    assert_eq!(done.reasoning, [Reasoning { text: "hm".into(), receipt: None }]);
    assert_eq!((done.tool_calls.len(), done.usage), (1, Usage::new(1, 2)));
    for body in ["{}", "[]", "7"] {
        let (outcome, _) = ask(whole("200 OK", body), 4096, |a| model(a, "gpt-5")).await;
        let code = outcome.expect_err(body).code();
        assert!(matches!(code, Code::ModelStreamBroken | Code::ModelInvalidResponse), "{code}");
    }
}

#[tokio::test]
async fn null_is_taken_anywhere_and_nonsense_never_does_worse_than_fail() {
    let model = model("http://127.0.0.1:9", "gpt-5");
    let events = || STREAM.into_iter().chain(CALLS);
    for mutant in with_nulls(events()) {
        let outcome = Reading::new(&model, None).take(&mutant, &mut Kept::default()).await;
        assert!(outcome.is_ok(), "{mutant}: {outcome:?}");
    }
    for mutant in with_nonsense(events()) {
        let mut reading = Reading::new(&model, None);
        if reading.take(&mutant, &mut Kept::default()).await.is_ok() {
            let _ = reading.complete();
        }
    }
}
