//! Documented bodies compared whole, documented streams byte for byte.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::error::Code;
use crate::io::SseReader;
use crate::model::dialect::{Output, Tools};
use crate::model::wires::testing::{
    Kept, embedded, reached, serve, tokens_of, whole, with_nonsense, with_nulls,
};
use crate::model::{
    Image, ImageSource, Message, OutputSchema, Reasoning, ToolCall, ToolSpec, Usage,
};
use crate::spec::{ReasoningEffort, ToolChoice};

const MODEL: &str = "gemini-3.6-flash";

fn body_of(model: &str, request: &ChatRequest) -> Value {
    let tools = Tools::compile(Flavour::Gemini, &request.tools);
    let output =
        request.output.as_ref().map(|output| Output::compile(Flavour::Gemini, &output.schema));
    let body = request::body(model, request, &tools, output.as_ref()).expect("body");
    let again = request::body(model, request, &tools, output.as_ref()).expect("body");
    assert_eq!(body, again, "equal requests give equal bytes");
    serde_json::from_slice(&body).expect("json")
}

fn tool(name: &str, parameters: Value) -> ToolSpec {
    ToolSpec { name: name.into(), description: "d".into(), parameters }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), receipt: None }
}

fn result(id: &str, name: &str, content: &str, is_error: bool) -> Message {
    Message::Tool { call_id: id.into(), name: name.into(), content: content.into(), is_error }
}

fn said(text: &str, reasoning: Vec<Reasoning>, tool_calls: Vec<ToolCall>) -> Message {
    Message::Assistant { text: text.into(), reasoning, tool_calls }
}

#[test]
fn the_body_is_the_one_that_the_api_documents() {
    let parameters = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    let image = |source| Image { media_type: "image/png".into(), source };
    let signed = ToolCall {
        receipt: conversation::call_receipt(Some("sig".into()), true),
        ..call("g1", "file.read", r#"{"a": 1}"#)
    };
    let request = ChatRequest {
        tools: vec![tool("file.read", parameters.clone()), tool("now", json!({"type": "object"}))]
            .into(),
        tool_choice: ToolChoice::Required,
        temperature: Some(1.5),
        top_p: Some(0.9),
        max_tokens: Some(100),
        stop: vec!["END".into()],
        seed: Some(7),
        reasoning_effort: Some(ReasoningEffort::Low),
        output: Some(Arc::new(OutputSchema {
            name: "o".into(),
            schema: json!({"type": "string"}),
        })),
        provider_options: Arc::new(
            json!({"generationConfig": {"topK": 5}, "safetySettings": []})
                .as_object()
                .cloned()
                .expect("map"),
        ),
        messages: vec![
            Message::System("s".into()),
            Message::System("t".into()),
            Message::User {
                text: "look".into(),
                images: vec![
                    image(ImageSource::Bytes(Arc::from(&b"\x89PNG"[..]))),
                    image(ImageSource::Url("https://example.com/x.png".into())),
                ],
            },
            said("I look.", Vec::new(), vec![signed, call("call_1", "now", "")]),
            // Not in the order of the calls.
            result("call_1", "now", "never", true),
            result("g1", "file.read", r#"{"size": 3}"#, false),
            Message::user("and?"),
        ],
        ..ChatRequest::default()
    };
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "s"}, {"text": "t"}]},
        "tools": [{"functionDeclarations": [
            {"name": "file.read", "description": "d", "parametersJsonSchema": parameters},
            {"name": "now", "description": "d"},
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "contents": [
            {"role": "user", "parts": [
                {"text": "look"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/x.png"}},
            ]},
            {"role": "model", "parts": [
                {"text": "I look."},
                {"functionCall": {"id": "g1", "name": "file.read", "args": {"a": 1}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "now", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "g1", "name": "file.read", "response": {"output": {"size": 3}}}},
                {"functionResponse": {"name": "now", "response": {"error": "never"}}},
            ]},
            {"role": "user", "parts": [{"text": "and?"}]},
        ],
        "generationConfig": {
            "temperature": 1.5,
            "topP": 0.9,
            "maxOutputTokens": 100,
            "stopSequences": ["END"],
            "seed": 7,
            "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": true},
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "string"},
            "topK": 5,
        },
        "safetySettings": [],
    });
    assert_eq!(body_of(MODEL, &request), expected);
}

