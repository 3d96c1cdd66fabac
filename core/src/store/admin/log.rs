//! What an administrator reads of tenants: what they use, and the audit log, whose chains can be
//! verified.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Admin, AdminTx};
use crate::error::{Error, Result};
use crate::store::audit::{self, AuditBreak, AuditEntry, AuditHead, STORE_CHAIN, Walk};
use crate::store::tenant_id;
use crate::store::tx::values;
use crate::store::usage::{self, Usage};

/// Entries that are verified in one transaction.
const PAGE: u32 = 500;

/// The most that is given at once.
const MOST: u32 = 1_000;

/// Refuses a page that is empty or larger than anybody should wait for.
pub(super) fn check_limit(limit: u32) -> Result<()> {
    if (1..=MOST).contains(&limit) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!("limit is 1 to {MOST}, and {limit} was given")))
}

/// What of the audit log is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditCheck {
    /// The chain of one tenant, or `@store`; none: all chains.
    pub tenant: Option<String>,
    /// Heads that were noted elsewhere; their chains are verified too.
    pub expect: Vec<AuditHead>,
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// The chains, by tenant.
    pub chains: Vec<ChainReport>,
    /// Where the first of them that is not sound breaks.
    pub broken: Option<AuditBreak>,
}

/// What a verification found in one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainReport {
    /// The tenant, or `@store`.
    pub tenant_id: String,
    /// The number of entries that follow on each other from the first one.
    pub entries: u64,
    /// The last of them; note it elsewhere to see later whether the end was cut off.
    pub head: Option<AuditHead>,
    /// Whether nothing is wrong.
    pub sound: bool,
}

impl AdminTx<'_> {
    /// The first chain behind `after`.
    async fn next_chain(&mut self, after: &str) -> Result<Option<String>> {
        let sql = "SELECT tenant_id FROM audit_log WHERE tenant_id > ?1 ORDER BY tenant_id LIMIT 1";
        self.row(sql, values![after]).await?.map(|mut row| row.take(0)).transpose()
    }

    /// The entry of the administrators' chain that says that a tenant was deleted.
    async fn deletion_of(&mut self, tenant: &str) -> Result<Option<u64>> {
        let sql = "SELECT seq FROM audit_log WHERE tenant_id = ?1 AND action = 'tenant.deleted'
             AND object = ?2 ORDER BY seq DESC LIMIT 1";
        let row = self.row(sql, values![STORE_CHAIN, tenant]).await?;
        row.map(|mut row| row.take(0)).transpose()
    }
}

impl Admin {
    /// What a tenant has, and what it did on the last `days` days on which it did something.
    ///
    /// # Errors
    /// [`crate::Code::TenantNotFound`].
    pub async fn usage_of(&self, id: &str, days: u32) -> Result<Usage> {
        let id = tenant_id(id)?;
        self.inspect(move |tx| {
            Box::pin(async move {
                tx.record(&id).await?;
                usage::of(&mut tx.of(&id), days).await
            })
        })
        .await
    }

    /// At most `limit` entries of a chain (a tenant's, or `@store`) behind the entry `after`, oldest
    /// first. Empty for a chain that is not there.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`] for a limit that is not from 1 to 1000.
    pub async fn audit_log(&self, chain: &str, after: u64, limit: u32) -> Result<Vec<AuditEntry>> {
        check_limit(limit)?;
        let chain = chain.to_owned();
        self.inspect(move |tx| {
            Box::pin(async move { audit::entries(&mut tx.connection, &chain, after, limit).await })
        })
        .await
    }

    /// Walks along the chains of the audit log and says whether each entry is as it was written. A
    /// cut-off end, and a chain that was written anew, are seen only with the heads that are expected.
    pub async fn verify_audit(&self, check: AuditCheck) -> Result<AuditReport> {
        let mut chains: BTreeSet<String> =
            check.expect.iter().map(|head| head.tenant_id.clone()).collect();
        match check.tenant {
            Some(chain) => _ = chains.insert(chain),
            None => chains.extend(self.audit_chains().await?),
        }
        let mut report = AuditReport::default();
        for chain in chains {
            let (found, broken) = self.verify_chain(&chain, &check.expect).await?;
            report.chains.push(found);
            report.broken = report.broken.or(broken);
        }
        Ok(report)
    }

    async fn audit_chains(&self) -> Result<Vec<String>> {
        self.inspect(|tx| {
            Box::pin(async move {
                let mut chains = Vec::new();
                let mut last = String::new();
                while let Some(chain) = tx.next_chain(&last).await? {
                    last.clone_from(&chain);
                    chains.push(chain);
                }
                Ok(chains)
            })
        })
        .await
    }

    /// In pages: a long chain holds up nobody.
    async fn verify_chain(
        &self,
        chain: &str,
        expect: &[AuditHead],
    ) -> Result<(ChainReport, Option<AuditBreak>)> {
        let mut walk = Walk::new(chain, expect);
        let broken = loop {
            let (went, outcome) = self
                .inspect(move |tx| {
                    Box::pin(async move {
                        let outcome = walk.step(&mut tx.connection, PAGE).await?;
                        Ok((walk, outcome))
                    })
                })
                .await?;
            walk = went;
            match outcome {
                Ok(0) => break self.explained(walk.end()).await?,
                Ok(_) => {}
                Err(broken) => break Some(broken),
            }
        };
        let tenant_id = chain.to_owned();
        let head = (walk.seq > 0).then(|| AuditHead {
            tenant_id: tenant_id.clone(),
            seq: walk.seq,
            hash: walk.hash.clone(),
        });
        let sound = broken.is_none();
        Ok((ChainReport { tenant_id, entries: walk.seq, head, sound }, broken))
    }

    /// What is missing may have gone with its tenant.
    async fn explained(&self, broken: Option<AuditBreak>) -> Result<Option<AuditBreak>> {
        let Some(mut broken) = broken else { return Ok(None) };
        let tenant = broken.tenant_id.clone();
        let deletion =
            self.inspect(move |tx| Box::pin(async move { tx.deletion_of(&tenant).await })).await?;
        if let Some(seq) = deletion {
            broken.what +=
                &format!("; entry {seq} of {STORE_CHAIN} says that the tenant was deleted");
        }
        Ok(Some(broken))
    }
}
