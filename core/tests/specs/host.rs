//! The repository as bindings use it: JSON text in, a task out.

use aikit::Code;
use aikit::host::{AnyTask, HostKernel, HostSpecs, Outcome, Step, Task};
use aikit::kernel::AgentRef;
use serde_json::{Value, json};

use super::{described, spec};

fn open(options: &Value) -> HostKernel {
    HostKernel::open(&options.to_string()).wait(drop).expect("open")
}

fn value(task: &Task<String>) -> Value {
    serde_json::from_str(&task.wait(drop).expect("done")).expect("json")
}

fn code<T: Send + 'static>(task: &Task<T>) -> Code {
    match task.wait(drop) {
        Ok(_) => unreachable!("it was not refused"),
        Err(error) => error.code(),
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("object").keys().map(String::as_str).collect()
}

#[test]
fn a_life_in_json() {
    let kernel = open(&json!({"actor": "host", "default_model": "scripted/x"}));
    let specs = kernel.specs();
    let record = value(&specs.save(&spec("a", "1.0.0"), ""));
    let all = [
        "agent_id",
        "version",
        "status",
        "hash",
        "name",
        "description",
        "tags",
        "model",
        "created_at",
        "created_by",
        "updated_at",
        "sunset",
        "successor",
        "document",
        "text",
    ];
    assert_eq!(keys(&record), all);
    assert_eq!((&record["status"], &record["created_by"]), (&json!("draft"), &json!("host")));
    assert_eq!(record["description"], Value::Null);
    let promoted = value(&specs.promote("a@1.0.0", r#"{"why": "first"}"#));
    assert_eq!(promoted["status"], "active");
    assert_eq!(value(&specs.get("a")), promoted);
    assert_eq!(specs.load("a").wait(drop).expect("load").version(), "1.0.0");
    let agent = kernel.agent(AgentRef::Text("a".into()), "").wait(drop).expect("agent");
    assert_eq!(value(&agent.start("?", ""))["text"], "I am 1.0.0");

    value(&specs.save(&described("a", "1.1.0", ", tags: [x]"), r#"{"by": "me"}"#));
    let page = value(&specs.list(r#"{"status": "draft", "tag": "x", "text": "a", "limit": 1}"#));
    assert_eq!(keys(&page), ["specs", "next"]);
    assert_eq!((keys(&page["specs"][0]), &page["next"]), (all[..13].to_vec(), &Value::Null));
    let first = value(&specs.list(r#"{"limit": 1}"#));
    let next = json!({"limit": 1, "after": first["next"]}).to_string();
    assert_eq!(value(&specs.list(&next))["specs"][0]["version"], "1.1.0");

    let changes = value(&specs.diff("a@1.0.0", "a@1.1.0"));
    let changed = |path: &str| changes.as_array().expect("array").iter().any(|c| c["path"] == path);
    assert!(changed("/identity/version"), "{changes}");
    let deprecated = r#"{"sunset": "2027-01-31", "successor": "1.1.0"}"#;
    let deprecated = value(&specs.deprecate("a@1.0.0", deprecated));
    assert_eq!(
        (&deprecated["sunset"], &deprecated["successor"]),
        (&json!("2027-01-31"), &json!("a@1.1.0"))
    );
    assert_eq!(value(&specs.retire("a@1.0.0", "{}"))["status"], "retired");
    specs.delete("a@1.1.0", "null").wait(drop).expect("delete");

    let history = value(&specs.history("a"));
    let line = ["seq", "agent_id", "version", "change", "from", "to", "at", "by", "why", "hash"];
    assert_eq!(keys(&history[0]), line);
    let changes: Vec<_> = history.as_array().expect("array").iter().map(|e| &e["change"]).collect();
    assert_eq!(changes, ["saved", "promoted", "saved", "deprecated", "retired", "deleted"]);
    assert_eq!(history[0]["from"], Value::Null);

    let bundle = specs.export(r#"{"agent_id": "a"}"#).wait(drop).expect("export");
    let shown: Value = serde_json::from_str(&bundle).expect("json");
    assert_eq!(keys(&shown), ["format", "specs", "history"]);
    assert_eq!(shown["format"], "aikit-specs/1");
    let copy = open(&json!({})).specs();
    let report = value(&copy.import(&bundle, r#"{"on_conflict": "skip", "by": "me"}"#));
    assert_eq!(report, json!({"imported": ["a@1.0.0"], "skipped": []}));
    assert_eq!(copy.export("").wait(drop).expect("export"), bundle);
}

#[test]
fn options_that_nobody_knows_are_refused() {
    let specs: HostSpecs = open(&json!({})).specs();
    let a = spec("a", "1.0.0");
    for unknown in [r#"{"bye": "me"}"#, "[]", "{", "1", r#"{"by": 1}"#, r#"{"why": ["x"]}"#] {
        let codes = [
            code(&specs.save(&a, unknown)),
            code(&specs.list(unknown)),
            code(&specs.promote("a@1.0.0", unknown)),
            code(&specs.deprecate("a@1.0.0", unknown)),
            code(&specs.retire("a@1.0.0", unknown)),
            code(&specs.delete("a@1.0.0", unknown)),
            code(&specs.export(unknown)),
            code(&specs.import("{}", unknown)),
            code(&specs.import(unknown, "")),
        ];
        assert_eq!(codes, [Code::InvalidArgument; 9], "{unknown}");
    }
    for wrong in
        [r#"{"status": "live"}"#, r#"{"limit": -1}"#, r#"{"limit": 1.5}"#, r#"{"after": "x"}"#]
    {
        assert_eq!(code(&specs.list(wrong)), Code::InvalidArgument, "{wrong}");
    }
    assert_eq!(code(&specs.import("{}", r#"{"on_conflict": "replace"}"#)), Code::InvalidArgument);
    assert_eq!(code(&specs.import("", "")), Code::InvalidArgument);
    assert!(value(&specs.list("null"))["specs"].as_array().expect("array").is_empty());
}

#[test]
fn a_spec_comes_out_of_a_task_of_any_kind() {
    let specs = open(&json!({})).specs();
    specs.save(&spec("a", "1.0.0"), "").wait(drop).expect("save");
    let task: Box<dyn AnyTask> = Box::new(specs.load("a@1.0.0"));
    match task.next(None) {
        Step::Done(Ok(Outcome::Spec(spec))) => assert_eq!(spec.version(), "1.0.0"),
        other => unreachable!("{other:?}"),
    }
}
