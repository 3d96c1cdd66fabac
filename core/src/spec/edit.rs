//! Setting one value in a text, with everything else, comments and layout too, as it was.

use serde_json::Value as Json;

use super::node::{self, Key, Node, Value};
use super::{Spec, render};
use crate::error::{Code, Error, Result};

/// The text of a spec with the value at a JSON pointer set. The pointer is one of the text as it
/// stands (`/model` in a short form). A value that is there must be a plain one (text, number, true,
/// false, null); one that is not there is added to the block mapping that it belongs in.
///
/// # Errors
/// [`Code::SpecInvalid`] when the text has errors before or would have them after;
/// [`Code::InvalidArgument`] when there is no such place, or a value that cannot be replaced line
/// by line.
pub fn edit(text: &str, pointer: &str, value: &Json) -> Result<String> {
    sound(text)?;
    if !pointer.starts_with('/') {
        return Err(no_place(pointer));
    }
    let mut decoder = super::decode::Decoder::default();
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(root) = node::read(bare, &mut decoder) else { return Err(no_place(pointer)) };
    let mut wanted = root.to_json();
    let (edited, changed) = match root.node_at(pointer) {
        Some(node) => {
            let header = header(bare, &root, pointer);
            (replace(bare, node, header, pointer, value)?, wanted.pointer_mut(pointer))
        }
        None => {
            let (parent, last) = pointer.rsplit_once('/').ok_or_else(|| no_place(pointer))?;
            let name = node::parts(&format!("/{last}")).next().unwrap_or_default().into_owned();
            let mapping = root.node_at(parent).ok_or_else(|| no_place(pointer))?;
            let edited = add(bare, mapping, &name, pointer, value)?;
            let Some(Json::Object(map)) = wanted.pointer_mut(parent) else {
                return Err(no_place(pointer));
            };
            (edited, Some(map.entry(name).or_insert(Json::Null)))
        }
    };
    if let Some(changed) = changed {
        *changed = value.clone();
    }
    sound(&edited)?;
    // The layout of YAML has more corners than this function knows: what came out is compared.
    let came_out = node::read(&edited, &mut super::decode::Decoder::default());
    if came_out.map(|node| node.to_json()) != Some(wanted) {
        return Err(by_hand(pointer));
    }
    let mark = if bare.len() < text.len() { "\u{feff}" } else { "" };
    Ok(format!("{mark}{edited}"))
}

/// Fails with the errors of a text. Files that it extends are not looked at: they are elsewhere, and
/// what is missing without them or refers to them is checked with the whole.
fn sound(text: &str) -> Result<()> {
    let mut found = Spec::diagnose(text);
    if found.iter().any(|d| d.code == "AK1025") {
        found.retain(|d| d.code.starts_with("AK1") && !matches!(d.code, "AK1004" | "AK1025"));
    }
    match super::has_errors(&found) {
        true => Err(Error::from_diagnostics(None, found)),
        false => Ok(()),
    }
}

fn no_place(pointer: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the spec has no place {pointer:?}"))
        .hint("a JSON pointer into the text as it stands, for instance /intelligence/temperature")
}

fn by_hand(pointer: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the value at {pointer:?} cannot be set in place"))
        .hint("edit this part of the text by hand")
}

/// The value in the one line that it has. What is JSON stays JSON.
fn line_of(value: &Json, is_json: bool) -> String {
    match value {
        Json::String(text) if !is_json => render::text(text),
        other => other.to_string(),
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Where a place is in bytes.
fn offset(text: &str, line: u32, column: u32) -> usize {
    let line_start: usize = text.split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
    let rest = &text[line_start..];
    line_start + rest.chars().take(column as usize - 1).map(char::len_utf8).sum::<usize>()
}

/// Where the `|` or `>` of a block text stands behind its key: the parser tells of the text alone.
fn header(text: &str, root: &Node, pointer: &str) -> Option<usize> {
    let (parent, last) = pointer.rsplit_once('/')?;
    let name = node::parts(&format!("/{last}")).next()?.into_owned();
    let Value::Map(entries) = &root.node_at(parent)?.value else { return None };
    let (key, _) = entries.iter().find(|(key, _)| key.text == name)?;
    let key_end = offset(text, key.place.end_line, key.place.end_column);
    let rest = text[key_end..].trim_start_matches([' ', ':', '"', '\'']);
    rest.starts_with(['|', '>']).then(|| text.len() - rest.len())
}

fn replace(
    text: &str,
    node: &Node,
    header: Option<usize>,
    pointer: &str,
    value: &Json,
) -> Result<String> {
    if matches!(node.value, Value::List(_) | Value::Map(_)) {
        return Err(by_hand(pointer));
    }
    let place = node.place;
    let start = header.unwrap_or_else(|| offset(text, place.line, place.column));
    let end = match node.value {
        _ if header.is_some() => end_of_block(text, start),
        Value::Null if !text[start..].starts_with(['n', 'N', '~']) => start,
        _ => offset(text, place.end_line, place.end_column),
    };
    let space = if start == end && !text[..start].ends_with([' ', '\n']) { " " } else { "" };
    Ok(format!("{}{space}{}{}", &text[..start], line_of(value, is_json(text)), &text[end..]))
}

/// Where a block text ends: behind its last line that is indented deeper than its key.
fn end_of_block(text: &str, start: usize) -> usize {
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let key = &text[line_start..start];
    let indent = key.len() - key.trim_start_matches([' ', '-']).len();
    let mut end = start + text[start..].find('\n').unwrap_or(text.len() - start);
    let mut at = end + 1;
    for line in text[end..].split_inclusive('\n').skip(1) {
        at += line.len();
        let depth = line.len() - line.trim_start_matches(' ').len();
        match line.trim().is_empty() {
            true => {}
            false if depth > indent => end = at,
            false => break,
        }
    }
    text[..end].trim_end_matches(['\n', '\r']).len()
}

fn add(text: &str, mapping: &Node, name: &str, pointer: &str, value: &Json) -> Result<String> {
    let Value::Map(entries) = &mapping.value else { return Err(no_place(pointer)) };
    let Some((Key { place, .. }, _)) = entries.first() else { return Err(by_hand(pointer)) };
    let is_json = is_json(text);
    let key = line_of(&name.into(), is_json);
    let entry = format!("{key}: {}", line_of(value, is_json));
    let start = offset(text, place.line, place.column);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line_start..start];
    if before.trim_start_matches([' ', '-']).is_empty() {
        // A block mapping, or JSON in lines: before its first key, in the same column.
        let indent = " ".repeat(before.chars().count());
        let comma = if is_json { "," } else { "" };
        return Ok(format!("{}{entry}{comma}\n{indent}{}", &text[..start], &text[start..]));
    }
    Ok(format!("{}{entry}, {}", &text[..start], &text[start..]))
}
