//! Collections, documents, their passages and vectors.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::TenantStore;
use crate::error::Result;

/// A document to be taken in.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// Path or other name, unique in the collection.
    pub source: String,
    /// For people.
    pub title: String,
    /// Of the content: what is unchanged is not taken in again.
    pub hash: Vec<u8>,
    /// Size of the content.
    pub bytes: u64,
    /// The passages, in order.
    pub chunks: Vec<NewChunk>,
}

/// A passage to be taken in.
#[derive(Clone, Debug)]
pub struct NewChunk {
    /// The text.
    pub text: String,
    /// The line of the document on which it begins, from 1.
    pub start_line: u32,
}

/// A passage as it is kept.
#[derive(Clone, Debug)]
pub struct StoredChunk {
    /// Its row; means nothing outside of this store.
    pub id: i64,
    /// The document.
    pub source: String,
    /// The document's title.
    pub title: String,
    /// Which passage of the document, from 0.
    pub ordinal: u32,
    /// The line on which it begins, from 1.
    pub start_line: u32,
    /// The text.
    pub text: String,
}

/// A document of a collection.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DocumentRecord {
    /// Path or other name.
    pub source: String,
    /// For people.
    pub title: String,
    /// Number of passages.
    pub chunks: u64,
    /// Size of the content.
    pub bytes: u64,
}

const CHUNK_COLUMNS: &str = "c.id, c.source, d.title, c.ordinal, c.start_line, c.text";
const CHUNK_JOIN: &str = "JOIN documents d ON d.tenant_id = c.tenant_id \
     AND d.collection = c.collection AND d.source = c.source";

fn chunk_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredChunk> {
    Ok(StoredChunk {
        id: row.get(0)?,
        source: row.get(1)?,
        title: row.get(2)?,
        ordinal: row.get(3)?,
        start_line: row.get(4)?,
        text: row.get(5)?,
    })
}

impl TenantStore {
    /// Whether something was ever put into a collection.
    pub async fn has_collection(&self, name: &str) -> Result<bool> {
        let (tenant, name) = (self.tenant.clone(), name.to_owned());
        self.database()?
            .read(move |connection| {
                connection
                    .prepare_cached("SELECT 1 FROM collections WHERE tenant_id = ?1 AND name = ?2")?
                    .exists(params![&*tenant, name])
            })
            .await
    }

    /// The content hash of every document of a collection, by source.
    pub async fn document_hashes(&self, collection: &str) -> Result<HashMap<String, Vec<u8>>> {
        let (tenant, collection) = (self.tenant.clone(), collection.to_owned());
        self.database()?
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT source, hash FROM documents
                         WHERE tenant_id = ?1 AND collection = ?2",
                    )?
                    .query_map(params![&*tenant, collection], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .await
    }

    /// Takes documents in, replacing those of the same source, and removes others: all or nothing.
    pub async fn put_documents(
        &self,
        collection: &str,
        documents: Vec<NewDocument>,
        remove: Vec<String>,
    ) -> Result<()> {
        let (tenant, collection) = (self.tenant.clone(), collection.to_owned());
        self.database()?
            .write(move |transaction| {
                transaction
                    .prepare_cached(
                        "INSERT INTO collections (tenant_id, name) VALUES (?1, ?2)
                         ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![&*tenant, collection])?;
                for source in &remove {
                    delete(transaction, &tenant, &collection, source)?;
                }
                for document in &documents {
                    delete(transaction, &tenant, &collection, &document.source)?;
                    insert(transaction, &tenant, &collection, document)?;
                }
                Ok(())
            })
            .await
    }

