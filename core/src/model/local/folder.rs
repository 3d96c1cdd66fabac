//! The folder of models: names, and the files that they stand for.
//!
//! A model's file has the SHA-256 of its content as its name, and beside it stands a small JSON
//! file that names it. Both come into being by renaming, so that nobody ever sees half of one.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::gguf;
use super::loaded::Loaded;
use crate::error::{Code, Error, Result};

/// The longest name.
const MAX_NAME: usize = 100;
pub(super) const BLOCK: usize = 1 << 20;
/// How long nobody has written to a part before it may be one that was left behind.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder that local models are kept in.
#[derive(Clone, Debug)]
pub struct ModelFolder {
    root: PathBuf,
    keeps: bool,
}

/// A model of the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelEntry {
    /// As in `local/NAME`.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Where it came from.
    pub source: String,
}

/// How far a file is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there.
    pub bytes: u64,
    /// Bytes in all, if that is known.
    pub total: Option<u64>,
}

pub(super) fn failed(what: &str, path: &Path, error: impl std::fmt::Display) -> Error {
    Error::new(Code::FileUnreadable, format!("cannot {what} {}", path.display())).caused_by(error)
}

impl ModelFolder {
    /// The folder at this place; it is made when something is put into it.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), keeps: false }
    }

    /// The same folder, but what has a name keeps it: another content under that name is refused
    /// with [`Code::InvalidArgument`].
    #[must_use]
    pub fn keeping(self) -> Self {
        Self { keeps: true, ..self }
    }

    /// The usual folder: `$AIKIT_MODELS`, or where the system keeps such files.
    ///
    /// # Errors
    /// [`Code::ConfigInvalid`] when the environment names no place.
    pub fn usual() -> Result<Self> {
        let found = crate::model::folder::usual(&|name| std::env::var_os(name));
        found.map(Self::at).ok_or_else(|| {
            Error::new(Code::ConfigInvalid, "there is no place for local models")
                .hint("set AIKIT_MODELS to a folder")
        })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The models, by name.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`].
    pub fn list(&self) -> Result<Vec<ModelEntry>> {
        let entries = match fs::read_dir(self.root.join("names")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read the folder of models", &self.root, error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed("read", &self.root, error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                found.extend(self.read(&path)?);
            }
        }
        found.sort_by(|a: &ModelEntry, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn read(&self, path: &Path) -> Result<Option<ModelEntry>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", path, error)),
        };
        let entry: Option<ModelEntry> = serde_json::from_slice(&text).ok();
        // What it says becomes a path: it is what was written here, or nothing.
        let whole = |entry: &ModelEntry| {
            entry.sha256.len() == 64 && entry.sha256.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        entry.filter(whole).map(Some).ok_or_else(|| {
            Error::new(Code::FileUnreadable, format!("{} describes no model", path.display()))
                .hint("remove the file, and add the model again")
        })
    }

    fn named(&self, name: &str) -> Result<PathBuf> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let known = !name.is_empty()
            && name.len() <= MAX_NAME
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(good);
        if !known {
            return Err(Error::invalid_argument(format!("{name:?} cannot be the name of a model"))
                .hint(
                    "letters, digits, `-`, `_`, `.` and `:`, beginning with a letter or a digit",
                ));
        }
        // A colon is no part of a file's name everywhere.
        Ok(self.root.join("names").join(format!("{}.json", name.replace(':', "+"))))
    }

    /// The model of a name.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when that cannot be a name, [`Code::FileUnreadable`].
    pub fn entry(&self, name: &str) -> Result<Option<ModelEntry>> {
        self.read(&self.named(name)?)
    }

    /// The file of a model.
    pub fn file_of(&self, entry: &ModelEntry) -> PathBuf {
        self.file(&entry.sha256)
    }

    fn file(&self, sha256: &str) -> PathBuf {
        self.root.join("files").join(format!("{sha256}.gguf"))
    }

    /// The file of the model of this name, if there is one.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`].
    pub fn find(&self, name: &str) -> Result<Option<PathBuf>> {
        // What is no name is none of a model.
        let Ok(path) = self.named(name) else { return Ok(None) };
        Ok(self.read(&path)?.map(|entry| self.file(&entry.sha256)))
    }

    /// The file of the model of this name.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`], [`Code::FileUnreadable`].
    pub fn resolve(&self, name: &str) -> Result<PathBuf> {
        self.find(name)?.ok_or_else(|| {
            Error::new(Code::ModelUnknown, format!("there is no local model {name:?}")).hint(
                "`aikit model list` shows the models that are there, `aikit model add` adds a file",
            )
        })
    }

    /// Takes a file in, under a name. What had the name before loses it.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::FileUnreadable`], [`Code::ModelFileInvalid`] when the file
    /// is no model that can be used, or has another hash than `sha256`.
    pub fn add(&self, name: &str, file: &Path, sha256: Option<&str>) -> Result<ModelEntry> {
        let (mut source, total) = opened(file)?;
        let mut incoming = self.incoming(name, &origin(file), sha256)?;
        incoming.announce(total)?;
        let mut block = vec![0; BLOCK];
        loop {
            match source.read(&mut block).map_err(|error| failed("read", file, error))? {
                0 => break,
                count => incoming.write(&block[..count])?,
            }
        }
        incoming.finish()
    }

    /// Begins to take in a file that comes in pieces.
    ///
    /// # Errors
    /// As of [`ModelFolder::add`].
    pub fn incoming(&self, name: &str, source: &str, sha256: Option<&str>) -> Result<Incoming> {
        let named = self.named(name)?;
        for folder in ["names", "files"] {
            let folder = self.root.join(folder);
            fs::create_dir_all(&folder).map_err(|error| failed("make", &folder, error))?;
        }
        self.sweep_parts();
        let path = self.root.join("files").join(format!("{}.part", uuid::Uuid::now_v7().simple()));
        let file = File::create_new(&path).map_err(|error| failed("make", &path, error))?;
        // It says that somebody is at work; where there are no locks, its age has to.
        let _ = file.try_lock();
        Ok(Incoming {
            folder: self.clone(),
            name: name.to_owned(),
            named,
            source: source.to_owned(),
            expected: sha256.map(str::to_ascii_lowercase),
            part: Part(path),
            file,
            digest: Context::new(&SHA256),
            bytes: 0,
        })
    }

    /// Forgets a name; the file, too, when no other name stands for it. Runs that use it go on.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`], [`Code::FileUnreadable`].
    pub fn remove(&self, name: &str) -> Result<ModelEntry> {
        let path = self.named(name)?;
        let entry = self.read(&path)?.ok_or_else(|| {
            Error::new(Code::ModelUnknown, format!("there is no local model {name:?}"))
        })?;
        fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        self.sweep(&entry.sha256)?;
        Ok(entry)
    }

    /// Removes parts of whoever was ended before it could do so.
    fn sweep_parts(&self) {
        let entries = fs::read_dir(self.root.join("files")).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "part") {
                continue;
            }
            let Ok(file) = File::options().write(true).open(&path) else { continue };
            let written = file.metadata().and_then(|about| about.modified());
            let age = written.ok().and_then(|written| written.elapsed().ok());
            if age.is_some_and(|age| age > ABANDONED) && file.try_lock().is_ok() {
                let _ = fs::remove_file(&path);
            }
        }
    }

    /// Removes a file that no name stands for.
    fn sweep(&self, sha256: &str) -> Result<()> {
        if self.list()?.iter().any(|entry| entry.sha256 == sha256) {
            return Ok(());
        }
        let path = self.file(sha256);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("remove", &path, error))
            }
            _ => Ok(()),
        }
    }
}

