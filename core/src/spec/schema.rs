//! The JSON Schema of the document (draft 2020-12), made from the same types that read it, so that
//! editors complete and check specs.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::document::Document;
use super::short;

/// Where the schema is published. Never changes for `spec_version` 1.
pub const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/aikit/aikit/main/docs/reference/spec.schema.json";

/// A type that can be described to editors.
pub(super) trait Describe {
    /// The schema of a value of this type.
    fn describe(definitions: &mut Definitions) -> Json;
}

/// The blocks that were described so far.
#[derive(Default)]
pub(super) struct Definitions(Map<String, Json>);

/// One key of a block: its name and its schema.
pub(super) type Field = (&'static str, Json);

fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// A key with what it means and what holds without it.
pub(super) fn field(name: &'static str, about: &[&str], schema: Json, default: Json) -> Field {
    let mut schema = match schema {
        Json::Object(map) => map,
        _ => Map::new(),
    };
    schema.insert("description".into(), sentence(about).into());
    let says_nothing = match &default {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.is_empty(),
        _ => false,
    };
    if !says_nothing {
        schema.insert("default".into(), default);
    }
    (name, schema.into())
}

impl Definitions {
    /// A mapping with these keys and no others. Described once, referred to afterwards.
    pub(super) fn block(
        &mut self,
        name: &'static str,
        about: &[&str],
        fields: impl FnOnce(&mut Self) -> Vec<Field>,
    ) -> Json {
        if !self.0.contains_key(name) {
            self.0.insert(name.into(), Json::Null);
            let properties: Map<String, Json> =
                fields(self).into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
            let mut schema = json!({
                "description": sentence(about),
                "type": ["object", "null"],
                "properties": properties,
                "additionalProperties": false,
            });
            refine(name, &mut schema);
            self.0.insert(name.into(), schema);
        }
        json!({"$ref": format!("#/$defs/{name}")})
    }

    /// A text, or the long form of the same thing with a required key.
    pub(super) fn text_or<T: Describe>(&mut self, about: &str, required: &str) -> Json {
        let long = T::describe(self);
        json!({"anyOf": [
            {"type": "string", "minLength": 1, "description": about},
            {"allOf": [long, {"type": "object", "required": [required]}]},
        ]})
    }
}

/// What the types do not say: ranges, forms, required keys. The checks say the same in words.
fn refine(name: &str, schema: &mut Json) {
    let mut set = |field: &str, more: Json| {
        if let (Some(Json::Object(field)), Json::Object(more)) =
            (schema.pointer_mut(&format!("/properties/{field}")), more)
        {
            field.extend(more);
        }
    };
    let slug = || json!({"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"});
    let slug_text = || json!({"type": "string", "pattern": slug()["pattern"]});
    let model = || json!({"pattern": "^[^/]+/.*\\S", "examples": ["openai/gpt-4o-mini"]});
    let model_name = || json!({"type": "string", "pattern": model()["pattern"]});
    match name {
        "Identity" => {
            set("agent_id", slug());
            set("tenant_id", slug());
            set("version", json!({"default": "0.1.0"}));
            set("created_at", json!({"format": "date-time"}));
            set("updated_at", json!({"format": "date-time"}));
        }
        "Intelligence" => {
            set("model", model());
            set("temperature", json!({"minimum": 0, "maximum": 2}));
            set("top_p", json!({"minimum": 0, "maximum": 1}));
            set("max_tokens", json!({"minimum": 1}));
            set("fallback_models", json!({"items": model_name()}));
        }
        "KnowledgeSettings" => {
            set("top_k", json!({"minimum": 1, "maximum": 100}));
            set("embedding_model", model());
        }
        "Behavior" => set("max_turns", json!({"minimum": 1})),
        "Compression" => set("threshold", json!({"minimum": 0, "maximum": 1})),
        "RateLimits" => set("cost_limit_usd_per_day", json!({"minimum": 0})),
        "ResourceLimits" => set("max_cpu_percent", json!({"minimum": 1, "maximum": 100_000})),
        "Delegation" => set("allowed_agents", json!({"items": slug_text()})),
        "McpServer" | "ContextMount" | "ScriptToolCall" => schema["required"] = json!(["name"]),
        "ScriptCondition" => set("turn", json!({"minimum": 1})),
        "WorkflowStep" | "Skill" => schema["required"] = json!(["id"]),
        _ => {}
    }
}

macro_rules! describe_plain {
    ($($kind:ty => $schema:tt;)*) => {$(
        impl Describe for $kind {
            fn describe(_: &mut Definitions) -> Json {
                json!($schema)
            }
        }
    )*};
}
describe_plain! {
    String => {"type": "string"};
    bool => {"type": "boolean"};
    f64 => {"type": "number"};
    u32 => {"type": "integer", "minimum": 0, "maximum": (u32::MAX)};
    u64 => {"type": "integer", "minimum": 0};
    i64 => {"type": "integer"};
    Json => true;
}

impl<T: Describe> Describe for Option<T> {
    fn describe(definitions: &mut Definitions) -> Json {
        let schema = T::describe(definitions);
        match schema.get("type").cloned() {
            Some(Json::String(kind)) => {
                let mut schema = schema;
                schema["type"] = json!([kind, "null"]);
                schema
            }
            None if schema != Json::Bool(true) => json!({"anyOf": [schema, {"type": "null"}]}),
            _ => schema,
        }
    }
}

impl<T: Describe> Describe for Vec<T> {
    fn describe(definitions: &mut Definitions) -> Json {
        json!({"type": ["array", "null"], "items": T::describe(definitions)})
    }
}

impl<T: Describe> Describe for BTreeMap<String, T> {
    fn describe(definitions: &mut Definitions) -> Json {
        json!({"type": ["object", "null"], "additionalProperties": T::describe(definitions)})
    }
}

/// The JSON Schema of specs, with the short forms and `extends`.
pub fn schema() -> Json {
    let mut definitions = Definitions::default();
    Document::describe(&mut definitions);
    let mut all = definitions.0;
    let mut root = all.shift_remove("Document").unwrap_or_default();
    let mut short: Vec<(String, Json)> = Vec::new();
    for (name, full) in short::top_level() {
        let Some(block) = root.pointer(&format!("/properties/{}/$ref", full[0])) else { continue };
        let block = block.as_str().unwrap_or_default().trim_start_matches("#/$defs/");
        let target = all.get(block).and_then(|b| b.pointer(&format!("/properties/{}", full[1])));
        let mut target = target.cloned().unwrap_or_default();
        if name == "agent" {
            target = json!({"type": "string"});
        }
        target["description"] = match name {
            "agent" => "The agent's id if it is a slug, else its name.".into(),
            _ => format!("Short for `{}`.", full.join(".")).into(),
        };
        short.push((name.to_owned(), target));
    }
    if let Some(Json::Object(properties)) = root.get_mut("properties") {
        let extends = json!({
            "description": "What this spec is built on: `preset:NAME`, or files in its folder.",
            "anyOf": [
                {"type": ["string", "null"]},
                {"type": "array", "items": {"type": "string"}},
            ],
        });
        properties.insert("extends".into(), extends);
        properties.extend(short.iter().cloned());
    }
    // A short form that stands within a block.
    if let Some(Json::Object(memory)) = all.get_mut("Memory").and_then(|m| m.get_mut("properties"))
        && let Some((_, knowledge)) = short.iter().find(|(name, _)| name == "knowledge_bases")
    {
        memory.insert("knowledge_bases".into(), knowledge.clone());
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_URL,
        "title": "aikit agent spec",
    });
    if let (Json::Object(schema), Json::Object(root)) = (&mut schema, root) {
        schema.extend(root);
        schema.insert("type".into(), "object".into());
        schema.insert("$defs".into(), all.into());
    }
    schema
}
