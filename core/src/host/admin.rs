//! Administration in the form that bindings hold: one call, whose operations are named; JSON text in,
//! a [`Task`] out.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::{json_text, object, options};
use super::task::Task;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::store::{
    Admin, AuditCheck, DeletionOptions, ImportOptions, ImportParent, Location, NewTenant,
    TenantFilter, TenantKind, TenantStatus,
};

/// Entries and tenants on a page, if the caller does not say.
const PAGE: u32 = 100;
/// Days of use that are shown, if the caller does not say.
const DAYS: u32 = 30;

/// The operations of [`HostAdmin::call`], in the order of the documentation.
pub const ADMIN_OPERATIONS: &[&str] = &[
    "create_tenant",
    "tenant",
    "tenants",
    "configure_tenant",
    "rename_tenant",
    "move_tenant",
    "suspend_tenant",
    "resume_tenant",
    "delete_tenant",
    "grant_read",
    "revoke_read",
    "read_grants",
    "usage",
    "digest",
    "export_tenant",
    "import_tenant",
    "copy_tenant",
    "audit_log",
    "verify_audit",
    "prune",
    "backup",
    "check",
];

/// An open store for administration. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostAdmin(Admin);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AdminOptions {
    location: Option<Location>,
    actor: Option<String>,
    profile: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    id: String,
    parent: Option<String>,
    kind: Option<TenantKind>,
    name: Option<String>,
    config: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tenants {
    parent: Option<String>,
    status: Option<TenantStatus>,
    kind: Option<TenantKind>,
    limit: Option<u32>,
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configure {
    id: String,
    config: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    id: String,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    id: String,
    parent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    id: String,
    why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    id: String,
    #[serde(default)]
    children: bool,
    #[serde(default)]
    erase: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reading {
    id: String,
    reader: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsageOf {
    id: String,
    days: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Export {
    id: String,
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Import {
    path: PathBuf,
    #[serde(rename = "as")]
    as_id: Option<String>,
    parent: Option<String>,
    #[serde(default)]
    providers: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    id: String,
    to: Location,
    #[serde(rename = "as")]
    as_id: Option<String>,
    parent: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Log {
    tenant: Option<String>,
    after: u64,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    path: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Nothing {}

/// A configuration in the form in which it is kept.
fn checked(config: &Value) -> Result<Value> {
    Ok(Settings::from_json(config)?.to_json())
}

fn import_options(as_id: Option<String>, parent: Option<String>, providers: bool) -> ImportOptions {
    let parent = parent.map_or(ImportParent::default(), ImportParent::Tenant);
    ImportOptions { as_id, parent, providers }
}

impl HostAdmin {
    /// Opens a store for administration. `options` is JSON: `location` (a file or a URL of
    /// PostgreSQL), `actor` (who acts, for the audit log), `profile` (a TOML file that names them
    /// otherwise).
    pub fn open(admin_options: &str) -> Task<HostAdmin> {
        match options::<AdminOptions>("admin", admin_options) {
            Ok(admin_options) => Task::spawn(|_, _| async move {
                let profile = match &admin_options.profile {
                    Some(path) => Settings::read(path)?,
                    None => Settings::default(),
                };
                let location = match (admin_options.location, profile.store) {
                    (Some(location), _) => location,
                    (None, Some(address)) => Location::new(address.read()?.expose_secret()),
                    (None, None) => {
                        return Err(Error::invalid_argument("admin: no store is named")
                            .hint("give `location`, or a profile with `store`"));
                    }
                };
                let actor = admin_options.actor.or(profile.actor).unwrap_or_default();
                Admin::open(&location, &actor).await.map(HostAdmin)
            }),
            Err(error) => Task::ready(Err(error)),
        }
    }

    /// Does one of [`ADMIN_OPERATIONS`] with `arguments`, an object of named values as JSON. Gives a
    /// JSON document.
    pub fn call(&self, operation: &str, arguments: &str) -> Task<String> {
        let (admin, operation) = (self.0.clone(), operation.to_owned());
        let arguments =
            if arguments.trim().is_empty() { "{}".to_owned() } else { arguments.to_owned() };
        Task::spawn(|_, _| async move { run(&admin, &operation, &arguments).await })
    }

    /// Closes the store; later calls answer `closed`. Idempotent.
    pub fn close(&self) -> Task<()> {
        let admin = self.0.clone();
        Task::spawn(|_, _| async move { admin.close().await })
    }
}

async fn run(admin: &Admin, operation: &str, arguments: &str) -> Result<String> {
    /// The arguments of the operation, as this type.
    macro_rules! read {
        ($type:ty) => {
            object::<$type>(operation, arguments)?
        };
    }
    match operation {
        "create_tenant" => {
            let Create { id, parent, kind, name, config } = read!(Create);
            let config = config.as_ref().map(checked).transpose()?;
            json_text(&admin.create_tenant(&id, NewTenant { parent, kind, name, config }).await?)
        }
        "tenant" => json_text(&admin.tenant_record(&read!(Id).id).await?),
        "tenants" => {
            let Tenants { parent, status, kind, limit, after } = read!(Tenants);
            let filter = TenantFilter { parent, status, kind };
            let (tenants, next) =
                admin.tenants(filter, limit.unwrap_or(PAGE), after.as_deref()).await?;
            json_text(&json!({"tenants": tenants, "next": next}))
        }
        "configure_tenant" => {
            let Configure { id, config } = read!(Configure);
            json_text(&admin.configure_tenant(&id, &checked(&config)?).await?)
        }
        "rename_tenant" => {
            let Rename { id, name } = read!(Rename);
            json_text(&admin.rename_tenant(&id, name.as_deref()).await?)
        }
        "move_tenant" => {
            let Move { id, parent } = read!(Move);
            json_text(&admin.move_tenant(&id, parent.as_deref()).await?)
        }
        "suspend_tenant" => {
            let Why { id, why } = read!(Why);
            json_text(&admin.suspend_tenant(&id, why.as_deref()).await?)
        }
        "resume_tenant" => {
            let Why { id, why } = read!(Why);
            json_text(&admin.resume_tenant(&id, why.as_deref()).await?)
        }
        "delete_tenant" => {
            let Delete { id, children, erase } = read!(Delete);
            json_text(&admin.delete_tenant(&id, DeletionOptions { children, erase }).await?)
        }
        "grant_read" => {
            let Reading { id, reader } = read!(Reading);
            json_text(&admin.grant_read(&id, &reader).await?)
        }
        "revoke_read" => {
            let Reading { id, reader } = read!(Reading);
            json_text(&admin.revoke_read(&id, &reader).await?)
        }
        "read_grants" => json_text(&admin.read_grants(&read!(Id).id).await?),
        "usage" => {
            let UsageOf { id, days } = read!(UsageOf);
            json_text(&admin.usage_of(&id, days.unwrap_or(DAYS)).await?)
        }
        "digest" => json_text(&admin.digest_tenant(&read!(Id).id).await?),
        "export_tenant" => {
            let Export { id, path } = read!(Export);
            json_text(&admin.export_tenant(&id, &path).await?)
        }
        "import_tenant" => {
            let Import { path, as_id, parent, providers } = read!(Import);
            let options = import_options(as_id, parent, providers);
            json_text(&admin.import_tenant(&path, options).await?)
        }
        "copy_tenant" => {
            let Copy { id, to, as_id, parent } = read!(Copy);
            if matches!(to, Location::Memory) {
                return Err(Error::invalid_argument("copy_tenant: `to` names no store")
                    .hint("name a file or the URL of a PostgreSQL database"));
            }
            let other = Admin::open(&to, admin.actor()).await?;
            let copied = admin.copy_tenant(&id, &other, import_options(as_id, parent, true)).await;
            other.close().await?;
            json_text(&copied?)
        }
        "audit_log" => {
            let Log { tenant, after, limit } = read!(Log);
            let chain = tenant.as_deref().unwrap_or("@store");
            json_text(&admin.audit_log(chain, after, limit.unwrap_or(PAGE)).await?)
        }
        "verify_audit" => json_text(&admin.verify_audit(read!(AuditCheck)).await?),
        "prune" => {
            let Nothing {} = read!(Nothing);
            json_text(&admin.prune().await?)
        }
        "backup" => json_text(&admin.backup(&read!(Backup).path).await?),
        "check" => {
            let Nothing {} = read!(Nothing);
            json_text(&admin.check().await?)
        }
        other => Err(Error::invalid_argument(format!("there is no operation {other:?}"))
            .hint(format!("there are: {}", ADMIN_OPERATIONS.join(", ")))),
    }
}
