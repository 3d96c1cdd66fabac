//! In what the providers that speak the OpenAI-compatible wire differ, each difference as it is
//! documented or reported.

use std::borrow::Cow;

use reqwest::Url;
use serde::Serialize;

use crate::model::StructuredOutput;
use crate::model::providers::Reached;
use crate::spec::ReasoningEffort;

/// Whose the API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model::wires) enum Who {
    OpenAi,
    Azure,
    Mistral,
    DeepSeek,
    Groq,
    Xai,
    OpenRouter,
    Ollama,
    /// Somebody compatible: llama.cpp, vLLM, a gateway.
    Other,
}

/// How what was thought goes back to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeps {
    Nothing,
    /// As `reasoning_content` beside the text.
    ReasoningContent,
    /// As the `reasoning_details` that were sent.
    ReasoningDetails,
    /// As a part of the content.
    Thinking,
}

/// The fields that say how much is thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Effort {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Nested>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Typed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_format: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Nested {
    effort: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Typed {
    r#type: &'static str,
}

const HOSTS: &[(&str, Who)] = &[
    ("api.openai.com", Who::OpenAi),
    ("api.mistral.ai", Who::Mistral),
    ("api.deepseek.com", Who::DeepSeek),
    ("api.groq.com", Who::Groq),
    ("api.x.ai", Who::Xai),
    ("openrouter.ai", Who::OpenRouter),
];

/// Whether OpenAI's model of this name thinks before it answers; such models take other fields.
/// A gateway's or a deployment's name may stand around it.
pub(in crate::model::wires) fn thinks(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    if name.contains("-chat") {
        return false;
    }
    if let Some(version) = name.strip_prefix("gpt-") {
        let major: String = version.chars().take_while(char::is_ascii_digit).collect();
        return major.parse::<u32>().is_ok_and(|major| major >= 5);
    }
    let mut chars = name.chars();
    chars.next() == Some('o') && chars.next().is_some_and(|c| c.is_ascii_digit())
}

/// The word of an effort for one of OpenAI's models that think: the nearest that it has. Before 5.1
/// none of them can leave it, from then on none knows `minimal`, and the o-series never did.
pub(in crate::model::wires) fn openai_word(model: &str, effort: ReasoningEffort) -> &'static str {
    use ReasoningEffort::{Minimal, None as No};
    let name = model.rsplit('/').next().unwrap_or(model);
    let first_five = name.strip_prefix("gpt-5").is_some_and(|rest| !rest.starts_with('.'));
    let only_low = name.starts_with('o') || name.starts_with("gpt-5-codex");
    match effort {
        No | Minimal if only_low => "low",
        No if first_five => "minimal",
        Minimal if !first_five => "low",
        effort => word(effort),
    }
}

/// The words of the effort as OpenAI has them.
const fn word(effort: ReasoningEffort) -> &'static str {
    match effort {
        ReasoningEffort::None => "none",
        ReasoningEffort::Minimal => "minimal",
        ReasoningEffort::Low => "low",
        ReasoningEffort::Medium => "medium",
        ReasoningEffort::High => "high",
    }
}

/// The same where the least but none is `low`.
const fn word_from_low(effort: ReasoningEffort) -> &'static str {
    match effort {
        ReasoningEffort::Minimal => "low",
        effort => word(effort),
    }
}

impl Who {
    pub(in crate::model::wires) fn of(provider: &Reached) -> Self {
        let host = Url::parse(&provider.base_url).ok();
        let host = host.as_ref().and_then(Url::host_str).unwrap_or_default();
        match provider.name.as_str() {
            "openai" => Self::OpenAi,
            "azure" => Self::Azure,
            "mistral" => Self::Mistral,
            "deepseek" => Self::DeepSeek,
            "groq" => Self::Groq,
            "xai" => Self::Xai,
            "openrouter" => Self::OpenRouter,
            "ollama" => Self::Ollama,
            _ if host.ends_with(".openai.azure.com") => Self::Azure,
            _ => HOSTS.iter().find(|(name, _)| *name == host).map_or(Self::Other, |(_, who)| *who),
        }
    }

    /// Whether the address is the provider's own. What answers elsewhere under its name is a server or
    /// a gateway of which nothing is known. Azure has an address for everyone.
    pub(in crate::model::wires) fn is_at_home(self, provider: &Reached) -> bool {
        let url = Url::parse(&provider.base_url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        self == Self::Azure
            || (self == Self::OpenAi && host.ends_with(".openai.com"))
            || HOSTS.contains(&(host, self))
    }

    /// Whether usage must be asked for. Mistral sends it and refuses the field.
    pub(super) fn takes_stream_options(self) -> bool {
        self != Self::Mistral
    }

    /// Whether the model is one of OpenAI's that think.
    pub(super) fn is_thinking_openai(self, model: &str) -> bool {
        matches!(self, Self::OpenAi | Self::Azure) && thinks(model)
    }

    /// Whether temperature and the like are taken. OpenAI's models that think refuse them, unless
    /// they are told not to.
    pub(super) fn samples(self, model: &str, effort: Option<ReasoningEffort>) -> bool {
        !self.is_thinking_openai(model)
            || effort.is_some_and(|effort| openai_word(model, effort) == "none")
    }

    /// Whether it can be told to make one call at a time. The o-series cannot, and does so.
    pub(super) fn takes_parallel(self, model: &str) -> bool {
        !(self.is_thinking_openai(model)
            && model.rsplit('/').next().is_some_and(|m| m.starts_with('o')))
    }

    /// The word that makes the model call a tool; `None` where nothing does.
    pub(super) fn required(self, effort: Option<ReasoningEffort>) -> Option<&'static str> {
        match self {
            Self::Mistral => Some("any"),
            // It thinks unless told otherwise, and takes no forced call while it thinks. Who asked
            // for an effort gets that.
            Self::DeepSeek if effort.is_some_and(|e| e != ReasoningEffort::None) => None,
            _ => Some("required"),
        }
    }

