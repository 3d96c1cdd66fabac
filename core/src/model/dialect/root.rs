//! An object at the top, whatever stands there: providers take nothing else for arguments.

use serde_json::{Map, Value, json};

use super::references::{References, branches, flattened, merged, only_constrains};
use crate::spec::Facts;

/// What is made of the top of a schema.
pub(super) struct Shape {
    /// The schema to go on with.
    pub(super) own: Map<String, Value>,
    /// Whether it has to be put into an object.
    pub(super) wrapped: bool,
    /// Whether references must be followed: they would lead nowhere from where it stands now.
    pub(super) inlined: bool,
}

/// Looks at the top of a schema.
pub(super) fn shape(schema: &Value, facts: &Facts) -> Shape {
    let own = match schema {
        Value::Object(own) => own.clone(),
        _ => Map::new(),
    };
    let choices = |own: &Map<String, Value>| {
        ["anyOf", "oneOf"].into_iter().filter(|choice| own.contains_key(*choice)).count()
    };
    if !own.contains_key("$ref") && !own.contains_key("allOf") && choices(&own) == 0 {
        let mut own = own;
        own.retain(|keyword, _| !facts.not_at_top.contains(&keyword.as_str()));
        return Shape { own, wrapped: false, inlined: !facts.references };
    }
    let mut references = References::new(schema);
    let top = references.follow(&own);
    let mut top = flattened(top, &mut references);
    let wrapped = match choices(&top) {
        0 => false,
        1 => {
            let keyword = if top.contains_key("anyOf") { "anyOf" } else { "oneOf" };
            let choice = top.get(keyword).cloned().unwrap_or_default();
            let several: Vec<_> = branches(&choice)
                .iter()
                .map(|branch| flattened(references.follow(branch), &mut References::new(schema)))
                .collect();
            if several.iter().all(only_constrains) {
                top.shift_remove(keyword);
                say(
                    &mut top,
                    &format!(
                        "{} of these must hold: {choice}",
                        match keyword {
                            "anyOf" => "At least one",
                            _ => "Exactly one",
                        }
                    ),
                );
                false
            } else if let [only] = several.as_slice() {
                top.shift_remove(keyword);
                top = merged(top, only.clone());
                choices(&top) > 0
            } else {
                true
            }
        }
        _ => true,
    };
    if wrapped {
        return Shape { own, wrapped, inlined: true };
    }
    top.retain(|keyword, _| !facts.not_at_top.contains(&keyword.as_str()));
    Shape { own: top, wrapped, inlined: true }
}

/// The most that a description is told of what no keyword says.
const SAID: usize = 400;

/// Adds a sentence to the description.
pub(super) fn say(schema: &mut Map<String, Value>, sentence: &str) {
    let sentence: String = sentence.chars().take(SAID).collect();
    let description = match schema.get("description").and_then(Value::as_str) {
        Some(known) if !known.trim().is_empty() => format!("{known} ({sentence})"),
        _ => sentence,
    };
    schema.insert("description".into(), description.into());
}

/// With `type: object` and `properties`, which some want to see also when there are none.
pub(super) fn as_object(schema: Value) -> Value {
    let Value::Object(mut own) = schema else {
        return json!({"type": "object", "properties": {}});
    };
    own.insert("type".into(), "object".into());
    own.entry("properties").or_insert_with(|| json!({}));
    own.into()
}
