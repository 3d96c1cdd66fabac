//! Short forms: keys of the top level that stand for a place in the full document.

use super::check::is_slug;
use super::decode::{Decoder, Moved};
use super::node::{Key, Node, Value, escape};

/// What stands for what. `agent` is a name where it is no slug.
const FORMS: &[(&[&str], [&str; 2])] = &[
    (&["agent"], ["identity", "agent_id"]),
    (&["name"], ["identity", "name"]),
    (&["version"], ["identity", "version"]),
    (&["description"], ["identity", "description"]),
    (&["tags"], ["identity", "tags"]),
    (&["model"], ["intelligence", "model"]),
    (&["prompt"], ["intelligence", "system_prompt"]),
    (&["script"], ["intelligence", "script"]),
    (&["prompts"], ["intelligence", "prompts"]),
    (&["cognition"], ["intelligence", "cognition"]),
    (&["tools"], ["integration", "tools"]),
    (&["capabilities"], ["integration", "capabilities"]),
    (&["mcp_servers"], ["integration", "mcp_servers"]),
    (&["knowledge"], ["context_policy", "knowledge"]),
    (&["knowledge_bases"], ["context_policy", "knowledge"]),
    (&["memory", "knowledge_bases"], ["context_policy", "knowledge"]),
    (&["context_mounts"], ["context_policy", "context_mounts"]),
    (&["rag"], ["context_policy", "rag"]),
    (&["workflow"], ["behavior", "workflow"]),
    (&["orchestration"], ["behavior", "orchestration"]),
    (&["state_schema"], ["behavior", "state_schema"]),
    (&["a2a"], ["network", "a2a"]),
    (&["discovery"], ["network", "discovery"]),
    (&["delegation"], ["network", "delegation"]),
];

/// The short forms of the top level and their places.
pub(super) fn top_level() -> impl Iterator<Item = (&'static str, [&'static str; 2])> {
    FORMS.iter().filter(|(short, _)| short.len() == 1).map(|(short, full)| (short[0], *full))
}

/// Moves every short form to its place in the full document.
pub(super) fn expand(root: &mut Node, decoder: &mut Decoder) {
    for (short, full) in FORMS {
        let Some((key, value)) = take(root, short) else { continue };
        let mut full = *full;
        if let (["agent"], Value::Text(text)) = (*short, &value.value)
            && !is_slug(text)
        {
            full[1] = "name";
        }
        put(root, short, full, key, value, decoder);
    }
}

fn entries(node: &mut Node) -> Option<&mut Vec<(Key, Node)>> {
    match &mut node.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    }
}

fn take(root: &mut Node, path: &[&str]) -> Option<(Key, Node)> {
    let (last, parents) = path.split_last()?;
    let mut node = root;
    for part in parents {
        node = entries(node)?.iter_mut().find(|(k, _)| k.text == *part).map(|e| &mut e.1)?;
    }
    let entries = entries(node)?;
    let at = entries.iter().position(|(k, _)| k.text == *last)?;
    Some(entries.remove(at))
}

fn put(
    root: &mut Node,
    short: &[&str],
    full: [&str; 2],
    key: Key,
    value: Node,
    decoder: &mut Decoder,
) {
    let place = key.place;
    let written = short.iter().fold(String::new(), |p, part| p + "/" + &escape(part));
    let Some(top) = entries(root) else { return };
    if !top.iter().any(|(k, _)| k.text == full[0]) {
        let parent = Key { text: full[0].to_owned(), place };
        top.push((parent, Node { value: Value::Map(Vec::new()), place }));
    }
    let Some((_, parent)) = top.iter_mut().find(|(k, _)| k.text == full[0]) else { return };
    if matches!(parent.value, Value::Null) {
        parent.value = Value::Map(Vec::new());
    }
    // A parent of another type is reported when it is read.
    let Some(children) = entries(parent) else { return };
    if let Some((other, _)) = children.iter().find(|(k, _)| k.text == full[1]) {
        let line = other.place.line;
        decoder.push(
            "AK1009",
            crate::error::Severity::Error,
            format!("`{}` is given twice: here, and on line {line}", full.join(".")),
            written,
            place,
            Some(format!("keep one: `{}` is short for `{}`", short.join("."), full.join("."))),
        );
        return;
    }
    children.push((Key { text: full[1].to_owned(), ..key }, value));
    let full = format!("/{}/{}", full[0], full[1]);
    decoder.moved(Moved { source: place.source, full, short: written });
}
