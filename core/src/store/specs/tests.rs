//! Queries walk indexes that begin with the tenant, whatever is asked and however much is there.

use rusqlite::types::Value;

use super::{NewSpec, SpecFilter, SpecStatus, Stamp, VersionId, find, rows};
use crate::error::{Code, Error};
use crate::spec::Spec;
use crate::store::sqlite::store_error;
use crate::store::tx::Connection;
use crate::store::{Lock, Store, TenantStore};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    crate::io::runtime().expect("runtime").block_on(future)
}

async fn tenant(store: &Store, id: &str) -> TenantStore {
    let tenant = store.tenant(id).expect("tenant");
    tenant.settle().await.expect("settle");
    tenant
}

fn new(agent: &str, version: &str, more: &str) -> NewSpec {
    let text = format!(
        "identity: {{agent_id: {agent}, version: {version}{more}}}\n\
         intelligence: {{model: scripted/x, script: [{{text: hi}}]}}\n"
    );
    NewSpec::new(&Spec::parse(&text).expect("spec")).expect("new")
}

async fn save(tenant: &TenantStore, agent: &str, version: &str, more: &str) {
    tenant.save_spec(new(agent, version, more), None, Stamp::default()).await.expect("save");
}

fn id(agent: &str, version: &str) -> VersionId {
    VersionId::new(agent, version).expect("id")
}

async fn find(tenant: &TenantStore, filter: SpecFilter) -> Vec<String> {
    let (found, next) = tenant.list_specs(filter, 100, None).await.expect("list");
    assert_eq!(next, None);
    found.iter().map(super::SpecRecord::reference).collect()
}

/// What SQLite says it does for a statement: one line a step.
async fn plan(tenant: &TenantStore, sql: &str) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {sql}");
    tenant
        .read(move |tx| {
            Box::pin(async move {
                let Connection::Sqlite(connection) = tx.connection() else {
                    return Err(Error::invalid_argument("SQLite only"));
                };
                let mut statement = connection.prepare(&sql).map_err(store_error)?;
                let values = vec![Value::Null; statement.parameter_count()];
                statement
                    .query_map(rusqlite::params_from_iter(values), |row| row.get(3))
                    .and_then(Iterator::collect)
                    .map_err(store_error)
            })
        })
        .await
        .expect("plan")
}

#[test]
fn every_query_is_one_walk_along_a_key_that_begins_with_the_tenant() {
    block_on(async {
        let tenant = tenant(&Store::in_memory().await.expect("open"), "t").await;
        let (get, active) = (rows::get_sql(), rows::get_active_sql());
        let queries = [
            (get.as_str(), "(tenant_id=? AND agent_id=? AND ordering=?)"),
            (&active, "(tenant_id=? AND status=? AND agent_id=?)"),
            (find::SEEK_ANY, "(tenant_id=? AND (agent_id,ordering)>(?,?))"),
            (
                find::SEEK_TERM,
                "PRIMARY KEY (tenant_id=? AND kind=? AND term=? AND (agent_id,ordering)>(?,?))",
            ),
        ];
        let statuses = [SpecStatus::Draft, SpecStatus::Active, SpecStatus::Retired];
        let statuses = statuses.map(find::seek_status);
        let by_status = "spec_status (tenant_id=? AND status=? AND (agent_id,ordering)>(?,?))";
        for (sql, key) in
            queries.into_iter().chain(statuses.iter().map(|s| (s.as_str(), by_status)))
        {
            let steps = plan(&tenant, sql).await;
            // One step: neither a second table nor a sort.
            assert_eq!(steps.len(), 1, "{sql}: {steps:?}");
            assert!(steps[0].starts_with("SEARCH") && steps[0].ends_with(key), "{sql}: {steps:?}");
        }
    });
}

#[test]
fn conditions_are_combined_in_any_number() {
    block_on(async {
        let store = Store::in_memory().await.expect("open");
        let (t, other) = (tenant(&store, "t").await, tenant(&store, "u").await);
        save(&t, "b", "1.0.0", ", name: Leave desk, tags: [hr, People]").await;
        save(&t, "b", "1.0.0-rc.1", ", name: Leave desk, tags: [hr]").await;
        save(&t, "a", "10.0.0", ", description: 'Books LEAVE, and desks'").await;
        save(&t, "a", "9.0.0", "").await;
        save(&other, "b", "2.0.0", ", name: Leave desk, tags: [hr]").await;
        t.promote_spec(id("b", "1.0.0"), Stamp::default()).await.expect("promote");

        let all = ["a@9.0.0", "a@10.0.0", "b@1.0.0-rc.1", "b@1.0.0"];
        assert_eq!(find(&t, SpecFilter::default()).await, all);
        let by = |status: Option<SpecStatus>, tag: &str, text: &str| SpecFilter {
            status,
            tag: Some(tag.to_owned()).filter(|tag| !tag.is_empty()),
            text: Some(text.to_owned()),
            agent_id: None,
        };
        let active = Some(SpecStatus::Active);
        let draft = Some(SpecStatus::Draft);
        for (filter, found) in [
            (by(None, "", "  "), &all[..]),
            (by(None, "", "leave"), &["a@10.0.0", "b@1.0.0-rc.1", "b@1.0.0"]),
            (by(None, "", "Desk leave"), &["b@1.0.0-rc.1", "b@1.0.0"]),
            (by(None, "", "people"), &["b@1.0.0"]),
            (by(None, "", "lea"), &[]),
            (by(None, "", "!"), &[]),
            (by(None, "people", ""), &[]),
            (by(None, "People", "leave hr desk"), &["b@1.0.0"]),
            (by(active, "", ""), &["b@1.0.0"]),
            (by(active, "hr", "leave"), &["b@1.0.0"]),
            (by(draft, "hr", "leave"), &["b@1.0.0-rc.1"]),
            (by(Some(SpecStatus::Retired), "hr", ""), &[]),
        ] {
            assert_eq!(find(&t, filter.clone()).await, found, "{filter:?}");
        }
        let of_a = SpecFilter { agent_id: Some("a".into()), ..by(draft, "", "leave") };
        assert_eq!(find(&t, of_a).await, ["a@10.0.0"]);
        assert_eq!(find(&other, by(None, "hr", "leave")).await, ["b@2.0.0"]);
    });
}

