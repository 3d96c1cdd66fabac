//! Row-level isolation against the same statements with a plain filter: two connections run the
//! same transactions in turns, both as logins with the application's rights, one of which is exempt
//! from policies.

use std::time::{Duration, Instant};

use aikit::store::Location;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::harness::Output;

/// Tenants in the table, and rows of each.
const TENANTS: usize = 10_000;
const ROWS: usize = 10;
/// Transactions of each kind on each connection, in turns of so many.
const ROUNDS: usize = 30;
const TURN: usize = 40;
/// How many times three connections are opened and compared.
const TRIPLES: usize = 9;

const FILL: &str = "INSERT INTO aikit.spec_versions (tenant_id, agent_id, ordering, version, status,
        hash, created_at, updated_at, tags, name, document, text)
    SELECT 't' || t, 'agent' || r, decode(lpad(to_hex(r), 2, '0'), 'hex'), '1.0.' || r, 'draft', 'h',
        aikit.aikit_now(), aikit.aikit_now(), '[]', 'n', '{}', repeat('x', 200)
    FROM generate_series(0, 9999) t, generate_series(0, 9) r
    ON CONFLICT DO NOTHING";

/// What a transaction does, after it has entered its tenant.
const KINDS: [(&str, &str); 3] = [
    (
        "a point read",
        "SELECT text FROM spec_versions
         WHERE tenant_id = $1 AND agent_id = 'agent3' AND ordering = '\\x03'",
    ),
    ("a list of ten", "SELECT agent_id, version FROM spec_versions WHERE tenant_id = $1"),
    (
        "an update",
        "UPDATE spec_versions SET status = 'draft'
         WHERE tenant_id = $1 AND agent_id = 'agent3' AND ordering = '\\x03'",
    ),
];

async fn transact(connection: &mut PgConnection, tenant: &str, sql: &'static str) -> Duration {
    let begin = format!("BEGIN; SELECT aikit.enter('{tenant}')");
    let started = Instant::now();
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(begin))).await.unwrap();
    connection.fetch_all(sqlx::query(sql).bind(tenant)).await.unwrap();
    connection.execute(sqlx::raw_sql("COMMIT")).await.unwrap();
    started.elapsed()
}

fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A login with the rights of the application's that no policy applies to.
async fn exempt(owner: &mut PgConnection, application: &str) -> String {
    let (scheme, rest) = application.split_once("://").unwrap();
    let (_, place) = rest.rsplit_once('@').unwrap();
    let make = "CREATE ROLE bench_plain LOGIN PASSWORD 'plain' BYPASSRLS IN ROLE aikit_app";
    owner.execute(make).await.unwrap();
    format!("{scheme}://bench_plain:plain@{place}")
}

pub(crate) async fn measure(out: &Output, application: &Location, root: &str) {
    let Location::Postgres(url) = application else { return };
    let url = secrecy::ExposeSecret::expose_secret(url).to_owned();
    let mut owner = PgConnection::connect(root).await.unwrap();
    owner.execute(FILL).await.unwrap();
    owner.execute("VACUUM ANALYZE").await.unwrap();
    let plain = exempt(&mut owner, &url).await;
    for (kind, sql) in KINDS {
        let (mut ratios, mut noise, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TRIPLES {
            // Which processor a server process runs on, and where its memory lies, is worth more than
            // what is measured: many of them, and a second plain one to say how much that is.
            let [with, without, other] = triple([&url, &plain, &plain], sql).await;
            ratios.push(with / without);
            noise.push(other / without);
            taken.push(with * 1e6);
        }
        let rows = TENANTS * ROWS;
        let what = format!("{kind}, {rows} rows, median of {TRIPLES}");
        out.value(
            &format!("PostgreSQL: isolated / plain filter, {what}"),
            median(&ratios),
            "times",
        );
        out.value(
            &format!("PostgreSQL: plain filter / plain filter, {what}"),
            median(&noise),
            "times",
        );
        out.value(
            &format!("PostgreSQL: {kind}, isolated, whole transaction"),
            median(&taken),
            "us",
        );
    }
}

/// The median times of three new connections that take turns, in seconds.
async fn triple(urls: [&str; 3], sql: &'static str) -> [f64; 3] {
    let mut connections = Vec::new();
    for url in urls {
        let mut connection = PgConnection::connect(url).await.unwrap();
        // What is written is not waited for: a disk would hide the difference.
        connection.execute("SET synchronous_commit = off").await.unwrap();
        connections.push((connection, Vec::new()));
    }
    for round in 0..ROUNDS {
        let tenants: Vec<String> =
            (0..TURN).map(|i| format!("t{}", (round * TURN + i) * 7919 % TENANTS)).collect();
        // Who begins changes, so that none always finds the pages warm.
        connections.rotate_left(round % 3);
        for (connection, samples) in &mut connections {
            for tenant in &tenants {
                samples.push(transact(connection, tenant, sql).await.as_secs_f64());
            }
        }
        connections.rotate_right(round % 3);
    }
    [0, 1, 2].map(|i| median(&connections[i].1))
}
