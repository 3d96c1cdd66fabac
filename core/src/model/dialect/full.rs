//! For providers that take JSON Schema with exceptions: names of properties, references, lists that
//! do not say what they hold, and what older drafts wrote otherwise.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::names;
use super::plan::Plan;
use super::references::References;
use crate::spec::Facts;

/// How deep schemas may lie in one another; what lies deeper goes unsaid.
const DEPTH: usize = 64;

struct Full<'a> {
    facts: &'a Facts,
    references: References<'a>,
    inlined: bool,
}

/// The schema `own` of the document `root` in the provider's words.
pub(super) fn emit(
    root: &Value,
    own: &Map<String, Value>,
    facts: &Facts,
    inlined: bool,
) -> (Value, Plan) {
    let mut full = Full { facts, references: References::new(root), inlined };
    full.object(own, &[], 0)
}

/// The own name and the name on the wire of properties that a schema speaks of.
type Names = Vec<(String, String)>;

impl Full<'_> {
    fn schema(
        &mut self,
        schema: &Value,
        names: &[(String, String)],
        depth: usize,
    ) -> (Value, Plan) {
        match schema {
            Value::Object(own) if depth < DEPTH => self.object(own, names, depth),
            Value::Object(_) => (json!({}), Plan::default()),
            other => (other.clone(), Plan::default()),
        }
    }

    fn object(
        &mut self,
        own: &Map<String, Value>,
        outer: &[(String, String)],
        depth: usize,
    ) -> (Value, Plan) {
        let here = self.references.here();
        let followed;
        let own = if self.inlined {
            followed = self.references.follow(own);
            &followed
        } else {
            own
        };
        let known = self.names_of(own, outer);
        let renames = known.iter().any(|(own, wire)| own != wire);
        let mut out = Map::new();
        let mut plan = Plan::default();
        for (keyword, value) in own {
            self.keyword(keyword, value, own, &known, renames, depth, &mut out, &mut plan);
        }
        if self.facts.items_required
            && !out.contains_key("items")
            && !out.contains_key("prefixItems")
            && is_list(out.get("type"))
        {
            out.insert("items".into(), json!({}));
        }
        // Only names that are given here can come back from here.
        let properties = own.get("properties").and_then(Value::as_object);
        let given = |name: &String| properties.is_some_and(|p| p.contains_key(name));
        plan.renamed = known
            .into_iter()
            .filter(|(own, wire)| own != wire && given(own))
            .map(|(own, wire)| (wire, own))
            .collect();
        self.references.leave(here);
        (out.into(), plan)
    }

    /// The names of the properties that the schema gives, and those that stand around it.
    fn names_of(&self, own: &Map<String, Value>, outer: &[(String, String)]) -> Names {
        let mut known: Names = outer.to_vec();
        let Some(rule) = &self.facts.property_name else { return known };
        let Some(Value::Object(properties)) = own.get("properties") else { return known };
        let fine = properties.keys().filter(|name| rule.takes(name)).cloned();
        let mut taken: HashSet<String> = fine.collect();
        for name in properties.keys() {
            if !known.iter().any(|(own, _)| own == name) {
                known.push((name.clone(), names::fit(rule, name, &mut taken)));
            }
        }
        known
    }

    #[expect(clippy::too_many_arguments, reason = "one arm of the loop over keywords")]
    fn keyword(
        &mut self,
        keyword: &str,
        value: &Value,
        own: &Map<String, Value>,
        names: &[(String, String)],
        renames: bool,
        depth: usize,
        out: &mut Map<String, Value>,
        plan: &mut Plan,
    ) {
        let wire = |name: &str| {
            let known = names.iter().find(|(own, _)| own == name);
            known.map_or(name, |(_, wire)| wire).to_owned()
        };
        match (keyword, value) {
            ("$schema" | "$comment", _) => {}
            (
                "$id" | "$anchor" | "$dynamicAnchor" | "$recursiveAnchor" | "$vocabulary" | "$defs"
                | "definitions",
                _,
            ) if self.inlined => {}
            ("properties", Value::Object(properties)) => {
                let mut compiled = Map::new();
                for (name, schema) in properties {
                    let (schema, inner) = self.schema(schema, &[], depth + 1);
                    // A schema that is `true` is not understood everywhere.
                    let schema = if schema == true { json!({}) } else { schema };
                    compiled.insert(wire(name), schema);
                    plan.property(name, inner);
                }
                out.insert("properties".into(), compiled.into());
            }
            ("$defs" | "definitions", Value::Object(schemas)) => {
                let schemas: Map<String, Value> = schemas
                    .iter()
                    .map(|(name, schema)| (name.clone(), self.schema(schema, &[], depth + 1).0))
                    .collect();
                out.insert(keyword.to_owned(), schemas.into());
            }
            ("required", Value::Array(required)) => {
                let required = required.iter().filter_map(Value::as_str).map(wire);
                out.insert("required".into(), required.map(Value::from).collect());
            }
            // Of the third draft, and meant for the property that it stands in.
            ("required", _) => {}
            ("items", Value::Array(_)) => {
                let prefix = self.list(value, depth);
                out.insert("prefixItems".into(), prefix);
                if let Some(rest) = own.get("additionalItems") {
                    let (rest, inner) = self.schema(rest, &[], depth + 1);
                    if inner.is_identity() {
                        out.insert("items".into(), rest);
                    }
                }
            }
            ("additionalItems", _) => {}
            ("items", _) => {
                let (items, inner) = self.schema(value, &[], depth + 1);
                let items = if items == true { json!({}) } else { items };
                out.insert("items".into(), items);
                if !inner.is_identity() {
                    plan.items = Some(Box::new(inner));
                }
            }
            ("additionalProperties", Value::Object(_)) => {
                let (rest, inner) = self.schema(value, &[], depth + 1);
                out.insert(keyword.to_owned(), rest);
                if !inner.is_identity() {
                    plan.rest = Some(Box::new(inner));
                }
            }
            ("prefixItems", Value::Array(_)) => {
                let prefix = self.list(value, depth);
                out.insert(keyword.to_owned(), prefix);
            }
            ("anyOf" | "oneOf", Value::Array(branches)) => {
                let compiled = branches.iter().map(|branch| self.schema(branch, names, depth + 1));
                let (schemas, plans): (Vec<_>, Vec<_>) = compiled.unzip();
                let choice = Plan::choice(&schemas, plans);
                if !choice.is_identity() {
                    plan.all.push(choice);
                }
                out.insert(keyword.to_owned(), schemas.into());
            }
            ("allOf", Value::Array(branches)) => {
                let compiled = branches.iter().map(|branch| self.schema(branch, names, depth + 1));
                let (schemas, plans): (Vec<_>, Vec<_>) = compiled.unzip();
                plan.all.extend(plans.into_iter().filter(|plan| !plan.is_identity()));
                out.insert(keyword.to_owned(), schemas.into());
            }
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(exclusive)) => {
                let bound = if keyword == "exclusiveMinimum" { "minimum" } else { "maximum" };
                if *exclusive && let Some(limit) = own.get(bound) {
                    out.insert(keyword.to_owned(), limit.clone());
                }
            }
            (
                "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "unevaluatedItems"
                | "unevaluatedProperties",
                Value::Object(_),
            ) => {
                let (schema, inner) = self.schema(value, names, depth + 1);
                // Names that are other ones on the wire would make it say something else.
                if inner.is_identity() {
                    out.insert(keyword.to_owned(), schema);
                }
            }
            ("propertyNames" | "dependentRequired" | "dependencies" | "dependentSchemas", _)
                if renames || self.inlined && keyword == "dependentSchemas" => {}
            ("patternProperties", Value::Object(schemas)) => {
                let compiled: Vec<_> =
                    schemas.values().map(|schema| self.schema(schema, &[], depth + 1)).collect();
                if !renames && compiled.iter().all(|(_, plan)| plan.is_identity()) {
                    let schemas = schemas.keys().cloned().zip(compiled.into_iter().map(|c| c.0));
                    out.insert(keyword.to_owned(), schemas.collect::<Map<_, _>>().into());
                }
            }
            _ => {
                out.insert(keyword.to_owned(), value.clone());
            }
        }
    }

    /// A list of schemas, one for each item.
    fn list(&mut self, schemas: &Value, depth: usize) -> Value {
        let Value::Array(schemas) = schemas else { return json!([]) };
        let mut compiled = Vec::with_capacity(schemas.len());
        for schema in schemas {
            let (emitted, inner) = self.schema(schema, &[], depth + 1);
            // The places of a tuple have no ways back of their own; what would need one is open.
            compiled.push(if inner.is_identity() { emitted } else { json!({}) });
        }
        compiled.into()
    }
}

fn is_list(kind: Option<&Value>) -> bool {
    match kind {
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "array"),
        Some(kind) => kind == "array",
        None => false,
    }
}
