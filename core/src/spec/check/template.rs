//! Templates that can be read, and names in them that will have a value.

use std::collections::HashMap;

use super::{Check, few, key};
use crate::spec::document::Document;
use crate::spec::template::{Reader, is_template};

/// What a template may name, by where it stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// Names and key spaces: who runs.
    Name,
    /// Named prompts: also what is asked.
    Part,
    /// Prompts: also the named prompts.
    Prompt,
}

pub(super) fn check<'d>(document: &'d Document, check: &mut Check<'_>) {
    let (known, reader) = (Known::of(document), Reader::new());
    let mut look =
        |pointer: &str, text: &'d str, scope| one((&known, &reader), pointer, text, scope, check);
    look("/identity/name", &document.identity.name, Scope::Name);
    let memory = &document.memory;
    if let Some(text) = &memory.episodic.namespace {
        look("/memory/episodic/namespace", text, Scope::Name);
    }
    if let Some(text) = &memory.semantic.namespace {
        look("/memory/semantic/namespace", text, Scope::Name);
    }
    if let Some(text) = &document.network.discovery.namespace {
        look("/network/discovery/namespace", text, Scope::Name);
    }
    for (i, knowledge) in document.context_policy.knowledge.iter().enumerate() {
        let pointer = format!("/context_policy/knowledge/{i}/collection");
        look(&pointer, &knowledge.collection, Scope::Name);
    }
    let intelligence = &document.intelligence;
    for (name, text) in &intelligence.prompts {
        look(&key("/intelligence/prompts", name), text, Scope::Part);
    }
    if let Some(text) = &intelligence.system_prompt {
        look("/intelligence/system_prompt", text, Scope::Prompt);
    }
    for (i, step) in document.behavior.workflow.steps.iter().enumerate() {
        if let Some(text) = &step.prompt {
            let pointer = format!("/behavior/workflow/steps/{i}/prompt");
            look(&pointer, text, Scope::Prompt);
        }
    }
    for (i, name) in document.governance.security.allowed_env.iter().enumerate() {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(letter) {
            let message = format!("{name:?} is not the name of an environment variable");
            let pointer = format!("/governance/security/allowed_env/{i}");
            check.error(&pointer, "AK1005", message, Some("letters, digits and `_`"));
        }
    }
}

fn one<'d>(
    (known, reader): (&Known, &Reader<'d>),
    pointer: &str,
    text: &'d str,
    scope: Scope,
    check: &mut Check<'_>,
) {
    if !is_template(text) || check.decoder.is_full() {
        return;
    }
    let found = match reader.names(text) {
        Ok(found) => found,
        Err(fault) => {
            let line = match fault.line {
                Some(line) if text.contains('\n') => format!(" (line {line} of the text)"),
                _ => String::new(),
            };
            let hint = "names and conditions: {{ tenant_id }}, {% if inputs.vip %}...{% endif %}; \
                        braces that are meant go between {% raw %} and {% endraw %}";
            let message = format!("the template cannot be read: {}{line}", fault.message);
            check.error(pointer, "AK2006", message, Some(hint));
            return;
        }
    };
    for name in found {
        if known.covers(&name, scope) {
            continue;
        }
        let hint = match name.strip_prefix("env.") {
            Some(variable) => {
                format!("allow it: `governance.security.allowed_env: [{variable}]`")
            }
            None if name.starts_with("inputs.") && scope != Scope::Name => {
                "declare it: `interface.input_schema: {type: object, properties: {...}}`".to_owned()
            }
            None if matches!(name.as_str(), "inputs" | "env" | "prompts") => format!(
                "name one of them, with a dot and not in brackets; known here: {}",
                few(known.within(scope))
            ),
            None => format!("known here: {}", few(known.within(scope))),
        };
        check.error(
            pointer,
            "AK2007",
            format!("the template names {name:?}, which has no value here"),
            Some(&hint),
        );
    }
}

/// The names that have a value, each with the widest scope that lacks it no more.
struct Known(HashMap<String, Scope>);

impl Known {
    fn of(document: &Document) -> Self {
        let mut known = HashMap::new();
        known.extend(["tenant_id", "agent_id", "version"].map(|name| (name.into(), Scope::Name)));
        let allowed = &document.governance.security.allowed_env;
        known.extend(allowed.iter().map(|name| (format!("env.{name}"), Scope::Name)));
        known.insert("input".into(), Scope::Part);
        let schema = document.interface.input_schema.as_ref();
        if let Some(serde_json::Value::Object(properties)) =
            schema.and_then(|s| s.get("properties"))
        {
            let inputs = properties.keys().map(|name| (format!("inputs.{name}"), Scope::Part));
            known.extend(inputs);
        }
        let prompts = document.intelligence.prompts.keys();
        known.extend(prompts.map(|name| (format!("prompts.{name}"), Scope::Prompt)));
        Self(known)
    }

    /// Whether a name, or what it is a part of, has a value there: `inputs.customer` covers
    /// `inputs.customer.name`.
    fn covers(&self, name: &str, scope: Scope) -> bool {
        let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
        ends.into_iter().any(|end| self.0.get(&name[..end]).is_some_and(|from| *from <= scope))
    }

    /// The names that have a value there, in their order.
    fn within(&self, scope: Scope) -> Vec<&str> {
        let known = self.0.iter().filter(|(_, from)| **from <= scope);
        let mut names: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
