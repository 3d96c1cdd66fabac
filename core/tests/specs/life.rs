//! The steps of a version's life, and what is written about them.

use std::path::Path;

use aikit::kernel::{ChangeOptions, DeprecateOptions, Kernel, OpenOptions, SaveOptions};
use aikit::store::{SpecChange, SpecStatus};
use aikit::{Code, Error};

use super::{described, kernel, kernel_with, on_file, promote, retire, save, spec, status, stores};

fn hint(error: &Error) -> &str {
    error.hint_text().expect("hint")
}

#[tokio::test]
async fn a_saved_spec_is_a_draft_with_everything_that_its_text_says() {
    let specs = kernel().await.specs();
    let spec = described("a", "1.0.0", ", name: The A, description: Does it, tags: [x, y]");
    let record = specs.save(&spec, SaveOptions::default()).await.expect("save");
    assert_eq!((record.agent_id.as_str(), record.version.as_str()), ("a", "1.0.0"));
    assert_eq!((record.status, record.hash.as_str()), (SpecStatus::Draft, spec.hash()));
    assert_eq!((record.name.as_str(), record.description.as_deref()), ("The A", Some("Does it")));
    assert_eq!(
        (record.tags.join(" ").as_str(), record.model.as_deref()),
        ("x y", Some("scripted/x"))
    );
    assert_eq!(record.created_at, record.updated_at);
    assert!(record.created_at.ends_with('Z'), "{}", record.created_at);
    assert_eq!((&record.created_by, &record.sunset, &record.successor), (&None, &None, &None));
    assert_eq!(
        (record.text.as_deref(), record.document.clone()),
        (Some(spec.text()), Some(spec.to_json()))
    );
    assert_eq!(specs.get("a@1.0.0").await.expect("get"), record);
    assert_eq!(specs.load("a@1.0.0").await.expect("load").text(), spec.text());
}

#[tokio::test]
async fn a_draft_is_replaced_only_by_who_knows_what_is_there() {
    let specs = kernel().await.specs();
    let first = save(&specs, "a", "1.0.0").await;
    let other = described("a", "1.0.0", ", name: Other");
    let save_as = |replaces: Option<&str>| {
        let options = SaveOptions {
            by: Some("second".into()),
            replaces: replaces.map(str::to_owned),
            ..SaveOptions::default()
        };
        specs.save(&other, options)
    };
    let error = save_as(None).await.expect_err("is there");
    assert_eq!(error.code(), Code::SpecConflict);
    assert!(hint(&error).contains("1.0.1"), "{error}");
    let error = save_as(Some(other.hash())).await.expect_err("not what is there");
    assert_eq!(error.code(), Code::SpecConflict);
    assert_eq!(specs.get("a@1.0.0").await.expect("get"), first);

    let second = save_as(Some(&first.hash)).await.expect("replaced");
    assert_eq!((second.status, second.name.as_str()), (SpecStatus::Draft, "Other"));
    assert_eq!((&second.created_at, &second.created_by), (&first.created_at, &None));
    assert!(second.updated_at >= first.updated_at);
    let error = save_as(Some(&first.hash)).await.expect_err("stale");
    assert_eq!(error.code(), Code::SpecConflict);
    let gone = SaveOptions { replaces: Some(first.hash), ..SaveOptions::default() };
    let error = specs.save(&spec("a", "2.0.0"), gone).await.expect_err("never was there");
    assert_eq!(error.code(), Code::SpecConflict);

    let history = specs.history("a").await.expect("history");
    assert_eq!(history.len(), 2);
    assert_eq!(
        (history[1].change, history[1].by.as_deref()),
        (SpecChange::Replaced, Some("second"))
    );
    assert_eq!(
        (history[1].from, history[1].to),
        (Some(SpecStatus::Draft), Some(SpecStatus::Draft))
    );
    assert_eq!(history[1].hash, second.hash);
}

