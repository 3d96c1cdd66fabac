//! Requests compared whole with the documented ones, and streams byte for byte.

use serde_json::{Map, Value, json};

use super::*;
use crate::error::Code;
use crate::model::providers::Timeouts;
use crate::model::wires::testing::{Kept, ask, events, reached, serve, whole};
use crate::model::{
    EmbeddingModel, Image, ImageSource, Message, OutputSchema, Reasoning, Receipt, ToolCall,
    ToolSpec, Usage, finish,
};
use crate::spec::{PromptCaching, ReasoningEffort, ToolChoice};

fn chat(name: &str, base_url: &str, model: &str) -> OpenAiChat {
    OpenAiChat::new(&reached(name, base_url), model).expect("model")
}

/// What a provider of this name is sent.
fn sent(name: &str, model: &str, request: &ChatRequest) -> Value {
    let base_url = match name {
        "openai" => "https://api.openai.com/v1",
        _ => "https://host.example/v1",
    };
    let body = chat(name, base_url, model).body(request).expect("body");
    serde_json::from_slice(&body).expect("json")
}

fn call(id: &str) -> ToolCall {
    ToolCall { id: id.into(), name: "t".into(), arguments: "{}".into(), receipt: None }
}

fn with_tool(request: ChatRequest) -> ChatRequest {
    let parameters = json!({"type": "object", "properties": {}});
    let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters };
    ChatRequest { tools: vec![tool].into(), ..request }
}

fn thought(wire: &str, text: &str, data: Value) -> Vec<Reasoning> {
    vec![Reasoning { text: text.into(), receipt: Some(Receipt { wire: wire.into(), data }) }]
}

fn conversation(reasoning: Vec<Reasoning>, text: &str) -> ChatRequest {
    ChatRequest {
        messages: vec![
            Message::user("u"),
            Message::Assistant { text: text.into(), reasoning, tool_calls: vec![call("c1")] },
            Message::Tool {
                call_id: "c1".into(),
                name: "t".into(),
                content: "1".into(),
                is_error: false,
            },
        ],
        ..ChatRequest::default()
    }
}

#[test]
fn the_body_is_the_one_that_the_api_documents() {
    let mut request = conversation(Vec::new(), "");
    request.messages.insert(0, Message::System("s".into()));
    let request = ChatRequest {
        tool_choice: ToolChoice::Required,
        temperature: Some(0.0),
        stop: vec!["END".into()],
        ..with_tool(request)
    };
    let function = json!({"name": "t", "description": "d",
        "parameters": {"type": "object", "properties": {}}});
    let expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "t", "arguments": "{}"}}
            ]},
            {"role": "tool", "content": "1", "tool_call_id": "c1"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "temperature": 0.0,
        "stop": ["END"],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "required",
        "parallel_tool_calls": false,
    });
    assert_eq!(sent("openai", "m", &request), expected);
    assert_eq!(sent("anybody", "m", &request), expected);
}

#[test]
fn equal_requests_give_equal_bytes() {
    let request = with_tool(conversation(Vec::new(), "x"));
    let model = chat("openai", "https://api.openai.com/v1", "m");
    assert_eq!(model.body(&request).expect("a"), model.body(&request.clone()).expect("b"));
}

#[test]
fn pictures_follow_the_text() {
    let image = |source| Image { media_type: "image/png".into(), source };
    let message = Message::User {
        text: "what is this?".into(),
        images: vec![
            image(ImageSource::Bytes(vec![1, 2, 3].into())),
            image(ImageSource::Url("https://h/x.png".into())),
        ],
    };
    let request = ChatRequest { messages: vec![message], ..ChatRequest::default() };
    assert_eq!(
        sent("openai", "m", &request)["messages"],
        json!([{"role": "user", "content": [
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}},
            {"type": "image_url", "image_url": {"url": "https://h/x.png"}},
        ]}])
    );
}

