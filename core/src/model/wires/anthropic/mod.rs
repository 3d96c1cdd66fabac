//! The Anthropic wire: `/v1/messages`, streamed.
//!
//! - `models`: what is known of each model.
//! - `request`, `conversation`: what is sent.
//! - `events`: what comes back.

mod conversation;
mod events;
pub(super) mod models;
mod request;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use super::http::{Endpoint, KeyHeader, address};
use crate::error::{Error, Result};
use crate::model::dialect::{Compiled, Flavour};
use crate::model::providers::Reached;
use crate::model::wires::body::check_options;
use crate::model::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, StructuredOutput};
use events::Reader;
use models::Model;

/// The name in receipts.
const WIRE: &str = "anthropic";
/// The version of the API that this module speaks.
const API_VERSION: &str = "2023-06-01";

/// A model behind an API of Anthropic's kind.
#[derive(Debug)]
pub(in crate::model) struct Anthropic {
    messages: Endpoint,
    name: String,
    model: Model,
    compiled: Compiled,
}

impl Anthropic {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        // The address is given with the version by some, and without it by others.
        let base = provider.base_url.trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let url = address(base, "v1/messages")?;
        let endpoint = Endpoint::of(provider, url, KeyHeader::Named("x-api-key"))
            .with_header("anthropic-version", API_VERSION);
        Ok(Self {
            messages: endpoint,
            name: model.to_owned(),
            model: Model::of(model),
            compiled: Compiled::new(Flavour::Anthropic),
        })
    }
}

#[async_trait]
impl ChatModel for Anthropic {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let tools = self.compiled.tools(&request.tools);
        let output = request.output.as_ref().filter(|_| self.model.native_output);
        let output = output.map(|output| self.compiled.output(output));
        check_options(&request.provider_options)?;
        let written = request::body(&self.name, &self.model, request, &tools, output.as_deref());
        let (body, prefix) = written.map_err(|e| {
            Error::invalid_argument("the request cannot be written as JSON").caused_by(e)
        })?;
        let mut answer = self.messages.post(body).await?;
        let text_streams = output.as_ref().is_none_or(|output| output.streams());
        let mut reader = Reader::new(&self.messages, &self.name, prefix, &tools, text_streams);
        reader.done.request_id = answer.request_id.take();
        if answer.streamed {
            while !reader.ended() {
                let whole = !reader.done.finish_reason.is_empty();
                let Some(data) = answer.event(whole).await? else { break };
                sink.began();
                reader.event(&data, sink).await?;
            }
        } else {
            reader.whole(&answer.body().await?, sink).await?;
        }
        if reader.done.finish_reason.is_empty() {
            return Err(self.messages.broken());
        }
        reader.close(sink).await?;
        let mut done = reader.done;
        if let Some(output) = output.filter(|output| !output.streams()) {
            done.text = output.restore(&done.text);
            sink.delta(Delta::Text(done.text.clone())).await;
        }
        Ok(done)
    }

    fn structured_output(&self) -> StructuredOutput {
        if self.model.native_output { StructuredOutput::Native } else { StructuredOutput::Tool }
    }
}
