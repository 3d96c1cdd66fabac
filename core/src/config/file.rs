//! Reading a small file whole.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::{Code, Error, Result};

/// The bytes of a regular file, and one more than `limit` if there are more.
///
/// # Errors
/// [`Code::FileNotFound`], [`Code::FileUnreadable`]; no error says what the file holds.
pub(super) fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let unreadable =
        |what: &str| Error::new(Code::FileUnreadable, format!("{shown} {what}")).at(shown.clone());
    let fault = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no file {shown}")).at(shown.clone())
        }
        _ => unreadable("cannot be read").caused_by(e),
    };
    // Before it is opened: a pipe without a writer would be waited for without end.
    if !std::fs::metadata(path).map_err(fault)?.is_file() {
        return Err(unreadable("is not a file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fault)?;
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(fault)?;
    Ok(bytes)
}
