//! The history: one line for every change of every version, never changed and never removed.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{SpecStatus, VersionId};
use crate::error::Result;
use crate::store::TenantStore;

/// What was done to a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecChange {
    /// Kept as a new draft.
    Saved,
    /// The draft got another content.
    Replaced,
    /// Became the active version.
    Promoted,
    /// Active no more, with or without a successor.
    Deprecated,
    /// Makes no agents any more.
    Retired,
    /// The draft was removed.
    Deleted,
    /// Taken in from a bundle.
    Imported,
}

impl SpecChange {
    /// The word in the store and in the history.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Replaced => "replaced",
            Self::Promoted => "promoted",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
            Self::Deleted => "deleted",
            Self::Imported => "imported",
        }
    }
}

impl rusqlite::types::FromSql for SpecChange {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value.as_str()? {
            "saved" => Ok(Self::Saved),
            "replaced" => Ok(Self::Replaced),
            "promoted" => Ok(Self::Promoted),
            "deprecated" => Ok(Self::Deprecated),
            "retired" => Ok(Self::Retired),
            "deleted" => Ok(Self::Deleted),
            "imported" => Ok(Self::Imported),
            _ => Err(rusqlite::types::FromSqlError::InvalidType),
        }
    }
}

/// One change of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// Grows with every change of the agent.
    pub seq: u64,
    /// The agent.
    pub agent_id: String,
    /// The version.
    pub version: String,
    /// What was done.
    pub change: SpecChange,
    /// The state before; none if the version was not there.
    pub from: Option<SpecStatus>,
    /// The state after; none if the version was removed.
    pub to: Option<SpecStatus>,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// Who did it.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
    /// Hash of the content that was changed, kept or removed.
    pub hash: String,
}

/// Who makes a change, and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Who.
    pub by: Option<String>,
    /// What for.
    pub why: Option<String>,
}

/// What a line of the history says beside who, when and why.
pub(super) struct Step<'a> {
    pub(super) id: &'a VersionId,
    pub(super) change: SpecChange,
    pub(super) from: Option<SpecStatus>,
    pub(super) to: Option<SpecStatus>,
    pub(super) hash: &'a str,
}

const INSERT: &str = "INSERT INTO spec_history
    (tenant_id, agent_id, seq, version, change, from_status, to_status, at, actor, why, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

/// Writes a line at the end of an agent's history.
pub(super) fn append(
    connection: &Connection,
    tenant: &str,
    step: &Step<'_>,
    stamp: &Stamp,
    at: &str,
) -> rusqlite::Result<()> {
    let seq = last_seq(connection, tenant, step.id.agent_id())? + 1;
    connection.prepare_cached(INSERT)?.execute(params![
        tenant,
        step.id.agent_id(),
        seq,
        step.id.version(),
        step.change.as_str(),
        step.from,
        step.to,
        at,
        stamp.by,
        stamp.why,
        step.hash
    ])?;
    Ok(())
}

/// Writes a line that was made elsewhere; its number grows if the agent has later ones here.
pub(super) fn adopt(
    connection: &Connection,
    tenant: &str,
    entry: &HistoryEntry,
) -> rusqlite::Result<()> {
    let seq = entry.seq.max(last_seq(connection, tenant, &entry.agent_id)? + 1);
    connection.prepare_cached(INSERT)?.execute(params![
        tenant,
        entry.agent_id,
        seq,
        entry.version,
        entry.change.as_str(),
        entry.from,
        entry.to,
        entry.at,
        entry.by,
        entry.why,
        entry.hash
    ])?;
    Ok(())
}

/// The number of an agent's last line; 0 if it has none.
pub(super) fn last_seq(
    connection: &Connection,
    tenant: &str,
    agent_id: &str,
) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            "SELECT coalesce(max(seq), 0) FROM spec_history WHERE tenant_id = ?1 AND agent_id = ?2",
        )?
        .query_row(params![tenant, agent_id], |row| row.get(0))
}

/// The lines of one agent, or of all; those of changes that took a bundle in only if wanted.
pub(super) fn read(
    connection: &Connection,
    tenant: &str,
    agent_id: Option<&str>,
    with_imports: bool,
) -> rusqlite::Result<Vec<HistoryEntry>> {
    const COLUMNS: &str =
        "seq, agent_id, version, change, from_status, to_status, at, actor, why, hash";
    let only = if agent_id.is_some() { "AND agent_id = ?2" } else { "AND ?2 IS NULL" };
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM spec_history WHERE tenant_id = ?1 {only}
             AND (?3 OR change <> 'imported') ORDER BY agent_id, seq"
        ))?
        .query_map(params![tenant, agent_id, with_imports], |row| {
            Ok(HistoryEntry {
                seq: row.get(0)?,
                agent_id: row.get(1)?,
                version: row.get(2)?,
                change: row.get(3)?,
                from: row.get(4)?,
                to: row.get(5)?,
                at: row.get(6)?,
                by: row.get(7)?,
                why: row.get(8)?,
                hash: row.get(9)?,
            })
        })?
        .collect()
}

impl TenantStore {
    /// Every change of an agent's versions, oldest first. Empty for an agent that never was.
    pub async fn spec_history(&self, agent_id: &str) -> Result<Vec<HistoryEntry>> {
        let (tenant, agent_id) = (self.tenant.clone(), agent_id.to_owned());
        self.database()?
            .read(move |connection| read(connection, &tenant, Some(&agent_id), true))
            .await
    }
}
