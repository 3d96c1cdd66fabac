//! Models whose answers the program makes: through the queue of a host, and as a trait object.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aikit::agent::{Run, RunOptions};
use aikit::host::{HostCall, HostKernel, Step};
use aikit::kernel::{AgentRef, Kernel, OpenOptions};
use aikit::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, Message, ToolCall};
use aikit::spec::Spec;
use aikit::tool::{Definition, FunctionTool};
use aikit::{Code, Error};
use serde_json::{Value, json};

const SPEC: &str = "agent: a\nmodel: host/mine\nprompt: be brief\ntools: [calculator]\n";
/// How long a machine may take for what must come; only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn kernel(definition: &str) -> HostKernel {
    let kernel = HostKernel::open("").wait(drop).expect("open");
    kernel.register_model(definition).expect("model");
    kernel
}

/// Runs the agent with `serve` for its model: result and events.
fn run(
    definition: &str,
    options: &str,
    mut serve: impl FnMut(HostCall),
) -> (Result<Value, Error>, Vec<Value>) {
    let kernel = kernel(definition);
    let spec = Spec::parse(SPEC).expect("spec");
    let agent = kernel.agent(AgentRef::Spec(spec), "").wait(drop).expect("agent");
    let task = agent.start("6 * 7?", options);
    let mut events = Vec::new();
    loop {
        match task.next(Some(PATIENCE)) {
            Step::Event(event) => {
                events.push(serde_json::from_str(event.as_json()).expect("event"));
            }
            Step::ToolCall(call) => serve(call),
            Step::Done(result) => {
                return (result.map(|json| serde_json::from_str(&json).expect("json")), events);
            }
            other => unreachable!("{other:?}"),
        }
    }
}

fn answers(answer: &Value) -> (Result<Value, Error>, Vec<Value>) {
    run(r#"{"name": "mine"}"#, "", |call| call.succeed(answer.clone()))
}

#[test]
fn a_function_answers_in_the_place_of_a_model() {
    let mut requests = Vec::new();
    let (result, events) = run(r#"{"name": "mine"}"#, "", |call| {
        assert_eq!(call.name, "host/mine");
        assert!(call.run_id.is_some());
        requests.push(call.arguments.clone());
        let said = call.arguments["messages"].as_array().expect("messages").len();
        call.succeed(match said {
            2 => json!({
                "reasoning": "a calculation",
                "tool_calls": [{"name": "calculator", "arguments": {"expression": "6 * 7"}, "id": "c1"}],
                "usage": {"input_tokens": 10, "output_tokens": 5, "reasoning_tokens": 2},
            }),
            _ => json!("It is 42."),
        });
    });
    let result = result.expect("run");
    assert_eq!((&result["text"], &result["turns"]), (&json!("It is 42."), &json!(2)));
    assert_eq!(result["usage"]["input_tokens"], 10);
    assert_eq!(result["usage"]["reasoning_tokens"], 2);
    assert_eq!(result["model"], "host/mine");
    let system = json!({"role": "system", "content": "be brief"});
    assert_eq!(requests[0]["messages"], json!([system, {"role": "user", "content": "6 * 7?"}]));
    assert_eq!(requests[0]["tools"][0]["name"], "calculator");
    assert_eq!(
        requests[1]["messages"][2]["tool_calls"],
        json!([{"id": "c1", "name": "calculator", "arguments": {"expression": "6 * 7"}}])
    );
    assert_eq!(requests[1]["messages"][3]["tool_call_id"], "c1");
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    let expected = ["model_started", "reasoning_delta", "tool_call_delta", "model_finished"];
    assert!(kinds.windows(4).any(|window| window == expected), "{kinds:?}");
}

#[test]
fn what_is_no_answer_is_an_invalid_response_that_says_why() {
    let (result, _) = answers(&json!({"txt": "x"}));
    let error = result.expect_err("no answer");
    assert_eq!((error.code(), error.retryable()), (Code::ModelInvalidResponse, false));
    assert!(error.message().contains("host/mine") && error.message().contains("`txt`"), "{error}");
}

