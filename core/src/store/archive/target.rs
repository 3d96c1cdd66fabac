//! The file that an archive is written to: nobody else reads it, and it has its name only when it is
//! whole and on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Code, Error, Result};

/// A file that is being written. It goes when this is dropped and was not published.
#[derive(Debug)]
pub(super) struct Target {
    path: PathBuf,
    part: PathBuf,
    writer: BufWriter<File>,
    bytes: u64,
}

impl Target {
    /// # Errors
    /// [`Code::InvalidArgument`] when there is something at `path`.
    pub(super) fn create(path: &Path) -> Result<Self> {
        if fs::symlink_metadata(path).is_ok() {
            return Err(taken(path));
        }
        let Some(name) = path.file_name() else {
            return Err(Error::invalid_argument(format!("{} names no file", path.display()))
                .hint("name a file that is not there yet, such as acme.jsonl"));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", uuid::Uuid::now_v7().simple()));
        let part = path.with_file_name(hidden);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part).map_err(|e| failed(path, e))?;
        Ok(Self { path: path.to_owned(), part, writer: BufWriter::new(file), bytes: 0 })
    }

    pub(super) fn write(&mut self, line: &str) -> Result<()> {
        self.bytes += line.len() as u64;
        self.writer.write_all(line.as_bytes()).map_err(|e| failed(&self.path, e))
    }

    /// Sees that all of it is on the disk, and gives its size.
    pub(super) fn sync(&mut self) -> Result<u64> {
        let synced = self.writer.flush().and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|e| failed(&self.path, e))?;
        Ok(self.bytes)
    }

    /// Gives the file its name, unless that was taken meanwhile.
    pub(super) fn publish(self) -> Result<()> {
        // A second name never replaces a file, as a renaming would.
        let named = match fs::hard_link(&self.part, &self.path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(taken(&self.path)),
            // Not every file system has second names.
            Err(_) if fs::symlink_metadata(&self.path).is_ok() => return Err(taken(&self.path)),
            Err(_) => fs::rename(&self.part, &self.path),
            Ok(()) => Ok(()),
        };
        named.map_err(|e| failed(&self.path, e))?;
        sync_folder(&self.path).map_err(|e| {
            // Whether the name outlives a power cut is not known: better none than perhaps one.
            let _ = fs::remove_file(&self.path);
            failed(&self.path, e)
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // If it cannot be removed, its name says what it is.
        let _ = fs::remove_file(&self.part);
    }
}

/// A folder for one file that nobody else may see. It goes when this is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn create() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("aikit-{}", uuid::Uuid::now_v7().simple()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|e| failed(&path, e))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere folders cannot be opened; the file system sees to it.
    if cfg!(not(unix)) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn taken(path: &Path) -> Error {
    let shown = path.display().to_string();
    Error::invalid_argument(format!("{shown} is there already"))
        .at(shown)
        .hint("an archive is a new file: name another one, or remove this one first")
}

fn failed(path: &Path, error: io::Error) -> Error {
    let (code, hint) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            (Code::StoreFull, "free space, or name a file elsewhere")
        }
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::ReadOnlyFilesystem => {
            (Code::StoreUnavailable, "check that the folder exists and may be written")
        }
        _ => (Code::StoreFailed, "check the disk and its file system; nothing was left behind"),
    };
    let shown = path.display().to_string();
    Error::new(code, format!("the archive cannot be written to {shown}"))
        .at(shown)
        .hint(hint)
        .caused_by(error)
}
