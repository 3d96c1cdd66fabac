//! The body of a chat request on the OpenAI-compatible wire, written straight from the request:
//! no document is built in between, and equal requests give equal bytes, so that caches hit.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::OpenAiChat;
use super::quirks::{Effort, Keeps};
use crate::error::Result;
use crate::model::wires::body::{fits_strict, written};
use crate::model::wires::messages::{Call, Content, Declared, Function, Part, tool};
use crate::model::{ChatRequest, Message, OutputSchema, Reasoning, StructuredOutput, ToolCall};
use crate::spec::{PromptCaching, ToolChoice};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    /// Mistral's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    random_seed: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(flatten)]
    effort: Effort,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Function<Declared<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    strict: bool,
    schema: &'a Value,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    /// Null where there is none: some servers insist on the key.
    content: Option<Content<'a, Part<'a, Thinking<'a>>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
struct ThoughtText<'a> {
    r#type: &'static str,
    text: Cow<'a, str>,
}

/// What was thought, as Mistral has it.
type Thinking<'a> = [ThoughtText<'a>; 1];

fn plain<'a>(role: &'static str, content: &'a str) -> WireMessage<'a> {
    WireMessage {
        role,
        content: Some(Content::Text(content)),
        reasoning_content: None,
        reasoning_details: None,
        tool_call_id: None,
        tool_calls: Vec::new(),
    }
}

fn response_format(output: &OutputSchema) -> ResponseFormat<'_> {
    ResponseFormat {
        r#type: "json_schema",
        json_schema: JsonSchema {
            name: &output.name,
            strict: fits_strict(&output.schema),
            schema: &output.schema,
        },
    }
}

impl OpenAiChat {
    fn message<'a>(&self, message: &'a Message) -> WireMessage<'a> {
        match message {
            Message::System(text) => plain("system", text),
            Message::User { text, images } => {
                WireMessage { content: Some(Part::user(text, images)), ..plain("user", text) }
            }
            Message::Assistant { text, reasoning, tool_calls } => {
                self.assistant(text, reasoning, tool_calls)
            }
            Message::Tool { call_id, content, .. } => WireMessage {
                tool_call_id: Some(self.who.call_id(call_id)),
                ..plain("tool", content)
            },
        }
    }

    fn assistant<'a>(
        &self,
        text: &'a str,
        reasoning: &'a [Reasoning],
        calls: &'a [ToolCall],
    ) -> WireMessage<'a> {
        let mut message = plain("assistant", text);
        if text.is_empty() && !calls.is_empty() {
            message.content = None;
        }
        let call = |call: &'a ToolCall| Call::new(self.who.call_id(&call.id), call);
        message.tool_calls = calls.iter().map(call).collect();
        let ours: Vec<&Reasoning> = reasoning
            .iter()
            .filter(|r| r.receipt.as_ref().is_some_and(|receipt| receipt.wire == self.receipt))
            .collect();
        match self.who.keeps() {
            Keeps::Nothing => {}
            // Without it, a conversation with calls is refused; what another model thought is not
            // this one's.
            Keeps::ReasoningContent => {
                message.reasoning_content =
                    (!ours.is_empty() || !calls.is_empty()).then(|| thoughts(&ours));
            }
            Keeps::ReasoningDetails => {
                let last = ours.last().and_then(|r| r.receipt.as_ref());
                message.reasoning_details = last.and_then(|receipt| {
                    receipt.data.get("model").filter(|model| **model == self.model)?;
                    receipt.data.get("details")
                });
            }
            Keeps::Thinking if ours.is_empty() => {}
            Keeps::Thinking => {
                let thinking = [ThoughtText { r#type: "text", text: thoughts(&ours) }];
                let words = (!text.is_empty()).then_some(Part::Text { text });
                let parts = std::iter::once(Part::Thinking { thinking }).chain(words).collect();
                message.content = Some(Content::Parts(parts));
            }
        }
        message
    }

    /// The body as JSON, asking for a stream with usage.
    pub(super) fn body(&self, request: &ChatRequest) -> Result<Vec<u8>> {
        let (who, model) = (self.who, self.model.as_str());
        let has_tools = !request.tools.is_empty();
        let forced = has_tools && request.tool_choice == ToolChoice::Required;
        let samples = who.samples(model, request.reasoning_effort);
        let (limit, thinking_limit) = match request.max_tokens {
            limit if who.is_thinking_openai(model) => (None, limit),
            limit => (limit, None),
        };
        let mistral = !who.takes_stream_options();
        let native = match self.shape {
            StructuredOutput::Native => true,
            StructuredOutput::NativeWithoutTools => !has_tools,
            StructuredOutput::Tool | StructuredOutput::Prompt => false,
        };
        let cached = self.takes_cache_key && request.prompt_caching != PromptCaching::Off;
        let body = Body {
            model,
            messages: request.messages.iter().map(|m| self.message(m)).collect(),
            stream: true,
            stream_options: who
                .takes_stream_options()
                .then_some(StreamOptions { include_usage: true }),
            temperature: request.temperature.filter(|_| samples),
            top_p: request.top_p.filter(|_| samples),
            max_tokens: limit,
            max_completion_tokens: thinking_limit,
            seed: request.seed.filter(|_| !mistral),
            random_seed: request.seed.filter(|_| mistral),
            stop: &request.stop,
            effort: who.effort(model, request.reasoning_effort, forced),
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: match request.tool_choice {
                ToolChoice::Required if has_tools => who.required(request.reasoning_effort),
                ToolChoice::None if has_tools => Some("none"),
                _ => None,
            },
            parallel_tool_calls: (has_tools
                && !request.parallel_tool_calls
                && who.takes_parallel(model))
            .then_some(false),
            response_format: request.output.as_deref().filter(|_| native).map(response_format),
            prompt_cache_key: request.cache_key.as_deref().filter(|_| cached),
        };
        written(&body, &request.provider_options)
    }
}

/// The texts of what was thought, one after the other.
fn thoughts<'a>(reasoning: &[&'a Reasoning]) -> Cow<'a, str> {
    match reasoning {
        [] => Cow::Borrowed(""),
        [one] => Cow::Borrowed(&one.text),
        several => several.iter().map(|r| r.text.as_str()).collect::<String>().into(),
    }
}
