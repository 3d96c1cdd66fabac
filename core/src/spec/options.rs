//! Which fields of a provider's own a spec may not say, because aikit does: by them a request is what it
//! is estimated, limited and counted as.

use serde_json::Value as Json;

/// Names without underscores, in small letters: some providers take a name in both ways. With what says
/// it instead.
const RESERVED: [(&str, &str); 22] = [
    ("model", "`intelligence.model`"),
    ("models", "`intelligence.fallback_models`"),
    ("stream", ALWAYS),
    ("streamoptions", ALWAYS),
    ("messages", CONVERSATION),
    ("input", CONVERSATION),
    ("contents", CONVERSATION),
    ("system", CONVERSATION),
    ("systeminstruction", CONVERSATION),
    ("instructions", CONVERSATION),
    ("prompt", CONVERSATION),
    ("conversation", CONVERSATION),
    ("previousresponseid", CONVERSATION),
    ("cachedcontent", CONVERSATION),
    ("maxtokens", LENGTH),
    ("maxcompletiontokens", LENGTH),
    ("maxoutputtokens", LENGTH),
    ("npredict", LENGTH),
    ("numpredict", LENGTH),
    ("n", ONE),
    ("bestof", ONE),
    ("candidatecount", ONE),
];
const ALWAYS: &str = "answers are always streamed, and counted";
const CONVERSATION: &str = "the conversation is the run's";
const LENGTH: &str = "`intelligence.max_tokens`";
const ONE: &str = "there is one answer";
/// A block whose fields are looked at as well.
const NESTED: &str = "generationconfig";

/// A field that is not the spec's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// JSON pointer within the options.
    pub(crate) pointer: String,
    /// Its name, with that of the block it stands in.
    pub(crate) field: String,
    /// What says it.
    pub(crate) instead: &'static str,
}

/// The fields among a spec's `provider_options` that are not its to say.
pub(crate) fn reserved<'a>(
    options: impl IntoIterator<Item = (&'a String, &'a Json)>,
) -> Vec<Reserved> {
    let mut found = Vec::new();
    for (name, value) in options {
        if let Some(instead) = instead(name) {
            found.push(Reserved {
                pointer: format!("/{}", escaped(name)),
                field: name.clone(),
                instead,
            });
        } else if plain(name) == NESTED && !value.is_object() {
            // It would take the place of ours.
            found.push(Reserved {
                pointer: format!("/{}", escaped(name)),
                field: name.clone(),
                instead: LENGTH,
            });
        } else if let (NESTED, Json::Object(block)) = (&*plain(name), value) {
            let within = block.keys().filter_map(|inner| Some((inner, instead(inner)?)));
            found.extend(within.map(|(inner, instead)| Reserved {
                pointer: format!("/{}/{}", escaped(name), escaped(inner)),
                field: format!("{name}.{inner}"),
                instead,
            }));
        }
    }
    found
}

fn instead(name: &str) -> Option<&'static str> {
    let name = plain(name);
    RESERVED.iter().find(|(reserved, _)| *reserved == name).map(|(_, instead)| *instead)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(options: &Json) -> Vec<(String, String)> {
        let found = reserved(options.as_object().expect("object"));
        found.into_iter().map(|reserved| (reserved.pointer, reserved.field)).collect()
    }

    #[test]
    fn what_a_request_is_counted_by_is_not_the_specs_to_say() {
        for name in [
            "model",
            "stream",
            "stream_options",
            "messages",
            "input",
            "contents",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "maxOutputTokens",
            "n",
            "system",
            "systemInstruction",
            "system_instruction",
            "previous_response_id",
            "cachedContent",
            "generationConfig",
        ] {
            let found = fields(&json!({"top_k": 1, name: 1}));
            assert_eq!(found, [(format!("/{name}"), name.to_owned())]);
        }
        for block in ["generationConfig", "generation_config"] {
            let found = fields(&json!({block: {"topK": 1, "max_output_tokens": 9}}));
            let field = format!("{block}.max_output_tokens");
            assert_eq!(found, [(format!("/{block}/max_output_tokens"), field)]);
        }
    }

    #[test]
    fn a_spec_that_says_it_is_told_where() {
        let text = "identity: {agent_id: a}\nintelligence:\n  model: openai/gpt-4o\n  \
                    provider_options:\n    top_k: 5\n    stream_options: {include_usage: false}\n";
        let error = crate::spec::Spec::parse(text).expect_err("refused");
        let [found] = error.diagnostics() else { panic!("{error:?}") };
        let place = "/intelligence/provider_options/stream_options";
        assert_eq!((found.code, found.path.as_str(), found.line), ("AK1005", place, 6));
        let fine = text.replace("stream_options: {include_usage: false}", "seed: 1");
        crate::spec::Spec::parse(&fine).expect("fine");
    }

    #[test]
    fn all_else_is() {
        let options = json!({"top_k": 5, "metadata": {"model": "x"}, "service_tier": "flex",
            "reasoning": {"summary": "auto"}, "generationConfig": {"topK": 5}, "safetySettings": []});
        assert!(fields(&options).is_empty());
    }
}
