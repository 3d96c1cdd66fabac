//! Requests compared whole with the documented ones, and streams byte for byte.

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::model::wires::testing::{Kept, ask, events, reached, replaced, whole};
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
    let data = json!({"item": item(id), "calls_before": before});
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
    assert_eq!(sent("gpt-4o", &said("so", vec![]))["input"], json!([text]));
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
    r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","error":null,"incomplete_details":null,"output":[{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Gr\u00fc\u00dfe"}]}],"usage":{"input_tokens":30,"input_tokens_details":{"cached_tokens":20},"output_tokens":12,"output_tokens_details":{"reasoning_tokens":8},"total_tokens":42}}}"#,
];

#[tokio::test]
async fn the_documented_stream() {
    let sent = json!({"type": "reasoning", "id": "rs_1", "summary": [
        {"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}],
        "encrypted_content": "gAAA"});
    let receipt = Receipt {
        wire: "openai_responses:openai".into(),
        data: json!({"item": sent, "calls_before": 0}),
    };
    let expected = Completion {
        text: "Grüße".into(),
        reasoning: vec![Reasoning { text: "First.\n\nThen.".into(), receipt: Some(receipt) }],
        usage: Usage::new(30, 12).cached(20, 0).reasoned(8),
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
        (
            r#"{"type":"response.function_call_arguments.delta","output_index":3,"delta":"{"}"#,
            Code::ModelInvalidResponse,
        ),
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
    let argues = |mutant: &str| mutant.contains("function_call_arguments.delta");
    for event in STREAM.iter().chain(&CALLS) {
        for mutant in replaced(event, &Value::Null) {
            let outcome = Reading::new(&model, None).take(&mutant, &mut Kept::default()).await;
            // Arguments of a call that nobody began are nonsense in any case.
            assert!(outcome.is_ok() || argues(&mutant), "{mutant}: {outcome:?}");
        }
        for with in [json!(7), json!(-1.5), json!("x"), json!([]), json!({}), json!([{}])] {
            for mutant in replaced(event, &with) {
                let mut reading = Reading::new(&model, None);
                if reading.take(&mutant, &mut Kept::default()).await.is_ok() {
                    let _ = reading.complete();
                }
            }
        }
    }
}
