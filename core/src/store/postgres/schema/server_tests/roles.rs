//! Which logins are let in, and what the others are told.

use sqlx::PgConnection;

use super::{Place, in_database, in_schema, run};
use crate::error::{Code, Error};
use crate::store::postgres::roles::{check_admin, check_app};

/// A login that somebody made by hand, checked as an application's.
async fn check(place: &Place, what: &str, words: &str, then: &str) -> Result<(), Error> {
    let login = place.make_login(what, words).await;
    run(&mut place.root().await, &then.replace("LOGIN", &login)).await.expect(then);
    check_app(&mut place.login(&login).await, true).await
}

fn told(outcome: Result<(), Error>, message: &str, hint: &str) {
    let error = outcome.expect_err(message);
    assert_eq!(error.code(), Code::StoreRole, "{error:?}");
    assert!(error.message().contains(message), "{error:?}");
    assert!(error.hint_text().unwrap_or_default().contains(hint), "{error:?}");
}

#[test]
fn a_member_of_the_applications_role_and_of_nothing_else_is_let_in() {
    in_schema(async |place, _| {
        let login = place.make_login("app", "IN ROLE aikit_app").await;
        let mut app = place.login(&login).await;
        check_app(&mut app, true).await.expect("let in");
        told(
            check_admin(&mut app).await,
            "is not a member of aikit_admin",
            &format!("aikit db grant {login} --admin --store URL"),
        );
        // Through a group of the user's own too.
        let group = "CREATE ROLE LOGIN_group IN ROLE aikit_app; GRANT LOGIN_group TO LOGIN";
        check(place, "grouped", "", group).await.expect("let in");
    });
}

#[test]
fn an_administrator_is_let_in_at_its_own_door_alone() {
    in_schema(async |place, _| {
        let login = place.make_login("admin", "IN ROLE aikit_admin").await;
        let mut admin = place.login(&login).await;
        check_admin(&mut admin).await.expect("let in");
        told(
            check_app(&mut admin, true).await,
            "is a member of aikit_admin",
            &format!("aikit db grant {login} --admin --revoke --store URL"),
        );
        check_app(&mut admin, false).await.expect("the user said so");
    });
}

#[test]
fn a_login_that_could_leave_its_tenant_is_refused() {
    in_schema(async |place, root| {
        told(check_app(root, true).await, "is a superuser", "aikit db grant LOGIN --create");
        told(check_admin(root).await, "is a superuser", "aikit db grant LOGIN --admin --create");
        check_app(root, false).await.expect("the user said so");
        let app = "GRANT aikit_app TO LOGIN";
        told(check(place, "by", "BYPASSRLS", app).await, "has BYPASSRLS", "aikit db grant");
        let owner = "GRANT aikit_app, aikit_owner TO LOGIN";
        told(check(place, "own", "", owner).await, "is a member of aikit_owner", "aikit db grant");
        // Also one that has to ask for it first.
        told(check(place, "asks", "NOINHERIT", owner).await, "is a member of aikit_owner", "aikit");
        let table = "GRANT aikit_app TO LOGIN; ALTER TABLE aikit.runs_3 OWNER TO LOGIN";
        told(check(place, "has", "", table).await, "owns the table aikit.runs_3", "aikit db grant");
        run(root, "ALTER TABLE aikit.runs_3 OWNER TO aikit_owner").await.expect("back");
        let truncate = "GRANT aikit_app TO LOGIN; GRANT TRUNCATE ON aikit.chunks TO LOGIN";
        told(
            check(place, "cut", "", truncate).await,
            "may TRUNCATE aikit.chunks",
            "REVOKE TRUNCATE",
        );
    });
}

#[test]
fn a_login_without_the_role_is_told_how_to_get_it() {
    in_schema(async |place, _| {
        let outcome = check(place, "none", "", "SELECT 1").await;
        let login = place.called("none");
        told(
            outcome,
            "is not a member of aikit_app",
            &format!("aikit db grant {login} --store URL"),
        );
        let all = "GRANT USAGE ON SCHEMA aikit TO LOGIN; GRANT SELECT ON aikit.migrations TO LOGIN";
        told(check(place, "some", "", all).await, "is not a member of aikit_app", "aikit db grant");
        // It would have to ask for its rights in each session.
        let asks = "GRANT aikit_app TO LOGIN WITH INHERIT FALSE";
        told(check(place, "asks", "", asks).await, "does not inherit its rights", "INHERIT");
        let login = place.make_login("by", "BYPASSRLS").await;
        let error = check_app(&mut place.login(&login).await, false).await.expect_err("no right");
        assert_eq!(error.code(), Code::StoreRole);
    });
}

#[test]
fn tables_whose_policies_were_switched_off_are_noticed() {
    in_schema(async |place, root| {
        let login = place.make_login("app", "IN ROLE aikit_app").await;
        let mut app = place.login(&login).await;
        for (off, on, table) in [
            ("DISABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY", "documents"),
            ("NO FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY", "run_events_7"),
        ] {
            run(root, &format!("ALTER TABLE aikit.{table} {off}")).await.expect("off");
            told(check_app(&mut app, true).await, &format!("aikit.{table} was switched off"), on);
            run(root, &format!("ALTER TABLE aikit.{table} {on}")).await.expect("on");
        }
        check_app(&mut app, true).await.expect("let in");
    });
}

#[test]
fn tables_of_another_version_are_told_before_anything_else() {
    in_database(async |place| {
        outdated(
            check_app(&mut place.root().await, true).await,
            "has no tables of aikit",
            "migrate",
        );
        outdated(check_admin(&mut place.root().await).await, "has no tables of aikit", "migrate");
    });
    in_schema(async |place, root| {
        let login = place.make_login("app", "IN ROLE aikit_app").await;
        let mut app = place.login(&login).await;
        run(root, "INSERT INTO aikit.migrations VALUES (99, 'later', '', '')")
            .await
            .expect("newer");
        outdated(check_app(&mut app, true).await, "version 99", "upgrade aikit");
        outdated(check_app(&mut app, false).await, "version 99", "upgrade aikit");
        run(root, "DELETE FROM aikit.migrations").await.expect("older");
        outdated(check_app(&mut app, true).await, "version 0", "aikit db migrate --store URL");
        outdated(check_admin(root).await, "version 0", "aikit db migrate --store URL");
    });
}

fn outdated(outcome: Result<(), Error>, message: &str, hint: &str) {
    let error = outcome.expect_err(message);
    assert_eq!(error.code(), Code::StoreOutdated, "{error:?}");
    assert!(error.message().contains(message), "{error:?}");
    assert!(error.hint_text().unwrap_or_default().contains(hint), "{error:?}");
}

/// The next transaction of a connection whose server process has gone.
#[test]
fn a_connection_that_was_cut_is_lost_and_not_refused() {
    in_schema(async |place, root| {
        let mut other: PgConnection = place.root().await;
        let process = super::number(&mut other, "SELECT pg_backend_pid()::bigint").await;
        run(root, &format!("SELECT pg_terminate_backend({process})")).await.expect("cut");
        let error = run(&mut other, "SELECT 1").await.expect_err("cut");
        assert_eq!(error.code(), Code::StoreLost, "{error:?}");
        let error = run(&mut other, "SELECT 1").await.expect_err("cut");
        assert_eq!(error.code(), Code::StoreLost, "{error:?}");
    });
}
