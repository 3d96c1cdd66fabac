//! Why a setting has its value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::layer::{Layer, Source};
use super::reader::dotted;
use super::secret::{SecretRef, SecretState};
use super::settings::Settings;

/// What holds and why: a row for each key, in the order of the keys. Shown, it is a table for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Explanation {
    /// The rows.
    pub rows: Vec<Row>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The key as in TOML, for instance `quotas.max_documents`.
    pub key: String,
    /// What holds; of a secret where it is, `env:NAME` or `file:PATH`. Null when what was said does
    /// not hold: a key or a header of a provider whose address a later layer changed.
    pub value: Json,
    /// The layers that it comes from: one, unless several said the same quota or parts of a list.
    #[serde(serialize_with = "joined")]
    pub source: Vec<Source>,
    /// Of a secret: whether it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretState>,
    /// Of a list: each element, with the layers that named it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Said>,
    /// What was said and does not hold, in the order of the layers.
    pub overruled: Vec<Said>,
}

/// What layers said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Said {
    /// The value.
    pub value: Json,
    /// The layers.
    #[serde(serialize_with = "joined")]
    pub source: Vec<Source>,
}

fn joined<S: Serializer>(sources: &[Source], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&names(sources))
}

fn names(sources: &[Source]) -> String {
    sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The values of some settings by their path.
type Leaves = BTreeMap<Vec<String>, Leaf>;

#[derive(Clone, Debug, PartialEq)]
enum Leaf {
    Plain(Json),
    Secret(SecretRef),
}

impl Leaf {
    fn shown(&self) -> Json {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Secret(reference) => reference.to_string().into(),
        }
    }
}

/// What each layer said of one key, in their order.
type Voices<'l> = Vec<(&'l Source, &'l Leaf)>;

impl Explanation {
    pub(super) fn new(settings: &Settings, layers: &[Layer]) -> Self {
        let effective = leaves(settings);
        let said: Vec<(&Source, Leaves)> =
            layers.iter().map(|layer| (&layer.source, leaves(&layer.settings))).collect();
        let mut voices: BTreeMap<&[String], Voices<'_>> = BTreeMap::new();
        for (source, leaves) in &said {
            for (path, leaf) in leaves {
                voices.entry(path).or_default().push((source, leaf));
            }
        }
        let row = |(path, voices): (&&[String], &Voices<'_>)| {
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            match (parts.as_slice(), effective.get(*path)) {
                (["quotas", _], Some(leaf)) => smallest(path, leaf, voices),
                (["policy", _], Some(Leaf::Plain(Json::Array(held)))) => list(path, held, voices),
                (_, Some(leaf)) => last(path, leaf, voices),
                (_, None) => dropped(path, voices, &said),
            }
        };
        let mut rows: Vec<Row> = voices.iter().map(row).collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        Self { rows }
    }
}

fn row(path: &[String], value: Json, source: Vec<Source>, overruled: Vec<Said>) -> Row {
    Row { key: dotted(path), value, source, secret: None, elements: Vec::new(), overruled }
}

fn said((source, leaf): &(&Source, &Leaf)) -> Said {
    Said { value: leaf.shown(), source: vec![(*source).clone()] }
}

/// The last layer replaces what stood before.
fn last(path: &[String], leaf: &Leaf, voices: &Voices<'_>) -> Row {
    let (last, before) =
        voices.split_last().map_or((None, voices.as_slice()), |(l, b)| (Some(l), b));
    let source = last.into_iter().map(|(source, _)| (*source).clone()).collect();
    let mut row = row(path, leaf.shown(), source, before.iter().map(said).collect());
    if let Leaf::Secret(reference) = leaf {
        row.secret = Some(reference.state());
    }
    row
}

fn smallest(path: &[String], leaf: &Leaf, voices: &Voices<'_>) -> Row {
    let (held, over): (Voices<'_>, Voices<'_>) = voices.iter().partition(|(_, said)| *said == leaf);
    let source = held.iter().map(|(source, _)| (*source).clone()).collect();
    row(path, leaf.shown(), source, over.iter().map(said).collect())
}

