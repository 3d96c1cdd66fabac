//! YAML (1.2 core schema, and with it JSON) as a tree in which every node knows its place.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::decode::Decoder;

/// Limits that no honest spec reaches: depth, and nodes after aliases are expanded.
const DEPTH_LIMIT: usize = 64;
const NODE_LIMIT: usize = 100_000;

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) line: u32,
    pub(super) column: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) line: u32,
    pub(super) column: u32,
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

impl Node {
    /// Line and column of the node at a JSON pointer, or of its nearest ancestor that exists.
    pub(super) fn position(&self, pointer: &str) -> (u32, u32) {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let child = match &node.value {
                Value::Map(entries) => entries.iter().find(|(k, _)| k.text == part).map(|e| &e.1),
                Value::List(items) => part.parse().ok().and_then(|i: usize| items.get(i)),
                _ => None,
            };
            match child {
                Some(child) => node = child,
                None => break,
            }
        }
        (node.line, node.column)
    }

    /// The node as a JSON value. Numbers that JSON cannot write become null.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
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

#[expect(clippy::cast_possible_truncation, reason = "a spec has at most 2 MiB")]
fn place(span: &Span) -> (u32, u32) {
    (span.start.line() as u32, span.start.col() as u32 + 1)
}

/// Reads the one document of a text. Problems go to the decoder; `None` when there is no tree.
pub(super) fn read(text: &str, decoder: &mut Decoder) -> Option<Node> {
    // The parser is third-party code that users feed: a panic in it must stay an error.
    let outcome = std::panic::catch_unwind(|| {
        let mut reader = Reader::new(text);
        let root = reader.document();
        (root, reader.repeated)
    });
    let Ok((root, repeated)) = outcome else {
        decoder.error_at("AK1001", "the text cannot be read as YAML".into(), (1, 1), None);
        return None;
    };
    for (key, first) in repeated {
        decoder.error_at(
            "AK1006",
            format!("the key {:?} stands twice", key.text),
            (key.line, key.column),
            Some(format!("it was given on line {first} already; keep one of them")),
        );
    }
    match root {
        Ok(Some(root)) => Some(root),
        Ok(None) => {
            decoder.error_at(
                "AK1007",
                "the document is empty".into(),
                (1, 1),
                Some("a spec needs at least `identity.name` and `intelligence.model`".into()),
            );
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
    place: (u32, u32),
    hint: Option<String>,
}

struct Reader<'a> {
    text: &'a str,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    repeated: Vec<(Key, u32)>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            parser: Parser::new_from_str(text),
            anchors: HashMap::new(),
            nodes: 0,
            repeated: Vec::new(),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, (u32, u32)), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, place(&span))),
            Some(Err(e)) => {
                let (line, column) = (e.marker().line(), e.marker().col() + 1);
                #[expect(clippy::cast_possible_truncation, reason = "a spec has at most 2 MiB")]
                let place = (line as u32, column as u32);
                Err(self.syntax(e.info(), place))
            }
            None => Ok((Event::StreamEnd, (1, 1))),
        }
    }

    fn syntax(&self, info: &str, place: (u32, u32)) -> Fault {
        let line = self.text.lines().nth(place.0.saturating_sub(1) as usize).unwrap_or("");
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

    fn limit(place: (u32, u32), what: &str) -> Fault {
        Fault { code: "AK1008", message: format!("the document is {what}"), place, hint: None }
    }

    fn node(&mut self, event: Event<'a>, place: (u32, u32), depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Self::limit(place, &format!("nested deeper than {DEPTH_LIMIT} levels")));
        }
        self.count(place, 1)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if tag.is_some_and(|t| !t.is_yaml_core_schema()) {
                    return Err(self.syntax("tags of one's own have no meaning in a spec", place));
                }
                (scalar(&text, style), anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(depth)?, anchor),
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err(self.syntax("an alias stands inside its own anchor", place));
                };
                self.count(place, size(&node))?;
                return Ok(Node { line: place.0, column: place.1, ..node });
            }
            _ => return Err(self.syntax("a value is missing", place)),
        };
        let node = Node { value, line: place.0, column: place.1 };
        if anchor > 0 {
            self.count(place, size(&node))?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn count(&mut self, place: (u32, u32), nodes: usize) -> Result<(), Fault> {
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
                (Event::Scalar(text, ..), (line, column)) => {
                    Key { text: text.into_owned(), line, column }
                }
                (_, place) => return Err(self.syntax("a key must be a plain text", place)),
            };
            let (event, place) = self.next()?;
            let node = self.node(event, place, depth + 1)?;
            match lines.get(&key.text) {
                Some(first) => self.repeated.push((key, *first)),
                None => {
                    lines.insert(key.text.clone(), key.line);
                    entries.push((key, node));
                }
            }
        }
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

/// YAML 1.2 core schema, section 10.3.2. Quoted and block texts are always texts.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | "+.inf" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let radix = |prefix: &str, radix| {
        text.strip_prefix(prefix).and_then(|digits| i64::from_str_radix(digits, radix).ok())
    };
    if let Some(value) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::Int(value);
    }
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if text.chars().all(numeric) && text.contains(|c: char| c.is_ascii_digit()) {
        if let Ok(value) = text.parse() {
            return Value::Int(value);
        }
        if let Ok(value) = text.parse() {
            return Value::Float(value);
        }
    }
    Value::Text(text.to_owned())
}
