//! Many at once: in tasks, in kernels on one file, in processes, and in one that is killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aikit::kernel::{Kernel, SaveOptions};
use aikit::store::{SpecChange, SpecStatus};
use aikit::{Code, Result};

use super::{described, on_file, promote, save, spec};

const MANY: usize = 32;

/// Does the same in many tasks on several kernels, and gives what each got.
async fn together<T, F>(kernels: &[Kernel], work: impl Fn(usize, Kernel) -> F) -> Vec<Result<T>>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let tasks: Vec<_> =
        (0..MANY).map(|i| tokio::spawn(work(i, kernels[i % kernels.len()].clone()))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("task"));
    }
    results
}

/// The one that got through, and the codes of the others.
fn winners<T>(results: Vec<Result<T>>) -> (Vec<T>, Vec<Code>) {
    let mut won = Vec::new();
    let mut lost = Vec::new();
    for result in results {
        match result {
            Ok(value) => won.push(value),
            Err(error) => lost.push(error.code()),
        }
    }
    (won, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_savers_exactly_one_wins() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let kernels = [on_file(&path, "t").await, on_file(&path, "t").await];
    let results = together(&kernels, |i, kernel| async move {
        let spec = described("a", "1.0.0", &format!(", name: Writer {i}"));
        kernel.specs().save(&spec, SaveOptions::default()).await
    });
    let (won, lost) = winners(results.await);
    assert_eq!((won.len(), lost), (1, vec![Code::SpecConflict; MANY - 1]));
    let kept = kernels[1].specs().get("a@1.0.0").await.expect("get");
    assert_eq!(kept, won[0]);

    let results = together(&kernels, |i, kernel| {
        let replaces = Some(kept.hash.clone());
        async move {
            let spec = described("a", "1.0.0", &format!(", name: Second {i}"));
            kernel.specs().save(&spec, SaveOptions { replaces, ..Default::default() }).await
        }
    });
    let (won, lost) = winners(results.await);
    assert_eq!((won.len(), lost), (1, vec![Code::SpecConflict; MANY - 1]));
    assert_eq!(kernels[0].specs().get("a@1.0.0").await.expect("get"), won[0]);
    assert_eq!(kernels[0].specs().history("a").await.expect("history").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_promoters_each_finds_the_agent_with_one_active_version() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let kernels = [on_file(&path, "t").await, on_file(&path, "t").await];
    for version in 0..4 {
        save(&kernels[0].specs(), "a", &format!("1.{version}.0")).await;
    }
    let results = together(&kernels, |i, kernel| async move {
        let promoted =
            kernel.specs().promote(&format!("a@1.{}.0", i % 4), Default::default()).await;
        // Whoever won, there is an active version at every moment.
        kernel.specs().get("a").await?;
        promoted
    });
    let (won, lost) = winners(results.await);
    assert!(!won.is_empty() && lost.iter().all(|code| *code == Code::SpecState), "{lost:?}");
    sound(&kernels[0]).await;

    save(&kernels[0].specs(), "b", "1.0.0").await;
    let results = together(&kernels, |_, kernel| async move {
        kernel.specs().promote("b@1.0.0", Default::default()).await
    });
    let (won, lost) = winners(results.await);
    assert_eq!((won.len(), lost), (1, vec![Code::SpecState; MANY - 1]));
}

/// What holds at every moment: the states are those that the history leads to, and one version is
/// active.
async fn sound(kernel: &Kernel) {
    let bundle = kernel.specs().export(Default::default()).await.expect("export");
    let active = bundle.specs.iter().filter(|r| r.status == SpecStatus::Active).count();
    assert_eq!(active, 1);
    for record in &bundle.specs {
        let mut lines = bundle.history.iter().filter(|e| e.version == record.version);
        let mut at = lines.next().expect("saved").to;
        for line in lines {
            assert_eq!(line.from, at, "{record:?}");
            at = line.to;
        }
        assert_eq!(at, Some(record.status), "{record:?}");
    }
    let seqs: Vec<u64> = bundle.history.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

const STORE: &str = "AIKIT_TEST_SPEC_STORE";

/// This program once more, as the process that `a_process_of_its_own` is.
fn process(store: &Path, job: &str) -> Child {
    let program = std::env::current_exe().expect("program");
    Command::new(program)
        .args(["--exact", "concurrency::a_process_of_its_own", "--test-threads", "1"])
        .env(STORE, format!("{job}={}", store.display()))
        .stdout(Stdio::null())
        .spawn()
        .expect("spawn")
}

/// Does nothing unless another test started it as a process: then it saves until it is told that
/// the number is taken and ends, or promotes until it is killed.
#[tokio::test]
async fn a_process_of_its_own() {
    let Ok(told) = std::env::var(STORE) else { return };
    let (job, path) = told.split_once('=').expect("job=path");
    let specs = on_file(Path::new(path), "t").await.specs();
    match job {
        "save" => {
            for version in 0..20 {
                let mine =
                    SaveOptions { by: Some(std::process::id().to_string()), ..Default::default() };
                if let Err(error) = specs.save(&spec("a", &format!("1.{version}.0")), mine).await {
                    assert_eq!(error.code(), Code::SpecConflict);
                }
            }
        }
        _ => loop {
            for version in ["a@1.0.0", "a@2.0.0"] {
                specs.promote(version, Default::default()).await.expect("promote");
            }
        },
    }
}

#[tokio::test]
async fn of_many_processes_one_saves_each_version() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let kernel = on_file(&path, "t").await;
    let children: Vec<Child> = (0..3).map(|_| process(&path, "save")).collect();
    let ids: Vec<String> = children.iter().map(|child| child.id().to_string()).collect();
    for mut child in children {
        assert!(child.wait().expect("wait").success());
    }
    let history = kernel.specs().history("a").await.expect("history");
    assert_eq!(history.len(), 20);
    assert!(history.iter().all(|e| e.change == SpecChange::Saved));
    for entry in history {
        let record = kernel.specs().get(&format!("a@{}", entry.version)).await.expect("get");
        assert_eq!(record.created_by, entry.by);
        assert!(ids.contains(&entry.by.expect("by")));
    }
}

#[tokio::test]
async fn a_process_that_is_killed_while_promoting_leaves_one_active_version() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let kernel = on_file(&path, "t").await;
    let specs = kernel.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    promote(&specs, "a@2.0.0").await;
    for _ in 0..5 {
        let before = specs.history("a").await.expect("history").len();
        let mut child = process(&path, "promote");
        while specs.history("a").await.expect("history").len() < before + 5 {
            assert!(child.try_wait().expect("wait").is_none(), "it ended by itself");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().expect("kill");
        child.wait().expect("wait");
        // Opened anew, as after a crash.
        sound(&on_file(&path, "t").await).await;
        // The child begins with this one.
        if specs.get("a").await.expect("active").version == "1.0.0" {
            promote(&specs, "a@2.0.0").await;
        }
    }
}
