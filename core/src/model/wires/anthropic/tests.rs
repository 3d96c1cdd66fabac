//! Documented bodies compared whole, documented streams byte for byte.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::io::SseReader;
use crate::model::dialect::{Output, Tools};
use crate::model::providers::Timeouts;
use crate::model::{
    Image, ImageSource, Message, OutputSchema, Reasoning, Receipt, ToolCall, ToolSpec, Usage,
};
use crate::spec::{PromptCaching, ReasoningEffort, ToolChoice};

fn body_of(name: &str, request: &ChatRequest) -> Value {
    let model = Model::of(name);
    let tools = Tools::compile(Flavour::Anthropic, &request.tools);
    let output = request.output.as_ref().filter(|_| model.native_output);
    let output = output.map(|output| Output::compile(Flavour::Anthropic, &output.schema));
    let body = request::body(name, &model, request, &tools, output.as_ref()).expect("body");
    let again = request::body(name, &model, request, &tools, output.as_ref()).expect("body");
    assert_eq!(body, again, "equal requests give equal bytes");
    serde_json::from_slice(&body).expect("json")
}

fn tool(name: &str, parameters: Value) -> ToolSpec {
    ToolSpec { name: name.into(), description: "d".into(), parameters }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), receipt: None }
}

fn result(id: &str, content: &str, is_error: bool) -> Message {
    Message::Tool { call_id: id.into(), name: "t".into(), content: content.into(), is_error }
}

fn plain(messages: Vec<Message>) -> ChatRequest {
    ChatRequest {
        messages,
        parallel_tool_calls: true,
        prompt_caching: PromptCaching::Off,
        ..ChatRequest::default()
    }
}

