//! aikit for Lua: `require("aikit")`.
//!
//! One shared object, two halves. The native half (this crate) turns Lua values into those of
//! [`aikit::host`] and back; each of its functions gives `true` and its values, or `false` and an
//! error. The Lua half (`aikit.lua`, compiled in) raises those errors, waits in a loop on the Lua
//! thread and calls host tools there. It is Lua so that nothing of Rust lies on the stack while a
//! user's function runs: hooks (Ctrl-C), tracebacks and `pcall` work as in any Lua program.

mod admin;
mod args;
mod convert;
mod documents;
mod failure;
mod objects;
mod repository;
mod run;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aikit::error::{Code, Error};
use mlua::{IntoLuaMulti, Lua, Table, UserData, Value};

use args::Args;
use failure::Failure;

/// The registry key of the module: a second `luaopen_aikit` in one state gives the same table.
const MODULE: &str = "aikit.module";
/// The registry key of the state's [`Presence`].
const PRESENCE: &str = "aikit.presence";
/// How long closing the last Lua state waits for runs that were cut off to write their end.
const FAREWELL: Duration = Duration::from_secs(2);

/// How many Lua states of this process have loaded the module and are open.
static STATES: AtomicUsize = AtomicUsize::new(0);

/// Lives as long as its Lua state. Made before every other object of ours, so that `lua_close`
/// finalizes it after them.
struct Presence;

impl Presence {
    fn new() -> Self {
        STATES.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if STATES.fetch_sub(1, Ordering::AcqRel) == 1 {
            aikit::io::shutdown(FAREWELL);
        }
    }
}

impl UserData for Presence {}

/// Adds a native function under `name`. It answers `true` and its values, or `false` and the error
/// as a table; a panic is a defect and becomes an error too.
fn export<F, R>(lua: &Lua, native: &Table, name: &str, function: F) -> mlua::Result<()>
where
    F: Fn(&Lua, &Args<'_>) -> Result<R, Failure> + 'static,
    R: IntoLuaMulti,
{
    let function = lua.create_function(move |lua, values| {
        let args = Args::new(lua, values);
        let result = catch_unwind(AssertUnwindSafe(|| function(lua, &args))).unwrap_or_else(|_| {
            Err(Error::new(Code::Panic, "a defect inside aikit was caught").into())
        });
        match result {
            Ok(values) => (true, values).into_lua_multi(lua),
            Err(Failure::Aikit(error)) => {
                (false, failure::to_table(lua, &error)?).into_lua_multi(lua)
            }
            Err(Failure::Lua(error)) => Err(error),
        }
    })?;
    native.raw_set(name, function)
}

/// The functions that need no kernel.
fn export_plain(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "json_encode", |_, args| {
        let value = args.json(0, "the value")?;
        Ok(value.to_string())
    })?;
    export(lua, native, "json_decode", |lua, args| {
        convert::text_to_lua(lua, &args.text(0, "the JSON text")?)
    })?;
    export(lua, native, "array", |lua, args| {
        let table = match args.value(0) {
            Value::Nil => lua.create_table()?,
            _ => args.table(0, "the argument of array")?,
        };
        convert::mark_array(lua, &table)?;
        Ok(table)
    })
}

// The macro defines the exported `luaopen_aikit`, which is an unsafe attribute by nature.
#[allow(unsafe_code)]
mod entry {
    #[mlua::lua_module(name = "aikit")]
    fn module(lua: &mlua::Lua) -> mlua::Result<mlua::Table> {
        super::open(lua)
    }
}

fn open(lua: &Lua) -> mlua::Result<Table> {
    if let Some(module) = lua.named_registry_value::<Option<Table>>(MODULE)? {
        return Ok(module);
    }
    lua.set_named_registry_value(PRESENCE, lua.create_userdata(Presence::new())?)?;
    convert::prepare(lua)?;

    let native = lua.create_table()?;
    native.raw_set("version", aikit::host::version())?;
    native.raw_set("null", Value::NULL)?;
    export_plain(lua, &native)?;
    admin::export_all(lua, &native)?;
    documents::export_all(lua, &native)?;
    objects::export_all(lua, &native)?;
    repository::export_all(lua, &native)?;
    run::export_all(lua, &native)?;

    // "=" keeps the name as it stands in tracebacks; the Lua half knows its own frames by it.
    let (module, classes): (Table, Table) =
        lua.load(include_str!("aikit.lua")).set_name("=aikit").call(native)?;
    admin::register(lua, &classes)?;
    documents::register(lua, &classes)?;
    objects::register(lua, &classes)?;
    repository::register(lua, &classes)?;
    run::register(lua, &classes)?;
    lua.set_named_registry_value(MODULE, &module)?;
    Ok(module)
}
