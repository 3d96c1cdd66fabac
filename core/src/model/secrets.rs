//! What must not be read again in errors and recordings, although a provider may repeat it.

use reqwest::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::providers::OwnHeader;

/// What stands where a key stood.
const KEY: &str = "[api key]";
/// What stands where the value of a header stood.
const HEADER: &str = "[header]";
/// A shorter key is a placeholder, as servers of one's own take them (`none`, `ollama`), and a shorter
/// value of a header a number or a name: taking it out would tear holes into ordinary words.
const LENGTH: usize = 8;

/// The key of a provider, and the values of the headers that go with it.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct Secrets(Vec<Secret>);

#[derive(Clone, Debug)]
struct Secret {
    /// In each form in which it can stand in a path, a header or JSON.
    forms: Vec<SecretString>,
    is_key: bool,
}

impl Secret {
    fn new(text: &str, is_key: bool) -> Self {
        let quoted = Value::from(text).to_string();
        let in_json = quoted[1..quoted.len() - 1].to_owned();
        let in_path = |upper: bool| -> String {
            let escaped = |b: u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
            let sign = |b| if plain(b) { char::from(b).to_string() } else { escaped(b) };
            text.bytes().map(sign).collect()
        };
        let mut forms = vec![text.to_owned(), in_json, in_path(true), in_path(false)];
        forms.dedup();
        Self { forms: forms.into_iter().map(Into::into).collect(), is_key }
    }

    fn len(&self) -> usize {
        self.forms.first().map_or(0, |text| text.expose_secret().len())
    }
}

impl Secrets {
    /// Of a key and of headers.
    pub(in crate::model) fn of(key: Option<&SecretString>, headers: &[OwnHeader]) -> Self {
        let key = key.map(|key| Secret::new(key.expose_secret(), true));
        let headers = headers.iter().filter(|header| !header.names_application());
        let headers = headers.flat_map(|header| {
            let value = header.exposed();
            // Who repeats a key leaves out the word before it.
            let bare = value.split_once(' ').map(|(_, key)| key.trim());
            let bare = bare.filter(|_| header.name == AUTHORIZATION || is_scheme(value));
            [Some(value), bare].into_iter().flatten().map(|text| Secret::new(text, false))
        });
        let mut all: Vec<Secret> = key.into_iter().chain(headers).collect();
        all.retain(|secret| secret.len() > 0);
        // One that holds another goes first, so that no half of it is left.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(all)
    }

    /// The text of an error without them.
    pub(in crate::model) fn without(&self, text: &str) -> String {
        self.replaced(text, |secret| secret.is_key || secret.len() >= LENGTH)
    }

    /// What is recorded without them.
    pub(in crate::model) fn without_long(&self, text: &str) -> String {
        self.replaced(text, |secret| secret.len() >= LENGTH)
    }

    fn replaced(&self, text: &str, which: impl Fn(&Secret) -> bool) -> String {
        let mut text = text.to_owned();
        for secret in self.0.iter().filter(|secret| which(secret)) {
            let mark = if secret.is_key { KEY } else { HEADER };
            for form in &secret.forms {
                text = text.replace(form.expose_secret(), mark);
            }
        }
        text
    }
}

/// Whether a value is of the form `SCHEME KEY`.
fn is_scheme(value: &str) -> bool {
    let scheme = value.split(' ').next().unwrap_or_default();
    ["basic", "bearer", "key", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Headers;

    fn secrets(key: Option<&str>, headers: &[(&str, &str)]) -> Secrets {
        let headers: Headers = headers.iter().copied().collect();
        let headers = headers.sendable("mine", false).expect("headers");
        Secrets::of(key.map(SecretString::from).as_ref(), &headers)
    }

    #[test]
    fn all_of_them_are_taken_out_and_no_half_is_left() {
        let secrets = secrets(
            Some("sk-canary"),
            &[("x-gateway", "gw-canary-1"), ("x-longer", "gw-canary-1-and-more")],
        );
        let said = "sk-canary, gw-canary-1-and-more; gw-canary-1.";
        assert_eq!(secrets.without(said), "[api key], [header]; [header].");
        assert_eq!(secrets.without_long(said), "[api key], [header]; [header].");
        assert!(!format!("{secrets:?}").contains("canary"));
    }

    #[test]
    fn a_key_behind_its_scheme_is_taken_out_alone_too() {
        for name in ["authorization", "helicone-auth"] {
            let secrets = secrets(None, &[(name, "Bearer canary-1234")]);
            for said in ["Bearer canary-1234", "the key canary-1234 is wrong"] {
                assert!(!secrets.without(said).contains("canary"), "{said}");
            }
        }
        let title = secrets(None, &[("x-kind", "weather assistant")]);
        assert_eq!(title.without("an assistant"), "an assistant");
    }

    #[test]
    fn every_form_is_found() {
        let secrets = secrets(None, &[("x-gateway", "a\"canary+/\\b")]);
        for said in [
            "a\"canary+/\\b".to_owned(),
            Value::from("a\"canary+/\\b").to_string(),
            "a%22canary%2B%2F%5Cb".into(),
            "a%22canary%2b%2f%5cb".into(),
        ] {
            assert!(!secrets.without_long(&said).contains("canary"), "{said}");
        }
    }

    #[test]
    fn ordinary_words_stay() {
        let secrets = secrets(
            Some("none"),
            &[("x-flag", "1"), ("x-title", "weather assistant"), ("user-agent", "curl/8.0.1")],
        );
        let said = "1 none: weather assistant, curl/8.0.1";
        assert_eq!(secrets.without_long(said), said);
        assert_eq!(secrets.without(said), said.replace("none", "[api key]"));
    }
}
