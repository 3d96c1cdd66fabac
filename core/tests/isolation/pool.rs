//! Many tenants share one connection, and many of their calls are dropped or panic on the way: nobody
//! ever sees a row of another, no transaction stays open, and no connection is lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aikit::store::{
    Limits, Location, NewChunk, NewDocument, NewRun, RunStatus, Spent, Store, TenantStore,
};
use sqlx::{Connection, PgConnection, Row};

use super::place::{Place, seconds, variable};

const TENANTS: usize = 64;
/// How long a machine may take for what must come; only a failure waits for so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look random: splitmix64.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// What is done and what it saw. Every text that a tenant writes has its mark in it.
#[derive(Default)]
struct Counts {
    done: AtomicU64,
    dropped: AtomicU64,
    panicked: AtomicU64,
}

fn mark(tenant: &TenantStore) -> String {
    format!("<{}>", tenant.id())
}

async fn operate(tenant: &TenantStore, kind: u64, number: u64) -> aikit::Result<Vec<String>> {
    let mark = mark(tenant);
    Ok(match kind {
        0 => {
            let run = NewRun {
                run_id: format!("r{number}"),
                agent_id: mark.clone(),
                version: "1".into(),
                model: "m/m".into(),
            };
            let event = vec![(0, Arc::from(mark.as_str()))];
            tenant.begin_run(run, event).await?;
            vec![]
        }
        1 => {
            let spent = Spent { input_tokens: 1, ..Spent::default() };
            let end = Some(RunStatus::Finished);
            tenant.record_step("first", vec![], spent, end).await?;
            vec![]
        }
        2 => tenant.run_events("first").await?,
        3 => {
            let found = tenant.search_text("c", vec!["apple".into()], 50).await?;
            found.into_iter().map(|(chunk, _)| chunk.text).collect()
        }
        4 => tenant.documents("c").await?.into_iter().map(|document| document.title).collect(),
        5 => {
            let document = NewDocument {
                source: format!("{}.md", number % 3),
                title: mark.clone(),
                hash: vec![0],
                bytes: 1,
                chunks: vec![NewChunk { text: format!("apple {mark}"), start_line: 1 }],
            };
            tenant.put_documents("c", vec![document], vec![]).await?;
            vec![]
        }
        _ => {
            let entries = tenant.audit_log(0, 50).await?;
            entries.into_iter().map(|entry| format!("<{}>", entry.tenant_id)).collect()
        }
    })
}

/// One tenant's life: one call after the other, some of which are given up or end in a panic.
async fn live(tenant: TenantStore, until: Instant, mut chance: Chance, counts: Arc<Counts>) {
    let own = mark(&tenant);
    let mut number = 0;
    while Instant::now() < until {
        number += 1;
        let (kind, fate) = (chance.below(7), chance.below(10));
        let patience = Duration::from_micros(chance.below(4_000));
        if fate == 0 {
            let (tenant, mine) = (tenant.clone(), own.clone());
            let work = tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(patience) => std::panic::panic_any(mine),
                    outcome = operate(&tenant, kind, number) => outcome,
                }
            });
            if work.await.is_err_and(|error| error.is_panic()) {
                counts.panicked.fetch_add(1, Ordering::Relaxed);
            }
            continue;
        }
        let call = operate(&tenant, kind, number);
        let outcome = if fate < 4 {
            let Ok(outcome) = tokio::time::timeout(patience, call).await else {
                counts.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            outcome
        } else {
            call.await
        };
        for text in outcome.expect("call") {
            assert!(text.contains(&own), "{own} sees {text}");
        }
        counts.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// Panics on purpose are not worth a trace.
fn quiet() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().downcast_ref::<String>().is_some_and(|text| text.starts_with('<')) {
            before(info);
        }
    }));
}

fn with_one_connection(location: &str) -> Location {
    let sign = if location.contains('?') { '&' } else { '?' };
    format!("{location}{sign}max_connections=1").as_str().into()
}

async fn crowd(place: &Place, location: &Location) {
    quiet();
    let names: Vec<String> = (0..TENANTS).map(|n| format!("p{n}")).collect();
    place.make(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let store = Store::open(location, Place::options()).await.expect("open");
    let mut tenants = HashMap::new();
    for name in &names {
        let tenant = place.tenant(&store, name).with(None, Limits::default());
        let run = NewRun {
            run_id: "first".into(),
            agent_id: mark(&tenant),
            version: "1".into(),
            model: "m/m".into(),
        };
        let event = vec![(0, Arc::from(mark(&tenant).as_str()))];
        tenant.begin_run(run, event).await.expect("begin");
        tenants.insert(name.clone(), tenant);
    }
    let (until, counts) = (Instant::now() + Duration::from_secs(seconds()), Arc::default());
    let mut lives = Vec::new();
    for (n, tenant) in tenants.values().cloned().enumerate() {
        let chance = Chance(n as u64 * 7_919 + 1);
        lives.push(tokio::spawn(live(tenant, until, chance, Arc::clone(&counts))));
    }
    for life in lives {
        life.await.expect("a tenant saw what is not its own, or a call failed");
    }
    let [done, dropped, panicked] =
        [&counts.done, &counts.dropped, &counts.panicked].map(|n| n.load(Ordering::Relaxed));
    println!("{TENANTS} tenants: {done} calls done, {dropped} dropped, {panicked} in panics");
    assert!(done > 0 && dropped > 0 && panicked > 0, "too quiet to prove anything");
    if let Some(url) = variable("AIKIT_TEST_POSTGRES").filter(|_| !place.is_sqlite()) {
        idle(&url, &store, place).await;
    }
    // What was dropped came to its end, one way or the other, and the chain of each is whole.
    for tenant in tenants.values() {
        let entries = tenant.audit_log(0, 1_000_000).await.expect("audit");
        let broken = entries.iter().find(|entry| entry.hash != entry.expected_hash());
        assert!(broken.is_none(), "{broken:?}");
        let links = entries.windows(2).all(|pair| pair[1].prev == pair[0].hash);
        assert!(links && entries.iter().zip(1..).all(|(entry, n)| entry.seq == n));
    }
    store.close().await.expect("close");
}

/// What the server says of this store's connection: it is there, and in no transaction.
async fn idle(url: &str, store: &Store, place: &Place) {
    let mut root = PgConnection::connect(url).await.expect("connect");
    let question = "SELECT pid, state, xact_start IS NULL FROM pg_stat_activity
        WHERE usename = $1 AND backend_type = 'client backend'";
    let login = variable("AIKIT_TEST_STORE_LOGIN").expect("AIKIT_TEST_STORE_LOGIN");
    let since = Instant::now();
    loop {
        // A read that was answered is followed by its end, for which nobody waits.
        let tenant = place.tenant(store, "p0");
        tenant.documents("c").await.expect("documents");
        let rows = sqlx::query(question).bind(&login).fetch_all(&mut root).await.expect("activity");
        let still: Vec<(Option<String>, bool)> =
            rows.iter().map(|row| (row.get(1), row.get(2))).collect();
        let most = variable("AIKIT_TEST_POOLED").map_or(1, |_| usize::MAX);
        let idle = still.iter().all(|(state, ended)| *ended && state.as_deref() == Some("idle"));
        if idle && (1..=most).contains(&still.len()) {
            return;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "not one connection outside of a transaction: {still:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_serves_many_tenants_and_mixes_nothing() {
    let place = Place::new();
    let location = match variable("AIKIT_TEST_STORE") {
        Some(url) => with_one_connection(&url),
        None => place.location.clone(),
    };
    crowd(&place, &location).await;
}