#[tokio::test]
async fn what_was_promoted_once_never_changes_and_the_next_free_number_is_named() {
    let specs = kernel().await.specs();
    for version in ["1.2.3", "1.2.4", "1.2.6", "1.3.0", "2.0.0-rc.1"] {
        save(&specs, "a", version).await;
    }
    let refused = |version: &'static str| {
        let specs = specs.clone();
        async move {
            let old = specs.get(&format!("a@{version}")).await.expect("there");
            let save = |replaces| {
                let options = SaveOptions { replaces, ..SaveOptions::default() };
                let (specs, spec) = (specs.clone(), described("a", version, ", name: New"));
                async move { specs.save(&spec, options).await.expect_err("immutable") }
            };
            let errors = [save(None).await, save(Some(old.hash.clone())).await];
            assert!(errors.iter().all(|e| e.code() == Code::SpecImmutable), "{errors:?}");
            assert_eq!(specs.get(&format!("a@{version}")).await.expect("there"), old);
            hint(&errors[0]).to_owned()
        }
    };
    promote(&specs, "a@1.2.3").await;
    assert!(refused("1.2.3").await.contains("1.2.5"), "active");
    promote(&specs, "a@2.0.0-rc.1").await;
    assert!(refused("1.2.3").await.contains("1.2.5"), "deprecated");
    assert!(refused("2.0.0-rc.1").await.contains("2.0.0"), "the release is free");
    specs.retire("a@1.2.3", ChangeOptions::default()).await.expect("retire");
    assert!(refused("1.2.3").await.contains("1.2.5"), "retired");
    for reference in ["a@1.2.3", "a@2.0.0-rc.1"] {
        let delete = specs.delete(reference, ChangeOptions::default());
        assert_eq!(delete.await.expect_err("stays").code(), Code::SpecImmutable);
    }
}