#[test]
fn signatures_go_back_on_the_parts_that_they_came_with() {
    let text = |from, to| Reasoning {
        text: String::new(),
        receipt: Some(conversation::text_receipt("on text".into(), false, from, to)),
    };
    let thought = Reasoning {
        text: "hm".into(),
        receipt: Some(conversation::text_receipt("on thought".into(), true, 0, 0)),
    };
    let unsigned = Reasoning { text: "summary".into(), receipt: None };
    let request = ChatRequest {
        messages: vec![
            said("abÄ", vec![unsigned, thought, text(2, 4)], Vec::new()),
            Message::user("x"),
            said("end", vec![text(3, 3)], Vec::new()),
            Message::user("y"),
            said("", Vec::new(), vec![call("c1", "t", "{}"), call("c2", "t", "{}")]),
            // Places that the text does not have.
            Message::user("z"),
            said("Ä", vec![text(1, usize::MAX)], Vec::new()),
        ],
        ..ChatRequest::default()
    };
    let body = body_of(MODEL, &request);
    let of = |i: usize| body["contents"][i]["parts"].clone();
    assert_eq!(
        of(0),
        json!([
            {"text": "hm", "thought": true, "thoughtSignature": "on thought"},
            {"text": "ab"},
            {"text": "Ä", "thoughtSignature": "on text"},
        ])
    );
    assert_eq!(of(2), json!([{"text": "end"}, {"text": "", "thoughtSignature": "on text"}]));
    // The calls are another model's: the first says so, as the documentation wants it.
    let unsigned = json!("skip_thought_signature_validator");
    assert_eq!(
        of(4),
        json!([
            {"functionCall": {"name": "t", "args": {}}, "thoughtSignature": unsigned},
            {"functionCall": {"name": "t", "args": {}}},
        ])
    );
    assert_eq!(of(6), json!([{"text": "Ä", "thoughtSignature": "on text"}]));
    let older = body_of("gemini-2.5-flash", &request);
    assert_eq!(older["contents"][4]["parts"][0].get("thoughtSignature"), None);
}

fn endpoint() -> Endpoint {
    let base = "http://127.0.0.1:9";
    Endpoint::of(&reached("gemini", base), address(base, "x").expect("url"), KeyHeader::Bearer)
}

/// Reads a stream that is cut at a place.
async fn read(body: &str, cut: usize, tools: &Tools) -> (Result<Completion>, Kept) {
    let (endpoint, mut seen) = (endpoint(), Kept::default());
    let mut sse = SseReader::default();
    let mut reader = Reader::new(&endpoint, tools, true);
    for piece in [&body.as_bytes()[..cut], &body.as_bytes()[cut..]] {
        sse.push(piece).expect("push");
        while let Some(data) = sse.next().expect("event") {
            if let Err(error) = reader.chunk(&data, &mut seen).await {
                return (Err(error), seen);
            }
        }
    }
    (Ok(reader.done), seen)
}

const STREAM: &str = concat!(
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"**Plan** \\u00e4\",\"thought\": true}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 30,\"totalTokenCount\": 40,\"thoughtsTokenCount\": 10},\"modelVersion\": \"gemini\",\"responseId\": \"r\"}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" and act\",\"thought\": true}],\"role\": \"model\"}}],\"usageMetadata\": {\"promptTokenCount\": 30,\"thoughtsTokenCount\": 10}}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Gr\u{fc}\u{df}e\"}],\"role\": \"model\"}}]}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" \\\"you\\\"\"},{\"executableCode\": {\"code\": \"1\"}}],\"role\": \"model\"}}]}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"functionCall\": {\"name\": \"get_weather\",\"args\": {\"z\": 1,\"city\": \"Z\u{fc}rich\"},\"id\": \"fc1\"},\"thoughtSignature\": \"c2ln\"},{\"functionCall\": {\"name\": \"now\"}}],\"role\": \"model\"}}]}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"\",\"thoughtSignature\": \"dGV4dA==\"}],\"role\": \"model\"},\"finishReason\": \"STOP\"}],\"usageMetadata\": {\"promptTokenCount\": 30,\"candidatesTokenCount\": 12,\"totalTokenCount\": 52,\"thoughtsTokenCount\": 10,\"cachedContentTokenCount\": 20}}\r\n\r\n",
);

