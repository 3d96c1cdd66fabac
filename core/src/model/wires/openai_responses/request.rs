//! The body of a request of OpenAI's Responses API.

use serde::Serialize;
use serde_json::Value;

use super::OpenAiResponses;
use crate::error::{Error, Result};
use crate::model::wires::body::{fits_strict, written};
use crate::model::wires::messages::{Content, user};
use crate::model::{ChatRequest, Message, OutputSchema, Reasoning, Receipt, ToolCall, ToolSpec};
use crate::spec::{PromptCaching, ToolChoice};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: Vec<Item<'a>>,
    stream: bool,
    /// Nothing is left behind at the provider: what it must know again is sent again.
    store: bool,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Effort>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
}

#[derive(Serialize)]
struct Effort {
    effort: &'static str,
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    name: &'a str,
    strict: bool,
    schema: &'a Value,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    /// Said, because here the default is the other one.
    strict: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Said {
        /// For an assistant, `message`: servers that copy the API need it, and it is the default.
        #[serde(skip_serializing_if = "Option::is_none")]
        r#type: Option<&'static str>,
        role: &'static str,
        content: Content<'a, Part<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<&'a str>,
    },
    Call {
        r#type: &'static str,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    Result {
        r#type: &'static str,
        call_id: &'a str,
        output: &'a str,
    },
    /// What was thought, as it was sent.
    Thought(&'a Value),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: &'a str },
    InputImage { image_url: String },
}

fn said<'a>(role: &'static str, text: &'a str) -> Item<'a> {
    message_of(role, Content::Text(text), None)
}

fn message_of<'a>(
    role: &'static str,
    content: Content<'a, Part<'a>>,
    phase: Option<&'a str>,
) -> Item<'a> {
    let r#type = (role == "assistant").then_some("message");
    Item::Said { r#type, role, content, phase }
}

fn tool(tool: &ToolSpec) -> Tool<'_> {
    Tool {
        r#type: "function",
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
        strict: false,
    }
}

fn format(output: &OutputSchema) -> Text<'_> {
    Text {
        format: Format {
            r#type: "json_schema",
            name: &output.name,
            strict: fits_strict(&output.schema),
            schema: &output.schema,
        },
    }
}

fn number(data: &Value, key: &str) -> Option<usize> {
    usize::try_from(data.get(key)?.as_u64()?).ok()
}

impl OpenAiResponses {
    /// What the provider gave with what this model said, and wants back.
    fn kept<'a>(&self, reasoning: &'a [Reasoning]) -> impl Iterator<Item = &'a Value> {
        let ours = |receipt: &&Receipt| {
            receipt.wire == self.receipt
                && receipt.data.get("model").is_some_and(|model| *model == self.model)
        };
        reasoning.iter().filter_map(|r| r.receipt.as_ref()).filter(ours).map(|r| &r.data)
    }

    /// Adds a text, each part of it with the phase in which it was said: without, newer models take
    /// what they said on the way for an answer, and stop early.
    fn add_text<'a>(&self, items: &mut Vec<Item<'a>>, text: &'a str, reasoning: &'a [Reasoning]) {
        let mut done = 0;
        let mut add = |to: usize, phase: Option<&'a str>| {
            // A text that was changed since may have no such place.
            if let Some(piece) = text.get(done..to).filter(|piece| !piece.is_empty()) {
                items.push(message_of("assistant", Content::Text(piece), phase));
                done = to;
            }
        };
        for data in self.kept(reasoning) {
            let place = || Some((number(data, "from")?, number(data, "to")?));
            if let (Some(phase), Some((from, to))) = (data.get("phase"), place()) {
                add(from, None);
                add(to, phase.as_str());
            }
        }
        add(text.len(), None);
    }

    /// Adds what the model said, in the order in which it did: what it thought before a call stands
    /// before that call.
    fn add_assistant<'a>(
        &self,
        items: &mut Vec<Item<'a>>,
        text: &'a str,
        reasoning: &'a [Reasoning],
        calls: &'a [ToolCall],
    ) {
        // A thought that nothing follows is refused, and so is one that another model thought.
        let followed = !(text.is_empty() && calls.is_empty());
        let thoughts = self.kept(reasoning).filter(|_| followed).filter_map(|data| {
            Some((number(data, "calls_before").unwrap_or(0), data.get("item")?))
        });
        let mut thoughts = thoughts.peekable();
        let mut add_thoughts = |items: &mut Vec<Item<'a>>, calls_before: usize| {
            while let Some((_, item)) = thoughts.next_if(|(before, _)| *before <= calls_before) {
                items.push(Item::Thought(item));
            }
        };
        add_thoughts(items, 0);
        self.add_text(items, text, reasoning);
        for (i, call) in calls.iter().enumerate() {
            add_thoughts(items, i);
            items.push(Item::Call {
                r#type: "function_call",
                call_id: &call.id,
                name: &call.name,
                arguments: &call.arguments,
            });
        }
    }

    /// The body as JSON, asking for a stream.
    pub(super) fn body(&self, request: &ChatRequest) -> Result<Vec<u8>> {
        if !request.stop.is_empty() {
            return Err(Error::invalid_argument("the Responses API has no stop texts").hint(
                "leave `intelligence.stop` out, or take the model as openai/..., which has them",
            ));
        }
        let mut input = Vec::with_capacity(request.messages.len());
        for message in &request.messages {
            match message {
                Message::System(text) => input.push(said("system", text)),
                Message::User { text, images } => {
                    let picture = |image_url| Part::InputImage { image_url };
                    let content = user(text, images, |text| Part::InputText { text }, picture);
                    input.push(message_of("user", content, None));
                }
                Message::Assistant { text, reasoning, tool_calls } => {
                    self.add_assistant(&mut input, text, reasoning, tool_calls);
                }
                Message::Tool { call_id, content, .. } => input.push(Item::Result {
                    r#type: "function_call_output",
                    call_id,
                    output: content,
                }),
            }
        }
        let has_tools = !request.tools.is_empty();
        let effort = request.reasoning_effort;
        // Models that think refuse temperature and the like, unless they are told not to think;
        // others refuse to be asked about thoughts.
        let effort = effort.map(|effort| self.who.responses_word(&self.model, effort));
        let samples = !self.thinks || effort == Some("none");
        let cached = self.takes_cache_key && request.prompt_caching != PromptCaching::Off;
        let body = Body {
            model: &self.model,
            input,
            stream: true,
            store: false,
            include: match self.who.encrypts_thoughts(&self.model) {
                true => &["reasoning.encrypted_content"],
                false => &[],
            },
            temperature: request.temperature.filter(|_| samples),
            top_p: request.top_p.filter(|_| samples),
            max_output_tokens: request.max_tokens,
            reasoning: effort.map(|effort| Effort { effort }),
            tools: request.tools.iter().map(tool).collect(),
            tool_choice: match request.tool_choice {
                ToolChoice::Required if has_tools => Some("required"),
                ToolChoice::None if has_tools => Some("none"),
                _ => None,
            },
            parallel_tool_calls: (has_tools && !request.parallel_tool_calls).then_some(false),
            // Servers that are not known would never call a tool next to it.
            text: request.output.as_deref().filter(|_| self.at_home || !has_tools).map(format),
            prompt_cache_key: request.cache_key.as_deref().filter(|_| cached),
        };
        written(&body, &request.provider_options)
    }
}
