//! Runs and their events.

use std::sync::Arc;

use super::tx::{Tx, Value, values};
use super::usage::{self, Allowance, Delta, Spent};
use super::{Lock, TenantStore};
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
    /// [`Code::InvalidArgument`] when the tenant has a run of this id already;
    /// [`Code::QuotaExceeded`] for runs per minute, and tokens and money of the day.
    pub async fn begin_run(&self, run: NewRun, events: Vec<(u64, Arc<str>)>) -> Result<Allowance> {
        let (limits, agent) = (self.limits, self.agent.clone());
        self.write(Lock::None, move |tx| {
            Box::pin(async move {
                let allowance = usage::begin_run(tx, limits, agent.as_ref()).await?;
                let rows = tx
                    .execute(
                        "INSERT INTO runs
                             (tenant_id, run_id, agent_id, version, model, status, started_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, 'running', aikit_now())
                         ON CONFLICT DO NOTHING",
                        values![&run.run_id, &run.agent_id, &run.version, &run.model],
                    )
                    .await?;
                if rows == 0 {
                    return Err(Error::invalid_argument(format!(
                        "there is a run {:?} already",
                        run.run_id
                    ))
                    .hint("choose another run_id, or leave it out"));
                }
                insert_events(tx, &run.run_id, &events).await?;
                Ok(allowance)
            })
        })
        .await
    }

    /// Records a step of a run: its events, what it used, and the run's status if it ends. Gives
    /// what is left of the day if something was used.
    pub async fn record_step(
        &self,
        run_id: &str,
        events: Vec<(u64, Arc<str>)>,
        spent: Spent,
        end: Option<RunStatus>,
    ) -> Result<Option<Allowance>> {
        let run_id = run_id.to_owned();
        let (limits, agent) = (self.limits, self.agent.clone());
        self.write(Lock::None, move |tx| {
            Box::pin(async move {
                insert_events(tx, &run_id, &events).await?;
                if let Some(status) = end {
                    tx.execute(
                        "UPDATE runs SET status = ?3, ended_at = aikit_now()
                         WHERE tenant_id = ?1 AND run_id = ?2",
                        values![&run_id, status.as_str()],
                    )
                    .await?;
                    count_run(tx, &run_id).await?;
                }
                if spent == Spent::default() {
                    return Ok(None);
                }
                usage::spend(tx, 0, spent, limits, agent.as_ref()).await.map(Some)
            })
        })
        .await
    }

    /// What is left of the day.
    pub async fn allowance(&self) -> Result<Allowance> {
        let limits = self.limits;
        self.read(move |tx| Box::pin(async move { usage::allowance(tx, limits).await })).await
    }

    /// Counts what was used outside of runs, and gives what is left of the day.
    pub async fn spend(&self, spent: Spent) -> Result<Allowance> {
        let limits = self.limits;
        self.write(Lock::None, move |tx| {
            Box::pin(async move { usage::spend(tx, 0, spent, limits, None).await })
        })
        .await
    }

    /// The recorded events of a run, in order, as JSON texts.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when the tenant has no such run.
    pub async fn run_events(&self, run_id: &str) -> Result<Vec<String>> {
        let id = run_id.to_owned();
        let events: Vec<String> = self
            .read(move |tx| {
                Box::pin(async move {
                    let sql = "SELECT body FROM run_events
                         WHERE tenant_id = ?1 AND run_id = ?2 ORDER BY seq";
                    let rows = tx.rows(sql, values![&id]).await?;
                    rows.into_iter().map(|mut row| row.take(0)).collect()
                })
            })
            .await?;
        if events.is_empty() {
            return Err(Error::new(Code::InvalidArgument, format!("there is no run {run_id:?}"))
                .hint("the id stands in the result and in every event of a run"));
        }
        Ok(events)
    }
}

/// Counts the bytes of a run that has ended. They are not refused: what has happened is written.
async fn count_run(tx: &mut Tx<'_>, run_id: &str) -> Result<()> {
    let sql = "SELECT CAST(coalesce(sum(octet_length(body)), 0) AS BIGINT) FROM run_events
         WHERE tenant_id = ?1 AND run_id = ?2";
    let bytes = tx.one(sql, values![run_id]).await?.take(0)?;
    usage::record(tx, Delta { bytes, ..Delta::default() }).await
}

async fn insert_events(tx: &mut Tx<'_>, run_id: &str, events: &[(u64, Arc<str>)]) -> Result<()> {
    let rows: Vec<Vec<Value<'_>>> =
        events.iter().map(|(seq, body)| values![run_id, *seq, &**body].to_vec()).collect();
    tx.insert("run_events", &["run_id", "seq", "body"], &rows, false).await?;
    Ok(())
}
