//! The text of a neighbour as a tree whose every leaf is accounted for.
//!
//! A leaf is a text, a number, a truth value, nothing, or an empty list or mapping. What an
//! importer does not speak of comes out as lost: nothing can be lost without a word.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use serde_json::Value as Json;

use super::{Entry, Kind};
use crate::error::{Code, Error, Result};
use crate::spec::node::escape;

/// Bytes of all paths in a report, and of all values of the specs that one text becomes: a shared
/// component could be copied into a thousand agents.
const BYTES: usize = 16 * 1024 * 1024;

const NO_PLACE: &str = "nothing in an aikit spec stands for it";
const NOTHING: &str = "what it would belong to is not in the spec";
const EMPTY: &str = "empty: says no more than its absence";

/// A text that was read, and what became of its leaves.
pub(super) struct Source {
    root: Json,
    paths: Vec<String>,
    /// By leaf: whether it is nothing, or an empty list or mapping.
    empty: Vec<bool>,
    marks: RefCell<Vec<Option<Mark>>>,
    /// By the address of a node: its leaves, and the length of its path.
    spans: HashMap<*const Json, Span>,
    spent: Cell<usize>,
}

#[derive(Clone, Copy)]
struct Span {
    first: usize,
    end: usize,
    path: usize,
}

#[derive(Clone)]
struct Mark {
    kind: Kind,
    /// Which spec, and where in it.
    to: Option<(usize, String)>,
    note: Option<String>,
}

impl Source {
    pub(super) fn new(root: Json) -> Result<Box<Self>> {
        // Boxed before the addresses of its nodes are taken: they stay.
        let mut source = Box::new(Self {
            root,
            paths: Vec::new(),
            empty: Vec::new(),
            marks: RefCell::default(),
            spans: HashMap::new(),
            spent: Cell::new(0),
        });
        let mut walk = Walk::default();
        walk.node(&source.root)?;
        source.marks = RefCell::new(vec![None; walk.paths.len()]);
        (source.paths, source.empty, source.spans) = (walk.paths, walk.empty, walk.spans);
        Ok(source)
    }

    pub(super) fn root(&self) -> View<'_> {
        View { source: self, value: &self.root }
    }

    /// Counts what is written into specs.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        self.spent.set(self.spent.get().saturating_add(bytes));
        self.spent.get() <= BYTES
    }

    /// Nothing more is taken: the text becomes too much.
    pub(super) fn exhaust(&self) {
        self.spent.set(usize::MAX);
    }

    pub(super) fn exhausted(&self) -> bool {
        self.spent.get() > BYTES
    }

    fn span(&self, value: &Json) -> Span {
        let nowhere = Span { first: 0, end: 0, path: 0 };
        self.spans.get(&std::ptr::from_ref(value)).copied().unwrap_or(nowhere)
    }

    fn mark(&self, value: &Json, kind: Kind, to: Option<(usize, &str)>, note: Option<&str>) {
        let span = self.span(value);
        let mut marks = self.marks.borrow_mut();
        for leaf in span.first..span.end {
            // What says nothing cannot be lost.
            if kind == Kind::Lost && self.empty[leaf] {
                continue;
            }
            // Told once: what was taken over anywhere is not lost, and the first place stands.
            if marks[leaf].as_ref().is_some_and(|m| m.kind != Kind::Lost || kind == Kind::Lost) {
                continue;
            }
            let tail = &self.paths[leaf][span.path..];
            let tail = if kind == Kind::Kept { tail } else { "" };
            marks[leaf] = Some(Mark {
                kind,
                to: to.map(|(spec, pointer)| (spec, format!("{pointer}{tail}"))),
                note: note.map(str::to_owned),
            });
        }
    }

    /// What was written to this place of a spec is taken out of it again. `shift`: it was an item
    /// of a list, whose later items move up.
    pub(super) fn withdraw(&self, spec: usize, pointer: &str, shift: bool, why: &str) {
        let under = |to: &str| {
            to.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for mark in self.marks.borrow_mut().iter_mut().flatten() {
            let Some((number, to)) = &mut mark.to else { continue };
            if *number != spec {
                continue;
            }
            if under(to) {
                *mark = Mark { kind: Kind::Lost, to: None, note: Some(why.to_owned()) };
            } else if shift {
                move_up(to, pointer);
            }
        }
    }

    /// What was to stand in a spec, and in the end stands nowhere in it, is lost.
    pub(super) fn settle(&self, spec: usize, document: &Json) {
        for mark in self.marks.borrow_mut().iter_mut().flatten() {
            let Some((number, to)) = &mut mark.to else { continue };
            if *number != spec || document.pointer(to).is_some() {
                continue;
            }
            // A tool without settings is written as its name alone.
            match to.strip_suffix("/name").filter(|to| document.pointer(to).is_some()) {
                Some(place) => *to = place.to_owned(),
                None => *mark = Mark { kind: Kind::Lost, to: None, note: Some(NOTHING.to_owned()) },
            }
        }
    }

    /// Every leaf once, in the order of the text.
    pub(super) fn report(&self, names: &[String]) -> Vec<Entry> {
        let marks = self.marks.borrow();
        let mut report = Vec::with_capacity(self.paths.len());
        for ((path, empty), mark) in self.paths.iter().zip(&self.empty).zip(marks.iter()) {
            let mark = mark.clone().unwrap_or_else(|| {
                let (kind, note) =
                    if *empty { (Kind::Kept, EMPTY) } else { (Kind::Lost, NO_PLACE) };
                Mark { kind, to: None, note: Some(note.to_owned()) }
            });
            let to = mark.to.map(|(spec, pointer)| match names {
                [_] => pointer,
                _ => format!("{}:{pointer}", names.get(spec).map_or("", String::as_str)),
            });
            report.push(Entry { kind: mark.kind, path: path.clone(), to, note: mark.note });
        }
        report
    }
}

