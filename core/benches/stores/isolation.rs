//! Row-level isolation against the same statements with a plain filter: two connections run the
//! same transactions in turns, one as the application, to which the policies apply, one as a
//! superuser, to whom they do not.

use std::time::{Duration, Instant};

use aikit::store::Location;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::harness::Output;

/// Tenants in the table, and rows of each.
const TENANTS: usize = 10_000;
const ROWS: usize = 10;
/// Transactions of each kind on each side, in turns of so many.
const ROUNDS: usize = 150;
const TURN: usize = 40;

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

fn median(samples: &mut [Duration]) -> f64 {
    samples.sort_unstable();
    samples[samples.len() / 2].as_secs_f64()
}

pub(crate) async fn measure(out: &Output, application: &Location, root: &str) {
    let Location::Postgres(url) = application else { return };
    let url = secrecy::ExposeSecret::expose_secret(url).to_owned();
    let mut owner = PgConnection::connect(root).await.unwrap();
    owner.execute(FILL).await.unwrap();
    owner.execute("VACUUM ANALYZE").await.unwrap();
    let mut isolated = PgConnection::connect(&url).await.unwrap();
    // What is written is not waited for, on both sides: a disk would hide the difference.
    for connection in [&mut isolated, &mut owner] {
        connection.execute("SET synchronous_commit = off").await.unwrap();
    }
    for (kind, sql) in KINDS {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let tenants: Vec<String> =
                (0..TURN).map(|i| format!("t{}", (round * TURN + i) * 7919 % TENANTS)).collect();
            // Who begins changes, so that neither always finds the pages warm.
            let order = if round % 2 == 0 { [true, false] } else { [false, true] };
            for isolate in order {
                for tenant in &tenants {
                    let (connection, samples) = if isolate {
                        (&mut isolated, &mut with)
                    } else {
                        (&mut owner, &mut without)
                    };
                    samples.push(transact(connection, tenant, sql).await);
                }
            }
        }
        let (with, without) = (median(&mut with), median(&mut without));
        let rows = TENANTS * ROWS;
        out.value(
            &format!("PostgreSQL: isolated / plain filter, {kind}, {rows} rows"),
            with / without,
            "times",
        );
        out.value(&format!("PostgreSQL: {kind}, isolated, whole transaction"), with * 1e6, "us");
    }
}
