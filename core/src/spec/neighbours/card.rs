//! A spec as the agent card of the Agent2Agent protocol, version 1.0.

use serde_json::{Map, Value as Json, json};

use super::Export;
use super::source::{Source, View};
use crate::error::Result;

/// The version of the protocol that the card speaks of.
const PROTOCOL: &str = "1.0";
const INSIDE: &str = "a card tells how an agent is reached, not how it is made";

/// A spec, as its full JSON document, as an agent card. Without `network.a2a.url` the card has no
/// interface, which the host adds; without skills the agent itself is its one skill.
///
/// # Errors
/// [`Code::SpecTooLarge`](crate::error::Code::SpecTooLarge) for a document beyond the limits of a
/// spec.
pub fn export_a2a(document: &Json) -> Result<Export> {
    let source = Source::new(document.clone())?;
    let root = source.root();
    let mut card = Map::new();
    let identity = root.get("identity").unwrap_or(root);
    let id = identity.text("agent_id").map_or("agent", |(_, id)| id);
    let name = keep(identity, "name", "/name").unwrap_or(id);
    if let Some(view) = identity.get("agent_id") {
        if identity.has("name") && !identity.get("name").is_some_and(|n| n.value == view.value) {
            view.lost("a card has a name, and no id");
        } else {
            view.kept(0, "/name");
        }
    }
    let description = keep(identity, "description", "/description").unwrap_or(name);
    let version = keep(identity, "version", "/version").unwrap_or("0.1.0");
    let a2a = root.get("network").and_then(|network| network.get("a2a"));
    let interfaces: Vec<Json> = a2a
        .and_then(|a2a| keep(a2a, "url", "/supportedInterfaces/0/url"))
        .map(|url| json!({"url": url, "protocolBinding": "JSONRPC", "protocolVersion": PROTOCOL}))
        .into_iter()
        .collect();
    let json_output = root.get("interface").is_some_and(|i| i.has("output_schema"));
    let output = if json_output { "application/json" } else { "text/plain" };
    if let Some(schema) = root.get("interface").and_then(|i| i.get("output_schema")) {
        schema.lost("a card says only that answers are JSON");
    }
    card.insert("name".into(), name.into());
    card.insert("description".into(), description.into());
    card.insert("supportedInterfaces".into(), interfaces.into());
    card.insert("version".into(), version.into());
    card.insert("capabilities".into(), json!({"streaming": true, "pushNotifications": false}));
    card.insert("defaultInputModes".into(), json!(["text/plain"]));
    card.insert("defaultOutputModes".into(), json!([output]));
    card.insert("skills".into(), skills(root, a2a, id, name, description).into());
    if let Some(view) = root.get("spec_version") {
        view.done("the version of the format");
    }
    if let Some(view) = root.get("network").and_then(|network| network.get("a2a_enabled")) {
        view.done("whoever has the card may ask");
    }
    root.lost(INSIDE);
    Ok(Export { document: card.into(), report: source.report(&[String::new()]) })
}

fn keep<'s>(from: View<'s>, key: &str, to: &str) -> Option<&'s str> {
    let (view, text) = from.text(key)?;
    view.kept(0, to);
    Some(text)
}

fn skills(
    root: View<'_>,
    a2a: Option<View<'_>>,
    id: &str,
    name: &str,
    description: &str,
) -> Vec<Json> {
    // A skill has at least one tag: the word by which it is known, if it has no other.
    let tags = |from: Option<View<'_>>, to: &str, word: &str| -> Vec<Json> {
        let mut tags = Vec::new();
        let all = from.map(|from| from.list("tags")).unwrap_or_default();
        for view in all.into_iter().filter(|view| view.str().is_some()) {
            view.kept(0, &format!("{to}/tags/{}", tags.len()));
            tags.push(view.value.clone());
        }
        if tags.is_empty() {
            tags.push(word.into());
        }
        tags
    };
    let mut skills = Vec::new();
    for skill in a2a.map(|a2a| a2a.list("skills")).unwrap_or_default() {
        let at = format!("/skills/{}", skills.len());
        let Some(id) = keep(skill, "id", &format!("{at}/id")) else { continue };
        let name = keep(skill, "name", &format!("{at}/name")).unwrap_or(id);
        let about = keep(skill, "description", &format!("{at}/description")).unwrap_or(name);
        let tags = tags(Some(skill), &at, id);
        skills.push(json!({"id": id, "name": name, "description": about, "tags": tags}));
    }
    let integration = root.get("integration");
    for view in integration.map(|i| i.list("capabilities")).unwrap_or_default() {
        let Some(word) = view.str().filter(|_| a2a.is_none_or(|a2a| !a2a.has("skills"))) else {
            continue;
        };
        view.changed(Some((0, &format!("/skills/{}/id", skills.len()))), "a skill");
        skills.push(json!({"id": word, "name": word, "description": word, "tags": [word]}));
    }
    if skills.is_empty() {
        let tags = tags(root.get("identity"), "/skills/0", id);
        skills.push(json!({"id": id, "name": name, "description": description, "tags": tags}));
    }
    skills
}
