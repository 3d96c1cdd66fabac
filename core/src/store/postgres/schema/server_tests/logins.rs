//! Logins that are made, get a role, and lose it.

use secrecy::SecretString;

use super::{in_schema, number, run, texts};
use crate::error::Code;
use crate::store::postgres::roles::{check_admin, check_app};
use crate::store::postgres::schema::{Grant, grant, status};

fn plain(login: &str) -> Grant {
    Grant { login: login.into(), ..Grant::default() }
}

#[test]
fn a_new_login_gets_in_with_its_password_and_with_no_other() {
    in_schema(async |place, root| {
        let login = place.called("o\"dd 'name");
        let password = SecretString::from("p@ss %'word");
        let wanted = Grant { create: true, password: Some(password), ..plain(&login) };
        let done = grant(root, wanted.clone()).await.expect("grant");
        assert_eq!((done.role, done.created, done.changed), ("aikit_app", true, true));
        let mut app = place.try_login(&login, "p@ss %'word").await.expect("the right password");
        check_app(&mut app, true).await.expect("let in");
        let error = place.try_login(&login, "wr0ng-one").await.expect_err("a wrong password");
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(!error.to_json().to_string().contains("wr0ng-one"), "{error:?}");

        let kept = "SELECT rolpassword FROM pg_authid WHERE rolname LIKE '%dd ''name'
            AND NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)";
        let before = texts(root, kept).await;
        assert!(before[0].starts_with("SCRAM-SHA-256$4096:"), "{before:?}");
        // Again: nothing new but a new salt.
        let again = grant(root, wanted).await.expect("again");
        assert_eq!((again.created, again.changed, again.password_set), (false, false, true));
        assert_ne!(texts(root, kept).await, before);
        place.try_login(&login, "p@ss %'word").await.expect("the same password");
        let is = status(&mut app).await.expect("status").login.is;
        assert_eq!(is, ["app"]);

        // Its rights are gone as soon as the role is.
        let revoke = Grant { revoke: true, ..plain(&login) };
        let gone = grant(root, revoke.clone()).await.expect("revoke");
        assert!(gone.changed && !gone.created);
        assert_eq!(check_app(&mut app, true).await.expect_err("gone").code(), Code::StoreRole);
        assert!(!grant(root, revoke).await.expect("again").changed);
        let drop = "DO $$ BEGIN EXECUTE (SELECT format('DROP ROLE %I', rolname) FROM pg_roles
            WHERE rolname LIKE '%dd ''name'); END $$";
        run(root, drop).await.expect("nothing holds it");
    });
}

#[test]
fn a_login_is_of_an_application_or_of_an_administrator() {
    in_schema(async |place, root| {
        let login = place.make_login("one", "").await;
        let admin = Grant { admin: true, ..plain(&login) };
        assert_eq!(grant(root, admin.clone()).await.expect("grant").role, "aikit_admin");
        check_admin(&mut place.login(&login).await).await.expect("let in");
        let error = grant(root, plain(&login)).await.expect_err("both");
        assert_eq!(error.code(), Code::StoreRole);
        let hint = error.hint_text().unwrap_or_default();
        assert!(
            hint.contains(&format!("aikit db grant {login} --admin --revoke --store URL")),
            "{hint}"
        );
        grant(root, Grant { revoke: true, ..admin.clone() }).await.expect("revoke");
        grant(root, plain(&login)).await.expect("grant");
        check_app(&mut place.login(&login).await, true).await.expect("let in");
        assert_eq!(grant(root, admin).await.expect_err("both").code(), Code::StoreRole);
    });
}

#[test]
fn logins_that_no_policy_holds_back_get_no_role() {
    in_schema(async |place, root| {
        for (what, words, message) in [
            ("super", "SUPERUSER", "is a superuser"),
            ("by", "BYPASSRLS", "has BYPASSRLS"),
            ("own", "IN ROLE aikit_owner", "is a member of aikit_owner"),
        ] {
            let login = place.make_login(what, words).await;
            for admin in [false, true] {
                let error = grant(root, Grant { admin, ..plain(&login) }).await.expect_err(words);
                assert_eq!(error.code(), Code::StoreRole, "{words}");
                assert!(error.message().contains(message), "{error:?}");
            }
        }
        let members = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
            WHERE r.rolname IN ('aikit_app', 'aikit_admin')
                AND starts_with(m.member::regrole::text, current_database())";
        assert_eq!(number(root, members).await, 0);
    });
}

#[test]
fn what_cannot_be_meant_is_an_invalid_argument() {
    in_schema(async |place, root| {
        let there = place.make_login("there", "").await;
        for (wanted, why) in [
            (plain(""), "no name"),
            (plain("aikit_owner"), "a role of ours"),
            (plain("pg_monitor"), "a role of the server"),
            (plain(&"x".repeat(64)), "too long"),
            (plain("not_there_at_all"), "not there"),
            (Grant { revoke: true, ..plain("not_there_at_all") }, "not there"),
            (Grant { revoke: true, create: true, ..plain(&there) }, "both"),
            (Grant { password: Some("".into()), ..plain(&there) }, "an empty password"),
        ] {
            let error = grant(root, wanted).await.expect_err(why);
            assert_eq!(error.code(), Code::InvalidArgument, "{why}");
        }
    });
}

#[test]
fn who_may_not_grant_is_told_so() {
    in_schema(async |place, root| {
        let login = place.make_login("plain", "").await;
        let other = place.make_login("other", "").await;
        let mut connection = place.login(&login).await;
        for wanted in [
            plain(&other),
            Grant { create: true, ..plain(&place.called("new")) },
            Grant { password: Some("x".into()), ..plain(&other) },
        ] {
            let error = grant(&mut connection, wanted).await.expect_err("no right");
            assert_eq!(error.code(), Code::StoreRole);
            assert!(error.hint_text().unwrap_or_default().contains("superuser"), "{error:?}");
        }
        // A role that came through a group is not taken away by looks alone.
        let group = place.called("group");
        run(root, &format!("CREATE ROLE {group} IN ROLE aikit_app; GRANT {group} TO {other}"))
            .await
            .expect("group");
        let error = grant(root, Grant { revoke: true, ..plain(&other) }).await.expect_err("stays");
        assert_eq!(error.code(), Code::StoreRole);
    });
}
