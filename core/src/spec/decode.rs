//! From the tree to the types, finding every problem in one pass.
//!
//! `serde` stops at the first error and forgets where it was; these few rules do neither.

use std::collections::BTreeMap;

use super::document::Document;
use super::node::{Key, Node, Value};
use crate::error::{Diagnostic, Severity};

/// Findings of one document that are kept: nobody reads more, and a document of nothing but faults
/// must not fill memory.
const FINDING_LIMIT: usize = 200;
/// Longer keys are not compared with the known ones, and shown in part.
const KEY_SHOWN: usize = 64;

/// Collects findings while the tree is walked.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    path: String,
    found: Vec<Diagnostic>,
}

/// A type that can be read from a node. `None` when the node does not fit; the reason has been
/// reported then.
pub(super) trait Decode: Sized {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self>;
}

impl Decoder {
    /// The findings in the order of their place.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|d| (d.line, d.column));
        self.found
    }

    pub(super) fn document(&mut self, root: &Node) -> Option<Document> {
        if !matches!(root.value, Value::Map(_)) {
            let message = format!("a spec is a mapping, and this is {}", root.value.kind());
            self.error(root, "AK1007", message, None);
            return None;
        }
        Document::decode(root, self)
    }

    pub(super) fn error(
        &mut self,
        node: &Node,
        code: &'static str,
        message: String,
        hint: Option<String>,
    ) {
        self.error_at(code, message, (node.line, node.column), hint);
    }

    pub(super) fn error_at(
        &mut self,
        code: &'static str,
        message: String,
        place: (u32, u32),
        hint: Option<String>,
    ) {
        self.push(code, Severity::Error, message, self.path.clone(), place, hint);
    }

    pub(super) fn push(
        &mut self,
        code: &'static str,
        severity: Severity,
        message: String,
        path: String,
        (line, column): (u32, u32),
        hint: Option<String>,
    ) {
        if self.found.len() == FINDING_LIMIT {
            return;
        }
        self.found.push(Diagnostic { code, severity, message, path, line, column, hint });
    }

    /// Walks into a child, which reports under its own path.
    pub(super) fn within<T>(&mut self, part: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&part.replace('~', "~0").replace('/', "~1"));
        let result = walk(self);
        self.path.truncate(length);
        result
    }

    pub(super) fn wrong_type(&mut self, node: &Node, wanted: &str) {
        let hint = match (&node.value, wanted) {
            (Value::Int(_) | Value::Float(_) | Value::Bool(_), "a text") => {
                Some("put it in quotes".to_owned())
            }
            (Value::Text(_), "a list") => Some("write it as a list: [ ... ]".to_owned()),
            _ => None,
        };
        let message = format!("here belongs {wanted}, and this is {}", node.value.kind());
        self.error(node, "AK1003", message, hint);
    }

    pub(super) fn unknown_key(&mut self, key: &Key, known: &[&str]) {
        let shown: String = key.text.chars().take(KEY_SHOWN).collect();
        let nearest = known
            .iter()
            .filter(|_| shown.len() == key.text.len())
            .map(|k| (strsim::damerau_levenshtein(&key.text, k), k))
            .min()
            .filter(|(distance, k)| *distance <= (k.len() / 3).max(2))
            .map(|(_, k)| format!("did you mean `{k}`?"));
        let hint = nearest.unwrap_or_else(|| format!("known here: {}", known.join(", ")));
        let message = format!("the key {shown:?} is not known here");
        self.within(&shown, |d| {
            d.error_at("AK1002", message, (key.line, key.column), Some(hint));
        });
    }
}

impl Decode for String {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        decoder.wrong_type(node, "a text");
        None
    }
}

impl Decode for bool {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        decoder.wrong_type(node, "true or false");
        None
    }
}

impl Decode for f64 {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match node.value {
            #[expect(clippy::cast_precision_loss, reason = "settings are small numbers")]
            Value::Int(value) => Some(value as f64),
            Value::Float(value) if value.is_finite() => Some(value),
            Value::Float(_) => {
                decoder.error(node, "AK1005", "the number must be finite".into(), None);
                None
            }
            _ => {
                decoder.wrong_type(node, "a number");
                None
            }
        }
    }
}

