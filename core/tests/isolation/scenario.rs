//! One tenant calls everything with names and ids of another one: nothing is found, nothing changes.
//!
//! Shared with the tests inside of the crate, which run it with a filter missing in one statement.

use std::fmt::Debug;
use std::sync::Arc;

use super::aikit::spec::Spec;
use super::aikit::store::{
    AuditEntry, CountedAgent, Digests, DocumentRecord, HistoryEntry, IncomingSpec, NewChunk,
    NewDocument, NewRun, NewSpec, RunStatus, SpecFilter, SpecRecord, SpecRef, Spent, Stamp,
    TenantStore, Totals, Usage, VersionId,
};
use super::aikit::{Error, Result};

/// A collection that both have, and names that only the other one has.
const SHARED: &str = "shared";
const THEIRS: &str = "theirs";
const MODEL: &str = "m/m";
/// A model whose vectors are out of date, and what they would be kept under now.
const OLD: &str = "m/old";
const NOW: &str = "m/old#1";
/// A version that only the other one has, of an agent that both have.
const NEWER: &str = "3.7.9";

/// What one tenant wrote and no other may see.
pub(crate) fn mark(tenant: &TenantStore) -> String {
    format!("secret of {}", tenant.id()).replace(['-', '_', '.', '@'], "")
}

fn document(source: &str, text: &str) -> NewDocument {
    NewDocument {
        source: source.into(),
        title: text.into(),
        hash: text.into(),
        bytes: text.len() as u64,
        chunks: vec![NewChunk { text: text.into(), start_line: 1 }],
    }
}

fn text(agent: &str, version: &str, mark: &str) -> String {
    format!(
        "identity: {{agent_id: {agent}, version: {version}, name: '{mark}', tags: ['{mark}']}}\n\
         intelligence: {{model: m/m}}\n"
    )
}

fn spec(agent: &str, version: &str, mark: &str) -> Result<NewSpec> {
    NewSpec::new(&Spec::parse(&text(agent, version, mark))?)
}

fn id(agent: &str, version: &str) -> Result<VersionId> {
    VersionId::new(agent, version).ok_or_else(|| Error::invalid_argument("not a version"))
}

fn run(run_id: &str, mark: &str) -> NewRun {
    NewRun {
        run_id: run_id.into(),
        agent_id: mark.into(),
        version: mark.into(),
        model: mark.into(),
    }
}

fn event(seq: u64, mark: &str) -> Vec<(u64, Arc<str>)> {
    vec![(seq, format!("{{\"said\":\"{mark}\"}}").into())]
}

async fn embed(tenant: &TenantStore, collection: &str) -> Result<()> {
    for model in [MODEL, OLD] {
        let chunks = tenant.chunks_without_vector(collection, model, 100).await?;
        let vectors = chunks.into_iter().map(|(id, _)| (id, vec![1.0, 2.0])).collect();
        tenant.put_vectors(collection, model, vectors).await?;
    }
    Ok(())
}

async fn publish(tenant: &TenantStore, agent: &str, second: &str) -> Result<()> {
    let (mark, stamp) = (mark(tenant), Stamp::default());
    tenant.save_spec(spec(agent, "1.0.0", &mark)?, None, stamp.clone()).await?;
    tenant.promote_spec(id(agent, "1.0.0")?, stamp.clone()).await?;
    tenant.save_spec(spec(agent, second, &mark)?, None, stamp).await?;
    Ok(())
}

/// What every tenant has, under the same names.
async fn fill(tenant: &TenantStore) -> Result<()> {
    let mark = mark(tenant);
    let documents =
        vec![document("a.md", &format!("apple {mark}")), document("b.md", &format!("pear {mark}"))];
    tenant.put_documents(SHARED, documents, vec![]).await?;
    embed(tenant, SHARED).await?;
    let agent = CountedAgent { agent_id: mark.as_str().into(), runs_per_minute: None };
    let counting = tenant.clone().counting(agent);
    counting.begin_run(run("done", &mark), event(0, &mark)).await?;
    let spent = Spent { input_tokens: 5, ..Spent::default() };
    counting.record_step("done", event(1, &mark), spent, Some(RunStatus::Finished)).await?;
    tenant.begin_run(run("open", &mark), event(0, &mark)).await?;
    publish(tenant, "helper", "1.1.0").await
}

