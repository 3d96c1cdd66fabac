//! However large a tenant is: what an archive needs in memory is a page.

#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use aikit::store::{Admin, ImportOptions, Location, NewRun, RunStatus, Spent, Store, StoreOptions};

/// Rows of the tenant, and about how many bytes each has.
const ROWS: u64 = 50_000;
const ROW: usize = 1000;
/// What may be needed more than before: less than half of the tenant.
const BOUND: u64 = 20 * 1024 * 1024;

/// The most memory that this process has had.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1024
}

/// The only test of its file: others would use the same process.
#[tokio::test]
async fn a_large_tenant_is_moved_page_by_page() {
    let folder = tempfile::tempdir().expect("folder");
    let location = Location::from(folder.path().join("store.db"));
    let store = Store::open(&location, StoreOptions::default()).await.expect("open");
    let tenant = store.tenant("large").expect("tenant");
    tenant.settle().await.expect("settle");
    let run = NewRun {
        run_id: "r".into(),
        agent_id: "a".into(),
        version: "1.0.0".into(),
        model: "m/m".into(),
    };
    tenant.begin_run(run, vec![]).await.expect("begin");
    let body: Arc<str> = format!("\"{}\"", "x".repeat(ROW)).into();
    for first in (0..ROWS).step_by(5000) {
        let events = (first..first + 5000).map(|seq| (seq, body.clone())).collect();
        tenant.record_step("r", events, Spent::default(), None).await.expect("events");
    }
    let nothing = Spent::default();
    tenant.record_step("r", vec![], nothing, Some(RunStatus::Finished)).await.expect("end");

    let admin = Admin::open(&location, "tester").await.expect("admin");
    let before = peak();
    let options = ImportOptions { as_id: Some("copy".into()), ..ImportOptions::default() };
    let report = admin.copy_tenant("large", &admin, options).await.expect("copy");
    let more = peak() - before;
    assert!(report.agree);
    assert_eq!(report.target["run_events"].rows, ROWS);
    assert_eq!(report.source["run_events"], report.target["run_events"]);
    assert!(more < BOUND, "{more} bytes more for {} bytes of rows", ROWS * ROW as u64);
}