/// A file to be taken in, and its size.
pub(super) fn opened(path: &Path) -> Result<(File, u64)> {
    let shown = path.display();
    let about = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no file {shown}"))
        }
        _ => failed("read", path, error),
    })?;
    // To open a pipe is to wait for whoever writes to it.
    if !about.is_file() {
        return Err(Error::new(Code::FileUnreadable, format!("{shown} is not a file")));
    }
    let file = File::open(path).map_err(|error| failed("read", path, error))?;
    Ok((file, about.len()))
}

/// Where a file came from, for whoever looks later and from another folder.
pub(super) fn origin(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn taken(entry: &ModelEntry) -> Error {
    let ModelEntry { name, sha256, source, .. } = entry;
    Error::invalid_argument(format!(
        "{name} is there already, with another content: SHA-256 {sha256}, from {source}"
    ))
    .hint("nothing was replaced: choose another name, or say that it may be")
}

/// A file that is not whole yet; gone if nothing becomes of it.
#[derive(Debug)]
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A model on its way into the folder. Dropped, nothing of it stays.
pub struct Incoming {
    folder: ModelFolder,
    name: String,
    named: PathBuf,
    source: String,
    expected: Option<String>,
    part: Part,
    file: File,
    digest: Context,
    bytes: u64,
}

impl Incoming {
    /// Takes a piece. Blocks.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`] when it cannot be written, [`Code::ModelFileInvalid`] when the first
    /// one begins no model, so that the rest need not come.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        if self.bytes == 0 && !gguf::may_begin(piece) {
            return Err(gguf::no_gguf());
        }
        self.file.write_all(piece).map_err(|error| failed("write", &self.part.0, error))?;
        self.digest.update(piece);
        self.bytes += piece.len() as u64;
        Ok(())
    }

    /// Says how many bytes will come, so that what will be refused is not brought in first.
    pub(super) fn announce(&self, total: u64) -> Result<()> {
        match self.before().filter(|before| self.folder.keeps && before.bytes != total) {
            Some(before) => Err(taken(&before)),
            None => Ok(()),
        }
    }

    /// What has the name until now.
    fn before(&self) -> Option<ModelEntry> {
        self.folder.read(&self.named).ok().flatten()
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All pieces are there: the file is checked, and has its name from now on. Blocks.
    ///
    /// # Errors
    /// As of [`ModelFolder::add`].
    pub fn finish(self) -> Result<ModelEntry> {
        self.finish_unless(&|| false)
    }

    /// The same, unless it is given up meanwhile: to check a large file and to bring it to the disk
    /// takes its time.
    pub(super) fn finish_unless(self, given_up: &dyn Fn() -> bool) -> Result<ModelEntry> {
        let before = self.before();
        let Self { folder, name, named, source, expected, part, file, digest, bytes } = self;
        let sha256: String =
            digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            return Err(Error::new(
                Code::ModelFileInvalid,
                format!("the model file has the SHA-256 {sha256}, and {expected} was expected"),
            )
            .hint("it was damaged on its way, or is another one"));
        }
        if let Some(before) = before.as_ref().filter(|before| before.sha256 != sha256)
            && folder.keeps
        {
            return Err(taken(before));
        }
        // Elsewhere than on Unix a lock keeps others from reading, ourselves included.
        let _ = file.unlock();
        // A file that cannot be used is refused here and not in the middle of a run.
        Loaded::open(&part.0)?;
        file.sync_all().map_err(|error| failed("write", &part.0, error))?;
        if given_up() {
            return Err(Error::new(Code::Cancelled, "the model was given up before it was there"));
        }
        let target = folder.file(&sha256);
        fs::rename(&part.0, &target).map_err(|error| failed("write", &target, error))?;
        let entry = ModelEntry { name, sha256, bytes, source };
        let text =
            serde_json::to_vec_pretty(&entry).map_err(|error| failed("write", &named, error))?;
        let draft = named.with_extension("part");
        fs::write(&draft, text).map_err(|error| failed("write", &draft, error))?;
        fs::rename(&draft, &named).map_err(|error| failed("write", &named, error))?;
        if let Some(before) = before.filter(|before| before.sha256 != entry.sha256) {
            folder.sweep(&before.sha256)?;
        }
        Ok(entry)
    }
}
