//! Bundles: out of one repository and into another, all or nothing.

use aikit::Code;
use aikit::kernel::{Bundle, ExportOptions, ImportOptions, OnConflict, Specs};
use aikit::store::{SpecChange, SpecStatus};
use serde_json::{Value, json};

use super::{described, kernel, promote, retire, save, status};

/// A repository with every state, every change, and a draft that is gone.
async fn full() -> Specs {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "2.0.0-rc.1").await;
    let spec = described("a", "3.0.0", ", description: Words, tags: [x]");
    let options = aikit::kernel::SaveOptions {
        by: Some("me".into()),
        why: Some("so".into()),
        replaces: None,
    };
    let draft = specs.save(&spec, options).await.expect("save");
    let options = aikit::kernel::SaveOptions { replaces: Some(draft.hash), ..Default::default() };
    let spec = described("a", "3.0.0", ", description: Better words, tags: [x]");
    specs.save(&spec, options).await.expect("replace");
    save(&specs, "a", "9.0.0").await;
    specs.delete("a@9.0.0", Default::default()).await.expect("delete");
    retire(&specs, "a@1.0.0").await;
    promote(&specs, "a@2.0.0-rc.1").await;
    save(&specs, "b", "1.0.0").await;
    promote(&specs, "b@1.0.0").await;
    let options = aikit::kernel::DeprecateOptions {
        sunset: Some("2027-01-31T12:00:00Z".into()),
        successor: Some("a@2.0.0-rc.1".into()),
        ..Default::default()
    };
    specs.deprecate("b@1.0.0", options).await.expect("deprecate");
    specs
}

async fn export(specs: &Specs) -> Bundle {
    specs.export(ExportOptions::default()).await.expect("export")
}

fn skip() -> ImportOptions {
    ImportOptions { on_conflict: OnConflict::Skip, ..ImportOptions::default() }
}

const REFERENCES: [&str; 4] = ["a@1.0.0", "a@2.0.0-rc.1", "a@3.0.0", "b@1.0.0"];

