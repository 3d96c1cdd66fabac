//! The Gemini wire: `generateContent`, streamed, and `batchEmbedContents`.
//!
//! - `models`: what is known of each model.
//! - `request`, `conversation`: what is sent.
//! - `chunks`: what comes back.
//! - `embeddings`: vectors.

mod chunks;
mod conversation;
mod embeddings;
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
use chunks::Reader;

/// The name in receipts.
const WIRE: &str = "gemini";

/// A model behind an API of Gemini's kind.
#[derive(Debug)]
pub(in crate::model) struct Gemini {
    generate: Endpoint,
    embeddings: Endpoint,
    /// Without its folder: `gemini-2.5-flash`.
    name: String,
    /// With it: `models/gemini-2.5-flash`.
    resource: String,
    compiled: Compiled,
}

impl Gemini {
    pub(in crate::model) fn new(provider: &Reached, model: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@/".contains(c);
        if !model.chars().all(plain) || model.split('/').any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(Error::invalid_argument(format!("{model:?} is no name of a model"))
                .hint("for instance gemini-2.5-flash"));
        }
        let resource =
            if model.contains('/') { model.to_owned() } else { format!("models/{model}") };
        // The address is given with the version by some, and without it by others.
        let base = provider.base_url.trim_end_matches('/');
        let versioned = ["/v1beta", "/v1"].iter().any(|version| base.ends_with(version));
        let base = if versioned { base.to_owned() } else { format!("{base}/v1beta") };
        let endpoint = |operation: &str| {
            let url = address(&base, &format!("{resource}:{operation}"))?;
            let key = KeyHeader::Named("x-goog-api-key");
            Ok::<_, Error>(Endpoint::of(provider, url, key))
        };
        Ok(Self {
            generate: endpoint("streamGenerateContent?alt=sse")?,
            embeddings: endpoint("batchEmbedContents")?,
            name: model.rsplit('/').next().unwrap_or(model).to_owned(),
            resource,
            compiled: Compiled::new(Flavour::Gemini),
        })
    }
}

#[async_trait]
impl ChatModel for Gemini {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let tools = self.compiled.tools(&request.tools);
        let native = self.structured_output() == StructuredOutput::Native;
        let output = request.output.as_ref().filter(|_| native);
        let output = output.map(|output| self.compiled.output(output));
        check_options(&request.provider_options)?;
        let body = request::body(&self.name, request, &tools, output.as_deref()).map_err(|e| {
            Error::invalid_argument("the request cannot be written as JSON").caused_by(e)
        })?;
        let mut answer = self.generate.post(body).await?;
        let text_streams = output.as_ref().is_none_or(|output| output.streams());
        let mut reader = Reader::new(&self.generate, &tools, text_streams);
        reader.done.request_id = answer.request_id.take();
        if answer.streamed {
            while let Some(data) = answer.event(!reader.done.finish_reason.is_empty()).await? {
                sink.began();
                reader.chunk(&data, sink).await?;
            }
        } else {
            reader.whole(&answer.body().await?, sink).await?;
        }
        let mut done = reader.done;
        if done.finish_reason.is_empty() {
            return Err(self.generate.broken());
        }
        if let Some(output) = output.filter(|output| !output.streams()) {
            done.text = output.restore(&done.text);
            sink.delta(Delta::Text(done.text.clone())).await;
        }
        Ok(done)
    }

    /// Older models refuse a schema of the answer next to tools.
    fn structured_output(&self) -> StructuredOutput {
        if models::is_recent(&self.name) {
            StructuredOutput::Native
        } else {
            StructuredOutput::Tool
        }
    }
}
