//! The OpenAI-compatible wire: `/chat/completions`, streamed, and `/embeddings`.
//!
//! - `quirks`: in what those who speak it differ.
//! - `request`: what is sent.
//! - `chunk`, `stream`: what comes back.

mod chunk;
mod embed;
mod quirks;
mod request;
mod stream;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use reqwest::Url;

pub(super) use quirks::{Who, thinks};

use self::stream::Reading;
use super::http::{Endpoint, KeyHeader, address};
use crate::error::Result;
use crate::model::providers::Reached;
use crate::model::{ChatModel, ChatRequest, Completion, DeltaSink, StructuredOutput};

/// The operations that answer.
const CHAT: &str = "chat/completions";
pub(super) const RESPONSES: &str = "responses";

/// A model behind an OpenAI-compatible API.
#[derive(Clone, Debug)]
pub(in crate::model) struct OpenAiChat {
    chat: Endpoint,
    embeddings: Endpoint,
    model: String,
    who: Who,
    /// The wire of its receipts.
    receipt: String,
    takes_cache_key: bool,
    /// How an answer gets its shape.
    shape: StructuredOutput,
}

impl OpenAiChat {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        let who = Who::of(provider);
        let endpoint = |path: &str| openai_endpoint(provider, model, path);
        let chat = endpoint(CHAT)?;
        Ok(Self {
            takes_cache_key: takes_cache_key(provider, CHAT),
            shape: match who.structured_output(model) {
                StructuredOutput::Native if !who.is_at_home(provider) => {
                    StructuredOutput::NativeWithoutTools
                }
                way => way,
            },
            chat,
            embeddings: endpoint("embeddings")?,
            model: model.to_owned(),
            who,
            receipt: format!("openai_chat:{}", provider.name),
        })
    }
}

impl OpenAiChat {
    /// Whether a schema holds here only when every property is asked for and no other allowed.
    pub(in crate::model) fn is_strict(&self) -> bool {
        matches!(self.who, Who::OpenAi | Who::Azure)
    }
}

/// Whether the address is of somebody who documents `prompt_cache_key` for this operation: others with
/// the protocol refuse what they do not know, and so do the older versions of Azure's API.
pub(super) fn takes_cache_key(provider: &Reached, path: &str) -> bool {
    let who = Who::of(provider);
    let documents = match who {
        Who::OpenAi | Who::Mistral => true,
        Who::Azure => provider.api_version.is_none(),
        Who::Xai => path == RESPONSES,
        _ => false,
    };
    documents && who.is_at_home(provider)
}

/// An operation of an OpenAI-compatible API, with the key where the provider wants it.
pub(super) fn openai_endpoint(provider: &Reached, model: &str, path: &str) -> Result<Endpoint> {
    if Who::of(provider) != Who::Azure {
        let url = address(&provider.base_url, path)?;
        return Ok(Endpoint::of(provider, url, KeyHeader::Bearer));
    }
    let url = azure(provider, model, path)?;
    Ok(Endpoint::of(provider, url, KeyHeader::Named("api-key")))
}

/// Azure has two addresses for an operation: the newer one, like OpenAI's own, and the one of a
/// deployment, which wants a version of the API. An address that says which of them is taken at its
/// word; the bare one of a resource goes by whether there is a version.
fn azure(provider: &Reached, model: &str, path: &str) -> Result<Url> {
    let base = provider.base_url.trim_end_matches('/');
    let base = base.strip_suffix("/openai").unwrap_or(base);
    let version = provider.api_version.as_deref().filter(|version| !version.is_empty());
    let says = base.ends_with("/v1") || base.contains("/deployments/");
    let mut url = match version {
        _ if says => address(base, path)?,
        None => address(base, &format!("openai/v1/{path}"))?,
        // Responses belong to no deployment.
        Some(_) if path == RESPONSES => address(base, &format!("openai/{path}"))?,
        Some(_) => {
            let mut url = address(base, "openai/deployments")?;
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.push(model).extend(path.split('/'));
            }
            url
        }
    };
    if let Some(version) = version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    Ok(url)
}

#[async_trait]
impl ChatModel for OpenAiChat {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let mut answer = self.chat.post(self.body(request)?).await?;
        let mut reading = Reading::new(self, answer.request_id.take());
        if answer.streamed {
            while let Some(data) = answer.event(reading.is_whole()).await? {
                sink.began();
                reading.take(&data, sink).await?;
            }
        } else {
            // Some servers answer in one piece whatever is asked.
            reading.take(&answer.body().await?, sink).await?;
        }
        reading.complete(sink).await
    }

    fn structured_output(&self) -> StructuredOutput {
        self.shape
    }
}
