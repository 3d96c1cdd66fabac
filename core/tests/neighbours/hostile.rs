//! Large, hostile and mangled texts.

use aikit::error::Code;
use aikit::spec::neighbours::import;
use serde_json::{Value as Json, json};

use super::samples::{self, all};
use super::{complete, tree_of};

#[test]
fn large_and_hostile_texts_end_in_an_error_or_in_specs() {
    let agents = |n: usize| {
        (0..n).fold(String::from("agents:\n"), |mut text, i| {
            text.push_str(&format!("  a{i}: {{instruction: x, sub_agents: [a{}]}}\n", (i + 1) % n));
            text
        })
    };
    let few = import(&agents(100), None, None).expect("agents in a ring");
    assert_eq!(few.specs.len(), 100);
    complete("ring", &tree_of(&agents(100)), &few);
    assert_eq!(import(&agents(2000), None, None).expect_err("too many").code(), Code::SpecTooLarge);
    let flow = |n: usize| {
        let node = |i: usize| {
            let nodes = json!([{"$component_ref": format!("n{}", i + 1)}]);
            let flow = json!({"component_type": "Flow", "id": format!("f{i}"), "nodes": nodes});
            let id = format!("n{i}");
            (id.clone(), json!({"component_type": "FlowNode", "id": id, "subflow": flow}))
        };
        let components: serde_json::Map<String, Json> = (0..n).map(node).collect();
        let nodes = json!([{"$component_ref": "n0"}]);
        json!({"component_type": "Flow", "nodes": nodes, "$referenced_components": components})
    };
    let deep = flow(300);
    complete("deep", &deep, &import(&deep.to_string(), None, None).expect("a chain of flows"));
    let braces = format!("agents:\n  a:\n    instruction: '{}'\n", "{{%#".repeat(100_000));
    match import(&braces, None, None) {
        Ok(import) => complete("braces", &tree_of(&braces), &import),
        Err(error) => assert_eq!(error.code(), Code::SpecTooLarge),
    }
    let server = "      - {type: mcp, name: same, command: run}\n";
    let servers = format!("agents:\n  a:\n    toolsets:\n{}", server.repeat(2000));
    complete("servers", &tree_of(&servers), &import(&servers, None, None).expect("servers"));
    let junk = "x".repeat(2 * 1024 * 1024 + 1);
    assert_eq!(import(&junk, None, None).expect_err("junk").code(), Code::SpecTooLarge);
    let deep = format!("{{{}: ", "k".repeat(1000)).repeat(50);
    let wide = format!(
        "agents: {{a: {{instruction: x, z: {deep}[{}]{}}}}}\n",
        "1,".repeat(9000),
        "}".repeat(50)
    );
    assert_eq!(import(&wide, None, None).expect_err("paths").code(), Code::SpecTooLarge);
}

#[test]
fn mangled_samples_never_panic_and_are_always_told_in_full() {
    let (mut read, mut refused) = (0, 0);
    for (file, format, text) in all() {
        let tree = tree_of(&text);
        for round in 0..20 {
            let mangled = samples::mangle(&tree, &file, round);
            match import(&mangled.to_string(), Some(format), None) {
                Ok(import) => {
                    complete(&format!("{file} round {round}: {mangled}"), &mangled, &import);
                    read += 1;
                }
                Err(error) => {
                    assert_eq!(
                        error.code(),
                        Code::InvalidArgument,
                        "{file} round {round}: {error}"
                    );
                    refused += 1;
                }
            }
        }
        for cut in (0..text.len()).step_by(97).filter(|cut| text.is_char_boundary(*cut)) {
            if let (Ok(import), Some(tree)) =
                (import(&text[..cut], Some(format), None), samples::tree(&text[..cut]))
            {
                complete(&format!("{file} cut at {cut}"), &tree, &import);
            }
        }
    }
    assert!(read > 400, "{read} were read, {refused} refused");
}