/// Each element with the layers that named it; those that do not hold are overruled.
fn list(path: &[String], held: &[Json], voices: &Voices<'_>) -> Row {
    let mut named: Vec<Said> = Vec::new();
    for (source, leaf) in voices {
        let Leaf::Plain(Json::Array(items)) = leaf else { continue };
        for item in items {
            match named.iter_mut().find(|said| said.value == *item) {
                Some(said) if said.source.last() == Some(*source) => {}
                Some(said) => said.source.push((*source).clone()),
                None => named.push(Said { value: item.clone(), source: vec![(*source).clone()] }),
            }
        }
    }
    let (elements, overruled) = named.into_iter().partition(|said| held.contains(&said.value));
    let source = voices.iter().map(|(source, _)| (*source).clone()).collect();
    Row { elements, ..row(path, held.to_vec().into(), source, overruled) }
}

/// What was said and does not hold, because of the last layer that spoke of its table.
fn dropped(path: &[String], voices: &Voices<'_>, layers: &[(&Source, Leaves)]) -> Row {
    let table = match path {
        // Headers do not hold for what is said of their provider.
        [providers, _, headers, _] if providers == "providers" && headers == "headers" => {
            &path[..2]
        }
        path => path.split_last().map_or(path, |(_, table)| table),
    };
    let speaks = |(_, leaves): &&(&Source, Leaves)| leaves.keys().any(|key| key.starts_with(table));
    let by = layers.iter().rev().find(speaks).map(|(source, _)| (*source).clone());
    row(path, Json::Null, by.into_iter().collect(), voices.iter().map(said).collect())
}

fn leaves(settings: &Settings) -> Leaves {
    let mut out = Leaves::new();
    flatten(&settings.to_json(), &mut Vec::new(), &mut out);
    out
}

fn flatten(value: &Json, path: &mut Vec<String>, out: &mut Leaves) {
    match value {
        Json::Object(entries) => match reference(value) {
            Some(reference) => drop(out.insert(path.clone(), Leaf::Secret(reference))),
            None => {
                for (key, value) in entries {
                    path.push(key.clone());
                    flatten(value, path, out);
                    path.pop();
                }
            }
        },
        plain => drop(out.insert(path.clone(), Leaf::Plain(plain.clone()))),
    }
}

/// A reference to a secret. No other table of settings holds a text under these names alone.
fn reference(value: &Json) -> Option<SecretRef> {
    let text = |key: &str| value.get(key).and_then(Json::as_str).map(str::to_owned);
    text("env").map(SecretRef::Env).or_else(|| text("file").map(SecretRef::File))
}

/// Wider values do not move the column of the sources.
const WIDEST: usize = 48;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<[Cow<'_, str>; 3]> = self.rows.iter().flat_map(Row::lines).collect();
        let width = |column: usize| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.filter(|width| column == 0 || *width <= WIDEST).max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        for [key, value, source] in &lines {
            writeln!(f, "{key:first$}  {value:second$}  {source}")?;
        }
        Ok(())
    }
}

impl Row {
    /// The lines of the table for people.
    fn lines(&self) -> Vec<[Cow<'_, str>; 3]> {
        let mut out = Vec::new();
        let mut key = Some(plain(&self.key));
        let mut line = |key: Cow<'static, str>, value: String, source: &[Source]| {
            out.push([key, plain(&value), plain(&names(source))]);
        };
        for said in &self.elements {
            line(key.take().unwrap_or_default(), text(&said.value), &said.source);
        }
        if let Some(key) = key {
            let state = match self.secret {
                Some(SecretState::Set) => " (set)",
                Some(SecretState::Missing) => " (missing)",
                None => "",
            };
            line(key, text(&self.value) + state, &self.source);
        }
        for said in &self.overruled {
            line("  overruled".into(), text(&said.value), &said.source);
        }
        out
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "-".into(),
        Json::Array(items) if items.is_empty() => "none".into(),
        other => other.to_string(),
    }
}

/// The name of a file could hold signs that make a terminal do something.
fn plain(text: &str) -> Cow<'static, str> {
    let shown = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect::<String>().into()
}
