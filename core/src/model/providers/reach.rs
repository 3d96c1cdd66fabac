//! From the name of a provider to where it is and how to get in.

use secrecy::{ExposeSecret, SecretString};

use super::known::{Known, Wire};
use super::{OwnHeader, Providers, Reached};
use crate::error::{Code, Error, Result};
use crate::model::Cassette;

/// How a variable of the environment is read.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The environment of the process.
pub(super) fn environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// A provider found.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) wire: Wire,
    reached: Reached,
    known: Option<&'static Known>,
    /// Whether a recording answers in its place.
    replays: bool,
    /// Why its key or a header could not be read.
    key_error: Option<Error>,
}

impl Way {
    /// The provider, with all that is needed to call it.
    pub(super) fn open(&self) -> Result<&Reached> {
        self.key_error.clone().map_or(Ok(&self.reached), Err)
    }

    /// What to do about a key that is missing, if calls are refused without one.
    pub(super) fn lacks_key(&self) -> Option<String> {
        let known = self.known.filter(|known| known.needs_key)?;
        let lacks =
            !self.replays && !self.reached.is_keyed() && known.is_at(&self.reached.base_url);
        lacks.then(|| key_hint(&self.reached))
    }
}

impl Reached {
    /// Whether a request says who asks.
    pub(in crate::model) fn is_keyed(&self) -> bool {
        self.key.is_some() || self.headers.iter().any(OwnHeader::stands_for_key)
    }
}

/// How a provider gets its key.
pub(in crate::model) fn key_hint(provider: &Reached) -> String {
    let name = &provider.name;
    let known = Known::named(name).filter(|known| known.is_at(&provider.base_url));
    match known.and_then(|known| known.key_variables.first()) {
        Some(variable) => {
            format!("set {variable}, or give `providers.{name}.api_key` when opening the kernel")
        }
        None => format!("give `providers.{name}.api_key` when opening the kernel"),
    }
}

/// The first variable that says something.
fn first(variables: &[&str], environment: Environment) -> Option<String> {
    let said = variables.iter().find_map(|name| environment(name).filter(|v| !v.trim().is_empty()));
    said.map(|value| value.trim().to_owned())
}

/// A key as it can stand in a header. Keys that were read from files end with a line end.
fn sendable(provider: &str, key: &SecretString) -> Result<SecretString> {
    let key = key.expose_secret().trim();
    if key.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(Error::invalid_argument(format!(
            "the API key of {provider:?} has characters that no key has"
        ))
        .hint("check how the key was read: spaces, line ends and quotes do not belong to it"));
    }
    Ok(key.to_owned().into())
}

impl Providers {
    /// The way to a provider.
    ///
    /// A key of the environment goes where the environment (or the default) points, and never to
    /// an address that was given without one, nor beside a header that stands for a key.
    pub(super) fn reach(&self, provider: &str, environment: Environment) -> Result<Way> {
        let known = Known::named(provider);
        // What is configured for one name of a provider holds for its others.
        let names = known.map_or(&[][..], |known| known.names);
        let config = self.0.get(provider).or_else(|| names.iter().find_map(|n| self.0.get(*n)));
        let config = config.cloned().unwrap_or_default();
        let timeouts = (&config).into();
        let ambient = |variables: fn(&Known) -> &'static [&'static str]| {
            first(known.map_or(&[][..], variables), environment)
        };