    /// The word for an effort in the Responses API.
    pub(in crate::model::wires) fn responses_word(
        self,
        model: &str,
        effort: ReasoningEffort,
    ) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure if thinks(model) => openai_word(model, effort),
            Self::Xai => word_from_low(effort),
            _ => word(effort),
        }
    }

    /// Whether the Responses API gives the model's thoughts in a form that can go back.
    pub(in crate::model::wires) fn encrypts_thoughts(self, model: &str) -> bool {
        thinks(model) || (self == Self::Xai && !model.contains("non-reasoning"))
    }

    /// The fields that ask for an effort.
    pub(super) fn effort(
        self,
        model: &str,
        effort: Option<ReasoningEffort>,
        forced: bool,
    ) -> Effort {
        use ReasoningEffort::{High, Low, Medium, Minimal, None as No};
        let plain = |reasoning_effort| Effort { reasoning_effort, ..Effort::default() };
        match self {
            Self::DeepSeek => match effort {
                Some(No) => Effort { thinking: Some(Typed { r#type: "disabled" }), ..plain(None) },
                None if forced => {
                    Effort { thinking: Some(Typed { r#type: "disabled" }), ..plain(None) }
                }
                None => plain(None),
                Some(effort) => Effort {
                    thinking: Some(Typed { r#type: "enabled" }),
                    ..plain(Some(word_from_low(effort)))
                },
            },
            // Most of its models know these two words only.
            Self::Mistral => plain(effort.map(|effort| if effort == No { "none" } else { "high" })),
            Self::OpenRouter => Effort {
                reasoning: effort.map(|effort| Nested { effort: word(effort) }),
                ..plain(None)
            },
            Self::Groq if model.contains("qwen3") => Effort {
                // Else its thoughts stand in the text.
                reasoning_format: Some("parsed"),
                ..plain(effort.map(|effort| if effort == No { "none" } else { "default" }))
            },
            Self::Groq => plain(effort.map(|effort| match effort {
                No | Minimal | Low => "low",
                Medium => "medium",
                High => "high",
            })),
            Self::Xai | Self::Ollama => plain(effort.map(word_from_low)),
            Self::OpenAi | Self::Azure if thinks(model) => {
                plain(effort.map(|effort| openai_word(model, effort)))
            }
            Self::OpenAi | Self::Azure | Self::Other => plain(effort.map(word)),
        }
    }

    pub(super) fn keeps(self) -> Keeps {
        match self {
            Self::DeepSeek => Keeps::ReasoningContent,
            Self::OpenRouter => Keeps::ReasoningDetails,
            Self::Mistral => Keeps::Thinking,
            _ => Keeps::Nothing,
        }
    }

    /// How an answer gets its shape. DeepSeek has JSON without a schema, Groq none together with a
    /// stream or tools; behind OpenRouter it depends on who answers. Ollama, vLLM and their like hold
    /// the model to the schema from its first word on, so that it calls no tool.
    pub(super) fn structured_output(self, model: &str) -> StructuredOutput {
        match self {
            Self::DeepSeek | Self::Groq => StructuredOutput::Tool,
            Self::OpenRouter => {
                let native = ["openai/", "x-ai/", "mistralai/"];
                match native.iter().any(|owner| model.starts_with(owner)) {
                    true => StructuredOutput::Native,
                    false => StructuredOutput::Tool,
                }
            }
            Self::Ollama | Self::Other => StructuredOutput::NativeWithoutTools,
            Self::OpenAi | Self::Azure | Self::Mistral | Self::Xai => StructuredOutput::Native,
        }
    }

    /// The id of a call as this provider takes it: conversations may have begun with another one.
    pub(super) fn call_id(self, id: &str) -> Cow<'_, str> {
        let plain = |c: char| c.is_ascii_alphanumeric();
        match self {
            Self::Mistral if id.len() != 9 || !id.chars().all(plain) => {
                Cow::Owned(blake3::hash(id.as_bytes()).to_hex()[..9].to_owned())
            }
            Self::OpenAi | Self::Azure if id.len() > 40 => {
                Cow::Owned(format!("call_{}", &blake3::hash(id.as_bytes()).to_hex()[..32]))
            }
            _ => Cow::Borrowed(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_think_are_known_by_their_names() {
        for model in [
            "o1",
            "o3-mini",
            "o4-mini-2025-04-16",
            "gpt-5",
            "gpt-5.2-pro",
            "openai/gpt-5-nano",
            "gpt-12",
        ] {
            assert!(thinks(model), "{model}");
        }
        for model in
            ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "omni", "gpt-oss-120b", "ollama", "o"]
        {
            assert!(!thinks(model), "{model}");
        }
    }

    #[test]
    fn ids_of_calls_fit_and_stay_apart() {
        assert_eq!(Who::Mistral.call_id("D681PevKs"), "D681PevKs");
        let (a, b) = (Who::Mistral.call_id("call_1"), Who::Mistral.call_id("call_2"));
        assert!(a != b && a.len() == 9 && a.chars().all(|c| c.is_ascii_alphanumeric()), "{a} {b}");
        assert_eq!(a, Who::Mistral.call_id("call_1"));
        assert_eq!(Who::OpenAi.call_id(&"x".repeat(41)).len(), 37);
        assert_eq!(Who::Other.call_id(&"x".repeat(41)).len(), 41);
    }
}
