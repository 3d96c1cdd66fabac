//! The life of a run, through the public surface: order, one ending, cancel, faults of tools and
//! of the store. What all languages share stands in `tests/conformance`.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod stores;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aikit::agent::{Agent, EventKind, RunStatus};
use aikit::kernel::Kernel;
use aikit::model::{ChatModel, ChatRequest, Completion, DeltaSink};
use aikit::spec::Spec;
use aikit::tool::{Context, Definition, FunctionTool};
use aikit::{Code, Error};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::sync::Barrier;

use stores::{kernel, on_file};

/// How long a machine may take for what must come; only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn spec(tools: &str, script: &str) -> Spec {
    let text = format!(
        "identity: {{agent_id: test}}\nintegration: {{tools: [{tools}]}}\nintelligence:\n  \
         model: scripted/x\n  script:\n{script}"
    );
    Spec::parse(&text).expect("spec")
}

fn tool(
    name: &str,
    work: impl Fn(Value) -> Result<Value, Error> + Send + Sync + 'static,
) -> Arc<FunctionTool> {
    let definition = Definition {
        name: name.into(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        timeout_ms: None,
    };
    let work = Arc::new(work);
    Arc::new(FunctionTool::new(definition, move |arguments, _| {
        let work = work.clone();
        async move { work(arguments) }
    }))
}

async fn agent(kernel: &Kernel, tools: &str, script: &str) -> Agent {
    kernel.agent(spec(tools, script)).await.expect("agent")
}

#[tokio::test]
async fn a_run_is_ordered_has_one_ending_and_is_recorded_event_for_event() {
    let kernel = kernel().await;
    kernel.register(tool("twice", |a| Ok(json!(a["n"].as_i64().unwrap_or(0) * 2)))).expect("tool");
    let script = "  - {text: 'wait ', tool_calls: [{name: twice, arguments: {n: 21}}]}\n  \
                  - {text: 'It is {{tool.twice}}.'}\n";
    let mut run = agent(&kernel, "twice", script).await.start("go");
    let mut seen: Vec<Value> = Vec::new();
    while let Some(event) = run.next().await {
        assert_eq!(event.seq, seen.len() as u64);
        seen.push(serde_json::from_str(event.as_json()).expect("json"));
    }
    let result = run.result().await.expect("result");
    assert_eq!((result.text.as_str(), result.turns), ("It is 42.", 2));
    let endings = ["run_finished", "run_failed", "run_cancelled"];
    let ending: Vec<&Value> =
        seen.iter().filter(|e| endings.iter().any(|n| e["type"] == *n)).collect();
    assert_eq!(ending.len(), 1);
    assert_eq!(ending[0], seen.last().expect("last"));
    let recorded = kernel.run_events(&result.run_id).await.expect("events");
    assert_eq!(recorded, seen);
}

#[tokio::test]
async fn tools_that_fail_panic_or_hang_are_told_to_the_model_and_the_run_goes_on() {
    let kernel = kernel().await;
    kernel
        .register(tool("fails", |_| Err(Error::new(Code::ToolFailed, "no such row"))))
        .expect("tool");
    kernel.register(tool("panics", |_| panic!("boom"))).expect("tool");
    let hangs = Definition {
        name: "hangs".into(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        timeout_ms: Some(30),
    };
    kernel
        .register(Arc::new(FunctionTool::new(hangs, |_, _| std::future::pending())))
        .expect("tool");
    let script = "  - tool_calls: [{name: fails}, {name: panics}, {name: hangs}, {name: nobody}, \
                  {name: fails, arguments: 'no json'}, {name: datetime}]\n  - {text: done}\n";
    let mut run = agent(&kernel, "fails, panics, hangs", script).await.start("go");
    let mut codes = Vec::new();
    while let Some(event) = run.next().await {
        let event: Value = serde_json::from_str(event.as_json()).expect("json");
        if event["type"] == "tool_finished" {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            codes.push((text(&event["name"]), text(&event["error"]["code"])));
        }
    }
    assert_eq!(run.result().await.expect("result").text, "done");
    codes.sort();
    let expected = [
        ("datetime", "tool_denied"),
        ("fails", "tool_failed"),
        ("fails", "tool_invalid_arguments"),
        ("hangs", "tool_timeout"),
        ("nobody", "tool_unknown"),
        ("panics", "tool_failed"),
    ];
    assert_eq!(codes, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[tokio::test]
async fn cancel_takes_effect_within_100_ms_and_keeps_text_and_usage() {
    let kernel = kernel().await;
    let deltas = vec!["x"; 200].join(", ");
    let usage = "usage: {input_tokens: 7, output_tokens: 200}";
    let script = format!("  - {{deltas: [{deltas}], delay_ms: 500, {usage}}}\n");
    let agent = agent(&kernel, "", &script).await;
    let mut latencies = Vec::new();
    // The best of a few counts: what is measured is aikit, not who else uses the machine.
    for _ in 0..5 {
        let mut run = agent.start("go");
        let mut cancelled = None;
        let mut seen = String::new();
        while let Some(event) = run.next().await {
            if let EventKind::TextDelta { text } = &*event.kind {
                seen.push_str(text);
                run.cancel();
                cancelled.get_or_insert_with(Instant::now);
            }
        }
        let result = run.result().await.expect("result");
        let latency = cancelled.expect("a delta").elapsed();
        assert_eq!(result.status, RunStatus::Cancelled);
        assert_eq!(result.text, seen);
        assert_eq!((result.usage.input_tokens, result.usage.output_tokens), (7, seen.len() as u64));
        if latency < Duration::from_millis(100) {
            return;
        }
        latencies.push(latency);
    }
    unreachable!("{latencies:?}");
}

#[tokio::test]
async fn a_run_that_is_dropped_or_not_read_neither_blocks_nor_outlives_its_kernel() {
    let deltas = vec!["x"; 2000].join(", ");
    let script = format!("  - {{deltas: [{deltas}]}}\n");
    let mut latencies = Vec::new();
    // The best of a few counts; one that blocks its kernel costs all the time that closing has.
    for _ in 0..5 {
        let kernel = kernel().await;
        let agent = agent(&kernel, "", &script).await;
        // Not read: held back at the size of the queue. Dropped: cancelled.
        drop(agent.start("dropped"));
        let mut unread = agent.start("unread");
        assert!(unread.next().await.is_some(), "it has begun");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        let reading = tokio::spawn(unread.result());
        kernel.close().await.expect("close");
        let latency = start.elapsed();
        let result = reading.await.expect("task").expect("result");
        assert!(result.text.len() <= 2000);
        assert_eq!(agent.run("late").await.expect_err("closed").code(), Code::Closed);
        assert_eq!(kernel.collection("c").expect_err("closed").code(), Code::Closed);
        kernel.close().await.expect("idempotent");
        if latency < Duration::from_secs(1) {
            return;
        }
        latencies.push(latency);
    }
    unreachable!("{latencies:?}");
}

#[tokio::test]
async fn calls_of_one_turn_run_side_by_side() {
    let kernel = kernel().await;
    let all_here = Arc::new(Barrier::new(3));
    let definition = Definition {
        name: "meet".into(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        timeout_ms: None,
    };
    let meet = FunctionTool::new(definition, move |_, _| {
        let all_here = all_here.clone();
        async move {
            all_here.wait().await;
            Ok(json!(1))
        }
    });
    kernel.register(Arc::new(meet)).expect("tool");
    let script = "  - tool_calls: [{name: meet}, {name: meet}, {name: meet}]\n  - {text: done}\n";
    let agent = agent(&kernel, "meet", script).await;
    // Calls that come one after the other wait here for ever.
    let met = tokio::time::timeout(PATIENCE, agent.run("go")).await;
    assert_eq!(met.expect("they do not meet").expect("run").text, "done");
}

#[tokio::test]
async fn limits_end_a_run_with_their_own_code() {
    let kernel = kernel().await;
    let endless = "  - tool_calls: [{name: calculator, arguments: {expression: '1'}}]\n".repeat(3);
    let spec = spec("calculator", &endless);
    let agent = kernel.agent(spec).await.expect("agent");
    let options = aikit::agent::RunOptions { max_turns: Some(2), ..Default::default() };
    let run = agent.start_with("go", options, None, Default::default());
    assert_eq!(run.result().await.expect_err("limit").code(), Code::TurnLimit);
    assert_eq!(agent.run("go").await.expect_err("script").code(), Code::ModelScriptExhausted);
    let slow = self::agent(&kernel, "", "  - {text: late, delay_ms: 5000}\n").await;
    let options = aikit::agent::RunOptions { timeout_ms: Some(20), ..Default::default() };
    let run = slow.start_with("go", options, None, Default::default());
    assert_eq!(run.result().await.expect_err("timeout").code(), Code::Timeout);
}

#[tokio::test]
async fn a_token_that_runs_share_is_not_cancelled_by_the_end_of_one() {
    let kernel = kernel().await;
    let agent = agent(&kernel, "", "  - {text: hi}\n").await;
    let token = tokio_util::sync::CancellationToken::new();
    for _ in 0..2 {
        let run = agent.start_with("go", Default::default(), None, token.clone());
        assert_eq!(run.result().await.expect("result").status, RunStatus::Finished);
    }
    token.cancel();
    let run = agent.start_with("go", Default::default(), None, token);
    assert_eq!(run.result().await.expect("result").status, RunStatus::Cancelled);
}

#[tokio::test]
async fn the_end_of_a_run_is_recorded_though_its_host_has_stopped_reading() {
    let kernel = kernel().await;
    let deltas = vec!["x"; 2000].join(", ");
    let agent = agent(&kernel, "", &format!("  - {{deltas: [{deltas}]}}\n")).await;
    let options = aikit::agent::RunOptions {
        run_id: Some("unread".into()),
        timeout_ms: Some(100),
        ..Default::default()
    };
    let mut run = agent.start_with("go", options, None, Default::default());
    let deadline = Instant::now() + PATIENCE;
    let recorded = loop {
        // There is no such run before it has begun.
        let recorded = kernel.run_events("unread").await.unwrap_or_default();
        if recorded.last().is_some_and(|event| event["type"] == "run_failed") {
            break recorded;
        }
        assert!(Instant::now() < deadline, "{:?}", recorded.last());
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let mut seen = Vec::new();
    while let Some(event) = run.next().await {
        seen.push(serde_json::from_str::<Value>(event.as_json()).expect("json"));
    }
    assert_eq!(seen, recorded);
}

#[tokio::test]
async fn absurd_token_counts_are_bounded_and_no_panic() {
    let kernel = kernel().await;
    let most = i64::MAX;
    let turn = format!("usage: {{input_tokens: {most}, output_tokens: {most}}}");
    let script = format!(
        "  - {{tool_calls: [{{name: calculator, arguments: {{expression: '1'}}}}], {turn}}}\n  \
         - {{text: done, {turn}}}\n"
    );
    let result = agent(&kernel, "calculator", &script).await.run("go").await.expect("run");
    assert_eq!(result.usage.total_tokens, u64::MAX);
}

/// Takes a lock under which no step of a run can be written. It holds until it is dropped.
async fn hold(path: &Path) -> Box<dyn Any + Send> {
    match stores::server() {
        None => {
            let other = rusqlite::Connection::open(path).expect("open");
            other.execute_batch("BEGIN IMMEDIATE").expect("lock");
            Box::new(other)
        }
        Some(url) => {
            let url = stores::at(&url, &stores::named(path));
            let mut other = PgConnection::connect(&url).await.expect("connect");
            let lock = "BEGIN; LOCK TABLE aikit.run_events IN SHARE MODE";
            other.execute(sqlx::raw_sql(lock)).await.expect("lock");
            Box::new(other)
        }
    }
}

/// Takes the database's lock before its answer is there.
struct Locking(std::path::PathBuf, Arc<std::sync::Mutex<Option<Box<dyn Any + Send>>>>);

#[async_trait::async_trait]
impl ChatModel for Locking {
    async fn chat(&self, _: &ChatRequest, _: &mut dyn DeltaSink) -> Result<Completion, Error> {
        let held = hold(&self.0).await;
        *self.1.lock().expect("lock") = Some(held);
        Ok(Completion { text: "done".into(), ..Completion::default() })
    }
}

#[tokio::test]
async fn an_end_that_could_not_be_stored_is_told_as_a_failure() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("store.db");
    let kernel = on_file(&path, "default").await;
    let held = Arc::new(std::sync::Mutex::new(None));
    kernel.register_model("mine", Arc::new(Locking(path, held.clone()))).expect("model");
    let spec = Spec::parse("agent: a\nmodel: host/mine\n").expect("spec");
    let mut run = kernel.agent(spec).await.expect("agent").start("go");
    let mut kinds = Vec::new();
    while let Some(event) = run.next().await {
        kinds.push(event.kind.name().to_owned());
    }
    assert_eq!(run.result().await.expect_err("locked").code(), Code::StoreLocked);
    drop(held.lock().expect("lock").take());
    assert_eq!(kinds.last().map(String::as_str), Some("run_failed"), "{kinds:?}");
    assert!(!kinds.iter().any(|kind| kind == "run_finished"), "{kinds:?}");
}

#[tokio::test]
async fn a_step_that_the_store_refused_is_recorded_with_the_end() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("store.db");
    let kernel = on_file(&path, "default").await;
    let definition = Definition {
        name: "lock".into(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        timeout_ms: None,
    };
    // Holds the database's lock until the run was given up, for the step that could not be written.
    let lock = FunctionTool::new(definition, move |_, context: Context| {
        let path = path.clone();
        async move {
            let held = hold(&path).await;
            tokio::spawn(async move {
                context.cancel.cancelled().await;
                drop(held);
            });
            Ok(json!(1))
        }
    });
    kernel.register(Arc::new(lock)).expect("tool");
    let script = "  - {tool_calls: [{name: lock}]}\n  - {text: done}\n";
    let options = aikit::agent::RunOptions { run_id: Some("locked".into()), ..Default::default() };
    let agent = agent(&kernel, "lock", script).await;
    let run = agent.start_with("go", options, None, Default::default());
    assert_eq!(run.result().await.expect_err("locked").code(), Code::StoreLocked);
    let events = kernel.run_events("locked").await.expect("events");
    let numbers: Vec<u64> = events.iter().filter_map(|e| e["seq"].as_u64()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().expect("last")["type"], "run_failed");
}
