//! Headers that a user gives a provider: what a gateway or a company's proxy wants to see besides the
//! key. Values are secrets, as keys are.

use std::collections::BTreeMap;

use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, Result};

/// The most headers of one provider.
pub(crate) const HEADERS_LIMIT: usize = 32;
/// The most bytes of a name, and of it that an error shows.
const NAME_LIMIT: usize = 64;
/// The most bytes of a value.
const VALUE_LIMIT: usize = 8 * 1024;
/// The most bytes of all of them; servers take hardly more.
const SIZE_LIMIT: usize = 16 * 1024;

/// Names under which a key goes. One of them stands in the place of the provider's key.
const OF_KEYS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Names whose values are meant to be read by anybody: the application that asks. Such a value may
/// well be a part of a prompt, and is not looked for in what is recorded.
const OF_APPLICATIONS: [&str; 6] = [
    "http-referer",
    "referer",
    "user-agent",
    "x-openrouter-categories",
    "x-openrouter-title",
    "x-title",
];

/// Names that are not a user's to give, with what to do instead.
const KEPT: &[(&[&str], &str)] = &[
    (
        &[
            "connection",
            "content-length",
            "expect",
            "host",
            "http2-settings",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ],
        "leave it out: it belongs to the connection; another host is another `base_url`",
    ),
    (
        &["accept", "accept-encoding", "content-encoding", "content-type"],
        "leave it out: the form of requests and answers is that of the provider's `wire`",
    ),
    (&["anthropic-version"], "leave it out: it is the version that this wire was written for"),
    (
        &["idempotency-key", "x-idempotency-key"],
        "leave it out: it would be the same with each request, and so would be the answers",
    ),
    (
        &["proxy-authorization"],
        "leave it out: user and password of a proxy stand in its address, in HTTPS_PROXY",
    ),
];

/// Headers of a user's own that go with each request to a provider. Names are those of HTTP, in
/// any case; values are never shown, logged, stored or recorded. They are checked when a kernel
/// is opened.
#[derive(Clone, Debug, Default)]
pub struct Headers(BTreeMap<String, SecretString>);

impl Headers {
    /// Adds one; what had this very name is replaced.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<SecretString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them says who asks, as a key does.
    pub(super) fn stand_for_key(&self) -> bool {
        self.0.keys().any(|name| stands_for_key(name))
    }

    /// The headers as they are sent, in the order of their names; `keyed` says whether there is an
    /// `api_key`, too.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`], without any value.
    pub(in crate::model) fn sendable(&self, provider: &str, keyed: bool) -> Result<Vec<OwnHeader>> {
        let wrong = |what: String| Error::invalid_argument(format!("providers.{provider}.{what}"));
        if self.0.len() > HEADERS_LIMIT {
            let what = format!("headers are {}, and may be {HEADERS_LIMIT} at most", self.0.len());
            return Err(wrong(what));
        }
        let mut sent: BTreeMap<String, OwnHeader> = BTreeMap::new();
        let mut size = 0;
        for (given, value) in &self.0 {
            let shown: String = given.chars().take(NAME_LIMIT).collect();
            let wrong = |what: &str| wrong(format!("headers: {shown:?} {what}"));
            let name = header_name(given).map_err(|fault| wrong(fault.what).hint(fault.hint))?;
            if keyed && stands_for_key(name.as_str()) {
                return Err(wrong("says who asks, and so does `api_key`").hint(KEY_TWICE));
            }
            let value = value.expose_secret().trim();
            size += name.as_str().len() + value.len();
            let what = match value {
                "" => "is empty",
                v if v.len() > VALUE_LIMIT => "has more than 8 KiB",
                v if !v.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic()) => {
                    "has a value that no header can hold: only visible ASCII characters, spaces and tabs"
                }
                _ if sent.contains_key(name.as_str()) => "stands there twice, in another case",
                _ => "",
            };
            let sendable = HeaderValue::from_str(value).ok().filter(|_| what.is_empty());
            let Some(mut value) = sendable else {
                return Err(wrong(what).hint("check how it was read: it is one line of text"));
            };
            // No layer below shows or indexes it.
            value.set_sensitive(true);
            sent.insert(name.as_str().to_owned(), OwnHeader { name, value });
        }
        if size > SIZE_LIMIT {
            let what = format!("headers have more than {} KiB", SIZE_LIMIT / 1024);
            return Err(wrong(what).hint("servers refuse requests with so much before the body"));
        }
        Ok(sent.into_values().collect())
    }
}

