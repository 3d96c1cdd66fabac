//! What comes out is what went in.

use std::collections::BTreeMap;

use super::places::between;
use super::{Place, archive, block_on, document, fill, renamed};
use crate::error::Code;
use crate::store::{
    AuditCheck, ImportOptions, ImportParent, LeftOut, Location, NewDocument, NewTenant,
    TableDigest, TenantStatus,
};

fn differing(a: &BTreeMap<String, TableDigest>, b: &BTreeMap<String, TableDigest>) -> Vec<String> {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    a.keys().filter(|name| a[*name] != b[*name]).cloned().collect()
}

async fn sound(place: &Place, chain: &str) {
    let check = AuditCheck { tenant: Some(chain.into()), ..AuditCheck::default() };
    let report = place.admin.verify_audit(check).await.expect("verify");
    assert_eq!(report.broken, None, "{chain}");
}

#[test]
fn a_tenant_is_the_same_on_the_other_side() {
    between(async |from, to| {
        fill(from).await;
        to.admin.create_tenant("org", NewTenant::default()).await.expect("org");
        let report = from
            .admin
            .copy_tenant("acme", &to.admin, ImportOptions::default())
            .await
            .expect("copy");
        assert!(report.agree);
        assert_eq!((report.altered, report.left_out), (vec![], vec![]));
        assert_eq!(report.source, report.target);
        assert_eq!(report.target["chunks"].rows, 705);
        assert_eq!(report.target["vectors"].rows, 1408);
        assert_eq!(to.digest("acme").await, from.digest("acme").await);
        let (there, here) = (to.tenant("acme").await, from.tenant("acme").await);
        assert_eq!(there.digest().await.expect("digest"), report.target);
        sound(to, "acme").await;
        sound(to, "@store").await;

        // Not only the rows: what is made of them works.
        let words = || vec!["ünïcödé".to_owned()];
        let found = there.search_text("other", words(), 9).await.expect("search");
        assert_eq!(found.len(), 2);
        let query = vec![0.0, 0.0, 0.0, -1.0];
        let nearest = there.search_vectors("library", "m/two", query, 9).await.expect("search");
        assert_eq!((nearest[0].0.source.as_str(), nearest[0].0.ordinal), ("a.md", 0));
        let (usage, was) =
            (there.usage(9).await.expect("usage"), here.usage(9).await.expect("was"));
        assert_eq!(usage, was);
        assert_eq!(usage.totals.vectors, 1408);
        assert!(there.chunks_without_vector("library", "m/one", 9).await.expect("ids").is_empty());

        // Another one beside it, whose passages have other rows.
        let again = to.admin.copy_tenant("acme", &to.admin, renamed("b")).await.expect("again");
        let altered = ["tenants", "audit_log"].map(str::to_owned);
        assert_eq!((again.agree, again.altered), (true, altered.to_vec()));
        assert_eq!(to.digest("acme").await, report.target);
    });
}

#[test]
fn another_id_begins_another_log_that_notes_the_old_one() {
    between(async |from, to| {
        fill(from).await;
        let folder = tempfile::tempdir().expect("folder");
        let path = archive(from, folder.path()).await;
        let report = to.admin.import_tenant(&path, renamed("b")).await.expect("import");
        let old = from.admin.audit_log("acme", 0, 1000).await.expect("log");
        let head = old.last().expect("an entry");
        assert_eq!(report.tenant, "b");
        assert_eq!(
            report.left_out,
            [
                LeftOut::Parent { tenant_id: "org".into() },
                LeftOut::Grant { reader_id: "org".into() },
                LeftOut::AuditLog { seq: head.seq, hash: head.hash.clone() },
            ]
        );
        let (source, target) = (from.digest("acme").await, to.digest("b").await);
        assert_eq!(report.tables, target);
        let altered = ["audit_log", "tenant_grants", "tenants"];
        assert_eq!(differing(&source, &target), altered);
        let mut said = report.altered;
        said.sort();
        assert_eq!(said, altered);
        let log = to.admin.audit_log("b", 0, 9).await.expect("log");
        assert_eq!((log.len(), log[0].action.as_str()), (1, "tenant.imported"));
        assert_eq!(log[0].detail["head"]["hash"], head.hash);
        assert_eq!(
            (&log[0].detail["head"]["seq"], &log[0].detail["from"]),
            (&head.seq.into(), &"acme".into())
        );
        sound(to, "b").await;
    });
}

