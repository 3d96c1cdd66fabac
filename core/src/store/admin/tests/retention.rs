//! Runs that ended long ago go, and nothing else.

use serde_json::json;

use super::{Place, code, family, on_every_store, run};
use crate::error::Code;
use crate::store::admin::Admin;
use crate::store::retention::{BATCH, Pruned};
use crate::store::tx::values;
use crate::store::{RunStatus, TenantStore};

/// Makes runs seem to have begun and ended at this time.
async fn age(admin: &Admin, tenant: &str, runs: &str, started: &str, ended: Option<&str>) {
    let owned = [tenant, runs, started].map(str::to_owned);
    let ended = ended.map(str::to_owned);
    admin
        .transact(move |tx| {
            Box::pin(async move {
                let [tenant, runs, started] = &owned;
                let sql = "UPDATE runs SET started_at = ?3, ended_at = ?4
                     WHERE tenant_id = ?1 AND run_id LIKE ?2";
                tx.execute(sql, values![tenant, runs, started, ended.as_deref()]).await
            })
        })
        .await
        .expect("age");
}

/// The time so many days ago.
fn ago(days: i64) -> String {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days);
    then.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

async fn bytes(tenant: &TenantStore) -> u64 {
    tenant.usage(0).await.expect("usage").totals.bytes
}

/// An old run, one from yesterday, one that began long ago and ended yesterday, and one without end.
async fn runs(admin: &Admin, tenant: &TenantStore) {
    let end = Some(RunStatus::Finished);
    run(tenant, "old", &["1234567"], end).await;
    run(tenant, "new", &["12"], end).await;
    run(tenant, "long", &["123"], end).await;
    run(tenant, "open", &["1234"], None).await;
    age(admin, tenant.id(), "old", &ago(40), Some(&ago(31))).await;
    age(admin, tenant.id(), "new", &ago(1), Some(&ago(1))).await;
    age(admin, tenant.id(), "long", &ago(40), Some(&ago(1))).await;
    age(admin, tenant.id(), "open", &ago(40), None).await;
    assert_eq!(bytes(tenant).await, 3 * 2 + 7 + 2 + 3, "of those that have ended");
}

#[test]
fn runs_that_ended_long_ago_go_from_the_tenants_that_want_it() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let (team, org) = (place.tenant("team").await, place.tenant("org").await);
        runs(&admin, &team).await;
        runs(&admin, &org).await;
        let config = json!({"retention": {"runs_days": 30}});
        admin.configure_tenant("team", &config).await.expect("configure");
        admin.suspend_tenant("team", None).await.expect("suspend");

        let report = admin.prune().await.expect("prune");
        assert_eq!(
            report.into_iter().collect::<Vec<_>>(),
            [("team".to_owned(), Pruned { runs: 1, events: 2 })]
        );
        admin.resume_tenant("team", None).await.expect("resume");
        assert_eq!(code(team.run_events("old").await), Code::InvalidArgument);
        for run in ["new", "long", "open"] {
            assert_eq!(team.run_events(run).await.expect("events").len(), 2, "{run}");
        }
        assert_eq!(bytes(&team).await, 2 * 2 + 2 + 3);
        assert_eq!(org.run_events("old").await.expect("kept").len(), 2);
        assert!(admin.prune().await.expect("again").is_empty());
        let log = admin.audit_log("@store", 0, 99).await.expect("log");
        let pruned: Vec<_> = log.iter().filter(|entry| entry.action == "runs.pruned").collect();
        assert_eq!(pruned.len(), 1);
        assert_eq!(pruned[0].object, "team");
        assert_eq!(
            (&pruned[0].detail["runs"], &pruned[0].detail["events"]),
            (&json!(1), &json!(2))
        );

        let removed = org.prune(30).await.expect("by itself");
        assert_eq!(removed, Pruned { runs: 1, events: 2 });
        assert_eq!(org.prune(30).await.expect("again"), Pruned::default());
        assert_eq!(code(org.prune(0).await), Code::InvalidArgument);
        assert_eq!(org.prune(u32::MAX).await.expect("longer than time"), Pruned::default());
        assert_eq!(bytes(&org).await, 2 * 2 + 2 + 3);
        let log = org.audit_log(0, 9).await.expect("log");
        assert_eq!(log.last().map(|entry| entry.action.as_str()), Some("runs.pruned"));
    });
}

#[test]
fn more_runs_than_go_at_once_go_all_the_same() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let team = place.tenant("team").await;
        super::fill(&team).await;
        let kept = bytes(&team).await;
        let count = i64::from(BATCH) * 2 + 1;
        admin
            .transact(move |tx| {
                Box::pin(async move {
                    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL
                         SELECT i + 1 FROM n WHERE i < CAST(?1 AS BIGINT))";
                    let old = "2020-01-01T00:00:00.000Z";
                    let sql = format!(
                        "INSERT INTO runs (tenant_id, run_id, agent_id, version, model, status,
                             started_at, ended_at)
                         {numbers} SELECT 'team', 'many' || i, 'a', '1.0.0', 'm/m', 'failed', ?2, ?2
                         FROM n"
                    );
                    tx.execute(&sql, values![count, old]).await?;
                    let sql = format!(
                        "INSERT INTO run_events (tenant_id, run_id, seq, body)
                         {numbers} SELECT 'team', 'many' || i, 0, '12345' FROM n"
                    );
                    tx.execute(&sql, values![count]).await?;
                    let sql = "UPDATE usage_totals SET bytes = bytes + 5 * CAST(?1 AS BIGINT)
                         WHERE tenant_id = 'team'";
                    tx.execute(sql, values![count]).await
                })
            })
            .await
            .expect("many");
        let count = u64::try_from(count).expect("positive");
        let removed = team.prune(30).await.expect("prune");
        assert_eq!(removed, Pruned { runs: count, events: count });
        assert_eq!(bytes(&team).await, kept);
        assert_eq!(team.run_events("r1").await.expect("not that old").len(), 2);
    });
}
