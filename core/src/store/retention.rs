//! Runs that have ended are kept for as many days as the tenant's configuration says
//! (`retention.runs_days`), or for good.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::audit::Act;
use super::tx::{Tx, values};
use super::usage::{self, Delta};
use super::{Lock, TenantStore};
use crate::error::{Code, Error, Result};

/// Runs that are removed in one transaction.
pub(super) const BATCH: u32 = 500;
/// Hours of a day.
const DAY: i64 = 24;

/// What was removed of a tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Their events.
    pub events: u64,
}

impl std::ops::AddAssign for Pruned {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.events += other.events;
    }
}

/// What was removed, by tenant. Those of whom nothing was removed are left out.
pub type PruneReport = BTreeMap<String, Pruned>;

/// For how many days a configuration wants ended runs to be kept.
pub(super) fn days_of(config: &Json) -> Option<u32> {
    config["retention"]["runs_days"].as_u64().map(|days| u32::try_from(days).unwrap_or(u32::MAX))
}

/// The time, as texts in the store are, that lies `days` before now.
pub(super) async fn cutoff(tx: &mut Tx<'_>, days: u32) -> Result<String> {
    let now: String = tx.now().await?;
    let now: Timestamp = now.parse().map_err(|e| {
        Error::new(Code::StoreFailed, "the database's clock is no time").caused_by(e)
    })?;
    // Whoever keeps runs for longer than there is time keeps them all.
    let cutoff = now
        .checked_sub(SignedDuration::from_hours(i64::from(days) * DAY))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    Ok(cutoff.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Removes at most [`BATCH`] runs that ended before `cutoff`, the oldest first, with their events.
pub(super) async fn prune_some(tx: &mut Tx<'_>, cutoff: &str) -> Result<Pruned> {
    // A run ends after it began: so only old ones are looked at.
    let old = format!(
        "IN (SELECT run_id FROM runs WHERE tenant_id = ?1 AND started_at < ?2 AND ended_at < ?2
             ORDER BY started_at, run_id LIMIT {BATCH})"
    );
    let sql = format!(
        "SELECT CAST(coalesce(sum(octet_length(body)), 0) AS BIGINT) FROM run_events
         WHERE tenant_id = ?1 AND run_id {old}"
    );
    let bytes: i64 = tx.one(&sql, values![cutoff]).await?.take(0)?;
    let sql = format!("DELETE FROM run_events WHERE tenant_id = ?1 AND run_id {old}");
    let events = tx.execute(&sql, values![cutoff]).await?;
    let sql = format!("DELETE FROM runs WHERE tenant_id = ?1 AND run_id {old}");
    let runs = tx.execute(&sql, values![cutoff]).await?;
    if runs > 0 {
        usage::record(tx, Delta { bytes: -bytes, ..Delta::default() }).await?;
    }
    Ok(Pruned { runs, events })
}

/// What an entry of the audit log says of it.
pub(super) fn detail(pruned: Pruned, cutoff: &str) -> Json {
    json!({"before": cutoff, "runs": pruned.runs, "events": pruned.events})
}

impl TenantStore {
    /// Removes the tenant's runs that ended more than `days` days ago, with their events.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for 0 days.
    pub async fn prune(&self, days: u32) -> Result<Pruned> {
        if days == 0 {
            return Err(Error::invalid_argument("runs are kept for at least one day")
                .hint("to remove everything of a tenant: aikit tenant delete"));
        }
        let mut total = Pruned::default();
        loop {
            let actor = self.actor.clone();
            let pruned = self
                .write(Lock::Tenant, move |tx| {
                    Box::pin(async move {
                        let cutoff = cutoff(tx, days).await?;
                        let pruned = prune_some(tx, &cutoff).await?;
                        if pruned.runs > 0 {
                            let detail = detail(pruned, &cutoff);
                            let (actor, action) = (actor.as_deref(), "runs.pruned");
                            tx.audit(Act { actor, action, object: "runs", detail }).await?;
                        }
                        Ok(pruned)
                    })
                })
                .await?;
            total += pruned;
            if pruned.runs < u64::from(BATCH) {
                return Ok(total);
            }
        }
    }
}