/// What only the other one has.
async fn fill_more(tenant: &TenantStore) -> Result<()> {
    let mark = mark(tenant);
    let documents = vec![document("x.md", &format!("apple {mark}"))];
    tenant.put_documents(THEIRS, documents, vec![]).await?;
    tenant.put_documents(SHARED, vec![document("c.md", &format!("apple {mark}"))], vec![]).await?;
    embed(tenant, SHARED).await?;
    tenant.begin_run(run(THEIRS, &mark), event(0, &mark)).await?;
    tenant.begin_run(run("late", &mark), event(0, &mark)).await?;
    let end = Some(RunStatus::Finished);
    tenant.record_step("late", event(1, &mark), Spent::default(), end).await?;
    publish(tenant, THEIRS, "2.0.0").await?;
    tenant.save_spec(spec("helper", NEWER, &mark)?, None, Stamp::default()).await?;
    tenant.promote_spec(id("helper", NEWER)?, Stamp::default()).await?;
    Ok(())
}

/// The bytes that a tenant has after [`fill`]: specs, documents, vectors, and runs that ended.
fn bytes(tenant: &TenantStore) -> Result<usize> {
    let mark = mark(tenant);
    let specs = 2 * text("helper", "1.0.0", &mark).len();
    let documents = format!("apple {mark}pear {mark}").len();
    let vectors = 2 * 2 * 2 * size_of::<f32>();
    let events = 2 * event(0, &mark)[0].1.len();
    Ok(specs + documents + vectors + events)
}

/// Compares what calls give with what they must, and looks for the other's mark in all of it.
struct Watch {
    foreign: String,
    /// What the tenant itself had before there was the other one.
    alone: Digests,
    problems: Vec<String>,
}

impl Watch {
    /// What a call gave, in few words.
    fn call<T: Debug>(
        &mut self,
        name: &str,
        outcome: Result<T>,
        short: impl FnOnce(T) -> String,
        wanted: &str,
    ) {
        let whole = format!("{outcome:?}");
        let seen = match outcome {
            Ok(value) => short(value),
            Err(error) => format!("{:?}", error.code()),
        };
        if seen != wanted {
            self.problems.push(format!("{name}: {seen}, not {wanted}"));
        }
        if whole.contains(&self.foreign) || whole.contains(NEWER) {
            self.problems.push(format!("{name} tells what is another's: {whole}"));
        }
    }

