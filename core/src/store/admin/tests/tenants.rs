//! Tenants as objects.

use serde_json::json;

use super::{Place, below, code, family, on_every_store};
use crate::error::Code;
use crate::store::admin::{Admin, NewTenant, TenantFilter, TenantKind, TenantStatus};

/// What the administrators' chain says: action and object of each entry.
async fn acts(admin: &Admin) -> Vec<(String, String)> {
    let log = admin.audit_log("@store", 0, 1000).await.expect("log");
    log.into_iter().map(|entry| (entry.action, entry.object)).collect()
}

#[test]
fn a_tenant_is_made_once_and_found_as_it_was_made() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        let new = NewTenant {
            parent: None,
            kind: Some(TenantKind::Org),
            name: Some("Acme, Inc.".into()),
            config: Some(json!({"retention": {"runs_days": 30}, "quotas": {"max_specs": 3.0}})),
        };
        let made = admin.create_tenant("acme", new).await.expect("create");
        assert_eq!(made.tenant_id, "acme");
        assert_eq!((made.kind, made.status), (Some(TenantKind::Org), TenantStatus::Active));
        assert_eq!(made.name.as_deref(), Some("Acme, Inc."));
        assert_eq!(
            made.config,
            json!({"quotas": {"max_specs": 3}, "retention": {"runs_days": 30}})
        );
        assert_eq!(admin.tenant_record("acme").await.expect("record"), made);
        place.tenant("acme").await.settle().await.expect("may be used");

        let again = admin.create_tenant("acme", NewTenant::default()).await;
        assert_eq!(code(again), Code::TenantExists);
        assert_eq!(admin.tenant_record("acme").await.expect("record"), made);
        for id in ["@store", "", "a b", "../a"] {
            let refused = admin.create_tenant(id, NewTenant::default()).await;
            assert_eq!(code(refused), Code::TenantInvalid, "{id}");
        }
        let config = NewTenant { config: Some(json!([])), ..NewTenant::default() };
        assert_eq!(code(admin.create_tenant("x", config).await), Code::ConfigInvalid);
        let name = NewTenant { name: Some(String::new()), ..NewTenant::default() };
        assert_eq!(code(admin.create_tenant("x", name).await), Code::InvalidArgument);
        assert_eq!(code(admin.tenant_record("x").await), Code::TenantNotFound);
        assert_eq!(acts(&admin).await, [("tenant.created".into(), "acme".into())]);
    });
}

#[test]
fn a_parent_must_be_there_be_no_user_and_stand_high_enough() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        assert_eq!(code(admin.create_tenant("x", below("nobody")).await), Code::TenantNotFound);
        assert_eq!(code(admin.create_tenant("x", below("x")).await), Code::TenantNotFound);
        assert_eq!(code(admin.create_tenant("x", below("user")).await), Code::InvalidArgument);
        let mut parent = "other".to_owned();
        for depth in 2..=8 {
            let id = format!("d{depth}");
            admin.create_tenant(&id, below(&parent)).await.expect("create");
            parent = id;
        }
        assert_eq!(code(admin.create_tenant("d9", below("d8")).await), Code::InvalidArgument);
    });
}

#[test]
fn tenants_are_listed_in_pages_and_by_what_they_are() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        admin.suspend_tenant("team", None).await.expect("suspend");
        let find = async |filter: TenantFilter| -> Vec<String> {
            let (found, next) = admin.tenants(filter, 100, None).await.expect("list");
            assert_eq!(next, None);
            found.into_iter().map(|tenant| tenant.tenant_id).collect()
        };
        let all = TenantFilter::default();
        assert_eq!(find(all.clone()).await, ["org", "other", "team", "user"]);
        let parent = TenantFilter { parent: Some("org".into()), ..all.clone() };
        assert_eq!(find(parent).await, ["team"]);
        let kind = TenantFilter { kind: Some(TenantKind::Org), ..all.clone() };
        assert_eq!(find(kind.clone()).await, ["org", "other"]);
        let status = TenantFilter { status: Some(TenantStatus::Suspended), ..all.clone() };
        assert_eq!(find(status).await, ["team"]);
        let both = TenantFilter { status: Some(TenantStatus::Suspended), ..kind };
        assert_eq!(find(both).await, [""; 0]);

        let mut after = None;
        let mut pages = Vec::new();
        loop {
            let (page, next) = admin.tenants(all.clone(), 2, after.as_deref()).await.expect("list");
            pages.push(page.into_iter().map(|tenant| tenant.tenant_id).collect::<Vec<_>>());
            if next.is_none() {
                break;
            }
            after = next;
        }
        assert_eq!(pages, [["org", "other"], ["team", "user"]]);
    });
}

