//! The repository: a version's life, lists and history.

use super::{Shop, command, done, json, scripted};

fn shop_with(versions: &[(&str, &str)]) -> Shop {
    let shop = Shop::new();
    for (agent, version) in versions {
        shop.write("it.yaml", &scripted(agent, version, ""));
        shop.ok("save it.yaml");
    }
    shop
}

#[test]
fn a_version_lives_from_draft_to_retired_and_each_step_says_the_next() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", ""));
    let saved = shop.spec("save a.yaml");
    assert_eq!(saved.status, 0);
    assert_eq!(
        saved.out,
        "saved a@1.0.0 as a draft; make it the active one: aikit spec promote a@1.0.0\n"
    );
    assert_eq!(saved.err, "made the store ./aikit.db\n");
    assert_eq!(
        shop.ok("promote a@1.0.0"),
        "promoted a@1.0.0: it is the active version of a; run it: aikit run a\n"
    );
    shop.write("a.yaml", &scripted("a", "2.0.0", ""));
    assert_eq!(shop.spec("save a.yaml").err, "");
    assert_eq!(
        shop.ok("promote a@2.0.0"),
        "promoted a@2.0.0: it is the active version of a; a@1.0.0 is deprecated now; run it: aikit run a\n"
    );
    assert_eq!(
        shop.ok("retire a@1.0.0"),
        "retired a@1.0.0: it makes no agents any more; see what is left: aikit spec list --agent a\n"
    );
    assert_eq!(
        shop.ok("deprecate a@2.0.0 --sunset 2027-01-31 --successor 1.0.0"),
        "deprecated a@2.0.0 until 2027-01-31, a@1.0.0 follows; end it: aikit spec retire a@2.0.0\n"
    );
    shop.write("a.yaml", &scripted("a", "3.0.0", ""));
    shop.ok("save a.yaml");
    assert_eq!(
        shop.ok("delete a@3.0.0"),
        "deleted the draft a@3.0.0; its history stays: aikit spec history a\n"
    );
    let changes: Vec<String> = json(&shop.ok("history a --format json"))
        .as_array()
        .expect("array")
        .iter()
        .map(|entry| format!("{} {}", entry["version"], entry["change"]).replace('"', ""))
        .collect();
    assert_eq!(
        changes,
        [
            "1.0.0 saved",
            "1.0.0 promoted",
            "2.0.0 saved",
            "1.0.0 deprecated",
            "2.0.0 promoted",
            "1.0.0 retired",
            "2.0.0 deprecated",
            "3.0.0 saved",
            "3.0.0 deleted"
        ]
    );
}

#[test]
fn steps_that_cannot_be_are_refused_with_what_to_do() {
    let shop = shop_with(&[("a", "1.0.0")]);
    shop.fails(1, "retire a@1.0.0", "error[spec_state]: a@1.0.0 is draft");
    shop.fails(1, "deprecate a@1.0.0", "error[spec_state]");
    shop.fails(1, "promote a", "write which one is meant, such as a@1.0.0");
    shop.fails(1, "promote a@9.9.9", "error[spec_not_found]");
    shop.ok("promote a@1.0.0");
    shop.fails(1, "promote a@1.0.0", "error[spec_state]");
    shop.fails(1, "delete a@1.0.0", "error[spec_immutable]");
    shop.fails(1, "save it.yaml", "hint: save as 1.0.1");
    shop.fails(1, "save it.yaml --replace", "error[spec_immutable]");
    shop.fails(1, "deprecate a@1.0.0 --sunset soon", "for instance 2027-01-31");
    shop.fails(1, "deprecate a@1.0.0 --successor 9.9.9", "error[spec_not_found]");
    shop.fails(1, "history b", "error[spec_not_found]");
    shop.fails(1, "show b", "error[spec_not_found]");
    shop.fails(1, "list --limit 0", "1 to 500");
    shop.fails(1, "list --after xyz", "give `next` back as it was");
    for line in ["promote", "retire", "delete", "deprecate", "history", "show", "save"] {
        shop.fails(2, line, "required arguments");
    }
    shop.fails(2, "list --status gone", "[possible values: draft, active, deprecated, retired]");
}

#[test]
fn a_draft_is_replaced_only_when_that_is_said() {
    let shop = shop_with(&[("a", "1.0.0")]);
    let hash =
        json(&shop.ok("show a@1.0.0 --format json"))["hash"].as_str().expect("hash").to_owned();
    shop.write("it.yaml", &scripted("a", "1.0.0", "description: Better.\n"));
    shop.fails(1, "save it.yaml", "`aikit spec save FILE --replace` takes its place");
    let said = shop.ok("save it.yaml --replace");
    assert!(said.starts_with(&format!("saved a@1.0.0 as a draft in place of {hash}; ")), "{said}");
    assert_eq!(json(&shop.ok("show a@1.0.0 --format json"))["description"], "Better.");
    // Where no draft is, nothing is replaced.
    shop.write("it.yaml", &scripted("a", "1.1.0", ""));
    assert!(shop.ok("save it.yaml --replace").starts_with("saved a@1.1.0 as a draft; "));
}

