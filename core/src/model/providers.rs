//! From `provider/model` to a model.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use super::openai::OpenAi;
use super::scripted::{ScriptedEmbeddings, ScriptedModel};
use super::{ChatModel, EmbeddingModel};
use crate::error::{Code, Error, Result};
use crate::spec::{ScriptTurn, is_model_name};

const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// Where a provider is and how to get in. The key is never shown, logged or stored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Address up to and without `/chat/completions`.
    pub base_url: Option<String>,
    /// Sent as a bearer token.
    pub api_key: Option<SecretString>,
}

/// The providers that a kernel was given, by name. Any name with a `base_url` is taken for an
/// OpenAI-compatible one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Providers(pub BTreeMap<String, ProviderConfig>);

fn split(name: &str) -> Result<(&str, &str)> {
    name.split_once('/').filter(|_| is_model_name(name)).ok_or_else(|| {
        Error::new(Code::ModelUnknown, format!("{name:?} is not of the form provider/model"))
            .hint("for instance openai/gpt-4o-mini")
    })
}

impl Providers {
    /// The chat model of this name. `script` serves `scripted/` models.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`].
    pub fn chat(&self, name: &str, script: &[ScriptTurn]) -> Result<Arc<dyn ChatModel>> {
        let (provider, model) = split(name)?;
        if provider == "scripted" {
            return Ok(Arc::new(ScriptedModel::new(script.to_vec())));
        }
        Ok(Arc::new(self.openai(provider, model)?))
    }

    /// The embedding model of this name.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`].
    pub fn embedding(&self, name: &str) -> Result<Arc<dyn EmbeddingModel>> {
        let (provider, model) = split(name)?;
        if provider == "scripted" {
            return Ok(Arc::new(ScriptedEmbeddings));
        }
        Ok(Arc::new(self.openai(provider, model)?))
    }

    fn openai(&self, provider: &str, model: &str) -> Result<OpenAi> {
        let config = self.0.get(provider).cloned().unwrap_or_default();
        let env = |key: &str| {
            let value = std::env::var(key).ok().filter(|value| !value.is_empty());
            value.filter(|_| provider == "openai")
        };
        let base_url = config
            .base_url
            .or_else(|| env("OPENAI_BASE_URL"))
            .or_else(|| (provider == "openai").then(|| OPENAI_BASE_URL.to_owned()))
            .ok_or_else(|| {
                let known = self.0.keys().map(String::as_str);
                let known: Vec<&str> = ["scripted", "openai"].into_iter().chain(known).collect();
                Error::new(
                    Code::ModelUnknown,
                    format!("no provider named {provider:?} (there are: {})", known.join(", ")),
                )
                .hint(format!(
                    "for an OpenAI-compatible server give its address when opening the kernel: \
                     providers.{provider}.base_url"
                ))
            })?;
        let key = config.api_key.or_else(|| env("OPENAI_API_KEY").map(SecretString::from));
        OpenAi::new(&base_url, key, model)
    }
}
