//! `aikit run` with versions of the repository and with inputs.

use super::{Shop, scripted};

#[test]
fn a_version_runs_by_its_reference() {
    let shop = Shop::new();
    for version in ["1.0.0", "2.0.0"] {
        shop.write("it.yaml", &scripted("a", version, ""));
        shop.ok("save it.yaml --store s.db");
    }
    let run = |line: &str| shop.aikit(&line.split_whitespace().collect::<Vec<_>>());
    let draft = run("run -q a@2.0.0 x --store s.db");
    assert_eq!((draft.status, draft.out.as_str()), (0, "I am 2.0.0.\n"), "{draft:?}");
    let none = run("run a x --store s.db");
    assert!(none.status == 1 && none.err.contains("error[spec_not_found]"), "{none:?}");
    shop.ok("promote a@1.0.0 --store s.db");
    assert_eq!(run("run -q a x --store s.db").out, "I am 1.0.0.\n");
    // A file is one even if an agent has its name.
    shop.write("a", &scripted("a", "9.0.0", ""));
    assert_eq!(run("run -q a x --store s.db").out, "I am 9.0.0.\n");
    let missing = run("run b@1.0.0 x --store none.db");
    assert!(
        missing.status == 1 && missing.err.contains("there is no store none.db"),
        "{missing:?}"
    );
    assert!(!shop.has("none.db") && !shop.has("aikit.db"));
    shop.ok("promote a@2.0.0 --store s.db");
    shop.ok("retire a@1.0.0 --store s.db");
    let retired = run("run a@1.0.0 x --store s.db");
    assert!(retired.status == 1 && retired.err.contains("error[spec_retired]"), "{retired:?}");
}

const ASKS: &str = "agent: a\nmodel: scripted/x\nscript: [{text: Hello.}]\nprompt: 'Help {{ inputs.customer }}, {{ inputs.age }}.'\n\
    interface:\n  input_schema:\n    type: object\n    required: [customer]\n    properties: {customer: {type: string}, age: {type: integer}}\n";

#[test]
fn inputs_are_given_by_name_in_the_type_that_the_spec_says() {
    let shop = Shop::new();
    shop.write("a.yaml", ASKS);
    let run = |inputs: &[&str]| {
        let options = inputs.iter().flat_map(|input| ["--input", input]);
        shop.aikit(&["run", "-q", "a.yaml", "x"].into_iter().chain(options).collect::<Vec<_>>())
    };
    // 42 is a text where the spec wants one, and a number where it wants that.
    for inputs in
        [["customer=Ada", "age=42"], ["customer=42", "age=42"], ["customer=a=b", "age=42"]]
    {
        let done = run(&inputs);
        assert_eq!((done.status, done.out.as_str()), (0, "Hello.\n"), "{inputs:?} {done:?}");
    }
    for (inputs, says) in [
        (vec!["customer=Ada", "age=old"], "age"),
        (vec!["age=42"], "customer"),
        (vec!["customer"], "--input NAME=VALUE"),
        (vec!["customer=Ada", "aeg=42"], "no input \"aeg\"\n  hint: its inputs are customer, age"),
    ] {
        let done = run(&inputs);
        assert_eq!(done.status, 1, "{inputs:?} {done:?}");
        assert!(
            done.err.contains("error[invalid_argument]") && done.err.contains(says),
            "{inputs:?} {done:?}"
        );
    }
}

#[test]
fn all_that_keeps_an_agent_from_running_is_shown_at_its_place() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", "tools: [lamp, clock]\n"));
    shop.ok("save a.yaml");
    shop.ok("promote a@1.0.0");
    for (named, shown) in [("a.yaml", "a.yaml:5:9: error[AK3002]"), ("a", "a:5:9: error[AK3002]")] {
        let done = shop.aikit(&["run", named, "x"]);
        assert_eq!((done.status, done.out.as_str()), (1, ""), "{done:?}");
        assert!(done.err.starts_with(shown) && done.err.contains("\"clock\""), "{done:?}");
    }
}

#[test]
fn what_will_be_missed_is_said_before_the_run() {
    let shop = Shop::new();
    shop.write("a.yaml", &scripted("a", "1.0.0", "knowledge: [handbook]\n"));
    let done = shop.aikit(&["run", "a.yaml", "x"]);
    assert!(done.err.starts_with("warning[AK3006]: ") && done.err.contains("--ingest"), "{done:?}");
    assert_eq!((done.status, done.out.as_str()), (0, "I am 1.0.0.\n"), "{done:?}");
    assert_eq!(shop.aikit(&["run", "-q", "a.yaml", "x"]).err, "");
    // The key that the spec's model needs is of no matter when another one is asked.
    shop.write("b.yaml", "agent: b\nmodel: openai/x\nscript: [{text: Hello.}]\n");
    let done = shop.aikit(&["run", "b.yaml", "x", "--model", "scripted/b"]);
    assert_eq!((done.status, done.out.as_str()), (0, "Hello.\n"), "{done:?}");
    assert!(!done.err.contains("warning"), "{done:?}");
}

#[test]
fn a_spec_with_errors_is_shown_with_all_of_them() {
    let shop = Shop::new();
    shop.write("bad.yaml", "agent: a\nmodle: x\nprompt: 5\n");
    let done = shop.aikit(&["run", "bad.yaml", "x"]);
    assert_eq!(done.status, 1);
    assert!(
        done.err.contains(" 2 | modle: x\n") && done.err.contains(" 3 | prompt: 5\n"),
        "{done:?}"
    );
    assert!(done.err.contains("error[spec_invalid]: bad.yaml has 2 errors"), "{done:?}");
}
