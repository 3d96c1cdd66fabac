//! Functions of the host's language: tools whose work they do, and the way to models whose answers
//! they make.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Context, Definition, Tool};
use crate::error::{Code, Error, Result};
use crate::model::{Asked, Environment};

/// Where calls of host tools go. One for each environment that starts runs.
pub trait HostCalls: Send + Sync {
    /// Takes a call over; must not block.
    fn dispatch(&self, call: HostCall);
}

/// A call that waits for the host. Answer it once, from any thread; a call that is dropped without
/// an answer fails.
pub struct HostCall {
    /// The tool's name; of a model, `host/NAME`.
    pub name: String,
    /// The call's id within its run.
    pub call_id: String,
    /// The run, or `None` for a direct call.
    pub run_id: Option<String>,
    /// The arguments: an object that fits the tool's schema; of a model, the request.
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
        let call_id = context.call_id.clone();
        dispatch(&**host, &self.0.name, call_id, context.run_id.clone(), arguments).await
    }
}

/// Hands a call over and waits for its answer. Dropping the future abandons the call.
async fn dispatch(
    host: &dyn HostCalls,
    name: &str,
    call_id: String,
    run_id: Option<String>,
    arguments: Value,
) -> Result<Value> {
    let (reply, answer) = oneshot::channel();
    host.dispatch(HostCall { name: name.to_owned(), call_id, run_id, arguments, reply });
    answer.await.unwrap_or_else(|_| {
        let message = format!("the host dropped the call of {name:?} without an answer");
        Err(Error::new(Code::ToolFailed, message))
    })
}

/// Calls of one run's models, which go where those of its tools go.
struct ModelCalls {
    host: Arc<dyn HostCalls>,
    run_id: Arc<str>,
}

#[async_trait]
impl Asked for ModelCalls {
    async fn ask(&self, name: &str, request: Value) -> Result<Value> {
        let call_id = Uuid::now_v7().to_string();
        dispatch(&*self.host, name, call_id, Some(self.run_id.to_string()), request).await
    }
}

/// Where a run's models of the host's are asked.
pub(crate) fn asked(host: &Arc<dyn HostCalls>, run_id: &Arc<str>) -> Environment {
    Environment(Some(Arc::new(ModelCalls { host: host.clone(), run_id: run_id.clone() })))
}
