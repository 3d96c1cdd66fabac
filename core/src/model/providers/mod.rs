//! From `provider/model` to a model.
//!
//! - `headers`: headers of a user's own.
//! - `in_process`: models that are reached without a provider.
//! - `known`: what is known of each provider without being told.
//! - `reach`: from a name to an address and a key.

mod headers;
mod in_process;
mod known;
mod reach;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::model::dialect::{Adapted, Flavour};
use crate::model::resilience::{Fallback, Lane, Link, Policy, Resilient, ResilientEmbeddings};
use crate::model::wires::{Anthropic, Cohere, Gemini, OpenAiChat, OpenAiResponses};
use crate::model::{Cassette, ChatModel, EmbeddingModel};
use crate::spec::{ScriptTurn, is_model_name};
pub use headers::Headers;
pub(super) use headers::OwnHeader;
pub(crate) use headers::{HEADERS_LIMIT, KEY_TWICE, header_name, stands_for_key};
use known::Wire;
pub(crate) use known::own_name;
use reach::environment;
pub(super) use reach::key_hint;

/// Where a provider is and how to get in. The key is never shown, logged or stored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// Address up to and without the path of an operation: without `/chat/completions`.
    pub base_url: Option<String>,
    /// Sent in the header that the provider wants it in.
    #[serde(deserialize_with = "secret")]
    pub api_key: Option<SecretString>,
    /// Headers that go with each request, as gateways want them, by name. One that says who asks
    /// (`authorization`, `x-api-key`, `api-key`, `x-goog-api-key`) stands in the place of `api_key`.
    pub headers: Headers,
    /// The protocol at `base_url`, for a provider that aikit does not know: `openai_chat` (default),
    /// `openai_responses`, `anthropic`, `gemini` or `cohere`.
    pub wire: Option<String>,
    /// Version of the API, for Azure.
    pub api_version: Option<String>,
    /// A file that exchanges are recorded into, or, if it is there, replayed from: then neither
    /// network nor key is needed.
    pub cassette: Option<Cassette>,
    /// Milliseconds until the head of an answer is there; default 120,000.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds that a stream may stand still; default 60,000.
    pub between_chunks_ms: Option<u64>,
    /// Milliseconds for a whole answer, or one request for vectors, with all attempts; default: as
    /// long as the run may take.
    pub total_ms: Option<u64>,
    /// Attempts after the first one, at most 10; default 2.
    pub max_retries: Option<u32>,
    /// Requests in a minute, of one tenant, key and model; default: no limit.
    pub requests_per_minute: Option<u32>,
    /// Tokens in a minute, in and out, of one tenant, key and model; default: no limit.
    pub tokens_per_minute: Option<u32>,
    /// Requests at once, of one tenant, key and model; default: no limit. Of `local`: answers of one
    /// model side by side; default 8.
    pub concurrent_requests: Option<u32>,
    /// Of `local`: the folder of models; default: `$AIKIT_MODELS`, or where the system keeps data.
    pub folder: Option<PathBuf>,
    /// Of `local`: threads that compute; default: one for each core, at most 16.
    pub threads: Option<u32>,
    /// Of `local`: tokens of a conversation with its answer; default 8,192, and never more than the
    /// model was made for.
    pub context_tokens: Option<u32>,
    /// Of `local`: memory for conversations, beside the file itself; default 1,024.
    pub cache_mb: Option<u32>,
    /// Of `local`: seconds that a model which nobody uses stays in memory; default 600.
    pub idle_s: Option<u32>,
    /// Why a key or a header that was given by reference could not be read: told when it is needed.
    #[serde(skip)]
    pub key_error: Option<Error>,
}

/// How long is waited for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// Until the head of an answer is there.
    pub(super) first_byte: Duration,
    /// Between two pieces of its body.
    pub(super) between_chunks: Duration,
    /// For all of it.
    pub(super) total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(120),
            between_chunks: Duration::from_secs(60),
            total: None,
        }
    }
}

