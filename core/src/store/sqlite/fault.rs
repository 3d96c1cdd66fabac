//! SQLite's errors in our words.

use rusqlite::ErrorCode;

use crate::error::{Code, Error};

/// The typed error for a failure of SQLite, with what the user can do.
pub(in crate::store) fn store_error(error: rusqlite::Error) -> Error {
    let (code, message, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Code::StoreLocked,
            "another process holds the lock of the database",
            "try again, or end the process that holds it",
        ),
        Some(ErrorCode::DiskFull) => (
            Code::StoreFull,
            "there is no space left for the database",
            "free space on its file system; what was written before is unharmed",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            Code::StoreFailed,
            "the file system failed under the database",
            "check free space, limits and the disk; what was written before is unharmed",
        ),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => (
            Code::StoreCorrupt,
            "the file is not a database, or it is damaged",
            "check the path, or restore a backup",
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
            Code::StoreUnavailable,
            "the database cannot be opened",
            "check that the folder exists and may be written",
        ),
        Some(ErrorCode::ReadOnly) => (
            Code::StoreUnavailable,
            "the database may only be read",
            "check the permissions of the file and of its folder",
        ),
        _ => (Code::StoreFailed, "the database refused the operation", "please report this"),
    };
    Error::new(code, message).hint(hint).caused_by(error)
}
