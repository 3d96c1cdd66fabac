//! rig: its OpenAI chat model, streamed, with the loop that its users write.

use std::error::Error;

use futures_util::StreamExt;
use rig_core::Model;
use rig_core::completion::{CompletionRequest, CompletionResponse, ToolDefinition};
use rig_core::message::Message;
use rig_core::providers::openai::wire::Chat;
use rig_core::providers::openai::{OpenAI, OpenAIConfig};
use rig_core::streaming::{Item, StreamEvent};
use serde_json::Value;

use crate::{PROMPT, SYSTEM, add, tool_parameters};

pub struct Rig {
    client: OpenAI,
    model: Model<Chat>,
}

impl Rig {
    pub fn new(base_url: &str) -> Self {
        let client = OpenAIConfig::new("none").with_base_url(base_url).client();
        let model = client.chat("bench");
        Self { client, model }
    }

    pub async fn run(&self) -> Result<String, Box<dyn Error>> {
        let tool = || -> Result<ToolDefinition, Box<dyn Error>> {
            Ok(ToolDefinition::new("add".try_into()?, "Adds.", tool_parameters()))
        };
        let request = CompletionRequest::new(PROMPT).preamble(SYSTEM).tool(tool()?);
        let (first, _) = stream(&self.model, request).await?;
        let call = first.tool_calls().next().ok_or("no tool call")?.clone();
        let result = add(&Value::Object(call.function.arguments.clone()));
        let said = first.message().ok_or("no message")?;
        let answer = Message::tool_result(call.id, call.function.name, result.to_string());
        let request = CompletionRequest::new(answer)
            .preamble(SYSTEM)
            .messages([Message::user(PROMPT), said])
            .tool(tool()?);
        Ok(stream(&self.model, request).await?.0.text())
    }

    pub async fn chunks(&self) -> Result<usize, Box<dyn Error>> {
        let model = self.client.chat("chunks");
        Ok(stream(&model, CompletionRequest::new(PROMPT)).await?.1)
    }
}

async fn stream(
    model: &Model<Chat>,
    request: CompletionRequest,
) -> Result<(CompletionResponse, usize), Box<dyn Error>> {
    let mut stream = model.stream(request)?;
    let mut pieces = 0;
    while let Some(item) = stream.next().await {
        if let Item::Event(StreamEvent::Text { text, .. }) = item? {
            pieces += usize::from(!text.is_empty());
        }
    }
    Ok((stream.finish().await?, pieces))
}