#[test]
fn the_body_is_the_one_that_the_api_documents() {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let image = |source| Image { media_type: "image/png".into(), source };
    let request = ChatRequest {
        tools: vec![tool("t", parameters.clone())].into(),
        tool_choice: ToolChoice::Required,
        parallel_tool_calls: false,
        temperature: Some(1.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        stop: vec!["END".into(), " ".into()],
        provider_options: Arc::new(
            json!({"top_k": 5, "metadata": {"user_id": "u"}}).as_object().cloned().expect("map"),
        ),
        ..plain(vec![
            Message::System("s".into()),
            Message::User {
                text: "look".into(),
                images: vec![
                    image(ImageSource::Bytes(Arc::from(&b"\x89PNG"[..]))),
                    image(ImageSource::Url("https://example.com/x.png".into())),
                ],
            },
            Message::Assistant {
                text: "I look.".into(),
                reasoning: Vec::new(),
                tool_calls: vec![call("c1", "t", r#"{"a": 1}"#), call("c:2", "t", "nonsense")],
            },
            result("c1", "one", false),
            result("c:2", "", true),
            Message::user("and?"),
        ])
    };
    let second = format!("call_{}", &blake3::hash(b"c:2").to_hex()[..24]);
    let expected = json!({
        "model": "claude-opus-4-1",
        "max_tokens": 100,
        "stream": true,
        "tools": [{"name": "t", "description": "d", "input_schema": parameters}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "system": [{"type": "text", "text": "s"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source":
                    {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "t", "input": {"a": 1}},
                {"type": "tool_use", "id": second, "name": "t",
                 "input": {"invalid_arguments": "nonsense"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
                {"type": "tool_result", "tool_use_id": second, "is_error": true},
                {"type": "text", "text": "and?"},
            ]},
        ],
        "temperature": 1.0,
        "stop_sequences": ["END"],
        "top_k": 5,
        "metadata": {"user_id": "u"},
    });
    assert_eq!(body_of("claude-opus-4-1", &request), expected);
}

#[test]
fn turns_are_merged_and_what_is_empty_is_left_out() {
    let said = |text: &str| Message::Assistant {
        text: text.into(),
        reasoning: Vec::new(),
        tool_calls: Vec::new(),
    };
    let request = plain(vec![
        Message::System(" ".into()),
        Message::user("a"),
        Message::user(""),
        Message::user("b"),
        said("x"),
        said(" "),
        said("y"),
    ]);
    let body = body_of("m", &request);
    let text = |text: &str| json!({"type": "text", "text": text});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [text("a"), text("b")]},
            {"role": "assistant", "content": [text("x"), text("y")]},
        ])
    );
    assert_eq!(body.get("system"), None);
    assert_eq!(body["max_tokens"], 8192);
    assert_eq!(body.get("tool_choice"), None);
}

#[test]
fn each_model_is_led_in_its_thinking_as_it_takes_it() {
    let ask = |model: &str, effort: Option<ReasoningEffort>, choice: ToolChoice| {
        let request = ChatRequest {
            reasoning_effort: effort,
            tool_choice: choice,
            tools: vec![tool("t", json!({"type": "object"}))].into(),
            temperature: Some(0.5),
            ..plain(vec![Message::user("x")])
        };
        let body = body_of(model, &request);
        let of = |key: &str| body.get(key).cloned().unwrap_or_default();
        (of("thinking"), of("output_config"), of("tool_choice"), of("temperature"))
    };
    let (none, auto) = (Value::Null, ToolChoice::Auto);
    let high = Some(ReasoningEffort::High);
    let off = Some(ReasoningEffort::None);
    let any = json!({"type": "any"});
    let effort = |word: &str| json!({"effort": word});
    let shown = json!({"type": "adaptive", "display": "summarized"});
    let budget = json!({"type": "enabled", "budget_tokens": 24_000});

    let haiku = "claude-haiku-4-5-20251001";
    assert_eq!(ask(haiku, None, auto), (none.clone(), none.clone(), none.clone(), json!(0.5)));
    assert_eq!(ask(haiku, high, auto), (budget, none.clone(), none.clone(), none.clone()));
    assert_eq!(ask(haiku, off, auto), (none.clone(), none.clone(), none.clone(), json!(0.5)));
    // A forced call and thinking exclude each other.
    let forced = (none.clone(), none.clone(), any.clone(), json!(0.5));
    assert_eq!(ask(haiku, high, ToolChoice::Required), forced);

    let adaptive = json!({"type": "adaptive"});
    let expected = (adaptive, effort("high"), none.clone(), none.clone());
    assert_eq!(ask("claude-opus-4-6", high, auto), expected);
    let expected = (shown.clone(), effort("high"), none.clone(), none.clone());
    assert_eq!(ask("claude-opus-4-8", high, auto), expected);
    assert_eq!(
        ask("claude-opus-4-8", off, auto),
        (none.clone(), none.clone(), none.clone(), none.clone())
    );
    let disabled = json!({"type": "disabled"});
    assert_eq!(
        ask("claude-opus-5", off, auto),
        (disabled.clone(), none.clone(), none.clone(), none.clone())
    );
    // It thinks unless it is told not to, and then a call cannot be forced.
    assert_eq!(
        ask("claude-opus-5", None, ToolChoice::Required),
        (disabled, none.clone(), any, none.clone())
    );
    let between = json!({"type": "between_tools"});
    assert_eq!(
        ask("claude-sonnet-5-5", off, auto),
        (between, none.clone(), none.clone(), none.clone())
    );
    assert_eq!(
        ask("claude-opus-5-5", off, auto),
        (none.clone(), effort("low"), none.clone(), none.clone())
    );
    // It refuses forced calls.
    let expected = (shown, effort("high"), none.clone(), none);
    assert_eq!(ask("claude-opus-5-5", high, ToolChoice::Required), expected);
}

fn thought(model: &str, text: &str, at: (usize, usize)) -> Reasoning {
    let block = json!({"type": "thinking", "thinking": text, "signature": "sig"});
    let receipt = conversation::receipt(model, block, at.0, at.1);
    Reasoning { text: text.into(), receipt: Some(receipt) }
}

#[test]
fn thoughts_go_back_unchanged_to_where_they_stood_and_to_nobody_else() {
    let foreign = Reasoning {
        text: "f".into(),
        receipt: Some(Receipt { wire: "gemini".into(), data: json!({"block": {}}) }),
    };
    let model = "claude-sonnet-4-6";
    let message = Message::Assistant {
        text: "oneÄtwo".into(),
        reasoning: vec![
            thought(model, "a", (0, 0)),
            foreign,
            thought("claude-opus-4-6", "other model", (0, 0)),
            thought(model, "b", (5, 0)),
            thought(model, "c", (8, 1)),
            Reasoning { text: "unsigned".into(), receipt: None },
        ],
        tool_calls: vec![call("c1", "t", "{}"), call("c2", "t", "{}")],
    };
    let request = plain(vec![
        Message::user("x"),
        message,
        result("c1", "1", false),
        result("c2", "2", false),
    ]);
    let body = body_of(model, &request);
    let block = |text: &str| json!({"type": "thinking", "thinking": text, "signature": "sig"});
    let used = |id: &str| json!({"type": "tool_use", "id": id, "name": "t", "input": {}});
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            block("a"),
            {"type": "text", "text": "oneÄ"},
            block("b"),
            {"type": "text", "text": "two"},
            used("c1"),
            block("c"),
            used("c2"),
        ])
    );
    // A receipt with places that the text does not have must not cut it in a character.
    let odd = Message::Assistant {
        text: "Ä".into(),
        reasoning: vec![thought(model, "a", (1, 9)), thought(model, "b", (usize::MAX, 0))],
        tool_calls: Vec::new(),
    };
    let body = body_of(model, &plain(vec![odd]));
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            block("a"), {"type": "text", "text": "Ä"}, block("b"),
        ])
    );
}

