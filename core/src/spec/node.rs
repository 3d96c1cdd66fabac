//! YAML (1.2 core schema, and with it JSON) as a tree in which every node knows its place.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::decode::Decoder;
use super::pairs;
use super::scalar::scalar;

/// Limits that no honest spec reaches: depth, and nodes after aliases are expanded.
const DEPTH_LIMIT: usize = 64;
const NODE_LIMIT: usize = 100_000;

/// Where something stands: lines and columns from 1, columns in characters, the end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) end_line: u32,
    pub(super) end_column: u32,
    /// Which text: 0 is the spec's own, others were brought in by `extends`.
    pub(super) source: u16,
}

impl Place {
    /// One character.
    pub(super) fn at(line: u32, column: u32, source: u16) -> Self {
        Self { line, column, end_line: line, end_column: column + 1, source }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// What JSON keeps exactly: `i64::MIN` to `u64::MAX`.
    Int(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) place: Place,
}

impl Value {
    /// What a user calls this kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// A part of a JSON pointer, as it stands in one (RFC 6901).
pub(super) fn escape(part: &str) -> Cow<'_, str> {
    if part.contains(['~', '/']) {
        part.replace('~', "~0").replace('/', "~1").into()
    } else {
        part.into()
    }
}

/// The parts of a JSON pointer.
pub(super) fn parts(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|part| {
        if part.contains('~') {
            part.replace("~1", "/").replace("~0", "~").into()
        } else {
            part.into()
        }
    })
}

