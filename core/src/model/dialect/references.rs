//! `$ref` followed within the document, and schemas that hold at once made one.

use serde_json::{Map, Value, json};

use crate::spec::resolve;

/// How often a schema may stand within itself before it is cut.
const TURNS: usize = 2;
/// How many references may lead into one another.
const DEPTH: usize = 24;
/// The most schemas that references may grow into.
const SCHEMAS: usize = 1_500;

/// Follows the references of one document.
#[derive(Debug)]
pub(super) struct References<'a> {
    root: &'a Value,
    /// The references that were followed on the way here.
    way: Vec<String>,
    left: usize,
}

impl<'a> References<'a> {
    pub(super) fn new(root: &'a Value) -> Self {
        Self { root, way: Vec::new(), left: SCHEMAS }
    }

    /// How far the way is; to come back to it with [`Self::leave`].
    pub(super) fn here(&self) -> usize {
        self.way.len()
    }

    pub(super) fn leave(&mut self, here: usize) {
        self.way.truncate(here);
    }

    /// The schema with what it refers to, and what stands beside the reference. What a schema would
    /// say of itself without end is cut: there, everything of its type goes.
    pub(super) fn follow(&mut self, schema: &Map<String, Value>) -> Map<String, Value> {
        let mut schema = schema.clone();
        self.left = self.left.saturating_sub(1);
        for other in ["$dynamicRef", "$recursiveRef"] {
            schema.shift_remove(other);
        }
        while let Some(reference) = schema.shift_remove("$ref") {
            let reference = reference.as_str().unwrap_or_default();
            let Some(Value::Object(target)) = resolve(self.root, reference) else { continue };
            let turns = self.way.iter().filter(|way| *way == reference).count();
            if turns >= TURNS || self.way.len() >= DEPTH || self.left == 0 {
                let mut open = Map::new();
                if let Some(kind) = target.get("type") {
                    open.insert("type".into(), kind.clone());
                }
                return merged(open, schema);
            }
            self.way.push(reference.to_owned());
            schema = merged(target.clone(), schema);
        }
        schema
    }
}

/// One schema for two that hold at once; what only words say is taken from the second. What cannot
/// be said in one is left out: the own schema is checked all the same.
pub(super) fn merged(first: Map<String, Value>, second: Map<String, Value>) -> Map<String, Value> {
    let mut all = first;
    for (keyword, new) in second {
        let Some(old) = all.get_mut(&keyword) else {
            all.insert(keyword, new);
            continue;
        };
        match (keyword.as_str(), old, new) {
            ("properties" | "$defs" | "definitions", Value::Object(old), Value::Object(new)) => {
                for (name, schema) in new {
                    match (old.get_mut(&name), schema) {
                        (Some(Value::Object(known)), Value::Object(schema)) => {
                            *known = merged(std::mem::take(known), schema);
                        }
                        (_, schema) => {
                            old.insert(name, schema);
                        }
                    }
                }
            }
            ("items", Value::Object(old), Value::Object(new)) => {
                *old = merged(std::mem::take(old), new);
            }
            ("required", Value::Array(old), Value::Array(new)) => {
                for name in new {
                    if !old.contains(&name) {
                        old.push(name);
                    }
                }
            }
            ("allOf", Value::Array(old), Value::Array(new)) => old.extend(new),
            ("enum", Value::Array(old), Value::Array(new)) => {
                old.retain(|value| new.contains(value));
            }
            ("type", old, new) => {
                if let Some(both) = both_types(old, &new) {
                    *old = both;
                }
            }
            (
                "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties",
                old,
                new,
            ) if new.as_f64() > old.as_f64() => {
                *old = new;
            }
            (
                "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties",
                old,
                new,
            ) if new.as_f64() < old.as_f64() => {
                *old = new;
            }
            ("title" | "description" | "default" | "examples" | "$ref", old, new) => *old = new,
            _ => {}
        }
    }
    all
}

fn kinds(kind: &Value) -> Vec<&str> {
    match kind {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What is of both types; `None` if nothing is.
fn both_types(first: &Value, second: &Value) -> Option<Value> {
    let (first, second) = (kinds(first), kinds(second));
    let mut both: Vec<&str> = Vec::new();
    for kind in &first {
        if second.contains(kind) || (*kind == "integer" && second.contains(&"number")) {
            both.push(kind);
        } else if *kind == "number" && second.contains(&"integer") {
            both.push("integer");
        }
    }
    match both.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        several => Some(json!(several)),
    }
}

/// Whether a schema says nothing of what a value is made of, and only which of its properties must
/// be there or not.
pub(super) fn only_constrains(schema: &Map<String, Value>) -> bool {
    let constrains = |keyword: &String| {
        matches!(
            keyword.as_str(),
            "required"
                | "not"
                | "minProperties"
                | "maxProperties"
                | "dependentRequired"
                | "title"
                | "description"
                | "$comment"
        )
    };
    schema.keys().all(constrains)
}

/// The branches of a choice that are mappings; `true` stands for any value.
pub(super) fn branches(choice: &Value) -> Vec<Map<String, Value>> {
    let Value::Array(branches) = choice else { return Vec::new() };
    let branch = |branch: &Value| match branch {
        Value::Object(map) => Some(map.clone()),
        Value::Bool(true) => Some(Map::new()),
        _ => None,
    };
    branches.iter().filter_map(branch).collect()
}

/// The schema with its `allOf` in it, as far down as there is one in one.
pub(super) fn flattened(
    mut schema: Map<String, Value>,
    references: &mut References<'_>,
) -> Map<String, Value> {
    for _ in 0..DEPTH {
        let Some(all) = schema.shift_remove("allOf") else { break };
        for branch in branches(&all) {
            let branch = references.follow(&branch);
            // Two choices at once cannot be told in one; the first stands.
            schema = merged(branch, schema);
        }
    }
    schema.shift_remove("allOf");
    schema
}
