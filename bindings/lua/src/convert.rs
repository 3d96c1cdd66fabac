//! JSON and Lua values, in both directions.
//!
//! | JSON | Lua |
//! |---|---|
//! | `null` | `aikit.null` (the NULL light userdata), so that it survives inside tables |
//! | object | table with string keys; an empty table without a mark is an object |
//! | array | table with positions from 1, marked, so that `[]` stays `[]`; `aikit.array{}` marks |
//! | string | string, which must be UTF-8 |
//! | number | integer where Lua has integers and it fits, else float |
//!
//! Only raw contents count: no metamethod of a user's table is called.

use std::os::raw::c_void;

use aikit::error::{Code, Error};
use mlua::{Lua, Table, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value as Json};

use crate::args::utf8;
use crate::failure::Failure;

/// How deep a value may be nested; `serde_json` reads as deep.
const DEPTH: usize = 127;

/// The metatable that marks a table as an array.
struct ArrayMark(Table);

/// Makes what conversions need in this Lua state.
pub(crate) fn prepare(lua: &Lua) -> mlua::Result<()> {
    let mark = lua.create_table()?;
    mark.raw_set("__name", "aikit.array")?;
    lua.set_app_data(ArrayMark(mark));
    Ok(())
}

fn array_mark(lua: &Lua) -> mlua::Result<Table> {
    lua.app_data_ref::<ArrayMark>()
        .map(|mark| mark.0.clone())
        .ok_or_else(|| mlua::Error::runtime("aikit is not loaded in this Lua state"))
}

/// Marks a table as an array, also when it is empty.
pub(crate) fn mark_array(lua: &Lua, table: &Table) -> mlua::Result<()> {
    table.set_metatable(Some(array_mark(lua)?))
}

/// What users call the type of a value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) | Value::Number(_) => "number",
        Value::LightUserData(pointer) if pointer.0.is_null() => "aikit.null",
        Value::LightUserData(_) | Value::Error(_) => "userdata",
        Value::Other(_) => "cdata",
        other => other.type_name(),
    }
}

/// JSON text of our own or of a user's as a Lua value.
pub(crate) fn text_to_lua(lua: &Lua, text: &str) -> Result<Value, Failure> {
    let mark = array_mark(lua)?;
    let mut source = serde_json::Deserializer::from_str(text);
    let value = ToLua { lua, mark: &mark }
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value));
    value.map_err(|e| match e.classify() {
        // Not of the text: Lua itself refused, for memory or because it was interrupted.
        Category::Data => mlua::Error::runtime(e).into(),
        _ => Error::invalid_argument(format!("the text is not JSON: {e}")).into(),
    })
}

/// A JSON document as a Lua value.
pub(crate) fn document_to_lua(lua: &Lua, document: &Json) -> mlua::Result<Value> {
    let mark = array_mark(lua)?;
    ToLua { lua, mark: &mark }.deserialize(document).map_err(mlua::Error::external)
}

/// Builds Lua values while a JSON text is read, without a tree in between.
#[derive(Clone, Copy)]
struct ToLua<'a> {
    lua: &'a Lua,
    mark: &'a Table,
}

impl<'de> DeserializeSeed<'de> for ToLua<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ToLua<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::NULL)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        // The integer type of mlua follows the Lua interface, so the cast is not idle everywhere.
        #[allow(clippy::useless_conversion, clippy::cast_precision_loss)]
        Ok(mlua::Integer::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[allow(clippy::cast_precision_loss)]
        Ok(mlua::Integer::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.lua.create_string(value).map(Value::String).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let table = self.lua.create_table().map_err(A::Error::custom)?;
        while let Some(item) = items.next_element_seed(self)? {
            table.raw_push(item).map_err(A::Error::custom)?;
        }
        table.set_metatable(Some(self.mark.clone())).map_err(A::Error::custom)?;
        Ok(Value::Table(table))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let table = self.lua.create_table().map_err(A::Error::custom)?;
        while let Some(key) = entries.next_key_seed(self)? {
            let value = entries.next_value_seed(self)?;
            table.raw_set(key, value).map_err(A::Error::custom)?;
        }
        Ok(Value::Table(table))
    }
}

/// A Lua value as JSON. `what` names it in the error; the error's path points to the wrong part.
pub(crate) fn lua_to_json(lua: &Lua, value: &Value, what: &str) -> Result<Json, Failure> {
    let mut reader = ToJson { mark: array_mark(lua)?.to_pointer(), open: Vec::new() };
    reader.value(value).map_err(|wrong| wrong.into_error(what).into())
}