#[tokio::test]
async fn a_stream_is_the_same_wherever_it_is_cut() {
    let tools = Tools::compile(Flavour::Gemini, &[]);
    for cut in 0..=STREAM.len() {
        let (done, seen) = read(STREAM, cut, &tools).await;
        let done = done.expect("answer");
        assert_eq!(done.text, "Grüße \"you\"", "cut at {cut}");
        assert_eq!(done.finish_reason, "tool_calls");
        assert_eq!(done.usage, Usage::new(30, 22).cached(20, 0).reasoned(10));
        let [first, second] = done.tool_calls.as_slice() else { panic!("two calls") };
        assert_eq!((first.id.as_str(), first.name.as_str()), ("fc1", "get_weather"));
        assert_eq!(first.arguments, "{\"z\":1,\"city\":\"Zürich\"}");
        assert_eq!(
            first.receipt.as_ref().expect("receipt").data,
            json!({"thoughtSignature": "c2ln", "id": true})
        );
        assert!(second.id.starts_with("call_"), "{}", second.id);
        assert_eq!((second.arguments.as_str(), &second.receipt), ("{}", &None));
        let thoughts: Vec<_> = done
            .reasoning
            .iter()
            .map(|r| (r.text.as_str(), r.receipt.as_ref().map(|r| r.data.clone())))
            .collect();
        let end = done.text.len();
        assert_eq!(
            thoughts,
            [
                ("**Plan** ä and act", None),
                ("", Some(json!({"thoughtSignature": "dGV4dA==", "from": end, "to": end}))),
            ]
        );
        assert_eq!(
            (seen.text(), seen.thought()),
            (done.text.clone(), "**Plan** ä and act".to_owned())
        );
        for call in &done.tool_calls {
            assert_eq!(seen.arguments(&call.id), call.arguments);
        }
        let usages = seen.0.iter().filter(|d| matches!(d, Delta::Usage(_))).count();
        assert_eq!(usages, 2, "only what is new is said");
    }
}

