//! YAML out of a document: block texts for what has several lines, quotes only where they are
//! needed, and one layout for everybody.

use std::fmt::Write;

use serde_json::Value as Json;

/// The document as YAML; reading it gives the same document.
pub(crate) fn yaml(document: &Json) -> String {
    let mut out = String::new();
    match document {
        Json::Object(map) if !map.is_empty() => mapping(map, 0, &mut out),
        Json::Array(items) if !items.is_empty() => list(items, 0, &mut out),
        other => {
            out.push_str(&flow(other));
            out.push('\n');
        }
    }
    out
}

/// A key with more than 1024 characters needs a mark before it (YAML 1.2, 8.2.2).
const KEY_LIMIT: usize = 1000;

fn indent(depth: usize, out: &mut String) {
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn mapping(map: &serde_json::Map<String, Json>, depth: usize, out: &mut String) {
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        let key = text(key);
        if key.len() > KEY_LIMIT {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            indent(depth, out);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        entry(value, depth, out);
    }
}

fn list(items: &[Json], depth: usize, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 || !out.ends_with("- ") {
            indent(depth, out);
        }
        out.push_str("- ");
        match item {
            Json::Object(map) if !map.is_empty() => mapping(map, depth + 1, out),
            Json::Array(inner) if !inner.is_empty() => list(inner, depth + 1, out),
            _ => {
                out.pop();
                entry(item, depth, out);
            }
        }
    }
}

/// What stands behind `key:` or `-`.
fn entry(value: &Json, depth: usize, out: &mut String) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            out.push('\n');
            mapping(map, depth + 1, out);
        }
        Json::Array(items)
            if !items.is_empty() && items.iter().all(is_short) && width(items) < 80 =>
        {
            let items: Vec<String> = items.iter().map(flow).collect();
            let _ = writeln!(out, " [{}]", items.join(", "));
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            list(items, depth + 1, out);
        }
        Json::String(lines) if fits_block(lines) => block(lines, depth + 1, out),
        other => {
            let _ = writeln!(out, " {}", flow(other));
        }
    }
}

fn is_short(value: &Json) -> bool {
    !matches!(value, Json::Object(m) if !m.is_empty())
        && !matches!(value, Json::Array(a) if !a.is_empty())
        && !matches!(value, Json::String(s) if s.contains('\n'))
}

fn width(items: &[Json]) -> usize {
    items.iter().map(|item| item.as_str().map_or(8, str::len) + 2).sum()
}

/// Whether a text can stand as a literal block: several lines, nothing that only quotes can write,
/// no line that begins with white space where the indentation is found out.
fn fits_block(text: &str) -> bool {
    let printable = |c: char| c == '\n' || is_printable(c);
    text.trim_end_matches('\n').contains('\n')
        && text.chars().all(printable)
        && !text.starts_with([' ', '\n'])
        && text.lines().all(|line| !line.ends_with(' ') || !line.trim().is_empty())
}

/// A text as a literal block. `|` ends it with one line break, `|-` with none, `|+` keeps all.
fn block(text: &str, depth: usize, out: &mut String) {
    let breaks = text.len() - text.trim_end_matches('\n').len();
    out.push_str(match breaks {
        0 => " |-\n",
        1 => " |\n",
        _ => " |+\n",
    });
    for line in text.split_terminator('\n') {
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn flow(value: &Json) -> String {
    match value {
        Json::String(plain) => text(plain),
        // Empty ones only: the others have lines of their own.
        other => other.to_string(),
    }
}

fn is_printable(c: char) -> bool {
    // YAML 1.2, 5.1; and what editors show wrongly.
    !c.is_control()
        && !matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text in one line, in quotes if it would mean something else without.
pub(super) fn text(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// In double quotes; JSON's escapes are all YAML's, but JSON leaves more as it is.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let mut units = [0; 2];
                let code = u32::from(c);
                if code > 0xffff {
                    let _ = write!(out, "\\U{code:08x}");
                } else {
                    for unit in c.encode_utf16(&mut units) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
            }
        }
    }
    out.push('"');
    out
}

/// Whether a text stands for itself without quotes, in every reader of YAML 1.1 and 1.2.
fn is_plain(text: &str) -> bool {
    const WORDS: &[&str] =
        &["true", "false", "yes", "no", "on", "off", "null", "y", "n", "~", ".inf", ".nan"];
    let Some(first) = text.chars().next() else { return false };
    let opens =
        first.is_ascii_alphanumeric() || matches!(first, '_' | '/' | '(') || !first.is_ascii();
    let within = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                ' ' | '_'
                    | '-'
                    | '.'
                    | '/'
                    | '+'
                    | '('
                    | ')'
                    | '@'
                    | ';'
                    | '?'
                    | '!'
                    | '\''
                    | '='
                    | '<'
                    | '>'
                    | '$'
                    | '^'
                    | '~'
            )
            || (!c.is_ascii() && is_printable(c) && !c.is_whitespace())
    };
    // A number, a date or an exponent in anybody's eyes.
    let numeric = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| {
            c.is_ascii_hexdigit() || matches!(c, '.' | '-' | '+' | '_' | 'x' | 'o' | 'T' | 'Z')
        });
    opens
        && !numeric
        && text.chars().all(within)
        && !text.contains(", ")
        && !text.ends_with([' ', ','])
        && text.len() <= 120
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}
