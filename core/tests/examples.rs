//! Every spec of examples/specs: it is checked, it fits the published JSON Schema, it means the
//! same after it was rendered, and an agent made of it answers.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aikit::agent::RunOptions;
use aikit::error::Severity;
use aikit::kernel::{Kernel, OpenOptions};
use aikit::spec::{Format, Spec, schema};
use aikit::tool::{Definition, FunctionTool};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// What is asked of each, with inputs, and what must stand in the answer; or the code with which
/// this version refuses to make an agent of it.
const EXAMPLES: &[(&str, &str, &str, &str)] = &[
    ("calculator", "What is 19 times 21?", "{}", "399"),
    ("classifier", "My invoice is wrong.", "{}", "billing"),
    ("context", "When does the archive close?", "{}", "six"),
    ("extractor", "Ada Lovelace, 10 July 1843", "{}", "1843-07-10"),
    ("governed", "What is my balance?", "{}", "statement"),
    (
        "handbook",
        "How many days of leave do I have left, and how many may I carry over?",
        "{}",
        "12 days",
    ),
    ("host-tool", "How many days are left?", "{}", "12 days"),
    ("knowledge", "How many days may I carry over into the next year?", "{}", "[1]"),
    ("local", "What is the capital of France?", "{}", "Paris"),
    ("mcp", "", "{}", "AK3009"),
    ("memory", "I like tea.", "{}", "remember"),
    ("minimal", "Hello!", "{}", "Good day"),
    ("network", "Who can help me?", "{}", "support desk"),
    ("quickstart", "How many days of leave are there?", "{}", "25 days"),
    ("reasoning", "What shall we do?", "{}", "First"),
    ("support", "I have a question.", "{}", "Of course"),
    ("templates", "Hello", r#"{"guest": "Ada", "vip": true}"#, "Welcome"),
    ("workflow", "", "{}", "AK3009"),
];

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder().join("specs")).expect("the folder of examples");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

#[test]
fn the_list_is_complete() {
    let names: Vec<String> =
        files().iter().map(|p| p.file_stem().expect("a name").to_string_lossy().into()).collect();
    let listed: Vec<&str> = EXAMPLES.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, listed);
}

#[test]
fn each_is_clean_and_fits_the_schema_and_survives_rendering() {
    let schema = jsonschema::validator_for(&schema()).expect("the schema is one");
    for path in files() {
        let shown = path.display();
        let spec = Spec::read(&path).unwrap_or_else(|e| panic!("{shown}: {e}"));
        let found: Vec<_> =
            spec.check().into_iter().filter(|d| d.severity != Severity::Info).collect();
        assert!(found.is_empty(), "{shown}: {found:#?}");
        let text = std::fs::read_to_string(&path).expect("text");
        for text in [text, spec.render(Format::Yaml).expect("yaml")] {
            let value = yaml(&text);
            let problems: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(problems.is_empty(), "{shown}: {problems:#?}\n{text}");
        }
        for format in [Format::Yaml, Format::Json] {
            let rendered = spec.render(format).expect("rendered");
            let again =
                Spec::parse(&rendered).unwrap_or_else(|e| panic!("{shown}: {e}\n{rendered}"));
            assert_eq!(again.hash(), spec.hash(), "{shown}\n{rendered}");
            assert_eq!(again.document(), spec.document(), "{shown}");
            assert_eq!(again.render(format).expect("rendered"), rendered, "{shown}");
        }
    }
}

/// A text as the editor's reader would see it: by another YAML library than the core's.
fn yaml(text: &str) -> Value {
    serde_norway::from_str(text).expect("YAML")
}

#[test]
fn an_agent_made_of_each_answers() {
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(async {
        let kernel = Kernel::open(OpenOptions::default()).await.expect("open");
        let parameters = json!({
            "type": "object",
            "properties": {"employee": {"type": "string"}},
            "required": ["employee"],
        });
        let definition = Definition {
            name: "leave_balance".into(),
            description: "Days of leave that a person has left".into(),
            parameters,
            timeout_ms: None,
        };
        let balance = |_: Value, _| async { Ok(json!({"employee": "ada", "days": 12})) };
        kernel.register(Arc::new(FunctionTool::new(definition, balance))).expect("register");
        for name in ["handbook", "default-handbook", "quickstart"] {
            let collection = kernel.collection(name).expect("collection");
            collection.ingest(folder().join("handbook")).await.expect("ingest");
        }
        // A test of its own asks the one that needs a file.
        for (name, input, inputs, wanted) in EXAMPLES.iter().filter(|(name, ..)| *name != "local") {
            let path = folder().join(format!("specs/{name}.yaml"));
            if wanted.starts_with("AK") {
                let error = kernel.agent(path.as_path()).await.expect_err(name);
                assert!(error.diagnostics().iter().any(|d| d.code == *wanted), "{name}: {error}");
                continue;
            }
            let agent =
                kernel.agent(path.as_path()).await.unwrap_or_else(|e| panic!("{name}: {e}"));
            let options = RunOptions {
                inputs: serde_json::from_str(inputs).expect("inputs"),
                ..RunOptions::default()
            };
            let run = agent.start_with(*input, options, None, CancellationToken::new());
            let result = run.result().await.unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(result.text.contains(wanted), "{name}: {}", result.text);
        }
        kernel.close().await.expect("close");
    });
}

#[tokio::test]
#[ignore = "needs the models of tests/local"]
async fn the_model_in_the_process_answers() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cache/models");
    let providers = json!({"local": {"folder": models}});
    let providers = serde_json::from_value(providers).expect("providers");
    let options = OpenOptions { providers, ..OpenOptions::default() };
    let kernel = Kernel::open(options).await.expect("open");
    let (_, input, _, wanted) = EXAMPLES.iter().find(|(name, ..)| *name == "local").expect("it");
    let agent = kernel.agent(folder().join("specs/local.yaml").as_path()).await.expect("agent");
    let result = agent.run(*input).await.expect("answer");
    assert!(result.text.contains(wanted), "{}", result.text);
    kernel.close().await.expect("close");
}
