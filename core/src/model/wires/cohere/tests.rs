//! Requests compared whole with the documented ones, and streams byte for byte.

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::model::wires::testing::{
    Kept, ask, cut_off, embedded, events, reached, serve, tokens_of, whole, with_nonsense,
    with_nulls,
};
use crate::model::{
    Image, ImageSource, Message, OutputSchema, Reasoning, Receipt, ToolCall, ToolSpec, Usage,
};
use crate::spec::{ReasoningEffort, ToolChoice};

fn model(base_url: &str) -> Cohere {
    Cohere::new(&reached("cohere", base_url), "command-a").expect("model")
}

fn sent(request: &ChatRequest) -> Value {
    let body = model("https://api.cohere.com").body(request).expect("body");
    serde_json::from_slice(&body).expect("json")
}

fn kept(field: &str, text: &str) -> Reasoning {
    let data = json!({ "field": field });
    Reasoning { text: text.into(), receipt: Some(Receipt { wire: "cohere".into(), data }) }
}

fn assistant(text: &str, reasoning: Vec<Reasoning>, calls: usize) -> Message {
    let call = |i| ToolCall {
        id: format!("c{i}"),
        name: "t".into(),
        arguments: "{}".into(),
        receipt: None,
    };
    Message::Assistant { text: text.into(), reasoning, tool_calls: (0..calls).map(call).collect() }
}

#[test]
fn the_body_is_the_one_that_the_api_documents() {
    let image =
        Image { media_type: "image/png".into(), source: ImageSource::Bytes(vec![1, 2, 3].into()) };
    let request = ChatRequest {
        messages: vec![
            Message::System("s".into()),
            Message::User { text: "u".into(), images: vec![image] },
            assistant("", vec![kept("thinking", "hm"), kept("tool_plan", "I look.")], 1),
            Message::Tool {
                call_id: "c0".into(),
                name: "t".into(),
                content: "1".into(),
                is_error: false,
            },
        ],
        tools: vec![ToolSpec {
            name: "t".into(),
            description: "d".into(),
            parameters: json!({"type": "object"}),
        }]
        .into(),
        tool_choice: ToolChoice::Required,
        temperature: Some(0.5),
        top_p: Some(1.0),
        max_tokens: Some(100),
        seed: Some(7),
        stop: vec!["END".into()],
        reasoning_effort: Some(ReasoningEffort::Low),
        ..ChatRequest::default()
    };
    let function = json!({"name": "t", "description": "d", "parameters": {"type": "object"}});
    assert_eq!(
        sent(&request),
        json!({
            "model": "command-a",
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [
                    {"type": "text", "text": "u"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}},
                ]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}],
                 "tool_plan": "I look.",
                 "tool_calls": [{"id": "c0", "type": "function",
                    "function": {"name": "t", "arguments": "{}"}}]},
                {"role": "tool", "content": "1", "tool_call_id": "c0"},
            ],
            "stream": true,
            "temperature": 0.5,
            "p": 0.99,
            "max_tokens": 100,
            "seed": 7,
            "stop_sequences": ["END"],
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "REQUIRED",
            "thinking": {"type": "enabled", "token_budget": 2048},
        })
    );
}

#[test]
fn what_another_model_thought_stays_with_it() {
    let mut other = kept("thinking", "secret");
    other.receipt.as_mut().expect("receipt").wire = "anthropic".into();
    let request = ChatRequest {
        messages: vec![
            assistant("so", vec![other.clone()], 1),
            assistant("so", vec![other], 0),
            assistant("", Vec::new(), 0),
        ],
        ..ChatRequest::default()
    };
    let calls =
        json!([{"id": "c0", "type": "function", "function": {"name": "t", "arguments": "{}"}}]);
    assert_eq!(
        sent(&request)["messages"],
        json!([
            {"role": "assistant", "tool_plan": "so", "tool_calls": calls},
            {"role": "assistant", "content": "so"},
            {"role": "assistant", "content": ""},
        ])
    );
}

#[test]
fn a_shape_is_asked_for_where_there_are_no_tools() {
    let schema = json!({"type": "object"});
    let output = OutputSchema { name: "answer".into(), schema: schema.clone() };
    let request = ChatRequest { output: Some(output.into()), ..ChatRequest::default() };
    assert_eq!(sent(&request)["response_format"], json!({"type": "json_object", "schema": schema}));
    let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters: json!({}) };
    let request = ChatRequest { tools: vec![tool].into(), ..request };
    assert!(sent(&request).get("response_format").is_none());
}

async fn answer(data: &[&str]) -> (Result<Completion>, Kept) {
    ask(events(data), 4096, model).await
}

/// A stream as it is documented.
const STREAM: [&str; 9] = [
    r#"{"id":"m1","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
    r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}"#,
    r#"{"type":"content-end","index":0}"#,
    r#"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
    r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Gr\u00fc"}}}}"#,
    r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"\u00dfe"}}},"logprobs":{"x":1}}"#,
    r#"{"type":"content-end","index":1}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":3,"output_tokens":3},"tokens":{"input_tokens":69.0,"output_tokens":5},"cached_tokens":16}}}"#,
];

#[tokio::test]
async fn the_documented_stream() {
    let expected = Completion {
        text: "Grüße".into(),
        reasoning: vec![kept("thinking", "hm")],
        usage: Usage::new(69, 5).cached(16, 0),
        finish_reason: "stop".into(),
        request_id: Some("req_1".into()),
        ..Completion::default()
    };
    assert_eq!(answer(&STREAM).await.0.expect("answer"), expected);
    for size in [1, 5, 64] {
        assert_eq!(ask(events(&STREAM), size, model).await.0.expect("answer"), expected, "{size}");
    }
}