        let addressed = config.base_url.is_some();
        let base_url = config
            .base_url
            .or_else(|| ambient(|known| known.base_url_variables))
            .or_else(|| Some(known?.base_url?.to_owned()))
            .ok_or_else(|| self.nowhere(provider, known))?;
        let headers = config.headers.sendable(provider, config.api_key.is_some())?;
        let replays = config.cassette.as_ref().is_some_and(Cassette::replays);
        let key = match config.api_key {
            Some(key) => Some(key),
            None if addressed || config.headers.stand_for_key() => None,
            None => ambient(|known| known.key_variables).map(SecretString::from),
        };
        let wire = match config.wire.as_deref() {
            Some(word) => Wire::named(provider, word)?,
            None => known.map_or(Wire::OpenAiChat, |known| known.wire),
        };
        let reached = Reached {
            name: known.map_or(provider, |known| known.name()).to_owned(),
            base_url: known.map_or_else(|| base_url.clone(), |known| known.address(&base_url)),
            key: key.map(|key| sendable(provider, &key)).transpose()?,
            headers,
            api_version: config
                .api_version
                .or_else(|| ambient(Known::version_variables).filter(|_| !addressed)),
            timeouts,
            cassette: config.cassette,
        };
        // A recording answers whoever has no key.
        let key_error = config.key_error.filter(|_| !replays);
        Ok(Way { wire, reached, known, replays, key_error })
    }

    fn nowhere(&self, provider: &str, known: Option<&Known>) -> Error {
        if let Some(known) = known {
            let variable = known.base_url_variables.first().copied().unwrap_or_default();
            return Error::new(
                Code::ModelUnknown,
                format!("nobody said where {provider:?} is: it has another address for everyone"),
            )
            .hint(format!("set {variable}, or give `providers.{provider}.base_url`"));
        }
        if self.0.contains_key(provider) {
            let message = format!("nobody said where {provider:?} is");
            return Error::new(Code::ModelUnknown, message).hint(format!(
                "give `providers.{provider}.base_url`, in the same place as its key and headers: these \
                 go to no address that somebody else wrote"
            ));
        }
        let mut names: Vec<&str> = vec!["local", "scripted"];
        names.extend(Known::all_names().map(|name| -> &str { name }));
        let own = self.0.keys().map(String::as_str).filter(|n| Known::named(n).is_none());
        names.extend(own);
        Error::new(
            Code::ModelUnknown,
            format!("no provider named {provider:?} (there are: {})", names.join(", ")),
        )
        .hint(format!(
            "for an OpenAI-compatible server give its address when opening the kernel: \
             providers.{provider}.base_url"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn providers(config: Value) -> Providers {
        serde_json::from_value(config).expect("providers")
    }

    /// Every variable of the table is set, so that a key that may not be used is there to be seen.
    fn full(variable: &str) -> Option<String> {
        let key = variable.ends_with("_KEY").then(|| format!("key-of-{variable}"));
        key.or_else(|| (variable == "AZURE_OPENAI_ENDPOINT").then(|| "https://a.azure.com".into()))
    }

    fn empty(_: &str) -> Option<String> {
        None
    }

    fn key(way: &Way) -> Option<&str> {
        way.reached.key.as_ref().map(ExposeSecret::expose_secret)
    }

    #[test]
    fn every_known_provider_is_reached_with_its_key_of_the_environment_alone() {
        for name in Known::all_names() {
            let way = Providers::default().reach(name, &full).expect(name);
            let variable = Known::named(name).expect(name).key_variables[0];
            assert_eq!(key(&way), Some(format!("key-of-{variable}").as_str()), "{name}");
            assert!(way.lacks_key().is_none(), "{name}");
        }
    }

    #[test]
    fn a_key_of_the_environment_never_goes_to_an_address_that_was_given() {
        for name in Known::all_names() {
            for address in ["http://127.0.0.1:9", "https://api.openai.com/v1"] {
                let given = providers(json!({name: {"base_url": address}}));
                let way = given.reach(name, &full).expect(name);
                assert_eq!(key(&way), None, "{name} at {address}");
            }
            let both = providers(json!({name: {"base_url": "http://127.0.0.1:9", "api_key": "x"}}));
            assert_eq!(key(&both.reach(name, &full).expect(name)), Some("x"), "{name}");
        }
    }

    #[test]
    fn a_header_that_stands_for_a_key_keeps_that_of_the_environment_away() {
        for name in Known::all_names() {
            let given = providers(json!({name: {"headers": {"Authorization": "Bearer x"}}}));
            let way = given.reach(name, &full).expect(name);
            assert_eq!((key(&way), way.reached.is_keyed()), (None, true), "{name}");
            let unkeyed = given.reach(name, &|v| full(v).filter(|_| !v.ends_with("_KEY")));
            assert!(unkeyed.expect(name).lacks_key().is_none(), "{name}");
            // Another header takes nothing's place.
            let given = providers(json!({name: {"headers": {"X-Title": "x"}}}));
            let way = given.reach(name, &full).expect(name);
            assert!(key(&way).is_some() && way.reached.headers.len() == 1, "{name}");
        }
        let both = json!({"openai": {"api_key": "k", "headers": {"Authorization": "Bearer x"}}});
        assert!(providers(both).reach("openai", &full).is_err());
    }

    #[test]
    fn whoever_lacks_a_key_is_told_the_variable_of_that_provider() {
        for name in Known::all_names().filter(|name| *name != "azure") {
            let known = Known::named(name).expect(name);
            let hint = Providers::default().reach(name, &empty).expect(name).lacks_key();
            assert_eq!(hint.is_some(), known.needs_key, "{name}");
            if let Some(hint) = hint {
                assert!(hint.starts_with(&format!("set {}", known.key_variables[0])), "{hint}");
            }
            // Elsewhere, nobody knows whether a key is wanted.
            let given = providers(json!({name: {"base_url": "http://127.0.0.1:9"}}));
            assert!(given.reach(name, &empty).expect(name).lacks_key().is_none(), "{name}");
        }
        let azure = providers(json!({"azure": {"base_url": "https://x.openai.azure.com"}}));
        let hint = azure.reach("azure", &empty).expect("azure").lacks_key().expect("hint");
        assert!(hint.contains("AZURE_OPENAI_API_KEY"), "{hint}");
    }

    #[test]
    fn what_is_configured_for_a_provider_holds_for_its_other_name() {
        let given = providers(json!({
            "openai": {"base_url": "http://127.0.0.1:9/v1", "api_key": "o"},
            "gemini": {"api_key": "g"},
        }));
        let way = given.reach("openai_responses", &full).expect("way");
        assert_eq!((way.wire, key(&way)), (Wire::OpenAiResponses, Some("o")));
        assert_eq!(way.reached.base_url, "http://127.0.0.1:9/v1");
        assert_eq!(way.reached.name, "openai");
        let way = given.reach("google", &full).expect("way");
        assert_eq!((way.reached.name.as_str(), key(&way)), ("gemini", Some("g")));
        assert_eq!(way.wire, Wire::Gemini);
    }

    #[test]
    fn a_wire_can_be_chosen_and_must_be_one() {
        let given =
            providers(json!({"mine": {"base_url": "http://h", "wire": "openai_responses"}}));
        let way = given.reach("mine", &full).expect("way");
        assert_eq!((way.wire, way.reached.name.as_str()), (Wire::OpenAiResponses, "mine"));
        assert_eq!(key(&way), None);
        let given = providers(json!({"mine": {"base_url": "http://h", "wire": "telegraph"}}));
        let error = given.reach("mine", &full).expect_err("no such wire");
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.hint_text().is_some_and(|h| h.contains("openai_chat, openai_responses")));
    }

    #[test]
    fn an_unknown_provider_is_told_who_is_known() {
        let given = providers(json!({"mine": {"base_url": "http://h"}, "openai": {}}));
        let error = given.reach("other", &empty).expect_err("unknown");
        assert_eq!(error.code(), Code::ModelUnknown);
        let message = error.message();
        let told: Vec<&str> = message.split(['(', ')', ' ', ',']).collect();
        for name in Known::all_names().chain(["scripted", "mine"]) {
            assert_eq!(told.iter().filter(|word| **word == name).count(), 1, "{name}: {message}");
        }
        let given = providers(json!({"mine": {"api_key": "x"}}));
        let error = given.reach("mine", &empty).expect_err("no address");
        assert_eq!(error.message(), "nobody said where \"mine\" is");
        assert!(error.hint_text().is_some_and(|hint| hint.contains("providers.mine.base_url")));
        let error = Providers::default().reach("azure", &empty).expect_err("no address");
        assert_eq!(error.code(), Code::ModelUnknown);
        assert!(error.hint_text().is_some_and(|h| h.contains("AZURE_OPENAI_ENDPOINT")));
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told_when_it_is_needed() {
        let mut given = providers(json!({"openai": {}}));
        let config = given.0.get_mut("openai").expect("config");
        config.key_error = Some(Error::new(Code::ConfigInvalid, "no such file"));
        let way = given.reach("openai", &empty).expect("way");
        assert_eq!(way.open().expect_err("no key").code(), Code::ConfigInvalid);
        assert!(way.lacks_key().is_some());
    }

    #[test]
    fn azures_version_comes_with_its_address() {
        let version = |variable: &str| match variable {
            "OPENAI_API_VERSION" => Some("2024-10-21".to_owned()),
            _ => full(variable),
        };
        let way = Providers::default().reach("azure", &version).expect("way");
        assert_eq!(way.reached.api_version.as_deref(), Some("2024-10-21"));
        let given = providers(json!({"azure": {"base_url": "https://a.azure.com"}}));
        let way = given.reach("azure", &version).expect("way");
        assert_eq!(way.reached.api_version, None);
    }
}
