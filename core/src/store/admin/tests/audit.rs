//! Whatever is done to a chain is seen, and where.

use rusqlite::Connection;

use super::place::on_a_file;
use super::{NewTenant, Place, document, on_every_store};
use crate::store::admin::{Admin, AuditCheck, AuditReport, DeletionOptions};
use crate::store::{AuditEntry, AuditHead};

/// Two tenants with five entries each.
async fn chains(place: &Place, admin: &Admin) {
    for id in ["a", "b"] {
        admin.create_tenant(id, NewTenant::default()).await.expect("create");
        let tenant = place.tenant(id).await;
        for n in 1..=5 {
            let documents = vec![document(&format!("{n}.md"), "text")];
            tenant.put_documents("c", documents, vec![]).await.expect("put");
        }
    }
}

async fn verify(admin: &Admin, expect: &[AuditHead]) -> AuditReport {
    let check = AuditCheck { tenant: None, expect: expect.to_vec() };
    admin.verify_audit(check).await.expect("verify")
}

fn heads(report: &AuditReport) -> Vec<AuditHead> {
    report.chains.iter().filter_map(|chain| chain.head.clone()).collect()
}

/// The break that was found: chain, entry and what is wrong.
fn broken(report: &AuditReport) -> (&str, u64, &str) {
    let broken = report.broken.as_ref().expect("a break");
    let unsound: Vec<_> =
        report.chains.iter().filter(|c| !c.sound).map(|c| (&*c.tenant_id, c.entries)).collect();
    assert_eq!(unsound, [(&*broken.tenant_id, broken.seq - 1)]);
    (&broken.tenant_id, broken.seq, &broken.what)
}

#[test]
fn sound_chains_are_sound_and_their_heads_are_given() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        assert_eq!(verify(&admin, &[]).await, AuditReport::default());
        chains(place, &admin).await;
        let report = verify(&admin, &[]).await;
        assert_eq!(report.broken, None);
        let seen: Vec<_> =
            report.chains.iter().map(|c| (&*c.tenant_id, c.entries, c.sound)).collect();
        assert_eq!(seen, [("@store", 2, true), ("a", 5, true), ("b", 5, true)]);
        let heads = heads(&report);
        let last = admin.audit_log("a", 4, 9).await.expect("log");
        assert_eq!((heads[1].seq, &heads[1].hash), (5, &last[0].hash));
        let again = verify(&admin, &heads).await;
        assert_eq!((again.broken, again.chains), (None, report.chains));

        let only = AuditCheck { tenant: Some("b".into()), expect: vec![] };
        let only = admin.verify_audit(only).await.expect("verify");
        assert_eq!(only.chains.len(), 1);
        assert_eq!((&*only.chains[0].tenant_id, only.chains[0].entries), ("b", 5));

        let own = place.tenant("a").await.audit_log(2, 2).await.expect("log");
        assert_eq!(own, admin.audit_log("a", 2, 2).await.expect("log"));
        assert_eq!(own.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 4]);
    });
}

#[test]
fn a_chain_that_went_with_its_tenant_is_missing_and_that_is_explained() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        chains(place, &admin).await;
        let noted = heads(&verify(&admin, &[]).await);
        admin.delete_tenant("a", DeletionOptions::default()).await.expect("delete");
        assert_eq!(verify(&admin, &[]).await.broken, None);
        let report = verify(&admin, &noted).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq), ("a", 1));
        assert_eq!(
            what,
            "the whole chain is missing, up to entry 5; entry 3 of @store says that the tenant was \
             deleted"
        );
    });
}

/// What somebody does who can write the file.
fn tamper(place: &Place, sql: &str) {
    let raw = Connection::open(place.path()).expect("open");
    raw.execute_batch(&format!("DROP TRIGGER audit_log_is_append_only; {sql}")).expect(sql);
}

/// Chain `a`, after it was changed, breaks at this entry.
fn breaks(sql: &str, at: u64, how: &str) {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        chains(place, &admin).await;
        tamper(place, sql);
        let report = verify(&admin, &[]).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq, what), ("a", at, how), "{sql}");
    });
}

const CHANGED: &str = "its hash is not that of what it says";

#[test]
fn a_field_that_was_changed_is_seen() {
    for change in [
        "at = '2000-01-01T00:00:00.000Z'",
        "actor = 'somebody else'",
        "action = 'other'",
        "object = 'other'",
        "detail = '{}'",
        "prev = replace(prev, substr(prev, 1, 1), 'x')",
        "hash = replace(hash, substr(hash, 1, 1), 'x')",
    ] {
        let sql = format!("UPDATE audit_log SET {change} WHERE tenant_id = 'a' AND seq = 3");
        breaks(&sql, 3, CHANGED);
    }
    let sql = "UPDATE audit_log SET detail = '{' WHERE tenant_id = 'a' AND seq = 3";
    breaks(sql, 3, "its detail is not JSON");
}