impl Node {
    /// The child of this name or number.
    pub(super) fn child(&self, part: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == part).map(|e| &e.1),
            Value::List(items) => part.parse().ok().and_then(|i: usize| items.get(i)),
            _ => None,
        }
    }

    /// The node at a JSON pointer.
    pub(super) fn node_at(&self, pointer: &str) -> Option<&Self> {
        parts(pointer).try_fold(self, |node, part| node.child(&part))
    }

    /// Whether there is a node at a JSON pointer.
    pub(super) fn exists(&self, pointer: &str) -> bool {
        self.node_at(pointer).is_some()
    }

    /// The place of the node at a JSON pointer, or of its nearest ancestor that exists.
    pub(super) fn place_of(&self, pointer: &str) -> Place {
        let mut node = self;
        for part in parts(pointer) {
            match node.child(&part) {
                Some(child) => node = child,
                None => break,
            }
        }
        node.place
    }

    /// The node as a JSON value. Numbers that JSON cannot write become null.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => {
                serde_json::Number::from_i128(*i).map_or_else(Default::default, Into::into)
            }
            Value::Float(f) => (*f).into(),
            Value::Text(s) => s.clone().into(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

/// Reads the one document of a text. Problems go to the decoder; `None` when there is no tree.
pub(super) fn read(text: &str, decoder: &mut Decoder) -> Option<Node> {
    read_source(text, 0, decoder)
}

/// As [`read`], for the text of this number.
pub(super) fn read_source(text: &str, source: u16, decoder: &mut Decoder) -> Option<Node> {
    let hidden = pairs::hide(text);
    let (text, has_pairs) = (hidden.as_deref().unwrap_or(text), hidden.is_some());
    let first = Place::at(1, 1, source);
    // The parser takes it for the end of the text, and what follows would be lost without a word.
    if let Some(at) = text.find('\0') {
        let (line, column) = end_of(&text[..at]);
        let fault = nul(Place::at(line, column, source));
        decoder.error_at(fault.code, fault.message, fault.place, fault.hint);
        return None;
    }
    // The parser is third-party code that users feed: a panic in it must stay an error.
    let outcome = std::panic::catch_unwind(|| {
        let mut reader = Reader { has_pairs, ..Reader::new(text, source) };
        let root = reader.document();
        (root, reader.findings)
    });
    let Ok((root, findings)) = outcome else {
        decoder.error_at("AK1001", "the text cannot be read as YAML".into(), first, None);
        return None;
    };
    for fault in findings {
        decoder.error_at(fault.code, fault.message, fault.place, fault.hint);
    }
    match root {
        Ok(Some(root)) => Some(root),
        Ok(None) => {
            let hint = "a spec needs at least a name and a model: `agent: helper`, \
                        `model: openai/gpt-4o-mini`";
            decoder.error_at("AK1007", "the document is empty".into(), first, Some(hint.into()));
            None
        }
        Err(fault) => {
            decoder.error_at(fault.code, fault.message, fault.place, fault.hint);
            None
        }
    }
}

struct Fault {
    code: &'static str,
    message: String,
    place: Place,
    hint: Option<String>,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// Nodes that aliases can repeat, each with the levels below it.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// Line and column of the end of the text.
    end: (u32, u32),
    source: u16,
    /// Whether characters stand in for halves of others.
    has_pairs: bool,
    /// What is wrong without ending the reading.
    findings: Vec<Fault>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, source: u16) -> Self {
        Self {
            text,
            parser: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
            end: end_of(text),
            source,
            has_pairs: false,
            findings: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Place), Fault> {
        match self.parser.next_event() {
            Some(Ok((Event::Scalar(text, style, anchor, tag), span))) if self.has_pairs => {
                Ok((Event::Scalar(pairs::show(text), style, anchor, tag), self.place(&span)))
            }
            Some(Ok((event, span))) => Ok((event, self.place(&span))),
            Some(Err(e)) => {
                let (line, column) = self.within(e.marker().line(), e.marker().col() + 1);
                let place = Place::at(line, column, self.source);
                Err(self.syntax(e.info(), place))
            }
            None => Ok((Event::StreamEnd, Place::at(1, 1, self.source))),
        }
    }

    /// The parser sees the end of the text on a line of its own.
    #[expect(clippy::cast_possible_truncation, reason = "a spec has at most 2 MiB")]
    fn within(&self, line: usize, column: usize) -> (u32, u32) {
        (line as u32, column as u32).min(self.end)
    }

    fn place(&self, span: &Span) -> Place {
        let (line, column) = self.within(span.start.line(), span.start.col() + 1);
        let (end_line, end_column) = self.within(span.end.line(), span.end.col() + 1);
        if (end_line, end_column) <= (line, column) {
            return Place::at(line, column, self.source);
        }
        Place { line, column, end_line, end_column, source: self.source }
    }

    fn syntax(&self, info: &str, place: Place) -> Fault {
        if info.contains("recursion limit") {
            return too_deep(place);
        }
        let line = self.text.lines().nth(place.line.saturating_sub(1) as usize).unwrap_or("");
        let hint = if line.starts_with('\t') || line.trim_start_matches(' ').starts_with('\t') {
            Some("YAML is indented with spaces; replace the tab".to_owned())
        } else {
            Some("check indentation, quotes and colons on this line and the one before".to_owned())
        };
        Fault { code: "AK1001", message: format!("this is not YAML: {info}"), place, hint }
    }

    fn document(&mut self) -> Result<Option<Node>, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(None),
                (event, place) => {
                    let root = self.node(event, place, 0)?;
                    self.end()?;
                    let empty = matches!(root.value, Value::Null);
                    return Ok((!empty).then_some(root));
                }
            }
        }
    }

    /// Refuses a second document: it would be ignored without a word.
    fn end(&mut self) -> Result<(), Fault> {
        loop {
            match self.next()? {
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, place) => {
                    return Err(Fault {
                        code: "AK1001",
                        message: "a second document begins here".into(),
                        place,
                        hint: Some("a file holds one spec; remove the `---`".into()),
                    });
                }
            }
        }
    }

    fn limit(place: Place, what: &str) -> Fault {
        Fault { code: "AK1008", message: format!("the document is {what}"), place, hint: None }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(too_deep(place));
        }
        self.count(place, 1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match self.tag(tag.as_deref(), place, SCALARS)? {
                    Some("str" | "!") => ScalarStyle::DoubleQuoted,
                    _ => style,
                };
                if text.contains('\0') {
                    self.findings.push(nul(place));
                }
                (scalar(&text, style), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), place, &["seq"])?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), place, &["map"])?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(id) => {
                let Some((node, height)) = self.anchors.get(&id).cloned() else {
                    return Err(self.syntax("this alias names no value that ends before it", place));
                };
                if depth + height > DEPTH_LIMIT {
                    return Err(too_deep(place));
                }
                self.count(place, size(&node))?;
                return Ok(Node { place, ..node });
            }
            _ => return Err(self.syntax("a value is missing", place)),
        };
        let node = Node { value, place };
        if anchor > 0 {
            self.count(place, size(&node))?;
            let height = height(&node);
            self.anchors.insert(anchor, (node.clone(), height));
        }
        Ok(node)
    }

    /// The name of a tag of YAML's own, if it is one of these.
    fn tag<'t>(
        &self,
        tag: Option<&'t Tag>,
        place: Place,
        known: &[&str],
    ) -> Result<Option<&'t str>, Fault> {
        match tag {
            None => Ok(None),
            Some(tag) if tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()) => {
                Ok(Some(&tag.suffix))
            }
            Some(tag) if tag.handle.is_empty() && tag.suffix == "!" => Ok(Some("!")),
            Some(_) => Err(self.syntax("this tag has no meaning in a spec", place)),
        }
    }

    fn count(&mut self, place: Place, nodes: usize) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes > NODE_LIMIT {
            return Err(Self::limit(
                place,
                &format!("larger than {NODE_LIMIT} values, aliases included"),
            ));
        }
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut lines: HashMap<String, u32> = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                (Event::Scalar(text, style, ..), place) => {
                    if text.contains('\0') {
                        self.findings.push(nul(place));
                    }
                    let kind = scalar(&text, style);
                    if !matches!(kind, Value::Text(_)) {
                        self.findings.push(Fault {
                            code: "AK1010",
                            message: format!("a key is a text, and this is {}", kind.kind()),
                            place,
                            hint: Some(format!("put it in quotes: \"{text}\"")),
                        });
                    }
                    Key { text: text.into_owned(), place }
                }
                (_, place) => {
                    return Err(Fault {
                        code: "AK1010",
                        message: "a key is a plain text, and this is something else".into(),
                        place,
                        hint: Some("only texts can be keys: `key: value`".into()),
                    });
                }
            };
            let (event, place) = self.next()?;
            let node = self.node(event, place, depth + 1)?;
            match lines.get(&key.text) {
                Some(first) => self.findings.push(Fault {
                    code: "AK1006",
                    message: format!("the key {:?} stands twice", key.text),
                    place: key.place,
                    hint: Some(format!("it was given on line {first} already; keep one of them")),
                }),
                None => {
                    lines.insert(key.text.clone(), key.place.line);
                    entries.push((key, node));
                }
            }
        }
    }
}

