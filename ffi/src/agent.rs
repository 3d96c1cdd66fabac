//! Agents, and how their runs begin.

use std::ffi::c_char;
use std::path::Path;
use std::sync::Arc;

use aikit::error::Result;
use aikit::kernel::AgentRef;
use aikit::spec::Spec;

use crate::failure::{aikit_error, aikit_status};
use crate::kernel::{Kernel, aikit_kernel};
use crate::registry::{self, Agent, Object};
use crate::run::{Run, aikit_run};
use crate::spec::aikit_spec;
use crate::text::{aikit_bytes, text};
use crate::wall::{answer, make, shield};

/// An agent: a spec that was made ready to run in a kernel.
pub type aikit_agent = u64;

fn new_agent(kernel: aikit_kernel, reference: AgentRef, options: &str) -> Result<Object> {
    let kernel = registry::get::<Arc<Kernel>>(kernel)?;
    let host = kernel.host.agent(reference, options).wait(drop)?;
    Ok(Object::Agent(Arc::new(Agent { host, kernel })))
}

/// Makes an agent from a spec. The spec can be freed afterwards.
///
/// `options` is a JSON object or empty: model (instead of the spec's). On success `*agent` is a new
/// handle that the caller frees with aikit_agent_free. Errors: AIKIT_TENANT_MISMATCH,
/// AIKIT_TOOL_UNKNOWN, AIKIT_TOOL_DENIED, AIKIT_MODEL_UNKNOWN and AIKIT_SPEC_INVALID with line, column
/// and all diagnostics, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED.
/// Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_new(
    kernel: aikit_kernel,
    spec: aikit_spec,
    options: *const c_char,
    options_len: usize,
    agent: *mut aikit_agent,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(agent, "agent", error, || {
            let options = text(options, options_len, "options")?;
            new_agent(kernel, AgentRef::Spec(registry::get::<Spec>(spec)?), options)
        })
    }
}

/// Makes an agent from a spec file.
///
/// As aikit_agent_new, with the errors of aikit_spec_read. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_read(
    kernel: aikit_kernel,
    path: *const c_char,
    path_len: usize,
    options: *const c_char,
    options_len: usize,
    agent: *mut aikit_agent,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(agent, "agent", error, || {
            let options = text(options, options_len, "options")?;
            let path = Path::new(text(path, path_len, "path")?);
            new_agent(kernel, AgentRef::from(path), options)
        })
    }
}

/// Makes an agent from what `reference` names: a spec file, if it has a "/" or ends in .yaml, .yml or
/// .json; else a version in the repository, "id@version" or "id" for the active one. The agent keeps
/// its version, whatever is promoted later.
///
/// As aikit_agent_new, with the errors of aikit_spec_read and of aikit_specs_load. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_open(
    kernel: aikit_kernel,
    reference: *const c_char,
    reference_len: usize,
    options: *const c_char,
    options_len: usize,
    agent: *mut aikit_agent,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(agent, "agent", error, || {
            let options = text(options, options_len, "options")?;
            let reference = text(reference, reference_len, "reference")?;
            new_agent(kernel, AgentRef::from(reference), options)
        })
    }
}

/// What identifies an agent, as a JSON object: agent_id, name (with its template filled in), version,
/// model (the one in use).
///
/// On success the caller owns `*json`. Errors: AIKIT_INVALID_HANDLE. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_info(
    agent: aikit_agent,
    json: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for places to write to and errors.
    unsafe {
        answer(json, "json", error, || {
            let agent = registry::get::<Arc<Agent>>(agent)?;
            let spec = agent.host.spec();
            Ok(serde_json::json!({
                "agent_id": spec.agent_id(),
                "name": agent.host.name(),
                "version": spec.version(),
                "model": agent.host.model(),
            })
            .to_string())
        })
    }
}

/// # Safety
/// The rules of [`text`] for both texts.
unsafe fn begin(
    agent: aikit_agent,
    input: *const c_char,
    input_len: usize,
    options: *const c_char,
    options_len: usize,
) -> Result<Run> {
    let agent = registry::get::<Arc<Agent>>(agent)?;
    // SAFETY: the caller's promise.
    let (input, options) =
        unsafe { (text(input, input_len, "input")?, text(options, options_len, "options")?) };
    Ok(Run::new(agent.host.start(input, options), agent.kernel.clone()))
}

/// Runs an agent to the end. Tools of the host's run on this thread.
///
/// `options` is a JSON object or empty: run_id, max_turns, timeout_ms, tokens_per_run, cost_usd_per_run
/// (budgets, in place of the spec's), inputs (an object of values for the templates of the prompts, as the
/// spec's interface.input_schema declares them), images (a list of {data: base64} or {url}, with an optional
/// media_type), output_schema (a JSON Schema, in place of the spec's interface.output_schema). On success the
/// caller owns `*result`, a JSON object: run_id, status ("finished" or "cancelled"), text, output (where there
/// is an output schema: JSON that fits it), citations, usage, turns, finish_reason, model. Errors:
/// AIKIT_TURN_LIMIT, AIKIT_TIMEOUT, AIKIT_OUTPUT_INVALID, AIKIT_BUDGET_EXCEEDED, those of models and of the
/// store, AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_HANDLE, AIKIT_CLOSED, AIKIT_FORKED. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_run(
    agent: aikit_agent,
    input: *const c_char,
    input_len: usize,
    options: *const c_char,
    options_len: usize,
    result: *mut aikit_bytes,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        answer(result, "result", error, || {
            begin(agent, input, input_len, options, options_len)?.wait(None)
        })
    }
}

/// Starts a run and does not wait.
///
/// `options` as for aikit_agent_run; wrong ones are told by whatever takes from the run. On success
/// `*run` is a new handle that the caller frees with aikit_run_free. Take from it with
/// aikit_run_wait, aikit_run_next_event or aikit_run_watch: a run of which nobody takes is held back
/// after 256 events, and its tools are not called. Errors: AIKIT_INVALID_HANDLE,
/// AIKIT_INVALID_ARGUMENT, AIKIT_INVALID_UTF8. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_start(
    agent: aikit_agent,
    input: *const c_char,
    input_len: usize,
    options: *const c_char,
    options_len: usize,
    run: *mut aikit_run,
    error: *mut *mut aikit_error,
) -> aikit_status {
    // SAFETY: the header's rules for texts, places to write to and errors.
    unsafe {
        make(run, "run", error, || {
            Ok(Object::Run(Arc::new(begin(agent, input, input_len, options, options_len)?)))
        })
    }
}

/// Frees an agent and sets the handle to 0. Its runs go on. Does nothing for NULL and for a handle
/// that is not one of an agent. Thread safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aikit_agent_free(agent: *mut aikit_agent) {
    // SAFETY: the header's rules for handles.
    shield((), || unsafe { registry::free(agent, |object| matches!(object, Object::Agent(_))) });
}