/// `/list/5/x` becomes `/list/4/x` where `/list/3` was taken out.
fn move_up(to: &mut String, removed: &str) {
    let Some((list, at)) = removed.rsplit_once('/') else { return };
    let Ok(at) = at.parse::<usize>() else { return };
    let Some(rest) = to.strip_prefix(list).and_then(|rest| rest.strip_prefix('/')) else { return };
    let (index, tail) = rest.split_once('/').map_or((rest, None), |(i, tail)| (i, Some(tail)));
    if let Ok(index) = index.parse::<usize>()
        && index > at
    {
        let tail = tail.map(|tail| format!("/{tail}")).unwrap_or_default();
        *to = format!("{list}/{}{tail}", index - 1);
    }
}

#[derive(Default)]
struct Walk {
    path: String,
    bytes: usize,
    paths: Vec<String>,
    empty: Vec<bool>,
    spans: HashMap<*const Json, Span>,
}

impl Walk {
    fn node(&mut self, value: &Json) -> Result<()> {
        let first = self.paths.len();
        let path = self.path.len();
        match value {
            Json::Array(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    self.child(&i.to_string(), item)?;
                }
            }
            Json::Object(map) if !map.is_empty() => {
                for (key, item) in map {
                    self.child(&escape(key), item)?;
                }
            }
            _ => {
                self.bytes += self.path.len();
                if self.bytes > BYTES {
                    return Err(too_large());
                }
                self.paths.push(self.path.clone());
                self.empty.push(matches!(value, Json::Null | Json::Array(_) | Json::Object(_)));
            }
        }
        let span = Span { first, end: self.paths.len(), path };
        self.spans.insert(std::ptr::from_ref(value), span);
        Ok(())
    }

    fn child(&mut self, part: &str, value: &Json) -> Result<()> {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(part);
        let result = self.node(value);
        self.path.truncate(length);
        result
    }
}

pub(super) fn too_large() -> Error {
    Error::new(
        Code::SpecTooLarge,
        "what the text becomes is more than can be taken in: over 500 agents, 16 MiB, or too deep",
    )
    .hint("import its agents one by one")
}

/// A node of the source, and with it the means to say what became of it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) source: &'a Source,
    pub(super) value: &'a Json,
}

impl<'a> View<'a> {
    pub(super) fn address(self) -> *const Json {
        self.value
    }

    pub(super) fn with(self, value: &'a Json) -> Self {
        Self { value, ..self }
    }

    /// What stands under a key, also where YAML's merge key (`<<`) brought it; nothing for `null`.
    pub(super) fn get(self, key: &str) -> Option<Self> {
        let map = self.value.as_object()?;
        if let Some(value) = map.get(key) {
            return (!value.is_null()).then(|| self.with(value));
        }
        match map.get("<<")? {
            Json::Array(items) => items.iter().find_map(|item| self.with(item).get(key)),
            merged => self.with(merged).get(key),
        }
    }

    /// The first of several spellings.
    pub(super) fn any(self, keys: &[&str]) -> Option<Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn str(self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// A text under a key. Something else there is lost, and said to be.
    pub(super) fn text(self, key: &str) -> Option<(Self, &'a str)> {
        let view = self.get(key)?;
        if let Some(text) = view.str() {
            return Some((view, text));
        }
        view.lost("a text is expected here");
        None
    }

    /// The items of a list; none if it is something else.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        self.value.as_array().into_iter().flatten().map(move |value| self.with(value))
    }

    /// The items of a list under a key; a single text or mapping counts as a list of one.
    pub(super) fn list(self, key: &str) -> Vec<Self> {
        match self.get(key) {
            Some(view) if view.value.is_array() => view.items().collect(),
            Some(view) if view.value.is_string() || view.value.is_object() => vec![view],
            _ => Vec::new(),
        }
    }

    /// The entries of a mapping, merged ones last; those that are null are left out.
    pub(super) fn entries(self) -> Vec<(&'a str, Self)> {
        let Some(map) = self.value.as_object() else { return Vec::new() };
        let mut entries: Vec<(&str, Self)> = map
            .iter()
            .filter(|(key, value)| key.as_str() != "<<" && !value.is_null())
            .map(|(key, value)| (key.as_str(), self.with(value)))
            .collect();
        let merged: Vec<Self> = match map.get("<<") {
            Some(Json::Array(items)) => items.iter().map(|item| self.with(item)).collect(),
            Some(value) => vec![self.with(value)],
            None => Vec::new(),
        };
        for (key, view) in merged.into_iter().flat_map(Self::entries) {
            if !map.contains_key(key) {
                entries.push((key, view));
            }
        }
        entries
    }

    pub(super) fn kept(self, spec: usize, pointer: &str) {
        self.source.mark(self.value, Kind::Kept, Some((spec, pointer)), None);
    }

    pub(super) fn changed(self, to: Option<(usize, &str)>, note: &str) {
        self.source.mark(self.value, Kind::Changed, to, Some(note));
    }

    /// It says nothing about the agent, for instance the version of the format.
    pub(super) fn done(self, note: &str) {
        self.source.mark(self.value, Kind::Kept, None, Some(note));
    }

    pub(super) fn lost(self, note: &str) {
        self.source.mark(self.value, Kind::Lost, None, Some(note));
    }

    /// The same for what stands under these keys.
    pub(super) fn lost_keys(self, keys: &[&str], note: &str) {
        for view in keys.iter().filter_map(|key| self.get(key)) {
            view.lost(note);
        }
    }
}
