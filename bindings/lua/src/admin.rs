//! The administrators' door: `aikit.open_admin`.

use aikit::error::Error;
use aikit::host::{ADMIN_OPERATIONS, HostAdmin};
use mlua::{AnyUserData, Lua, Table, UserDataFields, UserDataMethods, UserDataRegistry, Value};

use crate::args::Args;
use crate::export;
use crate::failure::Failure;
use crate::run::start;

/// An operation of the core as a method: its arguments that have a place, behind which a table takes
/// the others.
struct Method {
    name: &'static str,
    operation: &'static str,
    places: &'static [&'static str],
}

const fn method(name: &'static str, places: &'static [&'static str]) -> Method {
    Method { name, operation: name, places }
}

/// One method for each operation; the length is held against the core's.
const METHODS: [Method; ADMIN_OPERATIONS.len()] = [
    method("create_tenant", &["id"]),
    method("tenant", &["id"]),
    method("tenants", &[]),
    method("configure_tenant", &["id", "config"]),
    method("rename_tenant", &["id", "name"]),
    method("move_tenant", &["id", "parent"]),
    method("suspend_tenant", &["id"]),
    method("resume_tenant", &["id"]),
    method("delete_tenant", &["id"]),
    method("grant_read", &["id", "reader"]),
    method("revoke_read", &["id", "reader"]),
    method("read_grants", &["id"]),
    // Their names say of whom, as those of the core need not.
    Method { name: "tenant_usage", operation: "usage", places: &["id"] },
    Method { name: "tenant_digest", operation: "digest", places: &["id"] },
    method("export_tenant", &["id", "path"]),
    method("import_tenant", &["path"]),
    method("copy_tenant", &["id", "to"]),
    method("audit_log", &[]),
    method("verify_audit", &[]),
    method("prune", &[]),
    method("backup", &["path"]),
    method("check", &[]),
];

/// `aikit.Admin`.
struct Admin(HostAdmin);

/// Hands an administrator to Lua.
pub(crate) fn admin_to_lua(lua: &Lua, admin: HostAdmin) -> mlua::Result<AnyUserData> {
    lua.create_any_userdata(Admin(admin))
}

fn admin(args: &Args<'_>) -> Result<HostAdmin, Failure> {
    let (_, admin) = args.object::<Admin>(0, "administrator")?;
    Ok(admin.0.clone())
}

/// The arguments of a method as the object that the core takes.
fn arguments(args: &Args<'_>, method: &Method) -> Result<String, Failure> {
    let behind = method.places.len() + 1;
    let what = format!("the options of {}", method.name);
    let mut named = args.object_of(behind, &what)?;
    for (index, place) in (1..).zip(method.places) {
        if args.value(index).is_nil() {
            let message = format!("{}: {place} is missing", method.name);
            let error = Error::invalid_argument(message);
            return Err(match *place {
                "name" | "parent" => error.hint(format!("no {place} is aikit.null")).into(),
                _ => error.into(),
            });
        }
        let value = args.json(index, place)?;
        if named.insert((*place).to_owned(), value).is_some() {
            let message = format!("{}: {place} is given twice", method.name);
            return Err(Error::invalid_argument(message)
                .hint(format!("give {place} as argument number {index}, not as an option"))
                .into());
        }
    }
    Ok(serde_json::Value::Object(named).to_string())
}

/// Adds the native functions of this file, and the names of those that become methods.
pub(crate) fn export_all(lua: &Lua, native: &Table) -> mlua::Result<()> {
    export(lua, native, "open_admin", |lua, args| {
        let options = args.options(0, "the options of open_admin")?;
        start(lua, HostAdmin::open(&options), Value::Nil)
    })?;
    export(lua, native, "close_admin", |lua, args| start(lua, admin(args)?.close(), Value::Nil))?;
    let names = lua.create_table()?;
    for method in &METHODS {
        names.raw_set(method.name, format!("admin_{}", method.name))?;
        export(lua, native, &format!("admin_{}", method.name), |lua, args| {
            let admin = admin(args)?;
            let arguments = arguments(args, method)?;
            start(lua, admin.call(method.operation, &arguments), Value::Nil)
        })?;
    }
    native.raw_set("administration", names)
}

/// Gives administrators their methods.
pub(crate) fn register(lua: &Lua, classes: &Table) -> mlua::Result<()> {
    let methods: Table = classes.raw_get("Admin")?;
    lua.register_userdata_type(|class: &mut UserDataRegistry<Admin>| {
        class.add_meta_method("__tostring", |_, _, ()| Ok("aikit.Admin"));
        class.add_meta_field_with("__close", {
            let methods = methods.clone();
            move |_| methods.raw_get::<Value>("close")
        });
        class.add_meta_field("__index", methods);
    })
}
