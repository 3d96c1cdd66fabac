//! The audit log: who did what to which object, in a chain of hashes for each tenant.
//!
//! The hash of an entry is SHA-256, in small hexadecimal digits, over the hash of the entry before
//! it (64 zeros for the first) and the canonical JSON of
//! `[tenant_id, seq, at, actor, action, object, detail]`: keys in the order of their code points, no
//! white space. So an entry that is changed, taken out or put in breaks the chain; a cut-off end is
//! seen by those who noted an earlier head.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::TenantStore;
use super::tx::{Connection, Row, Tx, values};
use crate::error::{Code, Error, Result};
use crate::spec::canonical;

/// The hash before the first entry.
pub(super) const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// The chain of the administrators. No slug, so no tenant can have it.
pub(super) const STORE_CHAIN: &str = "@store";

/// One entry of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// The tenant, or `@store` for what administrators did.
    pub tenant_id: String,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// Who, if that was said.
    pub actor: Option<String>,
    /// What, for instance `spec.promoted`.
    pub action: String,
    /// To what, for instance `helper@1.0.0`.
    pub object: String,
    /// Further facts.
    pub detail: Json,
    /// The hash of the entry before.
    pub prev: String,
    /// Of this entry.
    pub hash: String,
}

impl AuditEntry {
    /// The hash that the entry should have.
    pub fn expected_hash(&self) -> String {
        let content = json!([
            self.tenant_id,
            self.seq,
            self.at,
            self.actor,
            self.action,
            self.object,
            self.detail
        ]);
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(self.prev.as_bytes());
        context.update(canonical(&content).as_bytes());
        hex(context.finish().as_ref())
    }

    pub(super) fn read(mut row: Row) -> Result<Self> {
        let detail: String = row.take(6)?;
        let detail = serde_json::from_str(&detail).map_err(|e| {
            Error::new(Code::AuditBroken, "the detail of an audit entry is not JSON").caused_by(e)
        })?;
        Ok(Self {
            tenant_id: row.take(0)?,
            seq: row.take(1)?,
            at: row.take(2)?,
            actor: row.take(3)?,
            action: row.take(4)?,
            object: row.take(5)?,
            detail,
            prev: row.take(7)?,
            hash: row.take(8)?,
        })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The columns that [`AuditEntry::read`] reads.
pub(super) const COLUMNS: &str = "tenant_id, seq, at, actor, action, object, detail, prev, hash";

/// What is done to an object.
pub(super) struct Act<'a> {
    pub(super) actor: Option<&'a str>,
    pub(super) action: &'a str,
    pub(super) object: &'a str,
    pub(super) detail: Json,
}

/// Adds an entry to a chain. The transaction must hold the lock of the chain's tenant.
pub(super) async fn append(
    connection: &mut Connection<'_>,
    chain: &str,
    act: Act<'_>,
) -> Result<()> {
    let last = connection
        .rows(
            "SELECT seq, hash FROM audit_log WHERE tenant_id = ?1 ORDER BY seq DESC LIMIT 1",
            values![chain],
        )
        .await?
        .pop();
    let (seq, prev) = match last {
        Some(mut row) => (row.take::<u64>(0)? + 1, row.take(1)?),
        None => (1, ORIGIN.to_owned()),
    };
    let mut entry = AuditEntry {
        tenant_id: chain.to_owned(),
        seq,
        at: connection.now().await?,
        actor: act.actor.map(str::to_owned),
        action: act.action.to_owned(),
        object: act.object.to_owned(),
        detail: act.detail,
        prev,
        hash: String::new(),
    };
    entry.hash = entry.expected_hash();
    connection
        .execute(
            &format!(
                "INSERT INTO audit_log ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            ),
            values![
                chain,
                entry.seq,
                &entry.at,
                entry.actor.as_deref(),
                &entry.action,
                &entry.object,
                &canonical(&entry.detail),
                &entry.prev,
                &entry.hash
            ],
        )
        .await?;
    Ok(())
}

impl Tx<'_> {
    /// Adds an entry to the chain of the tenant. Only under [`super::Lock::Tenant`].
    pub(super) async fn audit(&mut self, act: Act<'_>) -> Result<()> {
        let tenant = self.tenant().to_owned();
        append(self.connection(), &tenant, act).await
    }
}

impl TenantStore {
    /// At most `limit` entries of the tenant's chain behind the entry `after`, oldest first.
    pub async fn audit_log(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>> {
        self.read(move |tx| {
            Box::pin(async move {
                let sql = format!(
                    "SELECT {COLUMNS} FROM audit_log WHERE tenant_id = ?1 AND seq > ?2
                     ORDER BY seq LIMIT ?3"
                );
                let rows = tx.rows(&sql, values![after, limit]).await?;
                rows.into_iter().map(AuditEntry::read).collect()
            })
        })
        .await
    }
}
