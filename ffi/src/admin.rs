//! The administrators' door of a store.

use std::ffi::c_char;

use aikit::host::HostAdmin;

use crate::failure::{aikit_error, aikit_status};
use crate::registry::{self, Object};
use crate::text::{aikit_bytes, text};
use crate::wall::{answer, guard, make, shield};

/// A store that is open for administration: its tenants, its audit log, its upkeep.
pub type aikit_admin = u64;

/// Opens a store for administration and waits until it is open. On SQLite whoever may write the file
/// is an administrator; on PostgreSQL the login is a member of the role aikit_admin.
///
/// `options` is a JSON object: location (path of an SQLite file, made if need be, or the URL of a
/// PostgreSQL database), actor (who acts, for the audit log), profile (path of a TOML file that
/// names them otherwise). On success `*admin` is a new handle that the caller frees with
/// aikit_admin_free. Errors: AIKIT_INVALID_ARGUMENT, also if nobody is named who acts;
/// AIKIT_CONFIG_INVALID, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE for the profile;
/// AIKIT_STORE_UNAVAILABLE, AIKIT_STORE_LOCKED, AIKIT_STORE_CORRUPT, AIKIT_STORE_OUTDATED,
/// AIKIT_STORE_ROLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_admin_open(
    options: *const c_char,
    options_len: usize,
    admin: *mut aikit_admin,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(admin, "admin", error, || {
            let options = text(options, options_len, "options")?;
            Ok(Object::Admin(HostAdmin::open(options).wait(drop)?))
        })
    }
}

/// Does one operation of an administrator and waits for its end. What it changes is in the audit log.
///
/// The operations, with their arguments and results: see ADMINISTRATION above. `arguments` is a JSON
/// object of named values, or empty where none is needed.
///
/// On success the caller owns `*result`, JSON. Errors: AIKIT_INVALID_ARGUMENT for an unknown
/// operation or argument; AIKIT_TENANT_NOT_FOUND, AIKIT_TENANT_EXISTS, AIKIT_TENANT_INVALID,
/// AIKIT_TENANT_SUSPENDED, AIKIT_CONFIG_INVALID, AIKIT_ARCHIVE_INVALID; AIKIT_STORE_LOST,
/// AIKIT_STORE_CONFLICT and the others of the store; AIKIT_INVALID_HANDLE, AIKIT_CLOSED,
/// AIKIT_FORKED. A broken audit log is no failure of verify_audit: its result says where. Thread
/// safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_admin_call(
    admin: aikit_admin,
    operation: *const c_char,
    operation_len: usize,
    arguments: *const c_char,
    arguments_len: usize,
    result: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(result, "result", error, || {
            let admin = registry::get::<HostAdmin>(admin)?;
            let operation = text(operation, operation_len, "operation")?;
            admin.call(operation, text(arguments, arguments_len, "arguments")?).wait(drop)
        })
    }
}

/// Finishes what was begun, closes the store and waits for that. The handle stays valid until
/// aikit_admin_free, and calls with it answer AIKIT_CLOSED. Closing twice is no error.
///
/// Errors: AIKIT_INVALID_HANDLE, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_admin_close(
    admin: aikit_admin,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || registry::get::<HostAdmin>(admin)?.close().wait(drop);
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Frees an administrator's handle and sets it to 0; the store is closed if that was not done. Does
/// nothing for NULL and for a handle that is not one of an administrator. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_admin_free(admin: *mut aikit_admin) {
    // SAFETY: the header's rules for handles.
    shield((), || unsafe { registry::free(admin, |object| matches!(object, Object::Admin(_))) });
}
