//! A parent reads what it was granted, and nobody else anything.

use super::{Place, code, document, family, fill, on_every_store, run, spec};
use crate::error::Code;
use crate::store::{Limits, NewRun, SpecFilter, SpecRef, Stamp, Store, TenantStore, VersionId};

fn reader(store: &Store, tenant: &str, reader: &str) -> TenantStore {
    store.reader(tenant, reader).expect("reader")
}

/// The code of each way to read.
async fn readings(door: &TenantStore) -> Vec<Option<Code>> {
    let id = VersionId::new("helper", "1.0.0").expect("id");
    let words = || vec!["apple".to_owned()];
    macro_rules! codes {
        ($($call:expr),* $(,)?) => { vec![$($call.await.err().map(|e| e.code())),*] };
    }
    codes![
        door.settle(),
        door.documents("c"),
        door.has_collection("c"),
        door.document_hashes("c"),
        door.search_text("c", words(), 9),
        door.search_vectors("c", "m/m", vec![1.0, 0.5], 9),
        door.chunks_without_vector("c", "m/m", 9),
        door.has_outdated_vectors("c", "m/m", "m/m#x"),
        door.spec(SpecRef::Version(id)),
        door.list_specs(SpecFilter::default(), 9, None),
        door.spec_history("helper"),
        door.export_specs(None),
        door.run_events("r1"),
        door.usage(9),
        door.audit_log(0, 9),
        door.read_grants(),
    ]
}

/// The code of each way to write.
async fn writings(door: &TenantStore) -> Vec<Option<Code>> {
    let id = || VersionId::new("helper", "1.0.0").expect("id");
    let stamp = Stamp::default;
    let run = NewRun {
        run_id: "r2".into(),
        agent_id: "helper".into(),
        version: "1.0.0".into(),
        model: "scripted/x".into(),
    };
    macro_rules! codes {
        ($($call:expr),* $(,)?) => { vec![$($call.await.err().map(|e| e.code())),*] };
    }
    codes![
        door.put_documents("c", vec![document("b", "x")], vec![]),
        door.put_vectors("c", "m/m", vec![(1, vec![1.0])]),
        door.remove_outdated_vectors("c", "m/m", "m/m#x"),
        door.save_spec(spec("helper", "2.0.0", "x"), None, stamp()),
        door.promote_spec(id(), stamp()),
        door.deprecate_spec(id(), None, None, stamp()),
        door.retire_spec(id(), stamp()),
        door.delete_spec(id(), stamp()),
        door.import_specs(vec![], vec![], false, stamp()),
        door.begin_run(run, vec![]),
        door.record_step("r1", vec![], crate::store::Spent::default(), None),
        door.grant_read("org"),
        door.revoke_read("org"),
        door.prune(1),
    ]
}

fn all(codes: &[Option<Code>], code: Option<Code>) -> bool {
    !codes.is_empty() && codes.iter().all(|found| *found == code)
}

#[test]
fn a_parent_reads_what_was_granted_and_writes_nothing() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let store = place.store().await;
        let team = store.tenant("team").expect("tenant");
        fill(&team).await;
        let door = reader(&store, "team", "org");
        let codes = readings(&door).await;
        assert!(all(&codes, Some(Code::AccessDenied)), "before: {codes:?}");

        admin.grant_read("team", "org").await.expect("grant");
        let codes = readings(&door).await;
        assert!(all(&codes, None), "granted: {codes:?}");
        assert_eq!(door.documents("c").await.expect("documents")[0].source, "a.md");
        let codes = writings(&door).await;
        assert!(all(&codes, Some(Code::TenantReadOnly)), "writes: {codes:?}");
        for (tenant, stranger) in [
            ("team", "other"),
            ("team", "user"),
            ("user", "org"),
            ("user", "team"),
            ("org", "team"),
        ] {
            let codes = readings(&reader(&store, tenant, stranger)).await;
            assert!(all(&codes, Some(Code::AccessDenied)), "{stranger} {tenant}: {codes:?}");
        }
        let grants = team.read_grants().await.expect("grants");
        assert_eq!((grants.len(), grants[0].reader.as_str()), (1, "org"));
        assert_eq!(grants[0].granted_by.as_deref(), Some("root@example.org"));

        admin.suspend_tenant("team", None).await.expect("suspend");
        let codes = readings(&door).await;
        assert!(all(&codes, Some(Code::TenantSuspended)), "suspended: {codes:?}");
        admin.resume_tenant("team", None).await.expect("resume");
        assert!(admin.revoke_read("team", "org").await.expect("revoke"));
        assert!(!admin.revoke_read("team", "org").await.expect("it is gone"));
        let codes = readings(&door).await;
        assert!(all(&codes, Some(Code::AccessDenied)), "revoked: {codes:?}");
        run(&team, "r2", &[], None).await;
    });
}

#[test]
fn only_those_above_are_granted_anything_whoever_grants() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let team = place.tenant("team").await.with(Some("ann"), Limits::default());
        for stranger in ["team", "user", "other", "nobody"] {
            let refused = admin.grant_read("team", stranger).await;
            assert_eq!(code(refused), Code::InvalidArgument, "{stranger}");
            assert_eq!(code(team.grant_read(stranger).await), Code::InvalidArgument, "{stranger}");
        }
        assert_eq!(code(team.grant_read("@store").await), Code::TenantInvalid);
        assert_eq!(code(admin.grant_read("nobody", "org").await), Code::TenantNotFound);
        assert_eq!(code(admin.revoke_read("nobody", "org").await), Code::TenantNotFound);
        assert_eq!(code(admin.read_grants("nobody").await), Code::TenantNotFound);
        // Who may read cannot help others to it, nor take it from them.
        place.tenant("user").await.grant_read("org").await.expect("two steps above");
        let store = place.store().await;
        let org = reader(&store, "user", "org");
        assert_eq!(code(org.grant_read("team").await), Code::TenantReadOnly);
        assert_eq!(code(org.revoke_read("org").await), Code::TenantReadOnly);

        team.grant_read("org").await.expect("grant");
        team.grant_read("org").await.expect("it is there already");
        assert!(readings(&reader(&store, "team", "org")).await.contains(&None));
        assert!(team.revoke_read("org").await.expect("revoke"));
        assert!(!team.revoke_read("org").await.expect("it is gone"));
        let log = team.audit_log(0, 9).await.expect("log");
        let said: Vec<_> = log
            .iter()
            .map(|e| {
                (e.action.as_str(), e.object.as_str(), e.actor.as_deref(), e.detail.to_string())
            })
            .collect();
        let org = r#"{"reader":"org"}"#.to_owned();
        assert_eq!(
            said,
            [
                ("tenant.read_granted", "team", Some("ann"), org.clone()),
                ("tenant.read_revoked", "team", Some("ann"), org),
            ]
        );
    });
}
