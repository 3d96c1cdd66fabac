//! Specs as documents: what needs no kernel and starts nothing.

use aikit::error::Error;
use aikit::host;
use aikit::spec::Spec;
use mlua::{AnyUserData, Lua, Table, UserDataFields, UserDataMethods, UserDataRegistry};

use crate::args::Args;
use crate::convert;
use crate::export;
use crate::failure::Failure;

/// `aikit.Spec`.
pub(crate) struct SpecObject(pub(crate) Spec);

/// Hands a spec to Lua.
pub(crate) fn spec_to_lua(lua: &Lua, spec: Spec) -> mlua::Result<AnyUserData> {
    lua.create_any_userdata(SpecObject(spec))
}

/// A value to be set. Nil is a forgotten one: null is `aikit.null`.
fn new_value(args: &Args<'_>, index: usize) -> Result<String, Failure> {
    if args.value(index).is_nil() {
        return Err(Error::invalid_argument("the new value is missing")
            .hint("aikit.null is JSON's null")
            .into());
    }
    Ok(args.json(index, "the new value")?.to_string())
}

/// Adds the native functions of this file.
pub(crate) fn export_all(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "parse_spec", |lua, args| {
        let text = args.text(0, "the text of a spec")?;
        let options = args.options(1, "the options of parse_spec")?;
        Ok(spec_to_lua(lua, host::parse_spec(&text, &options)?)?)
    })?;
    export(lua, native, "load_spec", |lua, args| {
        let spec = Spec::read(args.text(0, "the path of a spec")?)?;
        Ok(spec_to_lua(lua, spec)?)
    })?;
    export(lua, native, "diagnose", |lua, args| {
        let text = args.text(0, "the text of a spec")?;
        let options = args.options(1, "the options of diagnose")?;
        convert::text_to_lua(lua, &host::diagnose(&text, &options)?)
    })?;
    export(lua, native, "edit_spec", |_, args| {
        let text = args.text(0, "the text of a spec")?;
        let pointer = args.text(1, "the JSON pointer")?;
        Ok(host::edit_spec(&text, &pointer, &new_value(args, 2)?)?)
    })?;
    export(lua, native, "import_spec", |lua, args| {
        let text = args.text(0, "the text to import")?;
        let options = args.options(1, "the options of import_spec")?;
        convert::text_to_lua(lua, &host::import_spec(&text, &options)?)
    })?;
    export(lua, native, "spec_schema", |lua, _| convert::text_to_lua(lua, &host::spec_schema()))?;
    export_methods(lua, native)
}

fn export_methods(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "check", |lua, args| {
        let (_, spec) = args.object::<SpecObject>(0, "spec")?;
        let diagnostics = serde_json::to_value(spec.0.check()).unwrap_or_default();
        Ok(convert::document_to_lua(lua, &diagnostics)?)
    })?;
    export(lua, native, "render", |_, args| {
        let (_, spec) = args.object::<SpecObject>(0, "spec")?;
        Ok(host::render_spec(&spec.0, &args.text(1, "the format")?)?)
    })?;
    export(lua, native, "diff", |lua, args| {
        let (_, before) = args.object::<SpecObject>(0, "spec")?;
        let (_, after) = args.object::<SpecObject>(1, "spec")?;
        convert::text_to_lua(lua, &host::diff_specs(&before.0, &after.0)?)
    })?;
    export(lua, native, "to_table", |lua, args| {
        let (_, spec) = args.object::<SpecObject>(0, "spec")?;
        Ok(convert::document_to_lua(lua, &spec.0.to_json())?)
    })
}

/// Gives specs their fields and methods.
pub(crate) fn register(lua: &Lua, classes: &Table) -> mlua::Result<()> {
    let methods: Table = classes.raw_get("Spec")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<SpecObject>| {
        class.add_field_method_get("agent_id", |_, spec| Ok(spec.0.agent_id().to_owned()));
        class.add_field_method_get("name", |_, spec| Ok(spec.0.name().to_owned()));
        class.add_field_method_get("version", |_, spec| Ok(spec.0.version().to_owned()));
        class.add_field_method_get("model", |_, spec| Ok(spec.0.model().to_owned()));
        class.add_field_method_get("hash", |_, spec| Ok(spec.0.hash().to_owned()));
        class.add_field_method_get("text", |_, spec| Ok(spec.0.text().to_owned()));
        class.add_meta_method("__tostring", |_, spec, ()| {
            Ok(format!("aikit.Spec({}@{})", spec.0.agent_id(), spec.0.version()))
        });
        class.add_meta_field("__index", methods);
    })
}
