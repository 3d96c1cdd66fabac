//! What providers document that they take.

use serde_json::{Map, Value};

use super::Flavour;

fn each(schema: &Value, look: &mut dyn FnMut(&Map<String, Value>)) {
    let Value::Object(own) = schema else { return };
    look(own);
    for (keyword, value) in own {
        match (keyword.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(schemas)) => {
                schemas.values().for_each(|schema| each(schema, look));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(schemas)) => {
                schemas.iter().for_each(|schema| each(schema, look));
            }
            ("items" | "additionalProperties" | "not" | "if" | "then" | "else", _) => {
                each(value, look)
            }
            _ => {}
        }
    }
}

fn is(own: &Map<String, Value>, kind: &str) -> bool {
    match own.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|k| k == kind),
        Some(known) => known == kind,
        None => false,
    }
}

fn names(own: &Map<String, Value>) -> Vec<&String> {
    own.get("properties").and_then(Value::as_object).map(|p| p.keys().collect()).unwrap_or_default()
}

pub(super) fn tool_name(flavour: Flavour, name: &str) {
    let marks = if flavour == Flavour::Gemini { "_.:-" } else { "_-" };
    assert!((1..=64).contains(&name.len()), "{name:?}");
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c)), "{name:?}");
    if flavour == Flavour::Gemini {
        assert!(name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'), "{name:?}");
    }
}

/// The schema of a tool's arguments.
pub(super) fn parameters(flavour: Flavour, what: &str, schema: &Value) {
    assert_eq!(schema["type"], "object", "{what}: {schema}");
    assert!(schema["properties"].is_object(), "{what}: {schema}");
    assert_eq!(schema.get("$schema"), None, "{what}");
    for keyword in ["anyOf", "oneOf", "allOf", "$ref"] {
        assert!(schema.get(keyword).is_none(), "{what}: {keyword} at the top of {schema}");
    }
    match flavour {
        Flavour::OpenAi => {
            for keyword in ["enum", "not", "const"] {
                assert!(schema.get(keyword).is_none(), "{what}: {keyword} at the top of {schema}");
            }
            each(schema, &mut |own| {
                let told = own.contains_key("items") || own.contains_key("prefixItems");
                assert!(!is(own, "array") || told, "{what}: {own:?}");
            });
        }
        Flavour::Anthropic => {
            assert!(!schema.to_string().contains("\"$ref\""), "{what}: {schema}");
            each(schema, &mut |own| {
                for name in names(own) {
                    let fine = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
                    assert!(
                        (1..=64).contains(&name.len()) && name.chars().all(fine),
                        "{what}: {name}"
                    );
                }
            });
        }
        Flavour::Gemini => gemini(what, schema),
    }
}

fn gemini(what: &str, schema: &Value) {
    const KEYWORDS: [&str; 13] = [
        "type",
        "title",
        "description",
        "enum",
        "properties",
        "required",
        "items",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "format",
        "anyOf",
    ];
    each(schema, &mut |own| {
        for keyword in own.keys() {
            assert!(KEYWORDS.contains(&keyword.as_str()), "{what}: {keyword} in {own:?}");
        }
        assert!(
            !is(own, "array") || own.get("items").is_some_and(Value::is_object),
            "{what}: {own:?}"
        );
        // A choice stands alone.
        assert!(!own.contains_key("anyOf") || own.len() == 1, "{what}: {own:?}");
        if let Some(Value::Array(kinds)) = own.get("type") {
            assert!(kinds.len() == 2 && kinds[1] == "null", "{what}: {own:?}");
        }
        if let Some(values) = own.get("enum") {
            let texts = values.as_array().expect("list");
            assert!(
                texts.iter().all(|v| v.as_str().is_some_and(|v| !v.is_empty())),
                "{what}: {own:?}"
            );
            assert_eq!(own["type"], "string", "{what}");
        }
        if let Some(format) = own.get("format") {
            assert_eq!(format, "date-time", "{what}");
        }
        let known = names(own);
        for name in &known {
            let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(name.len() <= 64 && name.chars().all(fine), "{what}: {name}");
            assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{what}: {name}");
        }
        for name in own.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(known.iter().any(|known| *known == name), "{what}: {name} is not given");
        }
    });
}

/// The schema of an answer.
pub(super) fn output(flavour: Flavour, what: &str, schema: &Value) {
    if flavour == Flavour::Gemini {
        return gemini(what, schema);
    }
    assert_eq!(schema["type"], "object", "{what}: {schema}");
    each(schema, &mut |own| {
        for keyword in
            ["$ref", "oneOf", "allOf", "not", "if", "patternProperties", "const", "default"]
        {
            assert!(!own.contains_key(keyword), "{what}: {keyword} in {own:?}");
        }
        assert!(own.contains_key("type") || own.contains_key("anyOf"), "{what}: {own:?}");
        if is(own, "object") {
            assert_eq!(
                own.get("additionalProperties"),
                Some(&Value::Bool(false)),
                "{what}: {own:?}"
            );
            let required = own.get("required").and_then(Value::as_array).map_or(0, Vec::len);
            let all = names(own).len();
            assert!(required == all || flavour == Flavour::Anthropic, "{what}: {own:?}");
        }
        if flavour == Flavour::Anthropic {
            for keyword in ["minimum", "maximum", "minLength", "maxItems", "pattern", "multipleOf"]
            {
                assert!(!own.contains_key(keyword), "{what}: {keyword} in {own:?}");
            }
        }
    });
}
