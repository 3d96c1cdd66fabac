//! What is known of each provider without being told: where it is, how it is spoken to, and which
//! variables of the environment are customary for it.

use std::borrow::Cow;

use reqwest::Url;

use crate::error::{Error, Result};

/// A protocol of a model provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    OpenAiChat,
    OpenAiResponses,
    Anthropic,
    Gemini,
    Cohere,
}

impl Wire {
    const WORDS: [(&'static str, Self); 5] = [
        ("openai_chat", Self::OpenAiChat),
        ("openai_responses", Self::OpenAiResponses),
        ("anthropic", Self::Anthropic),
        ("gemini", Self::Gemini),
        ("cohere", Self::Cohere),
    ];

    /// The wire of this name, as `ProviderConfig::wire` has it.
    pub(super) fn named(provider: &str, word: &str) -> Result<Self> {
        let found = Self::WORDS.iter().find(|(name, _)| *name == word);
        found.map(|(_, wire)| *wire).ok_or_else(|| {
            let words: Vec<&str> = Self::WORDS.iter().map(|(name, _)| *name).collect();
            Error::invalid_argument(format!("providers.{provider}.wire: there is no {word:?}"))
                .hint(format!("one of {}", words.join(", ")))
        })
    }
}

/// What is known of a provider.
#[derive(Debug)]
pub(super) struct Known {
    /// Its names in `provider/model`, the first one its own.
    pub(super) names: &'static [&'static str],
    pub(super) wire: Wire,
    /// Up to and without the path of an operation; `None` where every customer has another.
    pub(super) base_url: Option<&'static str>,
    /// Variables with an address to take instead.
    pub(super) base_url_variables: &'static [&'static str],
    /// Variables with a key.
    pub(super) key_variables: &'static [&'static str],
    /// Whether it takes no call without a key.
    pub(super) needs_key: bool,
}

const OPENAI: &str = "https://api.openai.com/v1";

