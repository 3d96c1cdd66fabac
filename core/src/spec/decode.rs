//! From the tree to the types, finding every problem in one pass.
//!
//! `serde` stops at the first error and forgets where it was; these few rules do neither.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::document::Document;
use super::node::{Key, Node, Place, Value, escape};
use super::short;
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
    found: Vec<(Place, Diagnostic)>,
    /// Names of the texts that `extends` brought in; number 1 stands first.
    sources: Vec<String>,
    /// Where short forms went: source, place in the full document, place in the text.
    moved: Vec<Moved>,
    /// Items of lists that could not be read, with the list, in the order of reading: the items behind
    /// them have moved up in the document.
    dropped: Vec<(String, usize)>,
}

/// A short form that stands for a place in the full document.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) source: u16,
    pub(super) full: String,
    pub(super) short: String,
}

/// The place in the text for one in the full document.
pub(super) fn as_written(moved: &[Moved], source: u16, path: &str) -> Option<String> {
    moved.iter().filter(|m| m.source == source).find_map(|m| {
        let rest = path.strip_prefix(m.full.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", m.short))
    })
}

/// A type that can be read from a node. `None` when the node does not fit; the reason has been
/// reported then.
pub(super) trait Decode: Sized {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self>;
}

impl Decoder {
    /// The names of the texts that were brought in.
    pub(super) fn take_sources(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sources)
    }

    /// The findings in the order of their place, those of other texts last.
    pub(super) fn finish(mut self) -> (Vec<Diagnostic>, Vec<Moved>) {
        self.found.sort_by_key(|(place, _)| (place.source, place.line, place.column));
        let moved = self.moved;
        let found = self
            .found
            .into_iter()
            .map(|(place, mut diagnostic)| {
                if let Some(path) = as_written(&moved, place.source, &diagnostic.path) {
                    diagnostic.path = path;
                }
                diagnostic
            })
            .collect();
        (found, moved)
    }

    /// Whether no more findings are kept: what would only be dropped need not be looked for.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() == FINDING_LIMIT
    }

    /// Adds a text that `extends` brought in; gives its number, or nothing if there are too many.
    pub(super) fn add_source(&mut self, name: String) -> Option<u16> {
        self.sources.push(name);
        u16::try_from(self.sources.len()).ok()
    }

    pub(super) fn moved(&mut self, moved: Moved) {
        self.moved.push(moved);
    }

    /// Where in the text something stands that has this place in the document.
    pub(super) fn in_text<'p>(&self, pointer: &'p str) -> Cow<'p, str> {
        let mut pointer = Cow::Borrowed(pointer);
        for (list, dropped) in &self.dropped {
            let Some(rest) = pointer.strip_prefix(list.as_str()) else { continue };
            let Some(rest) = rest.strip_prefix('/') else { continue };
            let (item, deeper) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if let Ok(item) = item.parse::<usize>()
                && item >= *dropped
            {
                pointer = format!("{list}/{}{deeper}", item + 1).into();
            }
        }
        pointer
    }

    pub(super) fn document(&mut self, root: &Node) -> Option<Document> {
        Document::decode(root, self)
    }

    pub(super) fn error(
        &mut self,
        node: &Node,
        code: &'static str,
        message: String,
        hint: Option<String>,
    ) {
        self.error_at(code, message, node.place, hint);
    }

    pub(super) fn error_at(
        &mut self,
        code: &'static str,
        message: String,
        place: Place,
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
        place: Place,
        hint: Option<String>,
    ) {
        if self.is_full() {
            return;
        }
        let Place { line, column, end_line, end_column, source } = place;
        let file = usize::from(source).checked_sub(1).and_then(|i| self.sources.get(i)).cloned();
        let diagnostic = Diagnostic {
            code,
            severity,
            message,
            path,
            line,
            column,
            end_line,
            end_column,
            file,
            hint,
        };
        self.found.push((place, diagnostic));
    }

    /// Reports a required key of this mapping that is not there.
    pub(super) fn missing(&mut self, node: &Node, key: &str, hint: Option<&str>) {
        self.error(node, "AK1004", format!("`{key}` is missing"), hint.map(str::to_owned));
    }

    /// Walks into a child, which reports under its own path.
    pub(super) fn within<T>(&mut self, part: &str, walk: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&escape(part));
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
        if self.is_full() {
            return;
        }
        let shown: String = key.text.chars().take(KEY_SHOWN).collect();
        // At the top stand the short forms as well.
        let short = short::top_level().map(|(name, _)| name).chain(["extends"]);
        let known: Vec<&str> = match self.path.is_empty() {
            true => short.chain(known.iter().copied()).collect(),
            false => known.to_vec(),
        };
        let nearest = known
            .iter()
            .filter(|_| shown.len() == key.text.len())
            .map(|k| (strsim::damerau_levenshtein(&key.text, k), k))
            .min()
            .filter(|(distance, k)| *distance <= (k.len() / 3).max(2))
            .map(|(_, k)| format!("did you mean `{k}`?"));
        let hint = match key.text.as_str() {
            "<<" => "merge keys are not part of YAML 1.2; use `extends`, or an alias".to_owned(),
            _ => nearest.unwrap_or_else(|| format!("known here: {}", known.join(", "))),
        };
        let message = format!("the key {shown:?} is not known here");
        self.within(&shown, |d| {
            d.error_at("AK1002", message, key.place, Some(hint));
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
                let value = match node.value {
                    Value::Int(value) => value,
                    // Languages of one number type write 5 as 5.0, and JSON Schema takes it for whole.
                    #[expect(clippy::cast_possible_truncation, reason = "whole; bounded below")]
                    Value::Float(value) if value.fract() == 0.0 => value as i128,
                    _ => {
                        decoder.wrong_type(node, "a whole number");
                        return None;
                    }
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
                    .filter_map(|(i, item)| {
                        let read = decoder.within(&i.to_string(), |d| T::decode(item, d));
                        if read.is_none() && !decoder.is_full() {
                            decoder.dropped.push((decoder.path.clone(), i));
                        }
                        read
                    })
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
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        only_finite(node, decoder);
        Some(node.to_json())
    }
}

/// JSON cannot write the numbers that are none.
fn only_finite(node: &Node, decoder: &mut Decoder) {
    match &node.value {
        Value::Float(value) if !value.is_finite() => {
            decoder.error(node, "AK1005", "the number must be finite".into(), None);
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                decoder.within(&i.to_string(), |d| only_finite(item, d));
            }
        }
        Value::Map(entries) => {
            for (key, value) in entries {
                decoder.within(&key.text, |d| only_finite(value, d));
            }
        }
        _ => {}
    }
}