#[test]
fn models_of_openai_that_think_take_other_fields() {
    let request = ChatRequest {
        messages: vec![Message::user("u")],
        temperature: Some(0.5),
        top_p: Some(0.5),
        max_tokens: Some(100),
        seed: Some(7),
        reasoning_effort: Some(ReasoningEffort::Minimal),
        cache_key: Some("k".into()),
        ..ChatRequest::default()
    };
    let rest = json!({
        "messages": [{"role": "user", "content": "u"}],
        "stream": true,
        "stream_options": {"include_usage": true},
        "seed": 7,
        "reasoning_effort": "minimal",
        "prompt_cache_key": "k",
    });
    let with = |fields: Value| {
        let mut all: Map<String, Value> = rest.as_object().expect("object").clone();
        all.extend(fields.as_object().expect("object").clone());
        Value::Object(all)
    };
    assert_eq!(
        sent("openai", "gpt-5-mini", &request),
        with(json!({"model": "gpt-5-mini", "max_completion_tokens": 100}))
    );
    assert_eq!(
        sent("openai", "gpt-4o", &request),
        with(json!({"model": "gpt-4o", "max_tokens": 100, "temperature": 0.5, "top_p": 0.5}))
    );
    // One that is told not to think takes them.
    let awake = ChatRequest { reasoning_effort: Some(ReasoningEffort::None), ..request.clone() };
    assert_eq!(
        sent("openai", "gpt-5.2", &awake),
        with(json!({"model": "gpt-5.2", "max_completion_tokens": 100, "temperature": 0.5,
            "top_p": 0.5, "reasoning_effort": "none"}))
    );
    // Others with the same protocol refuse what they do not know.
    assert!(sent("mine", "gpt-5-mini", &request).get("prompt_cache_key").is_none());
    let elsewhere = chat("openai", "http://127.0.0.1:9/v1", "m").body(&request).expect("body");
    assert!(!String::from_utf8_lossy(&elsewhere).contains("prompt_cache_key"));
    let off = ChatRequest { prompt_caching: PromptCaching::Off, ..request };
    assert!(sent("openai", "m", &off).get("prompt_cache_key").is_none());
    // The o-series makes one call at a time and cannot be told to.
    let tools = with_tool(ChatRequest::default());
    assert!(sent("openai", "o4-mini", &tools).get("parallel_tool_calls").is_none());
    assert_eq!(sent("openai", "gpt-5", &tools)["parallel_tool_calls"], json!(false));
}

#[test]
fn mistral_has_its_own_words() {
    let reasoning = thought("openai_chat:mistral", "hm", json!({"field": "thinking"}));
    let request = ChatRequest {
        tool_choice: ToolChoice::Required,
        parallel_tool_calls: true,
        seed: Some(7),
        max_tokens: Some(5),
        reasoning_effort: Some(ReasoningEffort::Low),
        ..with_tool(conversation(reasoning, "so"))
    };
    let body = sent("mistral", "magistral", &request);
    let id = body["messages"][1]["tool_calls"][0]["id"].as_str().expect("id").to_owned();
    assert_eq!(id.len(), 9);
    let function = json!({"name": "t", "description": "d",
        "parameters": {"type": "object", "properties": {}}});
    assert_eq!(
        body,
        json!({
            "model": "magistral",
            "messages": [
                {"role": "user", "content": "u"},
                {"role": "assistant",
                 "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "so"},
                 ],
                 "tool_calls": [{"id": id, "type": "function",
                    "function": {"name": "t", "arguments": "{}"}}]},
                {"role": "tool", "content": "1", "tool_call_id": id},
            ],
            "stream": true,
            "max_tokens": 5,
            "random_seed": 7,
            "reasoning_effort": "high",
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "any",
        })
    );
}

#[test]
fn deepseek_gets_its_thoughts_back_and_no_others() {
    let marked = json!({"field": "reasoning_content"});
    let ours = conversation(thought("openai_chat:deepseek", "hm", marked.clone()), "");
    let body = sent("deepseek", "deepseek-v4", &ours);
    assert_eq!(body["messages"][1]["reasoning_content"], json!("hm"));
    // What another model thought is not shown, and the key must stand there all the same.
    let theirs = conversation(thought("anthropic", "secret", marked.clone()), "");
    let body = sent("deepseek", "deepseek-v4", &theirs);
    assert_eq!(body["messages"][1]["reasoning_content"], json!(""));
    for name in ["openai", "mistral", "groq", "xai", "openrouter", "azure", "ollama", "mine"] {
        let body = sent(name, "m", &ours).to_string();
        assert!(!body.contains("hm") && !body.contains("reasoning_content"), "{name}: {body}");
    }
}

