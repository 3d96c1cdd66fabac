//! Messages, tools and calls as OpenAI's chat has them, and those who took over its forms.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::body::image_url;
use crate::model::{Image, ToolCall, ToolSpec};

/// What a message says: a text, or parts of the kind that the wire has.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a, P> {
    Text(&'a str),
    Parts(Vec<P>),
}

/// A part of a message; `T` is what was thought.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a, T> {
    Text { text: &'a str },
    ImageUrl { image_url: Address },
    Thinking { thinking: T },
}

#[derive(Serialize)]
pub(super) struct Address {
    url: String,
}

/// What a user says: the text, and the pictures behind it.
pub(super) fn user<'a, P>(
    text: &'a str,
    images: &[Image],
    words: impl Fn(&'a str) -> P,
    picture: impl Fn(String) -> P,
) -> Content<'a, P> {
    if images.is_empty() {
        return Content::Text(text);
    }
    let words = (!text.is_empty()).then(|| words(text));
    let pictures = images.iter().map(|image| picture(image_url(image)));
    Content::Parts(words.into_iter().chain(pictures).collect())
}

impl<'a, T> Part<'a, T> {
    /// What a user says, in these parts.
    pub(super) fn user(text: &'a str, images: &[Image]) -> Content<'a, Self> {
        let picture = |url| Self::ImageUrl { image_url: Address { url } };
        user(text, images, |text| Self::Text { text }, picture)
    }
}

/// What is inside `function`, under its type.
pub(super) struct Function<T>(T);

impl<T: Serialize> Serialize for Function<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Typed<'a, T> {
            r#type: &'static str,
            function: &'a T,
        }
        Typed { r#type: "function", function: &self.0 }.serialize(serializer)
    }
}

#[derive(Serialize)]
pub(super) struct Declared<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

/// A tool that may be called.
pub(super) fn tool(tool: &ToolSpec) -> Function<Declared<'_>> {
    Function(Declared {
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
    })
}

#[derive(Serialize)]
pub(super) struct Called<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// A call that was made.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: Cow<'a, str>,
    #[serde(flatten)]
    function: Function<Called<'a>>,
}

impl<'a> Call<'a> {
    /// With an id that the provider takes.
    pub(super) fn new(id: Cow<'a, str>, call: &'a ToolCall) -> Self {
        let called = Called { name: &call.name, arguments: &call.arguments };
        Self { id, function: Function(called) }
    }
}
