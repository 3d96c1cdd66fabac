//! A tenant out of a file.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tokio::task::block_in_place;

use super::digest::{Digests, Sum};
use super::source::{Batch, Source};
use super::tables::{AUDIT, GRANTS, TABLES, TENANT, Table};
use super::{ArchiveReport, insert, line, walk};
use crate::error::{Code, Error, Result};
use crate::spec::canonical;
use crate::store::admin::AdminTx;
use crate::store::audit::Act;
use crate::store::tx::{Cell, Dialect, FromCell as _};
use crate::store::{Admin, tenant_id};

/// How a tenant is taken in.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Another id than the archive's. The audit log of the tenant then begins anew, because every
    /// hash in it is over the old id; its first entry notes where the old one ended.
    pub as_id: Option<String>,
    /// The tenant above it.
    pub parent: ImportParent,
    /// Keeps the providers of its configuration. Their keys may be named by variables and files of
    /// this machine, and go to the addresses beside them: so only for an archive whose maker may have
    /// them. Default: false.
    pub providers: bool,
}

/// Which tenant is above one that is taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImportParent {
    /// The one of the archive if it is there, or else none.
    #[default]
    Archived,
    /// None.
    None,
    /// This one, which must be there.
    Tenant(String),
}

/// What an archive has and the store does not have now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum LeftOut {
    /// The tenant above it, because it is not there or another one was wished.
    Parent {
        /// The one of the archive.
        tenant_id: String,
    },
    /// The providers of its configuration, because they were not to be kept.
    Providers {
        /// Their names.
        names: Vec<String>,
    },
    /// A right to read, because its holder is not above the tenant here.
    Grant {
        /// The holder.
        reader_id: String,
    },
    /// The audit log, because the tenant has another id now.
    AuditLog {
        /// The last entry.
        seq: u64,
        /// Its hash.
        hash: String,
    },
}

impl Admin {
    /// Takes a tenant in from a file that [`Admin::export_tenant`] wrote, in one transaction: all of it
    /// or nothing. Before it is committed, what was written is read back and compared. Grants stay only
    /// with those who are above the tenant here.
    ///
    /// The tenant must not exist. On SQLite, where opening a kernel makes one, it may if it never had
    /// anything.
    ///
    /// # Errors
    /// [`Code::ArchiveInvalid`] with the line; [`Code::TenantExists`];
    /// [`Code::TenantNotFound`] for a parent that is not there; [`Code::TenantInvalid`];
    /// [`Code::FileNotFound`], [`Code::FileUnreadable`].
    pub async fn import_tenant(
        &self,
        path: &Path,
        options: ImportOptions,
    ) -> Result<ArchiveReport> {
        let as_id = options.as_id.as_deref().map(tenant_id).transpose()?;
        if let ImportParent::Tenant(parent) = &options.parent {
            tenant_id(parent)?;
        }
        let path = path.to_owned();
        self.transact(move |tx| {
            Box::pin(async move {
                let mut source = block_in_place(|| Source::open(&path))?;
                let tenant = block_in_place(|| source.tenant())?;
                take_in(tx, &mut source, tenant, as_id, &options).await
            })
        })
        .await
    }
}

