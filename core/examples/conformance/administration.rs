//! The steps of administrators.

use std::path::{Path, PathBuf};

use aikit::config::Settings;
use aikit::store::{
    Admin, AuditCheck, DeletionOptions, ImportOptions, ImportParent, Location, NewTenant,
    TenantFilter,
};
use aikit::{Error, Result};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{from_json, text, to_json};

/// How many entries and tenants are wanted if a scenario does not say.
const PAGE: u32 = 100;
/// How many days of use are wanted if a scenario does not say.
pub(super) const DAYS: u32 = 30;

/// Opens the administrators' door.
pub(super) async fn open(step: &Value) -> Result<Admin> {
    let mut given = Given::of(step);
    let profile = match given.take::<Option<PathBuf>>("profile")? {
        Some(path) => Settings::read(path)?,
        None => Settings::default(),
    };
    let location = match (given.take::<Option<Location>>("location")?, profile.store) {
        (Some(location), _) => location,
        (None, Some(address)) => Location::new(address.read()?.expose_secret()),
        (None, None) => return Err(Error::invalid_argument("admin: no store is named")),
    };
    let actor = given.take::<Option<String>>("actor")?.or(profile.actor).unwrap_or_default();
    Admin::open(&location, &actor).await
}

/// The named arguments of an operation. Rust's own would not compile with one too many or one too
/// few; here that is an error.
struct Given(Map<String, Value>);

impl Given {
    fn of(value: &Value) -> Self {
        Self(value.as_object().cloned().unwrap_or_default())
    }

    /// The argument of this name; one that was not given is taken as null.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<T> {
        from_json(self.0.remove(name).unwrap_or_default())
            .map_err(|e| Error::invalid_argument(format!("{name}: {}", e.message())))
    }

    /// Two names, which are all.
    fn pair(mut self, first: &str, second: &str) -> Result<(String, String)> {
        let pair = (self.take(first)?, self.take(second)?);
        self.end()?;
        Ok(pair)
    }

    /// Where a tenant goes that is taken in.
    fn import_options(&mut self) -> Result<ImportOptions> {
        let parent = self.take::<Option<_>>("parent")?;
        Ok(ImportOptions {
            as_id: self.take("as")?,
            parent: parent.map_or(ImportParent::Archived, ImportParent::Tenant),
            providers: self.take::<Option<_>>("providers")?.unwrap_or_default(),
        })
    }

    /// Refuses what was not taken.
    fn end(self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid_argument(format!("there is no argument {name:?}"))),
        }
    }
}

/// Does one operation.
pub(super) async fn operate(admin: &Admin, step: &Value) -> Result<Value> {
    let mut given = Given::of(&step["arguments"]);
    let operation = text(step, "op");
    match operation {
        "digest" | "read_grants" | "tenant" => {
            let id: String = given.take("id")?;
            given.end()?;
            match operation {
                "digest" => to_json(&admin.digest_tenant(&id).await?),
                "read_grants" => to_json(&admin.read_grants(&id).await?),
                _ => to_json(&admin.tenant_record(&id).await?),
            }
        }
        "grant_read" => {
            let (id, reader) = given.pair("id", "reader")?;
            to_json(&admin.grant_read(&id, &reader).await?)
        }
        "revoke_read" => {
            let (id, reader) = given.pair("id", "reader")?;
            to_json(&admin.revoke_read(&id, &reader).await?)
        }
        "audit_log" => {
            let chain: Option<String> = given.take("tenant")?;
            let (after, limit): (Option<u64>, Option<u32>) =
                (given.take("after")?, given.take("limit")?);
            given.end()?;
            let chain = chain.as_deref().unwrap_or("@store");
            let limit = limit.unwrap_or(PAGE);
            to_json(&admin.audit_log(chain, after.unwrap_or_default(), limit).await?)
        }
        "verify_audit" => {
            to_json(&admin.verify_audit(from_json::<AuditCheck>(Value::Object(given.0))?).await?)
        }
        "usage" => {
            let (id, days): (String, Option<u32>) = (given.take("id")?, given.take("days")?);
            given.end()?;
            to_json(&admin.usage_of(&id, days.unwrap_or(DAYS)).await?)
        }
        "prune" => {
            given.end()?;
            to_json(&admin.prune().await?)
        }
        "check" => {
            given.end()?;
            to_json(&admin.check().await?)
        }
        "backup" => {
            let path: PathBuf = given.take("path")?;
            given.end()?;
            to_json(&admin.backup(&path).await?)
        }
        "export_tenant" | "import_tenant" | "copy_tenant" => carry(admin, operation, given).await,
        other => manage(admin, other, given).await,
    }
}

