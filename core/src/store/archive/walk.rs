//! A walk over everything that a tenant has, in the order of an archive.

use super::digest::{Digests, Sum};
use super::line;
use super::tables::{TABLES, TENANT, Table, VECTORS};
use crate::error::Result;
use crate::store::access;
use crate::store::tx::{Cell, Row, Tx, Value};

/// Rows that are read at once at most.
const PAGE_ROWS: u64 = 500;
/// Bytes that are read at once at most, if it is more than one row.
const PAGE_BYTES: u64 = 1024 * 1024;

/// Where the lines go.
pub(super) type Out<'o> = &'o mut (dyn FnMut(&str) -> Result<()> + Send);

/// Gives the lines of the tenant and its tables to `out`, and what they add up to. What is held at
/// a time is one page.
pub(super) async fn walk(tx: &mut Tx<'_>, out: Out<'_>) -> Result<Digests> {
    let tenant = tenant_line(tx).await?;
    out(&tenant)?;
    let mut digests = Digests::from([(TENANT.name.to_owned(), Sum::of(&tenant))]);
    for table in TABLES {
        let mut sum = Sum::new();
        let mut last = None;
        loop {
            let page = page(tx, table, last.as_ref()).await?;
            if page.is_empty() {
                break;
            }
            tokio::task::block_in_place(|| -> Result<()> {
                for cells in &page {
                    let line = line::of_row(table, cells)?;
                    sum.add(&line);
                    out(&line)?;
                }
                Ok(())
            })?;
            last = page.into_iter().next_back();
        }
        digests.insert(table.name.to_owned(), sum.digest());
    }
    Ok(digests)
}

async fn tenant_line(tx: &mut Tx<'_>) -> Result<String> {
    let columns = columns(&TENANT, tx);
    let sql = format!("SELECT {columns} FROM tenants WHERE tenant_id = ?1");
    let Some(row) = tx.row(&sql, &[]).await? else { return Err(access::not_found(tx.tenant())) };
    line::of_tenant(&cells(&TENANT, row)?)
}

fn columns(table: &Table, tx: &Tx<'_>) -> String {
    let expressions: Vec<_> =
        table.columns.iter().map(|column| table.expression(column.name, tx.dialect())).collect();
    expressions.join(", ")
}

fn cells(table: &Table, mut row: Row) -> Result<Vec<Cell>> {
    (0..table.columns.len()).map(|i| row.take(i)).collect()
}

/// The rows behind `last`: as many as fit, and at least one if there is one. Their sizes are asked
/// for first, which reads none of their long texts.
async fn page(
    tx: &mut Tx<'_>,
    table: &'static Table,
    last: Option<&Vec<Cell>>,
) -> Result<Vec<Vec<Cell>>> {
    let dialect = tx.dialect();
    let (tables, bound) = table.origin();
    let key: Vec<_> = table.key.iter().map(|column| table.expression(column, dialect)).collect();
    let (behind, values) = match last {
        Some(last) => (behind(table, &key), key_values(table, last)),
        None => (String::new(), Vec::new()),
    };
    let rest = format!("FROM {tables} WHERE {bound}{behind} ORDER BY {}", key.join(", "));
    let sizes = format!("SELECT {} {rest} LIMIT {PAGE_ROWS}", table.size(dialect));
    let mut bytes = 0;
    let mut rows = 0;
    for mut row in tx.rows(&sizes, &values).await? {
        bytes += row.take::<u64>(0)?;
        if rows > 0 && bytes > PAGE_BYTES {
            break;
        }
        rows += 1;
    }
    if rows == 0 {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {} {rest} LIMIT {rows}", columns(table, tx));
    tx.rows(&sql, &values).await?.into_iter().map(|row| cells(table, row)).collect()
}

/// The condition for the rows behind one, which lets both databases begin there in the key.
fn behind(table: &Table, key: &[String]) -> String {
    let compare = |columns: usize, how: &str| {
        let places: Vec<_> = (2..2 + columns).map(|n| format!("?{n}")).collect();
        format!(" AND ({}) {how} ({})", key[..columns].join(", "), places.join(", "))
    };
    let whole = compare(key.len(), ">");
    if table.name != VECTORS {
        return whole;
    }
    // The last column of this key is one of the other table.
    compare(key.len() - 1, ">=") + &whole
}

fn key_values<'r>(table: &'static Table, row: &'r [Cell]) -> Vec<Value<'r>> {
    table.key_positions().map(|i| value(&row[i])).collect()
}

/// A cell as a value of a statement.
pub(super) fn value(cell: &Cell) -> Value<'_> {
    match cell {
        Cell::Null => Value::Null,
        Cell::Int(number) => Value::Int(*number),
        Cell::Real(number) => Value::Real(*number),
        Cell::Text(text) => Value::Text(text),
        Cell::Blob(bytes) => Value::Blob(bytes),
        Cell::Vector(vector) => Value::Vector(vector),
    }
}
