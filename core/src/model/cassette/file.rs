//! The cassette on the disk: a JSON document, indented, so that a change of it can be read.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::exchange::Exchange;
use crate::error::{Code, Error, Result};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;
/// The most bytes that a cassette may have.
const SIZE_LIMIT: u64 = 256 * 1024 * 1024;

#[derive(Serialize)]
struct Written<'a> {
    aikit_cassette: u64,
    exchanges: &'a [Exchange],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(rename = "aikit_cassette")]
    _version: u64,
    exchanges: Vec<Exchange>,
}

/// The exchanges in the file; `None` if there is none.
///
/// # Errors
/// [`Code::FileUnreadable`], with line and column where there is no cassette.
pub(super) fn read(path: &Path) -> Result<Option<Vec<Exchange>>> {
    let shown = path.display();
    let unreadable = |what: &str| {
        Error::new(Code::FileUnreadable, format!("the cassette {shown} {what}"))
            .at(shown.to_string())
            .hint("nothing was overwritten: put the file right, or remove it to record it anew")
    };
    let failed = |e: io::Error| unreadable("cannot be read").caused_by(e);
    let file = match fs::File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut text = String::new();
    match file.take(SIZE_LIMIT + 1).read_to_string(&mut text) {
        Ok(_) if text.len() as u64 > SIZE_LIMIT => {
            return Err(unreadable("has more than 256 MiB"));
        }
        Ok(_) => {}
        Err(e) => return Err(failed(e)),
    }
    let damaged = |e: serde_json::Error| {
        let line = u32::try_from(e.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(e.column()).unwrap_or(u32::MAX);
        unreadable("is damaged, or no cassette").on_line(line, column).caused_by(e)
    };
    // The version first: a later one may differ in everything else.
    let document: Value = serde_json::from_str(&text).map_err(damaged)?;
    match document.get("aikit_cassette").and_then(Value::as_u64) {
        Some(VERSION) => {}
        Some(other) => {
            return Err(unreadable(&format!(
                "is of version {other}; this aikit reads version {VERSION}"
            )));
        }
        None => return Err(unreadable("is no cassette")),
    }
    let kept: Kept = serde_json::from_str(&text).map_err(damaged)?;
    Ok(Some(kept.exchanges))
}

/// Writes all exchanges: a reader sees the old file or the new one, never half of it. Unless
/// `replace`, no file may be there.
///
/// # Errors
/// [`Code::InvalidArgument`].
pub(super) fn write(path: &Path, exchanges: &[Exchange], replace: bool) -> Result<()> {
    let shown = path.display();
    let failed = |e: &dyn std::fmt::Display| {
        Error::invalid_argument(format!("the cassette {shown} cannot be written: {e}"))
            .at(shown.to_string())
    };
    let document = Written { aikit_cassette: VERSION, exchanges };
    let mut text = serde_json::to_string_pretty(&document).map_err(|e| failed(&e))?;
    text.push('\n');
    if text.len() as u64 > SIZE_LIMIT {
        return Err(failed(&"it would have more than 256 MiB"));
    }
    let Some(name) = path.file_name() else { return Err(failed(&"it names no file")) };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| failed(&e))?;
    }
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", uuid::Uuid::now_v7().simple()));
    let part = path.with_file_name(hidden);
    let published = fill(&part, &text).and_then(|()| match replace {
        true => fs::rename(&part, path),
        false => publish(&part, path),
    });
    // After a renaming there is nothing left to remove.
    let _ = fs::remove_file(&part);
    published.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => failed(&"somebody else recorded it meanwhile")
            .hint("open the kernel again: the file is then replayed"),
        _ => failed(&e),
    })
}

fn fill(part: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(part)?;
    file.write_all(text.as_bytes())
}

/// Gives the file its name, unless that is taken: a second name never replaces a file, as a
/// renaming would.
fn publish(part: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(part, path) {
        // Not every file system has second names.
        Err(e) if e.kind() != ErrorKind::AlreadyExists => match fs::symlink_metadata(path) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(part, path),
        },
        outcome => outcome,
    }
}
