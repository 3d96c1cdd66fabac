//! What a provider means by an error: bodies of every provider, sorted into our codes.
//!
//! Statuses alone do not tell: a conversation that is too long is a 400 or a 413 here and a 500
//! there, a wrong key a 400, an empty account a 429. What tells is a word in `code`, `type` or
//! `status`, and where there is none, the sentence.

use std::time::Duration;

use serde_json::Value;

use crate::error::{Code, Error, ProviderAnswer};

/// What an error's body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The sentence.
    message: Option<String>,
    /// The words for its kind, in small letters.
    words: Vec<String>,
    /// The status in the body, for an error within a stream.
    status: Option<u16>,
    /// How long to wait, where it stands in the body.
    pub(super) retry_after: Option<Duration>,
    /// The provider's id of the exchange, where it stands in the body.
    request_id: Option<String>,
}

/// A kind of error, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    code: Code,
    hint: Option<&'static str>,
    /// Where it differs from what holds for the code.
    retry: Option<bool>,
}

impl Kind {
    const fn new(code: Code) -> Self {
        Self { code, hint: None, retry: None }
    }

    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    const fn never_again(self) -> Self {
        Self { retry: Some(false), ..self }
    }

    const fn again(self) -> Self {
        Self { retry: Some(true), ..self }
    }

    const TOO_LONG: Self = Self::new(Code::ModelContextExceeded).hint(
        "shorten the conversation or what tools give back, or take a model with more context",
    );
    const KEY: Self = Self::new(Code::ModelUnauthorized);
    const CREDIT: Self = Self::new(Code::ModelRateLimited)
        .hint("the account has no credit or quota left: see the provider's billing page")
        .never_again();
    const RATE: Self =
        Self::new(Code::ModelRateLimited).hint("wait, or raise the limit with the provider");
    const TOO_LARGE_FOR_RATE: Self = Self::new(Code::ModelRateLimited)
        .hint("the request alone is larger than the limit: shorten it, or raise the limit")
        .never_again();
    const DOWN: Self = Self::new(Code::ModelUnavailable);
    const FILTER: Self = Self::new(Code::ModelRefused)
        .hint("the provider's content filter held the request back: change what is asked");
    const NO_MODEL: Self = Self::new(Code::ModelRefused)
        .hint("check the model's name and the base URL (it usually ends with /v1)");
    const MOVED: Self = Self::new(Code::ModelRefused).hint(
        "redirects are not followed: give the address that it leads to as `base_url` (https, and \
         usually with /v1 at its end)",
    );
    const BAD_CALL: Self = Self::new(Code::ModelInvalidResponse)
        .hint("the model wrote a call or JSON that the provider could not read: run again")
        .again();
}

/// Words that providers use, exactly.
const WORDS: &[(&[&str], Kind)] = &[
    (
        // OpenAI, Groq; llama.cpp; Cohere's own word in a stream.
        &["context_length_exceeded", "exceed_context_size_error", "error_limit"],
        Kind::TOO_LONG,
    ),
    (
        &[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "insufficient_credits",
            "billing_error",
        ],
        Kind::CREDIT,
    ),
    (&["content_filter", "content_policy_violation", "responsibleaipolicyviolation"], Kind::FILTER),
    (&["tool_use_failed", "json_validate_failed"], Kind::BAD_CALL),
    (
        &[
            "invalid_api_key",
            "api_key_invalid",
            "authentication_error",
            "permission_error",
            "unauthenticated",
            "permission_denied",
        ],
        Kind::KEY,
    ),
    (
        &["rate_limit_exceeded", "rate_limit_error", "resource_exhausted", "too_many_requests"],
        Kind::RATE,
    ),
    (&["model_not_found", "not_found_error", "deploymentnotfound"], Kind::NO_MODEL),
    (
        &[
            "overloaded_error",
            "overloaded",
            "api_error",
            "server_error",
            "internal_error",
            "internal_server_error",
            "unavailable",
            "unavailable_error",
            "service_unavailable",
            "internal",
            "deadline_exceeded",
            "timeout_error",
        ],
        Kind::DOWN,
    ),
    (
        &[
            "invalid_request_error",
            "invalid_argument",
            "failed_precondition",
            "invalid_prompt",
            "request_too_large",
        ],
        Kind::new(Code::ModelRefused),
    ),
];

