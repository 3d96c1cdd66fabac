//! Names of models as `provider/model`.

use serde_json::Value as Json;

use super::draft::Draft;
use super::source::View;
use crate::spec::is_model_name;

/// What others call a provider, and what aikit does.
const PROVIDERS: &[(&str, &str)] = &[
    ("google", "gemini"),
    ("google_ai", "gemini"),
    ("googleai", "gemini"),
    ("google_genai", "gemini"),
    ("vertex_ai", "vertex"),
    ("vertexai", "vertex"),
    ("azure_openai", "azure"),
    ("azureopenai", "azure"),
    ("azure_ai", "azure"),
    ("azureai", "azure"),
    ("azureaiinference", "azure"),
    ("amazon_bedrock", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("grok", "xai"),
    ("x_ai", "xai"),
    ("mistralai", "mistral"),
    ("mistral_ai", "mistral"),
    ("claude", "anthropic"),
    ("ollama_chat", "ollama"),
    ("text_completion_openai", "openai"),
];

/// Whose models begin so.
const FAMILIES: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("mistral-", "mistral"),
    ("codestral", "mistral"),
    ("command-", "cohere"),
    ("deepseek-", "deepseek"),
    ("grok-", "xai"),
];

/// `provider/model`; nothing if the text names no model (a variable, a formula, an address).
pub(super) fn name(provider: Option<&str>, model: &str) -> Option<String> {
    let model = model.trim();
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"{}$=,;\"'<>".contains(c);
    if model.is_empty() || model.len() > 200 || !model.chars().all(plain) || model.contains("://") {
        return None;
    }
    let named = match provider.map(str::trim).filter(|p| !p.is_empty()) {
        Some(provider) => {
            let provider = ours(provider);
            // `openai` and `openai/gpt-4o` say the same thing twice.
            let bare = model.split_once('/').filter(|(first, _)| ours(first) == provider);
            format!("{provider}/{}", bare.map_or(model, |(_, bare)| bare))
        }
        None => match model.split_once('/') {
            Some((provider, model)) => format!("{}/{model}", ours(provider)),
            None => {
                let (_, provider) =
                    FAMILIES.iter().find(|(family, _)| model.starts_with(family))?;
                format!("{provider}/{model}")
            }
        },
    };
    is_model_name(&named).then_some(named)
}

fn ours(provider: &str) -> String {
    let word = provider.trim().to_ascii_lowercase();
    let key = word.replace(['-', ' ', '.'], "_");
    let known = PROVIDERS.iter().find(|(theirs, _)| *theirs == key);
    known.map_or(word, |(_, ours)| (*ours).to_owned())
}

/// Writes the model that these leaves name; they are lost if they name none.
pub(super) fn put(draft: &mut Draft<'_>, provider: Option<View<'_>>, model: View<'_>) {
    put_at(draft, provider, model, "/intelligence/model");
}

pub(super) fn put_at(
    draft: &mut Draft<'_>,
    provider: Option<View<'_>>,
    model: View<'_>,
    pointer: &str,
) {
    let text = model.str().unwrap_or_default();
    match name(provider.and_then(View::str), text) {
        Some(name) => {
            if name == text {
                draft.keep(model, pointer);
            } else {
                draft.change(model, pointer, Json::from(name), "written as provider/model");
            }
            if let Some(provider) = provider {
                draft.changed(provider, pointer, "part of provider/model");
            }
        }
        None => {
            let note = "no model can be told from it: give `intelligence.model` as provider/model";
            model.lost(note);
            if let Some(provider) = provider {
                provider.lost(note);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_take_the_form_of_provider_and_model() {
        for (provider, model, expected) in [
            (Some("openai"), "gpt-4o", Some("openai/gpt-4o")),
            (Some("openai"), "openai/gpt-4o", Some("openai/gpt-4o")),
            (Some("google"), "gemini-2.0-flash", Some("gemini/gemini-2.0-flash")),
            (Some("Azure.OpenAI"), "m", Some("azure/m")),
            (Some("dmr"), "ai/qwen3", Some("dmr/ai/qwen3")),
            (None, "gemini-2.0-flash", Some("gemini/gemini-2.0-flash")),
            (None, "openrouter/a/b", Some("openrouter/a/b")),
            (None, "llama-3", None),
            (None, "=Env.MODEL", None),
            (None, "https://models.example/x", None),
            (Some("openai"), "${MODEL}", None),
            (Some("two words"), "m", None),
        ] {
            assert_eq!(name(provider, model).as_deref(), expected, "{provider:?} {model}");
        }
    }
}