    /// The documents of a collection, by source. Empty for a collection that does not exist.
    pub async fn documents(&self, collection: &str) -> Result<Vec<DocumentRecord>> {
        let (tenant, collection) = (self.tenant.clone(), collection.to_owned());
        self.database()?
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT source, title, bytes,
                             (SELECT count(*) FROM chunks c WHERE c.tenant_id = d.tenant_id
                                 AND c.collection = d.collection AND c.source = d.source)
                         FROM documents d WHERE tenant_id = ?1 AND collection = ?2 ORDER BY source",
                    )?
                    .query_map(params![&*tenant, collection], |row| {
                        Ok(DocumentRecord {
                            source: row.get(0)?,
                            title: row.get(1)?,
                            bytes: row.get(2)?,
                            chunks: row.get(3)?,
                        })
                    })?
                    .collect()
            })
            .await
    }

    /// The passages that match an FTS5 expression, best first (BM25).
    pub async fn search_text(
        &self,
        collection: &str,
        expression: String,
        limit: u32,
    ) -> Result<Vec<(StoredChunk, f64)>> {
        let (tenant, collection) = (self.tenant.clone(), collection.to_owned());
        self.database()?
            .read(move |connection| {
                connection
                    .prepare_cached(&format!(
                        "SELECT {CHUNK_COLUMNS}, -bm25(chunk_text)
                         FROM chunk_text JOIN chunks c ON c.id = chunk_text.rowid {CHUNK_JOIN}
                         WHERE chunk_text MATCH ?3 AND c.tenant_id = ?1 AND c.collection = ?2
                         ORDER BY bm25(chunk_text), c.id LIMIT ?4"
                    ))?
                    .query_map(params![&*tenant, collection, expression, limit], |row| {
                        Ok((chunk_of(row)?, row.get(6)?))
                    })?
                    .collect()
            })
            .await
    }

    /// Passages of a collection that have no vector of this model yet: at most `limit`.
    pub async fn chunks_without_vector(
        &self,
        collection: &str,
        model: &str,
        limit: u32,
    ) -> Result<Vec<(i64, String)>> {
        let tenant = self.tenant.clone();
        let (collection, model) = (collection.to_owned(), model.to_owned());
        self.database()?
            .read(move |connection| {
                connection
                    .prepare_cached(
                        "SELECT c.id, c.text FROM chunks c
                         WHERE c.tenant_id = ?1 AND c.collection = ?2 AND NOT EXISTS (
                             SELECT 1 FROM vectors v WHERE v.tenant_id = ?1 AND v.collection = ?2
                                 AND v.model = ?3 AND v.chunk_id = c.id)
                         ORDER BY c.id LIMIT ?4",
                    )?
                    .query_map(params![&*tenant, collection, model, limit], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .await
    }

    /// Keeps vectors (little-endian `f32`) of passages. Passages that are gone are passed over.
    pub async fn put_vectors(
        &self,
        collection: &str,
        model: &str,
        vectors: Vec<(i64, Vec<f32>)>,
    ) -> Result<()> {
        let tenant = self.tenant.clone();
        let (collection, model) = (collection.to_owned(), model.to_owned());
        self.database()?
            .write(move |transaction| {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO vectors (tenant_id, collection, model, chunk_id, vector)
                     SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (
                         SELECT 1 FROM chunks WHERE id = ?4 AND tenant_id = ?1 AND collection = ?2)",
                )?;
                for (chunk, vector) in &vectors {
                    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                    insert.execute(params![&*tenant, collection, model, chunk, bytes])?;
                }
                Ok(())
            })
            .await
    }

    /// The passages nearest to a vector by inner product, best first: an exact scan.
    pub async fn search_vectors(
        &self,
        collection: &str,
        model: &str,
        query: Vec<f32>,
        limit: u32,
    ) -> Result<Vec<(StoredChunk, f64)>> {
        let tenant = self.tenant.clone();
        let (collection, model) = (collection.to_owned(), model.to_owned());
        self.database()?
            .read(move |connection| {
                let mut best: Vec<(f64, i64)> = connection
                    .prepare_cached(
                        "SELECT chunk_id, vector FROM vectors
                         WHERE tenant_id = ?1 AND collection = ?2 AND model = ?3",
                    )?
                    .query_map(params![&*tenant, collection, model], |row| {
                        let bytes = row.get_ref(1)?.as_blob()?;
                        Ok((inner_product(&query, bytes), row.get(0)?))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                // Vectors of another size than the query's cannot be compared, and are not found.
                best.retain(|(score, _)| score.is_finite());
                best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                best.truncate(limit as usize);
                let mut select = connection.prepare_cached(&format!(
                    "SELECT {CHUNK_COLUMNS} FROM chunks c {CHUNK_JOIN}
                     WHERE c.tenant_id = ?1 AND c.id = ?2"
                ))?;
                let mut found = Vec::with_capacity(best.len());
                for (score, id) in best {
                    if let Some(chunk) =
                        select.query_row(params![&*tenant, id], chunk_of).optional()?
                    {
                        found.push((chunk, score));
                    }
                }
                Ok(found)
            })
            .await
    }
}

/// A vector of another length than the query's counts as far away.
fn inner_product(query: &[f32], bytes: &[u8]) -> f64 {
    if bytes.len() != query.len() * 4 {
        return f64::NEG_INFINITY;
    }
    let vector = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    f64::from(query.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>())
}

fn delete(
    transaction: &Transaction<'_>,
    tenant: &str,
    collection: &str,
    source: &str,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM documents WHERE tenant_id = ?1 AND collection = ?2 AND source = ?3",
        )?
        .execute(params![tenant, collection, source])?;
    Ok(())
}

fn insert(
    transaction: &Transaction<'_>,
    tenant: &str,
    collection: &str,
    document: &NewDocument,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO documents (tenant_id, collection, source, title, hash, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            tenant,
            collection,
            document.source,
            document.title,
            document.hash,
            document.bytes
        ])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO chunks (tenant_id, collection, source, ordinal, start_line, text)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (ordinal, chunk) in document.chunks.iter().enumerate() {
        insert.execute(params![
            tenant,
            collection,
            document.source,
            ordinal,
            chunk.start_line,
            chunk.text
        ])?;
    }
    Ok(())
}