impl From<&ProviderConfig> for Timeouts {
    fn from(config: &ProviderConfig) -> Self {
        let default = Self::default();
        let or = |ms: Option<u64>, default| ms.map_or(default, Duration::from_millis);
        Self {
            first_byte: or(config.first_byte_ms, default.first_byte),
            between_chunks: or(config.between_chunks_ms, default.between_chunks),
            total: config.total_ms.map(Duration::from_millis),
        }
    }
}

/// A provider as a wire needs it: where it is and how to get in.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// The name in `provider/model`.
    pub(super) name: String,
    /// Up to and without the path of an operation.
    pub(super) base_url: String,
    /// Fit for a header.
    pub(super) key: Option<SecretString>,
    /// A user's own, in the order of their names.
    pub(super) headers: Vec<OwnHeader>,
    pub(super) api_version: Option<String>,
    pub(super) timeouts: Timeouts,
    pub(super) cassette: Option<Cassette>,
}

/// A key, or an error that does not show what stood in its place, as serde's own does.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(key) => Ok(Some(key.into())),
        _ => Err(D::Error::custom("`api_key` must be a text")),
    }
}

/// The providers that a kernel was given, by name. Any name with a `base_url` is taken for an
/// OpenAI-compatible one.
#[derive(Clone, Debug, Default)]
pub struct Providers(pub BTreeMap<String, ProviderConfig>);

impl<'de> Deserialize<'de> for Providers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Who takes a key for the whole configuration must not find it in an error.
        let shape = || D::Error::custom("`providers` must be {name: {base_url, api_key}}");
        let Value::Object(entries) = Value::deserialize(deserializer)? else {
            return Err(shape());
        };
        let read = |(name, value): (String, Value)| match value {
            Value::Object(_) => {
                let config = ProviderConfig::deserialize(value).map_err(D::Error::custom)?;
                Ok((name, config))
            }
            _ => Err(shape()),
        };
        entries.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn split(name: &str) -> Result<(&str, &str)> {
    name.split_once('/').filter(|_| is_model_name(name)).ok_or_else(|| {
        Error::new(Code::ModelUnknown, format!("{name:?} is not of the form provider/model"))
            .hint("for instance openai/gpt-4o-mini")
    })
}

impl Providers {
    /// Looks at the headers of all of them, before anything is asked.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`].
    pub(crate) fn check_headers(&self) -> Result<()> {
        self.0.iter().try_for_each(|(name, config)| {
            config.headers.sendable(name, config.api_key.is_some()).map(drop)
        })
    }

    /// The same, with one cassette for all that name the same file.
    pub(crate) fn with_shared_cassettes(mut self) -> Self {
        let mut known: BTreeMap<PathBuf, Cassette> = BTreeMap::new();
        for cassette in self.0.values_mut().filter_map(|config| config.cassette.as_mut()) {
            // A new one: what another kernel used of its own is not used here.
            let shared = known
                .entry(cassette.path().to_owned())
                .or_insert_with(|| Cassette::new(cassette.path()));
            *cassette = shared.clone();
        }
        self
    }

    /// The chat model of this name. `script` serves `scripted/` models.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`].
    pub fn chat(&self, name: &str, script: &[ScriptTurn]) -> Result<Arc<dyn ChatModel>> {
        Ok(Fallback::of(self.link("", "", name, script)?, Vec::new()))
    }

