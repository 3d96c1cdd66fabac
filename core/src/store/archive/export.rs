//! A tenant into a file.

use std::path::Path;

use serde_json::json;

use super::target::Target;
use super::{ArchiveReport, source, walk};
use crate::error::Result;
use crate::io;
use crate::store::{Admin, tenant_id};

impl Admin {
    /// Writes everything that a tenant has into a new file: one state of it, read in one snapshot and a
    /// page at a time. The file has its name only when it is whole and on the disk, and nobody but its
    /// owner may read it. A suspended tenant can be exported too.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`] when there is something at `path`;
    /// [`crate::Code::TenantInvalid`], [`crate::Code::TenantNotFound`];
    /// [`crate::Code::StoreUnavailable`], [`crate::Code::StoreFull`] and
    /// [`crate::Code::StoreFailed`] for the file; [`crate::Code::ArchiveInvalid`] for a row that is
    /// larger than a line may be.
    pub async fn export_tenant(&self, id: &str, path: &Path) -> Result<ArchiveReport> {
        let id = tenant_id(id)?;
        let (tenant, path) = (id.clone(), path.to_owned());
        let (target, tables, bytes) = self
            .inspect(move |tx| {
                Box::pin(async move {
                    let mut target = Target::create(&path)?;
                    let mut tx = tx.of(&tenant);
                    let tables = walk::walk(&mut tx, &mut |line| target.write(line)).await?;
                    target.write(&source::end_line(&tables))?;
                    let bytes = tokio::task::block_in_place(|| target.sync())?;
                    Ok((target, tables, bytes))
                })
            })
            .await?;
        // Before anybody can have the file: no export is missing in the log.
        let rows: u64 = tables.values().map(|table| table.rows).sum();
        let tenant = id.clone();
        self.transact(move |tx| {
            Box::pin(async move {
                tx.audit("tenant.exported", &tenant, json!({"bytes": bytes, "rows": rows})).await
            })
        })
        .await?;
        io::run_here(async move { tokio::task::block_in_place(|| target.publish()) }).await?;
        Ok(ArchiveReport {
            tenant: id.as_ref().to_owned(),
            tables,
            bytes,
            altered: Vec::new(),
            left_out: Vec::new(),
        })
    }
}
