//! What is sent.

use serde_json::{Map, Value, json};

use super::*;
use crate::model::providers::Timeouts;
use crate::model::wires::testing::{Kept, serve, whole};
use crate::model::{Image, ImageSource, OutputSchema};
use crate::spec::{PromptCaching, ReasoningEffort, ToolChoice};

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
    // One that cannot be told thinks as little as it can, and takes none of them.
    let body = sent("openai", "gpt-5", &awake);
    assert_eq!((&body["reasoning_effort"], body.get("temperature")), (&json!("minimal"), None));
    // Others with the same protocol refuse what they do not know, and so do Azure's older versions.
    assert!(sent("mine", "gpt-5-mini", &request).get("prompt_cache_key").is_none());
    let azure = "https://x.openai.azure.com";
    let dated = Reached { api_version: Some("2024-10-21".into()), ..reached("azure", azure) };
    for (provider, takes) in [
        (reached("azure", azure), true),
        (dated, false),
        (reached("mistral", "https://api.mistral.ai/v1"), true),
        (reached("mistral", "http://127.0.0.1:9/v1"), false),
        (reached("openai", "https://notopenai.com/v1"), false),
        (reached("xai", "https://api.x.ai/v1"), false),
    ] {
        let body = OpenAiChat::new(&provider, "m").expect("model").body(&request).expect("body");
        let body = String::from_utf8(body).expect("text");
        assert_eq!(body.contains("prompt_cache_key"), takes, "{}", provider.base_url);
    }
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
        // The nearest that the model has.
        ("openai", "gpt-5", No, json!({"reasoning_effort": "minimal"})),
        ("openai", "gpt-5-mini-2025-08-07", Minimal, json!({"reasoning_effort": "minimal"})),
        ("openai", "gpt-5-codex", No, json!({"reasoning_effort": "low"})),
        ("openai", "gpt-5.1", No, json!({"reasoning_effort": "none"})),
        ("azure", "gpt-5.1", Minimal, json!({"reasoning_effort": "low"})),
        ("openai", "o4-mini", No, json!({"reasoning_effort": "low"})),
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
    for (name, address, way) in [
        ("openai", "https://api.openai.com/v1", StructuredOutput::Native),
        ("openai", "https://eu.api.openai.com/v1", StructuredOutput::Native),
        ("azure", "https://h", StructuredOutput::Native),
        ("mistral", "https://api.mistral.ai/v1", StructuredOutput::Native),
        ("xai", "https://api.x.ai/v1", StructuredOutput::Native),
        ("ollama", "http://h", StructuredOutput::NativeWithoutTools),
        ("mine", "http://h", StructuredOutput::NativeWithoutTools),
        // Another's server under the name.
        ("openai", "http://127.0.0.1:9/v1", StructuredOutput::NativeWithoutTools),
    ] {
        let model = chat(name, address, "m");
        assert_eq!(model.structured_output(), way, "{name}");
        // Next to tools, some would never call one.
        let body = model.body(&with_tool(request(&schema))).expect("body");
        let waits = way == StructuredOutput::NativeWithoutTools;
        let says = String::from_utf8_lossy(&body).contains("response_format");
        assert_eq!(says, !waits, "{name} at {address}");
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
    let routed = chat("openrouter", "https://openrouter.ai/api/v1", "openai/gpt-5");
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
