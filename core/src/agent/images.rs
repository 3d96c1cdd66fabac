//! Pictures that go with an input.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::model::{Image, ImageSource};

/// Pictures of one run, and bytes of one picture: what providers take at most, about.
const IMAGE_LIMIT: usize = 20;
const BYTES_LIMIT: usize = 20 * 1024 * 1024;
/// How a picture of each kind begins.
const KINDS: [(&str, &[u8], usize); 5] = [
    ("image/png", b"\x89PNG\r\n\x1a\n", 0),
    ("image/jpeg", b"\xff\xd8\xff", 0),
    ("image/gif", b"GIF8", 0),
    ("image/webp", b"WEBP", 8),
    ("image/bmp", b"BM", 0),
];
const TAKEN: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A picture as a caller gives it: exactly one of `data` and `url`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImageInput {
    /// Its bytes as base64 (RFC 4648, section 4), at most 20 MiB of them.
    pub data: Option<String>,
    /// An `https` address, which the provider fetches; aikit does not.
    pub url: Option<String>,
    /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`; default: what the bytes are.
    pub media_type: Option<String>,
}

/// The pictures as a model takes them.
///
/// # Errors
/// [`crate::Code::InvalidArgument`], with the number of the picture.
pub(super) fn read(inputs: Vec<ImageInput>) -> Result<Vec<Image>> {
    if inputs.len() > IMAGE_LIMIT {
        return Err(Error::invalid_argument(format!(
            "images: {} were given, and a run takes at most {IMAGE_LIMIT}",
            inputs.len()
        )));
    }
    inputs
        .into_iter()
        .enumerate()
        .map(|(i, input)| {
            one(input).map_err(|why| Error::invalid_argument(format!("images[{i}]: {why}")))
        })
        .collect()
}

fn one(input: ImageInput) -> Result<Image, String> {
    let named = |media_type: &str| {
        TAKEN
            .contains(&media_type)
            .then(|| media_type.to_owned())
            .ok_or_else(|| format!("models take {}, and this is {media_type:?}", TAKEN.join(", ")))
    };
    match (input.data, input.url) {
        (Some(data), None) => {
            if data.len() / 4 * 3 > BYTES_LIMIT {
                return Err("it has more than 20 MiB".into());
            }
            let bytes =
                STANDARD.decode(data.trim()).map_err(|e| format!("`data` is not base64: {e}"))?;
            let found = KINDS
                .iter()
                .find(|(_, start, at)| bytes.get(*at..).is_some_and(|b| b.starts_with(start)))
                .map(|(kind, ..)| *kind);
            let media_type = match (input.media_type.as_deref(), found) {
                (Some(said), Some(found)) if said != found => {
                    return Err(format!("`media_type` says {said:?}, and the bytes are {found:?}"));
                }
                (Some(kind), _) | (None, Some(kind)) => named(kind)?,
                (None, None) => return Err("its bytes are of no kind that is known".into()),
            };
            Ok(Image { media_type, source: ImageSource::Bytes(bytes.into()) })
        }
        (None, Some(url)) => {
            let parsed = reqwest::Url::parse(&url).map_err(|e| format!("`url`: {e}"))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err("`url` must be an http or https address; give bytes as `data`".into());
            }
            let media_type = match input.media_type.as_deref() {
                Some(kind) => named(kind)?,
                None => by_ending(parsed.path()).to_owned(),
            };
            Ok(Image { media_type, source: ImageSource::Url(url) })
        }
        _ => Err("give either `data` (base64) or `url`".into()),
    }
}

/// Only a hint for providers that ask for a type beside an address.
fn by_ending(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
        Some("png") => "image/png",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        _ => "image/jpeg",
    }
}

/// An address without its query, where signatures stand, and without a login.
fn without_secrets(url: &str) -> String {
    let Ok(mut parsed) = reqwest::Url::parse(url) else { return String::new() };
    parsed.set_query(None);
    parsed.set_fragment(None);
    // These fail for addresses without a host, which have neither.
    let _ = parsed.set_username("");
    let _ = parsed.set_password(None);
    parsed.into()
}

/// What stands of the pictures in the run's first event: no bytes, and nothing of an address that
/// lets somebody in. Its hash tells two addresses apart.
pub(super) fn described(images: &[Image]) -> Vec<Value> {
    images
        .iter()
        .map(|image| match &image.source {
            ImageSource::Bytes(bytes) => json!({
                "media_type": image.media_type,
                "bytes": bytes.len(),
                "blake3": blake3::hash(bytes).to_hex().as_str(),
            }),
            ImageSource::Url(url) => json!({
                "media_type": image.media_type,
                "url": without_secrets(url),
                "blake3_url": blake3::hash(url.as_bytes()).to_hex().as_str(),
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n rest";

    fn bytes(bytes: &[u8], media_type: Option<&str>) -> ImageInput {
        let media_type = media_type.map(str::to_owned);
        ImageInput { data: Some(STANDARD.encode(bytes)), url: None, media_type }
    }

    #[test]
    fn bytes_say_what_they_are() {
        let images = read(vec![bytes(PIXEL, None)]).expect("image");
        assert_eq!(images[0].media_type, "image/png");
        assert_eq!(images[0].source, ImageSource::Bytes(PIXEL.into()));
    }

    #[test]
    fn an_address_is_described_without_what_lets_somebody_in() {
        let signed = "https://me:canary@b.s3.example.com/a/b.png?X-Amz-Signature=canary#canary";
        let input = ImageInput { url: Some(signed.into()), ..ImageInput::default() };
        let images = read(vec![input]).expect("image");
        assert_eq!(images[0].source, ImageSource::Url(signed.into()), "the model gets all of it");
        let told = &described(&images)[0];
        assert_eq!(told["url"], "https://b.s3.example.com/a/b.png");
        assert_eq!(told["media_type"], "image/png");
        assert!(!told.to_string().contains("canary"), "{told}");
    }

    #[test]
    fn what_is_no_picture_for_a_model_is_refused_with_its_number() {
        let url = |url: &str| ImageInput { url: Some(url.into()), ..ImageInput::default() };
        for (input, word) in [
            (bytes(PIXEL, Some("image/jpeg")), "image/png"),
            (bytes(b"hello", None), "no kind"),
            (bytes(b"BM123", None), "image/bmp"),
            (ImageInput { data: Some("%".into()), ..ImageInput::default() }, "base64"),
            (ImageInput::default(), "either"),
            (url("file:///etc/passwd"), "http"),
            (url("nothing"), "url"),
        ] {
            let error = read(vec![bytes(PIXEL, None), input]).expect_err(word);
            assert!(error.message().starts_with("images[1]:"), "{error}");
            assert!(error.message().contains(word), "{error}");
        }
    }
}
