//! Tenants as objects: made, found, configured, moved, suspended and resumed.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::log::check_limit;
use super::{Admin, AdminTx, grants};
use crate::error::{Code, Error, Result};
use crate::spec::canonical;
use crate::store::tx::{Cell, FromCell, Row, Value, values};
use crate::store::{access, tenant_id};

/// How many tenants may stand above one another.
const DEEPEST: usize = 8;
/// The most characters of a name.
const NAME_LIMIT: usize = 200;
/// Where a walk along parents ends, however they came to be.
const WALK_LIMIT: u32 = 100;

/// What a tenant is in its organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantKind {
    /// A company or the like.
    Org,
    /// A part of it.
    Team,
    /// A person: has no tenants below.
    User,
}

impl TenantKind {
    /// The word in the store and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Team => "team",
            Self::User => "user",
        }
    }
}

impl FromCell for TenantKind {
    fn from_cell(cell: Cell) -> Option<Self> {
        match String::from_cell(cell)?.as_str() {
            "org" => Some(Self::Org),
            "team" => Some(Self::Team),
            "user" => Some(Self::User),
            _ => None,
        }
    }
}

/// Whether a tenant may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantStatus {
    /// It may.
    Active,
    /// Everything is kept and nothing can be read or changed.
    Suspended,
}

impl TenantStatus {
    /// The word in the store and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromCell for TenantStatus {
    fn from_cell(cell: Cell) -> Option<Self> {
        match String::from_cell(cell)?.as_str() {
            "active" => Some(Self::Active),
            "suspended" => Some(Self::Suspended),
            _ => None,
        }
    }
}

/// A tenant that is to be made.
#[derive(Clone, Debug, Default)]
pub struct NewTenant {
    /// The tenant above.
    pub parent: Option<String>,
    /// What it is.
    pub kind: Option<TenantKind>,
    /// For people.
    pub name: Option<String>,
    /// Its configuration, which the caller has checked; none: empty.
    pub config: Option<Json>,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRecord {
    /// Its id.
    pub tenant_id: String,
    /// The tenant above.
    pub parent: Option<String>,
    /// What it is.
    pub kind: Option<TenantKind>,
    /// For people.
    pub name: Option<String>,
    /// Whether it may be used.
    pub status: TenantStatus,
    /// Its configuration.
    pub config: Json,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
    /// When this record last changed, RFC 3339 UTC.
    pub updated_at: String,
}

/// Which tenants are wanted; what is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct TenantFilter {
    /// Those below this one, by one step.
    pub parent: Option<String>,
    /// Those of this status.
    pub status: Option<TenantStatus>,
    /// Those of this kind.
    pub kind: Option<TenantKind>,
}

const COLUMNS: &str = "tenant_id, parent_id, kind, name, status, config, created_at, updated_at";

impl TenantRecord {
    fn read(mut row: Row) -> Result<Self> {
        let tenant_id: String = row.take(0)?;
        let config: String = row.take(5)?;
        let config = serde_json::from_str(&config).map_err(|e| {
            let message = format!("the configuration of the tenant {tenant_id:?} is not JSON");
            Error::new(Code::StoreCorrupt, message).caused_by(e)
        })?;
        Ok(Self {
            tenant_id,
            parent: row.take(1)?,
            kind: row.take(2)?,
            name: row.take(3)?,
            status: row.take(4)?,
            config,
            created_at: row.take(6)?,
            updated_at: row.take(7)?,
        })
    }
}