#[test]
fn both_are_in_the_administrators_log() {
    between(async |from, to| {
        fill(from).await;
        from.admin.copy_tenant("acme", &to.admin, renamed("b")).await.expect("copy");
        for (place, action, object) in
            [(from, "tenant.exported", "acme"), (to, "tenant.imported", "b")]
        {
            let log = place.admin.audit_log("@store", 0, 1000).await.expect("log");
            let last = log.last().expect("an entry");
            assert_eq!((last.action.as_str(), last.object.as_str()), (action, object));
            assert_eq!(last.actor.as_deref(), Some("tester"));
            sound(place, "@store").await;
        }
    });
}

#[test]
fn the_parent_is_the_one_that_is_wished_and_grants_stay_with_those_above() {
    between(async |from, to| {
        fill(from).await;
        let folder = tempfile::tempdir().expect("folder");
        let path = archive(from, folder.path()).await;
        let options = |id: &str, parent: ImportParent| ImportOptions { parent, ..renamed(id) };
        for id in ["org", "elsewhere"] {
            to.admin.create_tenant(id, NewTenant::default()).await.expect("tenant");
        }
        to.admin
            .create_tenant(
                "below",
                NewTenant { parent: Some("org".into()), ..NewTenant::default() },
            )
            .await
            .expect("tenant");
        for (id, wished, parent, readers) in [
            ("kept", ImportParent::Archived, Some("org"), 1),
            ("none", ImportParent::None, None, 0),
            ("lower", ImportParent::Tenant("below".into()), Some("below"), 1),
            ("other", ImportParent::Tenant("elsewhere".into()), Some("elsewhere"), 0),
        ] {
            let report = to.admin.import_tenant(&path, options(id, wished)).await.expect(id);
            let record = to.admin.tenant_record(id).await.expect("record");
            assert_eq!(record.parent.as_deref(), parent, "{id}");
            assert_eq!(to.admin.read_grants(id).await.expect("grants").len(), readers, "{id}");
            let left = LeftOut::Grant { reader_id: "org".into() };
            assert_eq!(report.left_out.contains(&left), readers == 0, "{id}");
        }
        let nobody = options("x", ImportParent::Tenant("nobody".into()));
        let error = to.admin.import_tenant(&path, nobody).await.expect_err("no parent");
        assert_eq!(error.code(), Code::TenantNotFound);
        let itself = options("x", ImportParent::Tenant("x".into()));
        let error = to.admin.import_tenant(&path, itself).await.expect_err("no parent");
        assert_eq!(error.code(), Code::TenantNotFound);
        assert!(to.rows_of("x").await.is_empty());
    });
}

#[test]
fn a_tenant_that_is_there_is_left_as_it_is() {
    between(async |from, to| {
        fill(from).await;
        fill(to).await;
        let before = to.digest("acme").await;
        let refused = from.admin.copy_tenant("acme", &to.admin, ImportOptions::default()).await;
        assert_eq!(refused.expect_err("there").code(), Code::TenantExists);
        assert_eq!(to.digest("acme").await, before);
        let refused = from.admin.copy_tenant("acme", &to.admin, renamed("no id")).await;
        assert_eq!(refused.expect_err("no slug").code(), Code::TenantInvalid);
    });
}

/// Opening a kernel makes a tenant in an SQLite file; that must not stand in the way of a move.
#[test]
fn a_tenant_of_sqlite_that_never_had_anything_is_taken() {
    block_on(async {
        let folder = tempfile::tempdir().expect("folder");
        let (from, to) =
            (Place::file(folder.path(), "a.db").await, Place::file(folder.path(), "b.db").await);
        fill(&from).await;
        for id in ["acme", "parent", "configured"] {
            to.tenant(id).await.settle().await.expect("settle");
        }
        let below = NewTenant { parent: Some("parent".into()), ..NewTenant::default() };
        to.admin.create_tenant("below", below).await.expect("below");
        let quotas = serde_json::json!({"quotas": {"max_specs": 1}});
        to.admin.configure_tenant("configured", &quotas).await.expect("configure");
        from.admin
            .copy_tenant("acme", &to.admin, ImportOptions::default())
            .await
            .expect("the bare one is taken");
        for id in ["parent", "configured"] {
            let refused = from.admin.copy_tenant("acme", &to.admin, renamed(id)).await;
            assert_eq!(refused.expect_err(id).code(), Code::TenantExists);
        }
    });
}

