//! A spec while it is made: what is written where, and from which leaf of the source it came.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use super::Imported;
use super::prompt::Prompt;
use super::source::{Source, View, too_large};
use crate::error::{Diagnostic, Result, Severity};
use crate::spec::node::escape;
use crate::spec::{Spec, is_slug, render};

/// Rounds in which what the checks refuse is taken out; each takes out something.
const ROUNDS: usize = 32;

/// Agents that one text may hold.
const AGENTS: usize = 500;

/// Blocks and keys in the order in which a spec is read.
const ORDER: &[&str] = &[
    "spec_version",
    "identity",
    "interface",
    "governance",
    "observability",
    "integration",
    "context_policy",
    "memory",
    "intelligence",
    "behavior",
    "network",
    "extensions",
    // of `identity`
    "agent_id",
    "name",
    "version",
    "description",
    "author",
    "license",
    "tags",
    // of `interface`
    "input_schema",
    "output_schema",
    // of `intelligence`
    "model",
    "system_prompt",
    "prompts",
    "temperature",
    // of `behavior`
    "max_turns",
    "timeout_ms",
    "orchestration",
    "workflow",
];

/// The specs that one text becomes.
pub(super) struct Specs<'s> {
    source: &'s Source,
    ids: HashMap<String, usize>,
    drafts: Vec<Option<Draft<'s>>>,
    /// Who may ask whom, where both are specs of their own.
    allowed: Vec<(String, String)>,
}

impl<'s> Specs<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, ids: HashMap::new(), drafts: Vec::new(), allowed: Vec::new() }
    }

    /// A new spec, with an id of its own made from a name.
    pub(super) fn begin(&mut self, name: &str) -> Draft<'s> {
        let base = slug(name).unwrap_or_else(|| "agent".to_owned());
        let id = loop {
            let count = self.ids.entry(base.clone()).or_insert(0);
            *count += 1;
            let id = match *count {
                1 => base.clone(),
                n => {
                    let tail = format!("-{n}");
                    let room = base.len().min(64 - tail.len());
                    format!("{}{tail}", &base[..room])
                }
            };
            if *count == 1 || self.ids.insert(id.clone(), 1).is_none() {
                break id;
            }
        };
        self.drafts.push(None);
        if self.drafts.len() > AGENTS {
            self.source.exhaust();
        }
        let mut draft = Draft {
            source: self.source,
            number: self.drafts.len() - 1,
            id: id.clone(),
            document: json!({"spec_version": "1"}),
            known: HashMap::new(),
        };
        draft.set("/identity/agent_id", id.into());
        draft
    }

    pub(super) fn finish(&mut self, draft: Draft<'s>) {
        let number = draft.number;
        self.drafts[number] = Some(draft);
    }

    /// An agent may ask another one, whichever of the two is finished first.
    pub(super) fn allow(&mut self, agent: &str, other: &str) {
        self.allowed.push((agent.to_owned(), other.to_owned()));
    }

    /// The texts of all specs. What the checks of a spec refuse is taken out, and reported as lost.
    pub(super) fn texts(mut self) -> Result<Vec<Imported>> {
        for (agent, other) in &self.allowed {
            if let Some(draft) = self.drafts.iter_mut().flatten().find(|draft| draft.id == *agent) {
                draft.allow(other);
            }
        }
        if self.source.exhausted() {
            return Err(too_large());
        }
        let mut all = Vec::with_capacity(self.drafts.len());
        for draft in self.drafts.into_iter().flatten() {
            all.push(Imported { name: draft.id.clone(), text: draft.text()? });
            if self.source.exhausted() {
                return Err(too_large());
            }
        }
        Ok(all)
    }
}

/// One spec in the making.
pub(super) struct Draft<'s> {
    source: &'s Source,
    number: usize,
    pub(super) id: String,
    document: Json,
    /// By list: where a name stands in it. A text may hold thousands of tools.
    known: HashMap<&'static str, HashMap<String, usize>>,
}

