//! `extends`: a spec that is built on presets and on other files of its folder.
//!
//! What is named first is the ground; each further text, and last the spec itself, goes on top.
//! Mappings merge key by key, everything else replaces what was below, and null removes it.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::decode::Decoder;
use super::node::{self, Key, Node, Place, Value};
use super::{SIZE_LIMIT, preset, read_text, short};
use crate::error::Severity;

/// Texts in a row.
const DEPTH_LIMIT: usize = 8;
/// Texts in all.
const FILE_LIMIT: usize = 32;
/// Who an agent is is not inherited.
const OWN: &[&str] = &["agent_id", "name", "version", "created_at", "updated_at"];

/// The tree of a text with everything that it extends. `None` when there is no tree.
pub(super) fn load(
    text: &str,
    folder: Option<&Path>,
    decoder: &mut Decoder,
) -> Option<(Node, bool)> {
    let mut root = node::read(text, decoder)?;
    if !is_mapping(&root, decoder) {
        return None;
    }
    short::expand(&mut root, decoder);
    let names = names(&mut root, decoder);
    if names.is_empty() {
        return Some((root, false));
    }
    let own = folder.and_then(|folder| folder.canonicalize().ok());
    let mut loader = Loader { root: own, stack: Vec::new(), files: 0, bytes: text.len(), decoder };
    let merged = loader.build(root, names, folder);
    Some((merged, true))
}

fn is_mapping(root: &Node, decoder: &mut Decoder) -> bool {
    let is_mapping = matches!(root.value, Value::Map(_));
    if !is_mapping {
        let message = format!("a spec is a mapping, and this is {}", root.value.kind());
        decoder.error(root, "AK1007", message, None);
    }
    is_mapping
}

/// What a text extends, with the places; taken out of the tree.
fn names(root: &mut Node, decoder: &mut Decoder) -> Vec<(String, Place)> {
    let Value::Map(entries) = &mut root.value else { return Vec::new() };
    let Some(at) = entries.iter().position(|(key, _)| key.text == "extends") else {
        return Vec::new();
    };
    let (_, value) = entries.remove(at);
    let items = match value.value {
        Value::Null => Vec::new(),
        Value::List(items) => items,
        _ => vec![value],
    };
    decoder.within("extends", |decoder| {
        items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Text(name) => Some((name.clone(), item.place)),
                _ => {
                    decoder.wrong_type(item, "`preset:NAME`, a file's path, or a list of these");
                    None
                }
            })
            .collect()
    })
}

struct Loader<'a> {
    /// The folder that nothing may leave.
    root: Option<PathBuf>,
    /// What is being read, from the spec down: a text in it that is named again is a cycle.
    stack: Vec<String>,
    files: usize,
    bytes: usize,
    decoder: &'a mut Decoder,
}