    /// The chat model of this name as one of several; its requests are limited as those of a
    /// tenant of a store, its realm. What a script says happens: nothing stands before it.
    pub(crate) fn link(
        &self,
        tenant: &str,
        realm: &str,
        name: &str,
        script: &[ScriptTurn],
    ) -> Result<Link> {
        let (provider, model) = split(name)?;
        self.misplaced(provider)?;
        if let Some(model) =
            self.chat_in_process(&format!("{realm}/{tenant}"), provider, model, script)?
        {
            return Ok(Link::of(name, model));
        }
        let policy = self.policy(provider)?;
        let way = self.reach(provider, &environment)?;
        let reached = way.open()?;
        let key = reached.key.as_ref();
        let headers = &reached.headers;
        let lane = Lane { tenant, address: &reached.base_url, key, headers, model: name };
        let wire: Arc<dyn ChatModel> = match way.wire {
            Wire::OpenAiChat => {
                let wire = OpenAiChat::new(reached, model)?;
                let strict = wire.is_strict();
                let wire = Adapted::new(wire, Flavour::OpenAi, strict);
                Arc::new(Resilient::new(wire, &lane, policy))
            }
            Wire::OpenAiResponses => {
                let wire = OpenAiResponses::new(reached, model)?;
                let wire = Adapted::new(wire, Flavour::OpenAi, true);
                Arc::new(Resilient::new(wire, &lane, policy))
            }
            Wire::Anthropic => {
                Arc::new(Resilient::new(Anthropic::new(reached, model)?, &lane, policy))
            }
            Wire::Gemini => Arc::new(Resilient::new(Gemini::new(reached, model)?, &lane, policy)),
            Wire::Cohere => {
                let wire = Adapted::new(Cohere::new(reached, model)?, Flavour::OpenAi, false);
                Arc::new(Resilient::new(wire, &lane, policy))
            }
        };
        Ok(Link { name: name.to_owned(), model: wire, again: policy.max_retries })
    }

    fn policy(&self, provider: &str) -> Result<Policy> {
        // What is configured for one name of a provider holds for its others.
        let names = known::Known::named(provider).map_or(&[][..], |known| known.names);
        let mut configured = std::iter::once(&provider).chain(names);
        let config = configured.find_map(|name| self.0.get_key_value(*name));
        let policy = config.map(|(name, config)| Policy::of(name, config));
        Ok(policy.transpose()?.unwrap_or_default())
    }

    /// The embedding model of this name.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`]; [`Code::InvalidArgument`] for settings that make no sense.
    pub fn embedding(&self, name: &str) -> Result<Arc<dyn EmbeddingModel>> {
        self.embedding_for("", name)
    }

    /// The same; its requests are limited as those of a tenant.
    pub(crate) fn embedding_for(
        &self,
        tenant: &str,
        name: &str,
    ) -> Result<Arc<dyn EmbeddingModel>> {
        let (provider, model) = split(name)?;
        self.misplaced(provider)?;
        if let Some(model) = self.embedding_in_process(provider, model)? {
            return Ok(model);
        }
        let policy = self.policy(provider)?;
        let way = self.reach(provider, &environment)?;
        if matches!(way.wire, Wire::Anthropic) {
            let message = format!("{provider:?} has no embedding models");
            return Err(Error::new(Code::ModelUnknown, message)
                .hint("take an embedding model of another provider"));
        }
        let reached = way.open()?;
        let key = reached.key.as_ref();
        let headers = &reached.headers;
        let lane = Lane { tenant, address: &reached.base_url, key, headers, model: name };
        Ok(match way.wire {
            Wire::Cohere => {
                Arc::new(ResilientEmbeddings::new(Cohere::new(reached, model)?, &lane, policy))
            }
            Wire::Gemini => {
                Arc::new(ResilientEmbeddings::new(Gemini::new(reached, model)?, &lane, policy))
            }
            Wire::OpenAiChat | Wire::OpenAiResponses | Wire::Anthropic => {
                Arc::new(ResilientEmbeddings::new(OpenAiChat::new(reached, model)?, &lane, policy))
            }
        })
    }

    /// What to do about the key if calls of this model would go to a provider that takes none
    /// without one, and none is known.
    pub(crate) fn lacks_key(&self, name: &str) -> Option<String> {
        let (provider, _) = split(name).ok()?;
        self.reach(provider, &environment).ok()?.lacks_key()
    }
}
