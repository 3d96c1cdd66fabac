//! What a transaction is once it has entered a tenant.

use sqlx::PgConnection;

use super::{Place, in_schema, make_tenants, number, refused, run, texts};
use crate::error::Code;
use crate::store::postgres::schema::{Grant, grant};

/// Logins of an application and of an administrator.
async fn logins(place: &Place, root: &mut PgConnection) -> (PgConnection, PgConnection) {
    let (app, admin) = (place.called("app"), place.called("admin"));
    for (login, admin) in [(&app, false), (&admin, true)] {
        let password = Some(login.as_str().into());
        let wanted = Grant { login: login.clone(), admin, create: true, password, revoke: false };
        grant(root, wanted).await.expect("grant");
    }
    (place.login(&app).await, place.login(&admin).await)
}

#[test]
fn a_transaction_is_in_the_tenant_and_nothing_stays_afterwards() {
    in_schema(async |place, root| {
        let (mut app, _) = logins(place, root).await;
        make_tenants(root, &["a", "b"]).await;
        run(&mut app, "BEGIN; SELECT aikit.enter('a')").await.expect("enter");
        let settings = "SELECT unnest(ARRAY[current_setting('aikit.current_tenant_id'),
            current_setting('search_path'), current_setting('transaction_read_only')])";
        let inside = texts(&mut app, settings).await;
        assert_eq!(inside, ["a", "pg_catalog, aikit, public, pg_temp", "off"]);
        assert_eq!(texts(&mut app, "SELECT tenant_id FROM tenants").await, ["a"]);
        let now = texts(&mut app, "SELECT aikit_now()").await;
        assert!(now[0].len() == 24 && now[0].ends_with('Z') && &now[0][10..11] == "T", "{now:?}");
        run(&mut app, "COMMIT").await.expect("commit");
        assert_eq!(number(&mut app, "SELECT count(*) FROM aikit.tenants").await, 0);
        assert_eq!(texts(&mut app, settings).await[0], "");
        // Outside of a transaction it holds for its own statement.
        run(&mut app, "SELECT aikit.enter('a')").await.expect("enter");
        assert_eq!(number(&mut app, "SELECT count(*) FROM aikit.tenants").await, 0);
    });
}

#[test]
fn tenants_that_are_not_there_or_suspended_are_told_apart() {
    in_schema(async |place, root| {
        let (mut app, _) = logins(place, root).await;
        make_tenants(root, &["a", "b"]).await;
        run(root, "UPDATE aikit.tenants SET status = 'suspended' WHERE tenant_id = 'b'")
            .await
            .expect("suspend");
        for (call, code) in [
            ("enter('c')", Code::TenantNotFound),
            ("enter('')", Code::TenantNotFound),
            ("enter(NULL)", Code::TenantNotFound),
            ("enter('@store')", Code::TenantNotFound),
            ("enter('b')", Code::TenantSuspended),
            ("enter('b', 'a')", Code::TenantSuspended),
            ("enter_admin()", Code::StoreRole),
        ] {
            assert_eq!(
                refused(&mut app, &format!("BEGIN; SELECT aikit.{call}")).await,
                code,
                "{call}"
            );
            // The superuser, to whom no policy applies, gets the same answers.
            if code != Code::StoreRole {
                assert_eq!(
                    refused(root, &format!("BEGIN; SELECT aikit.{call}")).await,
                    code,
                    "{call}"
                );
            }
        }
    });
}

