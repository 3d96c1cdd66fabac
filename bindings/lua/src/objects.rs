//! Kernels, collections and agents: the objects Lua holds and what their methods stand on.
//!
//! A kernel's tools are a Lua table (name to function) kept as user value of the kernel and of
//! everything made from it. So the collector sees the cycle of a kernel and a tool that uses it;
//! a reference held from Rust would keep both for ever.

use aikit::error::Error;
use aikit::host::{HostAgent, HostCollection, HostKernel};
use aikit::kernel::AgentRef;
use mlua::{AnyUserData, Lua, Table, UserDataFields, UserDataMethods, UserDataRegistry, Value};

use crate::args::Args;
use crate::convert;
use crate::documents::SpecObject;
use crate::export;
use crate::failure::Failure;
use crate::repository::Repository;
use crate::run::start;

/// Under which number a kernel keeps its repository, beside its tools (1).
const REPOSITORY: usize = 2;

/// Days of use that are shown unless other ones are wished.
const DAYS: u32 = 30;

/// `aikit.Kernel`.
pub(crate) struct Kernel(HostKernel);
/// `aikit.Agent`.
pub(crate) struct Agent(HostAgent);
/// `aikit.Collection`.
struct Collection(HostCollection);

/// Hands a kernel to Lua, with no tools yet.
pub(crate) fn kernel_to_lua(lua: &Lua, kernel: HostKernel) -> mlua::Result<AnyUserData> {
    let specs = lua.create_any_userdata(Repository(kernel.specs()))?;
    let object = lua.create_any_userdata(Kernel(kernel))?;
    object.set_user_value(lua.create_table()?)?;
    object.set_nth_user_value(REPOSITORY, specs)?;
    Ok(object)
}

/// Hands an agent to Lua, with its kernel's tools.
pub(crate) fn agent_to_lua(lua: &Lua, agent: HostAgent, tools: Value) -> mlua::Result<AnyUserData> {
    let object = lua.create_any_userdata(Agent(agent))?;
    object.set_user_value(tools)?;
    Ok(object)
}

fn kernel(args: &Args<'_>) -> Result<(HostKernel, Value), Failure> {
    let (object, kernel) = args.object::<Kernel>(0, "kernel")?;
    Ok((kernel.0.clone(), object.user_value()?))
}

/// For how many days the use of a tenant is wanted: the option `days`.
fn days(args: &Args<'_>, index: usize) -> Result<u32, Failure> {
    let mut days = DAYS;
    for (name, value) in args.object_of(index, "the options of usage")? {
        if name != "days" {
            let message = format!("usage: unknown field `{name}`, expected `days`");
            return Err(Error::invalid_argument(message).into());
        }
        days = value.as_u64().and_then(|days| u32::try_from(days).ok()).ok_or_else(|| {
            Error::invalid_argument(format!("usage: days is a whole number from 0, not {value}"))
        })?;
    }
    Ok(days)
}

fn collection(args: &Args<'_>) -> Result<HostCollection, Failure> {
    let (_, collection) = args.object::<Collection>(0, "collection")?;
    Ok(collection.0.clone())
}

/// Adds the native functions of this file.
pub(crate) fn export_all(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export_kernel(lua, native)?;
    export_collection(lua, native)?;
    export(lua, native, "start", |lua, args| {
        let (object, agent) = args.object::<Agent>(0, "agent")?;
        let input = args.text(1, "the input of a run")?;
        let options = args.options(2, "the options of a run")?;
        start(lua, agent.0.start(&input, &options), object.user_value()?)
    })
}

/// A definition as JSON, its function left out.
fn without(
    lua: &Lua,
    definition: &Table,
    function: &str,
    what: &str,
) -> Result<serde_json::Value, Failure> {
    let fields = lua.create_table()?;
    for field in definition.pairs::<Value, Value>() {
        let (key, value) = field?;
        if !matches!(&key, Value::String(name) if name.as_bytes() == function.as_bytes()) {
            fields.raw_set(key, value)?;
        }
    }
    convert::lua_to_json(lua, &Value::Table(fields), what)
}