#[tokio::test]
async fn calls_that_were_compiled_come_back_as_the_tool_wants_them() {
    let parameters = json!({"type": "object", "properties": {"n-th": {"enum": [1, 2]}}});
    let tools = Tools::compile(Flavour::Gemini, &[tool("2nd", parameters)]);
    let body = r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"_2nd","args":{"n_th":"2"}}}]},"finishReason":"STOP"}]}"#;
    let (done, _) = read(&format!("{body}\n\n"), 0, &tools).await;
    let done = done.expect("answer");
    let [call] = done.tool_calls.as_slice() else { panic!("one call") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("2nd", r#"{"n-th":2}"#));
    let messages = [said("", Vec::new(), done.tool_calls.clone())];
    let contents = conversation::contents("gemini-2.5-pro", &messages, &tools);
    assert_eq!(
        serde_json::to_value(contents).expect("json")[0]["parts"],
        json!([
            {"functionCall": {"name": "_2nd", "args": {"n_th": "2"}}},
        ])
    );
}

#[tokio::test]
async fn what_ends_an_answer_has_one_word_and_what_breaks_it_a_code() {
    let tools = Tools::compile(Flavour::Gemini, &[]);
    let end = |reason: &str| {
        format!(
            "data: {{\"candidates\":[{{\"finishReason\":\"{reason}\",\"finishMessage\":\"why\"}}]}}\n\n"
        )
    };
    for (theirs, ours) in [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("OTHER", "OTHER"),
    ] {
        let (done, _) = read(&end(theirs), 0, &tools).await;
        assert_eq!(done.expect("answer").finish_reason, ours);
    }
    let error = read(&end("MALFORMED_FUNCTION_CALL"), 0, &tools).await.0.expect_err("error");
    assert_eq!((error.code(), error.retryable()), (Code::ModelInvalidResponse, true));
    assert_eq!(error.cause(), Some("why"));
    let (done, _) =
        read("data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n", 0, &tools).await;
    assert_eq!(done.expect("answer").finish_reason, "content_filter");
    for (status, code) in [
        (429, Code::ModelRateLimited),
        (503, Code::ModelUnavailable),
        (403, Code::ModelUnauthorized),
        (400, Code::ModelRefused),
    ] {
        let body = format!(
            "data: {{\"error\":{{\"code\":{status},\"message\":\"so\",\"status\":\"X\"}}}}\n\n"
        );
        let error = read(&body, 0, &tools).await.0.expect_err("error");
        assert_eq!((error.code(), error.answer().and_then(|a| a.status)), (code, Some(status)));
    }
    for nonsense in ["data: <html>\n\n", "data: {\"candidates\": 1}\n\n"] {
        let error = read(nonsense, 0, &tools).await.0.expect_err("error");
        assert_eq!(error.code(), Code::ModelInvalidResponse);
    }
    let many = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"t\"}}]}}]}\n\n";
    let error = read(&many.repeat(300), 0, &tools).await.0.expect_err("error");
    assert_eq!(error.code(), Code::ModelInvalidResponse);
}

fn model(base_url: &str, name: &str) -> Result<Gemini> {
    let provider =
        Reached { key: Some("AIza-canary".to_owned().into()), ..reached("gemini", base_url) };
    Gemini::new(&provider, name)
}

#[tokio::test]
async fn over_a_socket_the_address_and_the_key_are_right_and_the_answer_is_whole() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let request = ChatRequest { messages: vec![Message::user("x")], ..ChatRequest::default() };
    for (path, name) in [("", MODEL), ("/v1beta/", MODEL), ("/v1beta", "models/gemini-3.6-flash")] {
        let (base, asked) = serve(format!("{head}{STREAM}").into_bytes(), 4096);
        let model = model(&format!("{base}{path}"), name).expect("model");
        let done = model.chat(&request, &mut Kept::default()).await.expect("answer");
        assert_eq!(done.text, "Grüße \"you\"");
        let asked = asked.recv().expect("asked");
        let line =
            "POST /v1beta/models/gemini-3.6-flash:streamGenerateContent?alt=sse HTTP/1.1\r\n";
        assert!(asked.starts_with(line), "{asked}");
        assert!(asked.contains("x-goog-api-key: AIza-canary\r\n"), "{asked}");
    }
    // A connection that breaks behind a whole answer takes nothing from it.
    let head = head.replace("connection: close", "content-length: 1000000");
    let (base, _) = serve(format!("{head}{STREAM}").into_bytes(), 4096);
    let done = model(&base, MODEL).expect("model").chat(&request, &mut Kept::default()).await;
    assert_eq!(done.expect("whole").text, "Grüße \"you\"");
    let (base, _) = serve(format!("{head}{}", &STREAM[..STREAM.len() / 2]).into_bytes(), 4096);
    let error = model(&base, MODEL).expect("model").chat(&request, &mut Kept::default()).await;
    assert_eq!(error.expect_err("broken").code(), Code::ModelStreamBroken);
    for name in ["../x", "a?b", "a b", "a//b", "a#b"] {
        assert_eq!(model(&base, name).expect_err(name).code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let request = ChatRequest { messages: vec![Message::user("x")], ..ChatRequest::default() };
    let answer =
        r#"{"candidates":[{"content":{"parts":[{"text":"at once"}]},"finishReason":"STOP"}]}"#;
    for body in [answer.to_owned(), format!("[{answer}]")] {
        let (base, _) = serve(whole("200 OK", &body), 4096);
        let done = model(&base, MODEL).expect("model").chat(&request, &mut Kept::default()).await;
        assert_eq!(done.expect("answer").text, "at once");
    }
    let error = r#"[{"error":{"code":503,"message":"busy AIza-canary","status":"UNAVAILABLE"}}]"#;
    let (base, _) = serve(whole("503 Unavailable", error), 4096);
    let error = model(&base, MODEL).expect("model").chat(&request, &mut Kept::default()).await;
    let error = error.expect_err("error");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
}

#[tokio::test]
async fn texts_become_vectors_of_length_one() {
    let answer = r#"{"embeddings":[{"values":[3,4]},{"values":[0,2]}]}"#;
    let (base, asked) = serve(whole("200 OK", answer), 4096);
    let model = model(&base, "gemini-embedding-001").expect("model");
    let vectors = embedded(&model, &["a".into(), "b".into()]).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    let asked = asked.recv().expect("asked");
    assert!(
        asked.starts_with("POST /v1beta/models/gemini-embedding-001:batchEmbedContents HTTP"),
        "{asked}"
    );
    let body: Value =
        serde_json::from_str(asked.split("\r\n\r\n").nth(1).expect("body")).expect("json");
    let of = |text: &str| json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_DOCUMENT"});
    assert_eq!(body, json!({"requests": [of("a"), of("b")]}));
    let told = answer.replace("]}]}", r#"]}],"usageMetadata":{"promptTokenCount":9}}"#);
    let odd = answer.replace("]}]}", r#"]}],"usageMetadata":7}"#);
    let make = |base: &str| self::model(base, "gemini-embedding-001").expect("model");
    assert_eq!(tokens_of(&[answer.to_owned(), told, odd], make).await, [0, 9, 0]);
    for nonsense in [
        r#"{"embeddings":[{"values":[1]}]}"#,
        r#"{"embeddings":[{"values":[1]},{"values":[]}]}"#,
        "{}",
    ] {
        let (base, _) = serve(whole("200 OK", nonsense), 4096);
        let model = self::model(&base, "gemini-embedding-001").expect("model");
        let error = embedded(&model, &["a".into(), "b".into()]).await.expect_err("nonsense");
        assert_eq!(error.code(), Code::ModelInvalidResponse, "{nonsense}");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_means_what_it_means_elsewhere() {
    let tools = Tools::compile(Flavour::Gemini, &[]);
    let error = |error: Value| format!("data: {}\n\n", json!({ "error": error }));
    let long = error(json!({"code": 400, "status": "INVALID_ARGUMENT",
        "message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}));
    let error_of = |body: String| {
        let tools = &tools;
        async move { read(&body, 0, tools).await.0.expect_err("error") }
    };
    let long = error_of(long).await;
    assert_eq!(long.code(), Code::ModelContextExceeded);
    assert!(long.hint_text().is_some_and(|hint| hint.contains("shorten")), "{long:?}");
    let busy = error_of(error(json!({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]})))
    .await;
    let answer = busy.answer().expect("answer");
    assert_eq!((busy.code(), answer.status), (Code::ModelRateLimited, Some(429)));
    assert_eq!(answer.retry_after, Some(std::time::Duration::from_secs(7)));
    let key = error_of(error(json!({"code": 400, "message": "API key not valid."}))).await;
    assert_eq!(key.code(), Code::ModelUnauthorized);
}

#[tokio::test]
async fn null_is_taken_anywhere_and_nonsense_never_does_worse_than_fail() {
    let (endpoint, tools) = (endpoint(), Tools::compile(Flavour::Gemini, &[]));
    let more = [
        r#"{"promptFeedback":{"blockReason":"SAFETY"},"error":null}"#,
        r#"{"candidates":[{"finishReason":"STOP","finishMessage":"x"},{"index":1}]}"#,
    ];
    let chunks = || STREAM.lines().filter_map(|line| line.strip_prefix("data: ")).chain(more);
    let reader = || Reader::new(&endpoint, &tools, true);
    for mutant in with_nulls(chunks()) {
        reader().chunk(&mutant, &mut Kept::default()).await.expect(&mutant);
    }
    for mutant in with_nonsense(chunks()) {
        let _ = reader().chunk(&mutant, &mut Kept::default()).await;
    }
}
