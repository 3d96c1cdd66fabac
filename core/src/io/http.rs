//! The one HTTP client of the process. It lives as long as the runtime, so that no connection
//! outlives its reactor, and is made on first use.

use std::time::Duration;

use super::lock::Mutex;
use super::runtime::{Generation, generation};
use crate::error::{Code, Error, Result};

static CLIENT: Mutex<Option<(Generation, reqwest::Client)>> = Mutex::new(None);

/// How long the lock is waited for. A fork while another thread held it leaves it locked in the child
/// for ever, which makes clients of its own then.
const PATIENCE: Duration = Duration::from_millis(100);

/// The shared client: no cookies, no redirects, 10 s to connect. Cheap to clone.
///
/// # Errors
/// [`Code::ModelUnavailable`] when the system's certificates cannot be read.
pub fn client() -> Result<reqwest::Client> {
    let now = generation();
    let shared = || {
        let slot = CLIENT.try_lock_for(PATIENCE)?;
        let (made, client) = slot.as_ref()?;
        (*made == now).then(|| client.clone())
    };
    if let Some(client) = shared() {
        return Ok(client);
    }
    // Not under the lock, which takes a while. Of two that are made at once, one is forgotten.
    let client = build()?;
    let Some(mut slot) = CLIENT.try_lock_for(PATIENCE) else { return Ok(client) };
    match &*slot {
        Some((made, first)) if *made == now => return Ok(first.clone()),
        // Made before a fork: its reactor is not in this process; leaked like the runtime.
        Some(_) => std::mem::forget(slot.take()),
        None => {}
    }
    *slot = Some((now, client.clone()));
    Ok(client)
}

fn build() -> Result<reqwest::Client> {
    // Fails only when another provider was installed first, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("aikit/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| {
            Error::new(Code::ModelUnavailable, "the HTTP client cannot be made").caused_by(e)
        })
}
