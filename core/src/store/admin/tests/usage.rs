//! After any operations, what a tenant is said to have is what it has.

use serde_json::json;

use super::{NewTenant, Place, document, on_every_store, spec};
use crate::error::Code;
use crate::store::admin::Admin;
use crate::store::tx::{Dialect, values};
use crate::store::{
    CountedAgent, Limits, NewRun, RunStatus, Spent, Stamp, TenantStore, Totals, VersionId,
};

/// Numbers that are the same in each run of the test.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn text(&mut self) -> String {
        // Characters of more than one byte: bytes are counted, not characters.
        "wörter ".repeat(usize::try_from(self.below(20) + 1).expect("small"))
    }
}

/// What there is, counted row by row.
async fn recount(admin: &Admin, tenant: &str) -> Totals {
    let tenant = tenant.to_owned();
    admin
        .inspect(move |tx| {
            Box::pin(async move {
                let size = match tx.connection.dialect() {
                    Dialect::Sqlite => "length(vector)",
                    Dialect::Postgres => "4 * vector_dims(vector)",
                };
                let mut count = async |what: &str| {
                    let sql = format!("SELECT CAST(coalesce({what} AS BIGINT)");
                    let row = tx.row(&sql, values![&tenant]).await?;
                    row.expect("a row").take::<u64>(0)
                };
                Ok(Totals {
                    specs: count("(SELECT count(*) FROM spec_versions WHERE tenant_id = ?1), 0)").await?,
                    documents: count("(SELECT count(*) FROM documents WHERE tenant_id = ?1), 0)").await?,
                    vectors: count("(SELECT count(*) FROM vectors WHERE tenant_id = ?1), 0)").await?,
                    bytes: count(
                        "(SELECT sum(octet_length(text)) FROM spec_versions WHERE tenant_id = ?1), 0)",
                    )
                    .await?
                        + count("(SELECT sum(bytes) FROM documents WHERE tenant_id = ?1), 0)").await?
                        + count(&format!(
                            "(SELECT sum({size}) FROM vectors WHERE tenant_id = ?1), 0)"
                        ))
                        .await?
                        + count(
                            "(SELECT sum(octet_length(e.body)) FROM run_events e JOIN runs r
                                 ON r.tenant_id = e.tenant_id AND r.run_id = e.run_id
                             WHERE e.tenant_id = ?1 AND r.ended_at IS NOT NULL), 0)",
                        )
                        .await?,
                })
            })
        })
        .await
        .expect("count")
}

/// One operation, whatever becomes of it.
async fn operation(tenant: &TenantStore, numbers: &mut Numbers, n: u32) -> Result<(), Code> {
    let agent = format!("agent{}", numbers.below(3));
    let version = format!("1.{}.0", numbers.below(3));
    let id = VersionId::new(&agent, &version).expect("id");
    let collection = format!("c{}", numbers.below(2));
    let outcome = match numbers.below(10) {
        0 | 1 => {
            let new = spec(&agent, &version, &numbers.text());
            tenant.save_spec(new, None, Stamp::default()).await.map(drop)
        }
        2 => {
            let old = tenant.spec(crate::store::SpecRef::Version(id.clone())).await;
            let hash = old.ok().map(|record| record.hash);
            let new = spec(&agent, &version, &numbers.text());
            tenant.save_spec(new, hash, Stamp::default()).await.map(drop)
        }
        3 => tenant.delete_spec(id, Stamp::default()).await,
        4 => tenant.promote_spec(id, Stamp::default()).await.map(drop),
        5 | 6 => {
            let put = (0..numbers.below(4))
                .map(|_| document(&format!("d{}", numbers.below(6)), &numbers.text()))
                .map(|document| (document.source.clone(), document))
                .collect::<std::collections::BTreeMap<_, _>>();
            let remove =
                vec![format!("e{}", numbers.below(2)), format!("d{}", 6 + numbers.below(2))];
            tenant.put_documents(&collection, put.into_values().collect(), remove).await
        }
        7 => {
            let remove = (0..numbers.below(3)).map(|n| format!("d{n}")).collect();
            tenant.put_documents(&collection, vec![], remove).await
        }
        8 => {
            let model = format!("m/{}", numbers.below(2));
            if numbers.below(4) == 0 {
                let identity = format!("{model}#x");
                let removed = tenant.remove_outdated_vectors(&collection, &model, &identity).await;
                return removed.map(drop).map_err(|error| error.code());
            }
            let chunks =
                tenant.chunks_without_vector(&collection, &model, 3).await.expect("chunks");
            let vectors = chunks.into_iter().map(|(id, _)| (id, vec![0.5; 3])).collect();
            tenant.put_vectors(&collection, &model, vectors).await
        }
        _ => {
            let run =
                NewRun { run_id: format!("r{n}"), agent_id: agent, version, model: "m/m".into() };
            let begun = tenant.begin_run(run, vec![(0, numbers.text().into())]).await;
            let ends = (numbers.below(3) > 0).then_some(RunStatus::Failed);
            let spent = Spent { input_tokens: 3, output_tokens: 2, cost_micros: 1 };
            let events = vec![(1, numbers.text().into())];
            match begun {
                Ok(_) => tenant.record_step(&format!("r{n}"), events, spent, ends).await.map(drop),
                Err(error) => Err(error),
            }
        }
    };
    outcome.map_err(|error| error.code())
}