impl<'s> Draft<'s> {
    pub(super) fn get(&self, pointer: &str) -> Option<&Json> {
        self.document.pointer(pointer)
    }

    /// Writes a value; mappings on the way are made.
    pub(super) fn set(&mut self, pointer: &str, value: Json) {
        if !self.source.spend(size(&value)) {
            return;
        }
        let mut place = &mut self.document;
        for part in pointer.split('/').skip(1) {
            let key = part.replace("~1", "/").replace("~0", "~");
            if let Json::Array(items) = place {
                let Some(item) = key.parse().ok().and_then(|i: usize| items.get_mut(i)) else {
                    return;
                };
                place = item;
                continue;
            }
            if !place.is_object() {
                *place = json!({});
            }
            let Json::Object(map) = place else { return };
            place = map.entry(key).or_insert(Json::Null);
        }
        *place = value;
    }

    /// Adds an item to a list; gives its place.
    pub(super) fn push(&mut self, pointer: &str, value: Json) -> String {
        let length = self.get(pointer).and_then(Json::as_array).map_or(0, Vec::len);
        if length == 0 {
            self.set(pointer, json!([]));
        }
        if self.source.spend(size(&value))
            && let Some(Json::Array(items)) = self.document.pointer_mut(pointer)
        {
            items.push(value);
        }
        format!("{pointer}/{length}")
    }

    pub(super) fn kept(&self, view: View<'_>, pointer: &str) {
        view.kept(self.number, pointer);
    }

    pub(super) fn changed(&self, view: View<'_>, pointer: &str, note: &str) {
        view.changed(Some((self.number, pointer)), note);
    }

    /// Takes a value over as it is.
    pub(super) fn keep(&mut self, view: View<'_>, pointer: &str) {
        self.set(pointer, view.value.clone());
        self.kept(view, pointer);
    }

    /// Writes another value for it.
    pub(super) fn change(&mut self, view: View<'_>, pointer: &str, value: Json, note: &str) {
        self.set(pointer, value);
        self.changed(view, pointer, note);
    }

    pub(super) fn keep_text(&mut self, from: View<'_>, key: &str, pointer: &str) {
        if let Some((view, _)) = from.text(key) {
            self.keep(view, pointer);
        }
    }

    pub(super) fn keep_number(&mut self, from: View<'_>, key: &str, pointer: &str) {
        self.keep_if(from, key, pointer, Json::is_number, "a number is expected here");
    }

    pub(super) fn keep_whole(&mut self, from: View<'_>, key: &str, pointer: &str) {
        let fits =
            |value: &Json| value.as_u64().is_some_and(|n| (1..=u64::from(u32::MAX)).contains(&n));
        self.keep_if(from, key, pointer, fits, "a whole number above 0 is expected here");
    }

    pub(super) fn keep_bool(&mut self, from: View<'_>, key: &str, pointer: &str) {
        self.keep_if(from, key, pointer, Json::is_boolean, "true or false is expected here");
    }

    fn keep_if(
        &mut self,
        from: View<'_>,
        key: &str,
        pointer: &str,
        fits: impl Fn(&Json) -> bool,
        note: &str,
    ) {
        match from.get(key) {
            Some(view) if fits(view.value) => self.keep(view, pointer),
            Some(view) => view.lost(note),
            None => {}
        }
    }

    /// A list of texts, or one text; other items are lost.
    pub(super) fn keep_texts(&mut self, from: View<'_>, key: &str, pointer: &str) {
        for view in from.list(key) {
            match view.str() {
                Some(text) => {
                    let at = self.push(pointer, text.into());
                    self.kept(view, &at);
                }
                None => view.lost("a text is expected here"),
            }
        }
    }

    /// Seconds become milliseconds.
    pub(super) fn seconds(&mut self, from: View<'_>, key: &str, pointer: &str) {
        let Some(view) = from.get(key) else { return };
        match view.value.as_f64() {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded")]
            Some(seconds) if (0.001..1e9).contains(&seconds) => {
                let value = ((seconds * 1000.0) as u64).into();
                self.change(view, pointer, value, "seconds became milliseconds");
            }
            _ => view.lost("a number of seconds above 0 is expected here"),
        }
    }

