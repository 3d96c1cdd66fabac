//! What single keywords of a schema mean, apart from any provider.

use serde_json::{Map, Value, json};

/// What older drafts and other dialects wrote otherwise.
pub(super) fn normalise(own: &mut Map<String, Value>) {
    if let Some(value) = own.shift_remove("const") {
        own.insert("enum".into(), json!([value]));
    }
    if own.get("items").is_some_and(Value::is_array)
        && let Some(prefix) = own.shift_remove("items")
    {
        own.insert("prefixItems".into(), prefix);
        if let Some(rest) = own.shift_remove("additionalItems") {
            own.insert("items".into(), rest);
        }
    }
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(Value::Bool(set)) = own.get(exclusive) {
            let set = *set;
            own.shift_remove(exclusive);
            if set && let Some(limit) = own.shift_remove(bound) {
                own.insert(exclusive.into(), limit);
            }
        }
    }
}

/// The limit of whole numbers that is the same with its end included.
pub(super) fn inclusive(keyword: &str, value: &Value, out: &mut Map<String, Value>) {
    let Some(limit) = value.as_i64().or_else(|| whole(value)) else { return };
    let (bound, limit, stricter): (_, _, fn(i64, i64) -> i64) = match keyword {
        "exclusiveMinimum" => ("minimum", limit.saturating_add(1), i64::max),
        _ => ("maximum", limit.saturating_sub(1), i64::min),
    };
    let known = out.get(bound).and_then(Value::as_i64);
    out.insert(bound.into(), known.map_or(limit, |known| stricter(known, limit)).into());
}

/// A number like `3.0`.
pub(super) fn whole(value: &Value) -> Option<i64> {
    let number = value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number within range")]
    Some(number as i64)
}

/// The type that the keywords speak of.
pub(super) fn implied(own: &Map<String, Value>) -> Option<&'static str> {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| own.contains_key(*keyword));
    if let Some(Value::Array(values)) = own.get("enum") {
        let all = |is: fn(&Value) -> bool| {
            !values.is_empty() && values.iter().all(|value| is(value) || value.is_null())
        };
        return match () {
            () if all(Value::is_string) => Some("string"),
            () if all(|value| value.is_i64() || value.is_u64()) => Some("integer"),
            () if all(Value::is_number) => Some("number"),
            () if all(Value::is_boolean) => Some("boolean"),
            () => None,
        };
    }
    if has(&["properties", "required", "additionalProperties", "patternProperties"]) {
        return Some("object");
    }
    if has(&["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]) {
        return Some("array");
    }
    if has(&["pattern", "minLength", "maxLength"]) {
        return Some("string");
    }
    has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"])
        .then_some("number")
}

/// What a schema of several types says of one of them.
pub(super) fn of_kind(kind: &str, own: &Map<String, Value>) -> Map<String, Value> {
    let theirs: &[&str] = match kind {
        "object" => {
            &["properties", "required", "additionalProperties", "minProperties", "maxProperties"]
        }
        "array" => &["items", "prefixItems", "minItems", "maxItems", "uniqueItems"],
        "string" => &["enum", "minLength", "maxLength", "pattern", "format"],
        "boolean" => &["enum"],
        _ => &["enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
    };
    let mut out = Map::new();
    out.insert("type".into(), kind.into());
    let said = theirs.iter().filter_map(|keyword| Some((*keyword, own.get(*keyword)?)));
    out.extend(said.map(|(keyword, value)| (keyword.to_owned(), value.clone())));
    out
}

pub(super) fn is_null(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
        || schema.get("const").is_some_and(Value::is_null)
        || schema.get("enum").is_some_and(|values| *values == json!([null]))
}

/// The type that words stand for.
pub(super) fn kind_of(words: &[(String, Value)]) -> &'static str {
    let whole = words.iter().all(|(_, own)| own.is_i64() || own.is_u64());
    if whole { "integer" } else { "number" }
}

/// Whether a compiled schema takes null.
pub(super) fn takes_null(schema: &Value) -> bool {
    match (schema.get("type"), schema.get("anyOf")) {
        (Some(Value::Array(kinds)), _) => kinds.iter().any(|kind| kind == "null"),
        (Some(kind), _) => kind == "null",
        (None, Some(Value::Array(branches))) => branches.iter().any(takes_null),
        (None, _) => false,
    }
}

/// Adds a description; to every branch of a choice, because a choice stands alone.
pub(super) fn describe(schema: &mut Map<String, Value>, description: &Value, replace: bool) {
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        for branch in branches.iter_mut().filter_map(Value::as_object_mut) {
            describe(branch, description, false);
        }
    } else if replace || !schema.contains_key("description") {
        schema.insert("description".into(), description.clone());
    }
}

/// The schema, or null.
pub(super) fn nullable(mut schema: Map<String, Value>) -> Value {
    if takes_null(&schema.clone().into()) {
        return schema.into();
    }
    if let Some(Value::Array(branches)) = schema.get_mut("anyOf") {
        branches.push(json!({"type": "null"}));
        return schema.into();
    }
    match schema.get("type").cloned() {
        Some(kind) if !schema.contains_key("enum") => {
            schema.insert("type".into(), json!([kind, "null"]));
            schema.into()
        }
        Some(_) => json!({"anyOf": [schema, {"type": "null"}]}),
        None => schema.into(),
    }
}
