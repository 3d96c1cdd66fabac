//! The module's version, and the end of the process.

use std::time::Duration;

use napi::Env;
use napi_derive::napi;

/// How long the end of the process waits for operations that are being cancelled.
const EXIT_LIMIT: Duration = Duration::from_secs(2);

/// The version of the native half.
#[napi]
pub fn version() -> &'static str {
    aikit::host::version()
}

/// Cancels what is under way when this environment ends and waits, within bounds, until it has
/// stopped, so that no run is cut off in the middle of a write. For the main thread: a worker's end
/// must not stop the runs of others; its own are cancelled when its objects are dropped.
#[napi]
pub fn stop_at_exit(env: &Env) -> napi::Result<()> {
    env.add_env_cleanup_hook((), |()| {
        aikit::io::shutdown(EXIT_LIMIT);
    })?;
    Ok(())
}
