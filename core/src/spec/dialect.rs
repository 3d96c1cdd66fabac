//! What providers refuse in the schemas and names of tools, so that a spec is told before anything
//! is sent.

use serde_json::Value as Json;

/// The provider of a `provider/model`.
pub(crate) fn provider(model: &str) -> &str {
    model.split_once('/').map_or("", |(provider, _)| provider)
}

/// Something that a provider refuses.
#[derive(Clone)]
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
        "anthropic" => [untyped(schema), top_level(COMBINED)].concat(),
        "openai" | "azure" => {
            let mut found =
                [untyped(schema), top_level(&["anyOf", "oneOf", "allOf", "enum", "not"])].concat();
            openai(schema, "", &mut found);
            found
        }
        "gemini" | "google" | "vertex" => {
            let mut found = Vec::new();
            gemini(schema, "", &mut found);
            found
        }
        _ => Vec::new(),
    }
}

/// A schema that leaves open what it describes.
fn untyped(schema: &Json) -> Vec<Refusal> {
    if schema.get("type").is_some_and(|kind| kind == "object") {
        return Vec::new();
    }
    vec![Refusal {
        pointer: String::new(),
        why: "it does not say `type: object`".into(),
        hint: "add `type: object` at its top",
    }]
}

/// Lists of anything, at any depth.
fn openai(schema: &Json, pointer: &str, found: &mut Vec<Refusal>) {
    let is_list = match schema.get("type") {
        Some(Json::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        Some(kind) => kind == "array",
        None => false,
    };
    if is_list && schema.get("items").is_none() {
        found.push(Refusal {
            pointer: pointer.to_owned(),
            why: "it describes a list without `items`".into(),
            hint: "say what the list holds: `items: {type: string}`",
        });
    }
    for (part, child) in parts(schema) {
        openai(child, &format!("{pointer}{part}"), found);
    }
}

/// The schemas directly within one, with their places in it.
fn parts(schema: &Json) -> Vec<(String, &Json)> {
    let mut parts: Vec<(String, &Json)> = Vec::new();
    if let Some(items) = schema.get("items") {
        parts.push(("/items".into(), items));
    }
    if let Some(Json::Object(properties)) = schema.get("properties") {
        let part = |name: &String| format!("/properties/{}", super::node::escape(name));
        parts.extend(properties.iter().map(|(name, schema)| (part(name), schema)));
    }
    if let Some(Json::Array(choices)) = schema.get("anyOf") {
        parts.extend(choices.iter().enumerate().map(|(i, c)| (format!("/anyOf/{i}"), c)));
    }
    parts
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
    for (part, child) in parts(schema) {
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
                || !name.chars().all(|c| plain(c) || matches!(c, '.' | ':')) =>
        {
            Some(
                "letters, digits, `_`, `.`, `:` and `-`, at most 64, beginning with a letter or `_`",
            )
        }
        _ => None,
    }
}