/// Parts of sentences for a conversation that is too long, in small letters.
const TOO_LONG: &[&str] = &[
    "prompt is too long",                   // Anthropic
    "context length",                       // OpenAI, OpenRouter, Mistral, vLLM
    "context window",                       // OpenAI, MiniMax
    "context size",                         // llama.cpp
    "context limit",                        // Anthropic, of what is read and `max_tokens` together
    "exceeds the maximum number of tokens", // Gemini
    "maximum prompt length",                // xAI
    "reduce the length of the messages",    // Groq
    "too many tokens",                      // Cohere
    "too large for model with",             // Mistral
    "input is too long",                    // Bedrock behind gateways
];

/// Parts of sentences, in small letters, for what a model does not take, and what to do about it.
const HELP: &[(&[&str], &str)] = &[
    (
        // OpenAI's models of 5.4 and later, with tools and while they think.
        &["reasoning_effort", "/v1/responses"],
        "take the model as openai_responses/..., which calls tools while it thinks, or set \
         `intelligence.reasoning_effort: none` where the model takes that",
    ),
    (
        &["v1/responses", "chat/completions"],
        "the model is one of the Responses API: take it as openai_responses/...",
    ),
    (
        // OpenAI's and xAI's models that think.
        &["'stop'", "not supported"],
        "the model takes no stop texts: leave `intelligence.stop` out",
    ),
    (&["not supported on this model", ": stop"], "leave `intelligence.stop` out for this model"),
    (
        &["reasoning_effort", "not support"],
        "the model lacks this effort: set another `intelligence.reasoning_effort`, or none at all",
    ),
    (
        &["reasoning.effort", "not support"],
        "the model lacks this effort: set another `intelligence.reasoning_effort`, or none at all",
    ),
    (
        // Claude: a thought whose conversation was changed before it.
        &["bound to a different conversation"],
        "what stood before the model's thoughts was changed: begin a new session",
    ),
];

/// Parts of sentences for a wrong key that comes as a plain bad request.
const WRONG_KEY: &[&str] = &["api key not valid", "incorrect api key", "invalid api key"];