#[test]
fn a_suspended_tenant_is_moved_and_stays_suspended() {
    between(async |from, to| {
        fill(from).await;
        from.admin.suspend_tenant("acme", None).await.expect("suspend");
        let parent = ImportParent::None;
        let options = ImportOptions { parent, ..ImportOptions::default() };
        let report = from.admin.copy_tenant("acme", &to.admin, options).await.expect("copy");
        assert!(report.agree);
        let record = to.admin.tenant_record("acme").await.expect("record");
        assert_eq!(record.status, TenantStatus::Suspended);
        let nobody = from.admin.copy_tenant("nobody", &to.admin, ImportOptions::default()).await;
        assert_eq!(nobody.expect_err("nobody").code(), Code::TenantNotFound);
    });
}

#[test]
fn a_text_that_only_sqlite_keeps_is_named() {
    between(async |from, to| {
        if matches!(from.location, Location::Postgres(_)) {
            return;
        }
        let tenant = from.tenant("nul").await;
        tenant.settle().await.expect("settle");
        let title = "before \0 behind".to_owned();
        let document = NewDocument { title, ..document("a.md", 1) };
        tenant.put_documents("c", vec![document], vec![]).await.expect("put");
        let copy = from.admin.copy_tenant("nul", &to.admin, ImportOptions::default()).await;
        if matches!(to.location, Location::Postgres(_)) {
            let error = copy.expect_err("PostgreSQL");
            assert_eq!(error.code(), Code::ArchiveInvalid);
            assert!(error.message().contains("documents.title has a NUL"), "{error}");
            assert!(to.rows_of("nul").await.is_empty());
        } else {
            assert!(copy.expect("SQLite").agree);
        }
    });
}

/// Whatever makes a store give back something else than it was given.
#[test]
fn what_does_not_come_out_as_it_went_in_is_not_kept() {
    block_on(async {
        let folder = tempfile::tempdir().expect("folder");
        let (from, to) =
            (Place::file(folder.path(), "a.db").await, Place::file(folder.path(), "b.db").await);
        fill(&from).await;
        rusqlite::Connection::open(folder.path().join("b.db"))
            .and_then(|connection| {
                connection.execute_batch(
                    "CREATE TRIGGER forger AFTER INSERT ON usage_days BEGIN
                         UPDATE usage_days SET runs = runs + 1;
                     END",
                )
            })
            .expect("trigger");
        let copy = from.admin.copy_tenant("acme", &to.admin, ImportOptions::default()).await;
        let error = copy.expect_err("forged");
        assert_eq!(error.code(), Code::StoreCorrupt);
        assert!(error.message().contains("usage_days"), "{error}");
        assert!(to.rows_of("acme").await.is_empty());
        assert!(to.admin.audit_log("@store", 0, 9).await.expect("log").is_empty());
    });
}

#[test]
fn an_archive_is_a_new_file_that_nobody_else_reads() {
    block_on(async {
        let folder = tempfile::tempdir().expect("folder");
        let place = Place::file(folder.path(), "a.db").await;
        fill(&place).await;
        let out = tempfile::tempdir().expect("folder");
        let path = out.path().join("acme.jsonl");
        let report = place.admin.export_tenant("acme", &path).await.expect("export");
        let metadata = std::fs::metadata(&path).expect("file");
        assert_eq!(metadata.len(), report.bytes);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
        let content = std::fs::read(&path).expect("read");
        let again = place.admin.export_tenant("acme", &path).await.expect_err("there");
        assert_eq!(again.code(), Code::InvalidArgument);
        assert!(again.hint_text().is_some());
        let missing = out.path().join("no/such/folder.jsonl");
        let error = place.admin.export_tenant("acme", &missing).await.expect_err("no folder");
        assert_eq!(error.code(), Code::StoreUnavailable);
        let unknown = out.path().join("nobody.jsonl");
        let error = place.admin.export_tenant("nobody", &unknown).await.expect_err("nobody");
        assert_eq!(error.code(), Code::TenantNotFound);
        assert_eq!(std::fs::read(&path).expect("read"), content);
        let names: Vec<_> = std::fs::read_dir(out.path())
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name())
            .collect();
        assert_eq!(names, ["acme.jsonl"], "nothing else is left");
        let second = out.path().join("second.jsonl");
        place.admin.export_tenant("acme", &second).await.expect("export");
        assert_eq!(std::fs::read(&second).expect("read"), content, "the same data, the same bytes");
    });
}
