//! From nothing to the newest version, and what is refused on the way.

use super::{Place, in_database, in_schema, migrate_now, refused, run, texts};
use crate::error::Code;
use crate::store::postgres::schema::migrate::bring;
use crate::store::postgres::schema::{MIGRATIONS, newest, status};

const TABLES: &str = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n
    ON n.oid = c.relnamespace WHERE n.nspname = 'aikit' ORDER BY 1";

#[test]
fn an_empty_database_is_migrated_once() {
    in_database(async |place| {
        let mut root = place.root().await;
        let before = status(&mut root).await.expect("status");
        assert_eq!((before.schema, before.pgvector, before.faults.len()), (None, None, 0));
        assert_eq!(before.pending.len(), MIGRATIONS.len());

        let report = migrate_now(&mut root).await.expect("migrate");
        assert_eq!((report.from, report.to), (0, newest()));
        assert_eq!(report.applied, before.pending);
        assert!(report.created.contains(&"vector".into()));
        let again = migrate_now(&mut root).await.expect("again");
        assert_eq!((again.from, again.to), (newest(), newest()));
        assert!(again.applied.is_empty() && again.created.is_empty(), "{again:?}");

        let after = status(&mut root).await.expect("status");
        assert_eq!((after.schema, after.wanted), (Some(newest()), newest()));
        assert!(after.pending.is_empty() && after.pgvector.is_some());
        assert_eq!(after.faults, Vec::<String>::new());
        assert_eq!(after.login.is, ["superuser"]);
        assert!(after.roles.iter().all(|role| role.exists), "{:?}", after.roles);
        let by = texts(&mut root, "SELECT DISTINCT applied_by FROM aikit.migrations").await;
        assert_eq!(by, [after.login.name]);
    });
}

#[test]
fn each_earlier_version_is_brought_up() {
    for from in 1..MIGRATIONS.len() {
        in_database(async |place| {
            let mut root = place.root().await;
            bring(&mut root, &MIGRATIONS[..from]).await.expect("an earlier version");
            let before = status(&mut root).await.expect("status");
            let wanted: Vec<_> = MIGRATIONS[from..].iter().map(|step| step.name).collect();
            assert_eq!(before.pending, wanted);
            let report = migrate_now(&mut root).await.expect("migrate");
            assert_eq!((report.from, report.to), (from as i64, newest()));
            assert_eq!(report.applied, wanted);
            let after = status(&mut root).await.expect("status");
            assert_eq!(after.faults, Vec::<String>::new());
        });
    }
}

#[test]
fn two_migrations_at_once_follow_each_other() {
    in_database(async |place| {
        let (mut one, mut two) = (place.root().await, place.root().await);
        let (one, two) = futures_util::join!(migrate_now(&mut one), migrate_now(&mut two));
        let (one, two) = (one.expect("one"), two.expect("two"));
        assert_eq!(one.applied.len() + two.applied.len(), MIGRATIONS.len());
        assert_eq!((one.to, two.to), (newest(), newest()));
    });
}

#[test]
fn the_schema_of_a_newer_aikit_is_left_alone() {
    in_schema(async |_, root| {
        run(root, "INSERT INTO aikit.migrations VALUES (99, 'later', '', '')").await.expect("row");
        let before = texts(root, TABLES).await;
        let error = migrate_now(root).await.expect_err("newer");
        assert_eq!(error.code(), Code::StoreOutdated);
        assert!(error.message().contains("99"), "{}", error.message());
        assert_eq!(texts(root, TABLES).await, before);
        let status = status(root).await.expect("status");
        assert_eq!((status.schema, status.pending.len()), (Some(99), 0));
    });
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    in_database(async |place| {
        let mut root = place.root().await;
        run(&mut root, "CREATE SCHEMA aikit").await.expect("schema of somebody");
        let error = migrate_now(&mut root).await.expect_err("not ours");
        assert_eq!(error.code(), Code::StoreCorrupt);
        // The last table of the version is in the way, when most was made already.
        run(&mut root, "DROP SCHEMA aikit").await.expect("drop");
        let other = place.make_login("other", "SUPERUSER").await;
        let mut other = place.login(&other).await;
        migrate_now(&mut other).await.expect("migrate");
        run(
            &mut root,
            "DROP SCHEMA aikit CASCADE; CREATE SCHEMA aikit AUTHORIZATION aikit_owner;
            CREATE TABLE aikit.audit_log (theirs text)",
        )
        .await
        .expect("in the way");
        let error = migrate_now(&mut root).await.expect_err("in the way");
        assert_eq!(error.code(), Code::StoreFailed, "{error:?}");
        assert_eq!(texts(&mut root, TABLES).await, ["audit_log"]);
        // The connection is free again.
        run(&mut root, "DROP TABLE aikit.audit_log").await.expect("drop");
        migrate_now(&mut root).await.expect("migrate");
    });
}

/// A login without any right, and then with one after the other.
#[test]
fn each_missing_right_is_named_with_what_grants_it() {
    in_database(async |place| {
        let mut root = place.root().await;
        let login = place.make_login("plain", "NOINHERIT").await;
        let mut plain = place.login(&login).await;
        // The roles of the server come from the set-up of any other database.
        run(&mut root, "CREATE EXTENSION vector SCHEMA public").await.expect("extension");
        migrate_elsewhere(place).await;

        let error = migrate_now(&mut plain).await.expect_err("no member");
        assert_eq!(error.code(), Code::StoreRole);
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains("GRANT aikit_owner TO"), "{error:?}");
        run(&mut root, &format!("GRANT aikit_owner TO {login}")).await.expect("grant");

        let error = migrate_now(&mut plain).await.expect_err("no schema");
        assert_eq!(error.code(), Code::StoreRole);
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains("GRANT CREATE ON DATABASE"), "{error:?}");
        let create = format!("GRANT CREATE ON DATABASE {} TO {login}", place.name);
        run(&mut root, &create).await.expect("grant");

        let report = migrate_now(&mut plain).await.expect("migrate");
        assert_eq!(report.to, newest());
        let status = status(&mut plain).await.expect("status");
        assert_eq!(status.faults, Vec::<String>::new());
        assert_eq!(status.login.is, ["owner"]);
        let members = &status.roles[0].members;
        assert!(members.contains(&login), "{members:?}");
    });
}

