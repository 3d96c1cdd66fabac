//! What one layer says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::policy::Policy;
use super::secret::{Address, SecretRef};
use crate::model::stands_for_key;

/// What one layer says; what is absent, it leaves to the others.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Where the store is; in a profile only.
    pub store: Option<Address>,
    /// Whose kernel it is, a slug; in a profile only.
    pub tenant: Option<String>,
    /// Who acts, for the history of specs; in a profile only.
    pub actor: Option<String>,
    /// `provider/model`: of a profile or a tenant, for specs that name none; of a spec or a call, the
    /// model itself.
    pub default_model: Option<String>,
    /// Where models are, by the name of the provider.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// What the tenant may do. Its quotas are a block of their own when written: `quotas`.
    pub policy: Policy,
    /// How long things are kept.
    pub retention: Retention,
    /// What models cost, by `provider/model`.
    pub prices: BTreeMap<String, Price>,
    /// Limits of a run.
    pub run: RunLimits,
}

/// Where a provider is, how to get in, and how it is treated. At least one of these is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProviderSettings {
    /// Address up to and without `/chat/completions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where its key is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<SecretRef>,
    /// Where the values of headers are, by name in small letters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, SecretRef>,
    /// The protocol at `base_url`, as in [`crate::model::ProviderConfig::wire`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<String>,
    /// Version of the API, for Azure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Milliseconds until the head of an answer is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Milliseconds that a stream may stand still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between_chunks_ms: Option<u64>,
    /// Milliseconds for a whole answer, with all attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
    /// Attempts after the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// Requests in a minute, of one tenant, key and model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, in and out, of one tenant, key and model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// Requests at once, of one tenant, key and model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent_requests: Option<u32>,
    /// File of recorded exchanges; in a profile only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cassette: Option<PathBuf>,
    /// Of `local`: the folder of models; in a profile only, as what follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Of `local`: threads that compute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// Of `local`: tokens of a conversation with its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u32>,
    /// Of `local`: memory for conversations, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mb: Option<u32>,
    /// Of `local`: seconds that a model which nobody uses stays in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_s: Option<u32>,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Days that runs are kept; absent: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs_days: Option<u32>,
}

/// What a model costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// US dollars for a million tokens of input.
    pub input_usd_per_million: f64,
    /// US dollars for a million tokens of output.
    pub output_usd_per_million: f64,
    /// US dollars for a million tokens of input that came from the provider's cache; absent: as other
    /// input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cached_input_usd_per_million: Option<f64>,
    /// US dollars for a million tokens of input that were written to the provider's cache; absent: as
    /// other input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_usd_per_million: Option<f64>,
}

/// Limits of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct RunLimits {
    /// Model calls in one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// Milliseconds that a run may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Tokens that a run may use, in and out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_run: Option<u64>,
    /// US dollars that a run may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd_per_run: Option<f64>,
}

impl Settings {
    /// The settings in the form in which a tenant's are kept: what is said and nothing else, with
    /// references to secrets and no secret.
    pub fn to_json(&self) -> Json {
        let mut out = Map::new();
        put(&mut out, "store", &self.store);
        put(&mut out, "tenant", &self.tenant);
        put(&mut out, "actor", &self.actor);
        put(&mut out, "default_model", &self.default_model);
        put(&mut out, "providers", &self.providers);
        let mut policy = Map::new();
        put(&mut policy, "allowed_tools", &self.policy.allowed_tools);
        if !self.policy.denied_tools.is_empty() {
            put(&mut policy, "denied_tools", &self.policy.denied_tools);
        }
        put(&mut out, "policy", &policy);
        put(&mut out, "quotas", &self.policy.quotas);
        put(&mut out, "retention", &self.retention);
        put(&mut out, "prices", &self.prices);
        put(&mut out, "run", &self.run);
        Json::Object(out)
    }

    /// Puts a later layer on top of this one.
    pub(super) fn lay(&mut self, later: &Self) {
        replace(&mut self.store, later.store.as_ref());
        replace(&mut self.tenant, later.tenant.as_ref());
        replace(&mut self.actor, later.actor.as_ref());
        replace(&mut self.default_model, later.default_model.as_ref());
        for (name, theirs) in &later.providers {
            self.providers.entry(name.clone()).or_default().lay(theirs);
        }
        self.policy.narrow(&later.policy);
        replace(&mut self.retention.runs_days, later.retention.runs_days.as_ref());
        self.prices.extend(later.prices.iter().map(|(model, price)| (model.clone(), *price)));
        replace(&mut self.run.max_turns, later.run.max_turns.as_ref());
        replace(&mut self.run.timeout_ms, later.run.timeout_ms.as_ref());
        replace(&mut self.run.tokens_per_run, later.run.tokens_per_run.as_ref());
        replace(&mut self.run.cost_usd_per_run, later.run.cost_usd_per_run.as_ref());
    }
}

impl ProviderSettings {
    /// A key and headers go to the address that they were given for: a layer that names another one
    /// must bring its own. Who asks is said once: by the key or the header of the last that says it.
    fn lay(&mut self, later: &Self) {
        if later.base_url.is_some() && later.base_url != self.base_url {
            self.api_key = None;
            self.headers.clear();
        }
        if later.api_key.is_some() {
            self.headers.retain(|name, _| !stands_for_key(name));
        }
        if later.headers.keys().any(|name| stands_for_key(name)) {
            self.api_key = None;
        }
        self.headers.extend(later.headers.iter().map(|(name, at)| (name.clone(), at.clone())));
        replace(&mut self.base_url, later.base_url.as_ref());
        replace(&mut self.api_key, later.api_key.as_ref());
        replace(&mut self.wire, later.wire.as_ref());
        replace(&mut self.api_version, later.api_version.as_ref());
        replace(&mut self.first_byte_ms, later.first_byte_ms.as_ref());
        replace(&mut self.between_chunks_ms, later.between_chunks_ms.as_ref());
        replace(&mut self.total_ms, later.total_ms.as_ref());
        replace(&mut self.max_retries, later.max_retries.as_ref());
        replace(&mut self.requests_per_minute, later.requests_per_minute.as_ref());
        replace(&mut self.tokens_per_minute, later.tokens_per_minute.as_ref());
        replace(&mut self.concurrent_requests, later.concurrent_requests.as_ref());
        replace(&mut self.cassette, later.cassette.as_ref());
        replace(&mut self.folder, later.folder.as_ref());
        replace(&mut self.threads, later.threads.as_ref());
        replace(&mut self.context_tokens, later.context_tokens.as_ref());
        replace(&mut self.cache_mb, later.cache_mb.as_ref());
        replace(&mut self.idle_s, later.idle_s.as_ref());
    }
}

fn replace<T: Clone>(ours: &mut Option<T>, theirs: Option<&T>) {
    if let Some(theirs) = theirs {
        *ours = Some(theirs.clone());
    }
}

/// Adds what says something.
fn put(out: &mut Map<String, Json>, key: &str, value: &impl Serialize) {
    match serde_json::to_value(value) {
        Ok(Json::Null) | Err(_) => {}
        Ok(Json::Object(map)) if map.is_empty() => {}
        Ok(value) => {
            out.insert(key.to_owned(), value);
        }
    }
}
