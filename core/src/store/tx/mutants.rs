//! Whether the tests would notice that a statement has lost its filter: on SQLite nothing else keeps
//! tenants apart. The scenario of `core/tests/isolation` is run once for every place where a statement
//! says `tenant_id = ?1`, without the condition in this one place.

#[path = "../../../tests/isolation/scenario.rs"]
mod scenario;

use std::collections::BTreeSet;

use crate as aikit;
use crate::error::Code;
use crate::io::Mutex;
use crate::store::tx::values;
use crate::store::{Lock, Store, TenantStore};

/// The only tenant whose statements are recorded and changed: other tests run at the same time.
const TENANT: &str = "mutants-own";
const FILTER: &str = "tenant_id = ?1";

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
/// The statement, and which of its filters it goes without.
static HARM: Mutex<Option<(String, usize)>> = Mutex::new(None);

/// A statement as it is sent.
pub(super) fn changed(tenant: &str, sql: &str) -> String {
    if tenant != TENANT {
        return sql.to_owned();
    }
    if let Some((harmed, place)) = &*HARM.lock() {
        return if sql == harmed { without(sql, *place) } else { sql.to_owned() };
    }
    SEEN.lock().insert(sql.to_owned());
    sql.to_owned()
}

/// Where a statement has a filter.
fn filters(sql: &str) -> Vec<usize> {
    let found = sql.match_indices(FILTER).map(|(at, _)| at);
    found.filter(|at| !sql[at + FILTER.len()..].starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// A statement in which one filter holds for every row.
fn without(sql: &str, place: usize) -> String {
    let at = filters(sql)[place];
    let name = sql[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    let from = name.map_or(0, |name| name + 1);
    format!("{}?1 <> ''{}", &sql[..from], &sql[at + FILTER.len()..])
}

/// Filters without which nothing of another tenant is seen, by words of their statements: what they
/// are compared with beside the tenant is the tenant's own already.
const NEEDLESS: &[&str] = &[
    // A passage by the number that a vector of the tenant has.
    "filter 1 of: SELECT c.id, c.source, d.title, c.ordinal, c.start_line, c.text FROM chunks c \
     JOIN documents d ON d.tenant_id = c.tenant_id AND d.collection = c.collection \
     AND d.source = c.source WHERE c.tenant_id = ?1 AND c.id = ?2",
    // A vector by the number of a passage of the tenant.
    "filter 2 of: SELECT c.id, c.text FROM chunks c",
    // How large the next rows are, before those of the tenant are read.
    "of: SELECT CAST(coalesce(octet_length(",
    // Passages and vectors that are joined by the passage's number.
    "CROSS JOIN vectors v WHERE c.tenant_id = ?1 AND v.tenant_id = ?1 AND v.chunk_id = c.id",
];

/// The scenario, and what only stands inside of the crate.
async fn run() -> Vec<String> {
    let store = Store::in_memory().await.expect("open");
    let tenant = async |id: &str| -> TenantStore {
        let tenant = store.tenant(id).expect("tenant");
        tenant.settle().await.expect("settle");
        tenant
    };
    let (a, b) = (tenant(TENANT).await, tenant("mutants-other").await);
    let problems = match scenario::prepare(&a, &b).await {
        Err(error) => vec![format!("{error:?}")],
        Ok(alone) => {
            restrict(&b).await;
            let mut problems = scenario::cross(&a, &b, alone).await;
            problems.extend(prune(&a, &b).await);
            problems
        }
    };
    store.close().await.expect("close");
    problems
}

/// Gives the other tenant quotas that are used up, and a grant.
async fn restrict(tenant: &TenantStore) {
    let config = r#"{"quotas":{"max_specs":1,"max_vectors":0,"llm_tokens_per_day":1}}"#;
    let done = tenant.write(Lock::Tenant, move |tx| {
        Box::pin(async move {
            let sql = "UPDATE tenants SET config = ?2 WHERE tenant_id = ?1";
            tx.execute(sql, values![config]).await?;
            let sql =
                "INSERT INTO tenant_grants (tenant_id, reader_id, granted_at) VALUES (?1, ?1, '')";
            tx.execute(sql, &[]).await
        })
    });
    done.await.expect("restrict");
}

/// Removes all runs of a tenant that have ended: those that another one ended are not meant.
async fn prune(a: &TenantStore, b: &TenantStore) -> Vec<String> {
    let bytes = async || a.usage(0).await.map(|usage| usage.totals.bytes).unwrap_or_default();
    let (before, full) = (b.digest().await.expect("digest"), bytes().await);
    let pruned = a.write(Lock::Tenant, |tx| {
        Box::pin(async move { crate::store::retention::prune_some(tx, "9999").await })
    });
    let (pruned, left) = (pruned.await, bytes().await);
    let mut problems = Vec::new();
    if pruned.as_ref().ok().map(|p| (p.runs, p.events)) != Some((2, 4)) {
        problems.push(format!("prune: {pruned:?}"));
    }
    let gone = 4 * format!("{{\"said\":\"{}\"}}", scenario::mark(a)).len() as u64;
    if full.checked_sub(left) != Some(gone) {
        problems.push(format!("prune: {full} bytes become {left}"));
    }
    if a.run_events("late").await.is_err() {
        problems.push("prune: a run that had not ended is gone".into());
    }
    if b.digest().await.expect("digest") != before {
        problems.push("prune: the other's data changed".into());
    }
    problems
}

#[test]
fn a_statement_that_has_lost_its_filter_is_noticed() {
    crate::io::runtime().expect("runtime").block_on(async {
        let problems = run().await;
        assert!(problems.is_empty(), "{problems:#?}");
        let statements = std::mem::take(&mut *SEEN.lock());
        let (mut noticed, mut missed) = (0, Vec::new());
        for sql in statements {
            for place in 0..filters(&sql).len() {
                *HARM.lock() = Some((sql.clone(), place));
                let problems = run().await;
                *HARM.lock() = None;
                let words: Vec<_> = sql.split_whitespace().collect();
                let shown = format!("filter {} of: {}", place + 1, words.join(" "));
                let needless = NEEDLESS.iter().any(|words| shown.contains(words));
                if !problems.is_empty() {
                    noticed += 1;
                } else if !needless {
                    missed.push(format!("not noticed: {shown}"));
                }
            }
        }
        println!("{noticed} filters were taken away and noticed");
        assert!(missed.is_empty(), "{missed:#?}");
        assert!(noticed > 40, "{noticed} filters are too few to be all of them");
    });
}

#[test]
fn a_statement_that_does_not_name_the_tenant_is_refused() {
    crate::io::runtime().expect("runtime").block_on(async {
        let store = Store::in_memory().await.expect("open");
        let tenant = store.tenant("mutants-third").expect("tenant");
        tenant.settle().await.expect("settle");
        for sql in [
            "SELECT count(*) FROM collections",
            "SELECT count(*) FROM collections WHERE name = ?2",
            "SELECT count(*) FROM collections WHERE ?10 = name OR name = ?2",
            "DELETE FROM collections WHERE name = ?2",
        ] {
            for reads in [true, false] {
                let refused = tenant.write(Lock::None, move |tx| {
                    Box::pin(async move {
                        if reads {
                            return Ok(tx.rows(sql, values!["c"]).await?.len() as u64);
                        }
                        tx.execute(sql, values!["c"]).await
                    })
                });
                let error = refused.await.expect_err(sql);
                assert_eq!(error.code(), Code::StoreFailed, "{sql}");
            }
        }
    });
}

#[test]
fn filters_are_found_and_taken_away() {
    let sql =
        "SELECT 1 FROM a WHERE a.tenant_id = ?1 AND x = ?2 AND tenant_id = ?10 AND tenant_id = ?1";
    assert_eq!(filters(sql).len(), 2);
    let first = "SELECT 1 FROM a WHERE ?1 <> '' AND x = ?2 AND tenant_id = ?10 AND tenant_id = ?1";
    assert_eq!(without(sql, 0), first);
    assert!(without(sql, 1).ends_with("AND ?1 <> ''"));
}