    /// The name for people. It is a template in a spec, so that its braces are guarded.
    pub(super) fn name(&mut self, view: View<'_>) {
        let Some(text) = view.str() else { return view.lost("a text is expected here") };
        if text == self.id {
            return self.kept(view, "/identity/agent_id");
        }
        self.prompt(view, "/identity/name", &Prompt::literal(text));
    }

    /// Writes a template, and declares the inputs that it names.
    pub(super) fn prompt(&mut self, view: View<'_>, pointer: &str, prompt: &Prompt) {
        self.declare(prompt);
        self.set(pointer, prompt.text.clone().into());
        match prompt.note() {
            Some(note) => self.changed(view, pointer, note),
            None => self.kept(view, pointer),
        }
    }

    /// Declares the inputs that a prompt names.
    pub(super) fn declare(&mut self, prompt: &Prompt) {
        for name in &prompt.inputs {
            self.input(name, json!({}));
        }
    }

    /// Declares an input of a run, unless it is declared already; gives its place if it is new.
    pub(super) fn input(&mut self, name: &str, schema: Json) -> Option<String> {
        let pointer = format!("/interface/input_schema/properties/{}", escape(name));
        if self.get(&pointer).is_some_and(|known| *known != json!({})) {
            return None;
        }
        if self.get("/interface/input_schema/type").is_none() {
            self.set("/interface/input_schema/type", "object".into());
        }
        self.set(&pointer, schema);
        Some(pointer)
    }

    /// Names an agent that this one may ask.
    pub(super) fn allow(&mut self, agent: &str) -> Option<String> {
        const LIST: &str = "/network/delegation/allowed_agents";
        if agent == self.id || self.source.exhausted() {
            return None;
        }
        self.set("/network/delegation/enabled", true.into());
        Some(self.once(LIST, agent, agent.into()))
    }

    /// Adds an item to a list unless one of that name is there; gives its place.
    fn once(&mut self, list: &'static str, name: &str, value: Json) -> String {
        if let Some(at) = self.place(list, name) {
            return format!("{list}/{at}");
        }
        let place = self.push(list, value);
        let at = self.get(list).and_then(Json::as_array).map_or(0, |l| l.len().saturating_sub(1));
        self.known.entry(list).or_default().insert(name.to_owned(), at);
        place
    }

    fn place(&self, list: &str, name: &str) -> Option<usize> {
        self.known.get(list)?.get(name).copied()
    }

    /// Names a tool, once; gives its place.
    pub(super) fn tool(&mut self, name: &str) -> String {
        self.once("/integration/tools", name, json!({"name": name}))
    }

    /// Begins an MCP server under a name of its own; gives its place.
    pub(super) fn server(&mut self, name: &str) -> String {
        const LIST: &str = "/integration/mcp_servers";
        let base = slug(name).unwrap_or_else(|| "server".to_owned());
        let mut free = base.clone();
        // Where the search for a free number ended last time, under a name that no server has.
        let counter = format!("#{base}");
        let mut count = self.place(LIST, &counter).unwrap_or(1);
        while self.place(LIST, &free).is_some() {
            count += 1;
            free = format!("{}-{count}", &base[..base.len().min(56)]);
        }
        self.known.entry(LIST).or_default().insert(counter, count);
        self.once(LIST, &free, json!({"name": free}))
    }

    fn text(mut self) -> Result<String> {
        for _ in 0..ROUNDS {
            self.tidy();
            let text = render::yaml(&self.document);
            let findings = Spec::diagnose(&text);
            let errors: Vec<&Diagnostic> =
                findings.iter().filter(|f| f.severity == Severity::Error).collect();
            if errors.is_empty() {
                self.source.settle(self.number, &self.document);
                return Ok(text);
            }
            if errors.iter().any(|f| f.code == "AK1008") {
                return Err(too_large());
            }
            let mut places: Vec<(String, String)> =
                errors.iter().map(|f| (self.existing(&f.path), f.message.clone())).collect();
            // Later items of a list first: the others keep their places.
            places.sort_by_key(|(path, _)| std::cmp::Reverse(order(path)));
            places.dedup_by(|a, b| a.0 == b.0);
            for (path, message) in places {
                self.remove(&path, &format!("a spec does not allow it: {message}"));
            }
        }
        Err(too_large())
    }