async fn take_in(
    tx: &mut AdminTx<'_>,
    source: &mut Source,
    mut tenant: Vec<Cell>,
    as_id: Option<Arc<str>>,
    options: &ImportOptions,
) -> Result<ArchiveReport> {
    let old = text(&TENANT, &tenant, "tenant_id").unwrap_or_default();
    let old = tenant_id(&old).map_err(|error| source.invalid(1, error.message()))?;
    let id = as_id.unwrap_or_else(|| old.clone());
    let renamed = id != old;
    claim(tx, &id).await?;

    let mut changes = Changes::default();
    place(tx, &mut tenant, &options.parent, &mut changes).await?;
    if !options.providers {
        forget_providers(&mut tenant, &mut changes);
    }
    set(&mut tenant, "tenant_id", Cell::Text(id.as_ref().to_owned()));
    insert::tenant(&mut tx.of(&id), source, &tenant).await?;
    let above = tx.above(&id).await?;
    if renamed {
        changes.alter(TENANT.name);
        changes.alter(AUDIT);
    }

    let mut grants = Sum::new();
    let mut head = None;
    while let Some(mut batch) = block_in_place(|| source.batch())? {
        match batch.table.name {
            GRANTS => {
                keep_granted(&mut batch, &above, &mut changes);
                for row in &batch.rows {
                    grants.add(&line::of_row(batch.table, row)?);
                }
            }
            AUDIT if renamed => {
                head = batch.rows.pop().map(|row| head_of(batch.table, &row));
                continue;
            }
            _ => {}
        }
        insert::rows(&mut tx.of(&id), source, &batch).await?;
    }

    insert::totals(&mut tx.of(&id)).await?;
    let mut expected = source.digests().clone();
    expected.insert(TENANT.name.into(), Sum::of(&line::of_tenant(&tenant)?));
    expected.insert(GRANTS.into(), grants.digest());
    if renamed {
        begin_log(tx, &id, &old, head.as_ref()).await?;
        expected.remove(AUDIT);
        changes.left_out.extend(head.map(|(seq, hash)| LeftOut::AuditLog { seq, hash }));
    }
    let tables = compare(tx, &id, &expected).await?;
    let detail = json!({
        "bytes": source.bytes(),
        "from": &*old,
        "rows": tables.values().map(|table| table.rows).sum::<u64>(),
    });
    tx.audit("tenant.imported", &id, detail).await?;
    Ok(ArchiveReport {
        tenant: id.as_ref().to_owned(),
        tables,
        bytes: source.bytes(),
        altered: changes.altered,
        left_out: changes.left_out,
    })
}

/// What will not be as it is in the archive.
#[derive(Default)]
struct Changes {
    altered: Vec<String>,
    left_out: Vec<LeftOut>,
}

impl Changes {
    fn alter(&mut self, table: &str) {
        if !self.altered.iter().any(|known| known == table) {
            self.altered.push(table.to_owned());
        }
    }
}

fn text(table: &Table, cells: &[Cell], column: &str) -> Option<String> {
    String::from_cell(cells.get(table.position(column)?)?.clone())
}

fn set(tenant: &mut [Cell], column: &str, cell: Cell) {
    if let Some(place) = TENANT.position(column).and_then(|i| tenant.get_mut(i)) {
        *place = cell;
    }
}

/// Takes the providers out of a tenant's configuration.
fn forget_providers(tenant: &mut [Cell], changes: &mut Changes) {
    let config = text(&TENANT, tenant, "config").unwrap_or_default();
    let Ok(mut config) = serde_json::from_str::<serde_json::Value>(&config) else { return };
    let Some(providers) = config.as_object_mut().and_then(|c| c.shift_remove("providers")) else {
        return;
    };
    let names = providers.as_object().map(|p| p.keys().cloned().collect()).unwrap_or_default();
    set(tenant, "config", Cell::Text(canonical(&config)));
    changes.alter(TENANT.name);
    changes.left_out.push(LeftOut::Providers { names });
}

