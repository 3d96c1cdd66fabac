//! An operation under way ([`aikit::host::Task`]) as a Lua object. Runs of agents are the ones
//! that users see; the others are waited for at once by the Lua half.

use std::cell::RefCell;
use std::time::Duration;

use aikit::error::{Code, Error};
use aikit::host::{AnyTask, HostCall, Outcome, Step};
use mlua::{
    AnyUserData, IntoLua, IntoLuaMulti, Lua, MultiValue, Table, UserDataFields, UserDataMethods,
    UserDataRegistry, Value,
};

use crate::admin::admin_to_lua;
use crate::args::Args;
use crate::convert;
use crate::documents::spec_to_lua;
use crate::export;
use crate::failure::Failure;
use crate::objects::{agent_to_lua, kernel_to_lua};

/// `aikit.Run`.
struct Run {
    task: Box<dyn AnyTask>,
    /// What the task gave; kept, so that `run:result()` may be asked again.
    outcome: RefCell<Option<Result<Outcome, Error>>>,
    /// The tool call that Lua is answering right now.
    answering: RefCell<Option<HostCall>>,
}

/// Hands an operation to Lua, with the tools that its calls are looked up in.
pub(crate) fn start(
    lua: &Lua,
    task: impl AnyTask + 'static,
    tools: Value,
) -> Result<AnyUserData, Failure> {
    let run =
        Run { task: Box::new(task), outcome: RefCell::new(None), answering: RefCell::new(None) };
    let object = lua.create_any_userdata(run)?;
    object.set_user_value(tools)?;
    Ok(object)
}

impl Run {
    fn next(&self, wait: Duration) -> Step<Outcome> {
        if wait.is_zero() { self.task.try_next() } else { self.task.next(Some(wait)) }
    }

    /// Takes the call that waits for its answer; none if nothing was asked.
    fn answered(&self) -> Result<HostCall, Error> {
        self.answering
            .borrow_mut()
            .take()
            .ok_or_else(|| Error::invalid_argument("no tool call waits for an answer"))
    }

    /// One step as values for the Lua half: `"event", table`, `"tool", name, arguments`,
    /// `"pending"` (what `run:step()` tells its user as `nil, "running"`) or `"ended"`.
    fn step(&self, lua: &Lua, wait: Duration) -> Result<MultiValue, Failure> {
        if self.answering.borrow().is_some() {
            return Err(Error::invalid_argument("the run waits for the tool that is being run")
                .hint("a tool cannot wait for, or step, the run that called it; return first")
                .into());
        }
        if self.outcome.borrow().is_some() {
            return Ok("ended".into_lua_multi(lua)?);
        }
        match self.next(wait) {
            Step::Event(event) => {
                let event = convert::text_to_lua(lua, &event.to_json())?;
                Ok(("event", event).into_lua_multi(lua)?)
            }
            Step::ToolCall(call) => {
                let arguments = convert::document_to_lua(lua, &call.arguments)?;
                let name = call.name.clone();
                *self.answering.borrow_mut() = Some(call);
                Ok(("tool", name, arguments).into_lua_multi(lua)?)
            }
            Step::Done(result) => {
                *self.outcome.borrow_mut() = Some(result);
                Ok("ended".into_lua_multi(lua)?)
            }
            Step::Pending => Ok("pending".into_lua_multi(lua)?),
            Step::Ended => Err(Error::new(Code::RunEnded, "the end was taken already").into()),
        }
    }

    fn outcome(&self, lua: &Lua, tools: Value) -> Result<Value, Failure> {
        match self.outcome.borrow().clone() {
            Some(Ok(Outcome::Kernel(kernel))) => Ok(kernel_to_lua(lua, kernel)?.into_lua(lua)?),
            Some(Ok(Outcome::Agent(agent))) => Ok(agent_to_lua(lua, agent, tools)?.into_lua(lua)?),
            Some(Ok(Outcome::Spec(spec))) => Ok(spec_to_lua(lua, spec)?.into_lua(lua)?),
            Some(Ok(Outcome::Json(text))) => convert::text_to_lua(lua, &text),
            Some(Ok(Outcome::Admin(admin))) => Ok(admin_to_lua(lua, admin)?.into_lua(lua)?),
            Some(Ok(Outcome::Nothing)) => Ok(Value::Nil),
            Some(Err(error)) => Err(error.into()),
            None => Err(Error::invalid_argument("the run has not ended yet").into()),
        }
    }
}

/// Adds the native functions of this file.
pub(crate) fn export_all(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "step", |lua, args| {
        let (_, run) = run(args)?;
        let wait = args.milliseconds(1, "the time to wait")?;
        run.step(lua, Duration::from_millis(wait))
    })?;
    export(lua, native, "tools", |_, args| Ok(run(args)?.0.user_value::<Value>()?))?;
    export(lua, native, "outcome", |lua, args| {
        let (object, run) = run(args)?;
        run.outcome(lua, object.user_value()?)
    })?;
    export(lua, native, "succeed", |_, args| {
        let (_, run) = run(args)?;
        let result = args.json(1, "the result of the tool");
        if let Ok(result) = result {
            run.answered()?.succeed(result);
            return Ok(());
        }
        // Still to be answered, by the failure that the Lua half makes of this error.
        result.map(drop)
    })?;
    export(lua, native, "fail", |_, args| {
        let cause = args.message(2);
        run(args)?.1.answered()?.fail(&args.message(1), Some(&cause));
        Ok(())
    })?;
    export(lua, native, "cancel", |_, args| {
        run(args)?.1.task.cancel();
        Ok(())
    })?;
    export(lua, native, "fd", |_, args| Ok(run(args)?.1.task.fd()?))
}

fn run(args: &Args<'_>) -> Result<(AnyUserData, mlua::UserDataRef<Run>), Failure> {
    args.object::<Run>(0, "run")
}

/// Gives runs their methods.
pub(crate) fn register(lua: &Lua, classes: &Table) -> mlua::Result<()> {
    let methods: Table = classes.raw_get("Run")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Run>| {
        class.add_meta_method("__tostring", |_, run, ()| {
            let state = if run.outcome.borrow().is_some() { "ended" } else { "running" };
            Ok(format!("aikit.Run({state})"))
        });
        class.add_meta_method("__close", |_, run, _: MultiValue| {
            run.task.cancel();
            Ok(())
        });
        class.add_meta_field("__index", methods);
    })
}