impl AdminTx<'_> {
    /// The record of a tenant that must be there.
    pub(super) async fn record(&mut self, id: &str) -> Result<TenantRecord> {
        let sql = format!("SELECT {COLUMNS} FROM tenants WHERE tenant_id = ?1");
        let row = self.row(&sql, values![id]).await?;
        TenantRecord::read(row.ok_or_else(|| access::not_found(id))?)
    }

    /// The tenants above one, nearest first.
    pub(in crate::store) async fn above(&mut self, id: &str) -> Result<Vec<String>> {
        let sql = "WITH RECURSIVE above (tenant_id, parent_id, steps) AS (
                 SELECT tenant_id, parent_id, 0 FROM tenants WHERE tenant_id = ?1
                 UNION ALL SELECT t.tenant_id, t.parent_id, a.steps + 1 FROM above a
                     JOIN tenants t ON t.tenant_id = a.parent_id WHERE a.steps < ?2)
             SELECT tenant_id FROM above WHERE steps > 0 ORDER BY steps";
        let rows = self.rows(sql, values![id, WALK_LIMIT]).await?;
        rows.into_iter().map(|mut row| row.take(0)).collect()
    }

    /// A tenant and those below it with the number of steps down to each, the lowest first.
    pub(super) async fn below(&mut self, id: &str) -> Result<Vec<(String, usize)>> {
        let sql = "WITH RECURSIVE below (tenant_id, steps) AS (
                 SELECT tenant_id, 0 FROM tenants WHERE tenant_id = ?1
                 UNION ALL SELECT t.tenant_id, b.steps + 1 FROM below b
                     JOIN tenants t ON t.parent_id = b.tenant_id WHERE b.steps < ?2)
             SELECT tenant_id, steps FROM below ORDER BY steps DESC, tenant_id";
        let rows = self.rows(sql, values![id, WALK_LIMIT]).await?;
        rows.into_iter().map(|mut row| Ok((row.take(0)?, row.take::<u32>(1)? as usize))).collect()
    }

    /// Refuses a parent that is not there, is a person, or stands too low for `height` more tenants.
    pub(in crate::store) async fn check_parent(
        &mut self,
        parent: &str,
        height: usize,
    ) -> Result<()> {
        if self.record(parent).await?.kind == Some(TenantKind::User) {
            let message = format!("the tenant {parent:?} is a user and has no tenants below");
            return Err(Error::invalid_argument(message).hint("name a team or an org as parent"));
        }
        let depth = self.above(parent).await?.len() + 1;
        if depth + height > DEEPEST {
            let message = format!("at most {DEEPEST} tenants stand above one another");
            return Err(Error::invalid_argument(message).hint("name a parent that stands higher"));
        }
        Ok(())
    }

    /// Sets a column of a tenant that must be there.
    async fn set(&mut self, id: &str, column: &str, value: impl Into<Value<'_>>) -> Result<()> {
        let sql = format!(
            "UPDATE tenants SET {column} = ?2, updated_at = aikit_now() WHERE tenant_id = ?1"
        );
        if self.execute(&sql, &[Value::from(id), value.into()]).await? == 0 {
            return Err(access::not_found(id));
        }
        Ok(())
    }

    async fn create(&mut self, id: &str, new: &NewTenant, config: &str) -> Result<TenantRecord> {
        if let Some(parent) = &new.parent {
            self.check_parent(parent, 1).await?;
        }
        let made = self
            .execute(
                &format!(
                    "INSERT INTO tenants ({COLUMNS})
                     VALUES (?1, ?2, ?3, ?4, 'active', ?5, aikit_now(), aikit_now())
                     ON CONFLICT DO NOTHING"
                ),
                values![
                    id,
                    new.parent.as_deref(),
                    new.kind.map(TenantKind::as_str),
                    new.name.as_deref(),
                    config
                ],
            )
            .await?;
        if made == 0 {
            return Err(Error::new(
                Code::TenantExists,
                format!("there is a tenant {id:?} already"),
            )
            .hint(format!("choose another id, or: aikit tenant configure {id}")));
        }
        // Neither name nor configuration: an entry stays when the tenant's data has to go.
        let detail = json!({"parent": new.parent, "kind": new.kind});
        self.audit("tenant.created", id, detail).await?;
        self.record(id).await
    }

    async fn shift(&mut self, id: &str, parent: Option<&str>) -> Result<TenantRecord> {
        let before = self.record(id).await?;
        if before.parent.as_deref() == parent {
            return Ok(before);
        }
        let below = self.below(id).await?;
        if let Some(parent) = parent {
            if below.iter().any(|(tenant, _)| tenant == parent) {
                let message = format!("{parent:?} is the tenant {id:?} itself or stands below it");
                return Err(Error::invalid_argument(message).hint("name a parent elsewhere"));
            }
            let height = below.iter().map(|(_, steps)| steps + 1).max().unwrap_or(1);
            self.check_parent(parent, height).await?;
        }
        for (tenant, _) in &below {
            self.lock(tenant).await?;
        }
        self.set(id, "parent_id", parent).await?;
        let mut revoked = 0;
        for (tenant, _) in &below {
            revoked += grants::keep_only_above(self, tenant).await?;
        }
        let detail = json!({"from": before.parent, "to": parent, "revoked": revoked});
        self.audit("tenant.moved", id, detail).await?;
        self.record(id).await
    }
}

