//! The body of a request to the Messages API. Equal requests give equal bytes, so that caches hit.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::conversation::{self, Turn};
use super::models::{self, Model, Off, Thinking};
use crate::model::dialect::{Output, Tools};
use crate::model::{ChatRequest, Message};
use crate::spec::{PromptCaching, ReasoningEffort, ToolChoice};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<SystemBlock<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    output_config: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
}

/// A mark that asks the provider to keep what stands up to here.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CacheControl {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct Choice {
    r#type: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
struct SystemBlock<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

/// How this request is thought about.
struct Thought {
    thinking: Option<Value>,
    effort: Option<&'static str>,
    /// Whether sampling must be left alone.
    at_work: bool,
}

fn thought(model: &Model, request: &ChatRequest, max_tokens: u32, forced: bool) -> Thought {
    let none = Thought { thinking: None, effort: None, at_work: false };
    let asked = request.reasoning_effort;
    match model.thinking {
        Thinking::Never => none,
        Thinking::Budget => {
            // A forced call and thinking exclude each other, and so do thinking and a turn of
            // calls that was begun without: the first thing in it must be what was thought.
            let budget = asked.and_then(|effort| models::budget(effort, max_tokens));
            match budget {
                Some(tokens) if !forced && !conversation::calls_without_thought(request) => {
                    Thought {
                        thinking: Some(json!({"type": "enabled", "budget_tokens": tokens})),
                        effort: None,
                        at_work: true,
                    }
                }
                _ => none,
            }
        }
        Thinking::Adaptive(off) => match (asked, off) {
            (_, Off::Word(word)) if forced => {
                Thought { thinking: Some(json!({"type": word})), ..none }
            }
            (_, Off::Unasked) if forced => none,
            (Some(effort), Off::Effort) if forced => {
                Thought { effort: Some(models::effort(effort)), ..none }
            }
            (None, _) => none,
            (Some(ReasoningEffort::None), Off::Unasked) => none,
            (Some(ReasoningEffort::None), Off::Word(word)) => {
                Thought { thinking: Some(json!({"type": word})), ..none }
            }
            (Some(ReasoningEffort::None), Off::Effort) => {
                Thought { effort: Some(models::effort(ReasoningEffort::None)), ..none }
            }
            (Some(effort), _) => {
                let thinking = if model.hides_thinking {
                    json!({"type": "adaptive", "display": "summarized"})
                } else {
                    json!({"type": "adaptive"})
                };
                let effort = Some(models::effort(effort));
                Thought { thinking: Some(thinking), effort, at_work: true }
            }
        },
    }
}

