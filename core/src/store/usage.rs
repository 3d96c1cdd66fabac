//! What a tenant uses, and how much of it it may.
//!
//! The bounds stand in the tenant's configuration and are read by the very statement that counts, so
//! that they hold for every process at once; those that a kernel was opened with hold beside them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::TenantStore;
use super::tx::{Row, Tx, values};
use crate::error::{Code, Error, Result};

/// Bytes of a MiB, in which storage is bounded.
const MIB: u64 = 1024 * 1024;
/// The most that one step counts for, so that no sum of steps leaves the range of a number.
const STEP_LIMIT: u64 = 1_000_000_000_000;
/// The span of `requests_per_minute`.
const MINUTE: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Bounds on what a tenant uses; absent: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Versions of specs.
    pub specs: Option<u64>,
    /// Documents in all collections.
    pub documents: Option<u64>,
    /// Vectors of passages.
    pub vectors: Option<u64>,
    /// Bytes of specs, documents, vectors and runs.
    pub bytes: Option<u64>,
    /// Runs that begin within a minute.
    pub runs_per_minute: Option<u64>,
    /// Tokens, in and out, in a day (UTC).
    pub tokens_per_day: Option<u64>,
    /// Millionths of a US dollar in a day (UTC).
    pub cost_micros_per_day: Option<u64>,
}

impl Limits {
    /// The bounds that stand under `quotas` in a configuration.
    pub fn of_config(config: &Json) -> Self {
        let quotas = &config["quotas"];
        // A whole number may have been written as 5.0: a bound that is there is never passed over.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "`as` gives the nearest that the type holds"
        )]
        let number = |name: &str| {
            quotas[name].as_u64().or_else(|| quotas[name].as_f64().map(|number| number as u64))
        };
        Self {
            specs: number("max_specs"),
            documents: number("max_documents"),
            vectors: number("max_vectors"),
            bytes: number("max_storage_mb").map(|mib| mib.saturating_mul(MIB)),
            runs_per_minute: number("requests_per_minute"),
            tokens_per_day: number("llm_tokens_per_day"),
            cost_micros_per_day: quotas["cost_limit_usd_per_day"].as_f64().map(micros),
        }
    }

    /// The smaller bound of each kind.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        Self {
            specs: least(self.specs, other.specs),
            documents: least(self.documents, other.documents),
            vectors: least(self.vectors, other.vectors),
            bytes: least(self.bytes, other.bytes),
            runs_per_minute: least(self.runs_per_minute, other.runs_per_minute),
            tokens_per_day: least(self.tokens_per_day, other.tokens_per_day),
            cost_micros_per_day: least(self.cost_micros_per_day, other.cost_micros_per_day),
        }
    }
}

/// US dollars as millionths, up to what fits.
pub fn micros(dollars: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, and bounded on both sides by what the type holds"
    )]
    let micros = (dollars * 1e6).round().clamp(0.0, 9e15) as u64;
    micros
}

/// What a tenant has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Versions of specs.
    pub specs: u64,
    /// Documents in all collections.
    pub documents: u64,
    /// Vectors of passages.
    pub vectors: u64,
    /// Bytes of specs, documents, vectors and runs.
    pub bytes: u64,
}

/// What a tenant did on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    /// The day (UTC), `YYYY-MM-DD`.
    pub day: String,
    /// Runs that began.
    pub runs: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// Millionths of a US dollar, for models that have a price.
    pub cost_micros: u64,
}

/// What a run used since it was last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micros: u64,
}

/// An agent whose spec bounds what it does in a minute or a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedAgent {
    /// The agent.
    pub agent_id: std::sync::Arc<str>,
    /// Runs of it that begin within a minute.
    pub runs_per_minute: Option<u64>,
}

impl std::ops::AddAssign for Spent {
    /// Counts come from providers and can be anything: they stop at the top.
    fn add_assign(&mut self, more: Self) {
        let add = |sum: &mut u64, more| *sum = sum.saturating_add(more);
        add(&mut self.input_tokens, more.input_tokens);
        add(&mut self.output_tokens, more.output_tokens);
        add(&mut self.cost_micros, more.cost_micros);
    }
}

/// What is left of the day, as of the last step that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    today: DayUsage,
    agent_today: DayUsage,
    limits: Limits,
}

impl Allowance {
    /// What the run's agent did today.
    pub fn agent_today(&self) -> &DayUsage {
        &self.agent_today
    }

