//! rig: its model of each wire, streamed, with the loop that its users write.

use std::error::Error;

use futures_util::StreamExt;
use rig_core::DynModel;
use rig_core::completion::{CompletionRequest, CompletionResponse, ToolDefinition};
use rig_core::message::Message;
use rig_core::operation::Completion;
use rig_core::providers::anthropic::wire::AnthropicConfig;
use rig_core::providers::cohere::{ChatRoute, CohereConfig};
use rig_core::providers::gemini::GeminiConfig;
use rig_core::providers::openai::OpenAIConfig;
use rig_core::streaming::{Item, StreamEvent};
use serde_json::Value;

use crate::wires::Wire;
use crate::{PROMPT, SYSTEM, add, tool_parameters};

type Chat = DynModel<Completion>;

pub struct Rig {
    server: String,
    model: Chat,
}

impl Rig {
    pub fn new(server: &str) -> Self {
        Self { server: server.to_owned(), model: model(Wire::Chat, server, "bench") }
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

    pub async fn chunks(&self, wire: Wire, name: &str) -> Result<(String, usize), Box<dyn Error>> {
        let model = model(wire, &self.server, name);
        let request = CompletionRequest::new(PROMPT).max_tokens(4096);
        let (answer, pieces) = stream(&model, request).await?;
        Ok((answer.text(), pieces))
    }
}

fn model(wire: Wire, server: &str, name: &str) -> Chat {
    let base_url = wire.base_url(server);
    let openai = || OpenAIConfig::new("none").with_base_url(&base_url).client();
    match wire {
        Wire::Chat => openai().chat(name).erase(),
        Wire::Responses => openai().responses(name).erase(),
        Wire::Anthropic => {
            let client = AnthropicConfig::new("none").with_base_url(&base_url).client();
            client.completion(name).erase()
        }
        Wire::Gemini => {
            GeminiConfig::new("none").with_base_url(base_url).client().completion(name).erase()
        }
        // Its own API; rig takes the one that is like OpenAI's otherwise.
        Wire::Cohere => {
            let client = CohereConfig::new("none").with_base_url(&base_url).client();
            let mut model = client.completion(name);
            model.wire = model.wire.with_route(ChatRoute::Native);
            model.erase()
        }
    }
}

async fn stream(
    model: &Chat,
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
