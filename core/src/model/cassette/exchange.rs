//! What is kept of a request and its answer. Keys and headers never are, and neither is what differs
//! each time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::secrets::Secrets;

/// A request and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exchange {
    pub(super) request: Asked,
    pub(super) response: Said,
}

/// A request, as it is compared: without host, headers and key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct Asked {
    pub(super) method: String,
    /// With its parameters.
    pub(super) path: String,
    pub(super) body: Value,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::model) struct Said {
    pub(in crate::model) status: u16,
    /// Those that are read.
    pub(in crate::model) headers: BTreeMap<String, String>,
    /// The body; a stream has an event in each piece.
    pub(in crate::model) body: Vec<String>,
    #[serde(default, skip_serializing_if = "End::is_complete")]
    pub(in crate::model) end: End,
}

/// How a body ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::model) enum End {
    /// As it should.
    #[default]
    Complete,
    /// The connection was lost.
    Broken,
    /// Nothing came any more, and the patience was over.
    Silent,
}

impl End {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_complete(&self) -> bool {
        *self == Self::Complete
    }
}

impl Asked {
    /// A posted request.
    pub(in crate::model) fn post(path: &str, body: &[u8], secrets: &Secrets) -> Self {
        let text = String::from_utf8_lossy(body);
        // Written and read once more, as a recorded one was: numbers are then the same as there.
        let read = |text: &str| serde_json::from_str::<Value>(text).ok();
        let body = read(&text).and_then(|body| read(&body.to_string()));
        let body = body.unwrap_or_else(|| Value::String(text.into_owned()));
        let mut ids = Vec::new();
        let body = settled(body, &mut |text| numbered(&secrets.without_long(text), &mut ids));
        Self { method: "POST".into(), path: secrets.without_long(path), body }
    }
}

impl Said {
    /// The same without secrets.
    pub(in crate::model) fn without(mut self, secrets: &Secrets) -> Self {
        for value in self.headers.values_mut().chain(&mut self.body) {
            *value = secrets.without_long(value);
        }
        self
    }
}

/// A body in pieces that join to it: of a stream of events, one in each.
pub(in crate::model) fn pieces(text: &str, streamed: bool) -> Vec<String> {
    if !streamed {
        return vec![text.to_owned()];
    }
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for line in text.split_inclusive('\n') {
        piece.push_str(line);
        if line.trim_end_matches(['\r', '\n']).is_empty() {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// The document with its texts changed and its keys in order: what is meant the same reads the
/// same, also in a comparison of files.
fn settled(value: Value, change: &mut impl FnMut(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| settled(item, change)).collect())
        }
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map.into_iter().collect();
            sorted.into_iter().map(|(key, item)| (change(&key), settled(item, change))).collect()
        }
        plain => plain,
    }
}

/// Ids that aikit makes for calls that came without one (`call_` and a UUID) are others each time:
/// they are numbered by where they appear first.
fn numbered(text: &str, ids: &mut Vec<String>) -> String {
    const MARK: &str = "call_";
    const DIGITS: usize = 32;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(MARK) {
        let (before, found) = rest.split_at(start + MARK.len());
        out.push_str(before);
        let made = found.get(..DIGITS).filter(|id| {
            id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
                && id.as_bytes()[12] == b'7'
                && !found[DIGITS..].starts_with(|c: char| c.is_ascii_alphanumeric())
        });
        rest = match made {
            Some(id) => {
                let known = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                    ids.push(id.to_owned());
                    ids.len() - 1
                });
                out.push_str(&format!("#{}", known + 1));
                &found[DIGITS..]
            }
            None => found,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde_json::json;

    use super::*;

    fn asked(body: &Value, key: Option<&str>) -> Asked {
        let secrets = Secrets::of(key.map(SecretString::from).as_ref(), &[]);
        Asked::post("/v1/x?key=sk%2Bcanary%22", body.to_string().as_bytes(), &secrets)
    }

    #[test]
    fn a_key_is_removed_from_wherever_it_stands_and_in_every_form() {
        let key = "sk+canary\"";
        let body =
            json!({"a": [format!("is {key}?")], "sk+canary\"": json!({"k": key}).to_string()});
        let request = asked(&body, Some(key));
        let said = Said {
            status: 401,
            headers: [("x-request-id".to_owned(), key.to_owned())].into(),
            body: vec![format!("wrong: {key}"), json!({"error": key}).to_string()],
            end: End::Complete,
        };
        let said = said.without(&Secrets::of(Some(&SecretString::from(key)), &[]));
        let exchange = Exchange { request, response: said };
        let written = serde_json::to_string(&exchange).expect("json");
        assert!(!written.contains("canary"), "{written}");
        assert_eq!(written.matches("[api key]").count(), 7, "{written}");
    }

    #[test]
    fn a_placeholder_is_no_key() {
        let body = json!({"model": "none"});
        assert_eq!(asked(&body, Some("none")), asked(&body, None));
    }

    #[test]
    fn ids_that_are_made_anew_each_time_are_equal_if_they_are_used_alike() {
        let id = || format!("call_{}", uuid::Uuid::now_v7().simple());
        let body = |a: &str, b: &str, c: &str| json!({"calls": [a, b], "result": c});
        let (a, b, c, d) = (id(), id(), id(), id());
        assert_eq!(asked(&body(&a, &b, &b), None), asked(&body(&c, &d, &d), None));
        assert_ne!(asked(&body(&a, &b, &b), None), asked(&body(&c, &d, &c), None));
        let theirs = json!({"calls": ["call_abc", "call_7f", "call_"]});
        assert_eq!(asked(&theirs, None).body, theirs);
    }

    #[test]
    fn the_order_of_keys_means_nothing_and_numbers_stay_equal_to_themselves() {
        let bytes = br#"{"b": 0.1000000000000000055, "a": 123456789012345678901234567890.5}"#;
        let other = br#"{"a":123456789012345678901234567890.5,"b":0.1000000000000000055}"#;
        let asked = Asked::post("/", bytes, &Secrets::default());
        assert_eq!(asked, Asked::post("/", other, &Secrets::default()));
        let written = serde_json::to_string_pretty(&asked).expect("json");
        assert_eq!(serde_json::from_str::<Asked>(&written).expect("asked"), asked);
    }

    #[test]
    fn pieces_join_to_the_text_and_hold_an_event_each() {
        let stream = "event: a\r\ndata: 1\r\n\r\n: hm\n\ndata: 2\n\ndata: cut";
        let cut = pieces(stream, true);
        assert_eq!(cut.concat(), stream);
        assert_eq!(cut.len(), 4);
        assert_eq!(pieces("{}\n\n{}", false).len(), 1);
    }
}
