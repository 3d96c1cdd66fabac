//! What stands between a caller and a provider that fails: trying again.

mod retry;

pub(super) use retry::{Resilient, with_retries};
