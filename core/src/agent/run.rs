//! A run as its caller sees it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Agent;
use super::event::Event;
use super::images::ImageInput;
use super::prompt::Citation;
use super::recorder::EventSink;
use crate::error::{Code, Error, Result};
use crate::io;
use crate::model::Usage;
use crate::tool::HostCalls;

/// Events that may wait before the run is held back.
const QUEUE_LIMIT: usize = 256;

/// How a run is made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunOptions {
    /// The run's id: a slug, unique within the tenant. Default: a new UUID (version 7).
    pub run_id: Option<String>,
    /// Model calls, instead of the spec's `behavior.max_turns`.
    pub max_turns: Option<u32>,
    /// Milliseconds for the whole run, instead of the spec's `behavior.timeout_ms`.
    pub timeout_ms: Option<u64>,
    /// JSON Schema of the answer, instead of the spec's `interface.output_schema`.
    pub output_schema: Option<serde_json::Value>,
    /// Pictures that go with the input.
    pub images: Vec<ImageInput>,
    /// Tokens that the run may use, in and out, instead of the spec's `governance.budget`.
    pub tokens_per_run: Option<u64>,
    /// US dollars that the run may use, instead of the spec's `governance.budget`.
    pub cost_usd_per_run: Option<f64>,
    /// Values for the templates of the spec's prompts, as `interface.input_schema` declares them.
    pub inputs: serde_json::Map<String, serde_json::Value>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// With an answer.
    Finished,
    /// Stopped by its caller; text and usage are what there was.
    Cancelled,
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunResult {
    /// The run.
    pub run_id: String,
    /// How it ended.
    pub status: RunStatus,
    /// The answer. Text that the model said before a tool call is not part of it.
    pub text: String,
    /// The answer as JSON that fits the output schema; only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<serde_json::Value>,
    /// The passages that the answer cites.
    pub citations: Vec<Citation>,
    /// Tokens of all model calls.
    pub usage: Usage,
    /// Model calls.
    pub turns: u32,
    /// The provider's word for why the last turn ended; `cancelled` for a cancelled run.
    pub finish_reason: String,
    /// The model.
    pub model: String,
}

/// A run under way on the global runtime: a stream of events, then a result. Dropping it cancels
/// the run.
#[derive(Debug)]
pub struct Run {
    events: mpsc::Receiver<Event>,
    outcome: oneshot::Receiver<Result<RunResult>>,
    cancel: CancellationToken,
}

struct Channel(mpsc::Sender<Event>);

impl EventSink for Channel {
    async fn emit(&self, event: Event) {
        // A receiver that is gone has cancelled the run.
        let _ = self.0.send(event).await;
    }
}

impl Run {
    pub(super) fn start(
        agent: Agent,
        input: String,
        options: RunOptions,
        host: Option<Arc<dyn HostCalls>>,
        cancel: CancellationToken,
    ) -> Self {
        let (sender, events) = mpsc::channel(QUEUE_LIMIT);
        let (finish, outcome) = oneshot::channel();
        // The caller may give one token to many runs: the end of one must not cancel the others.
        let cancel = cancel.child_token();
        let token = cancel.clone();
        match io::runtime() {
            Ok(runtime) => {
                runtime.spawn(io::counted(async move {
                    let sink = Channel(sender);
                    let work = agent.drive(input, options, host, token, &sink);
                    let result = io::catch_panic(work).await.and_then(|result| result);
                    let _ = finish.send(result);
                }));
            }
            Err(error) => drop(finish.send(Err(error))),
        }
        Self { events, outcome, cancel }
    }

    /// The next event, or `None` after the ending one.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Waits for the end. Events that were not taken are passed over.
    ///
    /// # Errors
    /// As [`Agent::run`].
    pub async fn result(mut self) -> Result<RunResult> {
        while self.events.recv().await.is_some() {}
        (&mut self.outcome)
            .await
            .unwrap_or_else(|_| Err(Error::new(Code::Panic, "the run ended without a result")))
    }

    /// Asks the run to stop: it ends within 100 ms, with `run_cancelled` and its partial result.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Stream for Run {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