#[test]
fn a_turn_of_calls_that_began_without_thinking_goes_on_without() {
    let model = "claude-haiku-4-5";
    let turn = |reasoning: Vec<Reasoning>| ChatRequest {
        reasoning_effort: Some(ReasoningEffort::Low),
        ..plain(vec![
            Message::user("x"),
            Message::Assistant {
                text: String::new(),
                reasoning,
                tool_calls: vec![call("c", "t", "{}")],
            },
            result("c", "1", false),
        ])
    };
    assert_eq!(body_of(model, &turn(Vec::new())).get("thinking"), None);
    let thinking = json!({"type": "enabled", "budget_tokens": 4096});
    assert_eq!(body_of(model, &turn(vec![thought(model, "a", (0, 0))]))["thinking"], thinking);
}

#[test]
fn marks_for_the_cache_stand_behind_what_is_long_enough() {
    let long = "word ".repeat(2_000);
    let request = |caching, system: &str| ChatRequest {
        prompt_caching: caching,
        tools: vec![tool("t", json!({"type": "object"}))].into(),
        ..plain(vec![
            Message::System(system.into()),
            Message::user("a"),
            Message::Assistant { text: "b".into(), reasoning: Vec::new(), tool_calls: Vec::new() },
            Message::user("c"),
        ])
    };
    let marks = |body: &Value| -> Vec<Value> {
        let of = |path: &str| body.pointer(path).cloned().unwrap_or_default();
        vec![
            of("/tools/0/cache_control"),
            of("/system/0/cache_control"),
            of("/messages/0/content/0/cache_control"),
            of("/messages/2/content/0/cache_control"),
        ]
    };
    let (none, short) = (Value::Null, json!({"type": "ephemeral"}));
    let model = "claude-sonnet-4-6";
    let body = body_of(model, &request(PromptCaching::Auto, &long));
    assert_eq!(marks(&body), [none.clone(), short.clone(), short.clone(), short.clone()]);
    let body = body_of(model, &request(PromptCaching::Auto, "brief"));
    assert_eq!(marks(&body), vec![none.clone(); 4]);
    let body = body_of(model, &request(PromptCaching::Off, &long));
    assert_eq!(marks(&body), vec![none.clone(); 4]);
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    let body = body_of(model, &request(PromptCaching::Long, &long));
    assert_eq!(marks(&body), [none.clone(), hour.clone(), hour.clone(), hour]);
    // Of what is asked once, only what others ask as well is kept.
    let mut once = request(PromptCaching::Auto, &long);
    once.tools = Arc::new([]);
    once.messages.truncate(2);
    assert_eq!(marks(&body_of(model, &once)), [none.clone(), short, none.clone(), none]);
}

#[test]
fn a_shape_of_the_answer_goes_to_models_that_hold_to_it() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let request = ChatRequest {
        output: Some(Arc::new(OutputSchema { name: "o".into(), schema })),
        reasoning_effort: Some(ReasoningEffort::Medium),
        ..plain(vec![Message::user("x")])
    };
    let expected = json!({"effort": "medium", "format": {"type": "json_schema", "schema": {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "must also hold: {\"minimum\":1}"}},
        "required": ["n"],
        "additionalProperties": false,
    }}});
    assert_eq!(body_of("claude-sonnet-5", &request)["output_config"], expected);
    assert_eq!(body_of("claude-opus-4-1", &request).get("output_config"), None);
}