    async fn reads(&mut self, a: &TenantStore) {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let foreign = words(&self.foreign).split_off(2);
        let count = |n: usize| n.to_string();
        for (collection, there) in [(SHARED, "true"), (THEIRS, "false")] {
            self.call(
                "has_collection",
                a.has_collection(collection).await,
                |b| b.to_string(),
                there,
            );
        }
        for (collection, number) in [(SHARED, "2"), (THEIRS, "0")] {
            let found = a.document_hashes(collection).await;
            self.call("document_hashes", found, |found| count(found.len()), number);
            let found = a.documents(collection).await;
            self.call("documents", found, |found| format!("{}", found.len()), number);
            let found = a.chunks_without_vector(collection, "m/other", 100).await;
            self.call("chunks_without_vector", found, |found| count(found.len()), number);
            let found = a.search_vectors(collection, MODEL, vec![1.0, 2.0], 100).await;
            self.call("search_vectors", found, |found| count(found.len()), number);
            let found = a.has_outdated_vectors(collection, OLD, NOW).await;
            self.call(
                "has_outdated_vectors",
                found,
                |has| u8::from(has).to_string(),
                match number {
                    "0" => "0",
                    _ => "1",
                },
            );
        }
        let found = a.documents(SHARED).await;
        let chunks =
            |found: Vec<_>| format!("{:?}", found.iter().map(chunks_of).collect::<Vec<_>>());
        self.call("documents, passages", found, chunks, "[1, 1]");
        let found = a.chunks_without_vector(SHARED, MODEL, 100).await;
        self.call("chunks_without_vector, none", found, |found| count(found.len()), "0");
        for (collection, query, number) in
            [(SHARED, words("apple"), "1"), (THEIRS, words("apple"), "0"), (SHARED, foreign, "0")]
        {
            let found = a.search_text(collection, query, 100).await;
            self.call("search_text", found, |found| count(found.len()), number);
        }
        for (run, events) in [("done", "2"), ("open", "1"), (THEIRS, "InvalidArgument")] {
            self.call("run_events", a.run_events(run).await, |found| count(found.len()), events);
        }
        let wanted = bytes(a).map(|bytes| format!("2 2 4 {bytes} [(2, 5)]")).unwrap_or_default();
        self.usage(a, &wanted).await;
        let own = a.id().to_owned();
        let entries = a.audit_log(0, 1_000).await;
        let foreign = move |entries: Vec<AuditEntry>| {
            let others = entries.iter().filter(|entry| entry.tenant_id != own).count();
            let gaps = entries.iter().zip(1..).filter(|(entry, n)| entry.seq != *n).count();
            format!("{others} of others, {gaps} gaps, {}", entries.len())
        };
        self.call("audit_log", entries, foreign, "0 of others, 0 gaps, 4");
        let alone = self.alone.clone();
        let changed = |digest: Digests| {
            let others = digest.iter().filter(|(table, d)| alone.get(*table) != Some(*d));
            others.map(|(table, _)| table.clone()).collect::<Vec<_>>().join(" ")
        };
        self.call("digest, as it was alone", a.digest().await, changed, "");
    }

    async fn usage(&mut self, a: &TenantStore, wanted: &str) {
        let short = |usage: Usage| {
            let days: Vec<_> = usage.days.iter().map(|d| (d.runs, d.input_tokens)).collect();
            let Totals { specs, documents, vectors, bytes } = usage.totals;
            format!("{specs} {documents} {vectors} {bytes} {days:?}")
        };
        self.call("usage", a.usage(9).await, short, wanted);
    }

    async fn reads_specs(&mut self, a: &TenantStore) {
        for (text, wanted) in [
            ("helper", "helper@1.0.0"),
            ("helper@1.1.0", "helper@1.1.0"),
            (THEIRS, "SpecNotFound"),
            ("theirs@1.0.0", "SpecNotFound"),
            ("helper@2.0.0", "SpecNotFound"),
            ("nobody", "SpecNotFound"),
        ] {
            let Ok(reference) = SpecRef::parse(text) else { continue };
            self.call("spec", a.spec(reference).await, |found| found.reference(), wanted);
        }
        let all = "helper@1.0.0 helper@1.1.0";
        let filters = [
            (SpecFilter::default(), all),
            (SpecFilter { text: Some("secret".into()), ..SpecFilter::default() }, all),
            (SpecFilter { text: Some(self.foreign.clone()), ..SpecFilter::default() }, ""),
            (SpecFilter { tag: Some(self.foreign.clone()), ..SpecFilter::default() }, ""),
            (SpecFilter { agent_id: Some(THEIRS.into()), ..SpecFilter::default() }, ""),
        ];
        for (filter, wanted) in filters {
            let page = a.list_specs(filter, 100, None).await;
            let names = |(records, _): (Vec<SpecRecord>, _)| {
                records.iter().map(|record| record.reference()).collect::<Vec<_>>().join(" ")
            };
            self.call("list_specs", page, names, wanted);
        }
        for (agent, lines) in [("helper", "3"), (THEIRS, "0")] {
            let history = a.spec_history(agent).await;
            self.call("spec_history", history, |lines| lines.len().to_string(), lines);
        }
        for (agent, wanted) in [(None, "2 3"), (Some("helper"), "2 3"), (Some(THEIRS), "0 0")] {
            let bundle = a.export_specs(agent.map(str::to_owned)).await;
            let sizes =
                |(specs, lines): (Vec<_>, Vec<_>)| format!("{} {}", specs.len(), lines.len());
            self.call("export_specs", bundle, sizes, wanted);
        }
    }