#[tokio::test]
async fn promoting_deprecates_the_one_before_and_a_rollback_promotes_it_again() {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    assert_eq!(promote(&specs, "a@1.0.0").await.status, SpecStatus::Active);
    assert_eq!(specs.get("a").await.expect("active").version, "1.0.0");
    let why = ChangeOptions { by: Some("ops".into()), why: Some("better".into()) };
    specs.promote("a@2.0.0", why).await.expect("promote");
    let first = specs.get("a@1.0.0").await.expect("get");
    assert_eq!(
        (first.status, first.successor.as_deref()),
        (SpecStatus::Deprecated, Some("a@2.0.0"))
    );
    assert_eq!(specs.get("a").await.expect("active").version, "2.0.0");

    let back = promote(&specs, "a@1.0.0").await;
    assert_eq!((back.status, back.successor), (SpecStatus::Active, None));
    let second = specs.get("a@2.0.0").await.expect("get");
    assert_eq!(
        (second.status, second.successor.as_deref()),
        (SpecStatus::Deprecated, Some("a@1.0.0"))
    );

    let error = specs.promote("a@1.0.0", Default::default()).await.expect_err("is active");
    assert_eq!(error.code(), Code::SpecState);
    specs.retire("a@2.0.0", Default::default()).await.expect("retire");
    let error = specs.promote("a@2.0.0", Default::default()).await.expect_err("is retired");
    assert_eq!(error.code(), Code::SpecState);

    let told: Vec<_> = specs.history("a").await.expect("history");
    let lines: Vec<_> = told
        .iter()
        .map(|e| {
            let state = |s: Option<SpecStatus>| s.map_or("-", SpecStatus::as_str);
            format!(
                "{} {} {} {}>{}",
                e.seq,
                e.version,
                e.change.as_str(),
                state(e.from),
                state(e.to)
            )
        })
        .collect();
    assert_eq!(
        lines,
        [
            "1 1.0.0 saved ->draft",
            "2 2.0.0 saved ->draft",
            "3 1.0.0 promoted draft>active",
            "4 1.0.0 deprecated active>deprecated",
            "5 2.0.0 promoted draft>active",
            "6 2.0.0 deprecated active>deprecated",
            "7 1.0.0 promoted deprecated>active",
            "8 2.0.0 retired deprecated>retired",
        ]
    );
    for entry in &told[3..5] {
        assert_eq!((entry.by.as_deref(), entry.why.as_deref()), (Some("ops"), Some("better")));
    }
    assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[tokio::test]
async fn deprecating_says_until_when_and_what_instead() {
    let specs = kernel().await.specs();
    for (agent, version) in [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")] {
        save(&specs, agent, version).await;
    }
    let options = |sunset: Option<&str>, successor: Option<&str>| DeprecateOptions {
        sunset: sunset.map(str::to_owned),
        successor: successor.map(str::to_owned),
        ..DeprecateOptions::default()
    };
    let deprecate = |sunset, successor| specs.deprecate("a@1.0.0", options(sunset, successor));
    let error = deprecate(None, None).await.expect_err("a draft");
    assert_eq!(error.code(), Code::SpecState);
    promote(&specs, "a@1.0.0").await;
    for sunset in [
        "",
        "soon",
        "2027-02-30",
        "2027-1-1",
        "20270131",
        "2027-01-31T12:00:00",
        "2027-01-31 12:00:00Z",
    ] {
        let error = deprecate(Some(sunset), None).await.expect_err(sunset);
        assert_eq!(error.code(), Code::InvalidArgument, "{sunset}");
    }
    for successor in ["", "2.0", "b", "a@", "@1.0.0", "1.0.0", "a@1.0.0"] {
        let error = deprecate(None, Some(successor)).await.expect_err(successor);
        assert_eq!(error.code(), Code::InvalidArgument, "{successor}");
    }
    for successor in ["3.0.0", "b@3.0.0", "c@1.0.0"] {
        let error = deprecate(None, Some(successor)).await.expect_err(successor);
        assert_eq!(error.code(), Code::SpecNotFound, "{successor}");
    }
    assert_eq!(status(&specs, "a@1.0.0").await, SpecStatus::Active);

    for (sunset, kept) in [
        ("2027-01-31", "2027-01-31"),
        ("2027-01-31T12:00:00+02:00", "2027-01-31T10:00:00Z"),
        ("2027-01-31t12:00:00.5z", "2027-01-31T12:00:00.5Z"),
    ] {
        let record = deprecate(Some(sunset), Some("2.0.0")).await.expect(sunset);
        assert_eq!(record.status, SpecStatus::Deprecated);
        assert_eq!(
            (record.sunset.as_deref(), record.successor.as_deref()),
            (Some(kept), Some("a@2.0.0"))
        );
        assert_eq!(deprecate(None, None).await.expect_err("twice").code(), Code::SpecState);
        promote(&specs, "a@1.0.0").await;
    }
    deprecate(Some("2027-01-31"), Some("b@1.0.0")).await.expect("deprecate");
    let retired = specs.retire("a@1.0.0", Default::default()).await.expect("retire");
    assert_eq!(retired.sunset.as_deref(), Some("2027-01-31"));
    assert_eq!(retired.successor.as_deref(), Some("b@1.0.0"));
    let error = specs.load("a@1.0.0").await.expect_err("retired");
    assert_eq!(error.code(), Code::SpecRetired);
    assert!(hint(&error).contains("b@1.0.0"), "{error}");
}

#[tokio::test]
async fn only_deprecated_versions_retire_and_only_drafts_are_deleted() {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    let retire_it = || specs.retire("a@1.0.0", Default::default());
    assert_eq!(retire_it().await.expect_err("draft").code(), Code::SpecState);
    promote(&specs, "a@1.0.0").await;
    assert_eq!(retire_it().await.expect_err("active").code(), Code::SpecState);
    specs.deprecate("a@1.0.0", Default::default()).await.expect("deprecate");
    assert_eq!(retire_it().await.expect("retire").status, SpecStatus::Retired);
    assert_eq!(retire_it().await.expect_err("retired").code(), Code::SpecState);
    assert_eq!(specs.get("a@1.0.0").await.expect("still read").status, SpecStatus::Retired);

    let draft = save(&specs, "d", "1.0.0").await;
    let why = ChangeOptions { by: Some("me".into()), why: Some("a slip".into()) };
    specs.delete("d@1.0.0", why).await.expect("delete");
    assert_eq!(specs.get("d@1.0.0").await.expect_err("gone").code(), Code::SpecNotFound);
    let delete = specs.delete("d@1.0.0", Default::default());
    assert_eq!(delete.await.expect_err("gone").code(), Code::SpecNotFound);
    let history = specs.history("d").await.expect("stays");
    let last = history.last().expect("last");
    assert_eq!(
        (last.change, last.from, last.to),
        (SpecChange::Deleted, Some(SpecStatus::Draft), None)
    );
    assert_eq!((last.by.as_deref(), last.why.as_deref()), (Some("me"), Some("a slip")));
    assert_eq!(last.hash, draft.hash);
    save(&specs, "d", "1.0.0").await;
    let seqs: Vec<u64> = specs.history("d").await.expect("history").iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "1.1.0").await;
    for (reference, says) in [
        ("nobody", "./nobody"),
        ("nobody@1.0.0", "./nobody"),
        ("a", "a@1.1.0, draft"),
        ("a@3.0.0", "a@1.1.0"),
        ("a@1", "such as 1.2.0"),
        ("a@latest", "such as 1.2.0"),
        ("", "id@version"),
        ("two words", "id@version"),
        ("@1.0.0", "id@version"),
    ] {
        for error in [
            specs.get(reference).await.expect_err(reference),
            specs.load(reference).await.expect_err(reference),
            specs.diff("a@1.0.0", reference).await.expect_err(reference),
            specs.diff(reference, "a@1.0.0").await.expect_err(reference),
        ] {
            let malformed = says.contains("1.2.0") || says.contains("id@version");
            let code = if malformed { Code::InvalidArgument } else { Code::SpecNotFound };
            assert_eq!(error.code(), code, "{reference}");
            assert!(hint(&error).contains(says), "{reference}: {error}");
        }
    }
    for reference in ["a@3.0.0", "nobody@1.0.0"] {
        let errors = [
            specs.promote(reference, Default::default()).await.expect_err(reference),
            specs.deprecate(reference, Default::default()).await.expect_err(reference),
            specs.retire(reference, Default::default()).await.expect_err(reference),
            specs.delete(reference, Default::default()).await.expect_err(reference),
        ];
        assert!(errors.iter().all(|e| e.code() == Code::SpecNotFound), "{errors:?}");
    }
    let error = specs.promote("a", Default::default()).await.expect_err("which?");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(specs.history("nobody").await.expect_err("never").code(), Code::SpecNotFound);
    assert_eq!(specs.history("a@1.0.0").await.expect_err("an id").code(), Code::SpecNotFound);
}