#[test]
fn a_tenant_above_reads_what_was_granted_and_writes_nothing() {
    in_schema(async |place, root| {
        let (mut app, _) = logins(place, root).await;
        make_tenants(root, &["org", "team", "user"]).await;
        run(root, "INSERT INTO aikit.tenants VALUES
                ('else', NULL, NULL, NULL, 'active', '{}', '', '');
            INSERT INTO aikit.collections VALUES ('user', 'mine'), ('org', 'theirs');
            INSERT INTO aikit.tenant_grants VALUES ('user', 'org', '', NULL), ('org', 'user', '', NULL),
                ('user', 'else', '', NULL), ('user', 'user', '', NULL)")
            .await
            .expect("rows");
        run(&mut app, "BEGIN; SELECT aikit.enter('user', 'org')").await.expect("granted");
        assert_eq!(texts(&mut app, "SELECT name FROM collections").await, ["mine"]);
        assert_eq!(texts(&mut app, "SELECT tenant_id FROM tenants").await, ["user"]);
        let write = "INSERT INTO collections VALUES ('user', 'new')";
        assert_eq!(refused(&mut app, write).await, Code::TenantReadOnly);
        run(&mut app, "BEGIN; SELECT aikit.enter('user', 'org')").await.expect("granted");
        let escape = "SET TRANSACTION READ WRITE";
        assert_ne!(refused(&mut app, escape).await, Code::TenantReadOnly);

        for (call, why) in [
            ("'user', 'team'", "above, and not granted"),
            ("'org', 'user'", "granted, and below"),
            ("'user', 'else'", "granted, and beside"),
            ("'user', 'user'", "granted, and the same"),
            ("'user', 'none'", "not there"),
        ] {
            let call = format!("BEGIN; SELECT aikit.enter({call})");
            assert_eq!(refused(&mut app, &call).await, Code::AccessDenied, "{why}");
        }
        // What holds now counts, not what held when it was granted.
        run(root, "UPDATE aikit.tenants SET parent_id = NULL WHERE tenant_id = 'team'")
            .await
            .expect("moved away");
        let call = "BEGIN; SELECT aikit.enter('user', 'org')";
        assert_eq!(refused(&mut app, call).await, Code::AccessDenied);
        run(
            root,
            "UPDATE aikit.tenants SET parent_id = 'org' WHERE tenant_id = 'team';
            UPDATE aikit.tenants SET status = 'suspended' WHERE tenant_id = 'org'",
        )
        .await
        .expect("suspended");
        assert_eq!(refused(&mut app, call).await, Code::TenantSuspended);
        // A circle of parents ends.
        run(root, "UPDATE aikit.tenants SET parent_id = 'user' WHERE tenant_id = 'team'")
            .await
            .expect("circle");
        assert_eq!(refused(&mut app, call).await, Code::AccessDenied);
    });
}

#[test]
fn an_administrator_sees_all_and_an_application_its_own() {
    in_schema(async |place, root| {
        let (mut app, mut admin) = logins(place, root).await;
        make_tenants(root, &["a", "b"]).await;
        run(
            root,
            "INSERT INTO aikit.collections VALUES ('a', 'x'), ('b', 'y');
            INSERT INTO aikit.usage_totals VALUES ('a', 1, 1, 1, 1), ('b', 1, 1, 1, 1)",
        )
        .await
        .expect("rows");
        run(&mut admin, "BEGIN; SELECT aikit.enter_admin()").await.expect("enter");
        let all = "SELECT name FROM collections ORDER BY name";
        assert_eq!(texts(&mut admin, all).await, ["x", "y"]);
        run(&mut admin, "COMMIT").await.expect("commit");

        run(&mut app, "BEGIN; SELECT aikit.enter('a')").await.expect("enter");
        assert_eq!(texts(&mut app, all).await, ["x"]);
        let changed = run(&mut app, "UPDATE usage_totals SET bytes = 2").await.expect("update");
        assert_eq!(changed, 1);
        for write in [
            "INSERT INTO collections VALUES ('b', 'z')",
            "UPDATE collections SET tenant_id = 'b'",
            "UPDATE tenants SET status = 'active'",
            "INSERT INTO tenants VALUES ('c', NULL, NULL, NULL, 'active', '{}', '', '')",
            "DELETE FROM spec_history",
            "TRUNCATE collections",
            "SELECT * FROM runs_0",
            "DELETE FROM migrations",
            "CREATE TABLE aikit.mine (x text)",
        ] {
            run(&mut app, "ROLLBACK; BEGIN; SELECT aikit.enter('a')").await.expect("enter");
            assert_eq!(refused(&mut app, write).await, Code::StoreRole, "{write}");
        }
    });
}

#[test]
fn the_audit_log_is_append_only() {
    in_schema(async |place, root| {
        let (mut app, mut admin) = logins(place, root).await;
        make_tenants(root, &["a"]).await;
        let entry = "BEGIN; SELECT aikit.enter('a');
            INSERT INTO audit_log VALUES ('a', 1, '', NULL, 'x', 'y', '{}', '', ''); COMMIT";
        run(&mut app, entry).await.expect("entry");
        let again = refused(&mut app, entry).await;
        assert_eq!(again, Code::StoreConflict);
        for command in ["UPDATE aikit.audit_log SET why = ''", "DELETE FROM aikit.audit_log"] {
            let command = command.replace("why", "detail");
            let code =
                refused(&mut app, &format!("BEGIN; SELECT aikit.enter('a'); {command}")).await;
            assert_eq!(code, Code::StoreRole, "{command}");
        }
        // Not even by a superuser, nor with a right that somebody gave by mistake.
        run(root, &format!("GRANT UPDATE, DELETE ON aikit.audit_log TO {}", place.called("app")))
            .await
            .expect("mistake");
        for command in ["UPDATE aikit.audit_log SET detail = ''", "TRUNCATE aikit.audit_log"] {
            assert_eq!(refused(root, command).await, Code::StoreFailed, "{command}");
        }
        let code = refused(&mut app, "BEGIN; SELECT aikit.enter('a'); DELETE FROM audit_log").await;
        assert_eq!(code, Code::StoreFailed);
        // With their whole tenant.
        let gone = run(&mut admin, "DELETE FROM aikit.audit_log WHERE tenant_id = 'a'").await;
        assert_eq!(gone.expect("delete"), 1);
    });
}