#[tokio::test]
async fn a_copy_of_a_repository_exports_the_same_bundle() {
    let bundle = export(&full().await).await;
    let text = serde_json::to_string(&bundle).expect("json");
    let read: Bundle = serde_json::from_str(&text).expect("bundle");
    assert_eq!(read, bundle);
    let copy = kernel().await.specs();
    let options =
        ImportOptions { by: Some("mover".into()), why: Some("moved".into()), ..Default::default() };
    let report = copy.import(read, options).await.expect("import");
    assert_eq!(
        (report.imported.as_slice(), report.skipped.len()),
        (&REFERENCES.map(str::to_owned)[..], 0)
    );
    let again = export(&copy).await;
    assert_eq!(serde_json::to_string(&again).expect("json"), text);

    // The copy works on, and knows that it is one.
    assert_eq!(status(&copy, "a@1.0.0").await, SpecStatus::Retired);
    assert_eq!(copy.get("a").await.expect("active").version, "2.0.0-rc.1");
    let words = aikit::kernel::ListOptions { text: Some("better".into()), ..Default::default() };
    assert_eq!(copy.list(words).await.expect("list").specs[0].version, "3.0.0");
    promote(&copy, "a@3.0.0").await;
    let history = copy.history("a").await.expect("history");
    let imported: Vec<_> = history.iter().filter(|e| e.change == SpecChange::Imported).collect();
    assert_eq!(imported.len(), 3);
    assert_eq!(
        (imported[0].by.as_deref(), imported[0].why.as_deref()),
        (Some("mover"), Some("moved"))
    );
    assert_eq!((imported[0].from, imported[0].to), (None, Some(SpecStatus::Retired)));
    assert!(history.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    // And a copy of the copy is one again.
    let bundle = export(&copy).await;
    let third = kernel().await.specs();
    third.import(bundle.clone(), ImportOptions::default()).await.expect("import");
    assert_eq!(export(&third).await, bundle);
}

#[tokio::test]
async fn one_agent_can_be_taken_alone() {
    let specs = full().await;
    let only = |agent: &str| specs.export(ExportOptions { agent_id: Some(agent.into()) });
    let bundle = only("b").await.expect("export");
    assert!(bundle.specs.iter().all(|r| r.agent_id == "b") && bundle.specs.len() == 1);
    assert!(bundle.history.iter().all(|e| e.agent_id == "b") && bundle.history.len() == 3);
    let copy = kernel().await.specs();
    copy.import(bundle, ImportOptions::default()).await.expect("its successor need not come along");
    assert_eq!(copy.get("b@1.0.0").await.expect("get").successor.as_deref(), Some("a@2.0.0-rc.1"));
    assert!(only("nobody").await.expect("export").specs.is_empty());
}

#[tokio::test]
async fn a_bundle_comes_in_whole_or_not_at_all() {
    let bundle = export(&full().await).await;
    let specs = kernel().await.specs();
    // The last one of the bundle is here already.
    save(&specs, "b", "1.0.0").await;
    let before = export(&specs).await;
    let error = specs.import(bundle.clone(), ImportOptions::default()).await.expect_err("conflict");
    assert_eq!(error.code(), Code::SpecConflict);
    assert!(error.message().contains("b@1.0.0"), "{error}");
    assert_eq!(export(&specs).await, before);
    // Another version is active here.
    save(&specs, "a", "0.1.0").await;
    promote(&specs, "a@0.1.0").await;
    let report = specs.import(bundle.clone(), skip()).await.expect("import");
    assert_eq!(report.imported, ["a@1.0.0", "a@3.0.0"]);
    assert_eq!(report.skipped, ["a@2.0.0-rc.1", "b@1.0.0"]);
    assert_eq!(specs.get("a").await.expect("active").version, "0.1.0");
    assert_eq!(status(&specs, "b@1.0.0").await, SpecStatus::Draft);
    let history = specs.history("a").await.expect("history");
    assert!(history.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert!(
        history.iter().all(|e| e.version != "2.0.0-rc.1"),
        "what was passed over has no history"
    );
    // Once more: nothing is new, so nothing is written.
    let before = (export(&specs).await, history);
    let report = specs.import(bundle.clone(), skip()).await.expect("import");
    assert_eq!(report.imported, ["a@2.0.0-rc.1"; 0]);
    assert_eq!(report.skipped, REFERENCES);
    assert_eq!((export(&specs).await, specs.history("a").await.expect("history")), before);
}

#[tokio::test]
async fn a_bundle_that_was_tampered_with_is_refused() {
    let good = serde_json::to_value(export(&full().await).await).expect("json");
    let set = |pointer: &'static str, value: Value| (pointer, value);
    let other = described("z", "1.0.0", "").text().to_owned();
    let theirs = described("a", "1.0.0", ", tenant_id: theirs").text().to_owned();
    let twice = good["specs"][0].clone();
    let broken = [
        set("/format", json!("aikit-specs/2")),
        set("/specs/0/text", json!("identity: [")),
        set("/specs/0/text", json!("")),
        set("/specs/0/text", Value::Null),
        set("/specs/0/text", json!(other)),
        set("/specs/0/agent_id", json!("b")),
        set("/specs/0/version", json!("1.0.1")),
        set("/specs/0/hash", json!(format!("sha256:{}", "0".repeat(64)))),
        set("/specs/0/name", json!("Else")),
        set("/specs/0/model", json!("scripted/y")),
        set("/specs/2/tags", json!(["y"])),
        set("/specs/2/description", json!("Else")),
        set("/specs/2/document/identity/description", json!("Else")),
        set("/specs/2/status", json!("active")),
        set("/specs/0/created_at", json!("yesterday")),
        set("/specs/0/updated_at", json!("2026-01-01")),
        set("/specs/0/created_by", json!("x".repeat(201))),
        set("/specs/3/sunset", json!("soon")),
        set("/specs/3/successor", json!("a")),
        set("/specs/1", twice),
        set("/history/0/seq", json!(2)),
        set("/history/0/seq", json!(0)),
        set("/history/0/seq", json!(u64::MAX)),
        set("/history/6/seq", json!(i64::MAX)),
        set("/history/0/to", json!("retired")),
        set("/history/0/to", Value::Null),
        set("/history/0/from", json!("active")),
        set("/history/0/change", json!("imported")),
        set("/specs/0/status", json!("deprecated")),
        set("/specs/3/status", json!("draft")),
        set("/history/0/agent_id", json!("a b")),
        set("/history/0/version", json!("1")),
        set("/history/0/at", json!("now")),
        set("/history/0/by", json!("\0")),
        set("/history/0/why", json!("x".repeat(2_001))),
        set("/history/0/hash", json!("md5:0")),
    ];
    for (pointer, value) in broken {
        let mut bundle = good.clone();
        let shown = format!("{pointer} {value:.60}");
        *bundle.pointer_mut(pointer).expect(pointer) = value;
        let bundle: Bundle = serde_json::from_value(bundle).expect(pointer);
        let specs = kernel().await.specs();
        for options in [ImportOptions::default(), skip()] {
            let error = specs.import(bundle.clone(), options).await.expect_err(&shown);
            assert_eq!(error.code(), Code::InvalidArgument, "{shown}: {error}");
        }
        let nothing = export(&specs).await;
        assert!(nothing.specs.is_empty() && nothing.history.is_empty(), "{shown}");
    }
    let mut bundle = good.clone();
    bundle["specs"][0]["text"] = json!(theirs);
    let bundle: Bundle = serde_json::from_value(bundle).expect("bundle");
    let error = kernel().await.specs().import(bundle, skip()).await.expect_err("theirs");
    assert_eq!(error.code(), Code::TenantMismatch);
    // What a bundle cannot even be read from.
    for (pointer, value) in [
        set("/specs/0/status", json!("live")),
        set("/history/0/change", json!("forged")),
        set("/history/0/from", json!("new")),
        set("/history/0/seq", json!(-1)),
        set("/specs/0", json!({})),
    ] {
        let mut bundle = good.clone();
        *bundle.pointer_mut(pointer).expect(pointer) = value;
        assert!(serde_json::from_value::<Bundle>(bundle).is_err(), "{pointer}");
    }
    let mut unknown = good;
    unknown["specs"][0]["owner"] = json!("me");
    assert!(serde_json::from_value::<Bundle>(unknown).is_err());
}