    /// The place itself, or the nearest above it that is there.
    fn existing(&self, path: &str) -> String {
        let mut path = path;
        while self.get(path).is_none() {
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
        path.to_owned()
    }

    fn remove(&mut self, path: &str, why: &str) {
        let Some((above, key)) = path.rsplit_once('/') else { return };
        let key = key.replace("~1", "/").replace("~0", "~");
        match self.document.pointer_mut(above) {
            Some(Json::Object(map)) => {
                map.shift_remove(&key);
                self.source.withdraw(self.number, path, false, why);
            }
            Some(Json::Array(items)) => {
                if let Some(at) = key.parse().ok().filter(|at: &usize| *at < items.len()) {
                    items.remove(at);
                    self.source.withdraw(self.number, path, true, why);
                }
            }
            _ => {}
        }
    }

    /// Blocks in their order, a tool without settings by its name alone, nothing empty.
    fn tidy(&mut self) {
        if let Some(Json::Array(tools)) = self.document.pointer_mut("/integration/tools") {
            for tool in tools {
                if let Some(name) =
                    tool.as_object().filter(|map| map.len() == 1).and_then(|m| m.get("name"))
                {
                    *tool = name.clone();
                }
            }
        }
        for block in ["/interface", "/intelligence", "/behavior", "/identity", ""] {
            if let Some(Json::Object(map)) = self.document.pointer_mut(block) {
                order_keys(map, ORDER);
            }
        }
        if let Some(Json::Object(map)) =
            self.document.as_object_mut().and_then(|m| m.get_mut("network"))
        {
            let alone = map
                .get("delegation")
                .is_some_and(|d| d["allowed_agents"].as_array().is_none_or(Vec::is_empty));
            if alone {
                map.shift_remove("delegation");
            }
        }
    }
}

/// Paths in an order in which list items are by number.
fn order(path: &str) -> Vec<(usize, String)> {
    path.split('/').map(|part| (part.parse().unwrap_or(0), part.to_owned())).collect()
}

fn size(value: &Json) -> usize {
    match value {
        Json::String(text) => 8 + text.len(),
        Json::Array(items) => 8 + items.iter().map(size).sum::<usize>(),
        Json::Object(map) => 8 + map.iter().map(|(k, v)| k.len() + size(v)).sum::<usize>(),
        _ => 8,
    }
}

/// A slug made from a name; the name itself if it is one.
pub(super) fn slug(name: &str) -> Option<String> {
    let name = name.trim();
    if is_slug(name) {
        return Some(name.to_owned());
    }
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() >= 64 {
            break;
        }
        if c.is_ascii_alphanumeric() || (matches!(c, '_' | '.') && !slug.is_empty()) {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

/// The name of a tool as providers take it: letters, digits, `_` and `-`.
pub(super) fn tool_name(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let name = name.trim();
    if !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        return Some(name.to_owned());
    }
    slug(name).map(|slug| slug.replace(['-', '.'], "_"))
}

/// Puts the keys of a mapping in this order; others come after them, as they were.
pub(super) fn order_keys(map: &mut Map<String, Json>, order: &[&str]) {
    let mut entries: Vec<_> = std::mem::take(map).into_iter().collect();
    entries.sort_by_key(|(key, _)| order.iter().position(|k| k == key).unwrap_or(order.len()));
    map.extend(entries);
}

/// A mapping out of those of its entries that are there.
pub(super) fn mapping<const N: usize>(entries: [(&str, Option<Json>); N]) -> Map<String, Json> {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}
