//! Where the tests keep things: in memory and in SQLite files, or, when `AIKIT_TEST_POSTGRES` names a
//! server (`tests/postgres/server.py run -- cargo test ...`), in databases of it. So one suite holds for
//! both back ends.

#![expect(unreachable_pub, reason = "a module of several test programs")]

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use aikit::kernel::{Kernel, OpenOptions};
use aikit::store::{Grant, Location, grant, migrate};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::OnceCell;

const LOGIN: &str = "aikit_test_app";
const PASSWORD: &str = "of-the-tests";

/// The URL of the server's superuser, if the tests are to run there.
pub fn server() -> Option<String> {
    std::env::var("AIKIT_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// The same URL for another database.
pub fn at(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{database}")
}

/// The same URL for the login of an application.
fn as_application(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, place) = rest.rsplit_once('@').expect("a URL with a login");
    format!("{scheme}://{LOGIN}:{PASSWORD}@{place}")
}

pub async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.expect(sql);
    connection.close().await.expect("close");
}

/// A migrated database that the others are copies of.
async fn template(url: &str) -> &'static str {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let make = async || {
        let name = format!("template_{}", std::process::id());
        run(url, &format!("CREATE DATABASE {name}")).await;
        let own = Location::new(&at(url, &name));
        migrate(&own).await.expect("migrate");
        let login = Grant {
            login: LOGIN.into(),
            create: true,
            password: Some(PASSWORD.into()),
            ..Grant::default()
        };
        grant(&own, login).await.expect("grant");
        name
    };
    TEMPLATE.get_or_init(make).await
}

/// A database of this name with these tenants, made if need be.
async fn database(url: &str, name: &str, tenants: &[&str]) -> Location {
    /// One at a time: a template may not be in use while it is copied.
    static MAKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = MAKING.lock().await;
    let mut root = PgConnection::connect(url).await.expect("connect");
    let there: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(name)
            .fetch_one(&mut root)
            .await
            .expect("look");
    if !there {
        let make = format!("CREATE DATABASE {name} TEMPLATE {}", template(url).await);
        root.execute(sqlx::raw_sql(AssertSqlSafe(make))).await.expect("database");
    }
    root.close().await.expect("close");
    let own = at(url, name);
    for tenant in tenants {
        let make = format!(
            "INSERT INTO aikit.tenants (tenant_id, status, config, created_at, updated_at)
             VALUES ('{tenant}', 'active', '{{}}', aikit.aikit_now(), aikit.aikit_now())
             ON CONFLICT DO NOTHING"
        );
        run(&own, &make).await;
    }
    Location::new(&as_application(&own))
}

/// The database that stands for a file.
pub fn named(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("store_{:x}", hasher.finish())
}

/// A new store with these tenants.
pub async fn fresh(tenants: &[&str]) -> Location {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    match server() {
        None => Location::Memory,
        Some(url) => {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            database(&url, &format!("store_{}_{number}", std::process::id()), tenants).await
        }
    }
}

/// The store of a file, or the database that stands for it; the same for the same path.
pub async fn of_file(path: &Path, tenants: &[&str]) -> Location {
    match server() {
        None => Location::from(path),
        Some(url) => database(&url, &named(path), tenants).await,
    }
}

/// A kernel for the tenant `default` of a new store.
pub async fn kernel() -> Kernel {
    kernel_with(OpenOptions::default()).await
}

/// A kernel with these options on a new store.
pub async fn kernel_with(options: OpenOptions) -> Kernel {
    let tenant = options.tenant.clone().unwrap_or_else(|| "default".into());
    let location = Some(fresh(&[&tenant]).await);
    Kernel::open(OpenOptions { location, ..options }).await.expect("open")
}

/// A kernel for a tenant of the store of a file.
pub async fn on_file(path: &Path, tenant: &str) -> Kernel {
    let location = Some(of_file(path, &[tenant]).await);
    let options = OpenOptions { location, tenant: Some(tenant.into()), ..OpenOptions::default() };
    Kernel::open(options).await.expect("open")
}
