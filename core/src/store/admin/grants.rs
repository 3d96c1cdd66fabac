//! Who may read a tenant beside itself: tenants above it, when that was granted.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Admin, AdminTx};
use crate::error::{Code, Error, Result};
use crate::store::audit::Act;
use crate::store::tx::{Connection, Dialect, Row, Tx, values};
use crate::store::{Lock, TenantStore, tenant_id};

/// Where a walk along parents ends, however they came to be.
const WALK_LIMIT: usize = 100;

/// That a tenant may be read by one above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadGrant {
    /// Who may read.
    pub reader: String,
    /// Since when, RFC 3339 UTC.
    pub granted_at: String,
    /// Who granted it, if that was said.
    pub granted_by: Option<String>,
}

/// The tenants above that of the transaction, nearest first.
async fn above(tx: &mut Tx<'_>) -> Result<Vec<String>> {
    if tx.dialect() == Dialect::Sqlite {
        let tenant = tx.tenant().to_owned();
        let connection = tx.connection().reborrow();
        return AdminTx { connection, actor: "".into() }.above(&tenant).await;
    }
    // The policies show each tenant only its own row: each on the way up is entered for a moment.
    let sql = "SELECT parent_id FROM tenants WHERE tenant_id = ?1";
    let tenant = tx.tenant().to_owned();
    let connection = tx.connection();
    let mut found = Vec::new();
    let mut step = tenant.clone();
    while found.len() < WALK_LIMIT {
        become_tenant(connection, &step).await?;
        let row = connection.rows(sql, values![&step]).await?.into_iter().next();
        let Some(parent) = row.map(|mut row| row.take(0)).transpose()?.flatten() else { break };
        step = parent;
        found.push(step.clone());
    }
    become_tenant(connection, &tenant).await?;
    Ok(found)
}

async fn become_tenant(connection: &mut Connection<'_>, tenant: &str) -> Result<()> {
    let sql = "SELECT set_config('aikit.current_tenant_id', ?1, true)";
    connection.rows(sql, values![tenant]).await.map(drop)
}

/// Grants reading, and says whether that is new.
async fn grant(tx: &mut Tx<'_>, above: &[String], reader: &str, by: Option<&str>) -> Result<bool> {
    if !above.iter().any(|tenant| tenant == reader) {
        let message = format!("{reader:?} does not stand above the tenant {:?}", tx.tenant());
        return Err(Error::new(Code::InvalidArgument, message).hint(if above.is_empty() {
            "nobody does; only a tenant above may be given the right to read".into()
        } else {
            format!("above it are: {}", above.join(", "))
        }));
    }
    let sql = "INSERT INTO tenant_grants (tenant_id, reader_id, granted_at, granted_by)
         VALUES (?1, ?2, aikit_now(), ?3) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, values![reader, by]).await? > 0)
}

/// Takes the right to read away, and says whether it was there.
async fn revoke(tx: &mut Tx<'_>, reader: &str) -> Result<bool> {
    let sql = "DELETE FROM tenant_grants WHERE tenant_id = ?1 AND reader_id = ?2";
    Ok(tx.execute(sql, values![reader]).await? > 0)
}

async fn list(tx: &mut Tx<'_>) -> Result<Vec<ReadGrant>> {
    let sql = "SELECT reader_id, granted_at, granted_by FROM tenant_grants
         WHERE tenant_id = ?1 ORDER BY reader_id";
    let read = |mut row: Row| {
        Ok(ReadGrant { reader: row.take(0)?, granted_at: row.take(1)?, granted_by: row.take(2)? })
    };
    tx.rows(sql, &[]).await?.into_iter().map(read).collect()
}

/// Takes the right to read away from all who do not stand above the tenant, and says how many.
pub(super) async fn keep_only_above(tx: &mut AdminTx<'_>, tenant: &str) -> Result<u64> {
    let above = tx.above(tenant).await?;
    let mut revoked = 0;
    for grant in list(&mut tx.of(tenant)).await? {
        if !above.contains(&grant.reader) {
            revoked += u64::from(revoke(&mut tx.of(tenant), &grant.reader).await?);
        }
    }
    Ok(revoked)
}

impl Admin {
    /// Lets a tenant be read by one that stands above it.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`]; [`Code::InvalidArgument`] for a reader that does not stand above.
    pub async fn grant_read(&self, tenant: &str, reader: &str) -> Result<()> {
        let (tenant, reader) = (tenant_id(tenant)?, tenant_id(reader)?);
        self.transact(move |tx| {
            Box::pin(async move {
                tx.record(&tenant).await?;
                let (above, actor) = (tx.above(&tenant).await?, tx.actor.clone());
                if grant(&mut tx.of(&tenant), &above, &reader, Some(&actor)).await? {
                    tx.audit("tenant.read_granted", &tenant, json!({"reader": &*reader})).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Takes the right to read a tenant away; whether it was there.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`].
    pub async fn revoke_read(&self, tenant: &str, reader: &str) -> Result<bool> {
        let (tenant, reader) = (tenant_id(tenant)?, tenant_id(reader)?);
        self.transact(move |tx| {
            Box::pin(async move {
                tx.record(&tenant).await?;
                let revoked = revoke(&mut tx.of(&tenant), &reader).await?;
                if revoked {
                    tx.audit("tenant.read_revoked", &tenant, json!({"reader": &*reader})).await?;
                }
                Ok(revoked)
            })
        })
        .await
    }

    /// Who may read a tenant.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`].
    pub async fn read_grants(&self, tenant: &str) -> Result<Vec<ReadGrant>> {
        let tenant = tenant_id(tenant)?;
        self.inspect(move |tx| {
            Box::pin(async move {
                tx.record(&tenant).await?;
                list(&mut tx.of(&tenant)).await
            })
        })
        .await
    }
}

impl TenantStore {
    /// Lets this tenant be read by one that stands above it.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a reader that does not stand above.
    pub async fn grant_read(&self, reader: &str) -> Result<()> {
        let (reader, actor) = (tenant_id(reader)?, self.actor.clone());
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let above = above(tx).await?;
                if grant(tx, &above, &reader, actor.as_deref()).await? {
                    audit(tx, actor.as_deref(), "tenant.read_granted", &reader).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Takes the right to read this tenant away; whether it was there.
    pub async fn revoke_read(&self, reader: &str) -> Result<bool> {
        let (reader, actor) = (tenant_id(reader)?, self.actor.clone());
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let revoked = revoke(tx, &reader).await?;
                if revoked {
                    audit(tx, actor.as_deref(), "tenant.read_revoked", &reader).await?;
                }
                Ok(revoked)
            })
        })
        .await
    }

    /// Who may read this tenant.
    pub async fn read_grants(&self) -> Result<Vec<ReadGrant>> {
        self.read(|tx| Box::pin(async move { list(tx).await })).await
    }
}

async fn audit(tx: &mut Tx<'_>, actor: Option<&str>, action: &str, reader: &str) -> Result<()> {
    let object = tx.tenant().to_owned();
    tx.audit(Act { actor, action, object: &object, detail: json!({"reader": reader}) }).await
}
