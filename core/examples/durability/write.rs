//! The writer: one operation of each kind, again and again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aikit::Code;
use aikit::kernel::{ChangeOptions, Kernel, SaveOptions};
use aikit::retrieval::IngestOptions;
use aikit::spec::Spec;
use aikit::tool::{Definition, FunctionTool};
use futures_util::future::join_all;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{Arguments, Outcome, open, tell, tell_failure};

const EMBEDDING: &str = "scripted/words";
/// No operation may take longer, whatever happens: all waits of the store together.
const BOUND: u64 = 110;
/// Between a failure and the next operation.
const PAUSE: Duration = Duration::from_millis(10);

struct Writer {
    kernel: Kernel,
    tenant: String,
    name: String,
    files: PathBuf,
    /// Where the store is copied to; nowhere if it is not a file.
    copies: Option<PathBuf>,
    bound: Duration,
    /// Whether a failure says if anything was done. A file that cannot be synced cannot know.
    certain: bool,
    paced: bool,
    /// The tool that runs call.
    call: &'static str,
}

/// Writes. A store that cannot be opened is a result like any other.
pub(crate) async fn write(arguments: &Arguments) -> Outcome {
    let tenant = arguments.needed("--tenant")?;
    let kernel = match open(arguments.location()?, tenant).await {
        Ok(kernel) => kernel,
        Err(error) => return Ok(tell_failure(&error)?),
    };
    let gated = arguments.flag("--gated");
    if gated {
        kernel.register(Arc::new(gate()))?;
    }
    let name = arguments.needed("--writer")?;
    let steps = arguments.number("--steps")?;
    let lanes = arguments.number("--lanes")?.unwrap_or(1);
    let writer = |lane: u64| -> Outcome<Writer> {
        Ok(Writer {
            kernel: kernel.clone(),
            tenant: tenant.to_owned(),
            name: if lanes == 1 { name.to_owned() } else { format!("{name}-{lane}") },
            files: arguments.option("--files").map_or_else(std::env::temp_dir, PathBuf::from),
            copies: arguments.option("--copies").map(PathBuf::from),
            bound: Duration::from_secs(arguments.number("--bound")?.unwrap_or(BOUND)),
            certain: arguments.location()?.contains("://"),
            paced: arguments.flag("--paced"),
            call: if gated { "gate: {}" } else { "calculator: {expression: 6*7}" },
        })
    };
    let writers = (0..lanes).map(writer).collect::<Outcome<Vec<_>>>()?;
    join_all(writers.iter().map(|writer| writer.all(steps))).await;
    let closed = kernel.close().await;
    let _ = tell("done");
    if let Err(error) = closed {
        tell_failure(&error)?;
    }
    Ok(())
}

/// Says a word, and waits until whoever reads it answers.
async fn ask(word: &'static str) -> aikit::Result<()> {
    let asked = move || {
        tell(word)?;
        std::io::stdin().read_line(&mut String::new())
    };
    let failed = |e: &dyn std::fmt::Display| aikit::Error::invalid_argument(e.to_string());
    tokio::task::spawn_blocking(asked).await.map_err(|e| failed(&e))?.map_err(|e| failed(&e))?;
    Ok(())
}

/// A tool that waits in the middle of a run.
fn gate() -> FunctionTool {
    let definition = Definition {
        name: "gate".into(),
        description: "waits until it is told to go on".into(),
        parameters: json!({"type": "object", "properties": {}}),
        timeout_ms: Some(600_000),
    };
    FunctionTool::new(definition, |_, _| async {
        ask("gate").await?;
        Ok(json!(42))
    })
}

impl Writer {
    async fn all(&self, steps: Option<u64>) {
        let mut step = 0;
        while steps.is_none_or(|steps| step < steps) {
            if self.paced && ask("ready").await.is_err() {
                return;
            }
            step += 1;
            self.step(step).await;
        }
    }

    /// One operation of each kind. What fails is said, and the next one is tried.
    async fn step(&self, step: u64) {
        let name = &self.name;
        let version = format!("{step}.0.0");
        self.specs(name, &version, step).await;
        self.attempt(&[(format!("run:{name}-{step}"), "finished".into())], self.run(step)).await;
        let mark = format!("m{step}{name}");
        // Two documents that are replaced again and again, one of them each time.
        let source = format!("{name}-{}.md", step % 2);
        let document = (format!("document:single/{source}"), mark.clone());
        self.attempt(&[document], self.ingest("single", &source, &mark)).await;
        // A folder is taken in whole: all of its files belong to one generation.
        let folder = self.folder(step, &mark);
        let keys: Vec<_> = (0..3)
            .map(|i| {
                let there = i != 1 + step % 2;
                let value = if there { mark.clone() } else { "-".into() };
                (format!("document:folder-{name}/{name}/{i}.md"), value)
            })
            .collect();
        self.attempt(&keys, async {
            let folder = folder.map_err(|e| aikit::Error::invalid_argument(e.to_string()))?;
            let collection = self.kernel.collection(&format!("folder-{name}"))?;
            collection.ingest(folder).await.map(|_| ())
        })
        .await;
        if let Some(copies) = self.copies.as_ref().filter(|_| step % 2 == 1) {
            self.copy(&copies.join(format!("{name}.copy"))).await;
        }
    }