#[test]
fn totals_are_a_recount_after_any_operations() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        let quotas = json!({"quotas": {"max_specs": 7, "max_documents": 9, "max_vectors": 8}});
        let bounded = NewTenant { config: Some(quotas), ..NewTenant::default() };
        admin.create_tenant("bounded", bounded).await.expect("create");
        admin.create_tenant("free", NewTenant::default()).await.expect("create");
        let store = place.store().await;
        let tenants = ["bounded", "free"].map(|id| store.tenant(id).expect("tenant"));
        for seed in 1..=3 {
            let mut numbers = Numbers(seed);
            let (mut done, mut refused) = (0, 0);
            for n in 0..150 {
                for tenant in &tenants {
                    let run = u32::try_from(seed).expect("small") * 1000 + n;
                    match operation(tenant, &mut numbers, run).await {
                        Ok(()) => done += 1,
                        Err(Code::QuotaExceeded) => refused += 1,
                        Err(
                            Code::SpecConflict
                            | Code::SpecImmutable
                            | Code::SpecNotFound
                            | Code::SpecState,
                        ) => {}
                        Err(other) => panic!("{other}"),
                    }
                    if n % 10 == 9 {
                        let said = admin.usage_of(tenant.id(), 0).await.expect("usage").totals;
                        let id = tenant.id();
                        assert_eq!(said, recount(&admin, id).await, "{id} {seed} {n}");
                    }
                }
            }
            assert!(done > 100 && refused > 0, "{done} done, {refused} refused");
        }
        for tenant in &tenants {
            let usage = admin.usage_of(tenant.id(), 9).await.expect("usage");
            assert_eq!(usage, tenant.usage(9).await.expect("usage"));
            let runs: u64 = usage.days.iter().map(|day| day.runs).sum();
            let tokens: u64 = usage.days.iter().map(|day| day.input_tokens).sum();
            assert!(runs > 0 && tokens == runs * 3, "{usage:?}");
            tenant.prune(1).await.expect("nothing is that old");
        }
    });
}

#[test]
fn an_agent_is_counted_by_itself_and_runs_no_more_often_than_it_may() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("acme", NewTenant::default()).await.expect("create");
        let tenant = place.store().await.tenant("acme").expect("tenant");
        let run = |id: &str, agent: &str| NewRun {
            run_id: id.into(),
            agent_id: agent.into(),
            version: "1.0.0".into(),
            model: "m/m".into(),
        };
        let door = |agent: &str, runs_per_minute| {
            tenant.clone().counting(CountedAgent { agent_id: agent.into(), runs_per_minute })
        };
        let (one, two) = (door("one", Some(2)), door("two", None));
        let spent = Spent { input_tokens: 3, output_tokens: 2, cost_micros: 7 };
        one.begin_run(run("r1", "one"), vec![]).await.expect("begin");
        let left = one.record_step("r1", vec![], spent, None).await.expect("step").expect("spent");
        let today = left.agent_today();
        assert_eq!((today.runs, today.input_tokens, today.output_tokens), (1, 3, 2));
        assert_eq!(today.cost_micros, 7);
        // What others of the tenant do is not its own.
        two.begin_run(run("r2", "two"), vec![]).await.expect("begin");
        two.record_step("r2", vec![], spent, None).await.expect("step");
        tenant.begin_run(run("r3", "three"), vec![]).await.expect("begin");
        tenant.record_step("r3", vec![], spent, None).await.expect("step");
        let left = one.begin_run(run("r4", "one"), vec![]).await.expect("begin");
        assert_eq!((left.agent_today().runs, left.agent_today().input_tokens), (2, 3));
        let error = one.begin_run(run("r5", "one"), vec![]).await.expect_err("too many");
        assert_eq!(error.code(), Code::QuotaExceeded);
        assert!(error.message().contains("agent \"one\" is reached: 2 of 2 runs"), "{error}");
        // What was refused did not happen.
        let left = door("one", None).begin_run(run("r5", "one"), vec![]).await.expect("begin");
        assert_eq!(left.agent_today().runs, 3);
        let day = &tenant.usage(1).await.expect("usage").days[0];
        assert_eq!((day.runs, day.input_tokens), (5, 9));
    });
}

#[test]
fn what_is_left_of_the_day_is_read_as_it_was_counted() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("acme", NewTenant::default()).await.expect("create");
        let tenant = place.store().await.tenant("acme").expect("tenant");
        let bounds = Limits { tokens_per_day: Some(10), ..Limits::default() };
        let tenant = tenant.with(None, bounds);
        let before = tenant.allowance().await.expect("allowance");
        assert!(before.is_bounded());
        let next = Spent { input_tokens: 4, ..Spent::default() };
        before.check(Spent::default(), next).expect("there is room");
        let spent = Spent { input_tokens: 7, output_tokens: 0, cost_micros: 3 };
        let after = tenant.spend(spent).await.expect("spend");
        assert_eq!(tenant.allowance().await.expect("allowance"), after);
        assert_eq!(
            after.check(Spent::default(), next).expect_err("no room").code(),
            Code::QuotaExceeded
        );
        let day = &tenant.usage(1).await.expect("usage").days[0];
        assert_eq!((day.runs, day.input_tokens, day.cost_micros), (0, 7, 3));
    });
}
