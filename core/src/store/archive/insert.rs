//! Rows of an archive into the store.

use super::line::vector_text;
use super::source::{Batch, Source};
use super::tables::{CHUNKS, TENANT, Table, VECTORS};
use super::walk::value;
use crate::error::Result;
use crate::store::tx::{Cell, Dialect, Tx, Value, values};
use crate::store::words::Tokens;

/// Writes the tenant itself.
pub(super) async fn tenant(tx: &mut Tx<'_>, source: &Source, cells: &[Cell]) -> Result<()> {
    refuse_nul(tx, source, &TENANT, 1, [cells])?;
    let (columns, values): (Vec<_>, Vec<_>) = TENANT
        .columns
        .iter()
        .zip(cells)
        .filter(|(column, _)| column.name != "tenant_id")
        .map(|(column, cell)| (column.name, value(cell)))
        .unzip();
    tx.insert(TENANT.name, &columns, &[values], false).await?;
    Ok(())
}

/// Writes rows of one table.
pub(super) async fn rows(tx: &mut Tx<'_>, source: &Source, batch: &Batch) -> Result<()> {
    let Batch { table, rows, line } = batch;
    refuse_nul(tx, source, table, *line, rows.iter().map(Vec::as_slice))?;
    if table.name == VECTORS {
        return vectors(tx, source, batch).await;
    }
    refuse_orphans(tx, source, batch).await?;
    let mut columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    let made = words(tx, batch);
    let mut rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(value).collect()).collect();
    if !made.is_empty() {
        columns.extend(["words", "length"]);
    }
    for (row, (words, length)) in rows.iter_mut().zip(&made) {
        row.extend_from_slice(values![words, *length]);
    }
    tx.insert(table.name, &columns, &rows, false).await?;
    Ok(())
}

/// The words of passages: they follow from the text, so an archive has none. None for rows of other
/// tables, and on PostgreSQL, which makes them itself.
fn words(tx: &Tx<'_>, batch: &Batch) -> Vec<(String, usize)> {
    let place = |column: &str| batch.table.position(column);
    if tx.dialect() != Dialect::Sqlite || batch.table.name != CHUNKS {
        return Vec::new();
    }
    let (Some(collection), Some(text)) = (place("collection"), place("text")) else {
        return Vec::new();
    };
    let mut last: Option<(&str, Tokens)> = None;
    let mut made = Vec::new();
    for row in &batch.rows {
        let [name, text] = [collection, text].map(|place| text_of(row, place));
        // Those of one collection follow each other.
        let tokens = match last.take() {
            Some((last, tokens)) if last == name => tokens,
            _ => Tokens::new(tx.tenant(), name),
        };
        made.push(tokens.of_passage(text));
        last = Some((name, tokens));
    }
    made
}

fn text_of(row: &[Cell], place: usize) -> &str {
    if let Cell::Text(text) = &row[place] { text } else { "" }
}

/// The line of a row of a batch.
fn line_of(batch: &Batch, row: usize) -> u64 {
    batch.line + row as u64
}

/// PostgreSQL has no text with a NUL in it.
fn refuse_nul<'r>(
    tx: &Tx<'_>,
    source: &Source,
    table: &Table,
    line: u64,
    rows: impl IntoIterator<Item = &'r [Cell]>,
) -> Result<()> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for (row, line) in rows.into_iter().zip(line..) {
        let nul = |cell: &Cell| matches!(cell, Cell::Text(text) if text.contains('\0'));
        if let Some(column) = row.iter().position(nul) {
            let what = format!(
                "{}.{} has a NUL character, which PostgreSQL does not keep",
                table.name, table.columns[column].name
            );
            return Err(source
                .invalid(line, what)
                .hint("remove it from the tenant, or take the tenant into an SQLite file"));
        }
    }
    Ok(())
}

/// Refuses rows that belong to a row which is not there.
async fn refuse_orphans(tx: &mut Tx<'_>, source: &Source, batch: &Batch) -> Result<()> {
    let Some((parent, columns)) = batch.table.parent else { return Ok(()) };
    let places: Vec<_> = columns.iter().filter_map(|(own, _)| batch.table.position(own)).collect();
    let conditions: Vec<_> = (2..)
        .zip(columns)
        .map(|(n, (_, theirs))| match tx.dialect() {
            Dialect::Sqlite => format!("p.{theirs} = ?{n}"),
            Dialect::Postgres => format!("p.{theirs} = n.c{n}"),
        })
        .collect();
    let found =
        format!("SELECT 1 FROM {parent} p WHERE p.tenant_id = ?1 AND {}", conditions.join(" AND "));
    let orphan = match tx.dialect() {
        Dialect::Sqlite => sqlite_orphan(tx, &found, &places, &batch.rows).await?,
        Dialect::Postgres => {
            let arrays: Vec<_> =
                (2..2 + places.len()).map(|n| format!("CAST(?{n} AS text[])")).collect();
            let names: Vec<_> = (2..2 + places.len()).map(|n| format!("c{n}")).collect();
            let sql = format!(
                "SELECT n.row - 1 FROM unnest({}) WITH ORDINALITY AS n ({}, row)
                 WHERE NOT EXISTS ({found}) ORDER BY n.row LIMIT 1",
                arrays.join(", "),
                names.join(", ")
            );
            let keys: Vec<_> = places.iter().map(|place| texts(&batch.rows, *place)).collect();
            let values: Vec<_> = keys.iter().map(|keys| Value::Texts(keys)).collect();
            let row = tx.row(&sql, &values).await?;
            row.map(|mut row| row.take::<u32>(0)).transpose()?.map(|row| row as usize)
        }
    };
    orphan.map_or(Ok(()), |row| {
        let what = format!("a row of {} that belongs to none of {parent}", batch.table.name);
        Err(source.invalid(line_of(batch, row), what))
    })
}

