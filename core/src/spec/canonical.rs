//! The canonical form: one JSON text for all texts that mean the same, and a hash over it.

use serde_json::Value as Json;

/// `sha256:` and the digest of the canonical JSON in hexadecimal digits.
pub(super) fn hash(document: &Json) -> String {
    let text = canonical(document);
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::from("sha256:"), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

/// The canonical JSON of a document.
pub(crate) fn canonical(document: &Json) -> String {
    let mut text = String::new();
    write(document, &mut text);
    text
}

/// Keys in the order of their code points, no white space, and whole numbers as such.
fn write(value: &Json, out: &mut String) {
    match value {
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Json::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Json::Number(number) => match whole(number) {
            Some(whole) => out.push_str(&whole.to_string()),
            None => out.push_str(&number.to_string()),
        },
        _ => out.push_str(&value.to_string()),
    }
}

/// A number without a fraction, however it is written. Those that no whole number of JSON can hold stay
/// as they are.
fn whole(number: &serde_json::Number) -> Option<i128> {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.as_i128() };
    #[expect(clippy::cast_precision_loss, reason = "powers of two, which a float holds")]
    let range = (i64::MIN as f64)..(u64::MAX as f64);
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the range")]
    (float.fract() == 0.0 && range.contains(&float)).then_some(float as i128)
}

/// Whether two values mean the same: whether their canonical texts are equal.
pub(super) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => {
            x == y || whole(x).is_some_and(|x| Some(x) == whole(y))
        }
        (Json::Array(x), Json::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y))
        }
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(key, x)| y.get(key).is_some_and(|y| same(x, y)))
        }
        _ => a == b,
    }
}
