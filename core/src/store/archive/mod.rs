//! One tenant as one file, out of one store and into another.
//!
//! An archive is JSON Lines: the tenant, then the rows of its tables, then how many rows each table
//! has and a hash over their lines. The same rows give the same lines on both back ends, so that equal
//! hashes mean equal data. What is held in memory is one page of rows, however large the tenant is.

mod base64;
mod digest;
mod export;
mod import;
mod insert;
mod line;
mod source;
mod tables;
mod target;
#[cfg(test)]
mod tests;
mod walk;

pub use digest::{Digests, TableDigest};
pub use import::{ImportOptions, ImportParent, LeftOut};

use serde::Serialize;

use super::{Admin, TenantStore};
use crate::error::Result;

/// What an archive has, or what was taken in from one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveReport {
    /// The tenant, as it is called in the store.
    pub tenant: String,
    /// Rows and hash of each table, `tenants` being the tenant itself: of an export as they were
    /// written, of an import as they were read back from the store before it was committed.
    pub tables: Digests,
    /// Bytes of the archive.
    pub bytes: u64,
    /// Tables that an import made other than they are in the archive, because another id or another
    /// parent was wished, or something was left out.
    pub altered: Vec<String>,
    /// What the archive has and the store now has not; empty for an export.
    pub left_out: Vec<LeftOut>,
}

/// A tenant that was copied from one store into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// The tenant in the other store.
    pub tenant: String,
    /// Rows and hash of each table where it was copied from.
    pub source: Digests,
    /// Rows and hash of each table where it was copied to.
    pub target: Digests,
    /// Tables that were to differ, because another id or another parent was wished, or something was
    /// left out.
    pub altered: Vec<String>,
    /// What the source has and the target has not.
    pub left_out: Vec<LeftOut>,
    /// Whether all tables are equal but the altered ones. Those have what they were to have, or the
    /// import would have failed.
    pub agree: bool,
}

impl TenantStore {
    /// Rows and hash of each table of the tenant, in one snapshot: equal for equal data, on whichever
    /// back end.
    ///
    /// # Errors
    /// [`Code::TenantNotFound`], [`Code::TenantSuspended`], [`Code::AccessDenied`].
    pub async fn digest(&self) -> Result<Digests> {
        self.read(|tx| Box::pin(async move { walk::walk(tx, &mut |_| Ok(())).await })).await
    }
}

impl Admin {
    /// Rows and hash of each table of a tenant, in one snapshot, also of one that is suspended.
    ///
    /// # Errors
    /// [`Code::TenantInvalid`], [`Code::TenantNotFound`].
    pub async fn digest_tenant(&self, id: &str) -> Result<Digests> {
        let id = super::tenant_id(id)?;
        self.inspect(move |tx| {
            Box::pin(async move { walk::walk(&mut tx.of(&id), &mut |_| Ok(())).await })
        })
        .await
    }

    /// Copies a tenant into another store and compares both sides. Until that has been done nothing
    /// of it can be seen there, and if they do not agree nothing remains. What the source writes
    /// meanwhile is not copied: suspend the tenant first if that must not be.
    ///
    /// # Errors
    /// Those of [`Admin::export_tenant`] and [`Admin::import_tenant`].
    pub async fn copy_tenant(
        &self,
        id: &str,
        to: &Admin,
        options: ImportOptions,
    ) -> Result<CopyReport> {
        let folder = target::Scratch::create()?;
        let path = folder.path().join("tenant.jsonl");
        let source = self.export_tenant(id, &path).await?;
        // Both stores have the same administrator.
        let options = ImportOptions { providers: true, ..options };
        let target = to.import_tenant(&path, options).await?;
        let agree = target.tables.iter().all(|(name, digest)| {
            target.altered.contains(name) || source.tables.get(name) == Some(digest)
        });
        Ok(CopyReport {
            tenant: target.tenant,
            source: source.tables,
            target: target.tables,
            altered: target.altered,
            left_out: target.left_out,
            agree,
        })
    }
}