    async fn writes(&mut self, a: &TenantStore, b: &TenantStore) {
        let (own, done) = (mark(a), |()| "done".to_owned());
        // Passages of the other one, found with its own eyes.
        let theirs = b.chunks_without_vector(THEIRS, "m/other", 100).await.unwrap_or_default();
        let more = b.chunks_without_vector(SHARED, "m/other", 100).await.unwrap_or_default();
        let vectors: Vec<_> =
            theirs.iter().chain(&more).map(|(id, _)| (*id, vec![9.0, 9.0])).collect();
        for (collection, model) in [(THEIRS, MODEL), (SHARED, MODEL), (SHARED, "m/new")] {
            let put = a.put_vectors(collection, model, vectors.clone()).await;
            self.call("put_vectors", put, done, "done");
        }
        let found = a.search_vectors(SHARED, "m/new", vec![9.0, 9.0], 100).await;
        self.call("search_vectors, theirs", found, |found| found.len().to_string(), "0");
        for (collection, number) in [(THEIRS, "0"), (SHARED, "2")] {
            let gone = a.remove_outdated_vectors(collection, OLD, NOW).await;
            self.call("remove_outdated_vectors", gone, |gone| gone.to_string(), number);
        }
        let found = a.has_outdated_vectors(SHARED, OLD, NOW).await;
        self.call("has_outdated_vectors, none", found, |has| has.to_string(), "false");
        let remove = ["a.md", "c.md", "x.md"].map(str::to_owned).to_vec();
        for collection in [SHARED, THEIRS] {
            let put = a.put_documents(collection, vec![], remove.clone()).await;
            self.call("put_documents, remove", put, done, "done");
        }
        let replaced = vec![document("b.md", &format!("plum {own}"))];
        self.call("put_documents", a.put_documents(SHARED, replaced, vec![]).await, done, "done");

        let step = a.record_step("open", event(1, &own), Spent::default(), None).await;
        self.call("record_step", step, |_| "done".into(), "done");
        let step = a.record_step(THEIRS, event(7, &own), Spent::default(), None).await;
        self.call("record_step, of a run that is theirs", step.map(drop), done, REFUSED);
        let end = Some(RunStatus::Failed);
        for run in ["open", THEIRS] {
            let step = a.record_step(run, vec![], Spent::default(), end).await;
            self.call("record_step, end", step, |_| "done".into(), "done");
        }
        let begun = a.begin_run(run("done", &own), vec![]).await;
        self.call("begin_run, again", begun.map(drop), done, "InvalidArgument");
        let begun = a.begin_run(run(THEIRS, &own), event(0, &own)).await;
        self.call("begin_run, of their name", begun.map(drop), done, "done");
        let begun = a.begin_run(run("late", &own), event(0, &own)).await;
        self.call("begin_run, of one that they ended", begun.map(drop), done, "done");
        for run in [THEIRS, "late"] {
            let events = a.run_events(run).await;
            self.call("run_events, of their name", events, |found| found.len().to_string(), "1");
        }
        self.call("prune", a.prune(1).await, |pruned| pruned.runs.to_string(), "0");

        let granted = a.grant_read(b.id()).await;
        self.call("grant_read", granted, done, "InvalidArgument");
        self.call("revoke_read", a.revoke_read(b.id()).await, |b| b.to_string(), "false");
        self.call("read_grants", a.read_grants().await, |g| g.len().to_string(), "0");
    }

