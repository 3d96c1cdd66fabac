//! What the store costs on both back ends: opening, reading one thing, steps of runs, and row-level
//! isolation against the same statements with a plain filter.
//!
//!     cargo bench --workspace --bench stores                                   SQLite alone
//!     tests/postgres/server.py run -- cargo bench --workspace --bench stores   both
//!
//! The harness keeps `fsync` on. With `--json` it prints one JSON object a line.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot be made has failed")]

#[path = "../figures/harness.rs"]
#[macro_use]
mod harness;
mod isolation;

use std::time::{Duration, Instant};

use aikit::spec::Spec;
use aikit::store::{
    Grant, Location, NewRun, NewSpec, RunStatus, SpecRef, Spent, Stamp, Store, StoreOptions, grant,
    migrate,
};
use harness::Output;
use sqlx::{Connection as _, Executor as _, PgConnection};

const HANDBOOK: &str = include_str!("../../../examples/specs/handbook.yaml");
const LOGIN: &str = "aikit_bench";
const SAMPLES: usize = 2_000;
const OPENINGS: usize = 50;
/// Runs at once, over so many tenants, for so long.
const RUNS: usize = 32;
const TENANTS: usize = 8;
const SPAN: Duration = Duration::from_secs(5);

async fn open(location: &Location) -> Store {
    Store::open(location, StoreOptions::default()).await.unwrap()
}

async fn measure(out: &Output, name: &str, location: &Location) -> aikit::Result<()> {
    let store = open(location).await;
    let tenant = store.tenant("t0")?;
    tenant.settle().await?;
    let spec = NewSpec::new(&Spec::parse(HANDBOOK)?)?;
    let id = spec.id().clone();
    tenant.save_spec(spec, None, Stamp::default()).await?;

    let openings = sample!(OPENINGS, {
        let store = open(location).await;
        store.tenant("t0")?.settle().await?;
        store.close().await?;
    });
    out.percentiles(&format!("{name}: open what exists, enter, close"), openings);
    let reads = sample!(SAMPLES, tenant.has_collection("none").await?);
    out.percentiles(&format!("{name}: read one key"), reads);
    let reads = sample!(SAMPLES, tenant.spec(SpecRef::Version(id.clone())).await?);
    out.percentiles(&format!("{name}: read a spec of 56 lines"), reads);
    steps(out, name, &store).await
}

/// Steps of many runs at once, each in the store before the next of its run begins.
async fn steps(out: &Output, name: &str, store: &Store) -> aikit::Result<()> {
    let until = Instant::now() + SPAN;
    let tasks: Vec<_> = (0..RUNS)
        .map(|run| {
            let store = store.clone();
            tokio::spawn(async move {
                let tenant = store.tenant(&format!("t{}", run % TENANTS))?;
                tenant.settle().await?;
                let run_id = format!("bench-{run}");
                let new = NewRun {
                    run_id: run_id.clone(),
                    agent_id: "bench".into(),
                    version: "1.0.0".into(),
                    model: "scripted/bench".into(),
                };
                tenant.begin_run(new, vec![(0, event(0))]).await?;
                let mut seq = 1;
                while Instant::now() < until {
                    let events = vec![(seq, event(seq))];
                    tenant.record_step(&run_id, events, Spent::default(), None).await?;
                    seq += 1;
                }
                let end = Some(RunStatus::Finished);
                tenant.record_step(&run_id, vec![], Spent::default(), end).await?;
                aikit::Result::Ok(seq)
            })
        })
        .collect();
    let started = Instant::now();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap()?;
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    out.value(&format!("{name}: durable steps, {RUNS} runs at once"), rate, "steps/s");
    Ok(())
}

/// An event of the size that a tool's result has.
fn event(seq: u64) -> std::sync::Arc<str> {
    let result = "x".repeat(200);
    format!(r#"{{"type":"tool_finished","seq":{seq},"name":"bench","result":"{result}"}}"#).into()
}

/// A new database, migrated, with its tenants and a login for the application.
async fn prepare(url: &str) -> (Location, String) {
    let name = format!("bench_{}", std::process::id());
    let mut root = PgConnection::connect(url).await.unwrap();
    let make = format!("CREATE DATABASE {name}");
    root.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(make))).await.unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let own = format!("{server}/{name}");
    migrate(&Location::new(&own)).await.unwrap();
    let login = Grant {
        login: LOGIN.into(),
        create: true,
        password: Some(LOGIN.into()),
        ..Grant::default()
    };
    grant(&Location::new(&own), login).await.unwrap();
    let mut root = PgConnection::connect(&own).await.unwrap();
    let tenants = "INSERT INTO aikit.tenants (tenant_id, status, config, created_at, updated_at)
        SELECT 't' || n, 'active', '{}', aikit.aikit_now(), aikit.aikit_now()
        FROM generate_series(0, 9999) n";
    root.execute(tenants).await.unwrap();
    let (scheme, rest) = own.split_once("://").unwrap();
    let (_, place) = rest.rsplit_once('@').unwrap();
    (Location::new(&format!("{scheme}://{LOGIN}:{LOGIN}@{place}")), own)
}

#[tokio::main]
async fn main() -> aikit::Result<()> {
    let out = Output { json: std::env::args().any(|argument| argument == "--json") };
    let folder = tempfile::tempdir().unwrap();
    let file = Location::from(folder.path().join("bench.db"));
    measure(&out, "SQLite", &file).await?;
    if let Ok(url) = std::env::var("AIKIT_TEST_POSTGRES") {
        let (application, root) = prepare(&url).await;
        measure(&out, "PostgreSQL", &application).await?;
        isolation::measure(&out, &application, &root).await;
    }
    Ok(())
}
