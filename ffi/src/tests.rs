//! An injected panic at every export: `wall::caught` panics on this thread while it is armed.

use std::cell::Cell;
use std::ffi::CStr;
use std::ptr;

use aikit::error::Code;

use crate::*;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn panic_if_armed() {
    if ARMED.get() {
        panic!("planted");
    }
}

/// Calls an export while every body panics.
fn armed<T>(call: impl FnOnce() -> T) -> T {
    ARMED.set(true);
    let answer = call();
    ARMED.set(false);
    answer
}

type Error<'a> = &'a mut *mut aikit_error;
type Call<'a> = Box<dyn Fn(Error) -> aikit_status + 'a>;

#[test]
fn a_panic_in_any_call_becomes_a_status_and_an_error() {
    let text = c"x".as_ptr();
    let mut handle = 7_u64;
    let mut number = 7_i32;
    let mut out = aikit_bytes::EMPTY;
    let (handle, number, out) = (&raw mut handle, &raw mut number, &raw mut out);
    let callbacks = aikit_run_callbacks {
        struct_size: size_of::<aikit_run_callbacks>(),
        user_data: ptr::null_mut(),
        on_event: None,
        on_end: None,
        finalizer: None,
    };
    // SAFETY: every pointer is to a live local, and every text is a literal.
    let calls: Vec<(&str, Call)> = unsafe {
        vec![
            ("spec_parse", Box::new(|e| aikit_spec_parse(text, 1, handle, e))),
            ("spec_read", Box::new(|e| aikit_spec_read(text, 1, handle, e))),
            ("spec_check", Box::new(|e| aikit_spec_check(1, out, e))),
            ("spec_json", Box::new(|e| aikit_spec_json(1, out, e))),
            ("spec_info", Box::new(|e| aikit_spec_info(1, out, e))),
            ("spec_parse_in", Box::new(|e| aikit_spec_parse_in(text, 1, text, 1, handle, e))),
            ("spec_diagnose", Box::new(|e| aikit_spec_diagnose(text, 1, text, 0, out, e))),
            ("spec_render", Box::new(|e| aikit_spec_render(1, text, 1, out, e))),
            ("spec_diff", Box::new(|e| aikit_spec_diff(1, 1, out, e))),
            ("spec_edit", Box::new(|e| aikit_spec_edit(text, 1, text, 1, text, 1, out, e))),
            ("spec_import", Box::new(|e| aikit_spec_import(text, 1, text, 0, out, e))),
            ("spec_schema", Box::new(|e| aikit_spec_schema(out, e))),
            ("specs_save", Box::new(|e| aikit_specs_save(1, 1, text, 0, out, e))),
            ("specs_get", Box::new(|e| aikit_specs_get(1, text, 1, out, e))),
            ("specs_load", Box::new(|e| aikit_specs_load(1, text, 1, handle, e))),
            ("specs_list", Box::new(|e| aikit_specs_list(1, text, 0, out, e))),
            ("specs_history", Box::new(|e| aikit_specs_history(1, text, 1, out, e))),
            ("specs_diff", Box::new(|e| aikit_specs_diff(1, text, 1, text, 1, out, e))),
            ("specs_promote", Box::new(|e| aikit_specs_promote(1, text, 1, text, 0, out, e))),
            ("specs_deprecate", Box::new(|e| aikit_specs_deprecate(1, text, 1, text, 0, out, e))),
            ("specs_retire", Box::new(|e| aikit_specs_retire(1, text, 1, text, 0, out, e))),
            ("specs_delete", Box::new(|e| aikit_specs_delete(1, text, 1, text, 0, e))),
            ("specs_export", Box::new(|e| aikit_specs_export(1, text, 0, out, e))),
            ("specs_import", Box::new(|e| aikit_specs_import(1, text, 1, text, 0, out, e))),
            ("kernel_open", Box::new(|e| aikit_kernel_open(text, 0, handle, e))),
            ("kernel_tenant", Box::new(|e| aikit_kernel_tenant(1, out, e))),
            ("kernel_run_events", Box::new(|e| aikit_kernel_run_events(1, text, 1, out, e))),
            ("kernel_check", Box::new(|e| aikit_kernel_check(1, 1, out, e))),
            ("kernel_usage", Box::new(|e| aikit_kernel_usage(1, 1, out, e))),
            ("kernel_backup", Box::new(|e| aikit_kernel_backup(1, text, 1, e))),
            ("kernel_config", Box::new(|e| aikit_kernel_config(1, 0, out, e))),
            ("kernel_close", Box::new(|e| aikit_kernel_close(1, e))),
            (
                "collection_ingest",
                Box::new(|e| aikit_collection_ingest(1, text, 1, text, 1, text, 0, out, e)),
            ),
            (
                "collection_search",
                Box::new(|e| aikit_collection_search(1, text, 1, text, 1, text, 0, out, e)),
            ),
            ("collection_documents", Box::new(|e| aikit_collection_documents(1, text, 1, out, e))),
            (
                "tool_register",
                Box::new(|e| aikit_tool_register(1, text, 1, None, ptr::null_mut(), None, e)),
            ),
            (
                "model_register",
                Box::new(|e| aikit_model_register(1, text, 1, None, ptr::null_mut(), None, e)),
            ),
            ("tool_call", Box::new(|e| aikit_tool_call(1, text, 1, text, 0, out, e))),
            ("tool_reply_ok", Box::new(|e| aikit_tool_reply_ok(1, text, 1, e))),
            ("tool_reply_error", Box::new(|e| aikit_tool_reply_error(1, text, 1, text, 0, e))),
            ("agent_new", Box::new(|e| aikit_agent_new(1, 1, text, 0, handle, e))),
            ("agent_read", Box::new(|e| aikit_agent_read(1, text, 1, text, 0, handle, e))),
            ("agent_open", Box::new(|e| aikit_agent_open(1, text, 1, text, 0, handle, e))),
            ("agent_info", Box::new(|e| aikit_agent_info(1, out, e))),
            ("agent_run", Box::new(|e| aikit_agent_run(1, text, 1, text, 0, out, e))),
            ("agent_start", Box::new(|e| aikit_agent_start(1, text, 1, text, 0, handle, e))),
            ("run_wait", Box::new(|e| aikit_run_wait(1, 0, out, e))),
            ("run_next_event", Box::new(|e| aikit_run_next_event(1, 0, number, out, e))),
            ("run_fd", Box::new(|e| aikit_run_fd(1, number, e))),
            ("run_cancel", Box::new(|e| aikit_run_cancel(1, e))),
            ("run_watch", Box::new(|e| aikit_run_watch(1, &raw const callbacks, e))),
            ("admin_open", Box::new(|e| aikit_admin_open(text, 0, handle, e))),
            ("admin_call", Box::new(|e| aikit_admin_call(1, text, 1, text, 0, out, e))),
            ("admin_close", Box::new(|e| aikit_admin_close(1, e))),
        ]
    };
    // All of them: `aikit_error_number` is the one function that answers with a status it was given.
    let declared = include_str!("../../include/aikit.h").matches("\naikit_status aikit_").count();
    assert_eq!(calls.len(), declared - 1, "a call is missing here");
    for (name, call) in calls {
        let mut error = ptr::null_mut();
        assert_eq!(armed(|| call(&mut error)), Code::Panic as aikit_status, "{name}");
        // SAFETY: the call failed, so the error is ours.
        unsafe {
            let message = CStr::from_ptr(aikit_error_message(error)).to_string_lossy().into_owned();
            assert!(message.contains("planted"), "{name}: {message}");
            aikit_error_free(&raw mut error);
        }
        assert!(error.is_null());
    }
    // SAFETY: live locals.
    unsafe {
        assert_eq!((*handle, *number), (7, 7), "outputs are written only on success");
        assert!((*out).data.is_null());
    }
}

