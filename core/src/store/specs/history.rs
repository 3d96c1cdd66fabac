//! The history: one line for every change of every version, never changed and never removed.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{SpecStatus, VersionId};
use crate::error::Result;
use crate::store::TenantStore;
use crate::store::audit::Act;
use crate::store::tx::{Cell, FromCell, Tx, values};

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

impl FromCell for SpecChange {
    fn from_cell(cell: Cell) -> Option<Self> {
        match String::from_cell(cell)?.as_str() {
            "saved" => Some(Self::Saved),
            "replaced" => Some(Self::Replaced),
            "promoted" => Some(Self::Promoted),
            "deprecated" => Some(Self::Deprecated),
            "retired" => Some(Self::Retired),
            "deleted" => Some(Self::Deleted),
            "imported" => Some(Self::Imported),
            _ => None,
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
pub(super) async fn append(
    tx: &mut Tx<'_>,
    step: &Step<'_>,
    stamp: &Stamp,
    at: &str,
) -> Result<()> {
    let seq = last_seq(tx, step.id.agent_id()).await? + 1;
    tx.execute(
        INSERT,
        values![
            step.id.agent_id(),
            seq,
            step.id.version(),
            step.change,
            step.from,
            step.to,
            at,
            stamp.by.as_deref(),
            stamp.why.as_deref(),
            step.hash
        ],
    )
    .await?;
    tx.audit(Act {
        actor: stamp.by.as_deref(),
        action: &format!("spec.{}", step.change.as_str()),
        object: &step.id.to_string(),
        detail: json!({"hash": step.hash, "why": stamp.why}),
    })
    .await
}

/// Writes a line that was made elsewhere; its number grows if the agent has later ones here.
pub(super) async fn adopt(tx: &mut Tx<'_>, entry: &HistoryEntry) -> Result<()> {
    let seq = entry.seq.max(last_seq(tx, &entry.agent_id).await? + 1);
    tx.execute(
        INSERT,
        values![
            &entry.agent_id,
            seq,
            &entry.version,
            entry.change,
            entry.from,
            entry.to,
            &entry.at,
            entry.by.as_deref(),
            entry.why.as_deref(),
            &entry.hash
        ],
    )
    .await?;
    Ok(())
}

/// The number of an agent's last line; 0 if it has none.
pub(super) async fn last_seq(tx: &mut Tx<'_>, agent_id: &str) -> Result<u64> {
    let sql =
        "SELECT coalesce(max(seq), 0) FROM spec_history WHERE tenant_id = ?1 AND agent_id = ?2";
    tx.one(sql, values![agent_id]).await?.take(0)
}

/// The lines of one agent, or of all; those of changes that took a bundle in only if wanted.
pub(super) async fn read(
    tx: &mut Tx<'_>,
    agent_id: Option<&str>,
    with_imports: bool,
) -> Result<Vec<HistoryEntry>> {
    let only =
        if agent_id.is_some() { "AND agent_id = ?2" } else { "AND CAST(?2 AS TEXT) IS NULL" };
    let sql = format!(
        "SELECT seq, agent_id, version, change, from_status, to_status, at, actor, why, hash
         FROM spec_history WHERE tenant_id = ?1 {only} AND (?3 OR change <> 'imported')
         ORDER BY agent_id, seq"
    );
    let rows = tx.rows(&sql, values![agent_id, with_imports]).await?;
    rows.into_iter()
        .map(|mut row| {
            Ok(HistoryEntry {
                seq: row.take(0)?,
                agent_id: row.take(1)?,
                version: row.take(2)?,
                change: row.take(3)?,
                from: row.take(4)?,
                to: row.take(5)?,
                at: row.take(6)?,
                by: row.take(7)?,
                why: row.take(8)?,
                hash: row.take(9)?,
            })
        })
        .collect()
}

impl TenantStore {
    /// Every change of an agent's versions, oldest first. Empty for an agent that never was.
    pub async fn spec_history(&self, agent_id: &str) -> Result<Vec<HistoryEntry>> {
        let agent_id = agent_id.to_owned();
        self.read(move |tx| Box::pin(async move { read(tx, Some(&agent_id), true).await })).await
    }
}