    /// Whether the tenant's day has bounds.
    pub fn is_bounded(&self) -> bool {
        self.limits.tokens_per_day.is_some() || self.limits.cost_micros_per_day.is_some()
    }

    /// Refuses to go on when the day's tokens or money are used up, with `more` that is not written
    /// yet, or leave no room for what is estimated to be `next`.
    ///
    /// # Errors
    /// [`Code::QuotaExceeded`].
    pub fn check(&self, more: Spent, next: Spent) -> Result<()> {
        let hint = "wait for the next day (UTC), or raise the quota";
        let tokens = self
            .today
            .input_tokens
            .saturating_add(self.today.output_tokens)
            .saturating_add(more.input_tokens)
            .saturating_add(more.output_tokens);
        if let Some(most) = self.limits.tokens_per_day.filter(|most| tokens >= *most) {
            return Err(exceeded("llm_tokens_per_day", tokens, most).hint(hint));
        }
        let wanted = next.input_tokens.saturating_add(next.output_tokens);
        let over = |most: &u64| tokens.saturating_add(wanted) > *most;
        if let Some(most) = self.limits.tokens_per_day.filter(over) {
            return Err(no_room("llm_tokens_per_day", most, tokens, wanted).hint(hint));
        }
        let cost = self.today.cost_micros.saturating_add(more.cost_micros);
        let dollars = |micros: u64| format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        if let Some(most) = self.limits.cost_micros_per_day.filter(|most| cost >= *most) {
            return Err(Error::new(
                Code::QuotaExceeded,
                format!(
                    "the tenant's quota cost_limit_usd_per_day is used up: {} of {} US dollars",
                    dollars(cost),
                    dollars(most)
                ),
            )
            .hint(hint));
        }
        let wanted = next.cost_micros;
        let over = |most: &u64| cost.saturating_add(wanted) > *most;
        if let Some(most) = self.limits.cost_micros_per_day.filter(over) {
            let [most, cost, wanted] = [most, cost, wanted].map(dollars);
            return Err(no_room("cost_limit_usd_per_day", most, cost, wanted).hint(hint));
        }
        Ok(())
    }
}

fn no_room<T: std::fmt::Display>(quota: &str, most: T, used: T, wanted: T) -> Error {
    Error::new(
        Code::QuotaExceeded,
        format!(
            "the tenant's quota {quota} allows {most}: {used} are used, and the next call of the \
             model is estimated at {wanted}"
        ),
    )
}

fn exceeded(quota: &str, used: u64, most: u64) -> Error {
    Error::new(
        Code::QuotaExceeded,
        format!("the tenant's quota {quota} is used up: {used} of {most}"),
    )
}

/// A change of the totals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Delta {
    pub(super) specs: i64,
    pub(super) documents: i64,
    pub(super) vectors: i64,
    pub(super) bytes: i64,
}

impl std::ops::AddAssign for Delta {
    fn add_assign(&mut self, other: Self) {
        self.specs += other.specs;
        self.documents += other.documents;
        self.vectors += other.vectors;
        self.bytes += other.bytes;
    }
}

/// A size as a signed number.
pub(super) fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn config_of(row: &mut Row, column: usize) -> Result<Json> {
    let text: Option<String> = row.take(column)?;
    text.map_or(Ok(Json::Null), |text| {
        serde_json::from_str(&text).map_err(|e| {
            Error::new(Code::StoreCorrupt, "a tenant's configuration is not JSON").caused_by(e)
        })
    })
}

// What would be inserted is checked even where there is a row: so it is never below zero.
const COUNT: &str = "INSERT INTO usage_totals (tenant_id, specs, documents, vectors, bytes)
     VALUES (?1, CASE WHEN ?2 > 0 THEN ?2 ELSE 0 END, CASE WHEN ?3 > 0 THEN ?3 ELSE 0 END,
         CASE WHEN ?4 > 0 THEN ?4 ELSE 0 END, CASE WHEN ?5 > 0 THEN ?5 ELSE 0 END)
     ON CONFLICT (tenant_id) DO UPDATE SET specs = usage_totals.specs + ?2,
         documents = usage_totals.documents + ?3, vectors = usage_totals.vectors + ?4,
         bytes = usage_totals.bytes + ?5
     RETURNING specs, documents, vectors, bytes,
         (SELECT config FROM tenants WHERE tenants.tenant_id = ?1)";