macro_rules! decode_whole {
    ($($kind:ty),*) => {$(
        impl Decode for $kind {
            fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
                let Value::Int(value) = node.value else {
                    decoder.wrong_type(node, "a whole number");
                    return None;
                };
                match <$kind>::try_from(value) {
                    Ok(value) => Some(value),
                    Err(_) => {
                        let message = format!("{value} is outside of {} to {}", <$kind>::MIN, <$kind>::MAX);
                        decoder.error(node, "AK1005", message, None);
                        None
                    }
                }
            }
        }
    )*};
}
decode_whole!(u32, u64, i64);

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match node.value {
            Value::Null => Some(None),
            _ => T::decode(node, decoder).map(Some),
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match &node.value {
            Value::Null => Some(Vec::new()),
            Value::List(items) => Some(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(i, item)| decoder.within(&i.to_string(), |d| T::decode(item, d)))
                    .collect(),
            ),
            _ => {
                decoder.wrong_type(node, "a list");
                None
            }
        }
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match &node.value {
            Value::Null => Some(Self::new()),
            Value::Map(entries) => Some(
                entries
                    .iter()
                    .filter_map(|(key, value)| {
                        decoder
                            .within(&key.text, |d| T::decode(value, d))
                            .map(|value| (key.text.clone(), value))
                    })
                    .collect(),
            ),
            _ => {
                decoder.wrong_type(node, "a mapping");
                None
            }
        }
    }
}

impl Decode for serde_json::Value {
    fn decode(node: &Node, _: &mut Decoder) -> Option<Self> {
        Some(node.to_json())
    }
}

/// Defines a block of the spec: the struct, its defaults, and the reading of its keys.
macro_rules! block {
    ($(#[$about:meta])* pub struct $name:ident {
        $($(#[$doc:meta])* pub $field:ident : $kind:ty $(= $default:expr)?,)*
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $kind,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let plain = Self::default();
                let mut map = serializer.serialize_map(None)?;
                $(
                    // What is empty but not the default (`tracing: false`) says something.
                    if !crate::spec::decode::is_empty(&self.$field) || self.$field != plain.$field {
                        map.serialize_entry(stringify!($field), &self.$field)?;
                    }
                )*
                map.end()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: block!(@default $($default)?),)* }
            }
        }

        impl crate::spec::decode::Decode for $name {
            fn decode(
                node: &crate::spec::node::Node,
                decoder: &mut crate::spec::decode::Decoder,
            ) -> Option<Self> {
                let mut block = Self::default();
                let entries = match &node.value {
                    crate::spec::node::Value::Null => return Some(block),
                    crate::spec::node::Value::Map(entries) => entries,
                    _ => {
                        decoder.wrong_type(node, "a mapping");
                        return None;
                    }
                };
                for (key, value) in entries {
                    match key.text.as_str() {
                        $(stringify!($field) => {
                            let read = decoder.within(stringify!($field), |d| {
                                <$kind as crate::spec::decode::Decode>::decode(value, d)
                            });
                            if let Some(value) = read {
                                block.$field = value;
                            }
                        })*
                        _ => decoder.unknown_key(key, &[$(stringify!($field)),*]),
                    }
                }
                Some(block)
            }
        }
    };
    (@default) => { Default::default() };
    (@default $value:expr) => { $value };
}

/// Defines a setting with a fixed set of words.
macro_rules! choice {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl crate::spec::decode::Decode for $name {
            fn decode(
                node: &crate::spec::node::Node,
                decoder: &mut crate::spec::decode::Decoder,
            ) -> Option<Self> {
                let text = String::decode(node, decoder)?;
                match text.as_str() {
                    $($word $(| $other)* => Some(Self::$variant),)*
                    _ => {
                        let words = [$($word),*].join(", ");
                        let message = format!("{text:?} is not allowed here");
                        decoder.error(node, "AK1005", message, Some(format!("one of: {words}")));
                        None
                    }
                }
            }
        }
    };
}

pub(super) use {block, choice};

/// Whether a value is the empty one of its type, and need not be written.
pub(super) fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
