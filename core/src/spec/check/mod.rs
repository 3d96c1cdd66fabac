//! What types alone do not say: required values, ranges, references, templates, workflows, limits
//! that contradict each other, settings without effect. Everything is found in one pass.

mod effect;
mod identity;
mod integration;
mod knowledge;
mod limits;
mod model;
mod template;
mod workflow;

use std::collections::HashMap;

use super::decode::Decoder;
use super::document::Document;
use super::node::{Node, escape};
use crate::error::Severity;

/// The longest slug.
pub(crate) const SLUG_LIMIT: usize = 64;

/// What a slug is, for hints.
pub(crate) const SLUG_HINT: &str =
    "letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit";

/// Whether a text can name a tenant, an agent, a run or a collection: letters, digits, `-`, `_`
/// and `.`, at most 64, beginning with a letter or digit.
pub(crate) fn is_slug(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= SLUG_LIMIT
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(letter)
}

/// Whether a text names a model: a provider, a slash, and something after it.
pub(crate) fn is_model_name(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(provider, model)| is_slug(provider) && !model.trim().is_empty())
}

/// An RFC 3339 time. The parser alone would take other forms of ISO 8601 too.
pub(crate) fn time(text: &str) -> Option<jiff::Timestamp> {
    let bytes = text.as_bytes();
    let shaped = (20..=35).contains(&bytes.len())
        && matches!(bytes[10], b'T' | b't')
        && bytes[16] == b':'
        && (bytes.ends_with(b"Z") || bytes.ends_with(b"z") || bytes[bytes.len() - 3] == b':');
    shaped.then(|| text.parse().ok()).flatten()
}

/// Fills what follows from other values, and reports what is missing or out of range.
pub(super) fn complete(document: &mut Document, root: &Node, decoder: &mut Decoder) {
    let mut check = Check { root, decoder };
    super::SPEC_VERSION.clone_into(&mut document.spec_version.0);
    identity::check(document, &mut check);
    let document = &*document;
    model::check(document, &mut check);
    knowledge::check(document, &mut check);
    integration::check(document, &mut check);
    workflow::check(document, &mut check);
    template::check(document, &mut check);
    limits::check(document, &mut check);
    effect::check(document, &mut check);
}

/// Reports under a JSON pointer of the full document.
pub(super) struct Check<'a> {
    root: &'a Node,
    decoder: &'a mut Decoder,
}

impl Check<'_> {
    fn report(
        &mut self,
        severity: Severity,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: Option<&str>,
    ) {
        if self.decoder.is_full() {
            return;
        }
        let pointer = self.decoder.in_text(pointer).into_owned();
        let place = self.root.place_of(&pointer);
        let hint = hint.map(str::to_owned);
        self.decoder.push(code, severity, message.into(), pointer, place, hint);
    }

    /// Whether something stands there in the text.
    fn exists(&self, pointer: &str) -> bool {
        self.root.exists(&self.decoder.in_text(pointer))
    }

    fn error(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
        hint: Option<&str>,
    ) {
        self.report(Severity::Error, pointer, code, message, hint);
    }

    fn warn(&mut self, pointer: &str, code: &'static str, message: impl Into<String>, hint: &str) {
        self.report(Severity::Warning, pointer, code, message, Some(hint));
    }

    fn range(&mut self, pointer: &str, value: Option<f64>, low: f64, high: f64) {
        if let Some(value) = value
            && !(low..=high).contains(&value)
        {
            self.error(pointer, "AK1005", format!("{value} is outside of {low} to {high}"), None);
        }
    }

    fn slug(&mut self, pointer: &str, text: &str) {
        if !is_slug(text) {
            self.error(pointer, "AK1005", format!("{text:?} is not a slug"), Some(SLUG_HINT));
        }
    }

    fn model_name(&mut self, pointer: &str, name: &str) {
        if !is_model_name(name) {
            let message = format!("{name:?} is not of the form provider/model");
            self.error(pointer, "AK1005", message, Some("for instance openai/gpt-4o-mini"));
        }
    }

    /// A JSON Schema that is one, and of an object where `object` says so.
    fn json_schema(&mut self, pointer: &str, schema: &serde_json::Value, object: bool) -> bool {
        let message = match schema {
            serde_json::Value::Object(map) => {
                let kind = map.get("type").and_then(serde_json::Value::as_str);
                if object && kind.is_some_and(|kind| kind != "object") {
                    Some("it must describe an object: `type: object`".to_owned())
                } else {
                    jsonschema::options()
                        .offline()
                        .build(schema)
                        .err()
                        .map(|e| format!("this is no JSON Schema: {}", reason(&e, schema)))
                }
            }
            _ => Some("a JSON Schema is a mapping".to_owned()),
        };
        if let Some(message) = &message {
            let hint = "for instance {type: object, properties: {name: {type: string}}}";
            self.error(pointer, "AK2010", message.clone(), Some(hint));
        }
        message.is_none()
    }

    /// Names that may stand once only.
    fn once<'a>(
        &mut self,
        pointer: &str,
        field: &str,
        names: impl Iterator<Item = (usize, &'a str)>,
    ) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (i, name) in names.filter(|(_, name)| !name.is_empty()) {
            if let Some(first) = seen.get(name) {
                if self.decoder.is_full() {
                    return;
                }
                let first = format!("{pointer}/{first}");
                let line = self.root.place_of(&self.decoder.in_text(&first)).line;
                let message = format!("{name:?} is named twice: here, and on line {line}");
                let at = format!("{pointer}/{i}");
                let deeper = format!("{at}/{field}");
                let at = if self.exists(&deeper) { deeper } else { at };
                self.error(&at, "AK2012", message, Some("keep one of them, or rename one"));
            } else {
                seen.insert(name, i);
            }
        }
    }
}

/// What is wrong with a schema, the same each time: of several references that lead nowhere the
/// library names any one.
fn reason(error: &jsonschema::ValidationError<'_>, schema: &serde_json::Value) -> String {
    if !matches!(error.kind(), jsonschema::error::ValidationErrorKind::Referencing(_)) {
        return error.to_string();
    }
    match dead_reference(schema, schema) {
        Some(reference) => format!(
            "the reference {reference:?} leads to nothing in it, and nothing is fetched from elsewhere"
        ),
        None => "a reference leads to nothing in it".to_owned(),
    }
}

/// The first `$ref`, in the order of the text, that leads to nothing in the document.
fn dead_reference<'s>(schema: &'s serde_json::Value, root: &serde_json::Value) -> Option<&'s str> {
    use serde_json::Value;
    match schema {
        Value::Object(map) => map.iter().find_map(|(key, value)| match (key.as_str(), value) {
            ("$ref" | "$dynamicRef", Value::String(to)) => {
                let there = match to.strip_prefix('#') {
                    Some(pointer) if pointer.starts_with('/') => root.pointer(pointer).is_some(),
                    inside => inside.is_some(),
                };
                (!there).then_some(to.as_str())
            }
            _ => dead_reference(value, root),
        }),
        Value::Array(items) => items.iter().find_map(|item| dead_reference(item, root)),
        _ => None,
    }
}

/// Names for a hint: the first few of many.
fn few<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut names = names.into_iter();
    let mut shown: Vec<&str> = names.by_ref().take(SHOWN).collect();
    if names.next().is_some() {
        shown.push("...");
    }
    shown.join(", ")
}

/// The pointer of a key of a mapping.
fn key(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", escape(name))
}