/// Defines a block of the spec: the struct, its defaults, the reading of its keys, its schema.
macro_rules! block {
    ($(#[doc = $about:literal])* pub struct $name:ident {
        $($(#[doc = $doc:literal])* pub $field:ident : $kind:ty $(= $default:expr)?,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])* pub $field: $kind,)*
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap;
                let plain = Self::default();
                let mut map = serializer.serialize_map(None)?;
                $(
                    // `tracing: false` says something, `tracing: true` does not.
                    if self.$field != plain.$field {
                        map.serialize_entry(stringify!($field), &self.$field)?;
                    }
                )*
                map.end()
            }
        }

        impl crate::spec::schema::Describe for $name {
            fn describe(
                definitions: &mut crate::spec::schema::Definitions,
            ) -> serde_json::Value {
                definitions.block(stringify!($name), &[$($about),*], |definitions| {
                    let plain = Self::default();
                    vec![$({
                        let schema =
                            <$kind as crate::spec::schema::Describe>::describe(definitions);
                        let default = serde_json::to_value(&plain.$field).unwrap_or_default();
                        crate::spec::schema::field(
                            stringify!($field), &[$($doc),*], schema, default,
                        )
                    }),*]
                })
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

        impl crate::spec::schema::Describe for $name {
            fn describe(_: &mut crate::spec::schema::Definitions) -> serde_json::Value {
                serde_json::json!({"enum": [$($word $(, $other)*),*]})
            }
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