fn export_kernel(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "open", |lua, args| {
        let options = args.options(0, "the options of open")?;
        start(lua, HostKernel::open(&options), Value::Nil)
    })?;
    export(lua, native, "tool", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        let definition = args.table(1, "the tool")?;
        let run = args.function(2, "the tool's run")?;
        let json = without(lua, &definition, "run", "the tool")?;
        kernel.register_tool(&json.to_string())?;
        if let (Value::Table(tools), Some(name)) = (tools, json["name"].as_str()) {
            tools.raw_set(name, run)?;
        }
        Ok(())
    })?;
    export(lua, native, "model", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        let definition = args.table(1, "the model")?;
        let chat = args.function(2, "the model's chat")?;
        let json = without(lua, &definition, "chat", "the model")?;
        kernel.register_model(&json.to_string())?;
        if let (Value::Table(tools), Some(name)) = (tools, json["name"].as_str()) {
            tools.raw_set(format!("host/{name}"), chat)?;
        }
        Ok(())
    })?;
    export(lua, native, "agent", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        let reference = match args.value(1) {
            Value::String(_) => AgentRef::Text(args.text(1, "the path or id of a spec")?),
            _ => {
                let (_, spec) = args.object::<SpecObject>(1, "spec, its path or its id")?;
                AgentRef::Spec(spec.0.clone())
            }
        };
        let options = args.options(2, "the options of agent")?;
        start(lua, kernel.agent(reference, &options), tools)
    })?;
    export(lua, native, "check_in", |lua, args| {
        let (kernel, _) = kernel(args)?;
        let (_, spec) = args.object::<SpecObject>(1, "spec")?;
        start(lua, kernel.check(&spec.0), Value::Nil)
    })?;
    export(lua, native, "collection", |lua, args| {
        let (kernel, _) = kernel(args)?;
        let collection = kernel.collection(&args.text(1, "the name of a collection")?)?;
        Ok(lua.create_any_userdata(Collection(collection))?)
    })?;
    export(lua, native, "call_tool", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        let name = args.text(1, "the name of a tool")?;
        let arguments = args.options(2, "the arguments of a tool")?;
        start(lua, kernel.call_tool(&name, &arguments), tools)
    })?;
    export(lua, native, "run_events", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        let run_id = args.text(1, "the id of a run")?;
        start(lua, kernel.run_events(&run_id), tools)
    })?;
    export(lua, native, "usage", |lua, args| {
        let (kernel, _) = kernel(args)?;
        start(lua, kernel.usage(days(args, 1)?), Value::Nil)
    })?;
    export(lua, native, "backup", |lua, args| {
        let (kernel, _) = kernel(args)?;
        start(lua, kernel.backup(&args.text(1, "the path of the copy")?), Value::Nil)
    })?;
    export(lua, native, "config", |lua, args| {
        let (kernel, _) = kernel(args)?;
        if args.value(1).is_nil() {
            return convert::text_to_lua(lua, &kernel.config(None)?);
        }
        let (_, spec) = args.object::<SpecObject>(1, "spec")?;
        convert::text_to_lua(lua, &kernel.config(Some(&spec.0))?)
    })?;
    export(lua, native, "close", |lua, args| {
        let (kernel, tools) = kernel(args)?;
        start(lua, kernel.close(), tools)
    })
}

fn export_collection(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "ingest", |lua, args| {
        let path = args.text(1, "the path of a file or folder")?;
        let options = args.options(2, "the options of ingest")?;
        start(lua, collection(args)?.ingest(&path, &options), Value::Nil)
    })?;
    export(lua, native, "search", |lua, args| {
        let query = args.text(1, "the query")?;
        let options = args.options(2, "the options of search")?;
        start(lua, collection(args)?.search(&query, &options), Value::Nil)
    })?;
    export(lua, native, "documents", |lua, args| {
        start(lua, collection(args)?.documents(), Value::Nil)
    })
}

/// Gives the object types their methods: the tables that the Lua half made.
pub(crate) fn register(lua: &Lua, classes: &Table) -> mlua::Result<()> {
    let methods: Table = classes.raw_get("Kernel")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Kernel>| {
        class.add_field_method_get("tenant", |_, kernel| Ok(kernel.0.tenant().to_owned()));
        class.add_field_function_get("specs", |_, kernel| {
            kernel.nth_user_value::<Value>(REPOSITORY)
        });
        class.add_meta_method("__tostring", |_, kernel, ()| {
            Ok(format!("aikit.Kernel({})", kernel.0.tenant()))
        });
        class.add_meta_field_with("__close", {
            let methods = methods.clone();
            move |_| methods.raw_get::<Value>("close")
        });
        class.add_meta_field("__index", methods);
    })?;
    let methods: Table = classes.raw_get("Agent")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Agent>| {
        class.add_field_method_get("agent_id", |_, agent| Ok(agent.0.spec().agent_id().to_owned()));
        class.add_field_method_get("name", |_, agent| Ok(agent.0.name().to_owned()));
        class.add_field_method_get("version", |_, agent| Ok(agent.0.spec().version().to_owned()));
        class.add_field_method_get("model", |_, agent| Ok(agent.0.model().to_owned()));
        class.add_meta_method("__tostring", |_, agent, ()| {
            Ok(format!("aikit.Agent({})", agent.0.spec().agent_id()))
        });
        class.add_meta_field("__index", methods);
    })?;
    let methods: Table = classes.raw_get("Collection")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Collection>| {
        class.add_field_method_get("name", |_, collection| Ok(collection.0.name().to_owned()));
        class.add_meta_method("__tostring", |_, collection, ()| {
            Ok(format!("aikit.Collection({})", collection.0.name()))
        });
        class.add_meta_field("__index", methods);
    })
}
