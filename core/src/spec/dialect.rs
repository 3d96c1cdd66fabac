//! What providers take of the schemas and names of tools: one table of facts, for the compiler in
//! the model room and for the diagnostics of what it cannot express. As documented in November 2026.

use serde_json::Value as Json;

/// The provider of a `provider/model`.
pub(crate) fn provider(model: &str) -> &str {
    model.split_once('/').map_or("", |(provider, _)| provider)
}

/// The characters and the length that a name may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameRule {
    /// The most characters.
    pub(crate) limit: usize,
    /// What may stand in it beside ASCII letters and digits.
    pub(crate) marks: &'static str,
    /// Whether it begins with a letter or `_`.
    pub(crate) begins_with_letter: bool,
}

impl NameRule {
    /// Whether the name may stand as it is.
    pub(crate) fn takes(&self, name: &str) -> bool {
        !name.is_empty()
            && name.len() <= self.limit
            && name.chars().all(|c| self.takes_char(c))
            && name.chars().next().is_some_and(|c| self.takes_first(c))
    }

    pub(crate) fn takes_char(&self, c: char) -> bool {
        c.is_ascii_alphanumeric() || self.marks.contains(c)
    }

    pub(crate) fn takes_first(&self, c: char) -> bool {
        !self.begins_with_letter || c.is_ascii_alphabetic() || c == '_'
    }
}

/// What a kind of API takes in the schema of a tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Names of tools.
    pub(crate) tool_name: NameRule,
    /// Names of properties; `None` where every name goes.
    pub(crate) property_name: Option<NameRule>,
    /// Keywords that may not stand at the top, where an object must be described.
    pub(crate) not_at_top: &'static [&'static str],
    /// Whether `$ref` is followed.
    pub(crate) references: bool,
    /// Whether a list must say what it holds.
    pub(crate) items_required: bool,
    /// The only keywords that are taken; `None` where all are.
    pub(crate) keywords: Option<&'static [&'static str]>,
}

/// OpenAI's functions, and those of whoever speaks its protocol.
pub(crate) const OPENAI: Facts = Facts {
    tool_name: NameRule { limit: 64, marks: "_-", begins_with_letter: false },
    property_name: None,
    not_at_top: &["anyOf", "oneOf", "allOf", "enum", "const", "not", "if", "then", "else"],
    references: true,
    items_required: true,
    keywords: None,
};

/// Anthropic's tools.
pub(crate) const ANTHROPIC: Facts = Facts {
    tool_name: NameRule { limit: 64, marks: "_-", begins_with_letter: false },
    property_name: Some(NameRule { limit: 64, marks: "_.-", begins_with_letter: false }),
    not_at_top: &["anyOf", "oneOf", "allOf"],
    references: false,
    items_required: false,
    keywords: None,
};

/// Gemini's function declarations: what both of its forms of a schema have in common.
pub(crate) const GEMINI: Facts = Facts {
    tool_name: NameRule { limit: 64, marks: "_.:-", begins_with_letter: true },
    property_name: Some(NameRule { limit: 64, marks: "_", begins_with_letter: true }),
    not_at_top: &["anyOf"],
    references: false,
    items_required: true,
    keywords: Some(&[
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
    ]),
};

/// What a provider of this name takes; `None` for one of which nothing is known.
fn facts(provider: &str) -> Option<&'static Facts> {
    match provider {
        "openai" | "azure" => Some(&OPENAI),
        "anthropic" => Some(&ANTHROPIC),
        "gemini" | "google" | "vertex" => Some(&GEMINI),
        _ => None,
    }
}

/// Something that cannot be said to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// JSON pointer within the schema.
    pub(crate) pointer: String,
    pub(crate) why: String,
    pub(crate) hint: &'static str,
}

/// The most schemas that are looked at within one: beyond it, nobody wrote them by hand.
const SCHEMA_LIMIT: usize = 100_000;

