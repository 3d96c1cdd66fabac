//! Tools: the trait, the registry, argument checking by JSON Schema, tools of the host's and the
//! two that are built in.
//!
//! No tool is available to an agent unless its spec names it.

mod builtin;
mod function;
mod host_tool;
mod registry;
mod schema;

pub use function::FunctionTool;
pub(crate) use host_tool::asked;
pub use host_tool::{HostCall, HostCalls, HostTool};
pub use registry::Registry;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::Result;

/// How long a tool may take when it does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What a model is told of a tool.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Name: letters, digits, `_` and `-`, at most 64, unique in a kernel.
    pub name: String,
    /// What it does and when to use it, for the model.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments: an object. Default: an object without properties.
    #[serde(default = "no_parameters")]
    pub parameters: Value,
    /// Milliseconds that a call may take; default 30,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

fn no_parameters() -> Value {
    serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false})
}

/// What a tool gets beside its arguments.
#[derive(Clone)]
pub struct Context {
    /// The tenant on whose behalf the call is made.
    pub tenant: String,
    /// The run that calls, or `None` for a direct call.
    pub run_id: Option<String>,
    /// The id of the call.
    pub call_id: String,
    /// Cancelled when the run is.
    pub cancel: CancellationToken,
    /// Where calls of host tools go: the environment that started the run.
    pub host: Option<Arc<dyn HostCalls>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("tenant", &self.tenant)
            .field("run_id", &self.run_id)
            .field("call_id", &self.call_id)
            .finish_non_exhaustive()
    }
}

/// Something that an agent can call. Implementations must be safe to call from many threads.
#[async_trait]
pub trait Tool: Send + Sync {
    /// What models are told.
    fn definition(&self) -> &Definition;

    /// Does the work. `arguments` is an object that fits the schema. An error of code
    /// [`crate::Code::ToolFailed`] is shown to the model, and the run goes on.
    async fn call(&self, arguments: Value, context: Context) -> Result<Value>;
}