/// The first row without a parent. Those of one parent follow each other.
async fn sqlite_orphan(
    tx: &mut Tx<'_>,
    found: &str,
    places: &[usize],
    rows: &[Vec<Cell>],
) -> Result<Option<usize>> {
    let mut last: Option<&Vec<Cell>> = None;
    for (i, row) in rows.iter().enumerate() {
        let same = last.is_some_and(|last| places.iter().all(|place| last[*place] == row[*place]));
        let key: Vec<_> = places.iter().map(|place| value(&row[*place])).collect();
        if !same && tx.row(found, &key).await?.is_none() {
            return Ok(Some(i));
        }
        last = Some(row);
    }
    Ok(None)
}

fn texts(rows: &[Vec<Cell>], place: usize) -> Vec<String> {
    rows.iter().map(|row| text_of(row, place).to_owned()).collect()
}

/// Writes vectors, each to the passage that is named.
async fn vectors(tx: &mut Tx<'_>, source: &Source, batch: &Batch) -> Result<()> {
    const PASSAGE: &str = "c.tenant_id = ?1 AND c.collection = {c} AND c.source = {s}
         AND c.ordinal = {o}";
    let place = |column: &str| batch.table.position(column).unwrap_or_default();
    let (collection, model, source_of) = (place("collection"), place("model"), place("source"));
    let (ordinal, vector) = (place("ordinal"), place("vector"));
    let passage =
        |c: &str, s: &str, o: &str| PASSAGE.replace("{c}", c).replace("{s}", s).replace("{o}", o);
    let into = "INSERT INTO vectors (tenant_id, collection, model, chunk_id, vector)";
    let orphan = match tx.dialect() {
        Dialect::Sqlite => {
            let sql = format!(
                "{into} SELECT ?1, ?2, ?3, c.id, ?6 FROM chunks c WHERE {}",
                passage("?2", "?4", "?5")
            );
            let mut orphan = None;
            for (i, row) in batch.rows.iter().enumerate() {
                let values =
                    [collection, model, source_of, ordinal, vector].map(|place| value(&row[place]));
                if tx.execute(&sql, &values).await? != 1 {
                    orphan = Some(i);
                    break;
                }
            }
            orphan
        }
        Dialect::Postgres => {
            let sql = format!(
                "{into} SELECT ?1, n.collection, n.model, c.id, CAST(n.vector AS vector)
                 FROM unnest(CAST(?2 AS text[]), CAST(?3 AS text[]), CAST(?4 AS text[]),
                     CAST(?5 AS bigint[]), CAST(?6 AS text[]))
                     AS n (collection, model, source, ordinal, vector)
                 JOIN chunks c ON {}",
                passage("n.collection", "n.source", "n.ordinal")
            );
            let names = [collection, model, source_of].map(|place| texts(&batch.rows, place));
            let ordinals: Vec<i64> = batch
                .rows
                .iter()
                .map(|row| if let Cell::Int(number) = row[ordinal] { number } else { 0 })
                .collect();
            let vectors: Vec<String> = batch
                .rows
                .iter()
                .map(|row| {
                    if let Cell::Vector(v) = &row[vector] { vector_text(v) } else { String::new() }
                })
                .collect();
            let values = values![&*names[0], &*names[1], &*names[2], &*ordinals, &*vectors];
            let written = tx.execute(&sql, values).await?;
            if written == batch.rows.len() as u64 {
                None
            } else {
                let known = format!("SELECT 1 FROM chunks c WHERE {}", passage("?2", "?3", "?4"));
                sqlite_orphan(tx, &known, &[collection, source_of, ordinal], &batch.rows).await?
            }
        }
    };
    orphan.map_or(Ok(()), |row| {
        Err(source.invalid(line_of(batch, row), "a vector of a passage that is not there"))
    })
}

/// Counts what the tenant has. The events of a run that has not ended are counted when it ends.
pub(super) async fn totals(tx: &mut Tx<'_>) -> Result<()> {
    let vector = match tx.dialect() {
        Dialect::Sqlite => "octet_length(v.vector)",
        Dialect::Postgres => "4 * vector_dims(v.vector)",
    };
    let sql = format!(
        "INSERT INTO usage_totals (tenant_id, specs, documents, vectors, bytes)
         SELECT ?1,
             (SELECT count(*) FROM spec_versions s WHERE s.tenant_id = ?1),
             (SELECT count(*) FROM documents d WHERE d.tenant_id = ?1),
             (SELECT count(*) FROM vectors v WHERE v.tenant_id = ?1),
             CAST(
                 (SELECT coalesce(sum(octet_length(s.text)), 0) FROM spec_versions s
                     WHERE s.tenant_id = ?1)
                 + (SELECT coalesce(sum(d.bytes), 0) FROM documents d WHERE d.tenant_id = ?1)
                 + (SELECT coalesce(sum({vector}), 0) FROM vectors v WHERE v.tenant_id = ?1)
                 + (SELECT coalesce(sum(octet_length(e.body)), 0) FROM runs r
                     JOIN run_events e ON e.tenant_id = r.tenant_id AND e.run_id = r.run_id
                     WHERE r.tenant_id = ?1 AND r.status <> 'running')
             AS BIGINT)"
    );
    tx.execute(&sql, &[]).await?;
    Ok(())
}
