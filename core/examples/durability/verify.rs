//! The look at a store afterwards: what was said of it, and what is half of something.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use aikit::Code;
use aikit::kernel::Kernel;
use aikit::retrieval::SearchOptions;
use aikit::spec::Spec;
use serde_json::Value;

use crate::{Outcome, open, tell};

/// What is never to be seen: each question counts the things that are half of something.
const INVARIANTS: &str = include_str!("../../../tests/durability/invariants.sql");

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
            "not" => said.tried.retain(|tried| tried != value),
            _ => {}
        }
    }
    Ok(ledger)
}

/// Looks whether a store has what writers said of it.
pub(crate) async fn verify(location: &str, whole: bool) -> Outcome {
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
