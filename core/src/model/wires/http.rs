//! One exchange with a provider: a request as JSON, an answer in one piece or as a stream, and
//! errors in our words. Trying again is not done here.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::answer::{Answer, Body};
use super::refusal::{ID_LIMIT, Said};
use crate::error::{Code, Error, ProviderAnswer, Result};
use crate::io;
use crate::model::cassette::{self, Asked, Cassette, End, Said as Recorded};
use crate::model::providers::{Reached, Timeouts, key_hint};
use crate::model::secrets::Secrets;

/// Where providers say which exchange it was.
const REQUEST_IDS: [&str; 8] = [
    "x-request-id",
    "request-id",
    "x-goog-request-id",
    "apim-request-id",
    "mistral-correlation-id",
    // OpenRouter, Cohere.
    "x-generation-id",
    "x-debug-trace-id",
    "cf-ray",
];

/// An address to post JSON to. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::model) struct Endpoint {
    url: Url,
    /// What goes with each request; the key and a user's own headers are marked as sensitive, so that
    /// no layer below shows or indexes them.
    headers: HeaderMap,
    /// To take them out of what the provider says.
    secrets: Secrets,
    /// Whether a request says who asks.
    keyed: bool,
    /// How to give a key, for whoever gave none.
    key_hint: String,
    pub(super) timeouts: Timeouts,
    /// What stands between us and the provider.
    cassette: Option<Cassette>,
}

/// How a key goes with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum KeyHeader {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// A header of its own, for instance `x-api-key`.
    Named(&'static str),
}