    /// A copy of the whole store, in the place of the one before.
    async fn copy(&self, to: &Path) {
        let key = format!("copy:{}", to.display());
        if to.exists() {
            let failed = |e: std::io::Error| aikit::Error::invalid_argument(e.to_string());
            let remove = async { std::fs::remove_file(to).map_err(failed) };
            self.attempt(&[(key.clone(), "-".into())], remove).await;
        }
        self.attempt(&[(key, "whole".into())], self.kernel.backup(to)).await;
    }

    /// Does what changes these keys, and says so before and after. Gives whether it was done.
    async fn attempt(
        &self,
        keys: &[(String, String)],
        work: impl Future<Output = aikit::Result<()>>,
    ) -> bool {
        let say = |word: &str| {
            for (key, value) in keys {
                let _ = tell(&format!("{word} {} {key} {value}", self.tenant));
            }
        };
        say("try");
        let Ok(outcome) = tokio::time::timeout(self.bound, work).await else {
            let _ = tell(&format!("fail hangs an operation took more than {:?}", self.bound));
            return false;
        };
        match &outcome {
            Ok(()) => say("ack"),
            Err(error) => {
                drop(tell_failure(error));
                // Documents come first, their vectors in a transaction of their own.
                let one = keys.iter().all(|(key, _)| !key.starts_with("document:"));
                if self.certain && one && error.code() != Code::StoreLost {
                    say("not");
                }
                // Whoever has no server need not ask for it all the time.
                tokio::time::sleep(PAUSE).await;
            }
        }
        outcome.is_ok()
    }

    async fn save(&self, agent: &str, version: &str, which: &str, before: Option<&str>) -> bool {
        let text = spec(agent, version, which, self.call);
        let hash = |text: &str| Spec::parse(text).map(|spec| spec.hash().to_owned());
        let key = format!("spec:{agent}@{version}");
        let value = hash(&text).unwrap_or_default();
        let work = async {
            let replaces =
                before.map(|which| hash(&spec(agent, version, which, self.call))).transpose()?;
            let options = SaveOptions { replaces, ..SaveOptions::default() };
            self.kernel.specs().save(&Spec::parse(&text)?, options).await.map(drop)
        };
        self.attempt(&[(key, value)], work).await
    }

    /// A step rests on the one before: what was not saved cannot be promoted.
    async fn specs(&self, name: &str, version: &str, step: u64) {
        let specs = self.kernel.specs();
        let none = ChangeOptions::default;
        if self.save(name, version, "first", None).await
            && self.save(name, version, "second", Some("first")).await
        {
            let reference = format!("{name}@{version}");
            let promote = async { specs.promote(&reference, none()).await.map(drop) };
            self.attempt(&[(format!("active:{name}"), version.into())], promote).await;
        }
        // One agent that all writers promote: whoever comes last wins, and never two of them.
        let version = format!("{step}.0.0-{name}");
        if self.save("shared", &version, "first", None).await {
            let reference = format!("shared@{version}");
            self.attempt(&[], async { specs.promote(&reference, none()).await.map(drop) }).await;
        }
        // A draft that comes and goes.
        let version = format!("0.0.{step}");
        if self.save(name, &version, "first", None).await {
            let reference = format!("{name}@{version}");
            let gone = [(format!("spec:{reference}"), "-".into())];
            self.attempt(&gone, specs.delete(&reference, none())).await;
        }
    }

    async fn run(&self, step: u64) -> aikit::Result<()> {
        let spec = Spec::parse(&spec("runner", "1.0.0", "only", self.call))?;
        let agent = self.kernel.agent(spec).await?;
        let options = aikit::agent::RunOptions {
            run_id: Some(format!("{}-{step}", self.name)),
            ..Default::default()
        };
        let token = CancellationToken::new();
        agent.start_with("What is it?", options, None, token).result().await.map(drop)
    }

    async fn ingest(&self, collection: &str, source: &str, mark: &str) -> aikit::Result<()> {
        let path = self.files.join(source);
        let failed = |e: std::io::Error| aikit::Error::invalid_argument(e.to_string());
        std::fs::write(&path, text(mark)).map_err(failed)?;
        let options =
            IngestOptions { embedding_model: Some(EMBEDDING.into()), ..Default::default() };
        let token = CancellationToken::new();
        self.kernel.collection(collection)?.ingest_with(&path, options, token).await.map(drop)
    }

    /// The folder of this step: one of its three files is missing in turn.
    fn folder(&self, step: u64, mark: &str) -> std::io::Result<PathBuf> {
        let folder = self.files.join(&self.name);
        std::fs::create_dir_all(&folder)?;
        for i in 0..3 {
            let path = folder.join(format!("{i}.md"));
            if i != 1 + step % 2 {
                std::fs::write(path, text(mark))?;
            } else if path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        Ok(folder)
    }
}

/// A spec that calls a tool and answers.
fn spec(agent: &str, version: &str, which: &str, call: &str) -> String {
    let (tool, arguments) = call.split_once(": ").unwrap_or((call, "{}"));
    format!(
        "identity: {{agent_id: {agent}, version: {version}, description: the {which} text}}
integration: {{tools: [{tool}]}}
intelligence:
  model: scripted/x
  script:
    - {{text: 'Let me see. ', tool_calls: [{{name: {tool}, arguments: {arguments}}}]}}
    - text: It is {{{{tool.{tool}}}}}.
"
    )
}

/// A text of several passages, each of which has the mark.
fn text(mark: &str) -> String {
    (0..6)
        .map(|i| format!("## Part {i}\n\n{}\n\n", format!("{mark} says so. ").repeat(20)))
        .collect()
}
