//! Writes to a store for as long as it lives, says what was acknowledged, and later looks whether all
//! of that is there. `tests/durability` kills it and lets its files fail.
//!
//! ```text
//! durability write LOCATION --tenant T --writer W [--steps N] [--files FOLDER]
//!                                   [--copies FOLDER]
//! durability verify LOCATION        the lines of all writers on standard input
//! durability read LOCATION          the same, without a look at the file itself
//! durability hold LOCATION          holds the write lock of an SQLite file until standard input ends
//! ```
//!
//! A writer's lines are `try TENANT KEY VALUE` before an operation, `ack TENANT KEY VALUE` after it,
//! and `fail CODE MESSAGE`. A key must have the value that was last acknowledged, or one that was tried
//! after that. `-` stands for something that is not there.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use aikit::Code;
use aikit::kernel::{ChangeOptions, Kernel, OpenOptions, SaveOptions};
use aikit::retrieval::{IngestOptions, SearchOptions};
use aikit::spec::Spec;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const EMBEDDING: &str = "scripted/words";
const USAGE: &str = "usage: durability write|verify|read|hold LOCATION [options]";

/// What is never to be seen: each question counts the things that are half of something.
const INVARIANTS: &str = include_str!("../../tests/durability/invariants.sql");

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let location = || arguments.get(1).cloned().ok_or(USAGE);
    match arguments.first().map(String::as_str) {
        Some("write") => {
            let writer = option("--writer").ok_or(USAGE)?;
            let steps = option("--steps").map(|steps| steps.parse()).transpose()?;
            let files = option("--files").map_or_else(std::env::temp_dir, PathBuf::from);
            let copies = option("--copies").map(PathBuf::from);
            let tenant = option("--tenant").ok_or(USAGE)?;
            // A store that cannot be opened is a result like any other.
            let written = write(&location()?, tenant, writer, steps, files, copies).await;
            if let Err(error) = written {
                tell_failure(&error)?;
            }
            Ok(())
        }
        Some("verify") => verify(&location()?, true).await,
        Some("read") => verify(&location()?, false).await,
        Some("hold") => hold(&location()?),
        _ => Err(USAGE.into()),
    }
}

/// Writes a line in one piece, so that a kill leaves whole lines or none.
fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

fn tell_failure(error: &aikit::Error) -> std::io::Result<()> {
    let cause = error.cause().unwrap_or_default();
    tell(&format!("fail {} {} [{cause}]", error.code(), error.message()).replace('\n', " "))
}

async fn open(location: &str, tenant: &str) -> aikit::Result<Kernel> {
    let options: OpenOptions = serde_json::from_value(json!({
        "location": location, "tenant": tenant, "actor": "durability",
    }))
    .map_err(|e| aikit::Error::invalid_argument("bad options").caused_by(e))?;
    Kernel::open(options).await
}

struct Writer {
    kernel: Kernel,
    tenant: String,
    name: String,
    files: PathBuf,
    /// Where the store is copied to; nowhere if it is not a file.
    copies: Option<PathBuf>,
}

async fn write(
    location: &str,
    tenant: String,
    name: String,
    steps: Option<u64>,
    files: PathBuf,
    copies: Option<PathBuf>,
) -> aikit::Result<()> {
    let kernel = open(location, &tenant).await?;
    let writer = Writer { kernel, tenant, name, files, copies };
    let mut step = 0;
    while steps.is_none_or(|steps| step < steps) {
        step += 1;
        writer.step(step).await;
    }
    let closed = writer.kernel.close().await;
    let _ = tell("done");
    closed
}

