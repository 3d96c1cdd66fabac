//! A file that is mapped into memory. What is read is shared with the system's cache and with all
//! other users of the file; nothing is copied.

#![allow(unsafe_code, reason = "a mapping is unsafe by nature; the reasons stand beside it")]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Code, Error, Result};

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Mapping {
    File(Mmap),
    #[cfg(test)]
    Bytes(Vec<u8>),
}

impl Mapping {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Code::FileNotFound, format!("there is no model file {shown}"))
                    .hint("`aikit model list` shows the models that are there")
            }
            _ => unreadable(path, &error),
        })?;
        let about = file.metadata().map_err(|error| unreadable(path, &error))?;
        if !about.is_file() {
            return Err(Error::new(Code::FileUnreadable, format!("{shown} is not a file")));
        }
        // SAFETY: the map is only read. What Rust cannot rule out is that another process changes
        // or cuts the file meanwhile: bytes that change give wrong numbers and never a wrong
        // address, as all sizes were checked when the file was read; a file that is cut off makes
        // the system end the process. Files of the model folder are replaced by renaming, never
        // written to, and the documentation asks the same of files elsewhere.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| unreadable(path, &error))?;
        // Without this the first answer waits for one page after the other.
        #[cfg(unix)]
        let _ = map.advise(memmap2::Advice::WillNeed);
        Ok(Self::File(map))
    }
}

impl std::ops::Deref for Mapping {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            #[cfg(test)]
            Self::Bytes(bytes) => bytes,
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Code::FileUnreadable, format!("cannot read the model file {}", path.display()))
        .caused_by(error)
}