/// Every combination of conditions gives what a look at each version alone would give.
#[test]
fn a_page_is_the_intersection_of_its_conditions() {
    const COUNT: usize = 60;
    let agent = |i: usize| format!("n{i:02}");
    let divides = |by: usize, i: usize| i.is_multiple_of(by);
    block_on(async {
        let tenant = tenant(&Store::in_memory().await.expect("open"), "t").await;
        for i in 0..COUNT {
            let words: Vec<_> = [3, 5, 7]
                .into_iter()
                .filter(|by| divides(*by, i))
                .map(|by| format!("w{by}"))
                .collect();
            let tags = if divides(2, i) { "even" } else { "odd" };
            let more = format!(", description: 'x {}', tags: [{tags}]", words.join(" "));
            save(&tenant, &agent(i), "1.0.0", &more).await;
            if divides(4, i) {
                let id = id(&agent(i), "1.0.0");
                tenant.promote_spec(id, Stamp::default()).await.expect("promote");
            }
        }
        for combination in 0..32 {
            let has = |bit: usize| combination >> bit & 1 == 1;
            let words: Vec<_> =
                [3, 5, 7].into_iter().enumerate().filter(|(bit, _)| has(*bit)).collect();
            let text: String = words.iter().map(|(_, by)| format!("w{by} ")).collect();
            let filter = SpecFilter {
                status: has(3).then_some(SpecStatus::Active),
                tag: has(4).then(|| "even".to_owned()),
                text: Some(text),
                agent_id: None,
            };
            let expected: Vec<_> = (0..COUNT)
                .filter(|i| words.iter().all(|(_, by)| divides(*by, *i)))
                .filter(|i| !has(3) || divides(4, *i))
                .filter(|i| !has(4) || divides(2, *i))
                .map(|i| format!("{}@1.0.0", agent(i)))
                .collect();
            assert_eq!(find(&tenant, filter.clone()).await, expected, "{filter:?}");
        }
    });
}

#[test]
fn what_is_replaced_or_deleted_is_found_by_nothing_any_more() {
    block_on(async {
        let store = Store::in_memory().await.expect("open");
        let tenant = tenant(&store, "t").await;
        save(&tenant, "a", "1.0.0", ", name: First, tags: [old]").await;
        let hash = new("a", "1.0.0", ", name: First, tags: [old]").hash;
        let second = new("a", "1.0.0", ", name: Second");
        tenant.save_spec(second, Some(hash), Stamp::default()).await.expect("replace");
        let word = |text: &str| SpecFilter { text: Some(text.into()), ..SpecFilter::default() };
        assert_eq!(find(&tenant, word("first")).await, [""; 0]);
        assert_eq!(find(&tenant, word("second")).await, ["a@1.0.0"]);
        tenant.delete_spec(id("a", "1.0.0"), Stamp::default()).await.expect("delete");
        let terms = tenant.read(|tx| {
            Box::pin(async move {
                Ok(tx.rows("SELECT term FROM spec_terms WHERE tenant_id = ?1", &[]).await?.len())
            })
        });
        assert_eq!(terms.await.expect("count"), 0);
    });
}

#[test]
fn nothing_stays_of_a_change_that_was_refused_after_it_had_begun() {
    block_on(async {
        let tenant = tenant(&Store::in_memory().await.expect("open"), "t").await;
        save(&tenant, "a", "1.0.0", "").await;
        let change = tenant.write(Lock::Tenant, |tx| {
            Box::pin(async move {
                tx.execute("DELETE FROM spec_versions WHERE tenant_id = ?1", &[]).await?;
                Err::<(), _>(Error::invalid_argument("no"))
            })
        });
        assert_eq!(change.await.expect_err("refused").code(), Code::InvalidArgument);
        assert_eq!(find(&tenant, SpecFilter::default()).await, ["a@1.0.0"]);
    });
}

/// The index says it even if a query of ours should forget it.
#[test]
fn the_tables_allow_one_active_version_of_an_agent() {
    block_on(async {
        let tenant = tenant(&Store::in_memory().await.expect("open"), "t").await;
        save(&tenant, "a", "1.0.0", "").await;
        save(&tenant, "a", "2.0.0", "").await;
        let activate = |sql: &'static str| {
            tenant
                .write(Lock::Tenant, move |tx| Box::pin(async move { tx.execute(sql, &[]).await }))
        };
        let two = activate("UPDATE spec_versions SET status = 'active' WHERE tenant_id = ?1").await;
        assert!(two.is_err());
        let one = activate(
            "UPDATE spec_versions SET status = 'active' WHERE tenant_id = ?1 AND version = '1.0.0'",
        );
        assert_eq!(one.await.expect("one"), 1);
    });
}