impl<N: Into<String>, V: Into<SecretString>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As with a key: what stands there is in no error.
        let shape = || D::Error::custom("`headers` must be {name: value}, with texts as values");
        let entries = match Value::deserialize(deserializer)? {
            Value::Null => return Ok(Self::default()),
            Value::Object(entries) => entries,
            _ => return Err(shape()),
        };
        // A null is what becomes of a variable that is not set: the request would go without it, and
        // nobody would know.
        let read = |(name, value)| match value {
            Value::String(value) => Ok((name, SecretString::from(value))),
            _ => Err(shape()),
        };
        entries.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

/// A header that is fit to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct OwnHeader {
    pub(in crate::model) name: HeaderName,
    /// Marked as sensitive.
    pub(in crate::model) value: HeaderValue,
}

impl OwnHeader {
    /// The value: for comparing and for taking it out, never for showing.
    pub(in crate::model) fn exposed(&self) -> &str {
        self.value.to_str().unwrap_or_default()
    }

    /// Whether it says who asks, as a key does.
    pub(in crate::model) fn stands_for_key(&self) -> bool {
        stands_for_key(self.name.as_str())
    }

    /// Whether its value is nobody's secret.
    pub(in crate::model) fn names_application(&self) -> bool {
        OF_APPLICATIONS.contains(&self.name.as_str())
    }
}

/// Why a name cannot be given.
#[derive(Debug)]
pub(crate) struct NameFault {
    /// "... is not ...", behind the name.
    pub(crate) what: &'static str,
    pub(crate) hint: &'static str,
}

/// What to do about two that say who asks.
pub(crate) const KEY_TWICE: &str =
    "take one of them: a provider that wants several such headers gets all of them as `headers`";

/// Whether a header of this name stands in the place of the provider's key.
pub(crate) fn stands_for_key(name: &str) -> bool {
    OF_KEYS.iter().any(|of_keys| name.eq_ignore_ascii_case(of_keys))
}

