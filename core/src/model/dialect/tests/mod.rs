//! What providers take is checked by rules written from their documentation, and the way back by a
//! validator of JSON Schema that is not ours.

mod checks;
mod samples;
mod values;

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use samples::SAMPLES;

const FLAVOURS: [Flavour; 3] = [Flavour::OpenAi, Flavour::Anthropic, Flavour::Gemini];

fn tool(name: &str, parameters: Value) -> ToolSpec {
    ToolSpec { name: name.into(), description: "d".into(), parameters }
}

fn compiled(flavour: Flavour, parameters: Value) -> Tools {
    Tools::compile(flavour, &[tool("t", parameters)])
}

fn parameters(flavour: Flavour, schema: Value) -> Value {
    compiled(flavour, schema).list()[0].parameters.clone()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

/// What a model may write for the compiled schema has to be, mapped back, what the own one asks
/// for; and what went back must go out and come back the same.
fn there_and_back(what: &str, own: &Value, wire: &Value, plan: &Plan, exact: bool) {
    let theirs = jsonschema::validator_for(wire).expect("compiled schemas are schemas");
    let ours = jsonschema::validator_for(own).expect("samples are schemas");
    let mut tried = 0;
    for seed in 0..60 {
        let written = values::value(wire, seed);
        if !theirs.is_valid(&written) {
            continue;
        }
        tried += 1;
        let mut restored = written.clone();
        plan.restore(&mut restored);
        if exact {
            let error = ours.validate(&restored).err().map(|e| e.to_string());
            assert_eq!(error, None, "{what}: {written} became {restored}\nfor {wire}");
        }
        let mut again = restored.clone();
        plan.send(&mut again);
        plan.restore(&mut again);
        assert_eq!(again, restored, "{what}: sent and come back");
    }
    assert!(tried > 0, "{what}: no value was found for {wire}");
}

#[test]
fn every_sample_is_taken_by_every_provider_and_comes_back() {
    for (name, own, exact) in SAMPLES {
        let own = json_of(own);
        for flavour in FLAVOURS {
            let what = format!("{name} for {flavour:?}");
            let tools = compiled(flavour, own.clone());
            let tool = &tools.list()[0];
            checks::parameters(flavour, &what, &tool.parameters);
            there_and_back(&what, &own, &tool.parameters, &tool.plan, *exact);
            // Equal schemas, equal bytes; and what was compiled may be compiled again.
            assert_eq!(parameters(flavour, own.clone()).to_string(), tool.parameters.to_string());
            let twice = parameters(flavour, tool.parameters.clone());
            checks::parameters(flavour, &what, &twice);
        }
    }
}

#[test]
fn every_sample_can_be_the_shape_of_an_answer() {
    for (name, own, exact) in SAMPLES {
        let own = json_of(own);
        for flavour in FLAVOURS {
            let what = format!("{name} as an answer for {flavour:?}");
            let output = Output::compile(flavour, &own);
            checks::output(flavour, &what, output.schema());
            there_and_back(&what, &own, output.schema(), &output.plan, *exact);
        }
    }
}

#[test]
fn what_anthropic_refuses_at_the_top_is_put_into_an_object() {
    let either = json!({"type": "object", "description": "d", "oneOf": [
        {"properties": {"id": {"type": "integer"}}, "required": ["id"]},
        {"properties": {"name": {"type": "string"}}, "required": ["name"]},
    ]});
    for flavour in [Flavour::Anthropic, Flavour::OpenAi] {
        let wrapped = json!({
            "type": "object", "properties": {"value": either}, "required": ["value"],
        });
        let tools = compiled(flavour, either.clone());
        let tool = &tools.list()[0];
        assert_eq!(tool.parameters, wrapped);
        assert!(!tool.streams());
        assert_eq!(tool.restore(r#"{"value": {"id": 7}}"#), r#"{"id":7}"#);
        // A model that left the wrapping out is understood, and so is one that broke off.
        assert_eq!(tool.restore(r#"{"id": 7}"#), r#"{"id":7}"#);
        assert_eq!(tool.restore(r#"{"value": {"#), r#"{"value": {"#);
        assert_eq!(tools.sent_arguments("t", r#"{"id": 7}"#), json!({"value": {"id": 7}}));
        assert_eq!(tools.sent_arguments("t", "[1"), json!({"invalid_arguments": "[1"}));
        assert_eq!(tools.sent_arguments("gone", "[1]"), json!({"invalid_arguments": "[1]"}));
        assert_eq!(tools.sent_arguments("gone", ""), json!({}));
    }
}

#[test]
fn a_choice_of_what_must_be_there_is_told_in_words() {
    let some = json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    });
    for flavour in FLAVOURS {
        assert_eq!(
            parameters(flavour, some.clone()),
            json!({
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "description": "At least one of these must hold: [{\"required\":[\"a\"]},{\"required\":[\"b\"]}]",
            }),
            "{flavour:?}"
        );
    }
}

#[test]
fn a_schema_that_providers_take_is_sent_as_it_was_written() {
    let plain = json!({
        "type": "object",
        "properties": {
            "z": {"type": "string", "description": "d", "enum": ["b", "a"]},
            "a": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "m": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]},
        },
        "required": ["z"],
    });
    for flavour in FLAVOURS {
        let tools = compiled(flavour, plain.clone());
        let sent = &tools.list()[0].parameters;
        assert_eq!(*sent, plain, "{flavour:?}");
        if flavour != Flavour::Gemini {
            assert_eq!(sent.to_string(), plain.to_string(), "also in its order");
        }
        assert!(tools.list()[0].streams());
    }
}

#[test]
fn what_gemini_has_no_word_for_is_left_out_and_said() {
    let own = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "level": {"type": "integer", "enum": [1, 2, 3], "description": "How much"},
            "fixed": {"const": "x"},
            "who": {"type": ["string", "null"], "format": "email", "minLength": 3},
            "count": {"type": "integer", "exclusiveMinimum": 0},
            "any": true,
            "bare": {"type": "array", "uniqueItems": true},
            "user-name": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        },
        "required": ["level", "user-name", "missing"],
    });
    let tools = compiled(Flavour::Gemini, own);
    let tool = &tools.list()[0];
    assert_eq!(
        tool.parameters,
        json!({
            "type": "object",
            "properties": {
                "level": {"type": "string", "description": "How much", "enum": ["1", "2", "3"]},
                "fixed": {"type": "string", "enum": ["x"]},
                "who": {
                    "type": ["string", "null"],
                    "description": "must also hold: {\"format\":\"email\",\"minLength\":3}",
                },
                "count": {"type": "integer", "minimum": 1},
                "any": {},
                "bare": {"type": "array", "description": "must also hold: {\"uniqueItems\":true}", "items": {}},
                "user_name": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "required": ["level", "user_name"],
        })
    );
    let written = r#"{"level": "2", "user_name": "1", "who": null}"#;
    assert_eq!(tool.restore(written), r#"{"level":2,"user-name":"1","who":null}"#);
    let sent = tools.sent_arguments("t", r#"{"level": 2, "user-name": "1"}"#);
    assert_eq!(sent, json!({"level": "2", "user_name": "1"}));
}

#[test]
fn a_schema_within_itself_is_told_to_a_depth() {
    let tree = json!({
        "type": "object",
        "properties": {"root": {"$ref": "#/$defs/node"}},
        "$defs": {"node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
        }},
    });
    let cut = |inner: Value| {
        json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": inner}},
        })
    };
    let expected = json!({
        "type": "object", "properties": {"root": cut(cut(json!({"type": "object"})))},
    });
    assert_eq!(parameters(Flavour::Anthropic, tree.clone()), expected);
    // Where references are followed, they stay.
    assert_eq!(parameters(Flavour::OpenAi, tree.clone()), tree);
    // One that doubles with every step does not fill the memory.
    let mut wide =
        json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/n0"}}, "$defs": {}});
    for i in 0..40 {
        let next = json!({"$ref": format!("#/$defs/n{}", (i + 1) % 40)});
        wide["$defs"][format!("n{i}")] =
            json!({"type": "object", "properties": {"l": next, "r": next}});
    }
    for flavour in [Flavour::Anthropic, Flavour::Gemini] {
        let size = parameters(flavour, wide.clone()).to_string().len();
        assert!(size < 2_000_000, "{flavour:?}: {size}");
    }
    assert!(Output::compile(Flavour::OpenAi, &wide).schema().to_string().len() < 4_000_000);
    let endless =
        json!({"type": "object", "properties": {"x": {"$ref": "#/properties/x"}}, "$ref": "#"});
    for flavour in FLAVOURS {
        checks::parameters(flavour, "endless", &parameters(flavour, endless.clone()));
    }
}

#[test]
fn what_openai_holds_answers_to_is_complete_and_closed() {
    let own = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "minimum": 0},
            "nick": {"type": ["string", "null"]},
            "kind": {"enum": ["a", "b"]},
            "scores": {"type": "object", "additionalProperties": {"type": "number"}},
            "more": {},
        },
        "required": ["name", "scores"],
    });
    let output = Output::compile(Flavour::OpenAi, &own);
    assert_eq!(
        *output.schema(),
        json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": {"type": ["integer", "null"], "minimum": 0},
                "nick": {"type": ["string", "null"]},
                "kind": {"anyOf": [{"type": "string", "enum": ["a", "b"]}, {"type": "null"}]},
                "scores": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"key": {"type": "string"}, "value": {"type": "number"}},
                        "required": ["key", "value"],
                        "additionalProperties": false,
                    },
                    "description": "a mapping, written as a list of its keys and values",
                },
                "more": {"type": ["string", "null"], "description": "any value, written as JSON in this text"},
            },
            "required": ["name", "age", "nick", "kind", "scores", "more"],
            "additionalProperties": false,
        })
    );
    let written = r#"{"name": "x", "age": null, "nick": null, "kind": null,
        "scores": [{"key": "k", "value": 1.5}], "more": "{\"a\": [1]}"}"#;
    let restored = r#"{"name":"x","nick":null,"scores":{"k":1.5},"more":{"a":[1]}}"#;
    assert_eq!(output.restore(written), restored);
    assert_eq!(output.restore("no json"), "no json");
    // A list cannot stand at the top.
    let list =
        Output::compile(Flavour::OpenAi, &json!({"type": "array", "items": {"type": "string"}}));
    assert_eq!(list.restore(r#"{"value": ["a"]}"#), r#"["a"]"#);
}

#[test]
fn tools_have_one_name_each_on_both_sides() {
    let names = ["files.read", "files_read", "2nd", "sch\u{f6}n", "plain"];
    let specs: Vec<ToolSpec> =
        names.iter().map(|name| tool(name, json!({"type": "object"}))).collect();
    for flavour in FLAVOURS {
        let tools = Tools::compile(flavour, &specs);
        let wire: HashSet<&str> = tools.list().iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(wire.len(), names.len());
        for name in names {
            let wire = tools.wire_name(name);
            checks::tool_name(flavour, &wire);
            assert_eq!(tools.called(&wire).expect("tool").own_name(), name);
        }
        checks::tool_name(flavour, &tools.wire_name("was removed!"));
        assert!(tools.called("was_removed_").is_none());
    }
}

#[test]
fn what_was_compiled_is_not_compiled_again() {
    let compiled = Compiled::new(Flavour::Gemini);
    let specs: Arc<[ToolSpec]> = vec![tool("t", json!({"type": "object"}))].into();
    let first = compiled.tools(&specs);
    assert!(Arc::ptr_eq(&first, &compiled.tools(&specs)));
    let equal: Arc<[ToolSpec]> = specs.to_vec().into();
    assert!(Arc::ptr_eq(&first, &compiled.tools(&equal)));
    for i in 0..10 {
        let other: Arc<[ToolSpec]> = vec![tool(&format!("t{i}"), json!({}))].into();
        assert_eq!(compiled.tools(&other).list()[0].name, format!("t{i}"));
    }
}