/// Sees that the id is free. What opening a kernel made on SQLite, and nobody used, goes.
async fn claim(tx: &mut AdminTx<'_>, id: &str) -> Result<()> {
    let mut tx = tx.of(id);
    let used: Vec<_> = TABLES
        .iter()
        .map(|table| table.name)
        .chain(["usage_totals"])
        .map(|table| format!("EXISTS (SELECT 1 FROM {table} x WHERE x.tenant_id = ?1)"))
        .collect();
    let sql = format!("SELECT 1 WHERE {}", used.join(" OR "));
    let used = tx.row(&sql, &[]).await?.is_some();
    let known = tx.row("SELECT 1 FROM tenants WHERE tenant_id = ?1", &[]).await?.is_some();
    if !used && !known {
        return Ok(());
    }
    let bare = "DELETE FROM tenants WHERE tenant_id = ?1 AND status = 'active' AND config = '{}'
         AND parent_id IS NULL AND kind IS NULL AND name IS NULL
         AND NOT EXISTS (SELECT 1 FROM tenants c WHERE c.parent_id = ?1)
         AND NOT EXISTS (SELECT 1 FROM tenant_grants g WHERE g.reader_id = ?1)";
    if !used && tx.dialect() == Dialect::Sqlite && tx.execute(bare, &[]).await? == 1 {
        return Ok(());
    }
    let message = match known {
        true => format!("there is a tenant {id:?} already"),
        false => format!("there still is something of a former tenant {id:?}"),
    };
    Err(Error::new(Code::TenantExists, message)
        .hint("take it in under another id, or delete that one first"))
}

/// Decides about the parent.
async fn place(
    tx: &mut AdminTx<'_>,
    tenant: &mut [Cell],
    wished: &ImportParent,
    changes: &mut Changes,
) -> Result<()> {
    let archived = text(&TENANT, tenant, "parent_id");
    let parent = match (wished, &archived) {
        (ImportParent::Tenant(parent), _) => Some(parent.clone()),
        (ImportParent::Archived, Some(parent)) => {
            let sql = "SELECT 1 FROM tenants WHERE tenant_id = ?1";
            tx.of(parent).row(sql, &[]).await?.map(|_| parent.clone())
        }
        (ImportParent::Archived, None) | (ImportParent::None, _) => None,
    };
    if let Some(parent) = &parent {
        tx.check_parent(parent, 1).await?;
    }
    if parent != archived {
        changes.alter(TENANT.name);
        changes.left_out.extend(archived.map(|tenant_id| LeftOut::Parent { tenant_id }));
        set(tenant, "parent_id", parent.map_or(Cell::Null, Cell::Text));
    }
    Ok(())
}

/// Takes those grants away whose holders are not above the tenant.
fn keep_granted(batch: &mut Batch, above: &[String], changes: &mut Changes) {
    let table = batch.table;
    batch.rows.retain(|row| {
        let reader = text(table, row, "reader_id").unwrap_or_default();
        let kept = above.contains(&reader);
        if !kept {
            changes.alter(GRANTS);
            changes.left_out.push(LeftOut::Grant { reader_id: reader });
        }
        kept
    });
}

/// Number and hash of an entry of the audit log.
fn head_of(table: &Table, row: &[Cell]) -> (u64, String) {
    let seq = table.position("seq").and_then(|i| u64::from_cell(row[i].clone()));
    (seq.unwrap_or_default(), text(table, row, "hash").unwrap_or_default())
}

/// Begins the audit log of a tenant that has another id now.
async fn begin_log(
    tx: &mut AdminTx<'_>,
    id: &str,
    old: &str,
    head: Option<&(u64, String)>,
) -> Result<()> {
    let actor = tx.actor.clone();
    let head = head.map(|(seq, hash)| json!({"hash": hash, "seq": seq}));
    let detail = json!({"from": old, "head": head});
    let act = Act { actor: Some(&actor), action: "tenant.imported", object: id, detail };
    tx.of(id).audit(act).await
}

/// Reads back what was written.
async fn compare(tx: &mut AdminTx<'_>, id: &str, expected: &Digests) -> Result<Digests> {
    let found = walk::walk(&mut tx.of(id), &mut |_| Ok(())).await?;
    match expected.iter().find(|(name, digest)| found.get(*name) != Some(digest)) {
        None => Ok(found),
        Some((name, _)) => {
            let message =
                format!("the rows of {name} do not come out of the store as they went in");
            Err(Error::new(Code::StoreCorrupt, message)
                .hint("nothing was taken in; please report this"))
        }
    }
}