#[test]
fn a_panic_in_a_call_that_cannot_fail_gives_its_neutral_answer() {
    let mut handle = 7_u64;
    let handle = &raw mut handle;
    // SAFETY: NULL and live locals.
    unsafe {
        armed(|| {
            assert_eq!(aikit_shutdown(0), u32::MAX);
            assert_eq!(CStr::from_ptr(aikit_status_name(20)), c"unknown");
            assert!(aikit_error_json(ptr::null()).is_null());
            aikit_spec_free(handle);
            aikit_kernel_free(handle);
            aikit_agent_free(handle);
            aikit_run_free(handle);
            aikit_admin_free(handle);
            aikit_bytes_free(ptr::null_mut());
            aikit_error_free(ptr::null_mut());
        });
    }
}

#[test]
fn user_data_is_let_go_of_once_also_when_registering_panics() {
    unsafe extern "C" fn count(user_data: *mut std::ffi::c_void) {
        // SAFETY: points to the local below.
        unsafe { *user_data.cast::<u32>() += 1 };
    }
    let mut fired = 0_u32;
    // SAFETY: live locals.
    let status = armed(|| unsafe {
        let data = (&raw mut fired).cast();
        aikit_tool_register(1, ptr::null(), 0, None, data, Some(count), ptr::null_mut())
    });
    assert_eq!((status, fired), (Code::Panic as aikit_status, 1));
}
