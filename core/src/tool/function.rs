//! A tool made from a Rust closure.

use std::pin::Pin;

use async_trait::async_trait;
use serde_json::Value;

use super::{Context, Definition, Tool};
use crate::error::Result;

type Work =
    dyn Fn(Value, Context) -> Pin<Box<dyn Future<Output = Result<Value>> + Send>> + Send + Sync;

/// A tool of this program: a definition and an asynchronous closure.
///
/// ```
/// use aikit::tool::{Definition, FunctionTool};
/// use serde_json::json;
///
/// let definition = Definition {
///     name: "leave_balance".into(),
///     description: "Days of leave that an employee has left".into(),
///     parameters: json!({
///         "type": "object",
///         "properties": {"employee": {"type": "string"}},
///         "required": ["employee"]
///     }),
///     timeout_ms: None,
/// };
/// let tool = FunctionTool::new(definition, |arguments, _context| async move {
///     Ok(json!({"employee": arguments["employee"], "days": 12}))
/// });
/// ```
pub struct FunctionTool {
    definition: Definition,
    work: Box<Work>,
}

impl FunctionTool {
    /// A tool whose calls run `work` on the global runtime: work that blocks belongs into
    /// `tokio::task::spawn_blocking`.
    pub fn new<F, Fut>(definition: Definition, work: F) -> Self
    where
        F: Fn(Value, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value>> + Send + 'static,
    {
        let work = Box::new(move |arguments, context| {
            Box::pin(work(arguments, context)) as Pin<Box<dyn Future<Output = _> + Send>>
        });
        Self { definition, work }
    }
}

impl std::fmt::Debug for FunctionTool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FunctionTool").field(&self.definition.name).finish()
    }
}

#[async_trait]
impl Tool for FunctionTool {
    fn definition(&self) -> &Definition {
        &self.definition
    }

    async fn call(&self, arguments: Value, context: Context) -> Result<Value> {
        (self.work)(arguments, context).await
    }
}