#[test]
fn an_exception_keeps_its_cause_and_is_not_tried_again() {
    let mut calls = 0;
    let (result, events) = run(r#"{"name": "mine"}"#, "", |call| {
        calls += 1;
        call.fail("no weights", Some("traceback: line 3"));
    });
    let error = result.expect_err("failed");
    assert_eq!((error.code(), error.retryable(), calls), (Code::ModelUnavailable, false, 1));
    assert!(error.message().contains("no weights"), "{error}");
    assert_eq!(error.cause(), Some("traceback: line 3"));
    assert_eq!(events.last().expect("event")["type"], "run_failed");
    let (result, _) = run(r#"{"name": "mine"}"#, "", drop);
    let error = result.expect_err("dropped");
    assert!(error.message().contains("without an answer"), "{error}");
}

#[test]
fn time_and_cancel_end_a_call_that_is_not_answered() {
    let mut kept = Vec::new();
    let definition = r#"{"name": "mine", "timeout_ms": 50}"#;
    let (result, _) = run(definition, "", |call| kept.push(call));
    let error = result.expect_err("late");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, true));
    assert!(error.message().contains("50 ms"), "{error}");
    assert!(kept[0].is_abandoned(), "who answers late can know it");
    let (result, _) = run(r#"{"name": "mine"}"#, r#"{"timeout_ms": 50}"#, |call| kept.push(call));
    assert_eq!(result.expect_err("late").code(), Code::Timeout);

    let kernel = self::kernel(r#"{"name": "mine"}"#);
    let spec = Spec::parse(SPEC).expect("spec");
    let agent = kernel.agent(AgentRef::Spec(spec), "").wait(drop).expect("agent");
    let task = agent.start("x", "");
    let call = loop {
        if let Step::ToolCall(call) = task.next(Some(PATIENCE)) {
            break call;
        }
    };
    let start = Instant::now();
    task.cancel();
    let result = task.wait(drop).expect("cancelled");
    assert!(result.contains("\"cancelled\""), "{result}");
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert!(call.is_abandoned());
}

#[test]
fn names_are_slugs_that_are_free_and_specs_name_what_is_there() {
    let kernel = kernel(r#"{"name": "mine"}"#);
    for (definition, said) in [
        (r#"{"name": "mine"}"#, "registered already"),
        (r#"{"name": "a/b"}"#, "not the name"),
        (r#"{"name": ""}"#, "not the name"),
        (r#"{"name": "x", "timeout_ms": 0}"#, "no time"),
        (r#"{"name": "x", "timeout": 1}"#, "timeout"),
        ("{}", "name"),
        ("[]", "object"),
    ] {
        let error = kernel.register_model(definition).expect_err(definition);
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains(said), "{definition}: {error}");
    }
    let spec = Spec::parse("agent: a\nmodel: host/yours\n").expect("spec");
    let found = kernel.check(&spec).wait(drop).expect("check");
    assert!(found.contains("AK3007") && found.contains("mine"), "{found}");
    let error = kernel.agent(AgentRef::Spec(spec), "").wait(drop).expect_err("unknown");
    assert_eq!((error.code(), error.line()), (Code::ModelUnknown, Some(2)));
    assert!(error.message().contains("there are: mine"), "{error}");
}

#[tokio::test]
async fn without_a_host_the_run_fails_and_says_so() {
    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    let model = serde_json::from_str(r#"{"name": "mine"}"#).expect("model");
    kernel.register_host_model(model).expect("register");
    let agent = kernel.agent(Spec::parse(SPEC).expect("spec")).await.expect("agent");
    let error = agent.run("x").await.expect_err("no host");
    assert_eq!((error.code(), error.retryable()), (Code::ModelUnavailable, false));
    assert!(error.message().contains("no host started this run"), "{error}");
}

struct Parrot;

#[async_trait::async_trait]
impl ChatModel for Parrot {
    async fn chat(
        &self,
        request: &ChatRequest,
        sink: &mut dyn DeltaSink,
    ) -> Result<Completion, Error> {
        let text = format!("{} message(s)", request.messages.len());
        sink.delta(Delta::Text(text.clone())).await;
        Ok(Completion { text, finish_reason: "stop".into(), ..Completion::default() })
    }
}

#[tokio::test]
async fn rust_registers_a_model_of_its_own() {
    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    kernel.register_model("mine", Arc::new(Parrot)).expect("register");
    assert!(kernel.register_model("mine", Arc::new(Parrot)).is_err());
    let agent = kernel.agent(Spec::parse(SPEC).expect("spec")).await.expect("agent");
    assert_eq!(agent.run("x").await.expect("run").text, "2 message(s)");
}

/// Answers with what was planned, one a turn, and keeps what it was asked.
struct Planned {
    turns: Mutex<VecDeque<Completion>>,
    asked: Mutex<Vec<ChatRequest>>,
}

#[async_trait::async_trait]
impl ChatModel for Planned {
    async fn chat(&self, asked: &ChatRequest, _: &mut dyn DeltaSink) -> Result<Completion, Error> {
        self.asked.lock().expect("lock").push(asked.clone());
        Ok(self.turns.lock().expect("lock").pop_front().expect("another turn was planned"))
    }
}

fn calls(calls: &[(&str, &str)], reason: &str) -> Completion {
    let call = |(i, (name, arguments)): (usize, &(&str, &str))| ToolCall {
        id: format!("c{i}"),
        name: (*name).into(),
        arguments: (*arguments).into(),
        receipt: None,
    };
    let tool_calls = calls.iter().enumerate().map(call).collect();
    Completion { tool_calls, finish_reason: reason.into(), ..Completion::default() }
}

/// What became of a run of an agent with a tool `wipe`.
struct Outcome {
    result: Result<aikit::agent::RunResult, Error>,
    asked: Vec<ChatRequest>,
    /// What the tool was called with.
    wiped: Vec<Value>,
}

impl Outcome {
    /// What the model was told of its calls before its last turn.
    fn told(&self) -> Vec<(String, bool)> {
        let messages = &self.asked.last().expect("it was asked").messages;
        let told = messages.iter().filter_map(|message| match message {
            Message::Tool { content, is_error, .. } => Some((content.clone(), *is_error)),
            _ => None,
        });
        told.collect()
    }
}

/// Runs an agent whose answer is an object with `done`, which this model gives by a call.
async fn planned(more: &str, schema: bool, turns: Vec<Completion>) -> Outcome {
    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    let model =
        Arc::new(Planned { turns: Mutex::new(turns.into()), asked: Mutex::new(Vec::new()) });
    kernel.register_model("mine", model.clone()).expect("register");
    let wiped = Arc::new(Mutex::new(Vec::new()));
    let seen = wiped.clone();
    let definition = Definition {
        name: "wipe".into(),
        description: "Removes what is named, or all.".into(),
        parameters: json!({"type": "object", "properties": {"only": {"type": "string"}}}),
        timeout_ms: None,
    };
    let wipe = FunctionTool::new(definition, move |arguments, _| {
        seen.lock().expect("lock").push(arguments);
        async { Ok(json!("wiped")) }
    });
    kernel.register(Arc::new(wipe)).expect("tool");
    let text = format!(
        "identity: {{agent_id: a}}\nintegration: {{tools: [wipe]}}\nintelligence: {{model: host/mine}}\n{more}"
    );
    let agent = kernel.agent(Spec::parse(&text).expect("spec")).await.expect("agent");
    let output_schema = schema.then(|| {
        json!({"type": "object", "properties": {"done": {"type": "boolean"}}, "required": ["done"]})
    });
    let options = RunOptions { output_schema, ..RunOptions::default() };
    let run: Run = agent.start_with("go", options, None, Default::default());
    let result = run.result().await;
    let asked = model.asked.lock().expect("lock").clone();
    let wiped = wiped.lock().expect("lock").clone();
    Outcome { result, asked, wiped }
}

#[tokio::test]
async fn an_answer_beside_calls_waits_for_their_results() {
    let both = calls(&[("wipe", r#"{"only": "a"}"#), ("final_answer", r#"{"done": true}"#)], "");
    let then = calls(&[("final_answer", r#"{"done": false}"#)], "");
    let seen = planned("", true, vec![both, then]).await;
    assert_eq!(seen.wiped, [json!({"only": "a"})], "what was called was done");
    assert_eq!(seen.result.as_ref().expect("run").output, Some(json!({"done": false})));
    let told = seen.told();
    assert_eq!(told[0], ("wiped".to_owned(), false));
    assert!(told[1].1 && told[1].0.contains("before the results"), "{told:?}");
}

#[tokio::test]
async fn an_agent_that_may_call_nothing_answers_by_a_call_and_makes_no_other() {
    let none = "behavior: {tool_choice: none}";
    let wipe = calls(&[("wipe", "{}")], "");
    let then = calls(&[("final_answer", r#"{"done": true}"#)], "");
    let seen = planned(none, true, vec![wipe.clone(), then]).await;
    let names: Vec<&str> = seen.asked[0].tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["final_answer"]);
    assert!(seen.result.is_ok() && seen.wiped.is_empty(), "{:?}", seen.result);
    // Nor without a schema, when a model calls what it was told not to.
    let text = Completion { text: "so be it".into(), ..Completion::default() };
    let seen = planned(none, false, vec![wipe, text]).await;
    assert_eq!(seen.result.as_ref().expect("run").text, "so be it");
    assert!(seen.wiped.is_empty() && seen.told()[0].0.contains("tool_denied"), "{:?}", seen.told());
}

#[tokio::test]
async fn a_call_that_was_cut_off_before_its_arguments_is_not_made() {
    for reason in ["length", "content_filter"] {
        let cut = calls(&[("wipe", r#"{"only": "a"}"#), ("wipe", "{}")], reason);
        let text = Completion { text: "so be it".into(), ..Completion::default() };
        let seen = planned("", false, vec![cut, text]).await;
        assert!(seen.result.is_ok());
        assert_eq!(seen.wiped, [json!({"only": "a"})], "{reason}: the one that was whole");
        assert!(seen.told()[1].0.contains("cut off"), "{:?}", seen.told());
    }
    let whole = calls(&[("wipe", "{}")], "tool_calls");
    let text = Completion { text: "all".into(), ..Completion::default() };
    assert_eq!(planned("", false, vec![whole, text]).await.wiped, [json!({})]);
}

#[tokio::test]
async fn an_answer_that_is_cut_off_or_has_no_turn_left_says_so() {
    let cut = calls(&[("final_answer", r#"{"done": tr"#)], "length");
    let error = planned("", true, vec![cut]).await.result.expect_err("cut off");
    assert_eq!(error.code(), Code::OutputInvalid);
    assert!(error.message().contains("cut off (length)"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("max_tokens")), "{error}");

    let wrong = || calls(&[("final_answer", r#"{"done": 1}"#)], "tool_calls");
    let one = "behavior: {max_turns: 1}";
    let error = planned(one, true, vec![wrong()]).await.result.expect_err("no turn left");
    assert_eq!(error.code(), Code::OutputInvalid);
    assert!(error.message().contains("one try") && error.message().contains("/done"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("max_turns")), "{error}");
}

#[tokio::test]
async fn a_model_of_the_hosts_can_stand_in_for_another() {
    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    kernel.register_model("mine", Arc::new(Parrot)).expect("register");
    let text = "agent: a\nintelligence:\n  model: scripted/x\n  fallback_models: [host/mine]\n  \
                script: [{error: {code: model_unavailable, message: down}}]\n";
    let spec = Spec::parse(text).expect("spec");
    let found = kernel.check(&spec).await.expect("check");
    assert!(!format!("{found:?}").contains("AK3007"), "{found:?}");
    let result = kernel.agent(spec).await.expect("agent").run("x").await.expect("run");
    assert_eq!((result.text.as_str(), result.model.as_str()), ("1 message(s)", "scripted/x"));
}