/// A plan and calls.
const CALLS: [&str; 10] = [
    r#"{"type":"message-start","id":"m1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[]}}}"#,
    r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will "}}}"#,
    r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"look."}}}"#,
    r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"f_1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
    r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\""}}}}}"#,
    r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":":1}"}}}}}"#,
    r#"{"type":"tool-call-end","index":0}"#,
    r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"g_1","type":"function","function":{"name":"g","arguments":""}}}}}"#,
    r#"{"type":"tool-call-end","index":1}"#,
    r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":3,"output_tokens":4}}}}"#,
];

#[tokio::test]
async fn a_plan_and_parallel_calls() {
    let (done, _) = answer(&CALLS).await;
    let done = done.expect("answer");
    let calls: Vec<_> = done.tool_calls.iter().map(|c| (&*c.id, &*c.name, &*c.arguments)).collect();
    assert_eq!(calls, [("f_1", "f", "{\"a\":1}"), ("g_1", "g", "{}")]);
    assert_eq!(done.reasoning, [kept("tool_plan", "I will look.")]);
    assert_eq!((done.finish_reason.as_str(), done.usage), ("tool_calls", Usage::new(3, 4)));
}

#[tokio::test]
async fn endings_and_failures_have_one_word_each() {
    for (theirs, ours) in [
        ("MAX_TOKENS", "length"),
        ("STOP_SEQUENCE", "stop"),
        ("ERROR_TOXIC", "content_filter"),
        ("NEW", "new"),
    ] {
        let data = format!(r#"{{"type":"message-end","delta":{{"finish_reason":"{theirs}"}}}}"#);
        assert_eq!(answer(&[&data]).await.0.expect(theirs).finish_reason, ours);
    }
    for (data, code) in [
        (r#"{"type":"message-end","delta":{"finish_reason":"ERROR"}}"#, Code::ModelUnavailable),
        (r#"{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}"#, Code::ModelUnavailable),
        (
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR_LIMIT"}}"#,
            Code::ModelContextExceeded,
        ),
        (
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"fell over"}}"#,
            Code::ModelUnavailable,
        ),
        (r#"{"message":"too many tokens"}"#, Code::ModelContextExceeded),
        (
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"half"}}}}"#,
            Code::ModelStreamBroken,
        ),
        (
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":7}}}"#,
            Code::ModelInvalidResponse,
        ),
        ("{", Code::ModelInvalidResponse),
    ] {
        assert_eq!(answer(&[data]).await.0.expect_err(data).code(), code, "{data}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_behind_a_whole_answer_takes_nothing_from_it() {
    let said =
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"all"}}}}"#;
    let over = r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#;
    let (done, _) = ask(cut_off(events(&[said, over])), 4096, model).await;
    assert_eq!(done.expect("whole").text, "all");
    let (broken, _) = ask(cut_off(events(&[said])), 4096, model).await;
    assert_eq!(broken.expect_err("not whole").code(), Code::ModelStreamBroken);
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = r#"{"id":"1","finish_reason":"TOOL_CALL","message":{"role":"assistant","tool_plan":"I look.","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"at once"}],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"usage":{"tokens":{"input_tokens":1,"output_tokens":2}}}"#;
    let (address, _asked) = serve(whole("200 OK", body), 4096);
    let done = model(&address).chat(&ChatRequest::default(), &mut Kept::default()).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.tool_calls.len()), ("at once", 2));
    assert_eq!(done.reasoning, [kept("thinking", "hm"), kept("tool_plan", "I look.")]);
    assert_eq!(done.usage, Usage::new(1, 2));
}

#[tokio::test]
async fn embeddings_are_those_of_the_second_version() {
    let body = r#"{"id":"e","embeddings":{"float":[[3,4],[0,2]]},"texts":["a","b"],"meta":{"api_version":{"version":"2"}}}"#;
    let (address, asked) = serve(whole("200 OK", body), 4096);
    let texts = ["a".to_owned(), "b".to_owned()];
    let vectors = embedded(&model(&format!("{address}/v2/")), &texts).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    let asked = asked.recv().expect("request");
    assert!(asked.starts_with("POST /v2/embed "), "{asked}");
    // Questions are told from passages.
    let (address, queried) = serve(whole("200 OK", body), 4096);
    let again = model(&format!("{address}/v2/"));
    again.embed_batch(&texts, EmbeddingUse::Query).await.expect("vectors");
    let queried = queried.recv().expect("request");
    assert!(queried.contains(r#""input_type":"search_query""#), "{queried}");
    let told = body.replace(r#""meta":{"#, r#""meta":{"billed_units":{"input_tokens":9},"#);
    let answers = [body.to_owned(), told, body.replace(r#""meta":{"#, r#""meta":"x","m":{"#)];
    assert_eq!(tokens_of(&answers, model).await, [0, 9, 0]);
    let sent: Value =
        serde_json::from_str(asked.split("\r\n\r\n").nth(1).expect("body")).expect("json");
    assert_eq!(
        sent,
        json!({"model": "command-a", "texts": ["a", "b"], "input_type": "search_document",
            "embedding_types": ["float"]})
    );
}

#[tokio::test]
async fn null_is_taken_anywhere_and_nonsense_never_does_worse_than_fail() {
    let model = model("http://127.0.0.1:9");
    let events = || STREAM.into_iter().chain(CALLS);
    for mutant in with_nulls(events()) {
        let outcome = Reading::new(&model, None).take(&mutant, &mut Kept::default()).await;
        assert!(outcome.is_ok(), "{mutant}: {outcome:?}");
    }
    for mutant in with_nonsense(events()) {
        let mut reading = Reading::new(&model, None);
        if reading.take(&mutant, &mut Kept::default()).await.is_ok() {
            let _ = reading.complete(&mut Kept::default()).await;
        }
    }
}