/// Counts a change that has happened.
pub(super) async fn record(tx: &mut Tx<'_>, delta: Delta) -> Result<()> {
    tx.one(COUNT, values![delta.specs, delta.documents, delta.vectors, delta.bytes]).await?;
    Ok(())
}

/// Counts a change, and refuses it when it goes over a bound: what grows must fit, what shrinks may
/// still be too much.
pub(super) async fn count(tx: &mut Tx<'_>, delta: Delta, own: Limits) -> Result<()> {
    let values = values![delta.specs, delta.documents, delta.vectors, delta.bytes];
    let mut row = tx.one(COUNT, values).await?;
    let limits = Limits::of_config(&config_of(&mut row, 4)?).and(own);
    let kinds = [
        ("max_specs", delta.specs, row.take(0)?, limits.specs),
        ("max_documents", delta.documents, row.take(1)?, limits.documents),
        ("max_vectors", delta.vectors, row.take(2)?, limits.vectors),
        ("max_storage_mb", delta.bytes, row.take(3)?, limits.bytes),
    ];
    for (quota, delta, now, most) in kinds {
        let now: u64 = now;
        let Some(most) = most.filter(|most| delta > 0 && now > *most) else { continue };
        let before = now.saturating_sub(delta.unsigned_abs());
        let (used, wanted, most) = if quota == "max_storage_mb" {
            let mib = |bytes: u64| format!("{}.{:02}", bytes / MIB, bytes % MIB * 100 / MIB);
            (mib(before), mib(delta.unsigned_abs()), mib(most))
        } else {
            (before.to_string(), delta.to_string(), most.to_string())
        };
        return Err(Error::new(
            Code::QuotaExceeded,
            format!("the tenant's quota {quota} allows {most}: {used} are used, and {wanted} more were wanted"),
        )
        .hint("delete what is not needed, or raise the quota: aikit tenant configure"));
    }
    Ok(())
}

/// What is left of the day, without an agent's.
pub(super) async fn allowance(tx: &mut Tx<'_>, own: Limits) -> Result<Allowance> {
    let sql = "SELECT substr(aikit_now(), 1, 10), coalesce(d.runs, 0), coalesce(d.input_tokens, 0),
             coalesce(d.output_tokens, 0), coalesce(d.cost_micros, 0), t.config
         FROM tenants t LEFT JOIN usage_days d
             ON d.tenant_id = t.tenant_id AND d.day = substr(aikit_now(), 1, 10)
         WHERE t.tenant_id = ?1";
    let Some(mut row) = tx.row(sql, &[]).await? else {
        return Ok(Allowance { limits: own, ..Allowance::default() });
    };
    let limits = Limits::of_config(&config_of(&mut row, 5)?).and(own);
    Ok(Allowance { today: day(&mut row)?, agent_today: DayUsage::default(), limits })
}

/// Counts what was used today: a run that begins, or tokens and money.
pub(super) async fn spend(
    tx: &mut Tx<'_>,
    runs: u64,
    spent: Spent,
    own: Limits,
    agent: Option<&CountedAgent>,
) -> Result<Allowance> {
    let sql = "INSERT INTO usage_days
             (tenant_id, day, runs, input_tokens, output_tokens, cost_micros)
         VALUES (?1, substr(aikit_now(), 1, 10), ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant_id, day) DO UPDATE SET runs = usage_days.runs + ?2,
             input_tokens = usage_days.input_tokens + ?3,
             output_tokens = usage_days.output_tokens + ?4,
             cost_micros = usage_days.cost_micros + ?5
         RETURNING day, runs, input_tokens, output_tokens, cost_micros,
             (SELECT config FROM tenants WHERE tenants.tenant_id = ?1)";
    // Counts come from providers and can be anything.
    let [input, output, cost] =
        [spent.input_tokens, spent.output_tokens, spent.cost_micros].map(|n| n.min(STEP_LIMIT));
    let values = values![runs, input, output, cost];
    let mut row = tx.one(sql, values).await?;
    let limits = Limits::of_config(&config_of(&mut row, 5)?).and(own);
    let today = day(&mut row)?;
    let Some(agent) = agent else {
        return Ok(Allowance { today, agent_today: DayUsage::default(), limits });
    };
    let sql = "INSERT INTO usage_agents
             (tenant_id, agent_id, day, runs, input_tokens, output_tokens, cost_micros)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (tenant_id, agent_id, day) DO UPDATE SET runs = usage_agents.runs + ?4,
             input_tokens = usage_agents.input_tokens + ?5,
             output_tokens = usage_agents.output_tokens + ?6,
             cost_micros = usage_agents.cost_micros + ?7
         RETURNING day, runs, input_tokens, output_tokens, cost_micros";
    let values = values![&*agent.agent_id, &today.day, runs, input, output, cost];
    let agent_today = day(&mut tx.one(sql, values).await?)?;
    Ok(Allowance { today, agent_today, limits })
}