/// What cannot be said to the provider of the schema of a tool's parameters. All else that it does
/// not take is compiled: inlined, renamed, wrapped or taken out.
pub(crate) fn refusals(provider: &str, schema: &Json) -> Vec<Refusal> {
    let mut found = Vec::new();
    if facts(provider).is_some_and(|facts| !facts.references) {
        let mut left = SCHEMA_LIMIT;
        references(schema, schema, "", &mut left, &mut found);
    }
    found
}

/// References that cannot be followed while a schema is compiled.
fn references(root: &Json, schema: &Json, at: &str, left: &mut usize, found: &mut Vec<Refusal>) {
    let Json::Object(map) = schema else { return };
    if *left == 0 {
        return;
    }
    *left -= 1;
    for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
        let Some(target) = map.get(keyword).and_then(Json::as_str) else { continue };
        if keyword == "$ref" && resolve(root, target).is_some() {
            continue;
        }
        found.push(Refusal {
            pointer: format!("{at}/{keyword}"),
            why: format!("it takes no references, and where `{keyword}: {target}` leads is not known before the call"),
            hint: "refer with `$ref: \"#/$defs/NAME\"`, or write the schema out",
        });
    }
    for (place, child) in children(map) {
        references(root, child, &format!("{at}{place}"), left, found);
    }
}

/// The schemas directly within one, with their places in it.
fn children(map: &serde_json::Map<String, Json>) -> Vec<(String, &Json)> {
    let mut children: Vec<(String, &Json)> = Vec::new();
    for (keyword, value) in map {
        match (keyword.as_str(), value) {
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas",
                Json::Object(named),
            ) => {
                let place = |name: &String| format!("/{keyword}/{}", super::node::escape(name));
                children.extend(named.iter().map(|(name, schema)| (place(name), schema)));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "items", Json::Array(list)) => {
                let place = |i: usize| format!("/{keyword}/{i}");
                children.extend(list.iter().enumerate().map(|(i, schema)| (place(i), schema)));
            }
            (
                "items"
                | "additionalProperties"
                | "additionalItems"
                | "contains"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                Json::Object(_),
            ) => children.push((format!("/{keyword}"), value)),
            _ => {}
        }
    }
    children
}

/// Where a reference leads within the document: a JSON pointer, or the name of an anchor.
pub(crate) fn resolve<'a>(root: &'a Json, reference: &str) -> Option<&'a Json> {
    let target = reference.strip_prefix('#')?;
    if target.is_empty() || target.starts_with('/') {
        // The fragment of an address may be written in percent signs.
        let decoded = percent_decoded(target)?;
        return root.pointer(&decoded);
    }
    let mut left = SCHEMA_LIMIT;
    anchored(root, target, &mut left)
}

fn anchored<'a>(schema: &'a Json, name: &str, left: &mut usize) -> Option<&'a Json> {
    let Json::Object(map) = schema else { return None };
    if *left == 0 {
        return None;
    }
    *left -= 1;
    if map.get("$anchor").and_then(Json::as_str) == Some(name) {
        return Some(schema);
    }
    children(map).into_iter().find_map(|(_, child)| anchored(child, name, left))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, tail) = rest.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_cannot_be_compiled_is_refused() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            "properties": {"a b": {"$ref": "#/$defs/a%20b"}, "c": {"$ref": "#here"}},
            "additionalProperties": false,
            "$defs": {"a b": {"type": "array"}, "h": {"$anchor": "here", "const": 1}},
        });
        for provider in ["openai", "anthropic", "gemini", "somebody"] {
            assert_eq!(refusals(provider, &schema), [], "{provider}");
        }
        let dynamic = json!({
            "type": "object",
            "properties": {"a/b": {"items": {"$dynamicRef": "#node"}}, "c": {"$ref": "urn:x"}},
        });
        let places = |provider| -> Vec<String> {
            refusals(provider, &dynamic).into_iter().map(|refusal| refusal.pointer).collect()
        };
        let expected = ["/properties/a~1b/items/$dynamicRef", "/properties/c/$ref"];
        assert_eq!(places("anthropic"), expected);
        assert_eq!(places("vertex"), expected);
        assert_eq!(places("openai"), [""; 0]);
    }
}
