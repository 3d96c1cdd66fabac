//! Scripted models, at the surface that users test their agents with.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use aikit::agent::{EventKind, RunOptions, RunResult, RunStatus};
use aikit::kernel::{Kernel, OpenOptions};
use aikit::model::{
    ChatModel, ChatRequest, Delta, DeltaSink, Message, ScriptedModel, StructuredOutput,
};
use aikit::spec::Spec;
use aikit::{Code, Error};

fn parse(script: &str) -> Spec {
    Spec::parse(&format!("agent: a\nmodel: scripted/x\ntools: [calculator]\nscript:\n{script}"))
        .expect("spec")
}

async fn run(script: &str, input: &str) -> (Result<RunResult, Error>, Vec<String>) {
    run_with(script, input, RunOptions::default()).await
}

async fn run_with(
    script: &str,
    input: &str,
    options: RunOptions,
) -> (Result<RunResult, Error>, Vec<String>) {
    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    let agent = kernel.agent(parse(script)).await.expect("agent");
    let mut run = agent.start_with(input, options, None, Default::default());
    let mut seen = Vec::new();
    while let Some(event) = run.next().await {
        match &*event.kind {
            EventKind::TextDelta { text } => seen.push(text.clone()),
            EventKind::ReasoningDelta { text } => seen.push(format!("({text})")),
            EventKind::ToolCallDelta { call_id, arguments, .. } => {
                seen.push(format!("{call_id}: {arguments}"));
            }
            _ => {}
        }
    }
    (run.result().await, seen)
}

async fn text(script: &str, input: &str) -> String {
    run(script, input).await.0.expect("run").text
}

#[tokio::test]
async fn turns_exist_for_inputs_that_match() {
    let script = "  - when: {input_matches: '^\\d+ [a-z]+$'}\n    text: matched\n  - text: plain\n";
    assert_eq!(text(script, "12 apples").await, "matched");
    assert_eq!(text(script, "apples").await, "plain");
    let both = "  - when: {input_contains: a, input_matches: b}\n    text: both\n  - text: plain\n";
    assert_eq!(text(both, "a").await, "plain");
    assert_eq!(text(both, "ab").await, "both");
}

#[tokio::test]
async fn turns_step_in_where_they_hold_and_the_others_keep_their_order() {
    let script = "
  - when: {tool_result_contains: {calculator: '42'}}
    text: the answer to everything
  - when: {turn: 2}
    tool_calls: [{name: calculator, arguments: {expression: '{{none}}'}}]
  - tool_calls: [{name: calculator, arguments: {expression: 40 + 1}}]
  - tool_calls: [{name: calculator, arguments: {expression: 41 + 1}}]
  - text: never
";
    let (result, _) = run(script, "x").await;
    let result = result.expect("run");
    assert_eq!((result.text.as_str(), result.turns), ("the answer to everything", 4));
}

#[tokio::test]
async fn a_pattern_or_a_turn_that_can_never_be_is_found_in_the_spec() {
    let spec = |when: &str| {
        Spec::parse(&format!("agent: a\nmodel: scripted/x\nscript: [{{when: {when}, text: x}}]"))
    };
    for (when, at) in [
        ("{input_matches: '('}", "/intelligence/script/0/when/input_matches"),
        ("{turn: 0}", "/intelligence/script/0/when/turn"),
    ] {
        let error = spec(when).expect_err("not a condition");
        assert_eq!(error.code(), Code::SpecInvalid);
        assert!(at.ends_with(error.path().expect("path")), "{error:?}");
    }
    for delta in ["{}", "{text: a, reasoning: b}", "3", "[a]"] {
        let spec = format!("agent: a\nmodel: scripted/x\nscript: [{{deltas: [{delta}]}}]");
        assert_eq!(Spec::parse(&spec).expect_err("delta").code(), Code::SpecInvalid, "{delta}");
    }
}

#[tokio::test]
async fn deltas_of_thought_and_text_come_in_order_with_their_delays() {
    let script = "  - deltas: [{reasoning: hm}, {reasoning: ' so', delay_ms: 60}, yes, {text: '!', delay_ms: 0}]\n    delay_ms: 20\n";
    let start = Instant::now();
    let (result, seen) = run(script, "x").await;
    assert_eq!(result.expect("run").text, "yes!");
    assert_eq!(seen, ["(hm)", "( so)", "yes", "!"]);
    assert!(start.elapsed() >= Duration::from_millis(100), "{:?}", start.elapsed());
    let (_, seen) = run("  - {reasoning: let me think, text: done}\n", "x").await;
    assert_eq!(seen, ["(let )", "(me )", "(think)", "done"]);
}

