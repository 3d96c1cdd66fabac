//! OpenAI's Responses API: `/responses`, streamed and without anything kept at the provider.

mod request;
mod stream;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use self::stream::Reading;
use super::http::Endpoint;
use super::openai_chat::{RESPONSES, Who, openai_endpoint, takes_cache_key, thinks};
use crate::error::Result;
use crate::model::providers::Reached;
use crate::model::{ChatModel, ChatRequest, Completion, DeltaSink, StructuredOutput};

/// A model behind the Responses API.
#[derive(Clone, Debug)]
pub(in crate::model) struct OpenAiResponses {
    endpoint: Endpoint,
    model: String,
    who: Who,
    /// Whether it is one of OpenAI's that think.
    thinks: bool,
    /// Whether the address is the provider's own.
    at_home: bool,
    /// The wire of its receipts.
    receipt: String,
    takes_cache_key: bool,
}

impl OpenAiResponses {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        let who = Who::of(provider);
        Ok(Self {
            who,
            at_home: who.is_at_home(provider),
            endpoint: openai_endpoint(provider, model, RESPONSES)?,
            model: model.to_owned(),
            thinks: thinks(model),
            receipt: format!("openai_responses:{}", provider.name),
            takes_cache_key: takes_cache_key(provider, RESPONSES),
        })
    }
}

#[async_trait]
impl ChatModel for OpenAiResponses {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let mut answer = self.endpoint.post(self.body(request)?).await?;
        let mut reading = Reading::new(self, answer.request_id.take());
        if answer.streamed {
            while let Some(data) = answer.event(false).await? {
                sink.began();
                if reading.take(&data, sink).await? {
                    break;
                }
            }
        } else {
            reading.take_whole(&answer.body().await?, sink).await?;
        }
        reading.complete()
    }

    fn structured_output(&self) -> StructuredOutput {
        if self.at_home { StructuredOutput::Native } else { StructuredOutput::NativeWithoutTools }
    }
}