/// The tags that a text, a number and the like may have.
const SCALARS: &[&str] = &["str", "int", "float", "bool", "null"];

fn too_deep(place: Place) -> Fault {
    Reader::limit(place, &format!("nested deeper than {DEPTH_LIMIT} levels"))
}

/// Levels below a node.
fn height(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        Value::Map(entries) => 1 + entries.iter().map(|(_, n)| height(n)).max().unwrap_or(0),
        _ => 0,
    }
}

/// Line and column behind the last character. Lines end as YAML has it (5.4).
#[expect(clippy::cast_possible_truncation, reason = "a spec has at most 2 MiB")]
fn end_of(text: &str) -> (u32, u32) {
    let bytes = text.as_bytes();
    let is_break = |i: &usize| match bytes[*i] {
        b'\n' => true,
        b'\r' => bytes.get(i + 1) != Some(&b'\n'),
        _ => false,
    };
    let lines = (0..bytes.len()).filter(is_break).count() + 1;
    let last = text.rfind(['\n', '\r']).map_or(text, |at| &text[at + 1..]);
    (lines as u32, last.chars().count() as u32 + 1)
}

fn nul(place: Place) -> Fault {
    Fault {
        code: "AK1011",
        message: "a text holds the character NUL".into(),
        place,
        hint: Some("remove it; databases and C cannot keep it".into()),
    }
}

/// So many bytes of text count as one value: a long text behind many aliases is a bomb as well.
const VALUE_BYTES: usize = 64;

fn size(node: &Node) -> usize {
    let entry = |(key, node): &(Key, Node)| key.text.len() / VALUE_BYTES + size(node);
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(entry).sum::<usize>(),
        Value::Text(text) => 1 + text.len() / VALUE_BYTES,
        _ => 1,
    }
}
