//! Specs as components of Oracle Open Agent Spec and as agent cards.

use aikit::spec::Spec;
use aikit::spec::neighbours::{export_a2a, export_oracle, import};
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
    assert_eq!(oracle["inputs"], json!([{"type": "string", "title": "who"}]));
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
