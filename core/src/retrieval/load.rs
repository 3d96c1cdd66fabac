//! Files to texts: Markdown and plain text. What cannot be taken in is named, never dropped.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::collection::Skipped;
use crate::error::{Code, Error, Result};

/// The largest file that is taken in.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

/// A file that was found, and the name under which it is kept.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) source: String,
}

/// What a path holds.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: Vec<Found>,
    pub(super) skipped: Vec<Skipped>,
    /// For a folder: its documents begin with this, and those that are gone are removed.
    pub(super) prefix: Option<String>,
    /// Beginnings of sources below folders that cannot be read: nobody knows what is gone there.
    pub(super) hidden: Vec<String>,
}

pub(super) fn is_markdown(path: &Path) -> bool {
    has_extension(path, &["md", "markdown"])
}

fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| wanted.iter().any(|w| e.eq_ignore_ascii_case(w)))
}

/// Lists a file, or all files of a folder and its folders in the order of their names. Hidden
/// files are passed over and links are not followed. A document is named by the folder's name and
/// its path in it, for instance `handbook/leave.md`.
pub(super) fn list(path: &Path) -> Result<Listing> {
    let shown = path.display().to_string();
    let fault = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no file or folder {shown}"))
                .at(shown.clone())
                .hint("check the path; it is relative to the current folder")
        }
        _ => Error::new(Code::FileUnreadable, format!("{shown} cannot be read"))
            .at(shown.clone())
            .caused_by(e),
    };
    let real = path.canonicalize().map_err(fault)?;
    let name = real
        .file_name()
        .map_or_else(|| "root".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut listing =
        Listing { files: Vec::new(), skipped: Vec::new(), prefix: None, hidden: Vec::new() };
    if real.is_file() {
        listing.add(real, name);
        return Ok(listing);
    }
    if !real.is_dir() {
        return Err(Error::new(
            Code::FileUnreadable,
            format!("{shown} is neither a file nor a folder"),
        )
        .at(shown));
    }
    std::fs::read_dir(&real).map_err(fault)?;
    let prefix = format!("{name}/");
    let visible = |entry: &walkdir::DirEntry| {
        entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
    };
    let walk = WalkDir::new(&real).sort_by_file_name().into_iter().filter_entry(visible);
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) => {
                let inside = entry.path().strip_prefix(&real).unwrap_or(entry.path());
                let source = source_of(&prefix, inside);
                if entry.file_type().is_file() {
                    listing.add(entry.path().to_path_buf(), source);
                } else {
                    listing.skip(source, Code::DocumentInvalid, "not an ordinary file");
                }
            }
            Err(e) => {
                let place = e.path().unwrap_or(&real);
                let inside = place.strip_prefix(&real).unwrap_or(Path::new(""));
                listing.hidden.push(source_of(&prefix, inside));
                listing.skip(place.display().to_string(), Code::FileUnreadable, &e.to_string());
            }
        }
    }
    listing.prefix = Some(prefix);
    Ok(listing)
}

fn source_of(prefix: &str, inside: &Path) -> String {
    format!("{prefix}{}", inside.to_string_lossy().replace('\\', "/"))
}

impl Listing {
    fn add(&mut self, path: PathBuf, source: String) {
        if has_extension(&path, &["md", "markdown", "txt", "text"]) {
            self.files.push(Found { path, source });
        } else {
            self.skip(source, Code::DocumentInvalid, "not Markdown (.md) or text (.txt)");
        }
    }

    fn skip(&mut self, path: String, code: Code, reason: &str) {
        self.skipped.push(Skipped { path, code, reason: reason.to_owned() });
    }
}

/// Reads a file as text.
pub(super) fn read(found: &Found) -> Result<String, Skipped> {
    let skip = |code, reason: String| Skipped { path: found.source.clone(), code, reason };
    let unreadable = |e: std::io::Error| skip(Code::FileUnreadable, e.to_string());
    let size = std::fs::metadata(&found.path).map_err(unreadable)?.len();
    if size > FILE_LIMIT {
        let reason = format!("larger than {} MiB", FILE_LIMIT / 1024 / 1024);
        return Err(skip(Code::DocumentInvalid, reason));
    }
    let bytes = std::fs::read(&found.path).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| skip(Code::DocumentInvalid, "not a text in UTF-8".to_owned()))?;
    if text.contains('\0') {
        return Err(skip(Code::DocumentInvalid, "a binary file".to_owned()));
    }
    Ok(text)
}