fn choice(model: &Model, request: &ChatRequest) -> Option<Choice> {
    if request.tools.is_empty() {
        return None;
    }
    let single = !request.parallel_tool_calls;
    match request.tool_choice {
        ToolChoice::None => Some(Choice { r#type: "none", disable_parallel_tool_use: false }),
        ToolChoice::Required if model.forced_tools => {
            Some(Choice { r#type: "any", disable_parallel_tool_use: single })
        }
        _ => single.then_some(Choice { r#type: "auto", disable_parallel_tool_use: true }),
    }
}

/// Where marks go: behind the tools, the system's text, and the last two things that were said to
/// the model, so that the second finds what the request before it left.
struct Marks {
    mark: CacheControl,
    tools: bool,
    system: bool,
    messages: bool,
}

/// Bytes to the token, roughly: marks behind too little are passed over by the provider.
const BYTES_PER_TOKEN: usize = 4;

fn marks(model: &Model, request: &ChatRequest, tools: &Tools) -> Option<Marks> {
    let ttl = match request.prompt_caching {
        PromptCaching::Off => return None,
        PromptCaching::Auto => None,
        PromptCaching::Long => Some("1h"),
    };
    let enough = model.cache_tokens * BYTES_PER_TOKEN;
    let system: usize = system_texts(request).map(str::len).sum();
    let said: usize = request.messages.iter().map(conversation::size).sum();
    // What is asked once and never continued would be kept in vain.
    let goes_on = !request.tools.is_empty()
        || ttl.is_some()
        || request.messages.iter().any(|m| matches!(m, Message::Assistant { .. }));
    Some(Marks {
        mark: CacheControl { r#type: "ephemeral", ttl },
        tools: tools.size() >= enough,
        system: tools.size() + system >= enough,
        messages: goes_on && tools.size() + said >= enough,
    })
}

fn system_texts(request: &ChatRequest) -> impl DoubleEndedIterator<Item = &str> {
    request.messages.iter().filter_map(|message| match message {
        Message::System(text) if !text.trim().is_empty() => Some(text.as_str()),
        _ => None,
    })
}

/// The body as JSON, asking for a stream, and what the answer's thoughts are bound to where the model
/// binds them.
pub(super) fn body(
    name: &str,
    model: &Model,
    request: &ChatRequest,
    tools: &Tools,
    output: Option<&Output>,
) -> Result<(Vec<u8>, Option<String>), serde_json::Error> {
    let max_tokens = model.max_tokens(request.max_tokens);
    let choice = choice(model, request);
    let forced = choice.as_ref().is_some_and(|choice| choice.r#type == "any");
    let thought = thought(model, request, max_tokens, forced);
    let marks = marks(model, request, tools);
    let mark = |place: fn(&Marks) -> bool| marks.as_ref().filter(|m| place(m)).map(|m| m.mark);

    let mut wire_tools: Vec<WireTool<'_>> = tools
        .list()
        .iter()
        .map(|tool| WireTool {
            name: &tool.name,
            description: &tool.description,
            input_schema: &tool.parameters,
            cache_control: None,
        })
        .collect();
    let mut system: Vec<SystemBlock<'_>> = system_texts(request)
        .map(|text| SystemBlock { r#type: "text", text, cache_control: None })
        .collect();
    let mut messages = conversation::turns(name, &request.messages, tools);
    let prefix = match model.binds_thoughts {
        true => Some(conversation::leave_unbound(&mut messages, &(&system, &wire_tools))?),
        false => None,
    };
    if let Some(last) = wire_tools.last_mut() {
        last.cache_control = mark(|m| m.tools);
    }
    if let Some(last) = system.last_mut() {
        last.cache_control = mark(|m| m.system);
    }
    if let Some(mark) = mark(|m| m.messages) {
        conversation::mark_last(&mut messages, mark);
    }
    let mut output_config = Map::new();
    if let Some(effort) = thought.effort {
        output_config.insert("effort".into(), effort.into());
    }
    if let Some(output) = output {
        let format = json!({"type": "json_schema", "schema": output.schema()});
        output_config.insert("format".into(), format);
    }
    // Thinking excludes sampling; `top_p` next to `temperature` is refused by many.
    let sampling = model.sampling && !thought.at_work;
    let temperature = request.temperature.filter(|_| sampling).map(|t| t.clamp(0.0, 1.0));
    let both = model.both_samplings || temperature.is_none();
    let body = Body {
        model: name,
        max_tokens,
        stream: true,
        tools: wire_tools,
        tool_choice: choice,
        system,
        messages,
        thinking: thought.thinking,
        output_config,
        temperature,
        top_p: request.top_p.filter(|_| sampling && both),
        // One without a visible character is refused.
        stop_sequences: request
            .stop
            .iter()
            .map(String::as_str)
            .filter(|stop| !stop.trim().is_empty())
            .collect(),
    };
    if request.provider_options.is_empty() {
        return Ok((serde_json::to_vec(&body)?, prefix));
    }
    let mut body = serde_json::to_value(&body)?;
    if let Value::Object(body) = &mut body {
        body.extend(request.provider_options.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    Ok((serde_json::to_vec(&body)?, prefix))
}

/// The id of a call as the API takes it. Another provider's may have characters that it refuses.
pub(super) fn call_id(id: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("call_{}", &blake3::hash(id.as_bytes()).to_hex()[..24]))
}