#[test]
fn a_store_is_made_by_saving_and_never_by_looking() {
    let shop = Shop::new();
    shop.write("bad.yaml", "agent: a\nmodle: x\n");
    shop.fails(1, "save bad.yaml", "bad.yaml:2:1: error[AK1002]");
    shop.fails(1, "save none.yaml", "error[file_not_found]");
    for line in [
        "list",
        "show a",
        "history a",
        "promote a@1.0.0",
        "deprecate a@1.0.0",
        "retire a@1.0.0",
        "delete a@1.0.0",
        "export",
        "expand a",
        "export a --to yaml",
    ] {
        shop.fails(1, line, "make it by saving a first spec: aikit spec save FILE");
    }
    assert!(!shop.has("aikit.db"));
    shop.write("a.yaml", &scripted("a", "1.0.0", ""));
    shop.fails(1, "save a.yaml --store no/folder/a.db", "error[store_unavailable]");
    shop.fails(1, "save a.yaml --store a.yaml", "error[store_corrupt]");
    let said = shop.spec("save - --store x.db").err;
    assert!(said.contains("stdin has 1 error") || said.contains("stdin has 2 errors"), "{said}");
    let piped = shop.piped("save -", &scripted("a", "1.0.0", ""));
    assert_eq!(piped.status, 0, "{piped:?}");
}

#[test]
fn store_tenant_and_actor_come_from_options_then_from_the_environment() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", ""));
    let with = |line: &str, variables: &[(&str, &str)]| {
        let mut command = command(shop.path());
        command.arg("spec").args(line.split_whitespace()).envs(variables.iter().copied());
        let done = done(&command.output().expect("the command starts"));
        assert_eq!(done.status, 0, "{line}: {done:?}");
        done.out
    };
    let said = with(
        "save a.yaml",
        &[("AIKIT_STORE", "e.db"), ("AIKIT_TENANT", "acme"), ("AIKIT_ACTOR", "bot")],
    );
    assert!(said.ends_with("aikit spec promote a@1.0.0\n"), "{said}");
    let said = with(
        "save a.yaml --store o.db --tenant t2",
        &[("AIKIT_STORE", "e.db"), ("AIKIT_TENANT", "acme")],
    );
    assert!(said.ends_with("aikit spec promote a@1.0.0 --store o.db --tenant t2\n"), "{said}");
    assert!(shop.has("e.db") && shop.has("o.db") && !shop.has("aikit.db"));
    let by = |line: &str| json(&shop.ok(line))["created_by"].clone();
    assert_eq!(by("show a@1.0.0 --store e.db --tenant acme --format json"), "bot");
    assert_eq!(by("show a@1.0.0 --store o.db --tenant t2 --format json"), "ada");
    shop.fails(1, "show a@1.0.0 --store e.db", "error[spec_not_found]");
    // Empty counts as not given.
    shop.ok("save a.yaml --store e.db --by eve --why because");
    let entry = &json(&with("history a --store e.db --format json", &[("AIKIT_TENANT", "")]))[0];
    assert_eq!((&entry["by"], &entry["why"]), (&"eve".into(), &"because".into()));
    shop.fails(1, "list --store e.db --tenant a/b", "error[tenant_invalid]");
}