/// Takes an address apart.
///
/// # Errors
/// [`Code::InvalidArgument`] for one that is no `http` or `https` address.
pub(in crate::model) fn address(base_url: &str, path: &str) -> Result<Url> {
    let bad = |why: String| {
        Error::invalid_argument(format!("base_url {base_url:?}: {why}"))
            .hint("for instance http://127.0.0.1:8080/v1")
    };
    let url = Url::parse(&format!("{}/{path}", base_url.trim_end_matches('/')))
        .map_err(|e| bad(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https are spoken".into()));
    }
    Ok(url)
}

/// What came back for a request, whatever it is.
struct Received {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl Endpoint {
    /// An address of a provider, with its key and the user's own headers.
    pub(in crate::model) fn of(provider: &Reached, url: Url, how: KeyHeader) -> Self {
        Self {
            url,
            headers: provider.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect(),
            secrets: Secrets::of(provider.key.as_ref(), &provider.headers),
            keyed: provider.is_keyed(),
            key_hint: key_hint(provider),
            timeouts: provider.timeouts,
            cassette: provider.cassette.clone(),
        }
        .with_key(provider.key.as_ref(), how)
    }

    /// Sends a key with each request. It has only characters that a header can hold.
    fn with_key(mut self, key: Option<&SecretString>, how: KeyHeader) -> Self {
        let Some(key) = key else { return self };
        let (name, value) = match how {
            KeyHeader::Bearer => ("authorization", format!("Bearer {}", key.expose_secret())),
            KeyHeader::Named(name) => (name, key.expose_secret().to_owned()),
        };
        if let Ok(mut value) = HeaderValue::from_str(&value) {
            value.set_sensitive(true);
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sends a header of ours with each request.
    pub(in crate::model) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// Posts once. Gives the answer of a success.
    ///
    /// # Errors
    /// A model code; [`Error::answer`] has status, request id and `Retry-After`.
    pub(in crate::model) async fn post(&self, body: Vec<u8>) -> Result<Answer<'_>> {
        let Received { status, headers, body } = match &self.cassette {
            None => self.send(body).await?,
            Some(cassette) => self.taped(cassette, body).await?,
        };
        let request_id = request_id(&headers).map(|id| self.without_secrets(&id));
        let streamed = streamed(&headers);
        let answer = Answer::new(self, body, request_id, streamed);
        if status.is_success() {
            return Ok(answer);
        }
        let refused = ProviderAnswer {
            status: Some(status.as_u16()),
            request_id: answer.request_id.clone(),
            retry_after: retry_after(&headers, Timestamp::now()),
        };
        let text = answer.body().await.unwrap_or_default();
        Err(self.refused(refused, &text))
    }

    async fn send(&self, body: Vec<u8>) -> Result<Received> {
        let request = io::client()?
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .headers(self.headers.clone())
            .body(body);
        let mut response = tokio::time::timeout(self.timeouts.first_byte, request.send())
            .await
            .map_err(|_| self.silent(self.timeouts.first_byte))?
            .map_err(|e| self.unreachable(e))?;
        let headers = std::mem::take(response.headers_mut());
        Ok(Received { status: response.status(), headers, body: Body::Live(response) })
    }

    /// The recorded answer; or a new one, read to its end and recorded before any of it is used, so
    /// that a recording run sees what a replaying one will see.
    async fn taped(&self, cassette: &Cassette, body: Vec<u8>) -> Result<Received> {
        let query = self.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{}{query}", self.url.path());
        let asked = Asked::post(&path, &body, &self.secrets);
        if let Some(mut said) = cassette.play(&asked)? {
            // Who asked to be spared has no part in a replay: nobody waits.
            let wait = said.headers.get_mut(RETRY_AFTER.as_str());
            match wait {
                Some(wait) => "0".clone_into(wait),
                None if said.status >= 400 => {
                    said.headers.insert(RETRY_AFTER.as_str().into(), "0".into());
                }
                None => {}
            }
            return self.received(said);
        }
        let said = self.whole(self.send(body).await?).await?;
        let said = said.without(&self.secrets);
        cassette.record(asked, said.clone())?;
        self.received(said)
    }

    /// An answer as it can be recorded.
    async fn whole(&self, received: Received) -> Result<Recorded> {
        let Received { status, headers, body } = received;
        let streamed = streamed(&headers);
        let names = [CONTENT_TYPE.as_str(), RETRY_AFTER.as_str()].into_iter().chain(REQUEST_IDS);
        let kept = names
            .filter_map(|name| {
                Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned()))
            })
            .collect();
        let mut answer = Answer::new(self, body, None, streamed);
        let mut bytes = Vec::new();
        let end = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break End::Complete,
                Err(error) if error.code() == Code::ModelStreamBroken => break End::Broken,
                Err(error) if error.code() == Code::ModelInvalidResponse => return Err(error),
                Err(_) => break End::Silent,
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            // Cut off within a letter.
            Err(e) if end != End::Complete => {
                let whole = e.utf8_error().valid_up_to();
                String::from_utf8_lossy(&e.as_bytes()[..whole]).into_owned()
            }
            Err(_) => return Err(self.nonsense("what is not UTF-8", "")),
        };
        let body = cassette::pieces(&text, streamed);
        Ok(Recorded { status: status.as_u16(), headers: kept, body, end })
    }

    fn received(&self, said: Recorded) -> Result<Received> {
        let Recorded { status, headers, body, end } = said;
        let bad = || self.nonsense("a status or header that HTTP does not have", "");
        let status = StatusCode::from_u16(status).map_err(|_| bad())?;
        let headers = headers
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::try_from(name).map_err(|_| bad())?;
                Ok((name, HeaderValue::try_from(value).map_err(|_| bad())?))
            })
            .collect::<Result<_>>()?;
        Ok(Received { status, headers, body: Body::Recorded { pieces: body.into(), end } })
    }

    /// What a provider said. Some repeat the key or headers in it, and errors are logged and stored.
    pub(in crate::model) fn without_secrets(&self, text: &str) -> String {
        self.secrets.without(text)
    }

    fn host(&self) -> String {
        let port = self.url.port().map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}{port}", self.url.host_str().unwrap_or("the provider"))
    }

    pub(super) fn silent(&self, waited: Duration) -> Error {
        let waited = waited.as_secs_f64();
        Error::new(Code::ModelUnavailable, format!("{} was silent for {waited} s", self.host()))
            .unanswered()
    }

    /// The error for a stream that is kept alive, and nothing else.
    pub(super) fn idle(&self, waited: Duration) -> Error {
        let (host, waited) = (self.host(), waited.as_secs_f64());
        let message = format!("{host} sent nothing but signs of life for {waited} s");
        Error::new(Code::ModelUnavailable, message)
            .unanswered()
            .hint("if it may take that long, raise first_byte_ms of the provider")
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let was_sent = !error.is_connect();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let unreachable = format!("{} cannot be reached: {cause}", self.host());
        let told = Error::new(Code::ModelUnavailable, unreachable)
            .hint("check the base URL and that the server runs")
            .caused_by(&error);
        if was_sent { told.unanswered() } else { told }
    }

    fn refused(&self, answer: ProviderAnswer, body: &str) -> Error {
        let read = Said::read(body);
        let said = self.without_secrets(read.message());
        let said: String = said.trim().chars().take(500).collect();
        let status = answer.status.unwrap_or_default();
        let error = read.error(Some(status), format!("{} answered {status}: {said}", self.host()));
        let retry_after = answer.retry_after.or(read.retry_after);
        self.advised(error).answered(ProviderAnswer { retry_after, ..answer })
    }

    /// What to do about a key that was refused.
    fn advised(&self, error: Error) -> Error {
        match (error.code(), self.keyed) {
            (Code::ModelUnauthorized, true) => error.hint("check the API key and what it may use"),
            (Code::ModelUnauthorized, false) => {
                error.hint(format!("no API key was given: {}", self.key_hint))
            }
            _ => error,
        }
    }

    /// The error for a stream that ended before its end.
    pub(in crate::model) fn broken(&self) -> Error {
        Error::new(
            Code::ModelStreamBroken,
            format!("the stream from {} ended before the answer did", self.host()),
        )
        .hint("run again; what had come so far stands in the events")
    }

    /// The error that a provider sends within a stream, of an exchange of this id.
    pub(super) fn broke_off(&self, said: &Said, request_id: Option<&str>) -> Error {
        let message: String = self.without_secrets(said.message()).chars().take(500).collect();
        let error = said.error(None, format!("the provider broke off: {message}"));
        let mut answer = said.answer(request_id);
        answer.request_id = answer.request_id.map(|id| self.without_secrets(&id));
        if self.cassette.as_ref().is_some_and(Cassette::replays) {
            // Who asked to be spared has no part in a replay: nobody waits.
            answer.retry_after = Some(Duration::ZERO);
        }
        self.advised(error).answered(answer)
    }

    /// The error for an answer that makes no sense.
    pub(in crate::model) fn nonsense(&self, what: &str, text: &str) -> Error {
        // It may have serde's words in it, which repeat what was read.
        let what: String = self.without_secrets(what).chars().take(300).collect();
        let shown: String = self.without_secrets(text).chars().take(200).collect();
        Error::new(Code::ModelInvalidResponse, format!("{} sent {what}", self.host()))
            .caused_by(format!("received: {shown}"))
            .hint("check that the address is of an API of this kind")
    }
}

