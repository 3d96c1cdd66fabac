//! Tasks as bindings use them: late tool calls, wakers, cancelled searches, and keys that must not
//! stand in an error.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aikit::Code;
use aikit::host::{HostKernel, Step};
use aikit::kernel::AgentRef;
use aikit::spec::Spec;

/// How long a machine may take for what must come; only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn kernel(options: &str) -> HostKernel {
    HostKernel::open(options).wait(drop).expect("open")
}

#[test]
fn a_tool_call_that_nobody_waits_for_any_more_is_not_given_to_the_host() {
    let kernel = kernel("");
    let definition = r#"{"name": "late", "timeout_ms": 20}"#;
    kernel.register_tool(definition).expect("tool");
    // When the call is given up is up to the machine: a slow one gets longer.
    for pause in [300, 3_000, 30_000].map(Duration::from_millis) {
        let task = kernel.call_tool("late", "");
        assert!(task.fd().expect("fd") >= 0);
        std::thread::sleep(pause);
        match task.next(Some(PATIENCE)) {
            Step::Done(result) => {
                assert_eq!(result.expect_err("late").code(), Code::ToolTimeout);
                assert!(matches!(task.try_next(), Step::Ended));
                return;
            }
            Step::ToolCall(_) => {}
            other => unreachable!("{other:?}"),
        }
    }
    unreachable!("the call is still given to the host");
}

#[test]
fn a_waker_may_take_from_its_task() {
    let kernel = kernel("");
    kernel.register_tool(r#"{"name": "ask"}"#).expect("tool");
    let task = Arc::new(kernel.call_tool("ask", ""));
    let call = loop {
        if let Step::ToolCall(call) = task.next(Some(PATIENCE)) {
            break call;
        }
    };
    let (done, result) = mpsc::channel();
    let taker = task.clone();
    task.on_ready(Box::new(move || {
        let _ = done.send(matches!(taker.try_next(), Step::Done(Ok(_))));
    }));
    call.succeed(serde_json::json!(1));
    assert!(result.recv_timeout(PATIENCE).expect("the waker does not hang"));
}

#[test]
fn a_search_that_waits_for_its_model_can_be_cancelled() {
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("http://{}/v1", silent.local_addr().expect("address"));
    let kernel = kernel(&format!(r#"{{"providers": {{"slow": {{"base_url": "{url}"}}}}}}"#));
    let search = kernel
        .collection("c")
        .expect("collection")
        .search("words", r#"{"embedding_model": "slow/model"}"#);
    assert!(matches!(search.next(Some(Duration::from_millis(200))), Step::Pending));
    search.cancel();
    match search.next(Some(PATIENCE)) {
        Step::Done(result) => assert_eq!(result.expect_err("cancelled").code(), Code::Cancelled),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_key_at_the_wrong_place_does_not_stand_in_the_error() {
    for options in [
        r#"{"providers": {"openai": "sk-4711"}}"#,
        r#"{"providers": {"openai": {"api_key": 4711}}}"#,
        r#"{"providers": {"openai": {"api_key": {"sk": "4711"}}}}"#,
    ] {
        let error = HostKernel::open(options).wait(drop).expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(!error.to_json().to_string().contains("4711"), "{error:?}");
    }
}

#[test]
fn a_key_that_cannot_be_sent_is_refused_and_a_line_end_behind_it_forgiven() {
    let spec = "identity: {name: a}\nintelligence: {model: openai/x}\n";
    let agent = |key: &str| {
        let options = serde_json::json!({"providers": {"openai": {"api_key": key}}}).to_string();
        let spec = AgentRef::Spec(Spec::parse(spec).expect("spec"));
        kernel(&options).agent(spec, "").wait(drop)
    };
    assert!(agent("sk-1\n").is_ok());
    let error = agent("sk-\u{1}4711").expect_err("refused");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(!error.to_json().to_string().contains("4711"), "{error:?}");
}