#[test]
fn lists_are_tables_with_a_way_to_the_next_page() {
    let shop = shop_with(&[("a", "1.0.0"), ("a", "2.0.0"), ("longer-name", "1.0.0")]);
    shop.write(
        "it.yaml",
        &scripted("d", "1.0.0", "tags: [x y]\ndescription: about leave\nname: 'D \u{1b}[31m'\n")
            .replace("agent: d", "identity: {agent_id: d}"),
    );
    shop.ok("save it.yaml");
    shop.ok("promote a@1.0.0");
    let all = shop.ok("list");
    let lines: Vec<&str> = all.lines().collect();
    let column = lines[0].find("STATUS").expect("head");
    assert!(lines[0].starts_with("VERSION ") && lines.len() == 5, "{all}");
    assert!(
        lines[1..].iter().all(|line| line[column - 1..].starts_with(" draft")
            || line[column - 1..].starts_with(" active")),
        "{all}"
    );
    assert!(lines[4].starts_with("longer-name@1.0.0  draft "), "{all}");
    assert!(!all.contains('\u{1b}'), "a name must not steer the terminal: {all:?}");

    let first = shop.spec("list --limit 2");
    assert_eq!(first.out.lines().count(), 3, "{first:?}");
    let next =
        first.err.trim().strip_prefix("there are more: aikit spec ").expect("next").to_owned();
    let second = shop.spec(&next);
    assert!(
        second.out.contains("d@1.0.0") && second.out.contains("longer-name@1.0.0"),
        "{second:?}"
    );
    assert_eq!(second.err, "");
    let page = json(&shop.ok("list --limit 2 --format json"));
    assert_eq!(page["specs"][1]["version"], "2.0.0");
    assert!(next.ends_with(page["next"].as_str().expect("next")), "{next}");

    for (filter, reference) in [
        ("--status active", "a@1.0.0"),
        ("--agent longer-name", "longer-name@1.0.0"),
        ("--text leave", "d@1.0.0"),
    ] {
        let list = shop.ok(&format!("list {filter}"));
        assert!(list.lines().count() == 2 && list.contains(reference), "{filter}: {list}");
    }
    let tagged = shop.aikit(&["spec", "list", "--tag", "x y"]);
    assert!(tagged.out.contains("d@1.0.0"), "{tagged:?}");
    let none = shop.spec("list --tag nothing");
    assert_eq!((none.status, none.out.as_str()), (0, ""));
    assert!(none.err.contains("no version is like that"), "{none:?}");
    // The filters go along.
    let page =
        shop.aikit(&["spec", "list", "--text", "it's 1", "--limit", "1", "--store", "aikit.db"]);
    assert_eq!(page.status, 0, "{page:?}");
    let drafts = shop.spec("list --status draft --limit 1 --store aikit.db");
    assert!(drafts.err.contains("aikit spec list --status draft --limit 1 --after "), "{drafts:?}");
    assert!(drafts.err.trim_end().ends_with(" --store aikit.db"), "{drafts:?}");
}

#[test]
fn show_gives_the_record_the_text_or_all_as_json() {
    let shop = Shop::new();
    let text = format!(
        "# kept as it was\n{}",
        scripted("a", "1.0.0", "description: Helps.\ntags: [x, y]\n")
    );
    shop.write("a.yaml", &text);
    shop.ok("save a.yaml --by eve");
    assert_eq!(shop.ok("show a@1.0.0 --format yaml"), text);
    let record = json(&shop.ok("show a@1.0.0 --format json"));
    assert_eq!((&record["status"], &record["text"]), (&"draft".into(), &text.as_str().into()));
    let done = shop.spec("show a@1.0.0");
    let (head, rest) = done.out.split_once("\n\n").expect("two parts");
    assert_eq!(rest, text);
    for line in
        ["version      a@1.0.0", "status       draft", "description  Helps.", "tags         x, y"]
    {
        assert!(head.lines().any(|l| l == line), "{line}: {head}");
    }
    assert!(head.contains(" by eve\n"), "{head}");
    let next = "next         make it the active one: aikit spec promote a@1.0.0";
    assert!(head.lines().any(|line| line == next), "{head}");
    assert_eq!(done.err, "");
    shop.ok("promote a@1.0.0");
    shop.ok("deprecate a@1.0.0 --sunset 2027-01-31");
    let done = shop.spec("show a@1.0.0");
    assert!(done.out.contains("sunset       2027-01-31\n"), "{done:?}");
    shop.ok("retire a@1.0.0");
    assert_eq!(shop.ok("show a@1.0.0 --format yaml"), text, "a retired version can be looked at");
}

#[test]
fn history_is_a_table_of_who_when_and_why() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", ""));
    shop.aikit(&["spec", "save", "a.yaml", "--why", "a first try"]);
    shop.ok("promote a@1.0.0 --by eve");
    let table = shop.ok("history a");
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect())
        .collect();
    assert_eq!(lines[0], ["WHEN", "VERSION", "CHANGE", "STATUS", "BY", "WHY"]);
    assert_eq!(lines[1][1..], ["1.0.0", "saved", "none -> draft", "ada", "a first try"]);
    assert_eq!(lines[2][1..], ["1.0.0", "promoted", "draft -> active", "eve"]);
}

/// `aikit spec ... 2>&1 | head -0`: there is nobody to tell, and the work is done all the same.
#[cfg(unix)]
#[test]
fn a_note_that_nobody_reads_does_not_stop_the_work() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", ""));
    let line = format!(
        "'{}' spec save a.yaml 2>&1 >saved.txt | true; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_aikit")
    );
    let bash =
        std::process::Command::new("bash").args(["-c", &line]).current_dir(shop.path()).output();
    assert_eq!(done(&bash.expect("bash")).status, 0);
    assert!(shop.read("saved.txt").starts_with("saved a@1.0.0"), "{}", shop.read("saved.txt"));
}