/// The providers that need no more than a key, in the order in which they are told.
pub(super) const KNOWN: &[Known] = &[
    Known {
        names: &["openai"],
        wire: Wire::OpenAiChat,
        base_url: Some(OPENAI),
        base_url_variables: &["OPENAI_BASE_URL"],
        key_variables: &["OPENAI_API_KEY"],
        needs_key: true,
    },
    // The same provider by its other protocol: what is configured for `openai` holds here too.
    Known {
        names: &["openai_responses", "openai"],
        wire: Wire::OpenAiResponses,
        base_url: Some(OPENAI),
        base_url_variables: &["OPENAI_BASE_URL"],
        key_variables: &["OPENAI_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["anthropic"],
        wire: Wire::Anthropic,
        base_url: Some("https://api.anthropic.com"),
        base_url_variables: &["ANTHROPIC_BASE_URL"],
        key_variables: &["ANTHROPIC_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["gemini", "google"],
        wire: Wire::Gemini,
        base_url: Some("https://generativelanguage.googleapis.com"),
        base_url_variables: &["GOOGLE_GEMINI_BASE_URL"],
        key_variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["cohere"],
        wire: Wire::Cohere,
        base_url: Some("https://api.cohere.com"),
        base_url_variables: &["CO_API_URL"],
        key_variables: &["CO_API_KEY", "COHERE_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["mistral"],
        wire: Wire::OpenAiChat,
        base_url: Some("https://api.mistral.ai/v1"),
        base_url_variables: &[],
        key_variables: &["MISTRAL_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["deepseek"],
        wire: Wire::OpenAiChat,
        base_url: Some("https://api.deepseek.com"),
        base_url_variables: &[],
        key_variables: &["DEEPSEEK_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["groq"],
        wire: Wire::OpenAiChat,
        base_url: Some("https://api.groq.com/openai/v1"),
        base_url_variables: &[],
        key_variables: &["GROQ_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["xai"],
        wire: Wire::OpenAiChat,
        base_url: Some("https://api.x.ai/v1"),
        base_url_variables: &[],
        key_variables: &["XAI_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["openrouter"],
        wire: Wire::OpenAiChat,
        base_url: Some("https://openrouter.ai/api/v1"),
        base_url_variables: &[],
        key_variables: &["OPENROUTER_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["azure"],
        wire: Wire::OpenAiChat,
        base_url: None,
        base_url_variables: &["AZURE_OPENAI_ENDPOINT"],
        key_variables: &["AZURE_OPENAI_API_KEY"],
        needs_key: true,
    },
    Known {
        names: &["ollama"],
        wire: Wire::OpenAiChat,
        base_url: Some("http://127.0.0.1:11434"),
        base_url_variables: &["OLLAMA_HOST"],
        key_variables: &["OLLAMA_API_KEY"],
        needs_key: false,
    },
];

/// Variables with the version of Azure's API.
const AZURE_VERSIONS: [&str; 2] = ["OPENAI_API_VERSION", "AZURE_OPENAI_API_VERSION"];

/// `provider/model` with the provider's own name: what is known or said of `gemini/x` holds for
/// `google/x`, and of `openai/x` for `openai_responses/x`.
pub(crate) fn own_name(name: &str) -> Cow<'_, str> {
    let known = name.split_once('/').and_then(|(provider, model)| {
        let own = Known::named(provider)?.name();
        (own != provider).then(|| format!("{own}/{model}"))
    });
    known.map_or(Cow::Borrowed(name), Cow::Owned)
}

impl Known {
    /// The provider of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        // A provider's own name goes before another's second one.
        let own = KNOWN.iter().find(|known| known.names.first() == Some(&name));
        own.or_else(|| KNOWN.iter().find(|known| known.names.contains(&name)))
    }

    /// Its own name. That of OpenAI's other protocol is no provider's.
    pub(super) fn name(&'static self) -> &'static str {
        match self.names {
            [_, "openai"] => "openai",
            names => names.first().copied().unwrap_or_default(),
        }
    }

    /// The names that a user can write, each once.
    pub(super) fn all_names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().filter_map(|known| known.names.first().copied())
    }

    /// Variables with the version of its API.
    pub(super) fn version_variables(&self) -> &'static [&'static str] {
        if self.names.contains(&"azure") { &AZURE_VERSIONS } else { &[] }
    }

    /// Whether this address is the provider's own, which takes no call without a key.
    pub(super) fn is_at(&self, base_url: &str) -> bool {
        let host = |text: &str| Some(Url::parse(text).ok()?.host_str()?.to_ascii_lowercase());
        let Some(there) = host(base_url) else { return false };
        match self.base_url.and_then(host) {
            Some(here) => here == there,
            None => there.ends_with(".azure.com"),
        }
    }

    /// An address in the form that the wire goes on from: Ollama's is customarily given without a
    /// scheme, without a port, as the address to listen on, and without the path of its API.
    pub(super) fn address(&self, given: &str) -> String {
        if !self.names.contains(&"ollama") {
            return given.to_owned();
        }
        let (scheme, rest) = given.split_once("://").unwrap_or(("http", given));
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let place = match place.strip_prefix("0.0.0.0") {
            Some(port) => format!("127.0.0.1{port}"),
            None => place.to_owned(),
        };
        // The colons of an IPv6 address stand in brackets.
        let has_port = place.rsplit(']').next().is_some_and(|end| end.contains(':'));
        let port = if has_port || given.contains("://") { "" } else { ":11434" };
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "v1" } else { path };
        format!("{scheme}://{place}{port}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        assert_eq!(Known::named("openai").map(|k| k.wire), Some(Wire::OpenAiChat));
        assert_eq!(Known::named("openai_responses").map(|k| k.wire), Some(Wire::OpenAiResponses));
        assert_eq!(Known::named("google").map(|k| k.names[0]), Some("gemini"));
        assert!(Known::named("nobody").is_none());
        assert_eq!(own_name("google/a/b"), "gemini/a/b");
        assert_eq!(own_name("openai_responses/o3"), "openai/o3");
        for own in ["openai/o3", "nobody/x", "google", ""] {
            assert_eq!(own_name(own), own);
        }
        let names: Vec<&str> = Known::all_names().collect();
        let distinct: std::collections::HashSet<&&str> = names.iter().collect();
        assert_eq!(names.len(), distinct.len());
    }

    #[test]
    fn an_address_is_the_providers_own_by_its_host() {
        let at = |name: &str, url: &str| Known::named(name).is_some_and(|known| known.is_at(url));
        assert!(at("openai", "https://API.openai.com/v1/"));
        assert!(!at("openai", "https://api.openai.com.evil.example/v1"));
        assert!(!at("openai", "http://127.0.0.1:8080/v1"));
        assert!(at("azure", "https://mine.openai.azure.com"));
        assert!(!at("azure", "https://azure.com.example"));
    }

    #[test]
    fn ollamas_address_is_taken_in_every_customary_form() {
        let ollama = Known::named("ollama").expect("known");
        for (given, address) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
            ("http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
            ("https://ollama.com/v1", "https://ollama.com/v1"),
            ("https://ollama.com", "https://ollama.com/v1"),
            ("0.0.0.0", "http://127.0.0.1:11434/v1"),
            ("0.0.0.0:8000", "http://127.0.0.1:8000/v1"),
            ("box.local", "http://box.local:11434/v1"),
            ("[::1]", "http://[::1]:11434/v1"),
            ("[::1]:99", "http://[::1]:99/v1"),
            ("http://box/ollama/v1/", "http://box/ollama/v1"),
        ] {
            assert_eq!(ollama.address(given), address, "{given}");
        }
    }
}
