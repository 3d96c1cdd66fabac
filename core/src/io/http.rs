//! The one HTTP client of the process. It lives as long as the runtime, so that no connection
//! outlives its reactor, and is made on first use.

use std::time::Duration;

use super::lock::Mutex;
use super::runtime::{Generation, generation};
use crate::error::{Code, Error, Result};

static CLIENT: Mutex<Option<(Generation, reqwest::Client)>> = Mutex::new(None);

/// The shared client: no cookies, no redirects, 10 s to connect. Cheap to clone.
pub fn client() -> Result<reqwest::Client> {
    let now = generation();
    let mut slot = CLIENT.lock();
    match &*slot {
        Some((made, client)) if *made == now => return Ok(client.clone()),
        // Made before a fork: its reactor is not in this process; leaked like the runtime.
        Some(_) => std::mem::forget(slot.take()),
        None => {}
    }
    // Fails only when another provider was installed first, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("aikit/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|e| {
            Error::new(Code::ModelUnavailable, "the HTTP client cannot be made").caused_by(e)
        })?;
    *slot = Some((now, client.clone()));
    Ok(client)
}
