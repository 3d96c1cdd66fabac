//! `expand`, `diff`, `explain`, `schema`.

use aikit::spec::rules::rules;

use super::{Shop, json, scripted};

#[test]
fn expand_shows_the_full_document_of_a_file_and_of_a_version() {
    let shop = Shop::new();
    shop.write("base.yaml", "intelligence: {temperature: 0.3}\n");
    let text = scripted("a", "1.0.0", "extends: [preset:precise, base.yaml]\n");
    shop.write("a.yaml", &text);
    let yaml = shop.ok("expand a.yaml");
    assert!(yaml.starts_with("spec_version: \"1\"\nidentity:\n  agent_id: a\n"), "{yaml}");
    assert!(yaml.contains("temperature: 0.3") && yaml.contains("seed: 1"), "{yaml}");
    let document = json(&shop.ok("expand a.yaml --format json"));
    assert_eq!(document["intelligence"]["model"], "scripted/x");
    assert_eq!(shop.piped("expand -", &text).out, yaml);
    shop.ok("save a.yaml");
    assert_eq!(shop.ok("expand a@1.0.0"), yaml);
    shop.fails(1, "expand a", "error[spec_not_found]");
    shop.ok("promote a@1.0.0");
    assert_eq!(shop.ok("expand a"), yaml);
    shop.write("bad.yaml", "agent: a\nmodle: x\n");
    shop.fails(1, "expand bad.yaml", "bad.yaml has 1 error");
    shop.fails(1, "expand none.yaml", "error[file_not_found]");
    shop.fails(2, "expand", "<FILE|REF>");
}

#[test]
fn diff_speaks_of_fields_and_ends_as_diff_does() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", "tools: [calculator]\n"));
    shop.write(
        "same.yaml",
        &format!(
            "# other layout\n{}",
            scripted("a", "1.0.0", "integration: {tools: [{name: calculator}]}\n")
        ),
    );
    shop.write("b.yaml", &scripted("a", "1.1.0", "tools: [datetime]\n"));
    assert_eq!(shop.ok("diff a.yaml same.yaml"), "no field differs\n");
    assert_eq!(shop.ok("diff a.yaml same.yaml --format json"), "[]\n");
    let done = shop.spec("diff a.yaml b.yaml");
    assert_eq!(done.status, 1);
    assert!(done.out.contains("~ identity.version: \"1.0.0\" -> \"1.1.0\"\n"), "{done:?}");
    assert!(done.out.contains("+ integration.tools.datetime"), "{done:?}");
    assert!(done.out.contains("- integration.tools.calculator"), "{done:?}");
    let changes = json(&shop.spec("diff a.yaml b.yaml --format json").out);
    assert_eq!(
        (&changes[0]["path"], &changes[0]["kind"]),
        (&"/identity/version".into(), &"changed".into())
    );
    // Versions and files, in any mixture.
    shop.ok("save a.yaml");
    shop.ok("save b.yaml");
    assert_eq!(shop.spec("diff a@1.0.0 a@1.1.0").out, done.out);
    assert_eq!(shop.spec("diff a@1.0.0 b.yaml").out, done.out);
    // Trouble is not a difference.
    shop.fails(2, "diff a.yaml none.yaml", "error[file_not_found]");
    shop.fails(2, "diff a.yaml a@9.9.9", "error[spec_not_found]");
    shop.fails(2, "diff a.yaml a@1.0.0 --store none.db", "there is no store none.db");
    shop.fails(2, "diff a.yaml", "<B>");
}

#[test]
fn every_code_is_explained_with_both_examples() {
    let shop = Shop::new();
    let all = shop.ok("explain");
    assert_eq!(all.lines().count(), rules().count());
    for rule in rules() {
        let text = shop.ok(&format!("explain {}", rule.code.to_lowercase()));
        assert!(text.starts_with(&format!("{} (", rule.code)), "{text}");
        assert!(text.contains(rule.title) && all.contains(rule.title), "{text}");
        let unbroken = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [rule.about, rule.wrong, rule.right] {
            let part: String = part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            assert!(unbroken.contains(&words(&part)), "{}: {part}", rule.code);
        }
    }
    shop.fails(1, "explain AK9999", "there is no code \"AK9999\"");
    shop.fails(1, "explain AK9999", "list them all: aikit spec explain");
}

#[test]
fn the_schema_is_the_library_s() {
    let shop = Shop::new();
    assert_eq!(json(&shop.ok("schema")), aikit::spec::schema());
}

#[test]
fn every_command_has_help_with_an_example() {
    let shop = Shop::new();
    let help = shop.ok("--help");
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert_eq!(commands.len(), 17, "{help}");
    for command in commands {
        let help = shop.ok(&format!("{command} --help"));
        let (_, examples) = help.split_once("Example").unwrap_or_else(|| panic!("{help}"));
        // Those of the steps of a life share one.
        assert!(examples.contains("aikit spec "), "{help}");
    }
    shop.fails(2, "nothing", "unrecognized subcommand");
    assert!(shop.aikit(&["--help"]).out.contains("Examples:\n  aikit spec new helper\n"));
}