#[test]
fn deepseek_is_not_forced_to_call_while_it_thinks() {
    let forced = ChatRequest { tool_choice: ToolChoice::Required, ..with_tool(Default::default()) };
    let body = sent("deepseek", "m", &forced);
    assert_eq!(
        (&body["tool_choice"], &body["thinking"]),
        (&json!("required"), &json!({"type": "disabled"}))
    );
    let effort = ChatRequest { reasoning_effort: Some(ReasoningEffort::High), ..forced };
    let body = sent("deepseek", "m", &effort);
    assert_eq!((body.get("tool_choice"), &body["thinking"]), (None, &json!({"type": "enabled"})));
    assert_eq!(body["reasoning_effort"], json!("high"));
    let free = sent("deepseek", "m", &with_tool(ChatRequest::default()));
    assert!(free.get("thinking").is_none());
}

#[test]
fn an_effort_is_asked_for_in_each_providers_words() {
    let effort = |name: &str, model: &str, effort| {
        let request = ChatRequest { reasoning_effort: Some(effort), ..ChatRequest::default() };
        let body = sent(name, model, &request);
        let keys = ["reasoning_effort", "reasoning", "thinking", "reasoning_format"];
        let said = keys.iter().filter_map(|key| Some(((*key).to_owned(), body.get(key)?.clone())));
        Value::Object(said.collect())
    };
    use ReasoningEffort::{High, Low, Minimal, None as No};
    for (name, model, asked, said) in [
        ("openai", "gpt-5", High, json!({"reasoning_effort": "high"})),
        ("mine", "m", Low, json!({"reasoning_effort": "low"})),
        ("mistral", "m", No, json!({"reasoning_effort": "none"})),
        ("deepseek", "m", No, json!({"thinking": {"type": "disabled"}})),
        ("groq", "openai/gpt-oss-20b", Minimal, json!({"reasoning_effort": "low"})),
        (
            "groq",
            "qwen/qwen3-32b",
            High,
            json!({"reasoning_effort": "default", "reasoning_format": "parsed"}),
        ),
        ("xai", "grok-4.3", Minimal, json!({"reasoning_effort": "low"})),
        ("ollama", "qwen3", No, json!({"reasoning_effort": "none"})),
        ("openrouter", "x/y", Minimal, json!({"reasoning": {"effort": "minimal"}})),
    ] {
        assert_eq!(effort(name, model, asked), said, "{name}");
    }
}

#[test]
fn a_shape_is_asked_for_where_the_provider_holds_it() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}},
        "required": ["n"], "additionalProperties": false});
    let loose = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let request = |schema: &Value| ChatRequest {
        output: Some(OutputSchema { name: "answer".into(), schema: schema.clone() }.into()),
        ..ChatRequest::default()
    };
    for name in ["openai", "azure", "mistral", "xai", "ollama", "mine"] {
        assert_eq!(chat(name, "http://h", "m").structured_output(), StructuredOutput::Native);
        assert_eq!(
            sent(name, "m", &request(&schema))["response_format"],
            json!({"type": "json_schema",
                "json_schema": {"name": "answer", "strict": true, "schema": schema}}),
            "{name}"
        );
        let wish = sent(name, "m", &request(&loose));
        assert_eq!(wish["response_format"]["json_schema"]["strict"], json!(false), "{name}");
    }
    for (name, model) in [("deepseek", "m"), ("groq", "m"), ("openrouter", "meta/llama")] {
        assert_eq!(chat(name, "http://h", model).structured_output(), StructuredOutput::Tool);
        assert!(sent(name, model, &request(&schema)).get("response_format").is_none(), "{name}");
    }
    let routed = chat("openrouter", "http://h", "openai/gpt-5");
    assert_eq!(routed.structured_output(), StructuredOutput::Native);
}

#[test]
fn a_providers_own_fields_are_laid_over_last() {
    let options = json!({"service_tier": "flex", "temperature": 1});
    let request = ChatRequest {
        temperature: Some(0.0),
        provider_options: options.as_object().expect("object").clone().into(),
        ..ChatRequest::default()
    };
    let body = sent("openai", "m", &request);
    assert_eq!((&body["service_tier"], &body["temperature"]), (&json!("flex"), &json!(1)));
}