fn day(row: &mut Row) -> Result<DayUsage> {
    Ok(DayUsage {
        day: row.take(0)?,
        runs: row.take(1)?,
        input_tokens: row.take(2)?,
        output_tokens: row.take(3)?,
        cost_micros: row.take(4)?,
    })
}

/// Counts a run that begins, and refuses it when a bound is reached. Runs of a tenant begin one
/// after the other: the row of the day is locked.
pub(super) async fn begin_run(
    tx: &mut Tx<'_>,
    own: Limits,
    agent: Option<&CountedAgent>,
) -> Result<Allowance> {
    let allowance = spend(tx, 1, Spent::default(), own, agent).await?;
    allowance.check(Spent::default(), Spent::default())?;
    if let Some((agent, most)) = agent.and_then(|agent| Some((agent, agent.runs_per_minute?))) {
        let since = a_minute_ago(tx).await?;
        let sql = "SELECT count(*) FROM runs
             WHERE tenant_id = ?1 AND started_at > ?2 AND agent_id = ?3";
        let begun: u64 = tx.one(sql, values![&since, &*agent.agent_id]).await?.take(0)?;
        if begun >= most {
            return Err(Error::new(
                Code::QuotaExceeded,
                format!(
                    "the limit requests_per_minute of the agent {:?} is reached: {begun} of {most} \
                     runs began within a minute",
                    &*agent.agent_id
                ),
            )
            .hint("wait a minute, or raise `governance.rate_limits.requests_per_minute`"));
        }
    }
    if let Some(most) = allowance.limits.runs_per_minute {
        let since = a_minute_ago(tx).await?;
        let sql = "SELECT count(*) FROM runs WHERE tenant_id = ?1 AND started_at > ?2";
        let begun: u64 = tx.one(sql, values![&since]).await?.take(0)?;
        if begun >= most {
            return Err(exceeded("requests_per_minute", begun, most)
                .hint("wait a minute, or raise the quota"));
        }
    }
    Ok(allowance)
}

async fn a_minute_ago(tx: &mut Tx<'_>) -> Result<String> {
    let now: String = tx.now().await?;
    now.parse::<jiff::Timestamp>()
        .ok()
        .and_then(|now| now.checked_sub(MINUTE).ok())
        .map(|since| since.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .ok_or_else(|| Error::new(Code::StoreFailed, "the database's clock is no time"))
}

/// What a tenant uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// What it has.
    pub totals: Totals,
    /// What it did on the last days, newest first; days without anything are left out.
    pub days: Vec<DayUsage>,
}

/// What the tenant of a transaction has.
pub(super) async fn totals(tx: &mut Tx<'_>) -> Result<Totals> {
    let sql = "SELECT specs, documents, vectors, bytes FROM usage_totals WHERE tenant_id = ?1";
    let Some(mut row) = tx.row(sql, &[]).await? else { return Ok(Totals::default()) };
    Ok(Totals {
        specs: row.take(0)?,
        documents: row.take(1)?,
        vectors: row.take(2)?,
        bytes: row.take(3)?,
    })
}

/// What the tenant of a transaction uses.
pub(super) async fn of(tx: &mut Tx<'_>, days: u32) -> Result<Usage> {
    let totals = totals(tx).await?;
    let sql = "SELECT day, runs, input_tokens, output_tokens, cost_micros
         FROM usage_days WHERE tenant_id = ?1 ORDER BY day DESC LIMIT ?2";
    let rows = tx.rows(sql, values![days]).await?;
    let days = rows.into_iter().map(|mut row| day(&mut row)).collect::<Result<_>>()?;
    Ok(Usage { totals, days })
}

impl TenantStore {
    /// What the tenant has, and what it did on the last `days` days on which it did something.
    pub async fn usage(&self, days: u32) -> Result<Usage> {
        self.read(move |tx| Box::pin(async move { of(tx, days).await })).await
    }
}
