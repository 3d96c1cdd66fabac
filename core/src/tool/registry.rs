//! The tools that a kernel knows, and the one way to call them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::schema::ArgumentSchema;
use super::{Context, DEFAULT_TIMEOUT, Definition, Tool, builtin};
use crate::error::{Code, Error, Result};
use crate::io::{self, RwLock};

/// The longest name of a tool: what every provider takes.
const NAME_LIMIT: usize = 64;

struct Entry {
    tool: Arc<dyn Tool>,
    schema: ArgumentSchema,
}

/// Tools by name: the built-in ones and what was registered. Thread safe.
pub struct Registry(RwLock<BTreeMap<String, Arc<Entry>>>);

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry").field(&self.names()).finish()
    }
}

impl Registry {
    /// The built-in tools only.
    pub fn with_builtins() -> Self {
        let registry = Self(RwLock::default());
        for tool in builtin::all() {
            let registered = registry.register(tool);
            debug_assert!(registered.is_ok(), "{registered:?}");
        }
        registry
    }

    /// Adds a tool.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a bad name or schema, [`Code::ToolExists`] for a taken name.
    pub fn register(&self, tool: Arc<dyn Tool>) -> Result<()> {
        let definition = tool.definition();
        let name = definition.name.clone();
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > NAME_LIMIT || !name.chars().all(letters) {
            return Err(Error::invalid_argument(format!(
                "{name:?} is not a tool name: letters, digits, `_` and `-`, at most 64"
            )));
        }
        if definition.timeout_ms == Some(0) {
            return Err(Error::invalid_argument(format!(
                "tool {name:?}: timeout_ms: a call needs more than no time"
            )));
        }
        let schema = ArgumentSchema::compile(definition)?;
        let mut tools = self.0.write();
        if tools.contains_key(&name) {
            return Err(Error::new(
                Code::ToolExists,
                format!("a tool named {name:?} is registered already"),
            )
            .hint("give the tool another name"));
        }
        tools.insert(name, Arc::new(Entry { tool, schema }));
        Ok(())
    }

    /// The names of all tools, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.read().keys().cloned().collect()
    }

    /// What models are told of this tool.
    ///
    /// # Errors
    /// [`Code::ToolUnknown`], with the nearest name as hint.
    pub fn definition(&self, name: &str) -> Result<Definition> {
        Ok(self.entry(name)?.tool.definition().clone())
    }

    fn entry(&self, name: &str) -> Result<Arc<Entry>> {
        let tools = self.0.read();
        tools.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = tools.keys().map(String::as_str).collect();
            Error::new(Code::ToolUnknown, format!("no tool named {name:?} is registered"))
                .hint(format!("there are: {}", names.join(", ")))
        })
    }

    /// Checks the arguments and calls the tool, within its time. A panic in the tool is a failure
    /// of the tool. Dropping the future stops the call.
    ///
    /// # Errors
    /// [`Code::ToolUnknown`], [`Code::ToolInvalidArguments`], [`Code::ToolFailed`],
    /// [`Code::ToolTimeout`].
    pub async fn call(&self, name: &str, arguments: Value, context: Context) -> Result<Value> {
        let entry = self.entry(name)?;
        entry.schema.check(name, &arguments)?;
        let allowed =
            entry.tool.definition().timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let call = io::catch_panic(entry.tool.call(arguments, context));
        match tokio::time::timeout(allowed, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => {
                Err(Error::new(Code::ToolFailed, format!("the tool {name:?} panicked"))
                    .caused_by(panic.message()))
            }
            Err(_) => Err(Error::new(
                Code::ToolTimeout,
                format!("the tool {name:?} gave no answer within {} ms", allowed.as_millis()),
            )
            .hint("raise `timeout_ms` of the tool if it needs longer")),
        }
    }
}
