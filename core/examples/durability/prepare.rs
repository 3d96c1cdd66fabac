//! A PostgreSQL database as an administrator sets it up.

use aikit::Code;
use aikit::store::{Admin, Grant, Location, NewTenant, grant, migrate};

use crate::{Arguments, Outcome};

/// Makes tables, a login for the application and one for an administrator, and tenants.
pub(crate) async fn prepare(arguments: &Arguments) -> Outcome {
    let url = arguments.location()?;
    let location = Location::new(url);
    migrate(&location).await?;
    let (login, password) = (arguments.needed("--login")?, arguments.needed("--password")?);
    let administrator = format!("{login}-admin");
    for (login, admin) in [(login, false), (&administrator, true)] {
        let password = Some(password.to_owned().into());
        let wanted = Grant { login: login.into(), admin, create: true, password, revoke: false };
        grant(&location, wanted).await?;
    }
    let (_, place) = url.split_once('@').ok_or("a URL without a login")?;
    let url = format!("postgres://{administrator}:{password}@{place}");
    let admin = Admin::open(&Location::new(&url), "durability").await?;
    for tenant in arguments.needed("--tenants")?.split(',') {
        match admin.create_tenant(tenant, NewTenant::default()).await {
            Err(error) if error.code() != Code::TenantExists => return Err(error.into()),
            _ => {}
        }
    }
    Ok(admin.close().await?)
}
