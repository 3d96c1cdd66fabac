//! The spec repository of a kernel: `kernel.specs`.

use aikit::host::HostSpecs;
use mlua::{Lua, Table, UserDataFields, UserDataMethods, UserDataRegistry, Value};

use crate::args::Args;
use crate::documents::SpecObject;
use crate::export;
use crate::failure::Failure;
use crate::run::start;

/// `aikit.Specs`.
pub(crate) struct Repository(pub(crate) HostSpecs);

fn specs(args: &Args<'_>) -> Result<HostSpecs, Failure> {
    let (_, repository) = args.object::<Repository>(0, "spec repository")?;
    Ok(repository.0.clone())
}

/// The version or agent that is meant.
fn reference(args: &Args<'_>) -> Result<String, Failure> {
    args.text(1, "the reference (id@version, or id)")
}

/// Adds the native functions of this file.
pub(crate) fn export_all(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export_reading(lua, native)?;
    export_changing(lua, native)?;
    export(lua, native, "specs_export", |lua, args| {
        let options = args.options(1, "the options of export")?;
        start(lua, specs(args)?.export(&options), Value::Nil)
    })?;
    export(lua, native, "specs_import", |lua, args| {
        let specs = specs(args)?;
        args.table(1, "the bundle")?;
        let bundle = args.json(1, "the bundle")?.to_string();
        let options = args.options(2, "the options of import")?;
        start(lua, specs.import(&bundle, &options), Value::Nil)
    })
}

fn export_reading(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "specs_get", |lua, args| {
        start(lua, specs(args)?.get(&reference(args)?), Value::Nil)
    })?;
    export(lua, native, "specs_load", |lua, args| {
        start(lua, specs(args)?.load(&reference(args)?), Value::Nil)
    })?;
    export(lua, native, "specs_list", |lua, args| {
        let options = args.options(1, "the options of list")?;
        start(lua, specs(args)?.list(&options), Value::Nil)
    })?;
    export(lua, native, "specs_history", |lua, args| {
        start(lua, specs(args)?.history(&args.text(1, "the id of an agent")?), Value::Nil)
    })?;
    export(lua, native, "specs_diff", |lua, args| {
        let specs = specs(args)?;
        let after = args.text(2, "the second reference (id@version, or id)")?;
        start(lua, specs.diff(&reference(args)?, &after), Value::Nil)
    })
}

fn export_changing(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "specs_save", |lua, args| {
        let specs = specs(args)?;
        let (_, spec) = args.object::<SpecObject>(1, "spec")?;
        let options = args.options(2, "the options of save")?;
        start(lua, specs.save(&spec.0, &options), Value::Nil)
    })?;
    export(lua, native, "specs_promote", |lua, args| {
        let options = args.options(2, "the options of promote")?;
        start(lua, specs(args)?.promote(&reference(args)?, &options), Value::Nil)
    })?;
    export(lua, native, "specs_deprecate", |lua, args| {
        let options = args.options(2, "the options of deprecate")?;
        start(lua, specs(args)?.deprecate(&reference(args)?, &options), Value::Nil)
    })?;
    export(lua, native, "specs_retire", |lua, args| {
        let options = args.options(2, "the options of retire")?;
        start(lua, specs(args)?.retire(&reference(args)?, &options), Value::Nil)
    })?;
    export(lua, native, "specs_delete", |lua, args| {
        let options = args.options(2, "the options of delete")?;
        start(lua, specs(args)?.delete(&reference(args)?, &options), Value::Nil)
    })
}

/// Gives the repository its methods.
pub(crate) fn register(lua: &Lua, classes: &Table) -> mlua::Result<()> {
    let methods: Table = classes.raw_get("Specs")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Repository>| {
        class.add_meta_method("__tostring", |_, _, ()| Ok("aikit.Specs"));
        class.add_meta_field("__index", methods);
    })
}