impl Loader<'_> {
    fn error(&mut self, code: &'static str, message: String, place: Place, hint: &str) {
        let path = "/extends".to_owned();
        let hint = Some(hint.to_owned());
        self.decoder.push(code, Severity::Error, message, path, place, hint);
    }

    fn build(&mut self, top: Node, names: Vec<(String, Place)>, folder: Option<&Path>) -> Node {
        let mut ground: Option<Node> = None;
        for (name, place) in names {
            let Some(mut layer) = self.layer(&name, place, folder) else { continue };
            strip_identity(&mut layer);
            ground = Some(match ground {
                Some(below) => merge(below, layer),
                None => layer,
            });
        }
        match ground {
            Some(below) => merge(below, top),
            None => top,
        }
    }

    /// One text that is extended, with what it extends itself.
    fn layer(&mut self, name: &str, place: Place, folder: Option<&Path>) -> Option<Node> {
        self.files += 1;
        if self.stack.len() >= DEPTH_LIMIT || self.files > FILE_LIMIT {
            let message = format!(
                "`extends` goes deeper than {DEPTH_LIMIT} levels or over {FILE_LIMIT} texts"
            );
            self.error("AK1023", message, place, "merge some of these texts into one");
            return None;
        }
        let (id, text, folder) = match name.strip_prefix("preset:") {
            Some(preset) => (name.to_owned(), self.preset(preset, place)?.to_owned(), None),
            None => {
                let Some(folder) = folder else {
                    let message = format!("{name:?} names a file, and this text has no folder");
                    let hint = "read the spec from its file, or give the folder: `base`";
                    self.error("AK1025", message, place, hint);
                    return None;
                };
                let (path, text) = self.file(name, place, folder)?;
                (path.display().to_string(), text, path.parent().map(Path::to_path_buf))
            }
        };
        if self.stack.contains(&id) {
            let message = format!("{name:?} extends itself: {} -> {name}", self.stack.join(" -> "));
            self.error("AK1022", message, place, "take one of these `extends` out");
            return None;
        }
        self.bytes += text.len();
        if self.bytes > SIZE_LIMIT {
            let message = format!("the texts have more than {} KiB together", SIZE_LIMIT / 1024);
            self.error("AK1008", message, place, "keep documents out of specs");
            return None;
        }
        let source = self.decoder.add_source(name.to_owned())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut root = node::read_source(text, source, self.decoder)?;
        if !is_mapping(&root, self.decoder) {
            return None;
        }
        short::expand(&mut root, self.decoder);
        let names = names(&mut root, self.decoder);
        self.stack.push(id);
        let built = self.build(root, names, folder.as_deref());
        self.stack.pop();
        Some(built)
    }

    fn preset(&mut self, name: &str, place: Place) -> Option<&'static str> {
        let found = preset::text(name);
        if found.is_none() {
            let names: Vec<&str> = preset::names().collect();
            let message = format!("there is no preset {name:?}");
            self.error("AK1024", message, place, &format!("there are: {}", names.join(", ")));
        }
        found
    }

    fn file(&mut self, name: &str, place: Place, folder: &Path) -> Option<(PathBuf, String)> {
        let relative = Path::new(name);
        let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        let leaves = |loader: &mut Self| {
            let message = format!("{name:?} leads out of the spec's folder");
            loader.error("AK1021", message, place, "extend files of the spec's folder or below it");
        };
        if name.is_empty() || !relative.components().all(inside) {
            leaves(self);
            return None;
        }
        let Ok(path) = folder.join(relative).canonicalize() else {
            let message = format!("there is no file {name:?} in the folder of this text");
            self.error("AK1020", message, place, "the path is relative to the file that names it");
            return None;
        };
        // Links may lead anywhere; only now is known where they led.
        if !self.root.as_ref().is_some_and(|root| path.starts_with(root)) {
            leaves(self);
            return None;
        }
        match read_text(&path) {
            Ok(text) => Some((path, text)),
            Err(error) => {
                let message = format!("{name:?} cannot be read: {}", kind_of(&error));
                self.error("AK1020", message, place, "name a YAML or JSON file in UTF-8");
                None
            }
        }
    }
}

/// Why, without the full path: a spec may come from somebody who shall not learn it.
fn kind_of(error: &crate::Error) -> &'static str {
    match error.code() {
        crate::Code::SpecTooLarge => "it is too large",
        crate::Code::FileNotFound => "it is gone",
        _ => "it is a folder, no text, or not permitted",
    }
}

fn strip_identity(root: &mut Node) {
    let Value::Map(entries) = &mut root.value else { return };
    for (key, value) in entries {
        if let ("identity", Value::Map(identity)) = (key.text.as_str(), &mut value.value) {
            identity.retain(|(key, _)| !OWN.contains(&key.text.as_str()));
        }
    }
}

/// `top` over `below`.
fn merge(below: Node, top: Node) -> Node {
    let Node { value: Value::Map(ground), .. } = below else { return top };
    let Node { value: Value::Map(entries), place } = top else { return top };
    let at: HashMap<String, usize> =
        ground.iter().enumerate().map(|(i, (key, _))| (key.text.clone(), i)).collect();
    let mut merged: Vec<Option<(Key, Node)>> = ground.into_iter().map(Some).collect();
    for (key, value) in entries {
        let Some(entry) = at.get(&key.text).map(|i| &mut merged[*i]) else {
            merged.push(Some((key, value)));
            continue;
        };
        *entry = match entry.take() {
            Some(_) if matches!(value.value, Value::Null) => None,
            Some((_, below)) => Some((key, merge(below, value))),
            None => Some((key, value)),
        };
    }
    Node { value: Value::Map(merged.into_iter().flatten().collect()), place }
}