    async fn writes_specs(&mut self, a: &TenantStore) -> Result<()> {
        let (own, stamp) = (mark(a), Stamp::default());
        let name = |record: SpecRecord| record.reference();
        for version in ["1.0.0", "2.0.0"] {
            let id = id(THEIRS, version)?;
            let missing = "SpecNotFound";
            let made = a.promote_spec(id.clone(), stamp.clone()).await;
            self.call("promote_spec", made, name, missing);
            let made = a.deprecate_spec(id.clone(), None, None, stamp.clone()).await;
            self.call("deprecate_spec", made, name, missing);
            self.call("retire_spec", a.retire_spec(id.clone(), stamp.clone()).await, name, missing);
            let deleted = a.delete_spec(id, stamp.clone()).await;
            self.call("delete_spec", deleted, |()| "done".into(), missing);
        }
        let successor = Some(id(THEIRS, "1.0.0")?);
        let made = a.deprecate_spec(id("helper", "1.0.0")?, None, successor, stamp.clone()).await;
        self.call("deprecate_spec, for theirs", made, name, "SpecNotFound");

        // Own versions go through their whole life, and those of the other one do not.
        let made = a.promote_spec(id("helper", "1.1.0")?, stamp.clone()).await;
        self.call("promote_spec, own", made, name, "helper@1.1.0");
        let made = a.retire_spec(id("helper", "1.0.0")?, stamp.clone()).await;
        self.call("retire_spec, own", made, name, "helper@1.0.0");
        let made = a.save_spec(spec(THEIRS, "1.0.0", &own)?, None, stamp.clone()).await;
        self.call("save_spec, of their name", made, name, "theirs@1.0.0");
        let filter = SpecFilter { agent_id: Some(THEIRS.into()), ..SpecFilter::default() };
        let page = a.list_specs(filter, 100, None).await;
        self.call("list_specs, of their name", page, |(found, _)| found.len().to_string(), "1");
        let deleted = a.delete_spec(id(THEIRS, "1.0.0")?, stamp.clone()).await;
        self.call("delete_spec, own", deleted, |()| "done".into(), "done");

        let (records, lines) = a.export_specs(None).await?;
        let fresh = spec("guest", "1.0.0", &own)?;
        let record =
            records.into_iter().next().ok_or_else(|| Error::invalid_argument("no spec"))?;
        let incoming = vec![IncomingSpec { new: fresh, record }];
        let taken = a.import_specs(incoming, lines, true, stamp).await;
        self.call("import_specs", taken, |report| report.imported.join(" "), "guest@1.0.0");
        let history = a.spec_history("helper").await;
        let seqs = |lines: Vec<HistoryEntry>| {
            format!("{:?}", lines.iter().map(|l| l.seq).collect::<Vec<_>>())
        };
        self.call("spec_history, at last", history, seqs, "[1, 2, 3, 4, 5, 6]");

        // Less a document and four vectors, more the run that ended and a spec; one text is shorter.
        let (less, more) = (format!("apple {own}").len() + 32, event(0, &own)[0].1.len() * 2);
        let bytes = bytes(a)? + more + text("guest", "1.0.0", &own).len() - less;
        self.usage(a, &format!("3 1 0 {bytes} [(4, 5)]")).await;
        Ok(())
    }
}

/// The error of a foreign key.
const REFUSED: &str = "StoreFailed";

fn chunks_of(document: &DocumentRecord) -> u64 {
    document.chunks
}

/// What `a` wrote while it was alone, and then `b` the same and more.
pub(crate) async fn prepare(a: &TenantStore, b: &TenantStore) -> Result<Digests> {
    fill(a).await?;
    let alone = a.digest().await?;
    fill(b).await?;
    fill_more(b).await?;
    Ok(alone)
}

/// What `a` does and sees while `b` has the same names and more: the problems, none if all is well.
pub(crate) async fn cross(a: &TenantStore, b: &TenantStore, alone: Digests) -> Vec<String> {
    let before = match b.digest().await {
        Ok(digest) => digest,
        Err(error) => return vec![format!("the other's data: {error:?}")],
    };
    let mut watch = Watch { foreign: mark(b), alone, problems: Vec::new() };
    watch.reads(a).await;
    watch.reads_specs(a).await;
    watch.writes(a, b).await;
    if let Err(error) = watch.writes_specs(a).await {
        watch.problems.push(format!("specs: {error:?}"));
    }
    match b.digest().await {
        Ok(after) if after == before => {}
        Ok(after) => {
            let changed: Vec<_> =
                after.iter().filter(|(table, d)| before.get(*table) != Some(*d)).collect();
            watch.problems.push(format!("the other's data changed: {changed:?}"));
        }
        Err(error) => watch.problems.push(format!("the other's data: {error:?}")),
    }
    watch.problems
}