#[tokio::test]
async fn usage_is_claimed_in_all_its_parts() {
    let script = "  - text: x\n    usage: {input_tokens: 100, output_tokens: 50, cached_input_tokens: 40, cache_write_tokens: 10, reasoning_tokens: 30}\n";
    let usage = run(script, "x").await.0.expect("run").usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.total_tokens), (100, 50, 150));
    assert_eq!((usage.cached_input_tokens, usage.cache_write_tokens), (40, 10));
    assert_eq!(usage.reasoning_tokens, 30);
}

#[tokio::test]
async fn calls_come_in_pieces_and_with_whatever_ids() {
    let script = "
  - tool_calls:
      - {name: calculator, id: same, deltas: ['{\"expres', 'sion\": \"6 * 7\"}']}
      - {name: calculator, id: same, deltas: ['{\"expression']}
  - text: '{{tool.calculator}}'
";
    let (result, seen) = run(script, "x").await;
    let result = result.expect("a broken call is told to the model");
    assert!(result.text.contains("tool_invalid_arguments"), "{}", result.text);
    assert_eq!(seen[..2], ["same: {\"expres", "same: sion\": \"6 * 7\"}"]);
}

#[tokio::test]
async fn errors_come_after_as_many_deltas_as_they_say_with_what_the_provider_said() {
    let script = |after: u32| {
        format!(
            "  - deltas: [a, b, c]\n    error: {{code: model_rate_limited, after: {after}, \
             status: 429, request_id: r1, retry_after_ms: 1500}}\n"
        )
    };
    for (after, seen) in [(0, vec![]), (2, vec!["a", "b"]), (9, vec!["a", "b", "c"])] {
        let (result, given) = run(&script(after), "x").await;
        let error = result.expect_err("scripted");
        assert_eq!(
            (error.code(), given),
            (Code::ModelRateLimited, seen.iter().map(|s| (*s).to_owned()).collect())
        );
        let json = error.to_json();
        assert_eq!((&json["status"], &json["request_id"]), (&429.into(), &"r1".into()));
        assert_eq!(json["retry_after"], 1.5);
    }
    let (result, given) =
        run("  - {text: half an, error: {code: model_stream_broken}}\n", "x").await;
    let error = result.expect_err("broken");
    assert_eq!((error.code(), given.len()), (Code::ModelStreamBroken, 2));
    assert_eq!(error.answer(), None);
}

#[tokio::test]
async fn a_stall_is_ended_by_cancel_and_by_the_runs_time() {
    let script = "  - {deltas: [so, far], stall: true}\n";
    let options = RunOptions { timeout_ms: Some(150), ..RunOptions::default() };
    let (result, seen) = run_with(script, "x", options).await;
    assert_eq!((result.expect_err("timeout").code(), seen.len()), (Code::Timeout, 2));

    let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
    let agent = kernel.agent(parse(script)).await.expect("agent");
    let mut run = agent.start("x");
    let mut given = 0;
    while given < 2 {
        let event = run.next().await.expect("event");
        given += usize::from(matches!(&*event.kind, EventKind::TextDelta { .. }));
    }
    let start = Instant::now();
    run.cancel();
    let result = run.result().await.expect("cancelled");
    assert_eq!((result.status, result.text.as_str()), (RunStatus::Cancelled, "sofar"));
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

struct Nothing;

#[async_trait::async_trait]
impl DeltaSink for Nothing {
    async fn delta(&mut self, _: Delta) {}
}

#[tokio::test]
async fn models_of_one_script_have_turns_of_their_own_and_answer_schemas_as_text() {
    let spec = parse(
        "  - {when: {model: scripted/a}, text: I am a}\n  - {when: {model: b}, text: I am b}\n  - text: nobody\n",
    );
    let script = &spec.document().intelligence.script;
    for (name, expected) in [("a", "I am a"), ("b", "I am b"), ("c", "nobody")] {
        let model = ScriptedModel::new(script.clone()).named(name);
        let request =
            ChatRequest { messages: vec![Message::user("who?")], ..ChatRequest::default() };
        let completion = model.chat(&request, &mut Nothing).await.expect("chat");
        assert_eq!(completion.text, expected);
        assert_eq!(model.structured_output(), StructuredOutput::Native);
    }
}

#[test]
fn a_spec_is_written_as_it_was_read() {
    let spec = parse("  - deltas: [a, {text: b, delay_ms: 5}, {reasoning: c}]\n");
    let json = serde_json::to_value(&spec.document().intelligence.script).expect("json");
    assert_eq!(
        json,
        serde_json::json!([{"deltas": ["a", {"text": "b", "delay_ms": 5}, {"reasoning": "c"}]}])
    );
}
