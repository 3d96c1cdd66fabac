//! Values for schemas, as a model might write them: enough of them to meet every branch.

use serde_json::{Map, Value, json};

use crate::spec::resolve;

/// A value of the schema, another one for each seed. May be none where keywords say more than types.
pub(super) fn value(schema: &Value, seed: u64) -> Value {
    make(schema, schema, &mut (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), 0)
}

fn draw(state: &mut u64, below: usize) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % u64::try_from(below.max(1)).expect("small")).expect("small")
}

fn make(root: &Value, schema: &Value, state: &mut u64, depth: usize) -> Value {
    let Value::Object(own) = schema else { return json!("anything") };
    if let Some(target) = own.get("$ref").and_then(Value::as_str).and_then(|to| resolve(root, to)) {
        return make(root, target, state, depth + 1);
    }
    if let Some(values) = own.get("enum").and_then(Value::as_array) {
        return values[draw(state, values.len())].clone();
    }
    if let Some(value) = own.get("const") {
        return value.clone();
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(branches) = own.get(choice).and_then(Value::as_array) {
            let mut made = make(root, &branches[draw(state, branches.len())], state, depth);
            if own.contains_key("properties")
                && let (Value::Object(made), Value::Object(more)) =
                    (&mut made, object(root, own, state, depth))
            {
                made.extend(more);
            }
            return made;
        }
    }
    let kind = match own.get("type") {
        Some(Value::Array(kinds)) => kinds[draw(state, kinds.len())].clone(),
        Some(kind) => kind.clone(),
        None if own.contains_key("properties") => json!("object"),
        None => {
            return [json!("s"), json!(1), json!({"k": 1}), json!([true])][draw(state, 4)].clone();
        }
    };
    match kind.as_str().unwrap_or_default() {
        "object" => object(root, own, state, depth),
        "array" => {
            let least = own.get("minItems").and_then(Value::as_u64).unwrap_or(0);
            let most = own.get("maxItems").and_then(Value::as_u64).unwrap_or(3);
            let wanted =
                u64::try_from(draw(state, 3)).expect("small").clamp(least, most.max(least));
            let item = own.get("items").cloned().unwrap_or_default();
            let wanted = if depth > 6 { least } else { wanted };
            (0..wanted).map(|_| make(root, &item, state, depth + 1)).collect()
        }
        "string" => match own.get("format").and_then(Value::as_str) {
            Some("date-time") => json!("2026-01-02T03:04:05Z"),
            Some("date") => json!("2026-01-02"),
            Some("email") => json!("a@example.com"),
            _ => [json!("s"), json!("{\"k\": 1}"), json!("7"), json!("longer text")]
                [draw(state, 4)]
            .clone(),
        },
        "integer" | "number" => {
            let least = own.get("minimum").or_else(|| own.get("exclusiveMinimum"));
            let least = least.and_then(Value::as_i64).unwrap_or(0);
            json!(least + 1 + i64::try_from(draw(state, 3)).expect("small"))
        }
        "boolean" => json!(draw(state, 2) == 0),
        _ => Value::Null,
    }
}

fn object(root: &Value, own: &Map<String, Value>, state: &mut u64, depth: usize) -> Value {
    let mut made = Map::new();
    let required: Vec<&str> = match own.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for (name, schema) in own.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if required.contains(&name.as_str()) || (depth < 6 && draw(state, 2) == 0) {
            made.insert(name.clone(), make(root, schema, state, depth + 1));
        }
    }
    if let Some(rest @ Value::Object(_)) = own.get("additionalProperties") {
        made.insert("extra".into(), make(root, rest, state, depth + 1));
    }
    made.into()
}
