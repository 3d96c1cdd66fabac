//! What is done across all tenants from time to time.

use super::{Admin, AdminTx, TenantFilter};
use crate::error::{Code, Result};
use crate::store::retention::{self, BATCH, PruneReport, Pruned};

/// Tenants that are looked at in one transaction.
const PAGE: u32 = 200;

impl AdminTx<'_> {
    async fn prune_some(&mut self, tenant: &str, days: u32) -> Result<Pruned> {
        self.lock(tenant).await?;
        // It may have been deleted meanwhile.
        self.record(tenant).await?;
        let mut tx = self.of(tenant);
        let cutoff = retention::cutoff(&mut tx, days).await?;
        let pruned = retention::prune_some(&mut tx, &cutoff).await?;
        if pruned.runs > 0 {
            self.audit("runs.pruned", tenant, retention::detail(pruned, &cutoff)).await?;
        }
        Ok(pruned)
    }
}

impl Admin {
    /// Removes, of every tenant whose configuration has `retention.runs_days`, the runs that ended
    /// more than so many days ago, with their events. In batches: runs that go on are held up for
    /// moments only, and what was removed before a failure stays removed.
    pub async fn prune(&self) -> Result<PruneReport> {
        let mut report = PruneReport::new();
        let mut after = None;
        loop {
            let (tenants, next) =
                self.tenants(TenantFilter::default(), PAGE, after.as_deref()).await?;
            for tenant in tenants {
                let Some(days) = retention::days_of(&tenant.config).filter(|days| *days > 0) else {
                    continue;
                };
                let pruned = self.prune_tenant(&tenant.tenant_id, days).await?;
                if pruned.runs > 0 {
                    report.insert(tenant.tenant_id, pruned);
                }
            }
            if next.is_none() {
                return Ok(report);
            }
            after = next;
        }
    }

    async fn prune_tenant(&self, id: &str, days: u32) -> Result<Pruned> {
        let mut total = Pruned::default();
        loop {
            let tenant = id.to_owned();
            let outcome = self
                .transact(move |tx| Box::pin(async move { tx.prune_some(&tenant, days).await }))
                .await;
            let pruned = match outcome {
                Err(error) if error.code() == Code::TenantNotFound => return Ok(total),
                pruned => pruned?,
            };
            total += pruned;
            if pruned.runs < u64::from(BATCH) {
                return Ok(total);
            }
        }
    }
}
