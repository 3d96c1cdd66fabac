//! The files that a model was made of: read within bounds, and remembered by what they held and when.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::de::DeserializeOwned;

use crate::error::{Code, Error, Result};

/// A tokenizer of 250,000 pieces takes 17 MB.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// The files of a model's folder that were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Files {
    folder: PathBuf,
    seen: Vec<Seen>,
}

/// A file as it was before it was read.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: PathBuf,
    stamp: Option<Stamp>,
    /// Of what was read; those that were not there, and the weights, have none.
    hash: Option<blake3::Hash>,
}

/// Size and time of a file.
type Stamp = (u64, SystemTime);

fn stamp(path: &Path) -> Option<Stamp> {
    let about = path.metadata().ok()?;
    Some((about.len(), about.modified().ok()?))
}

/// The error for something in a model's folder.
pub(super) fn invalid(path: &Path, message: impl Into<String>) -> Error {
    Error::new(Code::ModelFileInvalid, message).at(path.display().to_string())
}

impl Files {
    /// Nothing is read yet.
    pub(super) fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), seen: Vec::new() }
    }

    /// Where a file of the folder is.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// Remembers a file that somebody else reads.
    pub(super) fn note(&mut self, name: impl AsRef<Path>) {
        let name = name.as_ref().to_owned();
        let stamp = stamp(&self.path(&name));
        self.seen.push(Seen { name, stamp, hash: None });
    }

    /// Whether all of them are still as they were.
    pub(super) fn are_current(&self) -> bool {
        self.seen.iter().all(|seen| stamp(&self.path(&seen.name)) == seen.stamp)
    }

    /// A short name for what was read of them, and for the weights: 16 letters.
    pub(super) fn fingerprint(&self, weights: &[u8]) -> String {
        let mut read: Vec<_> =
            self.seen.iter().filter_map(|seen| Some((&seen.name, seen.hash?))).collect();
        read.sort_by_key(|(name, _)| *name);
        let mut hasher = blake3::Hasher::new();
        for (name, hash) in read {
            let name = name.as_os_str().as_encoded_bytes();
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name);
            hasher.update(hash.as_bytes());
        }
        hasher.update(blake3::hash(weights).as_bytes());
        hasher.finalize().to_hex()[..16].to_owned()
    }

    pub(super) fn required<T: DeserializeOwned>(&mut self, name: impl AsRef<Path>) -> Result<T> {
        let name = name.as_ref();
        self.optional(name)?.ok_or_else(|| {
            invalid(&self.path(name), "the model's folder has no such file")
                .hint("copy the whole folder of the model, as sentence-transformers keeps it")
        })
    }

    /// `None` when there is no such file.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: impl AsRef<Path>,
    ) -> Result<Option<T>> {
        let name = name.as_ref();
        let Some(text) = self.read(name)? else { return Ok(None) };
        let wrong =
            |error| invalid(&self.path(name), "not the JSON that belongs here").caused_by(error);
        serde_json::from_str(&text).map(Some).map_err(wrong)
    }

    /// `None` when there is no such file.
    pub(super) fn read(&mut self, name: impl AsRef<Path>) -> Result<Option<String>> {
        let name = name.as_ref();
        let path = self.path(name);
        let stamp = stamp(&path);
        let text = text(&path)?;
        let hash = text.as_ref().map(|text| blake3::hash(text.as_bytes()));
        self.seen.push(Seen { name: name.to_owned(), stamp, hash });
        Ok(text)
    }
}

fn text(path: &Path) -> Result<Option<String>> {
    let unreadable = |error: std::io::Error| {
        Error::new(Code::FileUnreadable, "the file cannot be read")
            .at(path.display().to_string())
            .caused_by(error)
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(invalid(path, "the file is larger than such a file can be"));
    }
    let text = String::from_utf8(bytes);
    text.map(Some).map_err(|error| invalid(path, "the file is not UTF-8").caused_by(error))
}
