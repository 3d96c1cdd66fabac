//! Requests to providers: bounded retries before anything was emitted, and errors in our words.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::{Delta, DeltaSink};
use crate::error::{Code, Error, Result};
use crate::io;

/// Attempts in all, before the caller sees the error.
const ATTEMPTS: u32 = 3;
const FIRST_DELAY: Duration = Duration::from_millis(250);
/// The longest wait that a provider can ask for with `Retry-After`.
const DELAY_LIMIT: Duration = Duration::from_secs(20);
/// How long the head of an answer may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a stream may stand still.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(60);
/// The most that is read of an answer that is not a stream.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// An address to post JSON to.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) key: Option<SecretString>,
}

impl Endpoint {
    /// Posts, retrying what can be retried. Gives the answer of a success, its body unread.
    pub(super) async fn post(
        &self,
        body: Vec<u8>,
        mut sink: Option<&mut dyn DeltaSink>,
    ) -> Result<Response> {
        let body = bytes::Bytes::from(body);
        let mut attempt = 1;
        loop {
            let (error, wait) = match self.attempt(body.clone()).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if attempt == ATTEMPTS || !error.retryable() {
                return Err(error);
            }
            let backoff = FIRST_DELAY * 2u32.pow(attempt - 1);
            let delay = wait.unwrap_or(backoff + jitter(backoff)).min(DELAY_LIMIT);
            if let Some(sink) = &mut sink {
                sink.delta(Delta::Retrying {
                    attempt,
                    delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                    code: error.code(),
                    message: error.message().to_owned(),
                })
                .await;
            }
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, body: bytes::Bytes) -> Result<Response, (Error, Option<Duration>)> {
        let plain = |error| (error, None);
        let mut request = io::client()
            .map_err(plain)?
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(key) = &self.key {
            // Marked as sensitive, so that no layer below shows or indexes it.
            request = request.bearer_auth(key.expose_secret());
        }
        let response = tokio::time::timeout(HEAD_TIMEOUT, request.send())
            .await
            .map_err(|_| plain(self.silent(HEAD_TIMEOUT)))?
            .map_err(|e| plain(self.unreachable(e)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let text = self.body(response).await.unwrap_or_default();
        Err((self.refused(status, &text), wait))
    }

    /// What a provider said. Some repeat the key in it, and errors are logged and stored.
    pub(super) fn without_key(&self, text: &str) -> String {
        match &self.key {
            Some(key) if !key.expose_secret().is_empty() => {
                text.replace(key.expose_secret(), "[api key]")
            }
            _ => text.to_owned(),
        }
    }

    fn host(&self) -> String {
        let port = self.url.port().map(|p| format!(":{p}")).unwrap_or_default();
        format!("{}{port}", self.url.host_str().unwrap_or("the provider"))
    }

    fn silent(&self, waited: Duration) -> Error {
        Error::new(
            Code::ModelUnavailable,
            format!("{} was silent for {} s", self.host(), waited.as_secs()),
        )
    }

    fn unreachable(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Error::new(Code::ModelUnavailable, format!("{} cannot be reached: {cause}", self.host()))
            .hint("check the base URL and that the server runs")
            .caused_by(&error)
    }

    fn refused(&self, status: StatusCode, body: &str) -> Error {
        let said = serde_json::from_str::<serde_json::Value>(body).ok().and_then(|v| {
            let message = v.pointer("/error/message").or_else(|| v.get("error"))?;
            Some(message.as_str()?.to_owned())
        });
        let said = self.without_key(said.as_deref().unwrap_or(body));
        let said: String = said.trim().chars().take(500).collect();
        let host = self.host();
        let message = format!("{host} answered {}: {said}", status.as_u16());
        match status.as_u16() {
            401 | 403 => Error::new(Code::ModelUnauthorized, message).hint(match self.key {
                Some(_) => "check the API key and what it may use",
                None => "no API key was given: set providers.<name>.api_key, or OPENAI_API_KEY",
            }),
            429 => Error::new(Code::ModelRateLimited, message)
                .hint("wait, or raise the limit with the provider"),
            408 | 409 | 500..=599 => Error::new(Code::ModelUnavailable, message),
            404 => Error::new(Code::ModelRefused, message)
                .hint("check the model's name and the base URL (it usually ends with /v1)"),
            _ => Error::new(Code::ModelRefused, message),
        }
    }

    /// The next chunk of a stream, `None` at its end.
    pub(super) async fn chunk(&self, response: &mut Response) -> Result<Option<bytes::Bytes>> {
        match tokio::time::timeout(CHUNK_TIMEOUT, response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(e)) => Err(self.broken().caused_by(e.without_url())),
            Err(_) => Err(self.silent(CHUNK_TIMEOUT)),
        }
    }

    /// The error for a stream that ended before its end.
    pub(super) fn broken(&self) -> Error {
        Error::new(
            Code::ModelStreamBroken,
            format!("the stream from {} ended before the answer did", self.host()),
        )
        .hint("run again; what had come so far stands in the events")
    }

    /// The error for an answer that makes no sense.
    pub(super) fn nonsense(&self, what: &str, text: &str) -> Error {
        let shown: String = self.without_key(text).chars().take(200).collect();
        Error::new(Code::ModelInvalidResponse, format!("{} sent {what}", self.host()))
            .caused_by(format!("received: {shown}"))
            .hint("check that the address is of an OpenAI-compatible API")
    }

    /// The whole body as text, up to a limit.
    pub(super) async fn body(&self, mut response: Response) -> Result<String> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(&mut response).await? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_LIMIT {
                return Err(self.nonsense("more than 64 MiB", ""));
            }
        }
        String::from_utf8(body).map_err(|_| self.nonsense("what is not UTF-8", ""))
    }
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); the date form is rare and passed over.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Up to half of `delay`, so that many clients do not come back at once.
fn jitter(delay: Duration) -> Duration {
    let noise = uuid::Uuid::now_v7().as_bytes()[15];
    delay.mul_f64(f64::from(noise) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_repeats_the_key_does_not_carry_it_into_an_error() {
        let url = Url::parse("http://localhost/v1").expect("url");
        let endpoint = Endpoint { url, key: Some("sk-canary".to_owned().into()) };
        let body = r#"{"error": {"message": "wrong key sk-canary"}}"#;
        let errors = [
            endpoint.refused(StatusCode::UNAUTHORIZED, body),
            endpoint.refused(StatusCode::UNAUTHORIZED, "sk-canary"),
            endpoint.nonsense("something else", "sk-canary"),
        ];
        for error in errors {
            assert!(!error.to_json().to_string().contains("canary"), "{error:?}");
        }
    }
}
