//! What differs between two specs, told in fields.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::node::escape;
use super::{Spec, canonical};

/// What happened to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// Only the second spec has it.
    Added,
    /// Only the first spec has it.
    Removed,
    /// Both have it, with different values.
    Changed,
}

/// One field that differs. What has its default value counts as absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// JSON pointer in the full document; items of lists that have names stand under their names,
    /// for instance `/integration/tools/calculator/description`.
    pub path: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The value in the first spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// The value in the second spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
}

impl std::fmt::Display for Change {
    /// `intelligence.temperature: 0.2 -> 0.7`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.trim_start_matches('/').replace('/', ".");
        let shown = |value: &Option<Json>| value.as_ref().map(Json::to_string).unwrap_or_default();
        match self.kind {
            ChangeKind::Added => write!(f, "+ {path}: {}", shown(&self.after)),
            ChangeKind::Removed => write!(f, "- {path}: {}", shown(&self.before)),
            ChangeKind::Changed => {
                write!(f, "~ {path}: {} -> {}", shown(&self.before), shown(&self.after))
            }
        }
    }
}

/// What differs between two specs, in the order of the document. Empty if and only if their hashes
/// are equal.
pub fn diff(before: &Spec, after: &Spec) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", Some(&before.to_json()), Some(&after.to_json()), &mut changes);
    changes
}

fn compare(path: &str, before: Option<&Json>, after: Option<&Json>, changes: &mut Vec<Change>) {
    let kind = match (before, after) {
        (Some(before), Some(after)) if canonical::same(before, after) => return,
        (Some(Json::Object(before)), Some(Json::Object(after))) => {
            return maps(path, before, after, changes);
        }
        (Some(Json::Array(before)), Some(Json::Array(after))) => {
            let named = ["id", "name", "collection"]
                .iter()
                .find_map(|key| Some((by_name(before, key)?, by_name(after, key)?)));
            if let Some((before, after)) = named
                && in_order(&before, &after)
            {
                return items(path, &before, &after, changes);
            }
            ChangeKind::Changed
        }
        (Some(_), Some(_)) => ChangeKind::Changed,
        // What came or went with a whole block is told field by field.
        (None, Some(Json::Object(after))) if !after.is_empty() => {
            return maps(path, &Map::new(), after, changes);
        }
        (Some(Json::Object(before)), None) if !before.is_empty() => {
            return maps(path, before, &Map::new(), changes);
        }
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
    };
    push(path, kind, before, after, changes);
}

fn push(
    path: &str,
    kind: ChangeKind,
    before: Option<&Json>,
    after: Option<&Json>,
    changes: &mut Vec<Change>,
) {
    let (before, after) = (before.cloned(), after.cloned());
    changes.push(Change { path: path.to_owned(), kind, before, after });
}

/// Items that have names: those that came or went are told whole, the others field by field.
fn items(path: &str, before: &Map<String, Json>, after: &Map<String, Json>, out: &mut Vec<Change>) {
    let added = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(added) {
        let path = format!("{path}/{}", escape(name));
        match (before.get(name), after.get(name)) {
            (None, item) => push(&path, ChangeKind::Added, None, item, out),
            (item, None) => push(&path, ChangeKind::Removed, item, None, out),
            both => compare(&path, both.0, both.1, out),
        }
    }
}

fn maps(path: &str, before: &Map<String, Json>, after: &Map<String, Json>, out: &mut Vec<Change>) {
    let added = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(added) {
        compare(&format!("{path}/{}", escape(key)), before.get(key), after.get(key), out);
    }
}

/// A list of mappings that all have a name of their own under this key, by that name.
fn by_name(items: &[Json], key: &str) -> Option<Map<String, Json>> {
    let mut map = Map::new();
    for item in items {
        let name = item.get(key)?.as_str()?;
        if map.insert(name.to_owned(), item.clone()).is_some() {
            return None;
        }
    }
    Some(map)
}

/// Whether what both lists have stands in the same order: another order is a change of the list.
fn in_order(before: &Map<String, Json>, after: &Map<String, Json>) -> bool {
    let common_before = before.keys().filter(|key| after.contains_key(*key));
    let common_after = after.keys().filter(|key| before.contains_key(*key));
    common_before.eq(common_after)
}
