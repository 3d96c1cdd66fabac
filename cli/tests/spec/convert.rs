//! `import` and `export`.

use aikit::spec::Spec;

use super::{Shop, json, scripted};

fn with_versions() -> Shop {
    let shop = Shop::new();
    for (agent, version) in [("a", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")] {
        shop.write("it.yaml", &scripted(agent, version, ""));
        shop.ok("save it.yaml");
    }
    shop.ok("promote a@1.0.0 --why first");
    shop
}

#[test]
fn a_bundle_carries_a_repository_to_another_store() {
    let shop = with_versions();
    let said = shop.ok("export --out all.json");
    assert_eq!(
        said,
        "wrote 3 versions to all.json; take it in elsewhere: aikit spec import all.json --store FILE\n"
    );
    assert_eq!(shop.ok("export"), shop.read("all.json"));
    let done = shop.spec("import all.json --store other.db");
    assert_eq!(done.out, "took in 3 versions; see them: aikit spec list --store other.db\n");
    assert_eq!(done.err, "made the store other.db\n");
    assert_eq!(shop.ok("export --store other.db"), shop.read("all.json"));
    assert_eq!(json(&shop.ok("show a --store other.db --format json"))["version"], "1.0.0");

    shop.fails(
        1,
        "import all.json --store other.db",
        "--on-conflict skip passes such versions over",
    );
    let said = shop.ok("import all.json --store other.db --on-conflict skip");
    assert!(
        said.starts_with("took in 0 versions, passed over a@1.0.0, a@2.0.0, b@1.0.0; "),
        "{said}"
    );
    let one = shop.ok("export b");
    let done = shop.piped("import - --store third.db --format json", &one);
    assert_eq!(json(&done.out)["imported"], serde_json::json!(["b@1.0.0"]), "{done:?}");
}

#[test]
fn bundles_that_are_none_and_arguments_that_do_not_go_together_are_refused() {
    let shop = with_versions();
    shop.ok("export --out all.json");
    shop.fails(1, "export --out all.json", "nothing is overwritten");
    shop.fails(1, "export nobody", "error[spec_not_found]");
    shop.fails(2, "export a@1.0.0 --to bundle", "write the one version with --to yaml");
    shop.fails(2, "export --to yaml", "only a bundle can hold every agent");
    shop.fails(2, "export a --to pdf", "[possible values: bundle, yaml, json, oracle, a2a]");
    shop.fails(2, "import all.json --out x.yaml", "a bundle goes into the store");
    shop.fails(2, "import all.json --save", "a bundle goes into the store");
    shop.write("broken.json", "{\"format\": \"aikit-specs/1\", \"specs\": 5}");
    shop.fails(1, "import broken.json --store x.db", "the bundle has not the form of one");
    shop.write("later.json", "{\"format\": \"aikit-specs/9\", \"specs\": [], \"history\": []}");
    shop.fails(1, "import later.json --store y.db", "this aikit reads aikit-specs/1");
    assert!(!shop.has("x.db"));
}

#[test]
fn a_version_or_a_file_is_written_in_every_form() {
    let shop = with_versions();
    let yaml = shop.ok("export a@2.0.0");
    assert_eq!(yaml, shop.ok("expand a@2.0.0"));
    assert_eq!(shop.ok("export a --to yaml"), shop.ok("expand a@1.0.0"));
    assert_eq!(json(&shop.ok("export a --to json"))["identity"]["version"], "1.0.0");
    let said = shop.ok("export a --to json --out a.json");
    assert_eq!(said, "wrote a@1.0.0 to a.json; check it: aikit spec check a.json\n");
    assert_eq!(shop.ok("check a.json"), "a.json: ok\n");

    let card = shop.spec("export it.yaml --to a2a --store none.db");
    assert_eq!(card.status, 0, "{card:?}");
    assert_eq!(json(&card.out)["name"], "b");
    assert!(card.err.contains("lost  /intelligence/model"), "{card:?}");
    assert!(card.err.trim_end().ends_with(" lost") && card.err.contains("b@1.0.0: "), "{card:?}");
    let oracle = json(&shop.ok("export a --to oracle"));
    assert_eq!(oracle["component_type"], "Agent");
    shop.ok("export a --to oracle --out oracle.json");
    let back = shop.spec("import oracle.json");
    assert_eq!(Spec::parse(&back.out).expect("spec").agent_id(), "a", "{back:?}");
}

const AGENTS: &str = "---\nresearcher:\n  role: Researcher\n  goal: Find out about {topic}\n  backstory: |\n    You read.\n\n    A lot.\n  max_iter: 5\n  step_callback: log\n";
const TASKS: &str =
    "research:\n  description: Look at {topic}\n  expected_output: A list\n  agent: researcher\n";

#[test]
fn a_neighbour_s_document_becomes_a_spec_and_a_report() {
    let shop = Shop::new();
    shop.write("agents.yaml", AGENTS);
    let done = shop.spec("import agents.yaml");
    assert_eq!(done.status, 0, "{done:?}");
    let spec = Spec::parse(&done.out).expect("spec");
    assert_eq!((spec.agent_id(), spec.document().behavior.max_turns), ("researcher", 5));
    let lines: Vec<&str> = done.err.lines().collect();
    assert!(lines[0].starts_with("kept     /researcher/max_iter"), "{done:?}");
    assert!(
        lines.iter().any(|line| line.starts_with("changed  /researcher/role")
            && line.contains(" -> /intelligence/system_prompt")),
        "{done:?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("lost     /researcher/step_callback")),
        "{done:?}"
    );
    assert_eq!(lines.last(), Some(&"crewai: 1 kept, 3 changed, 1 lost"));

    let document = json(&shop.ok("import agents.yaml --format json"));
    assert_eq!(document["format"], "crewai");
    assert_eq!(document["specs"][0]["text"], done.out);
    assert_eq!(document["report"].as_array().map(Vec::len), Some(5));

    let said = shop.ok("import agents.yaml --out it.yaml");
    assert_eq!(said, "wrote it.yaml; check it: aikit spec check it.yaml\n");
    assert_eq!(shop.read("it.yaml"), done.out);
    shop.fails(1, "import agents.yaml --out it.yaml", "nothing is overwritten");
    assert_eq!(shop.piped("import - --from crewai", AGENTS).out, done.out);
}

#[test]
fn the_two_files_of_a_crew_are_one_document_in_any_order() {
    let shop = Shop::new();
    shop.write("agents.yaml", AGENTS);
    shop.write("tasks.yaml", TASKS);
    let both = shop.spec("import agents.yaml tasks.yaml");
    assert_eq!(both.status, 0, "{both:?}");
    assert!(
        both.err.contains("/agents/researcher/role")
            && both.err.contains("/tasks/research/description"),
        "{both:?}"
    );
    let texts: Vec<&str> = both.out.split("---\n").collect();
    assert_eq!(texts.len(), 2, "the crew and its agent: {both:?}");
    assert!(Spec::parse(texts[0]).expect("crew").document().behavior.workflow.steps.len() == 1);
    assert!(texts[1].contains("You read.\n\n    A lot."), "{both:?}");
    let other = shop.ok("import tasks.yaml agents.yaml --out specs/");
    assert_eq!(other.lines().count(), 2, "{other}");
    assert!(shop.has("specs/researcher.yaml"), "{other}");
    // One that is there keeps all others from being written.
    std::fs::create_dir(shop.path().join("half")).expect("folder");
    shop.write("half/researcher.yaml", "mine");
    shop.fails(
        1,
        "import agents.yaml tasks.yaml --out half",
        "half/researcher.yaml is there already",
    );
    assert_eq!(std::fs::read_dir(shop.path().join("half")).expect("folder").count(), 1);
    shop.fails(2, "import agents.yaml tasks.yaml --from adl", "only CrewAI");
    shop.fails(2, "import agents.yaml tasks.yaml agents.yaml", "unexpected argument");
    shop.write("bad.yaml", "a:\n  b: \"x\n");
    shop.fails(1, "import agents.yaml bad.yaml", "bad.yaml:2:6: error[AK1001]");
}

#[test]
fn what_was_converted_can_be_kept_at_once() {
    let shop = Shop::new();
    shop.write("agents.yaml", AGENTS);
    let done = shop.spec("import agents.yaml --save");
    assert_eq!(
        done.out,
        "saved researcher@0.1.0 as a draft; make it the active one: aikit spec promote researcher@0.1.0\n"
    );
    let entry = &json(&shop.ok("history researcher --format json"))[0];
    assert_eq!(entry["why"], "imported from agents.yaml (crewai)");
    let again = shop.spec("import agents.yaml --save");
    assert!(again.status == 1 && again.err.contains("error[spec_conflict]"), "{again:?}");
    let silent = shop.spec("import agents.yaml --save --store j.db --format json");
    assert_eq!(json(&silent.out)["format"], "crewai");
    assert!(silent.err.contains("saved researcher@0.1.0"), "{silent:?}");
}

#[test]
fn what_cannot_be_converted_says_why() {
    let shop = Shop::new();
    shop.write("own.yaml", &scripted("a", "1.0.0", ""));
    shop.write("bad.yaml", "a:\n  b: \"x\n");
    shop.write("other.yaml", "services: {web: {image: nginx}}\n");
    shop.fails(1, "import own.yaml", "a spec of aikit already");
    shop.fails(1, "import bad.yaml", " 2 |   b: \"x\n");
    shop.fails(1, "import other.yaml", "known formats: oracle");
    shop.fails(1, "import none.yaml", "error[file_not_found]");
    shop.fails(1, "import .", "error[file_unreadable]");
    shop.fails(2, "import own.yaml --from word", "possible values: oracle, open-agent-spec");
    shop.fails(2, "import", "<FILE>");
    std::fs::write(shop.path().join("binary"), [0xff, 0xfe, 0x00]).expect("write");
    shop.fails(1, "import binary", "not a text in UTF-8");
}
