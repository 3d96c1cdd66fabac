//! Kernels: what a program opens first.

use std::collections::HashMap;
use std::ffi::c_char;
use std::sync::Arc;

use aikit::error::{Error, Result};
use aikit::host::HostKernel;
use aikit::io::Mutex;
use aikit::spec::Spec;

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

/// What does the work of a tool, or answers in the place of a model.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    Tool,
    Model,
}

impl Kernel {
    pub(crate) fn tool(&self, name: &str) -> Option<Arc<Callback>> {
        self.tools.lock().get(name).cloned()
    }

    pub(crate) fn register(
        &self,
        function: Function,
        definition: &str,
        callback: Callback,
    ) -> Result<()> {
        // Held over both steps, so that a run that is quick to call the tool finds its callback.
        let mut tools = self.tools.lock();
        let prefix = match function {
            Function::Tool => {
                self.host.register_tool(definition)?;
                ""
            }
            Function::Model => {
                self.host.register_model(definition)?;
                "host/"
            }
        };
        let name = serde_json::from_str::<serde_json::Value>(definition)
            .ok()
            .and_then(|definition| definition["name"].as_str().map(str::to_owned))
            .ok_or_else(|| Error::invalid_argument("the definition has no name"))?;
        tools.insert(format!("{prefix}{name}"), Arc::new(callback));
        Ok(())
    }
}

/// Opens a kernel and waits until it is open.
///
/// `options` is a JSON object, or empty for an in-memory store: location (path of an SQLite file,
/// made if need be, or the URL of a PostgreSQL database), tenant (default "default"), providers
/// ({name: {base_url, api_key, headers, wire, api_version, first_byte_ms, between_chunks_ms, total_ms, max_retries,
/// requests_per_minute, tokens_per_minute, concurrent_requests, cassette}; of "local": {folder, threads, context_tokens, cache_mb, idle_s,
/// concurrent_requests}}), actor (who acts, for the history of specs), default_model (for
/// specs that name none), policy ({allowed_tools, denied_tools, quotas}: what the tenant may do),
/// profile (path of a TOML file with settings), reader (the parent that reads the tenant's data: the
/// kernel then only reads), rls (default true: a PostgreSQL role that could leave its tenant is
/// refused). On success `*kernel` is a new handle that the caller frees with aikit_kernel_free.
/// Errors: AIKIT_INVALID_ARGUMENT, AIKIT_TENANT_INVALID; AIKIT_TENANT_NOT_FOUND (SQLite makes a tenant
/// that is not there), AIKIT_TENANT_SUSPENDED, AIKIT_ACCESS_DENIED for a reader; AIKIT_CONFIG_INVALID,
/// AIKIT_FILE_NOT_FOUND, AIKIT_FILE_UNREADABLE for the profile; AIKIT_STORE_UNAVAILABLE,
/// AIKIT_STORE_LOCKED, AIKIT_STORE_CORRUPT, AIKIT_STORE_OUTDATED, AIKIT_STORE_ROLE, AIKIT_STORE_LOST.
/// Thread safe.
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

/// What the tenant has, and what it did on the last `days` days on which it did something.
///
/// On success the caller owns `*usage`, a JSON object: totals: {specs, documents, vectors, bytes},
/// days: [{day, runs, input_tokens, output_tokens, cost_micros}], the newest first; days are UTC, and
/// costs in millionths of a US dollar. Errors: AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those
/// of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_usage(
    kernel: aikit_kernel,
    days: u32,
    usage: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(usage, "usage", error, || {
            registry::get::<Arc<Kernel>>(kernel)?.host.usage(days).wait(drop)
        })
    }
}

/// Copies the store with all of its tenants into the new file `path`, while it is in use. SQLite
/// only.
///
/// Errors: AIKIT_INVALID_ARGUMENT if there is something at `path` or the store is not SQLite,
/// AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED, those of the store. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_backup(
    kernel: aikit_kernel,
    path: *const c_char,
    path_len: usize,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts.
    let body = || unsafe {
        let kernel = registry::get::<Arc<Kernel>>(kernel)?;
        kernel.host.backup(text(path, path_len, "path")?).wait(drop)
    };
    // SAFETY: the header's rules for errors.
    unsafe { guard(error, body) }
}

/// Every setting that holds in this kernel, or for the agents of `spec` unless that is 0, where it
/// comes from, and what it overruled. A secret is shown as what it was given by, never as itself.
///
/// On success the caller owns `*settings`, a JSON array of {key, value, source, overruled: [{value,
/// source}]} and, where it applies, secret ("set" or "missing") and elements ([{value, source}], of a
/// list). Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_kernel_config(
    kernel: aikit_kernel,
    spec: aikit_spec,
    settings: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(settings, "settings", error, || {
            let kernel = registry::get::<Arc<Kernel>>(kernel)?;
            let spec = if spec == 0 { None } else { Some(registry::get::<Spec>(spec)?) };
            kernel.host.config(spec.as_ref())
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