#[test]
fn azure_is_reached_at_both_of_its_addresses() {
    let url = |base_url: &str, version: Option<&str>, path: &str| {
        let provider = Reached {
            api_version: version.map(str::to_owned),
            timeouts: Timeouts::default(),
            cassette: None,
            ..reached("azure", base_url)
        };
        azure(&provider, "my/gpt 4o", path).expect("url").to_string()
    };
    let (chat, version) = ("chat/completions", Some("2024-10-21"));
    let root = "https://r.openai.azure.com";
    assert_eq!(url(root, None, chat), format!("{root}/openai/v1/chat/completions"));
    assert_eq!(url(&format!("{root}/openai/v1/"), None, chat), format!("{root}/openai/v1/{chat}"));
    let deployed = format!("{root}/openai/deployments/my%2Fgpt%204o/{chat}?api-version=2024-10-21");
    assert_eq!(url(root, version, chat), deployed);
    assert_eq!(url(&format!("{root}/openai/"), version, chat), deployed);
    assert_eq!(
        url(&format!("{root}/openai/deployments/d"), version, "embeddings"),
        format!("{root}/openai/deployments/d/embeddings?api-version=2024-10-21")
    );
    assert_eq!(
        url(root, version, "responses"),
        format!("{root}/openai/responses?api-version=2024-10-21")
    );
}

#[tokio::test]
async fn the_key_goes_where_the_provider_wants_it() {
    for (name, header) in
        [("azure", "api-key: sk-test"), ("openai", "authorization: Bearer sk-test")]
    {
        let (address, asked) = serve(whole("200 OK", "{}"), 4096);
        let _ = chat(name, &address, "m").chat(&ChatRequest::default(), &mut Kept::default()).await;
        let asked = asked.recv().expect("request");
        assert!(asked.contains(header), "{asked}");
        assert_eq!(asked.matches("sk-test").count(), 1, "{asked}");
    }
}

async fn answer(name: &'static str, data: &[&str]) -> (Result<Completion>, Kept) {
    ask(events(data), 4096, |address| chat(name, address, "m")).await
}

#[tokio::test]
async fn openais_documented_stream() {
    let data = [
        r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hell\u00f6"},"logprobs":null,"finish_reason":null}],"usage":null}"#,
        r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" \ud83e\udd80"},"finish_reason":null}]}"#,
        r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}"#,
        r#"{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":12,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"accepted_prediction_tokens":0}}}"#,
        "[DONE]",
    ];
    let (done, kept) = answer("openai", &data).await;
    let expected = Completion {
        text: "Hellö 🦀".into(),
        usage: Usage::new(19, 10).cached(12, 0).reasoned(4),
        finish_reason: "stop".into(),
        request_id: Some("req_1".into()),
        ..Completion::default()
    };
    assert_eq!(done.expect("answer"), expected);
    assert_eq!(kept.0.len(), 3, "{:?}", kept.0);

    // However the bytes are cut.
    for size in [1, 2, 3, 7] {
        let (cut, _) = ask(events(&data), size, |address| chat("openai", address, "m")).await;
        assert_eq!(cut.expect("answer"), expected, "{size}");
    }
}

fn calls(done: &Completion) -> Vec<(&str, &str, &str)> {
    let calls = done.tool_calls.iter();
    calls.map(|c| (c.id.as_str(), c.name.as_str(), c.arguments.as_str())).collect()
}