/// The operations that carry a tenant from one place to another.
async fn carry(admin: &Admin, operation: &str, mut given: Given) -> Result<Value> {
    if operation == "export_tenant" {
        let (id, path) = given.pair("id", "path")?;
        return to_json(&admin.export_tenant(&id, Path::new(&path)).await?);
    }
    let options = given.import_options()?;
    if operation == "import_tenant" {
        let path: PathBuf = given.take("path")?;
        given.end()?;
        return to_json(&admin.import_tenant(&path, options).await?);
    }
    let (id, to) = given.pair("id", "to")?;
    let other = Admin::open(&Location::new(&to), admin.actor()).await?;
    let copied = admin.copy_tenant(&id, &other, options).await;
    other.close().await?;
    to_json(&copied?)
}

/// The operations on tenants themselves.
async fn manage(admin: &Admin, operation: &str, mut given: Given) -> Result<Value> {
    if operation == "tenants" {
        let filter = TenantFilter {
            parent: given.take("parent")?,
            status: given.take("status")?,
            kind: given.take("kind")?,
        };
        let (limit, after): (Option<u32>, Option<String>) =
            (given.take("limit")?, given.take("after")?);
        given.end()?;
        let (tenants, next) =
            admin.tenants(filter, limit.unwrap_or(PAGE), after.as_deref()).await?;
        return Ok(json!({"tenants": tenants, "next": next}));
    }
    let id: String = given.take("id")?;
    match operation {
        "create_tenant" => {
            let config: Option<Value> = given.take("config")?;
            let new = NewTenant {
                parent: given.take("parent")?,
                kind: given.take("kind")?,
                name: given.take("name")?,
                config: config.as_ref().map(checked).transpose()?,
            };
            given.end()?;
            to_json(&admin.create_tenant(&id, new).await?)
        }
        "configure_tenant" => {
            let config = given.0.remove("config");
            given.end()?;
            let config = config.ok_or_else(|| Error::invalid_argument("config is missing"))?;
            let config = checked(&config)?;
            to_json(&admin.configure_tenant(&id, &config).await?)
        }
        "rename_tenant" => {
            let name: Option<String> = given.take("name")?;
            given.end()?;
            to_json(&admin.rename_tenant(&id, name.as_deref()).await?)
        }
        "move_tenant" => {
            let parent: Option<String> = given.take("parent")?;
            given.end()?;
            to_json(&admin.move_tenant(&id, parent.as_deref()).await?)
        }
        "suspend_tenant" | "resume_tenant" => {
            let why: Option<String> = given.take("why")?;
            given.end()?;
            if operation == "suspend_tenant" {
                return to_json(&admin.suspend_tenant(&id, why.as_deref()).await?);
            }
            to_json(&admin.resume_tenant(&id, why.as_deref()).await?)
        }
        "delete_tenant" => {
            let (children, erase): (Option<bool>, Option<bool>) =
                (given.take("children")?, given.take("erase")?);
            given.end()?;
            let options = DeletionOptions {
                children: children.unwrap_or_default(),
                erase: erase.unwrap_or_default(),
            };
            to_json(&admin.delete_tenant(&id, options).await?)
        }
        other => Err(Error::invalid_argument(format!("there is no operation {other:?}"))),
    }
}

/// A configuration in the form in which it is kept.
fn checked(config: &Value) -> Result<Value> {
    Ok(Settings::from_json(config)?.to_json())
}