fn canonical_config(config: &Json) -> Result<String> {
    if config.is_object() {
        return Ok(canonical(config));
    }
    Err(Error::new(Code::ConfigInvalid, "a tenant's configuration is an object")
        .hint(r#"for instance {"quotas": {"max_documents": 1000}}"#))
}

fn check_name(name: Option<&str>) -> Result<()> {
    match name {
        Some(name) if name.is_empty() || name.chars().count() > NAME_LIMIT => {
            let message = format!("the name of a tenant has 1 to {NAME_LIMIT} characters");
            Err(Error::invalid_argument(message))
        }
        _ => Ok(()),
    }
}

impl Admin {
    /// Makes a tenant.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`], [`Code::TenantExists`]; [`Code::TenantNotFound`] for the parent;
    /// [`Code::InvalidArgument`] for a parent that is a user or stands too low, and for a name that
    /// is empty or longer than 200 characters; [`Code::ConfigInvalid`].
    pub async fn create_tenant(&self, id: &str, new: NewTenant) -> Result<TenantRecord> {
        let id = tenant_id(id)?;
        check_name(new.name.as_deref())?;
        let config = new.config.as_ref().map_or(Ok("{}".into()), canonical_config)?;
        self.transact(move |tx| Box::pin(async move { tx.create(&id, &new, &config).await })).await
    }

    /// A tenant.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`].
    pub async fn tenant_record(&self, id: &str) -> Result<TenantRecord> {
        let id = tenant_id(id)?;
        self.inspect(move |tx| Box::pin(async move { tx.record(&id).await })).await
    }

    /// At most `limit` tenants behind the one with the id `after`, by id; with it, where the next
    /// page begins, if there is one.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a limit that is not from 1 to 1000.
    pub async fn tenants(
        &self,
        filter: TenantFilter,
        limit: u32,
        after: Option<&str>,
    ) -> Result<(Vec<TenantRecord>, Option<String>)> {
        check_limit(limit)?;
        let after = after.unwrap_or_default().to_owned();
        self.inspect(move |tx| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT {COLUMNS} FROM tenants WHERE tenant_id > ?1
                         AND (CAST(?2 AS TEXT) IS NULL OR parent_id = CAST(?2 AS TEXT))
                         AND (CAST(?3 AS TEXT) IS NULL OR status = CAST(?3 AS TEXT))
                         AND (CAST(?4 AS TEXT) IS NULL OR kind = CAST(?4 AS TEXT))
                     ORDER BY tenant_id LIMIT ?5"
                );
                let values = values![
                    &after,
                    filter.parent.as_deref(),
                    filter.status.map(TenantStatus::as_str),
                    filter.kind.map(TenantKind::as_str),
                    u64::from(limit) + 1
                ];
                let rows = tx.rows(&sql, values).await?;
                let more = rows.len() > limit as usize;
                let records: Vec<_> = rows
                    .into_iter()
                    .take(limit as usize)
                    .map(TenantRecord::read)
                    .collect::<Result<_>>()?;
                let next = records.last().filter(|_| more).map(|last| last.tenant_id.clone());
                Ok((records, next))
            })
        })
        .await
    }

    /// Gives a tenant another configuration, which the caller has checked.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`], [`Code::ConfigInvalid`].
    pub async fn configure_tenant(&self, id: &str, config: &Json) -> Result<TenantRecord> {
        let (id, config) = (tenant_id(id)?, canonical_config(config)?);
        self.transact(move |tx| {
            Box::pin(async move {
                tx.set(&id, "config", &config).await?;
                let record = tx.record(&id).await?;
                // Which parts there are, and nothing of what they say.
                let parts: Vec<_> =
                    record.config.as_object().into_iter().flat_map(|c| c.keys()).collect();
                tx.audit("tenant.configured", &id, json!({"parts": parts})).await?;
                Ok(record)
            })
        })
        .await
    }

    /// Gives a tenant another name, or none.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`]; [`Code::InvalidArgument`] for a name that is empty or longer than
    /// 200 characters.
    pub async fn rename_tenant(&self, id: &str, name: Option<&str>) -> Result<TenantRecord> {
        check_name(name)?;
        let (id, name) = (tenant_id(id)?, name.map(str::to_owned));
        self.transact(move |tx| {
            Box::pin(async move {
                tx.set(&id, "name", name.as_deref()).await?;
                tx.audit("tenant.renamed", &id, json!({})).await?;
                tx.record(&id).await
            })
        })
        .await
    }

    /// Puts a tenant, with those below it, under another parent, or under none. Whoever may read
    /// one of them and does not stand above it afterwards may no more.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`], also for the parent; [`Code::InvalidArgument`] for a parent that is
    /// the tenant itself, stands below it or too low, or is a user.
    pub async fn move_tenant(&self, id: &str, parent: Option<&str>) -> Result<TenantRecord> {
        let (id, parent) = (tenant_id(id)?, parent.map(str::to_owned));
        self.transact(move |tx| Box::pin(async move { tx.shift(&id, parent.as_deref()).await }))
            .await
    }

    /// Lets nobody use a tenant until it is resumed; everything is kept.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`].
    pub async fn suspend_tenant(&self, id: &str, why: Option<&str>) -> Result<TenantRecord> {
        self.set_status(id, TenantStatus::Suspended, "tenant.suspended", why).await
    }

    /// Lets a tenant be used again.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`].
    pub async fn resume_tenant(&self, id: &str, why: Option<&str>) -> Result<TenantRecord> {
        self.set_status(id, TenantStatus::Active, "tenant.resumed", why).await
    }

    async fn set_status(
        &self,
        id: &str,
        status: TenantStatus,
        action: &'static str,
        why: Option<&str>,
    ) -> Result<TenantRecord> {
        let (id, why) = (tenant_id(id)?, why.map(str::to_owned));
        self.transact(move |tx| {
            Box::pin(async move {
                let record = tx.record(&id).await?;
                if record.status == status {
                    return Ok(record);
                }
                tx.set(&id, "status", status.as_str()).await?;
                tx.audit(action, &id, json!({"why": why})).await?;
                tx.record(&id).await
            })
        })
        .await
    }
}