#[test]
fn entries_that_were_taken_out_or_swapped_are_seen() {
    let out =
        |seqs: &str| format!("DELETE FROM audit_log WHERE tenant_id = 'a' AND seq IN ({seqs})");
    breaks(&out("3"), 3, "it is missing");
    breaks(&out("1"), 1, "it is missing");
    breaks(&out("2, 3"), 2, "2 entries are missing");
    let closed = format!(
        "{}; UPDATE audit_log SET seq = seq - 1 WHERE tenant_id = 'a' AND seq > 3",
        out("3")
    );
    breaks(&closed, 3, CHANGED);
    let swapped = "UPDATE audit_log SET seq = 99 WHERE tenant_id = 'a' AND seq = 2;
         UPDATE audit_log SET seq = 2 WHERE tenant_id = 'a' AND seq = 3;
         UPDATE audit_log SET seq = 3 WHERE tenant_id = 'a' AND seq = 99";
    breaks(swapped, 2, CHANGED);
    let moved = "UPDATE audit_log SET seq = 6, tenant_id = 'a' WHERE tenant_id = 'b' AND seq = 5";
    breaks(moved, 6, CHANGED);
}

/// Whoever knows how hashes are made has to make all that follow anew, and then the head differs.
#[test]
fn an_entry_that_was_put_in_with_a_right_hash_is_seen() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        chains(place, &admin).await;
        let noted = heads(&verify(&admin, &[]).await);
        let mut log = admin.audit_log("a", 0, 99).await.expect("log");
        let mut forged = log[2].clone();
        forged.object = "forged".into();
        forged.hash = forged.expected_hash();
        log.insert(2, forged);
        for (entry, seq) in log.iter_mut().zip(1..) {
            entry.seq = seq;
            entry.hash = entry.expected_hash();
        }
        rewrite(place, &log);
        let report = verify(&admin, &[]).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq), ("a", 4));
        assert_eq!(what, "it does not follow on the entry before it");

        for i in 3..log.len() {
            log[i].prev = log[i - 1].hash.clone();
            log[i].hash = log[i].expected_hash();
        }
        rewrite(place, &log);
        assert_eq!(verify(&admin, &[]).await.broken, None, "by itself it is whole");
        let report = verify(&admin, &noted).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq), ("a", 5));
        assert_eq!(what, "its hash is not the expected one: the chain was written anew");
    });
}

/// Writes chain `a` anew.
fn rewrite(place: &Place, log: &[AuditEntry]) {
    let raw = Connection::open(place.path()).expect("open");
    raw.execute_batch("DELETE FROM audit_log WHERE tenant_id = 'a'").expect("delete");
    for e in log {
        let seq = i64::try_from(e.seq).expect("small");
        raw.execute(
            "INSERT INTO audit_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            rusqlite::params![
                e.tenant_id,
                seq,
                e.at,
                e.actor,
                e.action,
                e.object,
                e.detail.to_string(),
                e.prev,
                e.hash
            ],
        )
        .expect("insert");
    }
}

#[test]
fn a_cut_off_end_is_seen_by_those_who_noted_it() {
    on_a_file(async |place: &Place| {
        let admin = place.admin().await;
        chains(place, &admin).await;
        let noted = heads(&verify(&admin, &[]).await);
        tamper(place, "DELETE FROM audit_log WHERE tenant_id = 'a' AND seq > 3");
        assert_eq!(verify(&admin, &[]).await.broken, None, "nothing says that there was more");
        let report = verify(&admin, &noted).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq), ("a", 4));
        assert_eq!(what, "the chain was cut off: it went up to entry 5 at least");
        let raw = Connection::open(place.path()).expect("open");
        raw.execute_batch("DELETE FROM audit_log WHERE tenant_id = 'a'").expect("delete");
        let report = verify(&admin, &noted).await;
        let (chain, seq, what) = broken(&report);
        assert_eq!((chain, seq, what), ("a", 1, "the whole chain is missing, up to entry 5"));
    });
}

/// More entries than are read at once.
#[test]
fn a_long_chain_is_walked_to_its_end() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("a", NewTenant::default()).await.expect("create");
        admin
            .transact(|tx| {
                Box::pin(async move {
                    for n in 0..1_200 {
                        tx.audit("test", "a", n.into()).await?;
                    }
                    Ok(())
                })
            })
            .await
            .expect("entries");
        let report = verify(&admin, &[]).await;
        assert_eq!(report.broken, None);
        assert_eq!((report.chains.len(), report.chains[0].entries), (1, 1_201));
    });
}
