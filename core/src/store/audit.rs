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

/// At most `limit` rows of a chain behind the entry `after`, oldest first.
async fn rows(
    connection: &mut Connection<'_>,
    chain: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<Row>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM audit_log WHERE tenant_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    connection.rows(&sql, values![chain, after, limit]).await
}

/// At most `limit` entries of a chain behind the entry `after`, oldest first.
pub(super) async fn entries(
    connection: &mut Connection<'_>,
    chain: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    rows(connection, chain, after, limit).await?.into_iter().map(AuditEntry::read).collect()
}

impl TenantStore {
    /// At most `limit` entries of the tenant's chain behind the entry `after`, oldest first.
    pub async fn audit_log(&self, after: u64, limit: u32) -> Result<Vec<AuditEntry>> {
        self.read(move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().to_owned();
                entries(tx.connection(), &tenant, after, limit).await
            })
        })
        .await
    }
}

/// The end of a chain: whoever notes it elsewhere later sees whether something was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditHead {
    /// The chain: a tenant, or `@store`.
    pub tenant_id: String,
    /// The entry.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// Where a chain breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditBreak {
    /// The chain: a tenant, or `@store`.
    pub tenant_id: String,
    /// The first entry that is not as it was written.
    pub seq: u64,
    /// What is wrong.
    pub what: String,
}

/// A walk along a chain, from its first entry.
#[derive(Debug)]
pub(super) struct Walk {
    chain: String,
    expect: Vec<AuditHead>,
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Walk {
    /// A walk that is to come by the heads of this chain.
    pub(super) fn new(chain: &str, expect: &[AuditHead]) -> Self {
        let expect = expect.iter().filter(|head| head.tenant_id == chain).cloned().collect();
        Self { chain: chain.to_owned(), expect, seq: 0, hash: ORIGIN.to_owned() }
    }

    /// Reads the next entries, and gives their number.
    pub(super) async fn step(
        &mut self,
        connection: &mut Connection<'_>,
        limit: u32,
    ) -> Result<std::result::Result<usize, AuditBreak>> {
        let rows = rows(connection, &self.chain, self.seq, limit).await?;
        let count = rows.len();
        for row in rows {
            let entry = match AuditEntry::read(row) {
                Err(error) if error.code() == Code::AuditBroken => {
                    return Ok(Err(self.broken(self.seq + 1, "its detail is not JSON")));
                }
                entry => entry?,
            };
            if let Err(found) = self.check(entry) {
                return Ok(Err(found));
            }
        }
        Ok(Ok(count))
    }

    /// Takes the next entry, if it belongs there.
    fn check(&mut self, entry: AuditEntry) -> std::result::Result<(), AuditBreak> {
        let next = self.seq + 1;
        if entry.seq != next {
            let what = match entry.seq - next {
                1 => "it is missing".to_owned(),
                n => format!("{n} entries are missing"),
            };
            return Err(self.broken(next, what));
        }
        if entry.hash != entry.expected_hash() {
            return Err(self.broken(next, "its hash is not that of what it says"));
        }
        if entry.prev != self.hash {
            return Err(self.broken(next, "it does not follow on the entry before it"));
        }
        if self.expect.iter().any(|head| head.seq == next && head.hash != entry.hash) {
            let what = "its hash is not the expected one: the chain was written anew";
            return Err(self.broken(next, what));
        }
        (self.seq, self.hash) = (next, entry.hash);
        Ok(())
    }

    /// Looks at the end of the chain whether it was cut off.
    pub(super) fn end(&self) -> Option<AuditBreak> {
        let seq = self.expect.iter().map(|head| head.seq).max()?;
        (seq > self.seq).then(|| {
            let next = self.seq + 1;
            if self.seq == 0 {
                return self.broken(next, format!("the whole chain is missing, up to entry {seq}"));
            }
            self.broken(next, format!("the chain was cut off: it went up to entry {seq} at least"))
        })
    }

    fn broken(&self, seq: u64, what: impl Into<String>) -> AuditBreak {
        AuditBreak { tenant_id: self.chain.clone(), seq, what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{AuditEntry, ORIGIN};

    /// The hashes were made by another program: in Python, with `entry` as a list,
    /// `text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` and
    /// `hashlib.sha256((prev + text).encode()).hexdigest()`.
    #[test]
    fn hashes_are_those_that_others_find() {
        let first = AuditEntry {
            tenant_id: "acme".into(),
            seq: 1,
            at: "2026-01-02T03:04:05.678Z".into(),
            actor: None,
            action: "spec.saved".into(),
            object: "helper@1.0.0".into(),
            detail: json!({"why": null, "hash": "sha256:00"}),
            prev: ORIGIN.into(),
            hash: String::new(),
        };
        let hash = "0ddf63daae257493afe3484ded8c292e101ccfbdd16d56924c73077508aa794c";
        assert_eq!(first.expected_hash(), hash);
        let second = AuditEntry {
            seq: 2,
            at: "2026-01-02T03:04:06.000Z".into(),
            actor: Some("Zoë <z@example.org>".into()),
            action: "collection.changed".into(),
            object: "büro \"1\"\n".into(),
            detail: json!({
                "written": 2, "removed": 0, "a": {"c": [1, 2.5, true], "b": "ü\u{2028}"}
            }),
            prev: hash.into(),
            ..first
        };
        assert_eq!(
            second.expected_hash(),
            "15b92fc8682be76e2f682c6cd9dd1c595a26cf1e14f2e499c750cb06e9ef2736"
        );
    }
}
