//! Texts of specs, before they are specs: diagnosing, editing, importing, and the schema of all.

use std::ffi::c_char;

use aikit::host;

use crate::failure::{aikit_error, aikit_status};
use crate::text::{aikit_bytes, text};
use crate::wall::answer;

/// Everything that can be said of the text of a spec: errors, warnings and infos. A bad spec is no
/// failure of this call.
///
/// `options` is a JSON object or empty: base (the folder whose files the text can extend), format,
/// file (what the text is called in the form "text"). On success the caller owns `*findings`: with
/// the format "json", the default, a JSON array of diagnostics as aikit_spec_check gives; with "lsp"
/// one of diagnostics of the Language Server Protocol; with "text" plain text for a terminal, empty
/// if there is nothing to say. Errors: AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_UTF8. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_diagnose(
    source: *const c_char,
    source_len: usize,
    options: *const c_char,
    options_len: usize,
    findings: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(findings, "findings", error, || {
            let source = text(source, source_len, "source")?;
            let findings = host::diagnose(source, text(options, options_len, "options")?)?;
            // The form for terminals comes as a JSON text; in C it is there to be printed.
            Ok(serde_json::from_str::<String>(&findings).unwrap_or(findings))
        })
    }
}

/// Sets one value in the text of a spec; everything else, comments too, stays as it was.
///
/// `pointer` is a JSON pointer into the text as it stands, for instance "/intelligence/temperature";
/// `value` is JSON. On success the caller owns `*edited`, the new text. Errors: AIKIT_SPEC_INVALID if
/// the text has errors or would have them, AIKIT_INVALID_ARGUMENT if there is no such place or its
/// value cannot be set in place, AIKIT_INVALID_UTF8. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_edit(
    source: *const c_char,
    source_len: usize,
    pointer: *const c_char,
    pointer_len: usize,
    value: *const c_char,
    value_len: usize,
    edited: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(edited, "edited", error, || {
            let source = text(source, source_len, "source")?;
            let pointer = text(pointer, pointer_len, "pointer")?;
            host::edit_spec(source, pointer, text(value, value_len, "value")?)
        })
    }
}

/// Reads an agent of another system and gives specs for it.
///
/// `options` is a JSON object or empty: from (one of "oracle", "open-agent-spec", "docker-agent",
/// "adl", "google-adk", "agent-framework", "crewai"; else the format is recognised), file (what the
/// text is called). On success the caller owns `*imported`, a JSON object: format, specs ([{name,
/// text}]), report ([{kind, path, to, note}], in which each leaf of the source stands once as
/// "kept", "changed" or "lost"). Errors: AIKIT_INVALID_ARGUMENT, AIKIT_SPEC_INVALID,
/// AIKIT_SPEC_TOO_LARGE, AIKIT_INVALID_UTF8. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_import(
    source: *const c_char,
    source_len: usize,
    options: *const c_char,
    options_len: usize,
    imported: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(imported, "imported", error, || {
            let source = text(source, source_len, "source")?;
            host::import_spec(source, text(options, options_len, "options")?)
        })
    }
}

/// The JSON Schema of specs, for editors and other tools.
///
/// On success the caller owns `*schema`, a JSON object. Errors: AIKIT_INVALID_ARGUMENT if `schema` is
/// NULL. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_spec_schema(
    schema: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe { answer(schema, "schema", error, || Ok(host::spec_schema())) }
}