impl Said {
    /// Reads a body; one that is no JSON is the sentence itself.
    pub(super) fn read(body: &str) -> Self {
        match serde_json::from_str(body) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Self::of(&value),
            _ => Self { message: Some(body.to_owned()), ..Self::default() },
        }
    }

    /// Reads an error that is JSON already: a whole body, or the `error` in it.
    pub(super) fn of(body: &Value) -> Self {
        // Gemini sends a list of one.
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").filter(|error| !error.is_null());
        let inner = error.filter(|error| error.is_object()).unwrap_or(body);
        let mut said = Self { message: sentence(inner), ..Self::default() };
        if said.message.is_none() {
            said.message = error.and_then(Value::as_str).map(str::to_owned);
        }
        for place in [inner, body] {
            said.add_words(place);
        }
        for detail in inner.get("details").and_then(Value::as_array).into_iter().flatten() {
            said.add_words(detail);
            let delay = detail.get("retryDelay").and_then(Value::as_str);
            let seconds = delay.and_then(|d| d.strip_suffix('s')?.parse().ok());
            said.retry_after =
                said.retry_after.or(seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()));
        }
        if let Some(deeper) = inner.get("innererror") {
            said.add_words(deeper);
        }
        let id = body.get("request_id").and_then(Value::as_str);
        said.request_id = id.map(|id| id.chars().take(ID_LIMIT).collect());
        said
    }

    fn add_words(&mut self, place: &Value) {
        for key in ["code", "type", "status", "reason", "http_code", "status_code"] {
            match place.get(key) {
                Some(Value::String(word)) if self.words.len() < 16 => {
                    self.status = self.status.or_else(|| a_status(word.parse().ok()?));
                    self.words.push(word.to_ascii_lowercase());
                }
                Some(Value::Number(number)) => {
                    self.status = self.status.or_else(|| a_status(number.as_u64()?));
                }
                _ => {}
            }
        }
    }

    /// The sentence, or as much as there is of one.
    pub(super) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or("no message")
    }

    fn kind(&self, status: Option<u16>) -> Kind {
        let sentence = self.message().to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| sentence.contains(part));
        let word = |kinds: &[&str]| self.words.iter().any(|word| kinds.contains(&word.as_str()));
        // A limit on tokens a minute speaks of tokens too, and is no matter of the context.
        let limit = status == Some(429) || word(&["rate_limit_exceeded", "rate_limit_error"]);
        if !limit && says(TOO_LONG) {
            return Kind::TOO_LONG;
        }
        if status.is_none_or(|status| status == 400) && says(WRONG_KEY) {
            return Kind::KEY;
        }
        if status == Some(413) && limit {
            return Kind::TOO_LARGE_FOR_RATE;
        }
        let named = WORDS.iter().find(|(words, _)| word(words)).map(|(_, kind)| kind);
        let clear = |kind: &&Kind| {
            !matches!(kind.code, Code::ModelRefused | Code::ModelUnavailable) || kind.hint.is_some()
        };
        if let Some(kind) = named.filter(clear) {
            return *kind;
        }
        match status {
            Some(300..=399) => Kind::MOVED,
            Some(401) => Kind::KEY,
            // OpenRouter: what was asked was flagged, and the key is a good one.
            Some(403) if sentence.contains("moderation") || sentence.contains("flagged") => {
                Kind::FILTER
            }
            Some(403) => Kind::KEY,
            Some(402) => Kind::CREDIT,
            Some(429) => Kind::RATE,
            Some(404) => Kind::NO_MODEL,
            Some(408 | 409 | 500..=599) => Kind::DOWN,
            Some(400..=499) => Kind::new(Code::ModelRefused),
            // Within a stream, after a success: whoever says nothing clear has failed.
            _ => named.map_or(Kind::DOWN, |kind| *kind),
        }
    }

    /// What helps against a refusal of something that the spec asks for.
    fn what_helps(&self) -> Option<&'static str> {
        let sentence = self.message().to_lowercase();
        let has = |parts: &[&str]| parts.iter().all(|part| sentence.contains(part));
        HELP.iter().find(|(parts, _)| has(parts)).map(|(_, hint)| *hint)
    }

    /// What the provider said with an error within a stream, of an exchange of this id.
    pub(super) fn answer(&self, request_id: Option<&str>) -> ProviderAnswer {
        ProviderAnswer {
            status: self.status,
            request_id: self.request_id.as_deref().or(request_id).map(str::to_owned),
            retry_after: self.retry_after,
        }
    }

    /// The error, saying `message`. Without a status it came within a stream.
    pub(super) fn error(&self, status: Option<u16>, message: String) -> Error {
        let kind = self.kind(status.or(self.status));
        let error = Error::new(kind.code, message);
        let hint = Some(kind).filter(|kind| kind.code == Code::ModelRefused);
        let error = match hint.and_then(|_| self.what_helps()).or(kind.hint) {
            Some(hint) => error.hint(hint),
            None => error,
        };
        match kind.retry {
            Some(retry) => error.retry(retry),
            None => error,
        }
    }
}

/// The most letters of an id of an exchange.
pub(super) const ID_LIMIT: usize = 200;

fn a_status(number: u64) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| (400..600).contains(number))
}

