//! Pages of versions.

use aikit::Code;
use aikit::kernel::{Kernel, ListOptions, Specs};
use aikit::store::SpecStatus;

use super::{described, kernel, on_file, promote, save};

async fn all(specs: &Specs, options: ListOptions) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = specs.list(ListOptions { after, ..options.clone() }).await.expect("list");
        assert!(page.specs.len() <= options.limit.unwrap_or(50) as usize);
        found.extend(page.specs.iter().map(aikit::store::SpecRecord::reference));
        match page.next {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn versions_stand_in_the_order_of_semantic_versions_on_pages_of_any_size() {
    let specs = kernel().await.specs();
    let ordered =
        ["0.9.0", "1.0.0-alpha.2", "1.0.0-alpha.10", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0"];
    for version in
        ["1.10.0", "1.0.0", "1.0.0-alpha.10", "0.9.0", "1.2.0", "1.0.0-rc.1", "1.0.0-alpha.2"]
    {
        for agent in ["b", "a-1", "a"] {
            save(&specs, agent, version).await;
        }
    }
    let expected: Vec<String> = ["a", "a-1", "b"]
        .iter()
        .flat_map(|agent| ordered.iter().map(move |version| format!("{agent}@{version}")))
        .collect();
    for limit in [None, Some(1), Some(2), Some(7), Some(20), Some(21), Some(500)] {
        let options = ListOptions { limit, ..ListOptions::default() };
        assert_eq!(all(&specs, options).await, expected, "{limit:?}");
    }
    let one = ListOptions { agent_id: Some("a".into()), limit: Some(3), ..ListOptions::default() };
    assert_eq!(all(&specs, one).await, expected[..7]);
    // A place before the agent, and one behind it.
    let five = ListOptions { limit: Some(5), ..ListOptions::default() };
    let after = specs.list(five).await.expect("list").next;
    for (agent, found) in [("b", &expected[14..]), ("a", &expected[5..7])] {
        let agent_id = Some(agent.to_owned());
        let options = ListOptions { agent_id, after: after.clone(), ..ListOptions::default() };
        let page = specs.list(options).await.expect("list");
        assert!(page.specs.iter().map(aikit::store::SpecRecord::reference).eq(found.to_vec()));
    }
    let none = ListOptions { agent_id: Some("c".into()), ..ListOptions::default() };
    assert!(all(&specs, none).await.is_empty());
}

#[tokio::test]
async fn a_page_is_found_by_state_tag_and_text_and_carries_no_document() {
    let specs = kernel().await.specs();
    for version in 0..60 {
        let spec = described("a", &format!("1.{version}.0"), ", name: Leave desk, tags: [hr]");
        specs.save(&spec, Default::default()).await.expect("save");
    }
    save(&specs, "b", "1.0.0").await;
    promote(&specs, "a@1.7.0").await;
    let page = specs.list(ListOptions::default()).await.expect("list");
    assert_eq!(page.specs.len(), 50);
    assert!(page.specs.iter().all(|r| r.document.is_none() && r.text.is_none()));
    let page = serde_json::to_value(&page).expect("json");
    assert_eq!(page["specs"][0].get("document"), None);
    assert_eq!(page["specs"][0].get("text"), None);
    let active = ListOptions { status: Some(SpecStatus::Active), ..ListOptions::default() };
    assert_eq!(all(&specs, active.clone()).await, ["a@1.7.0"]);
    let tagged = ListOptions { tag: Some("hr".into()), limit: Some(7), ..ListOptions::default() };
    assert_eq!(all(&specs, tagged).await.len(), 60);
    let words = ListOptions { text: Some("desk LEAVE".into()), ..ListOptions::default() };
    assert_eq!(all(&specs, words.clone()).await.len(), 60);
    let both = ListOptions { status: Some(SpecStatus::Draft), limit: Some(13), ..words };
    assert_eq!(all(&specs, both).await.len(), 59);
    // A place that was given back is good though what stood there has gone.
    let first =
        specs.list(ListOptions { limit: Some(1), ..Default::default() }).await.expect("list");
    specs.delete("a@1.0.0", Default::default()).await.expect("delete");
    let next = ListOptions { limit: Some(1), after: first.next, ..Default::default() };
    assert_eq!(specs.list(next).await.expect("list").specs[0].version, "1.1.0");
}

#[tokio::test]
async fn pages_that_cannot_be_are_refused() {
    let specs = kernel().await.specs();
    save(&specs, "a", "1.0.0").await;
    save(&specs, "a", "2.0.0").await;
    let one = ListOptions { limit: Some(1), ..ListOptions::default() };
    let next = specs.list(one).await.expect("list").next.expect("more");
    let cut = &next[1..];
    let changed = next.replacen(|c: char| c != 'f', "f", 1);
    for after in ["", "x", "a@1.0.0", "00", cut, &changed, "\0", "ä"] {
        let options = ListOptions { after: Some(after.into()), ..ListOptions::default() };
        let error = specs.list(options).await.expect_err(after);
        assert_eq!(error.code(), Code::InvalidArgument, "{after}");
    }
    for limit in [0, 501, u32::MAX] {
        let options = ListOptions { limit: Some(limit), ..ListOptions::default() };
        let error = specs.list(options).await.expect_err("limit");
        assert_eq!(error.code(), Code::InvalidArgument, "{limit}");
    }
    let long = ListOptions { text: Some("x ".repeat(501)), ..ListOptions::default() };
    assert_eq!(specs.list(long).await.expect_err("long").code(), Code::InvalidArgument);
}

#[tokio::test]
async fn another_tenant_sees_nothing_and_changes_nothing() {
    let folder = tempfile::tempdir().expect("tempdir");
    let path = folder.path().join("specs.db");
    let (mine, theirs): (Kernel, Kernel) =
        (on_file(&path, "mine").await, on_file(&path, "theirs").await);
    let (mine, theirs) = (mine.specs(), theirs.specs());
    save(&mine, "a", "1.0.0").await;
    promote(&mine, "a@1.0.0").await;
    let before = mine.export(Default::default()).await.expect("export");
    for text in ["a", "1"] {
        let word = ListOptions { text: Some(text.into()), ..ListOptions::default() };
        assert!(all(&theirs, word).await.is_empty());
    }
    assert!(all(&theirs, ListOptions::default()).await.is_empty());
    let nothing = theirs.export(Default::default()).await.expect("export");
    assert!(nothing.specs.is_empty() && nothing.history.is_empty());
    let errors = [
        theirs.get("a").await.expect_err("get"),
        theirs.load("a@1.0.0").await.expect_err("load"),
        theirs.history("a").await.expect_err("history"),
        theirs.diff("a", "a").await.expect_err("diff"),
        theirs.promote("a@1.0.0", Default::default()).await.expect_err("promote"),
        theirs.deprecate("a@1.0.0", Default::default()).await.expect_err("deprecate"),
        theirs.retire("a@1.0.0", Default::default()).await.expect_err("retire"),
        theirs.delete("a@1.0.0", Default::default()).await.expect_err("delete"),
    ];
    for error in errors {
        assert_eq!(error.code(), Code::SpecNotFound);
        assert!(!format!("{error:?}").contains("1.0.0 is"), "{error}");
    }
    // The same id and version, and they do not meet.
    save(&theirs, "a", "1.0.0").await;
    assert_eq!(theirs.get("a@1.0.0").await.expect("get").status, SpecStatus::Draft);
    assert_eq!(theirs.history("a").await.expect("history")[0].seq, 1);
    theirs.delete("a@1.0.0", Default::default()).await.expect("delete");
    assert_eq!(mine.export(Default::default()).await.expect("export"), before);
    // A place in my list means nothing of theirs.
    save(&mine, "b", "1.0.0").await;
    let one = ListOptions { limit: Some(1), ..ListOptions::default() };
    let next = mine.list(one).await.expect("list").next;
    let page = theirs.list(ListOptions { after: next, ..ListOptions::default() }).await;
    assert!(page.expect("list").specs.is_empty());
}