/// Deltas as they came.
#[derive(Default)]
struct Seen(Vec<Delta>);

#[async_trait]
impl DeltaSink for Seen {
    async fn delta(&mut self, delta: Delta) {
        self.0.push(delta);
    }
}

impl Seen {
    fn text(&self) -> String {
        let text = |d: &Delta| match d {
            Delta::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.0.iter().filter_map(text).collect()
    }

    fn thought(&self) -> String {
        let text = |d: &Delta| match d {
            Delta::Reasoning(text) => Some(text.clone()),
            _ => None,
        };
        self.0.iter().filter_map(text).collect()
    }

    fn arguments(&self, id: &str) -> String {
        let piece = |d: &Delta| match d {
            Delta::ToolCall { call_id, arguments, .. } if call_id == id => Some(arguments.clone()),
            _ => None,
        };
        self.0.iter().filter_map(piece).collect()
    }
}

fn endpoint() -> Endpoint {
    Endpoint::new(address("http://127.0.0.1:9", "v1/messages").expect("url"), Timeouts::default())
}

/// Reads a stream that is cut at a place.
async fn read(body: &str, cut: usize, tools: &Tools) -> (Result<Completion>, Seen) {
    let (endpoint, mut seen) = (endpoint(), Seen::default());
    let mut sse = SseReader::default();
    let mut reader = Reader::new(&endpoint, "claude-sonnet-4-6", tools, true);
    for piece in [&body.as_bytes()[..cut], &body.as_bytes()[cut..]] {
        sse.push(piece).expect("push");
        while let Some(data) = sse.next().expect("event") {
            if let Err(error) = reader.event(&data, &mut seen).await {
                return (Err(error), seen);
            }
        }
    }
    (Ok(reader.done), seen)
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
        "data: {\"type\":\"content_block_delta\",\"index\":7,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n",
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

/// Answers one connection with these bytes; gives the address, and what was asked when it is over.
fn serve(answer: String) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("accept");
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while !seen.ends_with(b"}") {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        stream.write_all(answer.as_bytes()).expect("write");
        String::from_utf8(seen).expect("text")
    });
    (format!("http://{address}"), asked)
}

async fn ask(base: String, request: &ChatRequest) -> (Result<Completion>, Seen) {
    let provider = Reached {
        name: "anthropic".into(),
        base_url: base,
        key: Some("sk-ant-canary".to_owned().into()),
        api_version: None,
        timeouts: Timeouts::default(),
    };
    let model = Anthropic::new(&provider, "claude-sonnet-4-6").expect("model");
    let mut seen = Seen::default();
    (model.chat(request, &mut seen).await, seen)
}

#[tokio::test]
async fn over_a_socket_the_headers_are_there_and_the_answer_is_whole() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_9\r\nconnection: close\r\n\r\n";
    for path in ["", "/v1", "/v1/"] {
        let (base, asked) = serve(format!("{head}{STREAM}"));
        let (done, _) = ask(format!("{base}{path}"), &plain(vec![Message::user("x")])).await;
        let done = done.expect("answer");
        assert_eq!(
            (done.text.as_str(), done.request_id.as_deref()),
            ("Grüße \"you\" there", Some("req_9"))
        );
        let asked = asked.join().expect("asked");
        assert!(asked.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("x-api-key: sk-ant-canary\r\n"), "{asked}");
        assert!(asked.contains("anthropic-version: 2023-06-01\r\n"), "{asked}");
    }
    // Cut off before it says why it ended.
    let (base, _) =
        serve(format!("{head}{}", &STREAM[..STREAM.find("event: message_delta").expect("place")]));
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
    let (base, _) = serve(format!("{head}{body}"));
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
    let (base, _) = serve(format!("{head}{error}"));
    let error = ask(base, &plain(vec![Message::user("x")])).await.0.expect_err("error");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    assert_eq!(error.answer().and_then(|a| a.request_id.as_deref()), Some("req_2"));
    assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
}
