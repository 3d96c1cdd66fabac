//! Bundles: versions with their states and history, out of one store and into another.

use std::collections::HashSet;

use serde::Serialize;

use super::history::{self, HistoryEntry, SpecChange, Stamp, Step};
use super::rows::{self, Kept, NewSpec, SpecRecord};
use super::{SpecStatus, VersionId};
use crate::error::{Code, Error, Result};
use crate::store::tx::Tx;
use crate::store::usage::{self, Delta};
use crate::store::{Limits, Lock, TenantStore};

/// A version that comes in.
#[derive(Clone, Debug)]
pub struct IncomingSpec {
    /// What its text says.
    pub new: NewSpec,
    /// What its text does not say. The rest is not looked at.
    pub record: SpecRecord,
}

/// What became of the versions of a bundle, as `id@version`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Taken in.
    pub imported: Vec<String>,
    /// Passed over, because the store has a version of that number, or another active one.
    pub skipped: Vec<String>,
}

/// Why a version cannot come in; none if it can.
async fn obstacle(tx: &mut Tx<'_>, incoming: &IncomingSpec) -> Result<Option<String>> {
    let id = &incoming.new.id;
    if rows::state(tx, id).await?.is_some() {
        return Ok(Some(format!("{id} is there already")));
    }
    if incoming.record.status == SpecStatus::Active
        && let Some((version, _)) = rows::active(tx, id.agent_id()).await?
    {
        let agent = id.agent_id();
        return Ok(Some(format!("{id} is active in the bundle, and {agent}@{version} is here")));
    }
    Ok(None)
}

async fn take_in(
    tx: &mut Tx<'_>,
    specs: &[IncomingSpec],
    entries: &[HistoryEntry],
    skip: bool,
    stamp: &Stamp,
    limits: Limits,
) -> Result<ImportReport> {
    let now = tx.now().await?;
    let mut report = ImportReport::default();
    let mut left_out = HashSet::new();
    let mut taken = Vec::new();
    for incoming in specs {
        let id = &incoming.new.id;
        match obstacle(tx, incoming).await? {
            None => taken.push(incoming),
            Some(_) if skip => {
                report.skipped.push(id.to_string());
                left_out.insert((id.agent_id(), id.version()));
            }
            Some(obstacle) => {
                return Err(Error::new(Code::SpecConflict, obstacle)
                    .hint("nothing was taken in; `on_conflict: skip` passes such versions over"));
            }
        }
    }
    adopt_history(tx, specs, entries, &left_out).await?;
    let mut delta = Delta::default();
    for incoming in taken {
        let (id, record) = (&incoming.new.id, &incoming.record);
        let kept = Kept {
            status: record.status,
            created_at: &record.created_at,
            created_by: record.created_by.as_deref(),
            updated_at: &record.updated_at,
            sunset: record.sunset.as_deref(),
            successor: record.successor.as_deref(),
        };
        rows::insert(tx, &incoming.new, &kept).await?;
        delta += rows::size(&incoming.new);
        let step = Step {
            id,
            change: SpecChange::Imported,
            from: None,
            to: Some(record.status),
            hash: &incoming.new.hash,
        };
        history::append(tx, &step, stamp, &now).await?;
        report.imported.push(id.to_string());
    }
    // Last and once: the row of the totals is locked from here on, and runs that end wait for it.
    usage::count(tx, delta, limits).await?;
    Ok(report)
}

/// The history of what comes in. That of versions that are not in the bundle (drafts that were
/// deleted) comes only with agents that are new here: else it would come again with every import.
async fn adopt_history(
    tx: &mut Tx<'_>,
    specs: &[IncomingSpec],
    entries: &[HistoryEntry],
    left_out: &HashSet<(&str, &str)>,
) -> Result<()> {
    let present: HashSet<(&str, &str)> =
        specs.iter().map(|s| (s.new.id.agent_id(), s.new.id.version())).collect();
    let mut known = HashSet::new();
    for agent in entries.iter().map(|e| e.agent_id.as_str()).collect::<HashSet<_>>() {
        if history::last_seq(tx, agent).await? > 0 {
            known.insert(agent);
        }
    }
    for entry in entries {
        let version = (entry.agent_id.as_str(), entry.version.as_str());
        let wanted = if present.contains(&version) {
            !left_out.contains(&version)
        } else {
            !known.contains(version.0)
        };
        if wanted {
            history::adopt(tx, entry).await?;
        }
    }
    Ok(())
}

impl TenantStore {
    /// All versions with their history: of one agent, or of all. Lines that say that something was
    /// imported stay here: they are of this store, and a copy of it has its own.
    pub async fn export_specs(
        &self,
        agent_id: Option<String>,
    ) -> Result<(Vec<SpecRecord>, Vec<HistoryEntry>)> {
        let (versions, history) = self
            .read(move |tx| {
                Box::pin(async move {
                    let agent = agent_id.as_deref();
                    let versions = rows::all(tx, agent).await?;
                    Ok((versions, history::read(tx, agent, false).await?))
                })
            })
            .await?;
        let records = versions.into_iter().map(rows::Raw::record).collect::<Result<_>>()?;
        Ok((records, history))
    }

    /// Takes versions in with their states, times and history: all, or (with `skip`) those that
    /// meet nothing here, or none.
    ///
    /// # Errors
    /// [`Code::SpecConflict`] without `skip`, when the store has such a version, or another active
    /// one of the agent.
    pub async fn import_specs(
        &self,
        specs: Vec<IncomingSpec>,
        history: Vec<HistoryEntry>,
        skip: bool,
        stamp: Stamp,
    ) -> Result<ImportReport> {
        let limits = self.limits;
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move { take_in(tx, &specs, &history, skip, &stamp, limits).await })
        })
        .await
    }
}

impl IncomingSpec {
    /// Which version it is.
    pub fn id(&self) -> &VersionId {
        &self.new.id
    }
}