struct ToJson {
    mark: *const c_void,
    /// The tables on the way from the root to here.
    open: Vec<*const c_void>,
}

/// What cannot be said in JSON, with the way to it from the inside out.
struct Wrong {
    code: Code,
    message: String,
    hint: Option<&'static str>,
    way: Vec<String>,
}

impl Wrong {
    fn new(message: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { code: Code::InvalidArgument, message: message.into(), hint, way: Vec::new() }
    }

    fn under(mut self, key: impl Into<String>) -> Self {
        self.way.push(key.into());
        self
    }

    fn into_error(self, what: &str) -> Error {
        let pointer: String = self
            .way
            .iter()
            .rev()
            .flat_map(|key| ["/".to_owned(), key.replace('~', "~0").replace('/', "~1")])
            .collect();
        let place = if pointer.is_empty() { String::new() } else { format!(" at {pointer}") };
        let mut error = Error::new(self.code, format!("{what}{place}: {}", self.message));
        if !pointer.is_empty() {
            error = error.at(pointer);
        }
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<mlua::Error> for Wrong {
    fn from(error: mlua::Error) -> Self {
        Self::new(error.to_string(), None)
    }
}

impl ToJson {
    fn value(&mut self, value: &Value) -> Result<Json, Wrong> {
        Ok(match value {
            Value::Nil => Json::Null,
            Value::LightUserData(pointer) if pointer.0.is_null() => Json::Null,
            Value::Boolean(value) => Json::Bool(*value),
            Value::Integer(value) => Json::Number(Number::from(*value)),
            Value::Number(value) => Json::Number(Number::from_f64(*value).ok_or_else(|| {
                Wrong::new("JSON has no number for infinity or not-a-number", None)
            })?),
            Value::String(text) => Json::String(string(text)?),
            Value::Table(table) => self.table(table)?,
            other => {
                return Err(Wrong::new(
                    format!("a {} cannot be written as JSON", type_name(other)),
                    None,
                ));
            }
        })
    }

    fn table(&mut self, table: &Table) -> Result<Json, Wrong> {
        let pointer = table.to_pointer();
        if self.open.contains(&pointer) {
            return Err(Wrong::new("the table contains itself", None));
        }
        if self.open.len() == DEPTH {
            return Err(Wrong::new(format!("nested deeper than {DEPTH} tables"), None));
        }
        self.open.push(pointer);
        let json = self.entries(table);
        self.open.pop();
        json
    }

    fn entries(&mut self, table: &Table) -> Result<Json, Wrong> {
        let marked = table.metatable().is_some_and(|m| m.to_pointer() == self.mark);
        let mut items: Vec<(mlua::Integer, Json)> = Vec::new();
        let mut fields = Map::new();
        for entry in table.pairs::<Value, Value>() {
            let (key, value) = entry?;
            match key {
                Value::Integer(position) => {
                    let item = self.value(&value).map_err(|e| e.under(position.to_string()))?;
                    items.push((position, item));
                }
                Value::String(name) => {
                    let name = string(&name)?;
                    let field = self.value(&value).map_err(|e| e.under(name.clone()))?;
                    fields.insert(name, field);
                }
                other => {
                    return Err(Wrong::new(
                        format!("a {} cannot be a key in JSON", type_name(&other)),
                        Some("keys are strings, or positions from 1 without gaps"),
                    ));
                }
            }
        }
        if !fields.is_empty() && (marked || !items.is_empty()) {
            return Err(Wrong::new(
                "the table has both positions and names",
                Some("a table is either an array or an object"),
            ));
        }
        if items.is_empty() && !marked {
            // Lua's order is another in each process; a text made from the same table is the same.
            fields.sort_keys();
            return Ok(Json::Object(fields));
        }
        items.sort_unstable_by_key(|(position, _)| *position);
        for ((position, _), wanted) in items.iter().zip(1..) {
            if *position != wanted {
                return Err(Wrong::new(
                    format!("position {wanted} of the array is missing"),
                    Some("write aikit.null where an array has nothing"),
                ));
            }
        }
        Ok(Json::Array(items.into_iter().map(|(_, item)| item).collect()))
    }
}

fn string(text: &mlua::LuaString) -> Result<String, Wrong> {
    utf8(text, "a string").map_err(|error| Wrong {
        code: error.code(),
        ..Wrong::new(error.message(), Some("encode other bytes first, for instance as base64"))
    })
}
