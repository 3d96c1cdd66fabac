//! Reading what should be a text and is not always: providers send null, numbers and objects where
//! their documents say text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor, value};
use serde::{Deserialize, de};
use serde_json::Value;

/// A text, or `None` for null; anything else as JSON.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    from.deserialize_any(Text)
}

/// A count of tokens: whole or broken, null or negative.
pub(super) fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    Ok(Option::<f64>::deserialize(from)?.map_or(0, |count| count as u64))
}

/// The same, and `None` where nothing is said.
pub(super) fn count_if_any<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    Ok(Option::<f64>::deserialize(from)?.map(|count| count as u64))
}

/// A list, or null; a null within it is passed over.
pub(super) fn list<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list: Option<Vec<Option<T>>> = Option::deserialize(from)?;
    Ok(list.unwrap_or_default().into_iter().flatten().collect())
}

/// What may be null, and is then as if it were not there.
pub(super) fn or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A list, one of its items alone, or null.
pub(super) fn one_or_more<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(OneOrMore(PhantomData))
}

struct OneOrMore<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of them")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(vec![T::deserialize(value::MapAccessDeserializer::new(map))?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, from: A) -> Result<Self::Value, A::Error> {
        let list: Vec<Option<T>> = Vec::deserialize(value::SeqAccessDeserializer::new(from))?;
        Ok(list.into_iter().flatten().collect())
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(value.to_string()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let value = Value::deserialize(value::MapAccessDeserializer::new(map))?;
        Ok(Some(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        let value = Value::deserialize(value::SeqAccessDeserializer::new(list))?;
        Ok(Some(value.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Held {
        #[serde(default, deserialize_with = "text")]
        text: Option<String>,
        #[serde(default, deserialize_with = "count")]
        count: u64,
        #[serde(default, deserialize_with = "list")]
        list: Vec<u8>,
    }

    #[test]
    fn what_is_no_text_is_read_as_well() {
        for (json, text) in [
            (r#"{"text": "a\n"}"#, Some("a\n")),
            (r#"{"text": null}"#, None),
            ("{}", None),
            (r#"{"text": {"b": 1, "a": [null]}}"#, Some(r#"{"b":1,"a":[null]}"#)),
            (r#"{"text": [1]}"#, Some("[1]")),
            (r#"{"text": 7}"#, Some("7")),
        ] {
            let held: Held = serde_json::from_str(json).expect(json);
            assert_eq!(held.text.as_deref(), text, "{json}");
        }
    }

    #[test]
    fn counts_and_lists_may_be_anything_that_counts() {
        for (json, count) in [
            (r#"{"count": 3, "list": null}"#, 3),
            (r#"{"count": 3.0}"#, 3),
            (r#"{"count": null}"#, 0),
            (r#"{"count": -3}"#, 0),
            (r#"{"count": 1e300}"#, u64::MAX),
        ] {
            let held: Held = serde_json::from_str(json).expect(json);
            assert_eq!((held.count, held.list.len()), (count, 0), "{json}");
        }
    }
}
