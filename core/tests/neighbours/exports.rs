//! Specs as components of Oracle Open Agent Spec and as agent cards.

use aikit::spec::Spec;
use aikit::spec::neighbours::{Kind, export_a2a, export_oracle, import};
use serde_json::{Value as Json, json};

use super::samples::{all, leaves};

#[test]
fn specs_are_written_as_oracle_components_and_agent_cards() {
    for (file, _, text) in all() {
        for spec in import(&text, None, Some(&file)).expect("an import").specs {
            let document = Spec::parse(&spec.text).expect("a spec").to_json();
            for export in [export_oracle(&document), export_a2a(&document)] {
                let export = export.unwrap_or_else(|e| panic!("{file}: {e}"));
                let mut reported: Vec<&str> =
                    export.report.iter().map(|e| e.path.as_str()).collect();
                let mut expected = leaves(&document);
                reported.sort_unstable();
                expected.sort_unstable();
                assert_eq!(reported, expected, "{file} {}", spec.name);
            }
            // What Oracle's format can say comes back as it was.
            let exported = export_oracle(&document).expect("an export").document.to_string();
            let back =
                import(&exported, None, None).unwrap_or_else(|e| panic!("{file}: {e}\n{exported}"));
            let again = Spec::parse(&back.specs[0].text).expect("a spec").to_json();
            for pointer in [
                "/identity/description",
                "/behavior/workflow/steps/0/prompt",
                "/intelligence/system_prompt",
            ] {
                if document.pointer("/behavior/workflow/steps/0").is_some()
                    != pointer.contains("workflow")
                {
                    continue;
                }
                let guarded = document
                    .pointer(pointer)
                    .and_then(Json::as_str)
                    .is_some_and(|t| t.contains("{%"));
                let empty = document.pointer(pointer).is_none();
                if !guarded && !empty {
                    assert_eq!(
                        again.pointer(pointer),
                        document.pointer(pointer),
                        "{file} {pointer}\n{exported}"
                    );
                }
            }
        }
    }
    let spec = Spec::parse(
        "agent: helper\ndescription: Helps\nversion: 1.2.3\nmodel: openai/gpt-4o\n\
         prompt: 'Hi {{ inputs.who }}, {{ prompts.more }} {% raw %}{{ x }}{% endraw %}'\n\
         prompts: {more: be brief}\n\
         interface: {input_schema: {type: object, properties: {who: {type: string}}}}\n\
         tools: [calculator]\n\
         a2a:\n  url: 'https://h.test/a2a'\n  skills: [{id: add, name: Add, description: Adds, tags: [math]}]\n",
    )
    .expect("a spec");
    let oracle = export_oracle(&spec.to_json()).expect("an export").document;
    assert_eq!(oracle["component_type"], "Agent");
    assert_eq!(oracle["system_prompt"], "Hi {{who}}, be brief {{ x }}");
    assert_eq!(oracle["llm_config"]["component_type"], "OpenAiConfig");
    assert_eq!(oracle["tools"][0]["name"], "calculator");
    // Their runtime fills in every `{{x}}`: one that means itself has itself as its default.
    assert_eq!(
        oracle["inputs"],
        json!([
            {"type": "string", "title": "who"},
            {"type": "string", "title": "x", "default": "{{ x }}"},
        ])
    );
    let card = export_a2a(&spec.to_json()).expect("an export").document;
    assert_eq!(card["name"], "helper");
    assert_eq!(card["version"], "1.2.3");
    assert_eq!(
        card["supportedInterfaces"],
        json!([{"url": "https://h.test/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}])
    );
    assert_eq!(
        card["skills"],
        json!([{"id": "add", "name": "Add", "description": "Adds", "tags": ["math"]}])
    );
    for key in ["description", "capabilities", "defaultInputModes", "defaultOutputModes"] {
        assert!(card.get(key).is_some(), "{key}");
    }
}

/// As their runtime loads it: the inputs of an agent are the names of its prompt, one way leads on
/// from a node, and a node of a tool gives what the tool gives.
#[test]
fn oracle_components_keep_the_rules_of_their_runtime() {
    let spec = Spec::parse(
        "agent: host\nmodel: openai/gpt-4o\n\
         prompt: 'Of {{ tenant_id }}: {{ inputs.guest }}{% if inputs.vip %}!{% endif %}'\n\
         interface:\n  input_schema:\n    type: object\n    properties: {guest: {type: string}, vip: {type: boolean}}\n",
    )
    .expect("a spec");
    let export = export_oracle(&spec.to_json()).expect("an export");
    let titles: Vec<_> = export.document["inputs"].as_array().expect("inputs").iter().collect();
    assert_eq!(titles.iter().map(|i| &i["title"]).collect::<Vec<_>>(), ["guest", "tenant_id"]);
    assert!(titles[1].get("default").is_none(), "to be given");
    let lost = |path: &str| export.report.iter().any(|e| e.path == path && e.kind == Kind::Lost);
    assert!(lost("/interface/input_schema/properties/vip/type"));

    let spec = Spec::parse(
        "agent: diamond\nmodel: openai/gpt-4o\ntools: [look]\n\
         interface: {input_schema: {type: object, properties: {n: {type: integer}}}}\n\
         workflow:\n  steps:\n\
         \x20   - {id: last, prompt: Join, depends_on: [a, b]}\n\
         \x20   - {id: first, prompt: 'Begin {{ inputs.n }}'}\n\
         \x20   - {id: a, tool: look, depends_on: [first], output_schema: {type: object, properties: {found: {type: string}}}}\n\
         \x20   - {id: b, prompt: Think, depends_on: [first]}\n",
    )
    .expect("a spec");
    let flow = export_oracle(&spec.to_json()).expect("an export").document;
    let link = |edge: &Json, end: &str| edge[end]["$component_ref"].as_str().map(str::to_owned);
    let edges = flow["control_flow_connections"].as_array().expect("edges");
    let line: Vec<_> = edges.iter().filter_map(|edge| link(edge, "to_node")).collect();
    assert_eq!(line, ["diamond.first", "diamond.a", "diamond.b", "diamond.last", "diamond.end"]);
    let from: Vec<_> = edges.iter().filter_map(|edge| link(edge, "from_node")).collect();
    assert_eq!(from[0], "diamond.start");
    assert_eq!(from[1..], line[..4]);
    assert_eq!(flow["data_flow_connections"], Json::Null);
    let nodes = &flow["$referenced_components"];
    assert_eq!(nodes["diamond.first"]["inputs"], json!([{"type": "integer", "title": "n"}]));
    assert_eq!(nodes["diamond.a"]["tool"]["outputs"][0]["title"], "found");
    assert!(nodes["diamond.a"].get("outputs").is_none());
}

#[test]
fn skills_of_a_card_have_tags() {
    let spec = Spec::parse(
        "agent: helper\na2a: {url: 'https://h.test', skills: [{id: add, name: Add}]}\n",
    )
    .expect("a spec");
    let card = export_a2a(&spec.to_json()).expect("an export").document;
    assert_eq!(card["skills"][0]["tags"], json!(["add"]));
    let bare = Spec::parse("agent: helper\nmodel: openai/gpt-4o\n").expect("a spec");
    let card = export_a2a(&bare.to_json()).expect("an export").document;
    assert_eq!(card["skills"][0]["tags"], json!(["helper"]));
}
