//! Specs: reading, checking, comparing, writing out.

use std::ffi::c_char;

use aikit::error::Error;
use aikit::host;
use aikit::spec::Spec;

use crate::failure::{aikit_error, aikit_status};
use crate::registry::{self, Object};
use crate::text::{aikit_bytes, text};
use crate::wall::{answer, make, shield};

/// A spec that was read: the declaration of an agent.
pub type aikit_spec = u64;

/// Reads a spec from a text, YAML or JSON, which can extend presets and no files. Starts nothing.
///
/// On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors:
/// AIKIT_SPEC_INVALID with line, column and all diagnostics, AIKIT_SPEC_TOO_LARGE,
/// AIKIT_INVALID_UTF8. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_parse(
    source: *const c_char,
    source_len: usize,
    spec: *mut aikit_spec,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(spec, "spec", error, || {
            Ok(Object::Spec(Spec::parse(text(source, source_len, "source")?)?))
        })
    }
}

/// Reads a spec from a text that can extend files of the folder `base`; with an empty `base` as
/// aikit_spec_parse.
///
/// On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors: those of
/// aikit_spec_parse. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_parse_in(
    source: *const c_char,
    source_len: usize,
    base: *const c_char,
    base_len: usize,
    spec: *mut aikit_spec,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(spec, "spec", error, || {
            let source = text(source, source_len, "source")?;
            Ok(Object::Spec(match text(base, base_len, "base")? {
                "" => Spec::parse(source)?,
                base => Spec::parse_in(source, base)?,
            }))
        })
    }
}

/// Reads a spec from a file, which can extend files of its folder.
///
/// On success `*spec` is a new handle that the caller frees with aikit_spec_free. Errors: those of
/// aikit_spec_parse, AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_read(
    path: *const c_char,
    path_len: usize,
    spec: *mut aikit_spec,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(spec, "spec", error, || Ok(Object::Spec(Spec::read(text(path, path_len, "path")?)?)))
    }
}

/// What a spec that could be read still deserves to be told, as a JSON array of diagnostics: code,
/// severity, message, path, line, column, end_line, end_column and, where known, file and hint. An
/// empty array for a spec without findings. What a kernel has to say is told by aikit_kernel_check.
///
/// On success the caller owns `*diagnostics`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_check(
    spec: aikit_spec,
    diagnostics: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(diagnostics, "diagnostics", error, || {
            let found = registry::get::<Spec>(spec)?.check();
            serde_json::to_string(&found).map_err(|e| {
                Error::invalid_argument("the diagnostics cannot be written as JSON").caused_by(e)
            })
        })
    }
}

/// The whole spec as a JSON document, without what has its default value.
///
/// On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_json(
    spec: aikit_spec,
    json: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(json, "json", error, || Ok(registry::get::<Spec>(spec)?.to_json().to_string()))
    }
}

/// What identifies a spec, as a JSON object: agent_id, name, version, model (empty if it names none),
/// hash ("sha256:" and 64 digits, equal for texts that mean the same) and text (as it was read; the
/// whole as YAML if it extends others).
///
/// On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_info(
    spec: aikit_spec,
    json: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(json, "json", error, || {
            let spec = registry::get::<Spec>(spec)?;
            Ok(serde_json::json!({
                "agent_id": spec.agent_id(),
                "name": spec.name(),
                "version": spec.version(),
                "model": spec.model(),
                "hash": spec.hash(),
                "text": spec.text(),
            })
            .to_string())
        })
    }
}

/// Writes a spec out. `format` is "yaml" or "json", the whole document, which gives the same spec when
/// it is read; or "oracle" (Open Agent Spec) or "a2a" (an agent card).
///
/// On success the caller owns `*rendered`, plain text. Errors: AIKIT_INVALID_ARGUMENT for another
/// format, and for a spec that a foreign format cannot tell; AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_render(
    spec: aikit_spec,
    format: *const c_char,
    format_len: usize,
    rendered: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(rendered, "rendered", error, || {
            let spec = registry::get::<Spec>(spec)?;
            host::render_spec(&spec, text(format, format_len, "format")?)
        })
    }
}

/// What differs between two specs, as a JSON array: path (in the whole document), kind ("added",
/// "removed" or "changed"), before, after. Empty for specs that mean the same.
///
/// On success the caller owns `*changes`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_diff(
    before: aikit_spec,
    after: aikit_spec,
    changes: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(changes, "changes", error, || {
            host::diff_specs(&registry::get::<Spec>(before)?, &registry::get::<Spec>(after)?)
        })
    }
}

/// Frees a spec and sets the handle to 0. Agents made from it go on. Does nothing for NULL and for a
/// handle that is not one of a spec.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_free(spec: *mut aikit_spec) {
    // SAFETY: the header's rules for handles.
    shield((), || unsafe { registry::free(spec, |object| matches!(object, Object::Spec(_))) });
}