#[test]
fn a_suspended_tenant_is_closed_and_kept() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let team = place.tenant("team").await;
        super::fill(&team).await;
        let suspended = admin.suspend_tenant("team", Some("bill not paid")).await.expect("suspend");
        assert_eq!(suspended.status, TenantStatus::Suspended);
        assert_eq!(code(team.documents("c").await), Code::TenantSuspended);
        let put = team.put_documents("c", vec![], vec!["a.md".into()]).await;
        assert_eq!(code(put), Code::TenantSuspended);
        assert_eq!(code(team.settle().await), Code::TenantSuspended);
        admin.usage_of("team", 9).await.expect("an administrator still sees what it uses");
        place.tenant("org").await.settle().await.expect("the others go on");

        let acted = acts(&admin).await.len();
        admin.suspend_tenant("team", None).await.expect("it is already");
        assert_eq!(acts(&admin).await.len(), acted, "nothing was done");
        admin.resume_tenant("team", None).await.expect("resume");
        assert_eq!(team.documents("c").await.expect("documents").len(), 1);
        let log = admin.audit_log("@store", 4, 9).await.expect("log");
        assert_eq!(log[0].action, "tenant.suspended");
        assert_eq!(log[0].actor.as_deref(), Some("root@example.org"));
        assert_eq!(log[0].detail, json!({"why": "bill not paid"}));
        assert_eq!(log[1].action, "tenant.resumed");
        assert_eq!(code(admin.suspend_tenant("nobody", None).await), Code::TenantNotFound);
    });
}

#[test]
fn a_configuration_holds_at_once_and_leaves_nothing_of_itself_in_the_log() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        admin.create_tenant("acme", NewTenant::default()).await.expect("create");
        let config = json!({"quotas": {"max_documents": 1}, "default_model": "secret/name"});
        let record = admin.configure_tenant("acme", &config).await.expect("configure");
        assert_eq!(record.config, config);
        let tenant = place.tenant("acme").await;
        let two = vec![super::document("a", "x"), super::document("b", "x")];
        assert_eq!(code(tenant.put_documents("c", two, vec![]).await), Code::QuotaExceeded);
        let renamed = admin.rename_tenant("acme", Some("Secret GmbH")).await.expect("rename");
        assert_eq!(renamed.name.as_deref(), Some("Secret GmbH"));
        assert_eq!(admin.rename_tenant("acme", None).await.expect("rename").name, None);
        assert_eq!(code(admin.configure_tenant("acme", &json!(1)).await), Code::ConfigInvalid);
        assert_eq!(code(admin.configure_tenant("no", &config).await), Code::TenantNotFound);
        assert_eq!(code(admin.rename_tenant("no", None).await), Code::TenantNotFound);
        let log = admin.audit_log("@store", 0, 99).await.expect("log");
        let actions: Vec<_> = log.iter().map(|entry| entry.action.as_str()).collect();
        let expected = ["tenant.created", "tenant.configured", "tenant.renamed", "tenant.renamed"];
        assert_eq!(actions, expected);
        assert_eq!(log[1].detail, json!({"parts": ["default_model", "quotas"]}));
        assert!(!serde_json::to_string(&log).expect("log").to_lowercase().contains("secret"));
    });
}

#[test]
fn a_tenant_moves_with_those_below_and_nobody_reads_on_from_the_old_place() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        for (tenant, reader) in [("team", "org"), ("user", "org"), ("user", "team")] {
            admin.grant_read(tenant, reader).await.expect("grant");
        }
        assert_eq!(code(admin.move_tenant("team", Some("team")).await), Code::InvalidArgument);
        assert_eq!(code(admin.move_tenant("org", Some("team")).await), Code::InvalidArgument);
        assert_eq!(code(admin.move_tenant("other", Some("user")).await), Code::InvalidArgument);
        assert_eq!(code(admin.move_tenant("team", Some("no")).await), Code::TenantNotFound);
        assert_eq!(code(admin.move_tenant("no", None).await), Code::TenantNotFound);

        let moved = admin.move_tenant("team", Some("other")).await.expect("move");
        assert_eq!(moved.parent.as_deref(), Some("other"));
        assert!(admin.read_grants("team").await.expect("grants").is_empty());
        let left = admin.read_grants("user").await.expect("grants");
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].reader, "team");
        let log = admin.audit_log("@store", 7, 9).await.expect("log");
        assert_eq!(log.len(), 1, "what was refused is not in the log");
        assert_eq!(log[0].detail, json!({"from": "org", "to": "other", "revoked": 2}));
        assert_eq!(admin.move_tenant("team", None).await.expect("move").parent, None);
    });
}

#[test]
fn a_tenant_moves_nowhere_where_those_below_it_would_stand_too_low() {
    on_every_store(async |place: &Place| {
        let admin = place.admin().await;
        family(&admin).await;
        let mut parent = "other".to_owned();
        for depth in 2..=6 {
            let id = format!("d{depth}");
            admin.create_tenant(&id, below(&parent)).await.expect("create");
            parent = id;
        }
        let low = admin.move_tenant("org", Some("d6")).await;
        assert_eq!(code(low), Code::InvalidArgument);
        admin.move_tenant("org", Some("d5")).await.expect("three fit there");
    });
}
