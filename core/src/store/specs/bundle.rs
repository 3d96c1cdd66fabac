//! Bundles: versions with their states and history, out of one store and into another.

use std::collections::HashSet;

use rusqlite::Transaction;
use serde::Serialize;

use super::history::{self, HistoryEntry, SpecChange, Stamp, Step};
use super::life::now;
use super::rows::{self, Kept, NewSpec, SpecRecord};
use super::{SpecStatus, VersionId};
use crate::error::{Code, Error, Result};
use crate::store::TenantStore;
use crate::store::sqlite::Fault;

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
fn obstacle(
    transaction: &Transaction<'_>,
    tenant: &str,
    incoming: &IncomingSpec,
) -> rusqlite::Result<Option<String>> {
    let id = &incoming.new.id;
    if rows::state(transaction, tenant, id)?.is_some() {
        return Ok(Some(format!("{id} is there already")));
    }
    if incoming.record.status == SpecStatus::Active
        && let Some((version, _)) = rows::active(transaction, tenant, id.agent_id())?
    {
        let agent = id.agent_id();
        return Ok(Some(format!("{id} is active in the bundle, and {agent}@{version} is here")));
    }
    Ok(None)
}

fn take_in(
    transaction: &Transaction<'_>,
    tenant: &str,
    specs: &[IncomingSpec],
    entries: &[HistoryEntry],
    skip: bool,
    stamp: &Stamp,
) -> Result<ImportReport, Fault> {
    let now = now(transaction)?;
    let mut report = ImportReport::default();
    let mut left_out = HashSet::new();
    let mut taken = Vec::new();
    for incoming in specs {
        let id = &incoming.new.id;
        match obstacle(transaction, tenant, incoming)? {
            None => taken.push(incoming),
            Some(_) if skip => {
                report.skipped.push(id.to_string());
                left_out.insert((id.agent_id(), id.version()));
            }
            Some(obstacle) => {
                return Err(Error::new(Code::SpecConflict, obstacle)
                    .hint("nothing was taken in; `on_conflict: skip` passes such versions over")
                    .into());
            }
        }
    }
    adopt_history(transaction, tenant, specs, entries, &left_out)?;
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
        rows::insert(transaction, tenant, &incoming.new, &kept)?;
        let step = Step {
            id,
            change: SpecChange::Imported,
            from: None,
            to: Some(record.status),
            hash: &incoming.new.hash,
        };
        history::append(transaction, tenant, &step, stamp, &now)?;
        report.imported.push(id.to_string());
    }
    Ok(report)
}

/// The history of what comes in. That of versions that are not in the bundle (drafts that were
/// deleted) comes only with agents that are new here: else it would come again with every import.
fn adopt_history(
    transaction: &Transaction<'_>,
    tenant: &str,
    specs: &[IncomingSpec],
    entries: &[HistoryEntry],
    left_out: &HashSet<(&str, &str)>,
) -> rusqlite::Result<()> {
    let present: HashSet<(&str, &str)> =
        specs.iter().map(|s| (s.new.id.agent_id(), s.new.id.version())).collect();
    let mut known = HashSet::new();
    for agent in entries.iter().map(|e| e.agent_id.as_str()).collect::<HashSet<_>>() {
        if history::last_seq(transaction, tenant, agent)? > 0 {
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
            history::adopt(transaction, tenant, entry)?;
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
        let tenant = self.tenant.clone();
        let (versions, history) = self
            .database()?
            .read(move |connection| {
                // One snapshot for both.
                let snapshot = connection.unchecked_transaction()?;
                let agent = agent_id.as_deref();
                let versions = rows::all(&snapshot, &tenant, agent)?;
                Ok((versions, history::read(&snapshot, &tenant, agent, false)?))
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
        let tenant = self.tenant.clone();
        self.database()?
            .change(move |transaction| {
                take_in(transaction, &tenant, &specs, &history, skip, &stamp)
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