#[test]
fn the_extension_needs_more_than_a_plain_login() {
    in_database(async |place| {
        let login = place.make_login("maker", "CREATEROLE").await;
        let error = migrate_now(&mut place.login(&login).await).await.expect_err("no extension");
        assert_eq!(error.code(), Code::StoreRole);
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains("CREATE EXTENSION vector"), "{error:?}");
    });
}

/// Who may give the owner's role away gives it to itself.
#[test]
fn a_login_that_may_grant_the_owner_becomes_a_member() {
    in_database(async |place| {
        let mut root = place.root().await;
        run(&mut root, "CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
            .await
            .expect("extension");
        migrate_elsewhere(place).await;
        let login = place.make_login("admin", "").await;
        let rights = format!(
            "GRANT aikit_owner TO {login} WITH ADMIN TRUE, SET FALSE, INHERIT FALSE;
             GRANT CREATE ON DATABASE {} TO {login}",
            place.name
        );
        run(&mut root, &rights).await.expect("grant");
        let mut connection = place.login(&login).await;
        let error = migrate_now(&mut connection).await.expect_err("pgvector is out of reach");
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains("GRANT USAGE ON SCHEMA"), "{error:?}");
        run(&mut root, "GRANT USAGE ON SCHEMA extensions TO PUBLIC").await.expect("grant");
        migrate_now(&mut connection).await.expect("migrate");
        run(
            &mut root,
            "INSERT INTO aikit.tenants VALUES ('a', NULL, NULL, NULL, 'active', '{}', '', '')",
        )
        .await
        .expect("tenant");
        run(&mut root, "BEGIN; SELECT aikit.enter('a'); SELECT '[1]'::vector <=> '[2]'; COMMIT")
            .await
            .expect("pgvector is in the path");
    });
}

async fn migrate_elsewhere(place: &Place) {
    let mut root = place.root().await;
    let name = place.called("elsewhere");
    run(&mut root, &format!("CREATE DATABASE {name}")).await.expect("database");
    let elsewhere = Place { options: place.options.clone(), name: name.clone() };
    migrate_now(&mut elsewhere.root().await).await.expect("migrate");
    run(&mut root, &format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("drop");
}

/// Tables and columns are those of SQLite, in the same order; what one back end has alone is named.
#[test]
fn tables_and_columns_are_those_of_sqlite() {
    let sqlite = rusqlite::Connection::open_in_memory().expect("open");
    crate::store::sqlite::functions(&sqlite).expect("functions");
    for step in [
        include_str!("../../../sqlite/v1.sql"),
        include_str!("../../../sqlite/v2.sql"),
        include_str!("../../../sqlite/v3.sql"),
        include_str!("../../../sqlite/v4.sql"),
    ] {
        sqlite.execute_batch(step).expect("step");
    }
    let ours: Vec<String> = sqlite
        .prepare(
            "SELECT t.name || '.' || c.name || ' ' ||
                 CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'INTEGER' THEN 'bigint' ELSE 'bytea' END ||
                 CASE WHEN c.\"notnull\" OR c.pk THEN ' not null' ELSE '' END
             FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'chunk_text%'
                 AND t.name NOT IN ('chunk_terms', 'chunk_postings')
                 -- Of keyword search, which PostgreSQL has in chunks.tsv.
                 AND (t.name, c.name) NOT IN (VALUES ('chunks', 'words'), ('chunks', 'length'),
                     ('collections', 'passages'), ('collections', 'words'))
             ORDER BY t.name, c.cid",
        )
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .expect("columns");
    in_schema(async |_, root| {
        let theirs = "SELECT c.relname || '.' || a.attname || ' '
                || replace(format_type(a.atttypid, a.atttypmod), 'vector', 'bytea')
                || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            WHERE n.nspname = 'aikit' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND c.relname <> 'migrations' AND (c.relname, a.attname) <> ('chunks', 'tsv')
            ORDER BY c.relname COLLATE \"C\", a.attnum";
        assert_eq!(texts(root, theirs).await, ours);
        let loose = "SELECT c.relname || '.' || a.attname
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
            WHERE n.nspname = 'aikit' AND c.relkind IN ('r', 'p') AND a.atttypid = 'text'::regtype
                AND a.attcollation <> (SELECT oid FROM pg_collation WHERE collname = 'C'
                    AND collnamespace = 'pg_catalog'::regnamespace)";
        assert_eq!(texts(root, loose).await, Vec::<String>::new(), "text is sorted by its bytes");
    });
}

#[test]
fn statements_before_the_set_up_say_that_it_is_missing() {
    in_database(async |place| {
        let mut root = place.root().await;
        let code = refused(&mut root, "BEGIN; SELECT aikit.enter('a')").await;
        assert_eq!(code, Code::StoreOutdated);
        let code = refused(&mut root, "SELECT * FROM no_such_table").await;
        assert_eq!(code, Code::StoreOutdated);
    });
}
