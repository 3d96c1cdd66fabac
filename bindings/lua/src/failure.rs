//! The two ways in which a native function fails, and errors as Lua tables.

use aikit::error::Error;
use mlua::{Lua, Value};

use crate::convert;

/// Why a native function did not answer.
pub(crate) enum Failure {
    /// An error of aikit's, raised by the Lua half as an error object.
    Aikit(Error),
    /// The Lua state itself failed (no memory): passed on as it is.
    Lua(mlua::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Aikit(error)
    }
}

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

/// The fields of an error (`code`, `message`, `retryable`, and what else is known) as a table.
pub(crate) fn to_table(lua: &Lua, error: &Error) -> mlua::Result<Value> {
    convert::document_to_lua(lua, &error.to_json())
}
