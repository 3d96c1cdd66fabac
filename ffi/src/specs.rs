//! The spec repository of a kernel's tenant. It is found through its kernel and has no handle.

use std::ffi::c_char;
use std::sync::Arc;

use aikit::error::Result;
use aikit::host::HostSpecs;
use aikit::spec::Spec;

use crate::failure::{aikit_error, aikit_status};
use crate::kernel::{Kernel, aikit_kernel};
use crate::registry::{self, Object};
use crate::spec::aikit_spec;
use crate::text::{aikit_bytes, text};
use crate::wall::{answer, guard, make};

fn specs(kernel: aikit_kernel) -> Result<HostSpecs> {
    Ok(registry::get::<Arc<Kernel>>(kernel)?.host.specs())
}

/// Keeps a spec in the repository of the kernel's tenant as a draft, and waits until that is done.
///
/// `options` is a JSON object or empty: by (who; else the kernel's actor), why, replaces (the hash of
/// the draft that is replaced). On success the caller owns `*record`, a JSON object: agent_id,
/// version, status ("draft", "active", "deprecated" or "retired"), hash, name, description, tags,
/// model, created_at, created_by, updated_at, sunset, successor, document, text. Errors:
/// AIKIT_SPEC_CONFLICT if the version is there and is not the one that `replaces` says,
/// AIKIT_SPEC_IMMUTABLE if it is no draft any more, AIKIT_TENANT_MISMATCH, AIKIT_INVALID_ARGUMENT,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_save(
    kernel: aikit_kernel,
    spec: aikit_spec,
    options: *const c_char,
    options_len: usize,
    record: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(record, "record", error, || {
            let (specs, spec) = (specs(kernel)?, registry::get::<Spec>(spec)?);
            specs.save(&spec, text(options, options_len, "options")?).wait(drop)
        })
    }
}

/// The record of a version. `reference` is "id@version", or "id" for the active version.
///
/// On success the caller owns `*record`, as described at aikit_specs_save. Errors:
/// AIKIT_SPEC_NOT_FOUND, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED,
/// those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_get(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    record: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(record, "record", error, || {
            specs(kernel)?.get(text(reference, reference_len, "reference")?).wait(drop)
        })
    }
}

/// A version as a spec. `reference` is "id@version", or "id" for the active version.
///
/// On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors:
/// AIKIT_SPEC_RETIRED and those of aikit_specs_get. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_load(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    spec: *mut aikit_spec,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(spec, "spec", error, || {
            let reference = text(reference, reference_len, "reference")?;
            Ok(Object::Spec(specs(kernel)?.load(reference).wait(drop)?))
        })
    }
}

/// A page of versions, in the order of id and version.
///
/// `options` is a JSON object or empty: status, tag, text (words of id, name, description and tags),
/// agent_id, of which all that are given must hold; limit (1 to 500, default 50), after (`next` of
/// the page before). On success the caller owns `*page`, a JSON object: specs (records without
/// document and text), next (null on the last page). Errors: AIKIT_INVALID_ARGUMENT,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_list(
    kernel: aikit_kernel,
    options: *const c_char,
    options_len: usize,
    page: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(page, "page", error, || {
            specs(kernel)?.list(text(options, options_len, "options")?).wait(drop)
        })
    }
}

/// Every change of an agent's versions, oldest first; also of drafts that were deleted.
///
/// On success the caller owns `*history`, a JSON array: seq, agent_id, version, change ("saved",
/// "replaced", "promoted", "deprecated", "retired", "deleted" or "imported"), from, to (states), at,
/// by, why, hash. Errors: those of aikit_specs_get. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_history(
    kernel: aikit_kernel,
    agent_id: *const c_char,
    agent_id_len: usize,
    history: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(history, "history", error, || {
            specs(kernel)?.history(text(agent_id, agent_id_len, "agent_id")?).wait(drop)
        })
    }
}

/// What differs between two versions, each "id@version" or "id".
///
/// On success the caller owns `*changes`, as described at aikit_spec_diff. Errors: those of
/// aikit_specs_get. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_diff(
    kernel: aikit_kernel,
    before: *const c_char,
    before_len: usize,
    after: *const c_char,
    after_len: usize,
    changes: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(changes, "changes", error, || {
            let before = text(before, before_len, "before")?;
            specs(kernel)?.diff(before, text(after, after_len, "after")?).wait(drop)
        })
    }
}

