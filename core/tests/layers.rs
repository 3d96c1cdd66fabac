//! A room of the core uses the rooms below it and never one above it: this reads every source file
//! and holds that.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up. A room may use what stands before it.
const ROOMS: &[&str] = &[
    "error",
    "io",
    "spec",
    "store",
    "model",
    "tool",
    "retrieval",
    "memory",
    "agent",
    "workflow",
    "config",
    "kernel",
    "host",
];

/// One use of a room by another one.
#[derive(Debug, PartialEq, Eq)]
struct Use {
    room: String,
    line: usize,
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|r| *r == room)
}

/// The source without comments and the contents of literals; line breaks stay where they are.
fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out = String::with_capacity(source.len());
    let mut i = 0;
    while i < chars.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => skip_until(&chars, i, |c| c == '\n'),
            ('/', '*') => block_comment_end(&chars, i),
            ('"', _) => string_end(&chars, i + 1),
            ('r', '"' | '#') if !part_of_name(&chars, i) => raw_string_end(&chars, i + 1),
            // A quote that is closed one character later; otherwise it is a lifetime.
            ('\'', '\\') => skip_until(&chars, i + 3, |c| c == '\'') + 1,
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => {
                out.push(chars[i]);
                i += 1;
                continue;
            }
        };
        let end = end.min(chars.len());
        out.push(' ');
        out.extend(chars[i..end].iter().filter(|c| **c == '\n'));
        i = end;
    }
    out
}

fn skip_until(chars: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    (from..chars.len()).find(|i| stop(chars[*i])).unwrap_or(chars.len())
}

fn part_of_name(chars: &[char], i: usize) -> bool {
    // `br"..."` is a literal too; any other letter before the `r` makes it the end of a name.
    i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_') && chars[i - 1] != 'b'
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    i
}

fn string_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn raw_string_end(chars: &[char], from: usize) -> usize {
    let hashes = chars[from..].iter().take_while(|c| **c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return from; // a raw identifier such as `r#type`
    }
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    (from + hashes + 1..chars.len())
        .find(|i| chars[*i..].starts_with(&close))
        .map_or(chars.len(), |i| i + close.len())
}

/// The rooms that a file uses: `crate::room`, `crate::{room, room::item}` and the same through
/// enough `super::` to reach the root. `depth` is how many modules deep the file stands.
fn uses(source: &str, depth: usize) -> Vec<Use> {
    let code = code_only(source);
    let mut found = Vec::new();
    let mut note = |offset: usize, tail: &str| {
        let line = 1 + code[..offset].matches('\n').count();
        for room in first_names(tail) {
            if rank(&room).is_some() {
                found.push(Use { room, line });
            }
        }
    };
    let starts_a_path = |offset: usize| {
        !code[..offset].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    };
    for (offset, _) in code.match_indices("crate::") {
        if starts_a_path(offset) {
            note(offset, &code[offset + "crate::".len()..]);
        }
    }
    for (offset, _) in code.match_indices("super::") {
        let mut tail = &code[offset..];
        let mut steps = 0;
        while let Some(rest) = tail.strip_prefix("super::") {
            (tail, steps) = (rest, steps + 1);
        }
        if starts_a_path(offset) && steps >= depth {
            note(offset, tail);
        }
    }
    found
}

/// The first name of a path, or of each path of a group: `a::b` gives `a`, `{a::b, c}` gives both.
fn first_names(tail: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = tail.trim_start().strip_prefix('{') else {
        return vec![name(tail)];
    };
    let (mut depth, mut names, mut start) = (0, Vec::new(), 0);
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..i]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    names
}

/// The uses in `source`, a file of `room`, of rooms that stand above it.
fn violations(room: &str, source: &str, depth: usize) -> Vec<Use> {
    let own = rank(room);
    uses(source, depth).into_iter().filter(|u| rank(&u.room) > own).collect()
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of a folder, with how many modules deep it stands below the room's root.
fn files(folder: &Path, depth: usize) -> Vec<(PathBuf, usize)> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(files(&path, depth + 1));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let own = usize::from(path.file_name().is_some_and(|n| n != "mod.rs"));
            out.push((path, depth + own));
        }
    }
    out
}

#[test]
fn no_room_uses_a_room_above_it() {
    let mut found = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(source_root()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let room = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(rank(&room).is_some(), "core/src/{room} is not a room: give it a place in ROOMS");
        for (file, depth) in files(&path, 1) {
            let source = fs::read_to_string(&file).unwrap();
            seen += uses(&source, depth).len();
            for u in violations(&room, &source, depth) {
                found.push(format!(
                    "{}:{}: `{room}` uses `{}`, which stands above it",
                    file.display(),
                    u.line,
                    u.room
                ));
            }
        }
    }
    assert!(seen > 50, "only {seen} uses were read: does the reader still work?");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn only_folders_are_rooms() {
    let strays: Vec<_> = fs::read_dir(source_root())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_file() && p.file_name().is_some_and(|n| n != "lib.rs"))
        .collect();
    assert!(strays.is_empty(), "files that belong to no room: {strays:?}");
}

#[test]
fn a_planted_violation_is_caught() {
    let planted = [
        ("io", "use crate::kernel::Kernel;", "kernel", 1),
        ("io", "\n\nuse crate::{error::Error, host};", "host", 3),
        ("spec", "use crate::{\n    error::{Code, Error},\n    agent::Event,\n};", "agent", 1),
        ("store", "fn f() -> crate::agent::Run { loop {} }", "agent", 1),
        ("model", "use super::super::tool::Tool;", "tool", 1),
        ("error", "macro_rules! m { () => { $crate::host::version() } }", "host", 1),
        ("tool", "pub(in crate::kernel) fn f() {}", "kernel", 1),
    ];
    for (room, source, above, line) in planted {
        let expected = Use { room: above.to_owned(), line };
        assert_eq!(violations(room, source, 2), [expected], "{source}");
    }
}

#[test]
fn what_is_allowed_is_let_through() {
    let allowed = [
        ("host", "use crate::{error::Error, io, kernel::Kernel};"),
        ("io", "use crate::error::Error; use crate::io::sse;"),
        (
            "io",
            "// use crate::kernel::Kernel;\n/// [`crate::host::Task`]\n/* crate::agent /* x */ */",
        ),
        (
            "io",
            r###"let s = "crate::host"; let r = r#"crate::"agent"#; let c = '"'; let d = '\'';"###,
        ),
        ("io", "use super::host;"),
        ("io", "use other_crate::host::X; use a::crate_host;"),
    ];
    for (room, source) in allowed {
        assert_eq!(violations(room, source, 2), [], "{source}");
    }
}

#[test]
fn literals_do_not_hide_what_follows_them() {
    let source =
        "let a = \"\\\"\"; let b = r\"\\\"; let c: &'static str = x;\nuse crate::host::Task;";
    let expected = Use { room: "host".to_owned(), line: 2 };
    assert_eq!(violations("io", source, 2), [expected]);
}
