//! Tenants that go, with everything of theirs.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::{Admin, AdminTx, Remains, erasure, tables};
use crate::error::{Error, Result};
use crate::store::tenant_id;
use crate::store::tx::values;

/// How a tenant is deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeletionOptions {
    /// With all tenants below it.
    pub children: bool,
    /// So that its bytes are not in the files any more either.
    pub erase: bool,
}

/// What went with a tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// The tenant.
    pub tenant: String,
    /// All that were deleted, the lowest first and the tenant last.
    pub tenants: Vec<String>,
    /// The rows that each table had of them.
    pub rows: BTreeMap<String, u64>,
    /// Where bytes of theirs can still be, and what to do about it.
    pub files: Vec<Remains>,
}

impl AdminTx<'_> {
    async fn delete(&mut self, id: &str, children: bool) -> Result<Deletion> {
        self.record(id).await?;
        let below = self.below(id).await?;
        if below.len() > 1 && !children {
            let count = below.len() - 1;
            let message = format!("the tenant {id:?} has {count} tenants below it");
            return Err(Error::invalid_argument(message)
                .hint("delete or move them first, or delete them with it: `children: true`"));
        }
        let tables = tables::of_tenants(&mut self.connection).await?;
        let mut deletion = Deletion { tenant: id.to_owned(), ..Deletion::default() };
        for (tenant, _) in below {
            self.delete_one(&tenant, &tables, &mut deletion.rows).await?;
            deletion.tenants.push(tenant);
        }
        Ok(deletion)
    }

    /// Deletes the rows of a tenant that has none below it. What the administrators' chain keeps is
    /// how many there were, and where the tenant's chain ended.
    async fn delete_one(
        &mut self,
        tenant: &str,
        tables: &[String],
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<()> {
        self.lock(tenant).await?;
        let head = "SELECT seq, hash FROM audit_log WHERE tenant_id = ?1 ORDER BY seq DESC LIMIT 1";
        let chain = match self.row(head, values![tenant]).await? {
            Some(mut row) => json!({"seq": row.take::<u64>(0)?, "hash": row.take::<String>(1)?}),
            None => json!(null),
        };
        // It stands above nobody, so what it may read is gone; whatever is left was forged.
        let stray = "DELETE FROM tenant_grants WHERE reader_id = ?1 AND tenant_id <> ?1";
        self.execute(stray, values![tenant]).await?;
        let mut total = 0;
        for table in tables {
            let sql = format!("DELETE FROM {table} WHERE tenant_id = ?1");
            let deleted = self.execute(&sql, values![tenant]).await?;
            *rows.entry(table.clone()).or_default() += deleted;
            total += deleted;
        }
        self.audit("tenant.deleted", tenant, json!({"rows": total, "chain": chain})).await
    }
}

impl Admin {
    /// Deletes a tenant with everything of it in every table, in one transaction. The chain of the
    /// administrators keeps the tenant's id, the number of rows, and where the tenant's chain ended.
    ///
    /// With `erase`, the files are then written anew as [`Admin::erase_deleted`] does it. If that
    /// fails, the tenant is deleted all the same, and `files` says what is left to do.
    ///
    /// # Errors
    /// [`crate::Code::TenantNotFound`]; [`crate::Code::InvalidArgument`] when tenants stand below it
    /// and `children` is not given.
    pub async fn delete_tenant(&self, id: &str, options: DeletionOptions) -> Result<Deletion> {
        let id = tenant_id(id)?;
        let children = options.children;
        let mut deletion = self
            .transact(move |tx| Box::pin(async move { tx.delete(&id, children).await }))
            .await?;
        if options.erase {
            deletion.files = match self.erase_deleted().await {
                Ok(files) => files,
                Err(error) => vec![erasure::failed(self, &error)],
            };
        }
        Ok(deletion)
    }
}