#[tokio::test]
async fn parallel_calls_are_kept_apart_however_they_come() {
    let piece = |call: &str| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{call}]}}}}]}}"#);
    let end = r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#.to_owned();
    let begin = |index: &str, id: &str, name: &str, arguments: &str| {
        piece(&format!(
            r#"{{{index}"id":"{id}","type":"function","function":{{"name":"{name}","arguments":"{arguments}"}}}}"#
        ))
    };
    let more = |key: &str, arguments: &str| {
        piece(&format!(r#"{{{key}"function":{{"arguments":"{arguments}"}}}}"#))
    };
    let expected = [("a", "f", "{1}"), ("b", "g", "{2}")];
    let ways: [(&str, Vec<String>); 6] = [
        (
            "one after the other",
            vec![
                begin(r#""index":0,"#, "a", "f", ""),
                more(r#""index":0,"#, "{1"),
                more(r#""index":0,"#, "}"),
                begin(r#""index":1,"#, "b", "g", ""),
                more(r#""index":1,"#, "{2}"),
            ],
        ),
        (
            "interleaved",
            vec![
                begin(r#""index":0,"#, "a", "f", ""),
                begin(r#""index":1,"#, "b", "g", ""),
                more(r#""index":1,"#, "{2"),
                more(r#""index":0,"#, "{1"),
                more(r#""index":0,"#, "}"),
                more(r#""index":1,"#, "}"),
            ],
        ),
        (
            "counted from elsewhere",
            vec![
                begin(r#""index":1,"#, "a", "f", "{"),
                begin(r#""index":3,"#, "b", "g", "{2}"),
                more(r#""index":1,"#, "1}"),
            ],
        ),
        ("whole and without indices", vec![begin("", "a", "f", "{1}"), begin("", "b", "g", "{2}")]),
        (
            "in pieces and without indices",
            vec![
                begin("", "a", "f", "{"),
                more("", "1}"),
                begin("", "b", "g", "{2"),
                more("", "}"),
            ],
        ),
        (
            "all counted 0",
            vec![
                begin(r#""index":0,"#, "a", "f", "{1}"),
                begin(r#""index":0,"#, "b", "g", "{2"),
                more(r#""index":0,"#, "}"),
            ],
        ),
    ];
    for (way, mut data) in ways {
        data.push(end.clone());
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let (done, _) = answer("mine", &data).await;
        let done = done.expect(way);
        assert_eq!(calls(&done), expected, "{way}");
        assert_eq!(done.finish_reason, finish::TOOL_CALLS);
    }
}

#[tokio::test]
async fn calls_in_odd_forms_are_calls() {
    // No id, arguments as an object, the name again with each piece, nothing at all as arguments,
    // and a reason that does not know of calls.
    let (done, _) = answer("mine", &[
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":{"a":[1]}}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":7,"id":"x","function":{"name":"g","arguments":null}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":7,"id":"","function":{"name":"g"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":null,"content":null},"finish_reason":"stop"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert!(done.tool_calls[0].id.starts_with("call_"));
    assert_eq!(calls(&done)[0].1, "f");
    assert_eq!(calls(&done)[0].2, r#"{"a":[1]}"#);
    assert_eq!(calls(&done)[1], ("x", "g", "{}"));
    assert_eq!(done.finish_reason, finish::TOOL_CALLS);
    let (done, _) = answer("mine", &[
        r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#,
        r#"{"choices":[{"delta":{"function_call":{"arguments":"}"}},"finish_reason":"function_call"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert_eq!((calls(&done)[0].1, calls(&done)[0].2), ("f", "{}"));
    assert_eq!(done.finish_reason, finish::TOOL_CALLS);
}

#[tokio::test]
async fn calls_that_make_no_sense_are_no_answer() {
    for data in [
        r#"{"choices":[{"delta":{"tool_calls":[{"index":99999999}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a"}]},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]}"#,
        r#"{"choices":7}"#,
        "[]",
    ] {
        let (error, _) = answer("mine", &[data]).await;
        assert_eq!(error.expect_err(data).code(), Code::ModelInvalidResponse, "{data}");
    }
}

#[tokio::test]
async fn thoughts_come_from_every_place_where_they_stand() {
    let end = r#"{"choices":[{"delta":{"content":"so"},"finish_reason":"stop"}]}"#;
    for (name, data, field) in [
        (
            "deepseek",
            r#"{"choices":[{"delta":{"content":null,"reasoning_content":"hm"}}]}"#,
            Some("reasoning_content"),
        ),
        (
            "xai",
            r#"{"choices":[{"delta":{"role":"assistant","content":"","reasoning_content":"hm"}}]}"#,
            None,
        ),
        ("groq", r#"{"choices":[{"delta":{"reasoning":"hm","channel":"analysis"}}]}"#, None),
        ("ollama", r#"{"choices":[{"delta":{"content":"","reasoning":"hm"}}]}"#, None),
        (
            "mistral",
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}],"closed":true}]}}]}"#,
            Some("thinking"),
        ),
        (
            "mistral",
            r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":""}]}}]}"#,
            Some("thinking"),
        ),
    ] {
        let (done, kept) = answer(name, &[data, end]).await;
        let done = done.expect(name);
        assert_eq!((done.text.as_str(), done.reasoning[0].text.as_str()), ("so", "hm"), "{name}");
        assert_eq!(kept.sum().1, "hm", "{name}");
        let receipt = field.map(|field| Receipt {
            wire: format!("openai_chat:{name}"),
            data: json!({ "field": field }),
        });
        assert_eq!(done.reasoning[0].receipt, receipt, "{name}");
    }
}

#[tokio::test]
async fn openrouters_details_are_put_together_and_go_back() {
    let (done, kept) = answer("openrouter", &[
        r#"{"choices":[{"delta":{"reasoning":"I ","reasoning_details":[{"type":"reasoning.text","text":"I ","format":"anthropic-claude-v1","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning":"think","reasoning_details":[{"type":"reasoning.text","text":"think","format":"anthropic-claude-v1","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"sig","index":0}]}}]}"#,
        r#"{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.encrypted","data":"xyz","id":"r1","index":1}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"t","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#,
    ]).await;
    let done = done.expect("answer");
    assert_eq!(kept.sum().1, "I think");
    let details = json!([
        {"type": "reasoning.text", "text": "I think", "signature": "sig",
         "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "xyz", "id": "r1", "index": 1},
    ]);
    assert_eq!(done.reasoning[0].receipt.as_ref().map(|r| &r.data), Some(&details));
    let body = sent("openrouter", "m", &conversation(done.reasoning, ""));
    assert_eq!(body["messages"][1]["reasoning_details"], details);
}

#[tokio::test]
async fn usage_is_found_wherever_it_stands() {
    let end = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#;
    for (name, data, usage) in [
        (
            "groq",
            r#"{"choices":[],"x_groq":{"id":"req_g","usage":{"prompt_tokens":5,"completion_tokens":7,"total_time":0.1}}}"#,
            Usage::new(5, 7),
        ),
        (
            "deepseek",
            r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}}"#,
            Usage::new(9, 3).cached(4, 0),
        ),
        // xAI counts thoughts beside the rest.
        (
            "xai",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":112,"completion_tokens_details":{"reasoning_tokens":100}}}"#,
            Usage::new(10, 102).reasoned(100),
        ),
        (
            "openai",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":102,"total_tokens":112,"completion_tokens_details":{"reasoning_tokens":100}}}"#,
            Usage::new(10, 102).reasoned(100),
        ),
        (
            "openrouter",
            r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2.0,"total_tokens":null,"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":4}}}"#,
            Usage::new(10, 2).cached(3, 4),
        ),
    ] {
        let (done, _) = answer(name, &[end, data]).await;
        assert_eq!(done.expect(name).usage, usage, "{name}");
    }
}

#[tokio::test]
async fn reasons_have_one_word_each() {
    for (theirs, ours) in [
        ("stop", finish::STOP),
        ("length", finish::LENGTH),
        ("model_length", finish::LENGTH),
        ("max_tokens", finish::LENGTH),
        ("function_call", finish::TOOL_CALLS),
        ("content_filter", finish::CONTENT_FILTER),
        ("eos", finish::STOP),
        ("other", "other"),
    ] {
        let data =
            format!(r#"{{"choices":[{{"delta":{{"content":"x"}},"finish_reason":"{theirs}"}}]}}"#);
        assert_eq!(answer("mine", &[&data]).await.0.expect(theirs).finish_reason, ours);
    }
    for theirs in ["error", "insufficient_system_resource"] {
        let data = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{theirs}"}}]}}"#);
        let error = answer("mine", &[&data]).await.0.expect_err(theirs);
        assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    }
    let (done, _) = answer(
        "openai",
        &[
            r#"{"choices":[{"delta":{"refusal":"I will "}}]}"#,
            r#"{"choices":[{"delta":{"refusal":"not."},"finish_reason":"stop"}]}"#,
        ],
    )
    .await;
    let done = done.expect("refusal");
    assert_eq!(
        (done.text.as_str(), done.finish_reason.as_str()),
        ("I will not.", "content_filter")
    );
}

#[tokio::test]
async fn errors_within_a_stream_have_their_codes() {
    for (data, code) in [
        (r#"{"error":{"message":"overloaded"}}"#, Code::ModelUnavailable),
        (
            r#"{"id":"g","error":{"code":429,"message":"slow"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            Code::ModelRateLimited,
        ),
        (
            r#"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            Code::ModelContextExceeded,
        ),
        (
            r#"{"error":"the request exceeds the available context size"}"#,
            Code::ModelContextExceeded,
        ),
        (
            r#"{"object":"error","message":"no","type":"invalid_request_error","code":400}"#,
            Code::ModelRefused,
        ),
        (r#"{"choices":[{"delta":{"content":"half"}}]}"#, Code::ModelStreamBroken),
        (r#"{"ping":true}"#, Code::ModelStreamBroken),
    ] {
        let (outcome, _) = answer("mine", &[data]).await;
        assert_eq!(outcome.expect_err(data).code(), code, "{data}");
    }
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let fails = async |name: &'static str, status: &str, body: &str| {
        let (outcome, _) = ask(whole(status, body), 4096, |address| chat(name, address, "m")).await;
        outcome.expect_err("refused")
    };
    let long = r#"{"error":{"message":"maximum context length is 8 tokens","code":"context_length_exceeded"}}"#;
    let error = fails("openai", "400 Bad Request", long).await;
    assert_eq!(error.code(), Code::ModelContextExceeded);
    assert_eq!(error.answer().and_then(|a| a.status), Some(400));
    let error = fails("openai", "401 Unauthorized", r#"{"error":{"message":"key sk-test"}}"#).await;
    assert_eq!(error.hint_text(), Some("check the API key and what it may use"));
    assert!(!error.to_json().to_string().contains("sk-test"));

    let (address, _asked) = serve(whole("401 Unauthorized", "{}"), 4096);
    let keyless = Reached { key: None, ..reached("mine", &address) };
    let model = OpenAiChat::new(&keyless, "m").expect("model");
    let error = model.chat(&ChatRequest::default(), &mut Kept::default()).await.expect_err("401");
    let hint = error.hint_text().expect("hint");
    assert_eq!(hint, "no API key was given: give `providers.mine.api_key` when opening the kernel");
}

#[tokio::test]
async fn an_answer_in_one_piece_is_taken_as_well() {
    let body = r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"at once","reasoning_content":"hm","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let (done, _) = ask(whole("200 OK", body), 4096, |address| chat("mine", address, "m")).await;
    let done = done.expect("answer");
    assert_eq!((done.text.as_str(), done.reasoning[0].text.as_str()), ("at once", "hm"));
    assert_eq!(calls(&done), [("a", "f", "{}"), ("b", "g", "{}")]);
    assert_eq!(done.usage, Usage::new(1, 2));
}

#[tokio::test]
async fn embeddings_come_in_order_and_at_length_1() {
    let body = r#"{"object":"list","data":[{"object":"embedding","index":1,"embedding":[0,2]},{"index":0,"embedding":[3.0,4.0]}],"model":"e","usage":{"prompt_tokens":1}}"#;
    let (address, asked) = serve(whole("200 OK", body), 4096);
    let texts = ["a".to_owned(), "b".to_owned()];
    let vectors = chat("mine", &address, "e").embed(&texts).await.expect("vectors");
    assert_eq!(vectors, [[0.6, 0.8], [0.0, 1.0]]);
    let asked = asked.recv().expect("request");
    assert!(asked.starts_with("POST /embeddings "), "{asked}");
    let sent = asked.split("\r\n\r\n").nth(1).expect("body");
    let sent: Value = serde_json::from_str(sent).expect("json");
    assert_eq!(sent, json!({"model": "e", "input": ["a", "b"], "encoding_format": "float"}));

    for body in [
        r#"{"data":[{"index":0,"embedding":[1]}]}"#,
        r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
        r#"{"data":[{"index":0,"embedding":[0]},{"index":1,"embedding":[0]}]}"#,
        "{}",
    ] {
        let (address, _asked) = serve(whole("200 OK", body), 4096);
        let error = chat("mine", &address, "e").embed(&texts).await.expect_err(body);
        assert_eq!(error.code(), Code::ModelInvalidResponse, "{body}");
    }
}
