//! For those that take a part of JSON Schema only: Gemini, and every provider that holds its models
//! to a schema while they write. The schema is read anew and written with what there is.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::keywords::{
    describe, implied, inclusive, is_null, kind_of, normalise, nullable, of_kind, takes_null,
};
use super::names;
use super::plan::{KEY, Plan, VALUE};
use super::references::{References, branches, flattened, merged, only_constrains};
use super::root::{as_object, say, shape};
use super::wrap;
use crate::spec::{Facts, NameRule};

/// How deep schemas may lie in one another; what lies deeper goes unsaid.
const DEPTH: usize = 32;

/// What is special about a part of JSON Schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subset {
    /// Keywords of one value that are taken, beside types and structure.
    limits: &'static [&'static str],
    /// Formats of texts that are taken.
    formats: &'static [&'static str],
    /// Whether a choice between values is between texts.
    words_only: bool,
    /// Whether an object holds what is named and nothing else.
    closed: bool,
    /// Whether every property is there, absent ones as null.
    complete: bool,
    property_name: Option<NameRule>,
}

const STRICT_FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// What OpenAI holds answers to.
pub(super) const OPENAI_STRICT: Subset = Subset {
    limits: &[
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "pattern",
    ],
    formats: STRICT_FORMATS,
    words_only: false,
    closed: true,
    complete: true,
    property_name: None,
};

/// What Anthropic holds answers to.
pub(super) const ANTHROPIC_STRICT: Subset = Subset {
    limits: &[],
    formats: STRICT_FORMATS,
    words_only: false,
    closed: true,
    complete: false,
    property_name: None,
};

const fn gemini(facts: &Facts) -> Subset {
    Subset {
        limits: &["minimum", "maximum", "minItems", "maxItems"],
        formats: &["date-time"],
        words_only: true,
        closed: false,
        complete: false,
        property_name: facts.property_name,
    }
}

/// The arguments of a tool: `own` of the document `root`.
pub(super) fn tool(root: &Value, own: &Map<String, Value>, facts: &Facts) -> (Value, Plan) {
    emit(root, own, gemini(facts))
}

/// An answer that may be anything.
pub(super) fn loose(schema: &Value, facts: &Facts) -> (Value, Plan) {
    let empty = Map::new();
    emit(schema, schema.as_object().unwrap_or(&empty), gemini(facts))
}

/// An answer, which has to be an object.
pub(super) fn strict(schema: &Value, subset: &Subset) -> (Value, Plan) {
    let shape = shape(schema, &crate::spec::OPENAI);
    let (emitted, plan) = emit(schema, &shape.own, *subset);
    let is_object = emitted.get("type").is_some_and(|kind| kind == "object");
    if is_object { (as_object(emitted), plan) } else { closed(wrap(emitted, plan)) }
}

fn closed((mut schema, plan): (Value, Plan)) -> (Value, Plan) {
    schema["additionalProperties"] = false.into();
    (schema, plan)
}

fn emit(root: &Value, own: &Map<String, Value>, subset: Subset) -> (Value, Plan) {
    let mut emitter = Emitter { subset, references: References::new(root) };
    emitter.object(own, 0)
}

struct Emitter<'a> {
    subset: Subset,
    references: References<'a>,
}

/// What the schema of one type says, and whether null goes as well.
type Said = (Map<String, Value>, Plan);

