//! A tenant goes with everything of its, and takes nothing of the others.

use std::collections::BTreeMap;

use serde_json::json;

use super::place::on_a_file;
use super::{Place, code, family, fill, on_every_store};
use crate::error::Code;
use crate::store::admin::{Admin, DeletionOptions, tables};
use crate::store::tx::values;

/// How many rows each table has of a tenant.
async fn rows(admin: &Admin, tenant: &str) -> BTreeMap<String, u64> {
    let tenant = tenant.to_owned();
    admin
        .inspect(move |tx| {
            Box::pin(async move {
                let mut found = BTreeMap::new();
                for table in tables::of_tenants(&mut tx.connection).await? {
                    let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1");
                    let row = tx.row(&sql, values![&tenant]).await?;
                    found.insert(table, row.expect("a count").take(0)?);
                }
                Ok(found)
            })
        })
        .await
        .expect("rows")
}

const CHILDREN: DeletionOptions = DeletionOptions { children: true, erase: false };

#[test]
fn all_tables_give_up_the_rows_of_the_tenant_and_no_others() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let store = place.store().await;
        for id in ["user", "team"] {
            fill(&store.tenant(id).expect("tenant")).await;
        }
        admin.grant_read("user", "team").await.expect("grant");
        admin.grant_read("team", "org").await.expect("grant");
        let before = rows(&admin, "user").await;
        for (table, count) in &before {
            assert!(*count > 0, "{table} has no row that could be forgotten");
        }
        let neighbour = rows(&admin, "team").await;
        let chain = store.tenant("user").expect("tenant").audit_log(0, 99).await.expect("log");
        let head = chain.last().expect("entries").clone();

        let options = DeletionOptions::default();
        let deleted = admin.delete_tenant("user", options).await.expect("delete");
        assert_eq!(deleted.rows, before);
        assert_eq!((deleted.tenant.as_str(), deleted.tenants), ("user", vec!["user".to_owned()]));
        assert!(deleted.files.is_empty());
        assert!(rows(&admin, "user").await.values().all(|count| *count == 0));
        assert_eq!(rows(&admin, "team").await, neighbour);
        let user = store.tenant("user").expect("tenant");
        assert_eq!(code(user.documents("c").await), Code::TenantNotFound);
        assert_eq!(code(admin.delete_tenant("user", options).await), Code::TenantNotFound);

        let log = admin.audit_log("@store", 0, 99).await.expect("log");
        let entry = log.last().expect("an entry");
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("tenant.deleted", "user"));
        let count: u64 = before.values().sum();
        let chain = json!({"seq": head.seq, "hash": head.hash});
        assert_eq!(entry.detail, json!({"rows": count, "chain": chain}));
        let team = store.tenant("team").expect("tenant");
        let found = team.search_text("c", vec!["apple".into()], 9).await.expect("search");
        assert_eq!(found.len(), 1);
    });
}

#[test]
fn tenants_below_go_only_when_that_is_wanted() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let store = place.store().await;
        for id in ["org", "team", "user", "other"] {
            fill(&store.tenant(id).expect("tenant")).await;
        }
        admin.grant_read("user", "org").await.expect("grant");
        let before = rows(&admin, "user").await;
        let refused = admin.delete_tenant("org", DeletionOptions::default()).await;
        assert_eq!(code(refused), Code::InvalidArgument);
        assert_eq!(rows(&admin, "user").await, before, "nothing was changed");

        let other = rows(&admin, "other").await;
        let deleted = admin.delete_tenant("org", CHILDREN).await.expect("delete");
        assert_eq!(deleted.tenants, ["user", "team", "org"]);
        assert_eq!(deleted.rows["tenants"], 3);
        assert_eq!(deleted.rows["documents"], 3);
        assert_eq!(rows(&admin, "other").await, other);
        let log = admin.audit_log("@store", 5, 9).await.expect("log");
        let said: Vec<_> =
            log.iter().map(|entry| format!("{} {}", entry.action, entry.object)).collect();
        assert_eq!(said, ["tenant.deleted user", "tenant.deleted team", "tenant.deleted org"]);
        // The id is free, and what comes under it begins anew.
        admin.create_tenant("org", super::NewTenant::default()).await.expect("create");
        let org = store.tenant("org").expect("tenant");
        assert!(org.audit_log(0, 9).await.expect("log").is_empty());
        assert_eq!(org.usage(9).await.expect("usage"), crate::store::Usage::default());
    });
}

/// The list of tables is the database's own.
#[test]
fn a_table_that_is_new_is_not_forgotten() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let raw = rusqlite::Connection::open(place.path()).expect("open");
        raw.execute_batch(
            "CREATE TABLE a_new_one (tenant_id TEXT NOT NULL, run_id TEXT NOT NULL,
                 PRIMARY KEY (tenant_id, run_id),
                 FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, run_id)) STRICT;",
        )
        .expect("table");
        fill(&place.tenant("user").await).await;
        raw.execute_batch("INSERT INTO a_new_one VALUES ('user', 'r1')").expect("row");
        let deleted = admin.delete_tenant("user", DeletionOptions::default()).await;
        assert_eq!(deleted.expect("delete").rows["a_new_one"], 1);
    });
}

/// Something that no key leads to can stand in the way; then nothing at all is deleted.
#[test]
fn a_deletion_that_fails_leaves_everything() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        fill(&place.tenant("user").await).await;
        let before = rows(&admin, "user").await;
        let raw = rusqlite::Connection::open(place.path()).expect("open");
        raw.execute_batch(
            "CREATE TABLE theirs (run TEXT, tenant TEXT,
                 FOREIGN KEY (tenant, run) REFERENCES runs (tenant_id, run_id)) STRICT;
             INSERT INTO theirs VALUES ('r1', 'user');",
        )
        .expect("table");
        let refused = admin.delete_tenant("user", DeletionOptions::default()).await;
        assert_eq!(code(refused), Code::StoreFailed);
        assert_eq!(rows(&admin, "user").await, before);
        let log = admin.audit_log("@store", 4, 9).await.expect("log");
        assert!(log.is_empty(), "{log:?}");
    });
}
