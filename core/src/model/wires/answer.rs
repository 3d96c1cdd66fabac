//! The answer of a success: read from its connection or from a cassette, event by event or as a whole.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::http::Endpoint;
use super::stillness::Stillness;
use crate::error::{ProviderAnswer, Result};
use crate::io::SseReader;
use crate::model::cassette::End;
use crate::model::providers::Timeouts;
use crate::model::resilience::deadline;

/// The most that is read of an answer.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// How long more is waited for when an answer is whole.
const DRAIN: Duration = Duration::from_secs(2);
/// What is left of a call's time for doing something with an answer that is whole.
const MARGIN: Duration = Duration::from_millis(20);

/// An answer of a success, its body unread.
#[derive(Debug)]
pub(in crate::model) struct Answer<'a> {
    endpoint: &'a Endpoint,
    body: Body,
    stillness: Stillness,
    reader: SseReader,
    /// Bytes of the body so far.
    read: usize,
    /// The provider's id of the exchange.
    pub(in crate::model) request_id: Option<String>,
    /// Whether it comes as server-sent events.
    pub(in crate::model) streamed: bool,
}

/// A body that is still to be read.
#[derive(Debug)]
pub(super) enum Body {
    Live(Response),
    Recorded { pieces: VecDeque<String>, end: End },
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        endpoint: &'a Endpoint,
        body: Body,
        request_id: Option<String>,
        streamed: bool,
    ) -> Self {
        let stillness = Stillness::new(endpoint.timeouts.between_chunks);
        let reader = SseReader::default();
        Self { endpoint, body, stillness, reader, read: 0, request_id, streamed }
    }

    /// The next chunk of the body, `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let patience = self.endpoint.timeouts.between_chunks;
        let response = match &mut self.body {
            Body::Live(response) => response,
            Body::Recorded { pieces, end } => {
                let piece = pieces.pop_front().map(|piece| Ok(Some(Bytes::from(piece))));
                return piece.unwrap_or_else(|| match end {
                    End::Complete => Ok(None),
                    End::Broken => Err(self.endpoint.broken().answered(no_wait())),
                    End::Silent => Err(self.endpoint.silent(patience).answered(no_wait())),
                });
            }
        };
        let chunk = match self.stillness.bounds(response.chunk()).await {
            Some(Ok(chunk)) => chunk,
            Some(Err(e)) => return Err(self.endpoint.broken().caused_by(e.without_url())),
            None => return Err(self.endpoint.silent(patience)),
        };
        self.read = self.read.saturating_add(chunk.as_ref().map_or(0, Bytes::len));
        if self.read > BODY_LIMIT {
            return Err(self.endpoint.nonsense("more than 64 MiB", ""));
        }
        Ok(chunk)
    }

    /// The data of the next server-sent event, `None` at the end of the stream. Most say it in a word
    /// of OpenAI's. Where the answer is `whole`, counts may still come, and are waited for briefly:
    /// not every server closes what it has finished. Whatever happens then is its end, too, because
    /// to ask for more of a whole answer would spoil it.
    pub(in crate::model) async fn event(&mut self, whole: bool) -> Result<Option<String>> {
        if !whole {
            return self.next_event().await;
        }
        // Some say with each event that it may be the last: the wait begins anew with each.
        let mut until = Instant::now() + DRAIN;
        if let Some(deadline) = deadline() {
            until = until.min(deadline.checked_sub(MARGIN).unwrap_or(deadline));
        }
        let more = timeout_at(until, self.next_event()).await;
        Ok(more.ok().and_then(Result::ok).flatten())
    }

    async fn next_event(&mut self) -> Result<Option<String>> {
        // Only while it is waited: whoever takes the events may take its time.
        let mut heard: Option<Instant> = None;
        loop {
            while let Some(data) = self.reader.next()? {
                if !is_keep_alive(&data) {
                    return Ok(Some(data).filter(|data| data.trim() != "[DONE]"));
                }
            }
            let now = Instant::now();
            let last = *heard.get_or_insert(now);
            if self.reader.is_within_data() {
                heard = Some(now);
            } else if now - last >= self.patience() {
                return Err(self.endpoint.idle(self.patience()));
            }
            match self.chunk().await? {
                Some(chunk) => self.reader.push(&chunk)?,
                None => return Ok(None),
            }
        }
    }

    /// How long signs of life alone are listened to: gateways send them as long as they wait
    /// themselves, and for an upstream that is dead, too.
    fn patience(&self) -> Duration {
        let Timeouts { first_byte, between_chunks, .. } = self.endpoint.timeouts;
        first_byte.max(between_chunks)
    }

    /// The whole body as text, up to a limit.
    pub(in crate::model) async fn body(mut self) -> Result<String> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        String::from_utf8(body).map_err(|_| self.endpoint.nonsense("what is not UTF-8", ""))
    }
}

/// What a recorded fault says of waiting.
fn no_wait() -> ProviderAnswer {
    ProviderAnswer { retry_after: Some(Duration::ZERO), ..ProviderAnswer::default() }
}

/// Whether an event says no more than that the connection lives.
fn is_keep_alive(data: &str) -> bool {
    if data.trim().is_empty() {
        return true;
    }
    // Short before it is read as JSON: there are many events.
    let is_ping = || serde_json::from_str(data).is_ok_and(|said: Value| said["type"] == "ping");
    data.len() <= 64 && data.contains("ping") && is_ping()
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