fn streamed(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/event-stream"))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    let found = REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok())?;
    Some(found.chars().take(ID_LIMIT).collect())
}

/// How long the provider asks to wait: `retry-after-ms`, that some of them send, else `Retry-After`
/// in seconds or as a date (RFC 9110, section 10.2.3). A date is compared with the provider's own
/// clock, if it tells that.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok();
    let ms = text(HeaderName::from_static("retry-after-ms")).and_then(number);
    if let Some(wait) = ms.and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok()) {
        return Some(wait);
    }
    let said = text(RETRY_AFTER)?;
    if let Some(seconds) = number(said) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|time| time.timestamp());
    let now = text(DATE).and_then(date).unwrap_or(now);
    // One that has passed: at once.
    Some(Duration::try_from(date(said)?.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::testing::reached;
    use super::*;
    use crate::model::Headers;

    #[test]
    fn how_long_to_wait_is_read_in_all_its_forms() {
        let now: Timestamp = "2015-10-21T07:28:00Z".parse().expect("time");
        let wait = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            retry_after(&pairs.collect(), now).map(|wait| wait.as_secs_f64())
        };
        let after = |text| wait(&[("retry-after", text)]);
        assert_eq!(after("7"), Some(7.0));
        assert_eq!(after(" 0.5 "), Some(0.5));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:30 GMT"), Some(30.0));
        assert_eq!(after("Wed, 21 Oct 2015 07:27:30 GMT"), Some(0.0));
        for nonsense in ["", "soon", "-1", "nan", "inf", "1e300", "Wed, 99 Oct 2015 07:28:30 GMT"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        assert_eq!(wait(&[("retry-after-ms", "250"), ("retry-after", "1")]), Some(0.25));
        assert_eq!(wait(&[("retry-after-ms", "x"), ("retry-after", "1")]), Some(1.0));
        let theirs = [
            ("date", "Wed, 21 Oct 2015 09:00:00 GMT"),
            ("retry-after", "Wed, 21 Oct 2015 09:00:05 GMT"),
        ];
        assert_eq!(wait(&theirs), Some(5.0));
    }

    #[test]
    fn a_provider_that_repeats_key_or_header_does_not_carry_it_into_an_error() {
        let url = Url::parse("http://localhost/v1").expect("url");
        let key = SecretString::from("sk-canary".to_owned());
        let headers: Headers =
            [("x-gateway", "gw-canary"), ("cookie", "a=canary; b=\"c\"")].into_iter().collect();
        let provider = Reached {
            name: "x".into(),
            base_url: String::new(),
            key: Some(key),
            headers: headers.sendable("x", false).expect("headers"),
            api_version: None,
            timeouts: Timeouts::default(),
            cassette: None,
        };
        let endpoint = Endpoint::of(&provider, url, KeyHeader::Bearer);
        let body = r#"{"error": {"message": "sk-canary, gw-canary, a=canary; b=\"c\""}}"#;
        let answer = ProviderAnswer { status: Some(401), ..ProviderAnswer::default() };
        let errors = [
            endpoint.refused(answer.clone(), body),
            endpoint.refused(answer, "sk-canary of gw-canary"),
            endpoint.broke_off(&Said::read(body), Some("gw-canary")),
            endpoint
                .nonsense("what is no answer (invalid type: string \"sk-canary\")", "gw-canary"),
            endpoint.nonsense("something else", body),
        ];
        for error in errors {
            assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
        }
        assert!(!format!("{endpoint:?}").contains("canary"));
    }

    #[test]
    fn a_header_that_stands_for_a_key_is_told_as_one() {
        let url = Url::parse("http://localhost/v1").expect("url");
        let headers: Headers = [("Authorization", "Bearer x")].into_iter().collect();
        let headers = headers.sendable("x", false).expect("headers");
        let provider = Reached { key: None, headers, ..reached("x", "") };
        let endpoint = Endpoint::of(&provider, url, KeyHeader::Bearer);
        let answer = ProviderAnswer { status: Some(401), ..ProviderAnswer::default() };
        let error = endpoint.refused(answer, "no");
        assert_eq!(error.hint_text(), Some("check the API key and what it may use"));
    }
}
