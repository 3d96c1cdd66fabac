//! TOML and JSON as one kind of tree, in which nodes of TOML know where they stand.

use std::borrow::Cow;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

/// A value, and its first byte in the text; 0 in JSON, which has come as values.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) value: Value<'t>,
    pub(super) at: usize,
}

#[derive(Debug)]
pub(super) enum Value<'t> {
    Null,
    Bool,
    Date,
    /// `None`: more digits than any number here may have.
    Whole(Option<i128>),
    Float(f64),
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    Table(Vec<Entry<'t>>),
}

/// A key with its place, and its value.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) key: Cow<'t, str>,
    pub(super) at: usize,
    pub(super) node: Node<'t>,
}

impl Value<'_> {
    /// What a user calls this kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool => "true or false",
            Self::Date => "a date",
            Self::Whole(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// What keeps a text from being TOML: the byte, and why. No part of the text is in it.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) why: String,
}

/// Reads TOML. The parser bounds depth.
pub(super) fn from_toml(text: &str) -> Result<Node<'_>, Fault> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let first = errors.iter().min_by_key(|e| e.span().map_or(text.len(), |span| span.start));
    if let Some(error) = first {
        let at = error.span().map_or(text.len(), |span| span.start);
        return Err(Fault { at, why: error.message().to_owned() });
    }
    let at = root.span().start;
    Ok(Node { value: table(root.into_inner()), at })
}

fn table(entries: DeTable<'_>) -> Value<'_> {
    Value::Table(
        entries
            .into_iter()
            .map(|(key, value)| {
                let at = key.span().start;
                let node = Node { at: value.span().start, value: of_toml(value.into_inner()) };
                Entry { key: key.into_inner(), at, node }
            })
            .collect(),
    )
}

fn of_toml(value: DeValue<'_>) -> Value<'_> {
    match value {
        DeValue::String(text) => Value::Text(text),
        DeValue::Integer(i) => Value::Whole(i128::from_str_radix(i.as_str(), i.radix()).ok()),
        // What is no number becomes one that is refused.
        DeValue::Float(f) => Value::Float(f.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(_) => Value::Bool,
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| Node { at: item.span().start, value: of_toml(item.into_inner()) })
                .collect(),
        ),
        DeValue::Table(entries) => table(entries),
    }
}

/// Takes JSON. `None` when it has more bytes of text and values than `size`, or is nested deeper
/// than `depth`.
pub(super) fn from_json(value: &Json, size: usize, depth: usize) -> Option<Node<'_>> {
    within(value, size, depth).then(|| of_json(value))
}

/// Values that a program made can be nested deeper than a recursive walk has room for.
fn within(value: &Json, mut size: usize, depth: usize) -> bool {
    let mut open = vec![(value, 0)];
    while let Some((value, level)) = open.pop() {
        let (weight, inside) = match value {
            Json::String(text) => (text.len(), 0),
            Json::Array(items) => {
                open.extend(items.iter().map(|item| (item, level + 1)));
                (0, items.len())
            }
            Json::Object(entries) => {
                open.extend(entries.values().map(|value| (value, level + 1)));
                (entries.keys().map(String::len).sum(), entries.len())
            }
            _ => (0, 0),
        };
        let Some(left) = size.checked_sub(weight + inside) else { return false };
        size = left;
        if level > depth {
            return false;
        }
    }
    true
}

fn of_json(value: &Json) -> Node<'_> {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(_) => Value::Bool,
        Json::Number(n) => match n.as_i128() {
            Some(whole) => Value::Whole(Some(whole)),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text.into()),
        Json::Array(items) => Value::List(items.iter().map(of_json).collect()),
        Json::Object(entries) => Value::Table(
            entries
                .iter()
                .map(|(key, value)| Entry { key: key.into(), at: 0, node: of_json(value) })
                .collect(),
        ),
    };
    Node { value, at: 0 }
}
