//! Values that may be secret: referred to, never written.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use crate::spec::decode::{Decode, Decoder};
use crate::spec::node::{Node, Value};
use crate::spec::schema::{Definitions, Describe};

/// A text, or where to find one when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The text itself: nothing secret.
    Text(String),
    /// `{env: NAME}`: an environment variable.
    Env(String),
    /// `{file: PATH}`: the content of a file, without white space around it.
    File(String),
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, value) = match self {
            Self::Text(text) => return serializer.serialize_str(text),
            Self::Env(name) => ("env", name),
            Self::File(path) => ("file", path),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, value)?;
        map.end()
    }
}

impl Decode for Secret {
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if let Value::Text(text) = &node.value {
            if looks_secret(text) {
                decoder.error(
                    node,
                    "AK2015",
                    "this looks like a secret, and a spec is stored and shared".into(),
                    Some("refer to it: `{env: NAME}` or `{file: /run/secrets/name}`".into()),
                );
                return None;
            }
            return Some(Self::Text(text.clone()));
        }
        if let Value::Map(entries) = &node.value
            && let [(key, value)] = entries.as_slice()
            && matches!(key.text.as_str(), "env" | "file")
        {
            let text = decoder.within(&key.text, |d| String::decode(value, d))?;
            return Some(if key.text == "env" { Self::Env(text) } else { Self::File(text) });
        }
        decoder.wrong_type(node, "a text, `{env: NAME}` or `{file: PATH}`");
        None
    }
}

impl Describe for Secret {
    fn describe(_: &mut Definitions) -> Json {
        let reference = |key: &str, about: &str| {
            serde_json::json!({
                "type": "object",
                "properties": {key: {"type": "string", "description": about}},
                "required": [key],
                "additionalProperties": false,
            })
        };
        serde_json::json!({"anyOf": [
            {"type": "string"},
            reference("env", "Name of an environment variable"),
            reference("file", "Path of a file"),
        ]})
    }
}

/// Whether a text has the form of a well-known kind of key. Fragments of a few letters are left
/// alone: a false alarm would refuse an honest spec.
pub(in crate::spec) fn looks_secret(text: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "sk-",
        "sk_live_",
        "rk_live_",
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xapp-",
        "AKIA",
        "ASIA",
        "AIza",
        "ya29.",
        "hf_",
        "gsk_",
        "xai-",
        "npm_",
    ];
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY") {
        return true;
    }
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // Words are hyphenated as well, and have no digits: `sk-learn-classifier`.
    let is_key = |word: &str| {
        word.len() >= 16
            && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
            && word.contains(|c: char| c.is_ascii_digit())
    };
    text.split(|c: char| !letter(c)).any(is_key) || is_credential(text)
}

/// Whether a text is what a header of this kind carries, whoever made it.
fn is_credential(text: &str) -> bool {
    let Some((scheme, value)) = text.trim().split_once(' ') else { return false };
    let value = value.trim();
    let token =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '/' | '+');
    let is_word = || !value.contains(|c: char| !c.is_ascii_lowercase());
    value.len() >= 12
        && value.chars().all(token)
        && match scheme.to_ascii_lowercase().as_str() {
            "bearer" => true,
            // "basic authentication" is no secret.
            "basic" | "token" | "apikey" => !is_word(),
            _ => false,
        }
}

/// Whether an address has a password in it: `scheme://user:password@host`.
pub(in crate::spec) fn has_password(address: &str) -> bool {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}