/// Makes a draft or deprecated version the active one. The one before is deprecated, with this one as
/// its successor. Agents made before keep the version that they were made from.
///
/// `reference` is "id@version". `options` is a JSON object or empty: by (who; else the kernel's
/// actor), why. On success the caller owns `*record`, as described at aikit_specs_save. Errors:
/// AIKIT_SPEC_STATE if the version is active or retired, AIKIT_SPEC_NOT_FOUND,
/// AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store.
/// Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_promote(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    options: *const c_char,
    options_len: usize,
    record: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(record, "record", error, || {
            let reference = text(reference, reference_len, "reference")?;
            let options = text(options, options_len, "options")?;
            specs(kernel)?.promote(reference, options).wait(drop)
        })
    }
}

/// Deprecates the active version, so that the agent has none.
///
/// `options` as for aikit_specs_promote, and: sunset (an RFC 3339 time or a date), successor (a
/// version of the agent, or "id@version" of another). On success the caller owns `*record`, as
/// described at aikit_specs_save. Errors: AIKIT_SPEC_STATE if the version is not active,
/// AIKIT_SPEC_NOT_FOUND, also for the successor, and the others of aikit_specs_promote. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_deprecate(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    options: *const c_char,
    options_len: usize,
    record: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(record, "record", error, || {
            let reference = text(reference, reference_len, "reference")?;
            let options = text(options, options_len, "options")?;
            specs(kernel)?.deprecate(reference, options).wait(drop)
        })
    }
}

/// Retires a deprecated version: it makes no agents any more.
///
/// `options` as for aikit_specs_promote. On success the caller owns `*record`, as described at
/// aikit_specs_save. Errors: AIKIT_SPEC_STATE if the version is not deprecated, and the others of
/// aikit_specs_promote. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_retire(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    options: *const c_char,
    options_len: usize,
    record: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(record, "record", error, || {
            let reference = text(reference, reference_len, "reference")?;
            let options = text(options, options_len, "options")?;
            specs(kernel)?.retire(reference, options).wait(drop)
        })
    }
}

/// Removes a draft; its history stays.
///
/// `reference` is "id@version". `options` as for aikit_specs_promote. Errors: AIKIT_SPEC_IMMUTABLE if
/// the version is no draft, AIKIT_SPEC_NOT_FOUND, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE,
/// AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_delete(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    options: *const c_char,
    options_len: usize,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || {
        // SAFETY: the header's rules for texts.
        let (reference, options) = unsafe {
            (text(reference, reference_len, "reference")?, text(options, options_len, "options")?)
        };
        specs(kernel)?.delete(reference, options).wait(drop)
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// All versions with their history, for aikit_specs_import into another repository.
///
/// `options` is a JSON object or empty: agent_id (this agent alone). On success the caller owns
/// `*bundle`, a JSON object: format, specs, history. Errors: AIKIT_INVALID_ARGUMENT,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_export(
    kernel: aikit_kernel,
    options: *const c_char,
    options_len: usize,
    bundle: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(bundle, "bundle", error, || {
            specs(kernel)?.export(text(options, options_len, "options")?).wait(drop)
        })
    }
}

/// Takes in what aikit_specs_export gave, all or nothing. States, times and history come along.
///
/// `options` is a JSON object or empty: by (who; else the kernel's actor), why, on_conflict ("fail",
/// the default, or "skip" for versions that are there already). On success the caller owns `*report`,
/// a JSON object: imported and skipped, arrays of "id@version". Errors: AIKIT_SPEC_CONFLICT if a
/// version is there already, AIKIT_TENANT_MISMATCH, AIKIT_INVALID_ARGUMENT for what is no bundle,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_specs_import(
    kernel: aikit_kernel,
    bundle: *const c_char,
    bundle_len: usize,
    options: *const c_char,
    options_len: usize,
    report: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(report, "report", error, || {
            let bundle = text(bundle, bundle_len, "bundle")?;
            let options = text(options, options_len, "options")?;
            specs(kernel)?.import(bundle, options).wait(drop)
        })
    }
}
