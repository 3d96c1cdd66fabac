//! What providers refuse in the schemas and names of tools, so that a spec is told before anything
//! is sent.

use serde_json::Value as Json;

/// The provider of a `provider/model`.
pub(crate) fn provider(model: &str) -> &str {
    model.split_once('/').map_or("", |(provider, _)| provider)
}

/// Something that a provider refuses.
pub(crate) struct Refusal {
    /// JSON pointer within the schema.
    pub(crate) pointer: String,
    pub(crate) why: String,
    pub(crate) hint: &'static str,
}

const COMBINED: &[&str] = &["anyOf", "oneOf", "allOf"];
/// Keywords that Gemini's function declarations do not have.
const NOT_GEMINI: &[&str] = &[
    "$ref",
    "$defs",
    "definitions",
    "additionalProperties",
    "patternProperties",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "const",
    "dependentSchemas",
    "unevaluatedProperties",
];

/// What the provider refuses in the schema of a tool's parameters.
pub(crate) fn refusals(provider: &str, schema: &Json) -> Vec<Refusal> {
    let top_level = |keywords: &[&'static str]| -> Vec<Refusal> {
        let Json::Object(map) = schema else { return Vec::new() };
        keywords
            .iter()
            .filter(|keyword| map.contains_key(**keyword))
            .map(|keyword| Refusal {
                pointer: format!("/{keyword}"),
                why: format!("it has `{keyword}` at the top level"),
                hint: "make it an object whose property holds the choice",
            })
            .collect()
    };
    match provider {
        "anthropic" => top_level(COMBINED),
        "openai" | "azure" => top_level(&["anyOf", "oneOf", "allOf", "enum", "not"]),
        "gemini" | "google" | "vertex" => {
            let mut found = Vec::new();
            gemini(schema, "", &mut found);
            found
        }
        _ => Vec::new(),
    }
}

fn gemini(schema: &Json, pointer: &str, found: &mut Vec<Refusal>) {
    let Json::Object(map) = schema else { return };
    for keyword in NOT_GEMINI.iter().filter(|keyword| map.contains_key(**keyword)) {
        found.push(Refusal {
            pointer: format!("{pointer}/{keyword}"),
            why: format!("it has `{keyword}`"),
            hint: "write the schema with type, properties, required, items, enum and anyOf only",
        });
    }
    let mut children: Vec<(String, &Json)> = Vec::new();
    if let Some(items) = map.get("items") {
        children.push(("/items".into(), items));
    }
    if let Some(Json::Object(properties)) = map.get("properties") {
        let part = |name: &String| format!("/properties/{}", super::node::escape(name));
        children.extend(properties.iter().map(|(name, schema)| (part(name), schema)));
    }
    if let Some(Json::Array(choices)) = map.get("anyOf") {
        children.extend(choices.iter().enumerate().map(|(i, c)| (format!("/anyOf/{i}"), c)));
    }
    for (part, child) in children {
        gemini(child, &format!("{pointer}{part}"), found);
    }
}

/// Why the provider refuses the name of a tool.
pub(crate) fn refuses_name(provider: &str, name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    match provider {
        "openai" | "azure" if name.len() > 64 || !name.chars().all(plain) => {
            Some("letters, digits, `_` and `-`, at most 64")
        }
        "anthropic" if name.len() > 128 || !name.chars().all(plain) => {
            Some("letters, digits, `_` and `-`, at most 128")
        }
        "gemini" | "google" | "vertex"
            if name.len() > 64
                || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                || !name.chars().all(|c| plain(c) || c == '.') =>
        {
            Some("letters, digits, `_`, `.` and `-`, at most 64, beginning with a letter or `_`")
        }
        _ => None,
    }
}