/// The sentence in an error, wherever the provider puts it.
fn sentence(error: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let found = error.get("message").and_then(text).or_else(|| error.get("detail").and_then(text));
    found.or_else(|| {
        // Mistral and others that check the request's shape: a list of what is wrong with it.
        let details = error.get("detail").or_else(|| error.get("message"))?;
        let details = details.get("detail").unwrap_or(details).as_array()?;
        let one = |detail: &Value| {
            let place = detail.get("loc").and_then(Value::as_array);
            let place = place.map(|keys| keys.iter().map(plain).collect::<Vec<_>>().join("."));
            let said = detail.get("msg").and_then(Value::as_str)?;
            Some(place.map_or_else(|| said.to_owned(), |place| format!("{place}: {said}")))
        };
        let all: Vec<String> = details.iter().take(8).filter_map(one).collect();
        (!all.is_empty()).then(|| all.join("; "))
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies as providers document them or as their users report them.
    const BODIES: &[(u16, &str, Code, &str)] = &[
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 8545 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            Code::ModelContextExceeded,
            "This model's maximum",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 213462 tokens > 200000 maximum"},"request_id":"req_1"}"#,
            Code::ModelContextExceeded,
            "prompt is too long",
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).","status":"INVALID_ARGUMENT"}}]"#,
            Code::ModelContextExceeded,
            "The input",
        ),
        (
            400,
            r#"{"id":"x","message":"too many tokens: total number of tokens in the prompt cannot exceed 128000 - received 140000."}"#,
            Code::ModelContextExceeded,
            "too many",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":8192}}"#,
            Code::ModelContextExceeded,
            "the request",
        ),
        (
            400,
            r#"{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_invalid_args","param":null,"code":"3051"}"#,
            Code::ModelContextExceeded,
            "Prompt contains",
        ),
        (
            400,
            r#"{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 537812 tokens."}"#,
            Code::ModelContextExceeded,
            "This model's",
        ),
        (
            400,
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: ab***z."}"#,
            Code::ModelUnauthorized,
            "Incorrect",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
            Code::ModelUnauthorized,
            "API key",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000"}}"#,
            Code::ModelContextExceeded,
            "input length",
        ),
        (308, "Moved to https://h/v1", Code::ModelRefused, "Moved"),
        (401, r#"{"message":"invalid api token"}"#, Code::ModelUnauthorized, "invalid api token"),
        (401, r#"{"detail":"Unauthorized"}"#, Code::ModelUnauthorized, "Unauthorized"),
        (
            403,
            r#"{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["x"]}}}"#,
            Code::ModelRefused,
            "Your chosen",
        ),
        (
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            Code::ModelRateLimited,
            "Insufficient",
        ),
        (
            413,
            r#"{"error":{"message":"Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000","type":"tokens","code":"rate_limit_exceeded"}}"#,
            Code::ModelRateLimited,
            "Request too large",
        ),
        (
            413,
            r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error","param":"messages"}}"#,
            Code::ModelContextExceeded,
            "Please reduce",
        ),
        (429, r#"{"message":"too many tokens a minute"}"#, Code::ModelRateLimited, "too many"),
        (
            400,
            r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Code::ModelRefused,
            "The response",
        ),
        (
            400,
            r#"{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function"}}"#,
            Code::ModelInvalidResponse,
            "Failed",
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","code":"model_not_found"}}"#,
            Code::ModelRefused,
            "The model",
        ),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error"}"#,
            Code::ModelRefused,
            "body.stream_options: Extra inputs",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"x"}]}"#,
            Code::ModelRefused,
            "body.messages.0: field",
        ),
        (
            400,
            r#"{"error":{"message":"max_tokens is too large: 999999","type":"invalid_request_error"}}"#,
            Code::ModelRefused,
            "max_tokens",
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            Code::ModelUnavailable,
            "Overloaded",
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Code::ModelUnavailable,
            "Loading",
        ),
        (500, "<html>oh</html>", Code::ModelUnavailable, "<html>"),
        (400, "", Code::ModelRefused, ""),
        (400, "[]", Code::ModelRefused, "no message"),
        (400, r#"{"error":null,"message":7}"#, Code::ModelRefused, "no message"),
    ];

    #[test]
    fn every_providers_errors_have_our_codes() {
        for (status, body, code, sentence) in BODIES {
            let said = Said::read(body);
            assert_eq!(said.error(Some(*status), String::new()).code(), *code, "{body}");
            assert!(said.message().starts_with(sentence), "{:?} of {body}", said.message());
        }
    }

    #[test]
    fn an_empty_account_is_not_asked_again_and_a_full_minute_is() {
        let quota = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#;
        let error = Said::read(quota).error(Some(429), String::new());
        assert_eq!((error.code(), error.retryable()), (Code::ModelRateLimited, false));
        let busy = r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#;
        let error = Said::read(busy).error(Some(429), String::new());
        assert_eq!((error.code(), error.retryable()), (Code::ModelRateLimited, true));
    }

    #[test]
    fn within_a_stream_the_body_has_to_tell() {
        for (body, code) in [
            (r#"{"error":{"message":"overloaded"}}"#, Code::ModelUnavailable),
            (
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#,
                Code::ModelRateLimited,
            ),
            (
                r#"{"type":"error","code":"context_length_exceeded","message":"x"}"#,
                Code::ModelContextExceeded,
            ),
            (r#"{"error":{"code":"server_error","message":"x"}}"#, Code::ModelUnavailable),
            (r#"{"error":{"code":429,"message":"x"}}"#, Code::ModelRateLimited),
            (
                r#"{"error":{"code":400,"message":"x","status":"INVALID_ARGUMENT"}}"#,
                Code::ModelRefused,
            ),
            (r#"{"error":{"code":"invalid_prompt","message":"x"}}"#, Code::ModelRefused),
            ("connection reset", Code::ModelUnavailable),
        ] {
            assert_eq!(Said::read(body).error(None, String::new()).code(), code, "{body}");
        }
    }

    #[test]
    fn a_refusal_of_what_a_model_does_not_take_says_what_helps() {
        // As users report them.
        for (status, sentence, hint) in [
            (
                400,
                "Function tools with reasoning_effort are not supported for gpt-5.6-terra in \
                 /v1/chat/completions. To use function tools, use /v1/responses or set \
                 reasoning_effort to 'none'.",
                "openai_responses/...",
            ),
            (
                404,
                "This model is only supported in v1/responses and not in v1/chat/completions.",
                "openai_responses/...",
            ),
            (
                400,
                "Unsupported parameter: 'stop' is not supported with this model.",
                "`intelligence.stop`",
            ),
            (400, "Argument not supported on this model: stop", "`intelligence.stop`"),
            (
                400,
                "Unsupported value: 'reasoning_effort' does not support 'none' with this model.",
                "another `intelligence.reasoning_effort`",
            ),
            (
                400,
                "Unsupported value: 'minimal' is not supported with the 'gpt-5.1' model: \
                 'reasoning.effort' does not support it.",
                "another `intelligence.reasoning_effort`",
            ),
            (
                400,
                "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound \
                 to a different conversation.",
                "new session",
            ),
        ] {
            let body = serde_json::json!({"error": {"message": sentence, "type": "invalid_request_error"}});
            let error = Said::of(&body).error(Some(status), String::new());
            assert_eq!(error.code(), Code::ModelRefused, "{sentence}");
            assert!(error.hint_text().is_some_and(|text| text.contains(hint)), "{error:?}");
        }
        let other = Said::read("stop it").error(Some(400), String::new());
        assert_eq!(other.hint_text(), None);
    }

    #[test]
    fn a_wait_may_stand_in_the_body() {
        let body = r#"{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}]}}"#;
        assert_eq!(Said::read(body).retry_after, Some(Duration::from_millis(34_500)));
    }
}