impl Writer {
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
        let outcome = work.await;
        match &outcome {
            Ok(()) => say("ack"),
            Err(error) => drop(tell_failure(error)),
        }
        outcome.is_ok()
    }

    async fn save(&self, agent: &str, version: &str, which: &str, before: Option<&str>) -> bool {
        let text = spec(agent, version, which);
        let hash = |text: &str| Spec::parse(text).map(|spec| spec.hash().to_owned());
        let key = format!("spec:{agent}@{version}");
        let value = hash(&text).unwrap_or_default();
        let work = async {
            let replaces = before.map(|which| hash(&spec(agent, version, which))).transpose()?;
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
        let spec = Spec::parse(&spec("runner", "1.0.0", "only"))?;
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
        let options = IngestOptions { embedding_model: Some(EMBEDDING.into()) };
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
fn spec(agent: &str, version: &str, which: &str) -> String {
    format!(
        "identity: {{agent_id: {agent}, version: {version}, description: the {which} text}}
integration: {{tools: [calculator]}}
intelligence:
  model: scripted/x
  script:
    - {{text: 'Let me see. ', tool_calls: [{{name: calculator, arguments: {{expression: 6*7}}}}]}}
    - text: It is {{{{tool.calculator}}}}.
"
    )
}

/// A text of several passages, each of which has the mark.
fn text(mark: &str) -> String {
    (0..6)
        .map(|i| format!("## Part {i}\n\n{}\n\n", format!("{mark} says so. ").repeat(20)))
        .collect()
}

/// What the writers said of one key.
#[derive(Default)]
struct Said {
    /// The value that was acknowledged last.
    acknowledged: Option<String>,
    /// Those that were tried since.
    tried: Vec<String>,
}

impl Said {
    fn allows(&self, value: &str) -> bool {
        match &self.acknowledged {
            Some(acknowledged) if acknowledged == value => true,
            // A run that was cut off is there as far as it came.
            None if value == "-" || value == "begun" => true,
            _ => self.tried.iter().any(|tried| tried == value),
        }
    }
}

type Ledger = BTreeMap<String, BTreeMap<String, Said>>;

/// The ledger by tenant and key.
fn ledger(lines: impl Iterator<Item = std::io::Result<String>>) -> Outcome<Ledger> {
    let mut ledger = Ledger::new();
    for line in lines {
        let line = line?;
        let [word, tenant, key, value] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let said = ledger.entry(tenant.into()).or_default().entry(key.into()).or_default();
        match word {
            "try" => said.tried.push(value.into()),
            "ack" => {
                said.tried.clear();
                said.acknowledged = Some(value.into());
            }
            _ => {}
        }
    }
    Ok(ledger)
}

async fn verify(location: &str, whole: bool) -> Outcome {
    let ledger = ledger(std::io::stdin().lock().lines())?;
    if ledger.is_empty() {
        // Nobody was told anything; the store must be one all the same.
        open(location, "default").await?.close().await?;
    }
    let mut problems = Vec::new();
    let mut keys = 0;
    for (tenant, said) in &ledger {
        let kernel = open(location, tenant).await?;
        let mut folders: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, said) in said {
            keys += 1;
            let value = value(&kernel, key, said).await?;
            if !said.allows(&value) {
                let wanted = (&said.acknowledged, &said.tried);
                problems.push(format!("{tenant} {key}: is {value}, wanted {wanted:?}"));
            }
            if let Some((folder, _)) = key.split_once('/').filter(|_| value != "-")
                && folder.starts_with("document:folder-")
            {
                folders.entry(folder).or_default().push(value);
            }
        }
        for (folder, values) in folders {
            if values.len() != 2 || values[0] != values[1] {
                problems.push(format!("{tenant} {folder}: of different generations: {values:?}"));
            }
        }
        kernel.close().await?;
    }
    if whole && !location.contains("://") {
        problems.extend(of_file(Path::new(location))?);
    }
    for problem in &problems {
        tell(&format!("problem {problem}"))?;
    }
    tell(&format!("verified {keys} keys, {} problems", problems.len()))?;
    if problems.is_empty() { Ok(()) } else { Err("the store lost something".into()) }
}

/// What the store has under a key; `-` for nothing.
async fn value(kernel: &Kernel, key: &str, said: &Said) -> Outcome<String> {
    let (kind, name) = key.split_once(':').ok_or("a key without a kind")?;
    Ok(match kind {
        "spec" | "active" => match kernel.specs().get(name).await {
            Ok(record) if kind == "active" => record.version,
            Ok(record) => {
                let text = record.text.unwrap_or_default();
                let whole = Spec::parse(&text).is_ok_and(|spec| spec.hash() == record.hash);
                if whole { record.hash } else { "a text that its hash is not of".into() }
            }
            Err(error) if error.code() == Code::SpecNotFound => "-".into(),
            Err(error) => return Err(error.into()),
        },
        "run" => match kernel.run_events(name).await {
            Ok(events) => run_value(&events),
            Err(error) if error.code() == Code::InvalidArgument => "-".into(),
            Err(error) => return Err(error.into()),
        },
        "document" => {
            let (collection, source) = name.split_once('/').ok_or("a document without a source")?;
            document_value(kernel, collection, source, said).await?
        }
        "copy" if !Path::new(name).exists() => "-".into(),
        "copy" => match of_file(Path::new(name)) {
            Ok(problems) if problems.is_empty() => "whole".into(),
            Ok(problems) => problems.join(", "),
            Err(error) => error.to_string(),
        },
        _ => return Err(format!("a key of an unknown kind: {key}").into()),
    })
}

fn run_value(events: &[Value]) -> String {
    let ordered = events.iter().enumerate().all(|(i, event)| event["seq"] == i);
    if !ordered || events.first().is_none_or(|event| event["type"] != "run_started") {
        return "events with a gap".into();
    }
    let ended = events.last().is_some_and(|event| event["type"] == "run_finished");
    if ended { "finished".into() } else { "begun".into() }
}

/// The mark that all passages of a document have, of those that it may have.
async fn document_value(
    kernel: &Kernel,
    collection: &str,
    source: &str,
    said: &Said,
) -> Outcome<String> {
    let collection = kernel.collection(collection)?;
    let documents = collection.documents().await?;
    let Some(document) = documents.into_iter().find(|document| document.source == source) else {
        return Ok("-".into());
    };
    for mark in said.acknowledged.iter().chain(&said.tried).filter(|mark| *mark != "-") {
        let options = SearchOptions { top_k: Some(100), ..SearchOptions::default() };
        let found = collection.search_with(mark, options).await?;
        let own = found.iter().filter(|p| p.source == source && p.text.contains(mark.as_str()));
        if own.count() as u64 == document.chunks {
            return Ok(mark.clone());
        }
    }
    Ok("passages of no one version".into())
}

/// What a look at the SQLite file itself finds. aikit has closed it.
fn of_file(path: &Path) -> Outcome<Vec<String>> {
    let connection = rusqlite::Connection::open(path)?;
    let mut problems = Vec::new();
    for question in INVARIANTS.split("\n\n").skip(1) {
        let name = question.lines().next().unwrap_or_default().trim_start_matches("-- ");
        let count: i64 = connection.query_row(question, [], |row| row.get(0))?;
        if count != 0 {
            problems.push(format!("{name}: {count}"));
        }
    }
    let check: Vec<String> = connection
        .prepare("PRAGMA integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    problems.extend(check.into_iter().filter(|line| line != "ok"));
    let orphans: i64 =
        connection
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))?;
    if orphans != 0 {
        problems.push(format!("rows that refer to nothing: {orphans}"));
    }
    let words = "INSERT INTO chunk_text (chunk_text, rank) VALUES ('integrity-check', 1)";
    if let Err(error) = connection.execute(words, []) {
        problems.push(format!("the full-text index: {error}"));
    }
    Ok(problems)
}

fn hold(location: &str) -> Outcome {
    let connection = rusqlite::Connection::open(location)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    tell("held")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}
