//! What the commands write: texts, tables, files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use aikit::{Code, Error, Result};
use serde_json::Value;

/// The status of a command that a broken pipe has ended, as shells have it.
const BROKEN_PIPE: i32 = 141;
/// Between two columns of a table.
const GAP: &str = "  ";

pub(crate) fn write_out(text: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let text = crate::redact::redacted(text.to_string());
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        aikit::io::shutdown(std::time::Duration::from_secs(2));
        std::process::exit(BROKEN_PIPE);
    }
}

pub(crate) fn write_error(text: std::fmt::Arguments<'_>) {
    // Unlike standard output: without a reader of notes the work still goes on.
    let text = crate::redact::redacted(text.to_string());
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// JSON as people and programs can read it.
pub(crate) fn json(value: &Value) {
    say!("{value:#}\n");
}

/// `1 error`, `2 errors`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Bytes in the unit that people would choose.
pub(crate) fn size(bytes: u64) -> String {
    const STEP: u64 = 1024;
    let mut unit = "bytes";
    let (mut whole, mut tenths) = (bytes, 0);
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if whole < STEP {
            break;
        }
        tenths = whole % STEP * 10 / STEP;
        (whole, unit) = (whole / STEP, larger);
    }
    match (unit, whole < 10) {
        ("bytes", _) | (_, false) => format!("{whole} {unit}"),
        _ => format!("{whole}.{tenths} {unit}"),
    }
}

/// The day (UTC), `YYYY-MM-DD`.
pub(crate) fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// An RFC 3339 time in UTC without the fraction of its second, which nobody reads in a table.
pub(crate) fn seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{seconds}Z"),
        _ => time.to_owned(),
    }
}

/// Rows with their columns one below the other. The last column is as long as it is.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |text: &str| text.chars().count();
    let mut widths = [0; N];
    for row in rows {
        for (most, cell) in widths.iter_mut().zip(row) {
            *most = width(cell).max(*most);
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, most) in row.iter().zip(widths) {
            line += &clean(cell);
            line += &" ".repeat(most - width(cell));
            line += GAP;
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// A text in one line, which cannot steer the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text as a word of a shell's command line.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:=,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Why a file is not written.
pub(crate) fn is_there(path: &Path) -> Error {
    Error::invalid_argument(format!("{} is there already", path.display()))
        .hint("nothing is overwritten: remove it, or name another file with --out")
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// When it is there, or cannot be written; then no part of it stays.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<()> {
    let shown = path.display();
    let mut file =
        File::options().write(true).create_new(true).open(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => is_there(path),
            std::io::ErrorKind::NotFound => {
                Error::new(Code::FileNotFound, format!("there is no folder for {shown}"))
                    .hint("make the folder first, or name another file with --out")
            }
            _ => Error::invalid_argument(format!("{shown} cannot be written")).caused_by(e),
        })?;
    file.write_all(text.as_bytes()).map_err(|e| {
        // The first failure is the one to tell.
        let _ = std::fs::remove_file(path);
        Error::invalid_argument(format!("{shown} cannot be written")).caused_by(e)
    })
}
