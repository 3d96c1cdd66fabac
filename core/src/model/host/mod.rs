//! Models whose answers are made by the program around aikit: `host/NAME`.
//!
//! - `request`: what the function of the host's is given.
//! - `answer`: what it may give.
//! - `registered`: the models of a kernel by name.

mod answer;
mod registered;
mod request;

pub use registered::Models;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use super::{ChatModel, ChatRequest, Completion, Delta, DeltaSink, StructuredOutput};
use crate::error::{Code, Error, Result};

/// What stands before the name of such a model.
pub const HOST: &str = "host";
/// How long an answer may take when the model does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);

/// Where functions of the host's are called: the environment that started a run.
#[async_trait]
pub trait Asked: Send + Sync {
    /// Calls the function of this name. Dropping the future gives the call up.
    ///
    /// # Errors
    /// What the function failed with, its cause kept.
    async fn ask(&self, name: &str, request: Value) -> Result<Value>;
}

/// The environment that started a run, if there is one.
#[derive(Clone, Default)]
pub struct Environment(pub Option<Arc<dyn Asked>>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.0.is_some()).finish()
    }
}

/// What a host says of a model of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostModel {
    /// A slug: the model is `host/NAME`.
    pub name: String,
    /// Milliseconds that an answer may take; default 120,000.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
}

impl HostModel {
    fn allowed(&self) -> Duration {
        self.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis)
    }

    fn failed(&self, error: &Error) -> Error {
        let message = format!("the model {} failed: {}", self.full_name(), error.message());
        let failed = Error::new(Code::ModelUnavailable, message).retry(false);
        match error.cause() {
            Some(cause) => failed.caused_by(cause),
            None => failed,
        }
    }

    fn full_name(&self) -> String {
        format!("{HOST}/{}", self.name)
    }
}

#[async_trait]
impl ChatModel for HostModel {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let name = self.full_name();
        let Some(host) = &request.environment.0 else {
            let message =
                format!("the model {name} belongs to a host, and no host started this run");
            return Err(Error::new(Code::ModelUnavailable, message)
                .retry(false)
                .hint("start the run through the language in which the model was registered"));
        };
        let allowed = self.allowed();
        let asked = host.ask(&name, request::document(&name, request));
        let answer = match tokio::time::timeout(allowed, asked).await {
            Ok(answer) => answer.map_err(|e| self.failed(&e))?,
            Err(_) => {
                let message =
                    format!("the model {name} gave no answer within {} ms", allowed.as_millis());
                return Err(Error::new(Code::ModelUnavailable, message)
                    .unanswered()
                    .hint("raise `timeout_ms` of the model if it needs longer"));
            }
        };
        let done = answer::completion(answer).map_err(|problem| {
            let message = format!("the model {name} gave what is no answer: {problem}");
            Error::new(Code::ModelInvalidResponse, message).hint(
                "a text, or {text, reasoning, tool_calls: [{name, arguments, id}], usage, \
                 finish_reason}",
            )
        })?;
        give(&done, sink).await;
        Ok(done)
    }

    fn structured_output(&self) -> StructuredOutput {
        // The function is told of the schema.
        StructuredOutput::Native
    }
}

/// The deltas of an answer that is there as a whole.
async fn give(done: &Completion, sink: &mut dyn DeltaSink) {
    sink.delta(Delta::Usage(done.usage)).await;
    for reasoning in &done.reasoning {
        sink.delta(Delta::Reasoning(reasoning.text.clone())).await;
    }
    if !done.text.is_empty() {
        sink.delta(Delta::Text(done.text.clone())).await;
    }
    for call in &done.tool_calls {
        let (call_id, name) = (call.id.clone(), call.name.clone());
        sink.delta(Delta::ToolCall { call_id, name, arguments: call.arguments.clone() }).await;
    }
}
