//! What the bodies of requests have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::{Image, ImageSource};
use crate::spec::reserved_options;

/// Refuses fields of a provider's own by which a request would be another one than it is counted as. A
/// spec that has them is refused before; a program that asks a model itself hears it here.
pub(super) fn check_options(options: &Map<String, Value>) -> Result<()> {
    let Some(reserved) = reserved_options(options).into_iter().next() else { return Ok(()) };
    let message = format!("provider_options: `{}` is not the provider's own", reserved.field);
    Err(Error::invalid_argument(message).hint(format!("remove it: {}", reserved.instead)))
}

/// A body as JSON, with fields of the provider's own laid over it as they stand.
pub(super) fn written(body: &impl Serialize, options: &Map<String, Value>) -> Result<Vec<u8>> {
    let unwritable =
        |e| Error::invalid_argument("the request cannot be written as JSON").caused_by(e);
    let bytes = serde_json::to_vec(body).map_err(unwritable)?;
    if options.is_empty() {
        return Ok(bytes);
    }
    check_options(options)?;
    let mut fields: Map<String, Value> = serde_json::from_slice(&bytes).map_err(unwritable)?;
    for (name, value) in options {
        fields.insert(name.clone(), value.clone());
    }
    serde_json::to_vec(&fields).map_err(unwritable)
}

/// Where a picture is, as an address: its own, or one that holds it.
pub(super) fn image_url(image: &Image) -> String {
    match &image.source {
        ImageSource::Url(url) => url.clone(),
        ImageSource::Bytes(bytes) => {
            let head = format!("data:{};base64,", image.media_type);
            let mut url = String::with_capacity(head.len() + bytes.len().div_ceil(3) * 4);
            url.push_str(&head);
            STANDARD.encode_string(bytes, &mut url);
            url
        }
    }
}

/// What a schema may say for OpenAI's strict mode, and those who took it over.
const STRICT: [&str; 21] = [
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "definitions",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "properties",
    "required",
    "title",
    "type",
];
/// As deep as that mode goes.
const STRICT_DEPTH: usize = 10;

/// Whether strict mode takes the schema as it stands: it has no other keywords, and every object says
/// all of its properties, asks for all and takes no others. One that does not is sent as a wish, and
/// the answer is checked by us in either case.
pub(super) fn fits_strict(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "object") && strict_part(schema, 0)
}

fn strict_part(schema: &Value, depth: usize) -> bool {
    let Value::Object(map) = schema else { return false };
    if depth > STRICT_DEPTH || !map.keys().all(|keyword| STRICT.contains(&keyword.as_str())) {
        return false;
    }
    let properties = map.get("properties").and_then(Value::as_object);
    let is_object = properties.is_some()
        || map.get("type").is_some_and(|kind| match kind {
            Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
            kind => kind == "object",
        });
    if is_object {
        let Some(properties) = properties else { return false };
        let required = map.get("required").and_then(Value::as_array);
        let asks_for =
            |name: &String| required.is_some_and(|names| names.iter().any(|n| n == name));
        if map.get("additionalProperties") != Some(&Value::Bool(false))
            || !properties.keys().all(asks_for)
        {
            return false;
        }
    }
    let parts =
        |key: &str| map.get(key).and_then(Value::as_object).into_iter().flat_map(Map::values);
    let choices = map.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    parts("properties")
        .chain(parts("$defs"))
        .chain(parts("definitions"))
        .chain(choices)
        .chain(map.get("items"))
        .all(|part| strict_part(part, depth + 1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_is_an_address() {
        let image = |source| Image { media_type: "image/png".into(), source };
        let here = image(ImageSource::Bytes(vec![0, 1, 254, 255].into()));
        assert_eq!(image_url(&here), "data:image/png;base64,AAH+/w==");
        let there = image(ImageSource::Url("https://h/x.png".into()));
        assert_eq!(image_url(&there), "https://h/x.png");
    }

    #[test]
    fn options_are_laid_over_as_they_stand() {
        let options = json!({"b": {"c": 1}, "d": null});
        let options = options.as_object().expect("object");
        let body = written(&json!({"a": 1, "b": {"x": 2}}), options).expect("body");
        assert_eq!(body, br#"{"a":1,"b":{"c":1},"d":null}"#);
        let options = json!({"stream_options": {"include_usage": false}});
        let options = options.as_object().expect("object");
        let error = written(&json!({"a": 1}), options).expect_err("refused");
        assert!(error.message().contains("`stream_options`"), "{error}");
    }

    #[test]
    fn strict_is_what_says_everything() {
        let inner = json!({"type": "object", "properties": {"n": {"type": ["integer", "null"]}},
            "required": ["n"], "additionalProperties": false});
        let outer = json!({"type": "object", "required": ["list"], "additionalProperties": false,
            "properties": {"list": {"type": "array", "items": {"anyOf": [inner, {"type": "null"}]}}}});
        assert!(fits_strict(&outer));
        let without = |key: &str| {
            let mut schema = inner.clone();
            schema.as_object_mut().expect("object").shift_remove(key);
            schema
        };
        for key in ["required", "additionalProperties", "properties", "type"] {
            assert!(!fits_strict(&without(key)), "{key}");
        }
        assert!(!fits_strict(&json!({"type": "array", "items": inner})));
        assert!(!fits_strict(&json!(true)));
        for part in
            [json!({"oneOf": [{"type": "string"}]}), json!({"type": "string", "minLength": 1})]
        {
            let mut other = inner.clone();
            other["properties"]["n"] = part;
            assert!(!fits_strict(&other), "{other}");
        }
    }
}
