//! What stands between a caller and a provider that fails.
//!
//! - [`Resilient`] wraps one model of one provider and key: attempts, total time, circuit breaker,
//!   rate limits. [`ResilientEmbeddings`] is the same for vectors.
//! - [`Fallback`] asks several models in order, and has an answer that broke off gone on with.
//!
//! Breakers and limits are shared by everything in the process that asks with the same key.

mod breaker;
mod deadline;
mod embeddings;
mod fallback;
mod limits;
mod registry;
mod retry;
mod seam;

pub(super) use deadline::deadline;
pub(super) use embeddings::ResilientEmbeddings;
pub(crate) use fallback::{Fallback, Link};
pub(super) use retry::Resilient;

use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::model::providers::{OwnHeader, Timeouts};
use crate::model::{Cassette, ProviderConfig};

/// The most attempts after the first one that can be asked for.
pub(crate) const RETRIES_LIMIT: u32 = 10;
/// The most requests at once that can be asked for; without a limit there may be more.
pub(crate) const CONCURRENT_LIMIT: u32 = 1_000_000;
/// Attempts after the first one.
const RETRIES: u32 = 2;

/// How the requests of one provider are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) max_retries: u32,
    /// Around all attempts.
    pub(super) total: Option<Duration>,
    pub(super) requests_per_minute: Option<NonZeroU32>,
    pub(super) tokens_per_minute: Option<NonZeroU32>,
    pub(super) concurrent_requests: Option<NonZeroU32>,
    /// A cassette answers. Nothing is left alone or limited then: what is replayed goes as it did
    /// before, whatever else there was in the process.
    pub(super) replays: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_retries: RETRIES,
            total: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent_requests: None,
            replays: false,
        }
    }
}

impl Policy {
    /// What a provider's configuration says.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`] for numbers that make no sense.
    pub(super) fn of(provider: &str, config: &ProviderConfig) -> Result<Self> {
        let limit = |name: &str, value: Option<u32>| match value.map(NonZeroU32::new) {
            Some(None) => Err(Error::invalid_argument(format!(
                "providers.{provider}.{name} is 0: no request could ever be made"
            ))
            .hint("leave it out for no limit")),
            value => Ok(value.flatten()),
        };
        let max_retries = config.max_retries.unwrap_or(RETRIES);
        if max_retries > RETRIES_LIMIT {
            return Err(Error::invalid_argument(format!(
                "providers.{provider}.max_retries is {max_retries}, and may be {RETRIES_LIMIT} at most"
            )));
        }
        let most = NonZeroU32::new(CONCURRENT_LIMIT);
        let concurrent = limit("concurrent_requests", config.concurrent_requests)?;
        Ok(Self {
            max_retries,
            total: Timeouts::from(config).total,
            requests_per_minute: limit("requests_per_minute", config.requests_per_minute)?,
            tokens_per_minute: limit("tokens_per_minute", config.tokens_per_minute)?,
            concurrent_requests: concurrent.min(most).or(concurrent),
            replays: config.cassette.as_ref().is_some_and(Cassette::replays),
        })
    }
}

/// Whose requests to what are counted together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane<'a> {
    pub(super) tenant: &'a str,
    /// The provider's address.
    pub(super) address: &'a str,
    pub(super) key: Option<&'a SecretString>,
    /// A user's own.
    pub(super) headers: &'a [OwnHeader],
    /// `provider/model`.
    pub(super) model: &'a str,
}

impl Lane<'_> {
    /// What names address and key without holding the key. By their headers, gateways send requests
    /// of one address to several providers, of which only one may be down.
    fn way_in(&self) -> [u8; 32] {
        let mut parts = vec![self.address, self.key.map_or("", |key| key.expose_secret())];
        parts.extend(self.headers.iter().flat_map(|h| [h.name.as_str(), h.exposed()]));
        hash(&parts)
    }

    /// The same for one tenant.
    fn own_way_in(&self) -> [u8; 32] {
        *blake3::Hasher::new()
            .update(&self.way_in())
            .update(self.tenant.as_bytes())
            .finalize()
            .as_bytes()
    }

    /// What names the lane and its limits. Of headers only those that stand for a key: another name of
    /// a user must not give a tenant another limit.
    fn limits(&self, policy: &Policy) -> [u8; 32] {
        let numbers = format!(
            "{:?} {:?} {:?}",
            policy.requests_per_minute, policy.tokens_per_minute, policy.concurrent_requests
        );
        let key = self.key.map_or("", |key| key.expose_secret());
        let mut parts = vec![self.tenant, self.address, key, self.model, &numbers];
        let keys = self.headers.iter().filter(|header| header.stands_for_key());
        parts.extend(keys.flat_map(|h| [h.name.as_str(), h.exposed()]));
        hash(&parts)
    }
}

/// Each part with its length, so that no two lists of parts read the same.
fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::model::Headers;

    #[test]
    fn a_lane_is_one_tenant_key_and_model_and_shows_no_key() {
        let key = SecretString::from("sk-canary".to_owned());
        let other = SecretString::from("sk-other".to_owned());
        let lane =
            Lane { tenant: "a", address: "https://x", key: Some(&key), headers: &[], model: "p/m" };
        let policy = Policy::default();
        let different = [
            Lane { tenant: "b", ..lane },
            Lane { address: "https://y", ..lane },
            Lane { key: Some(&other), ..lane },
            Lane { key: None, ..lane },
            Lane { model: "p/n", ..lane },
        ];
        for other in different {
            assert_ne!(lane.limits(&policy), other.limits(&policy), "{other:?}");
        }
        assert_eq!(lane.way_in(), Lane { tenant: "b", model: "p/n", ..lane }.way_in());
        assert_ne!(lane.way_in(), Lane { key: None, ..lane }.way_in());
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        let own = |name: &str, value: &str| {
            let headers: Headers = [(name, value)].into_iter().collect();
            headers.sendable("x", false).expect("headers")
        };
        let (to_one, to_other) = (own("x-upstream", "one"), own("x-upstream", "other-canary"));
        let (first, second) =
            (Lane { headers: &to_one, ..lane }, Lane { headers: &to_other, ..lane });
        assert_ne!(first.way_in(), second.way_in());
        assert_eq!(first.limits(&policy), second.limits(&policy));
        assert!(!format!("{second:?}").contains("canary"));
        let (one, other) = (own("authorization", "Bearer a"), own("authorization", "Bearer b"));
        let keyed = Lane { key: None, headers: &one, ..lane };
        assert_ne!(keyed.limits(&policy), Lane { headers: &other, ..keyed }.limits(&policy));
        assert!(!format!("{lane:?}").contains("canary"));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let nothing = ProviderConfig { tokens_per_minute: Some(0), ..ProviderConfig::default() };
        let error = Policy::of("x", &nothing).expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("providers.x.tokens_per_minute"), "{error}");
        let many = ProviderConfig { max_retries: Some(11), ..ProviderConfig::default() };
        assert!(Policy::of("x", &many).is_err());
        assert_eq!(Policy::of("x", &ProviderConfig::default()).expect("fine"), Policy::default());
    }
}
