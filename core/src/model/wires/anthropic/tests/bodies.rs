//! What is sent.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::dialect::{Output, Tools};
use crate::model::{Image, ImageSource, OutputSchema, Reasoning, Receipt};
use crate::spec::{ReasoningEffort, ToolChoice};

fn body_of(name: &str, request: &ChatRequest) -> Value {
    let model = Model::of(name);
    let tools = Tools::compile(Flavour::Anthropic, &request.tools);
    let output = request.output.as_ref().filter(|_| model.native_output);
    let output = output.map(|output| Output::compile(Flavour::Anthropic, &output.schema));
    let (body, _) = request::body(name, &model, request, &tools, output.as_ref()).expect("body");
    let (again, _) = request::body(name, &model, request, &tools, output.as_ref()).expect("body");
    assert_eq!(body, again, "equal requests give equal bytes");
    serde_json::from_slice(&body).expect("json")
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
    let receipt = conversation::receipt(model, block, at, None);
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
fn a_thought_before_which_something_was_changed_does_not_go_back_to_who_binds_it() {
    let model = "claude-opus-5-5";
    let written = |request: &ChatRequest| {
        let tools = Tools::compile(Flavour::Anthropic, &request.tools);
        let (body, prefix) =
            request::body(model, &Model::of(model), request, &tools, None).expect("body");
        (serde_json::from_slice::<Value>(&body).expect("json"), prefix.expect("prefix"))
    };
    let bound = |text: &str, prefix: &str| {
        let block = json!({"type": "thinking", "thinking": text, "signature": "sig"});
        let receipt = Some(conversation::receipt(model, block, (0, 0), Some(prefix)));
        Reasoning { text: text.into(), receipt }
    };
    let said = |thought: Reasoning| Message::Assistant {
        text: "so".into(),
        reasoning: vec![thought],
        tool_calls: Vec::new(),
    };
    let asked = |system: &str, messages: Vec<Message>| ChatRequest {
        tools: vec![tool("t", json!({"type": "object"}))].into(),
        // Marks move from request to request, and are no change.
        prompt_caching: PromptCaching::Long,
        ..plain([vec![Message::System(system.into())], messages].concat())
    };
    let long = "x".repeat(20_000);
    let mut messages = vec![Message::user(long.as_str())];
    let (_, prefix) = written(&asked("s", messages.clone()));
    messages.extend([said(bound("one", &prefix)), Message::user("and?")]);
    let (body, prefix) = written(&asked("s", messages.clone()));
    let thoughts = |body: &Value| {
        let turns = body["messages"].as_array().expect("turns").iter();
        let blocks = turns.flat_map(|turn| turn["content"].as_array().expect("blocks").clone());
        blocks.filter_map(|block| Some(block.get("thinking")?.as_str()?.to_owned())).collect()
    };
    let in_body: Vec<String> = thoughts(&body);
    assert_eq!(in_body, ["one"]);
    assert!(body["messages"][0]["content"][0].get("cache_control").is_some());
    messages.extend([said(bound("two", &prefix)), Message::user("well?")]);
    let both: Vec<String> = thoughts(&written(&asked("s", messages.clone())).0);
    assert_eq!(both, ["one", "two"]);
    // Another system prompt, another tool, another word: what was thought behind it is gone.
    let none: Vec<String> = thoughts(&written(&asked("other", messages.clone())).0);
    assert!(none.is_empty(), "{none:?}");
    let none: Vec<String> = thoughts(
        &written(&ChatRequest { tools: Vec::new().into(), ..asked("s", messages.clone()) }).0,
    );
    assert!(none.is_empty(), "{none:?}");
    let mut changed = messages.clone();
    changed[2] = Message::user("and else?");
    let (body, prefix) = written(&asked("s", changed.clone()));
    let first: Vec<String> = thoughts(&body);
    assert_eq!(first, ["one"]);
    // What is thought after the change goes back.
    changed.extend([said(bound("three", &prefix)), Message::user("on")]);
    let after: Vec<String> = thoughts(&written(&asked("s", changed)).0);
    assert_eq!(after, ["one", "three"]);
    // Models that do not bind them get all.
    let (older, other) = ("claude-opus-5", thought("claude-opus-5", "free", (0, 0)));
    let body = body_of(older, &asked("s", vec![Message::user("x"), said(other)]));
    let free: Vec<String> = thoughts(&body);
    assert_eq!(free, ["free"]);
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
