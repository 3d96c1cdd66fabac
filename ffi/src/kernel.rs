//! Kernels: what a program opens first.

use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::Arc;

use aikit::error::{Error, Result};
use aikit::host::HostKernel;
use aikit::spec::Spec;
use parking_lot::Mutex;

use crate::failure::{aikit_error, aikit_status};
use crate::registry::{self, Object};
use crate::spec::aikit_spec;
use crate::text::{aikit_bytes, text};
use crate::tool::Callback;
use crate::wall::{answer, guard, make, shield};

/// An open store of one tenant, with the tools and the providers that its agents use.
pub type aikit_kernel = u64;

/// A kernel and the callbacks of its tools. Agents and runs keep it alive.
pub(crate) struct Kernel {
    pub(crate) host: HostKernel,
    tools: Mutex<HashMap<String, Arc<Callback>>>,
}

impl Kernel {
    pub(crate) fn tool(&self, name: &str) -> Option<Arc<Callback>> {
        self.tools.lock().get(name).cloned()
    }

    pub(crate) fn register(&self, definition: &str, callback: Callback) -> Result<()> {
        // Held over both steps, so that a run that is quick to call the tool finds its callback.
        let mut tools = self.tools.lock();
        self.host.register_tool(definition)?;
        let name = serde_json::from_str::<serde_json::Value>(definition)
            .ok()
            .and_then(|definition| definition["name"].as_str().map(str::to_owned))
            .ok_or_else(|| Error::invalid_argument("tool definition: it has no name"))?;
        tools.insert(name, Arc::new(callback));
        Ok(())
    }
}

/// Opens a kernel and waits until it is open.
///
/// `options` is a JSON object, or empty for an in-memory store: location (path of an SQLite file,
/// made if need be), tenant (default "default"), providers ({name: {base_url, api_key}}), actor (who
/// acts, for the history of specs), default_model (for specs that name none), policy
/// ({allowed_tools, denied_tools, quotas}: what the tenant may do). On success `*kernel` is a new
/// handle that the caller frees with aikit_kernel_free. Errors: AIKIT_INVALID_ARGUMENT,
/// AIKIT_TENANT_INVALID, AIKIT_STORE_UNAVAILABLE, AIKIT_STORE_LOCKED, AIKIT_STORE_CORRUPT. Thread
/// safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_open(
    options: *const c_char,
    options_len: usize,
    kernel: *mut aikit_kernel,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(kernel, "kernel", error, || {
            let host = HostKernel::open(text(options, options_len, "options")?).wait(drop)?;
            Ok(Object::Kernel(Arc::new(Kernel { host, tools: Mutex::default() })))
        })
    }
}

/// The tenant for which the kernel was opened.
///
/// On success the caller owns `*tenant`, plain text. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_tenant(
    kernel: aikit_kernel,
    tenant: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(tenant, "tenant", error, || {
            Ok(registry::get::<Arc<Kernel>>(kernel)?.host.tenant().to_owned())
        })
    }
}

/// Everything that can be said of a spec in this kernel: what aikit_spec_check says, and whether its
/// tools, models, collections, secrets and quotas are to be had here. A finding is no failure of this
/// call.
///
/// On success the caller owns `*diagnostics`, a JSON array as aikit_spec_check gives. Errors:
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_check(
    kernel: aikit_kernel,
    spec: aikit_spec,
    diagnostics: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(diagnostics, "diagnostics", error, || {
            let kernel = registry::get::<Arc<Kernel>>(kernel)?;
            kernel.host.check(&registry::get::<Spec>(spec)?).wait(drop)
        })
    }
}

/// The events that the store keeps of a run, as a JSON array, in order.
///
/// On success the caller owns `*events`. Errors: AIKIT_INVALID_ARGUMENT if there is no such run,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_run_events(
    kernel: aikit_kernel,
    run_id: *const c_char,
    run_id_len: usize,
    events: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(events, "events", error, || {
            let kernel = registry::get::<Arc<Kernel>>(kernel)?;
            kernel.host.run_events(text(run_id, run_id_len, "run_id")?).wait(drop)
        })
    }
}

/// Cancels the runs under way, closes the store and waits for that. The handle stays valid until
/// aikit_kernel_free, and calls with it answer AIKIT_CLOSED. Closing twice is no error.
///
/// Errors: AIKIT_INVALID_HANDLE, AIKIT_FORKED, AIKIT_STORE_FAILED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_close(
    kernel: aikit_kernel,
    error: *mut *mut aikit_error,
) -> aikit_status {
    let body = || registry::get::<Arc<Kernel>>(kernel)?.host.close().wait(drop);
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Frees a kernel and sets the handle to 0. Agents and runs of the kernel go on and keep its store
/// open until they are freed: close the kernel first to end them. The finalizers of its tools fire
/// with the last of these. Does nothing for NULL and for a handle that is not one of a kernel.
/// Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_free(kernel: *mut aikit_kernel) {
    // SAFETY: the header's rules for handles.
    shield((), || unsafe { registry::free(kernel, |object| matches!(object, Object::Kernel(_))) });
}