/// A name that a user may give, in small letters.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, NameFault> {
    let named = HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| name.len() <= NAME_LIMIT);
    let Some(named) = named else {
        return Err(NameFault {
            what: "is not the name of a header",
            hint: "letters, digits and signs such as `-`, at most 64, for instance X-Title",
        });
    };
    match KEPT.iter().find(|(names, _)| names.contains(&named.as_str())) {
        Some((_, hint)) => Err(NameFault { what: "is set by aikit itself", hint }),
        None => Ok(named),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn one(name: &str, value: &str) -> Headers {
        [(name, value)].into_iter().collect()
    }

    fn refused(headers: &Headers, keyed: bool) -> Error {
        let error = headers.sendable("mine", keyed).expect_err("refused");
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().starts_with("providers.mine.headers"), "{error}");
        assert!(!error.to_json().to_string().contains("canary"), "{error}");
        error
    }

    #[test]
    fn what_is_sent_is_what_was_given_in_order_and_shown_nowhere() {
        let mut headers: Headers =
            [("X-Title", "my app"), ("HTTP-Referer", "https://canary.example/?a=b")]
                .into_iter()
                .collect();
        // A value that was read from a file ends with a line end.
        headers.set("Helicone-Auth", "Bearer sk-canary\r\n");
        let sent = headers.sendable("mine", true).expect("sendable");
        let pairs: Vec<_> = sent.iter().map(|h| (h.name.as_str(), h.exposed())).collect();
        assert_eq!(
            pairs,
            [
                ("helicone-auth", "Bearer sk-canary"),
                ("http-referer", "https://canary.example/?a=b"),
                ("x-title", "my app"),
            ]
        );
        assert!(sent.iter().all(|header| header.value.is_sensitive()));
        assert!(!format!("{headers:?} {sent:?}").contains("canary"));
    }

    #[test]
    fn values_are_those_that_a_header_can_hold() {
        let twelve = "x".repeat(VALUE_LIMIT);
        for value in ["a", "a b\tc", "~!@#$%^&*()=\"'\\", twelve.as_str()] {
            assert!(one("x-a", value).sendable("mine", false).is_ok(), "{value:?}");
        }
        let long = "canary".repeat(VALUE_LIMIT);
        let bad = [
            "",
            " \r\n",
            "canary\r\nx-b: c",
            "canary\nc",
            "canary\rc",
            "canary\0",
            "canary\u{7f}c",
            "canäry canary",
            "canary\u{2028}c",
            long.as_str(),
        ];
        for value in bad {
            let error = refused(&one("x-a", value), false);
            assert!(error.message().contains("\"x-a\""), "{error}");
            assert!(error.hint_text().is_some());
        }
    }

    #[test]
    fn names_are_those_of_http() {
        let long = "x".repeat(NAME_LIMIT);
        for name in ["x", "X-Title", "Ocp-Apim-Subscription-Key", "User-Agent", "Cookie", &long] {
            assert!(one(name, "v").sendable("mine", false).is_ok(), "{name}");
        }
        let longer = "x".repeat(NAME_LIMIT + 1);
        for name in ["", "a b", "a:", ":authority", "a\r\nb", "ä", "a(b)", "a\0", &longer] {
            let error = refused(&one(name, "canary"), false);
            assert!(error.message().contains("is not the name of a header"), "{error}");
            // Whatever stood there, an error is one line.
            assert!(!error.message().contains(['\r', '\n', '\0']), "{error:?}");
        }
    }

    #[test]
    fn what_belongs_to_aikit_is_refused_in_any_case_and_with_a_way_out() {
        for (names, hint) in KEPT {
            for name in *names {
                for name in [(*name).to_owned(), name.to_uppercase()] {
                    let error = refused(&one(&name, "canary"), false);
                    assert!(error.message().contains("is set by aikit itself"), "{error}");
                    assert_eq!(error.hint_text(), Some(*hint));
                }
            }
        }
    }

    #[test]
    fn a_header_says_who_asks_only_where_no_key_does() {
        for name in ["Authorization", "X-API-Key", "api-key", "x-goog-api-key"] {
            let headers = one(name, "Bearer canary");
            assert!(headers.stand_for_key() && headers.sendable("mine", false).is_ok(), "{name}");
            let error = refused(&headers, true);
            assert!(error.message().contains("`api_key`"), "{error}");
        }
        assert!(!one("x-authorization", "v").stand_for_key());
    }

    #[test]
    fn number_and_size_are_bounded_and_no_name_stands_twice() {
        let some = |n: usize, value: &str| {
            (0..n).map(|i| (format!("x-{i}"), value.to_owned())).collect::<Headers>()
        };
        assert!(some(HEADERS_LIMIT, "v").sendable("mine", false).is_ok());
        let error = refused(&some(HEADERS_LIMIT + 1, "v"), false);
        assert!(error.message().contains("may be 32 at most"), "{error}");
        let error = refused(&some(3, &"canary".repeat(1000)), false);
        assert!(error.message().contains("more than 16 KiB"), "{error}");
        let twice: Headers = [("X-A", "canary"), ("x-a", "canary")].into_iter().collect();
        assert!(refused(&twice, false).message().contains("twice"));
    }

    #[test]
    fn what_is_no_text_is_refused_without_being_shown() {
        let read = |json: &str| serde_json::from_str::<Headers>(json);
        for json in [
            "\"canary\"",
            "[\"canary\"]",
            "{\"a\": [\"canary\"]}",
            "{\"a\": {\"env\": \"canary\"}}",
        ] {
            let error = read(json).expect_err(json).to_string();
            assert!(error.contains("`headers` must be") && !error.contains("canary"), "{error}");
        }
        assert!(read("null").expect("nothing").is_empty());
        assert!(read("{\"a\": null, \"b\": \"c\"}").is_err());
    }
}
