//! Runs and their events.

use std::sync::Arc;

use rusqlite::params;

use super::TenantStore;
use crate::error::{Code, Error, Result};

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// Under way, or cut off with its process.
    Running,
    /// Ended with a result.
    Finished,
    /// Ended with an error.
    Failed,
    /// Ended by its caller.
    Cancelled,
}

impl RunStatus {
    /// The word in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A run that begins.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Unique within the tenant.
    pub run_id: String,
    /// The agent.
    pub agent_id: String,
    /// Its version.
    pub version: String,
    /// The model it uses.
    pub model: String,
}

impl TenantStore {
    /// Records that a run begins.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when the tenant has a run of this id already.
    pub async fn begin_run(&self, run: NewRun, events: Vec<(u64, Arc<str>)>) -> Result<()> {
        let tenant = self.tenant.clone();
        let run_id = run.run_id.clone();
        let inserted = self
            .database()?
            .write(move |transaction| {
                let rows = transaction
                    .prepare_cached(
                        "INSERT INTO runs (tenant_id, run_id, agent_id, version, model, status)
                         VALUES (?1, ?2, ?3, ?4, ?5, 'running') ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![&*tenant, run.run_id, run.agent_id, run.version, run.model])?;
                if rows == 1 {
                    insert_events(transaction, &tenant, &run.run_id, &events)?;
                }
                Ok(rows == 1)
            })
            .await?;
        if inserted {
            return Ok(());
        }
        Err(Error::invalid_argument(format!("there is a run {run_id:?} already"))
            .hint("choose another run_id, or leave it out"))
    }

    /// Records a step of a run: its events, and the run's status if it ends.
    pub async fn record_step(
        &self,
        run_id: &str,
        events: Vec<(u64, Arc<str>)>,
        end: Option<RunStatus>,
    ) -> Result<()> {
        let (tenant, run_id) = (self.tenant.clone(), run_id.to_owned());
        self.database()?
            .write(move |transaction| {
                insert_events(transaction, &tenant, &run_id, &events)?;
                if let Some(status) = end {
                    transaction
                        .prepare_cached(
                            "UPDATE runs SET status = ?3, ended_at = strftime('%Y-%m-%dT%H:%M:%fZ')
                             WHERE tenant_id = ?1 AND run_id = ?2",
                        )?
                        .execute(params![&*tenant, run_id, status.as_str()])?;
                }
                Ok(())
            })
            .await
    }

    /// The recorded events of a run, in order, as JSON texts.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when the tenant has no such run.
    pub async fn run_events(&self, run_id: &str) -> Result<Vec<String>> {
        let (tenant, id) = (self.tenant.clone(), run_id.to_owned());
        let events = self
            .database()?
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT body FROM run_events
                         WHERE tenant_id = ?1 AND run_id = ?2 ORDER BY seq",
                    )?
                    .query_map(params![&*tenant, id], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<String>>>()
            })
            .await?;
        if events.is_empty() {
            return Err(Error::new(Code::InvalidArgument, format!("there is no run {run_id:?}"))
                .hint("the id stands in the result and in every event of a run"));
        }
        Ok(events)
    }
}

fn insert_events(
    transaction: &rusqlite::Transaction<'_>,
    tenant: &str,
    run_id: &str,
    events: &[(u64, Arc<str>)],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO run_events (tenant_id, run_id, seq, body) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (seq, body) in events {
        insert.execute(params![tenant, run_id, seq, body])?;
    }
    Ok(())
}
