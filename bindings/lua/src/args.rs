//! Checked access to the arguments of a native function: a wrong one is an `invalid_argument`
//! error that names it, never a coercion and never a panic.

use aikit::error::{Code, Error};
use mlua::{AnyUserData, Function, Lua, LuaString, MultiValue, Table, UserDataRef, Value};

use crate::convert;
use crate::failure::Failure;

/// Values by their names.
pub(crate) type Named = serde_json::Map<String, serde_json::Value>;

/// The arguments of one call, counted from 0.
pub(crate) struct Args<'a> {
    lua: &'a Lua,
    values: MultiValue,
}

impl<'a> Args<'a> {
    pub(crate) fn new(lua: &'a Lua, values: MultiValue) -> Self {
        Self { lua, values }
    }

    /// The argument as it is; nil when it was not given.
    pub(crate) fn value(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Nil)
    }

    /// A string of valid UTF-8.
    pub(crate) fn text(&self, index: usize, what: &str) -> Result<String, Failure> {
        match self.value(index) {
            Value::String(text) => Ok(utf8(text, what)?),
            other => Err(wrong(what, "a string", other).into()),
        }
    }

    /// A string of any bytes, for messages: what is not UTF-8 is replaced.
    pub(crate) fn message(&self, index: usize) -> String {
        match self.value(index) {
            Value::String(text) => text.to_string_lossy(),
            other => convert::type_name(other).to_owned(),
        }
    }

    /// A whole number from 0.
    pub(crate) fn milliseconds(&self, index: usize, what: &str) -> Result<u64, Failure> {
        match self.value(index) {
            Value::Integer(number) if *number >= 0 => Ok(number.unsigned_abs()),
            other => Err(wrong(what, "a whole number from 0", other).into()),
        }
    }

    /// A table.
    pub(crate) fn table(&self, index: usize, what: &str) -> Result<Table, Failure> {
        match self.value(index) {
            Value::Table(table) => Ok(table.clone()),
            other => Err(wrong(what, "a table", other).into()),
        }
    }

    /// A function.
    pub(crate) fn function(&self, index: usize, what: &str) -> Result<Function, Failure> {
        match self.value(index) {
            Value::Function(function) => Ok(function.clone()),
            other => Err(wrong(what, "a function", other).into()),
        }
    }

    /// A value that JSON can say.
    pub(crate) fn json(&self, index: usize, what: &str) -> Result<serde_json::Value, Failure> {
        convert::lua_to_json(self.lua, self.value(index), what)
    }

    /// A table of options or arguments as JSON text; nil means the empty text.
    pub(crate) fn options(&self, index: usize, what: &str) -> Result<String, Failure> {
        match self.value(index) {
            Value::Nil => Ok(String::new()),
            Value::Table(_) => Ok(self.json(index, what)?.to_string()),
            other => Err(wrong(what, "a table or nil", other).into()),
        }
    }

    /// A table of named values; nil has none.
    pub(crate) fn object_of(&self, index: usize, what: &str) -> Result<Named, Failure> {
        match self.value(index) {
            Value::Nil => Ok(Named::new()),
            Value::Table(_) => match self.json(index, what)? {
                serde_json::Value::Object(named) => Ok(named),
                _ => {
                    Err(Error::invalid_argument(format!("{what} have names, not positions")).into())
                }
            },
            other => Err(wrong(what, "a table or nil", other).into()),
        }
    }

    /// One of our objects, as the value Lua holds and as what is in it.
    pub(crate) fn object<T: 'static>(
        &self,
        index: usize,
        class: &str,
    ) -> Result<(AnyUserData, UserDataRef<T>), Failure> {
        let wrong_class = |value: &Value| {
            let error = wrong(class, &format!("an aikit {class}"), value);
            Failure::from(match index {
                0 => error.hint("methods are called with a colon, for instance kernel:close()"),
                _ => error,
            })
        };
        match self.value(index) {
            Value::UserData(object) => match object.borrow::<T>() {
                Ok(inside) => Ok((object.clone(), inside)),
                Err(_) => Err(wrong_class(self.value(index))),
            },
            other => Err(wrong_class(other)),
        }
    }
}

/// The text of a Lua string, or `invalid_utf8` with the place of the first bad byte.
pub(crate) fn utf8(text: &LuaString, what: &str) -> Result<String, Error> {
    match std::str::from_utf8(&text.as_bytes()) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(Error::new(
            Code::InvalidUtf8,
            format!("{what} is not valid UTF-8: byte {} does not fit", error.valid_up_to() + 1),
        )
        .hint("aikit takes text in UTF-8; encode other bytes first, for instance as base64")),
    }
}

fn wrong(what: &str, wanted: &str, given: &Value) -> Error {
    Error::invalid_argument(format!("{what} must be {wanted}, not {}", convert::type_name(given)))
}
