//! A tool whose work is done by the host's language.

use async_trait::async_trait;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Context, Definition, Tool};
use crate::error::{Code, Error, Result};

/// Where calls of host tools go. One for each environment that starts runs.
pub trait HostCalls: Send + Sync {
    /// Takes a call over; must not block.
    fn dispatch(&self, call: HostCall);
}

/// A call that waits for the host. Answer it once, from any thread; a call that is dropped without
/// an answer fails.
pub struct HostCall {
    /// The tool's name.
    pub name: String,
    /// The call's id within its run.
    pub call_id: String,
    /// The run, or `None` for a direct call.
    pub run_id: Option<String>,
    /// The arguments: an object that fits the tool's schema.
    pub arguments: Value,
    reply: oneshot::Sender<Result<Value>>,
}

impl HostCall {
    /// Answers with a result.
    pub fn succeed(self, result: Value) {
        let _ = self.reply.send(Ok(result));
    }

    /// Answers with a failure: the message is shown to the model, the cause (a traceback) is kept
    /// in the event.
    pub fn fail(self, message: &str, cause: Option<&str>) {
        let mut error = Error::new(Code::ToolFailed, message);
        if let Some(cause) = cause {
            error = error.caused_by(cause);
        }
        let _ = self.reply.send(Err(error));
    }

    /// Whether nobody waits for the answer any more (timeout or cancel).
    pub fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

impl std::fmt::Debug for HostCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostCall")
            .field("name", &self.name)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// A host tool: a definition whose calls go to [`Context::host`].
#[derive(Clone, Debug)]
pub struct HostTool(Definition);

impl HostTool {
    /// A host tool of this definition.
    pub fn new(definition: Definition) -> Self {
        Self(definition)
    }
}

impl<'de> Deserialize<'de> for HostTool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Definition::deserialize(deserializer).map(Self)
    }
}

#[async_trait]
impl Tool for HostTool {
    fn definition(&self) -> &Definition {
        &self.0
    }

    async fn call(&self, arguments: Value, context: Context) -> Result<Value> {
        let Some(host) = &context.host else {
            return Err(Error::new(
                Code::ToolFailed,
                format!(
                    "the tool {:?} belongs to a host, and no host started this run",
                    self.0.name
                ),
            )
            .hint("start the run through the language in which the tool was registered"));
        };
        let (reply, answer) = oneshot::channel();
        host.dispatch(HostCall {
            name: self.0.name.clone(),
            call_id: context.call_id.clone(),
            run_id: context.run_id.clone(),
            arguments,
            reply,
        });
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(
                Code::ToolFailed,
                format!("the host dropped the call of {:?} without an answer", self.0.name),
            ))
        })
    }
}