impl Emitter<'_> {
    fn schema(&mut self, schema: &Value, depth: usize) -> (Value, Plan) {
        match schema {
            Value::Object(own) if depth < DEPTH => self.object(own, depth),
            _ => self.anything(&Map::new()),
        }
    }

    fn object(&mut self, own: &Map<String, Value>, depth: usize) -> (Value, Plan) {
        let here = self.references.here();
        let own = self.references.follow(own);
        let mut own = flattened(own, &mut self.references);
        normalise(&mut own);
        let emitted = self.choice(own, depth);
        self.references.leave(here);
        emitted
    }

    /// One of several schemas, if there are.
    fn choice(&mut self, mut own: Map<String, Value>, depth: usize) -> (Value, Plan) {
        let choice = own.shift_remove("anyOf").or_else(|| own.shift_remove("oneOf"));
        own.shift_remove("oneOf");
        let Some(choice) = choice else { return self.kinds(own, depth) };
        let several = branches(&choice);
        let follow = |references: &mut References<'_>, branch: &Map<String, Value>| {
            let here = references.here();
            let followed = references.follow(branch);
            let followed = flattened(followed, references);
            references.leave(here);
            followed
        };
        let flat: Vec<_> =
            several.iter().map(|branch| follow(&mut self.references, branch)).collect();
        if flat.iter().all(only_constrains) {
            if !flat.is_empty() {
                say(&mut own, &format!("one of these must hold: {choice}"));
            }
            return self.kinds(own, depth);
        }
        let description = own.shift_remove("description");
        own.shift_remove("title");
        own.shift_remove("default");
        let mut schemas: Vec<Value> = Vec::new();
        let mut plans = Vec::new();
        let mut null = false;
        for branch in several {
            if is_null(&branch) {
                null = true;
                continue;
            }
            // The reference stays in it, so that a schema within itself is noticed.
            let (schema, plan) = self.schema(&merged(own.clone(), branch).into(), depth + 1);
            if !schemas.contains(&schema) {
                schemas.push(schema);
                plans.push(plan);
            }
        }
        if let [_] = schemas.as_slice()
            && let (Some(Value::Object(mut only)), Some(plan)) = (schemas.pop(), plans.pop())
        {
            if let Some(description) = &description {
                describe(&mut only, description, true);
            }
            return if null { (nullable(only), plan) } else { (only.into(), plan) };
        }
        // Texts that stand for something else cannot be told from texts.
        let texts = schemas
            .iter()
            .any(|s| s.get("type").is_some_and(|t| t == "string") && s.get("enum").is_none());
        for (schema, plan) in schemas.iter_mut().zip(&mut plans) {
            if texts && !plan.words.is_empty() {
                *schema = json!({"type": kind_of(&plan.words)});
                plan.words.clear();
            }
        }
        let plan = Plan::choice(&schemas, plans);
        if null {
            schemas.push(json!({"type": "null"}));
        }
        if let Some(description) = &description {
            // A choice must stand alone, so each branch is told.
            for schema in schemas.iter_mut().filter_map(Value::as_object_mut) {
                describe(schema, description, false);
            }
        }
        match schemas.is_empty() {
            true => self.anything(&own),
            false => (json!({"anyOf": schemas}), plan),
        }
    }

    /// One schema for each type, if there are several.
    fn kinds(&mut self, mut own: Map<String, Value>, depth: usize) -> (Value, Plan) {
        let mut kinds: Vec<String> = match own.shift_remove("type") {
            Some(Value::String(kind)) => vec![kind],
            Some(Value::Array(kinds)) => {
                kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        };
        let told_null = own.get("nullable").is_some_and(|nullable| nullable == true);
        let null = told_null || kinds.iter().any(|kind| kind == "null");
        let only_null = !kinds.is_empty() && kinds.iter().all(|kind| kind == "null");
        kinds.retain(|kind| kind != "null");
        if kinds.contains(&"number".to_owned()) {
            kinds.retain(|kind| kind != "integer");
        }
        if only_null {
            return (json!({"type": "null"}), Plan::default());
        }
        if kinds.is_empty() {
            kinds.extend(implied(&own).map(str::to_owned));
        }
        match kinds.as_slice() {
            [] => self.anything(&own),
            [kind] => {
                let (schema, plan) = self.one(kind, &own, depth);
                if null { (nullable(schema), plan) } else { (schema.into(), plan) }
            }
            several => {
                let choice = several.iter().map(|kind| Value::from(of_kind(kind, &own)));
                let mut choice: Vec<Value> = choice.collect();
                if null {
                    choice.push(json!({"type": "null"}));
                }
                let mut split = Map::new();
                if let Some(description) = own.get("description") {
                    split.insert("description".into(), description.clone());
                }
                split.insert("anyOf".into(), choice.into());
                self.choice(split, depth + 1)
            }
        }
    }

    fn one(&mut self, kind: &str, own: &Map<String, Value>, depth: usize) -> Said {
        let mut out = Map::new();
        let mut plan = Plan::default();
        out.insert("type".into(), kind.into());
        for keyword in ["title", "description"] {
            if let Some(text) = own.get(keyword).filter(|text| text.is_string()) {
                out.insert(keyword.into(), text.clone());
            }
        }
        let takes = |keyword: &str| self.subset.limits.contains(&keyword);
        let mut unsaid: Map<String, Value> = Map::new();
        for (keyword, value) in own {
            match keyword.as_str() {
                "format"
                    if kind == "string"
                        && value.as_str().is_some_and(|f| self.subset.formats.contains(&f)) =>
                {
                    out.insert(keyword.clone(), value.clone());
                }
                "exclusiveMinimum" | "exclusiveMaximum"
                    if kind == "integer" && takes("minimum") && !takes(keyword) =>
                {
                    inclusive(keyword, value, &mut out);
                }
                limit if takes(limit) => {
                    // One that came from an exclusive limit may be there already.
                    out.entry(keyword.clone()).or_insert_with(|| value.clone());
                }
                "minLength" | "maxLength" | "pattern" | "format" | "multipleOf" | "uniqueItems"
                | "minItems" | "maxItems" | "minimum" | "maximum" | "exclusiveMinimum"
                | "exclusiveMaximum" | "minProperties" | "maxProperties" | "propertyNames" => {
                    unsaid.insert(keyword.clone(), value.clone());
                }
                _ => {}
            }
        }
        match kind {
            "object" => self.properties(own, depth, &mut out, &mut plan),
            "array" => self.items(own, depth, &mut out, &mut plan),
            _ => {
                if let Some(Value::Array(values)) = own.get("enum") {
                    self.values(kind, values, &mut out, &mut plan, &mut unsaid);
                }
            }
        }
        if let Some(default) = own.get("default") {
            say(&mut out, &format!("default: {default}"));
        }
        if !unsaid.is_empty() {
            say(&mut out, &format!("must also hold: {}", Value::Object(unsaid)));
        }
        (out, plan)
    }

    /// A choice between values.
    fn values(
        &self,
        kind: &str,
        values: &[Value],
        out: &mut Map<String, Value>,
        plan: &mut Plan,
        unsaid: &mut Map<String, Value>,
    ) {
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        let of_kind = |value: &&Value| match kind {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            _ => value.is_number(),
        };
        let mut wanted: Vec<&Value> = Vec::new();
        for value in values.into_iter().filter(of_kind) {
            if !wanted.contains(&value) {
                wanted.push(value);
            }
        }
        let empty = wanted.iter().any(|value| value.as_str() == Some(""));
        if wanted.is_empty() || (self.subset.words_only && (empty || kind == "boolean")) {
            if !wanted.is_empty() {
                unsaid.insert("enum".into(), json!(wanted));
            }
            return;
        }
        if kind == "string" || !self.subset.words_only {
            out.insert("enum".into(), json!(wanted));
            return;
        }
        // Numbers as texts, and back.
        out.insert("type".into(), "string".into());
        for limit in ["minimum", "maximum"] {
            out.shift_remove(limit);
        }
        plan.words = wanted.iter().map(|value| (value.to_string(), (*value).clone())).collect();
        let words: Vec<&String> = plan.words.iter().map(|(word, _)| word).collect();
        out.insert("enum".into(), json!(words));
    }

    fn items(
        &mut self,
        own: &Map<String, Value>,
        depth: usize,
        out: &mut Map<String, Value>,
        plan: &mut Plan,
    ) {
        let mut items: Option<Value> = own.get("items").filter(|items| items.is_object()).cloned();
        if let Some(Value::Array(prefix)) = own.get("prefixItems") {
            // Places that differ become a choice for every place.
            let mut choice: Vec<Value> = Vec::new();
            for schema in prefix.iter().chain(&items) {
                if !choice.contains(schema) {
                    choice.push(schema.clone());
                }
            }
            items = Some(match choice.as_slice() {
                [one] => one.clone(),
                _ => json!({ "anyOf": choice }),
            });
        }
        let (schema, inner) = self.schema(&items.unwrap_or_else(|| json!({})), depth + 1);
        out.insert("items".into(), schema);
        if !inner.is_identity() {
            plan.items = Some(Box::new(inner));
        }
    }

    fn properties(
        &mut self,
        own: &Map<String, Value>,
        depth: usize,
        out: &mut Map<String, Value>,
        plan: &mut Plan,
    ) {
        let empty = Map::new();
        let properties = own.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        if self.subset.closed && properties.is_empty() {
            return self.mapping(own, depth, out, plan);
        }
        let required: Vec<&str> = match own.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let rule = self.subset.property_name;
        let fine = properties.keys().filter(|name| rule.is_none_or(|rule| rule.takes(name)));
        let mut taken: HashSet<String> = fine.cloned().collect();
        let mut compiled = Map::new();
        let mut there: Vec<Value> = Vec::new();
        for (name, schema) in properties {
            let wire =
                rule.map_or_else(|| name.clone(), |rule| names::fit(&rule, name, &mut taken));
            let (mut schema, inner) = self.schema(schema, depth + 1);
            plan.property(name, inner);
            if required.contains(&name.as_str()) {
                there.push(wire.clone().into());
            } else if self.subset.complete {
                there.push(wire.clone().into());
                // What may be null by its own schema is null when the model says so.
                if !takes_null(&schema) {
                    plan.absent.push(name.clone());
                    schema = match schema {
                        Value::Object(own) => nullable(own),
                        other => other,
                    };
                }
            }
            if wire != *name {
                plan.renamed.push((wire.clone(), name.clone()));
            }
            compiled.insert(wire, schema);
        }
        out.insert("properties".into(), compiled.into());
        if !there.is_empty() {
            out.insert("required".into(), there.into());
        }
        if self.subset.closed {
            out.insert("additionalProperties".into(), false.into());
        }
    }

    /// An object with names of the model's own. Where an object holds only what is named, it is
    /// written as a list of keys and values.
    fn mapping(
        &mut self,
        own: &Map<String, Value>,
        depth: usize,
        out: &mut Map<String, Value>,
        plan: &mut Plan,
    ) {
        let rest = own.get("additionalProperties").cloned().unwrap_or(Value::Bool(true));
        if rest == false {
            out.insert("properties".into(), json!({}));
            out.insert("additionalProperties".into(), false.into());
            return;
        }
        let (value, inner) = self.schema(&rest, depth + 1);
        let pair = json!({
            "type": "object",
            "properties": {KEY: {"type": "string"}, VALUE: value},
            "required": [KEY, VALUE],
            "additionalProperties": false,
        });
        out.insert("type".into(), "array".into());
        out.insert("items".into(), pair);
        say(out, "a mapping, written as a list of its keys and values");
        plan.pairs = Some(Box::new(inner));
    }

    /// A value of any kind. Where there is no schema for that, it is JSON in a text.
    fn anything(&self, own: &Map<String, Value>) -> (Value, Plan) {
        let mut out = Map::new();
        let mut plan = Plan::default();
        if self.subset.closed {
            out.insert("type".into(), "string".into());
            plan.text = true;
        }
        if let Some(description) = own.get("description") {
            out.insert("description".into(), description.clone());
        }
        if let Some(values) = own.get("enum") {
            say(&mut out, &format!("one of: {values}"));
        }
        if self.subset.closed {
            say(&mut out, "any value, written as JSON in this text");
        }
        (out.into(), plan)
    }
}