#[tokio::test]
async fn two_versions_are_compared_field_by_field_whatever_their_state() {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    retire(&specs, "a@1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    let changes = specs.diff("a@1.0.0", "a@2.0.0").await.expect("diff");
    assert!(changes.iter().any(|c| c.path == "/identity/version"), "{changes:?}");
    assert!(specs.diff("a@2.0.0", "a@2.0.0").await.expect("diff").is_empty());
}

#[tokio::test]
async fn who_acts_is_the_actor_unless_a_call_says_otherwise_and_texts_are_bounded() {
    let options = OpenOptions { actor: Some("robot".into()), ..OpenOptions::default() };
    let specs = kernel_with(options).await.specs();
    let record = save(&specs, "a", "1.0.0").await;
    assert_eq!(record.created_by.as_deref(), Some("robot"));
    let change = |by: &str, why: &str| ChangeOptions { by: Some(by.into()), why: Some(why.into()) };
    for (by, why) in
        [("ö".repeat(201).as_str(), ""), ("", "x".repeat(2_001).as_str()), ("a\0", ""), ("", "\0")]
    {
        let error = specs.promote("a@1.0.0", change(by, why)).await.expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
    }
    assert_eq!(status(&specs, "a@1.0.0").await, SpecStatus::Draft);
    let (by, why) = ("ö".repeat(200), "x".repeat(2_000));
    specs.promote("a@1.0.0", change(&by, &why)).await.expect("just fits");
    let deprecate = DeprecateOptions { by: Some("human".into()), ..Default::default() };
    specs.deprecate("a@1.0.0", deprecate).await.expect("deprecate");
    specs.retire("a@1.0.0", Default::default()).await.expect("retire");
    let history = specs.history("a").await.expect("history");
    let who: Vec<_> = history.iter().map(|e| e.by.as_deref().expect("by")).collect();
    assert_eq!(who, ["robot", &by, "human", "robot"]);
    assert_eq!(history[1].why, Some(why));

    for actor in ["x".repeat(201), "\0".into()] {
        let options = OpenOptions { actor: Some(actor), ..OpenOptions::default() };
        let error = Kernel::open(options).await.expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
    }
}

/// Runs SQL beside aikit, with all rights: on the file, or on the database that stands for it.
async fn beside(path: &Path, sqlite: &str, postgres: &str) {
    match stores::server() {
        None => {
            let other = rusqlite::Connection::open(path).expect("other");
            other.execute_batch(sqlite).expect(sqlite);
        }
        Some(url) => {
            stores::run(&stores::at(&url, &stores::named(path)), postgres).await;
        }
    }
}

#[tokio::test]
async fn a_step_that_fails_half_way_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let kernel = on_file(&path, "t").await;
    let specs = kernel.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    promote(&specs, "a@1.0.0").await;
    let hash = specs.get("a@2.0.0").await.expect("get").hash;
    let before = specs.export(Default::default()).await.expect("export");
    // The last write of each step fails: its line of history.
    for change in ["promoted", "deprecated", "deleted", "replaced", "saved"] {
        let sqlite = format!(
            "CREATE TRIGGER fails BEFORE INSERT ON spec_history WHEN new.change = '{change}'
             BEGIN SELECT raise(ABORT, 'no'); END"
        );
        let postgres = format!(
            "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql
                 AS 'BEGIN RAISE EXCEPTION ''no''; END';
             CREATE TRIGGER fails BEFORE INSERT ON aikit.spec_history FOR EACH ROW
                 WHEN (new.change = '{change}') EXECUTE FUNCTION public.no()"
        );
        beside(&path, &sqlite, &postgres).await;
        let replaces = |replaces| SaveOptions { replaces, ..SaveOptions::default() };
        let error = match change {
            "promoted" => specs.promote("a@2.0.0", Default::default()).await.map(drop),
            "deprecated" => specs.deprecate("a@1.0.0", Default::default()).await.map(drop),
            "deleted" => specs.delete("a@2.0.0", Default::default()).await,
            "replaced" => {
                let new = described("a", "2.0.0", ", name: New");
                specs.save(&new, replaces(Some(hash.clone()))).await.map(drop)
            }
            _ => specs.save(&spec("a", "3.0.0"), replaces(None)).await.map(drop),
        };
        assert_eq!(error.expect_err(change).code(), Code::StoreFailed);
        beside(&path, "DROP TRIGGER fails", "DROP FUNCTION public.no CASCADE").await;
        assert_eq!(specs.export(Default::default()).await.expect("export"), before, "{change}");
    }
    assert_eq!(promote(&specs, "a@2.0.0").await.status, SpecStatus::Active);
}
