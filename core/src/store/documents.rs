//! Collections, documents, their passages and vectors.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::audit::Act;
use super::sqlite::store_error;
use super::tx::{Connection, Dialect, Row, Tx, values};
use super::usage::{self, Delta};
use super::words::Tokens;
use super::{Lock, TenantStore, keywords};
use crate::error::{Code, Error, Result};

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

/// Documents, and bytes of them, that are written by one statement: no message to PostgreSQL may have
/// more than 1 GiB.
const INSERT_STEP: usize = 200;
const INSERT_BYTES: u64 = 32 * 1024 * 1024;

const INSERT_VECTOR: &str = "INSERT INTO vectors (tenant_id, collection, model, chunk_id, vector)
     SELECT ?1, ?2, ?3, c.id, ?5 FROM chunks c
         WHERE c.tenant_id = ?1 AND c.collection = ?2 AND c.id = ?4
     ON CONFLICT DO NOTHING";
const INSERT_VECTORS: &str = "INSERT INTO vectors (tenant_id, collection, model, chunk_id, vector)
     SELECT ?1, ?2, ?3, c.id, CAST(n.vector AS vector)
     FROM unnest(CAST(?4 AS bigint[]), CAST(?5 AS text[])) AS n (id, vector)
     JOIN chunks c ON c.tenant_id = ?1 AND c.collection = ?2 AND c.id = n.id
     ON CONFLICT DO NOTHING";

/// A vector as pgvector reads it. The shortest text of a number is read back as the same number.
fn vector_text(vector: &[f32]) -> String {
    let numbers: Vec<_> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn chunk_of(row: &mut Row) -> Result<StoredChunk> {
    Ok(StoredChunk {
        id: row.take(0)?,
        source: row.take(1)?,
        title: row.take(2)?,
        ordinal: row.take(3)?,
        start_line: row.take(4)?,
        text: row.take(5)?,
    })
}

fn scored(mut row: Row) -> Result<(StoredChunk, f64)> {
    let chunk = chunk_of(&mut row)?;
    Ok((chunk, row.take(6)?))
}

impl TenantStore {
    /// Whether something was ever put into a collection.
    pub async fn has_collection(&self, name: &str) -> Result<bool> {
        let name = name.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                let sql = "SELECT name FROM collections WHERE tenant_id = ?1 AND name = ?2";
                Ok(tx.row(sql, values![&name]).await?.is_some())
            })
        })
        .await
    }

    /// The content hash of every document of a collection, by source.
    pub async fn document_hashes(&self, collection: &str) -> Result<HashMap<String, Vec<u8>>> {
        let collection = collection.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                let sql = "SELECT source, hash FROM documents
                     WHERE tenant_id = ?1 AND collection = ?2";
                let rows = tx.rows(sql, values![&collection]).await?;
                rows.into_iter().map(|mut row| Ok((row.take(0)?, row.take(1)?))).collect()
            })
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
        let collection = collection.to_owned();
        let (actor, limits) = (self.actor.clone(), self.limits);
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let now = tx.now().await?;
                tx.execute(
                    "INSERT INTO collections (tenant_id, name, created_at)
                     VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    values![&collection, &now],
                )
                .await?;
                let mut delta = Delta::default();
                let known = sources(tx, &collection).await?;
                let replaced = documents.iter().map(|document| &document.source);
                let gone: HashSet<_> = remove.iter().chain(replaced).collect();
                for source in gone.into_iter().filter(|s| known.contains(*s)) {
                    delta += delete(tx, &collection, source).await?;
                }
                let removed = -delta.documents;
                for part in parts(&documents) {
                    delta += insert(tx, &collection, part, &now).await?;
                }
                usage::count(tx, delta, limits).await?;
                tx.audit(Act {
                    actor: actor.as_deref(),
                    action: "collection.changed",
                    object: &collection,
                    detail: json!({"removed": removed, "written": documents.len()}),
                })
                .await
            })
        })
        .await
    }

    /// The documents of a collection, by source. Empty for a collection that does not exist.
    pub async fn documents(&self, collection: &str) -> Result<Vec<DocumentRecord>> {
        let collection = collection.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                let sql = "SELECT source, title, bytes,
                         (SELECT count(*) FROM chunks c WHERE c.tenant_id = d.tenant_id
                             AND c.collection = d.collection AND c.source = d.source)
                     FROM documents d WHERE tenant_id = ?1 AND collection = ?2 ORDER BY source";
                let rows = tx.rows(sql, values![&collection]).await?;
                rows.into_iter()
                    .map(|mut row| {
                        Ok(DocumentRecord {
                            source: row.take(0)?,
                            title: row.take(1)?,
                            bytes: row.take(2)?,
                            chunks: row.take(3)?,
                        })
                    })
                    .collect()
            })
        })
        .await
    }

    /// The passages that have any of these words (letters and digits only), best first: by BM25 on
    /// SQLite, by `ts_rank_cd` on PostgreSQL.
    pub async fn search_text(
        &self,
        collection: &str,
        words: Vec<String>,
        limit: u32,
    ) -> Result<Vec<(StoredChunk, f64)>> {
        let collection = collection.to_owned();
        self.read(move |tx| {
            Box::pin(async move {
                if tx.dialect() == Dialect::Postgres {
                    // Quoted, so that no word is an operator.
                    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
                    let quoted = quoted.join(" | ");
                    let sql = format!(
                        "SELECT {CHUNK_COLUMNS}, CAST(ts_rank_cd(c.tsv, q) AS double precision)
                         FROM to_tsquery('english', ?3) q, chunks c {CHUNK_JOIN}
                         WHERE c.tenant_id = ?1 AND c.collection = ?2 AND c.tsv @@ q
                         ORDER BY 7 DESC, c.id LIMIT ?4"
                    );
                    let rows = tx.rows(&sql, values![&collection, &quoted, limit]).await?;
                    return rows.into_iter().map(scored).collect();
                }
                let best = best_by_words(tx, &collection, &words, limit)?;
                chunks_by_id(tx, best).await
            })
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
        let (collection, model) = (collection.to_owned(), model.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                let sql = "SELECT c.id, c.text FROM chunks c
                     WHERE c.tenant_id = ?1 AND c.collection = ?2 AND NOT EXISTS (
                         SELECT 1 FROM vectors v WHERE v.tenant_id = ?1 AND v.collection = ?2
                             AND v.model = ?3 AND v.chunk_id = c.id)
                     ORDER BY c.id LIMIT ?4";
                let rows = tx.rows(sql, values![&collection, &model, limit]).await?;
                rows.into_iter().map(|mut row| Ok((row.take(0)?, row.take(1)?))).collect()
            })
        })
        .await
    }

    /// Keeps vectors of passages. Passages that are gone, or have one of this model, are passed over.
    ///
    /// # Errors
    /// [`Code::ModelInvalidResponse`] for a vector that is empty or has a number that is none, and for
    /// vectors of different sizes.
    pub async fn put_vectors(
        &self,
        collection: &str,
        model: &str,
        vectors: Vec<(i64, Vec<f32>)>,
    ) -> Result<()> {
        let usable = |v: &[f32]| !v.is_empty() && v.iter().all(|x| x.is_finite());
        if !vectors.iter().all(|(_, vector)| usable(vector)) {
            return Err(Error::new(
                Code::ModelInvalidResponse,
                format!(
                    "the model {model:?} gave a vector that is empty or has no number in a place"
                ),
            )
            .hint("use another embedding model"));
        }
        // All of one call have one size, so that what is counted here is what is taken off later.
        let size = vectors.first().map_or(0, |(_, v)| v.len());
        if vectors.iter().any(|(_, vector)| vector.len() != size) {
            return Err(Error::new(
                Code::ModelInvalidResponse,
                format!("the model {model:?} gave vectors of different sizes"),
            )
            .hint("use another embedding model"));
        }
        let (collection, model) = (collection.to_owned(), model.to_owned());
        let limits = self.limits;
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let inserted = match tx.dialect() {
                    Dialect::Sqlite => {
                        let mut inserted = 0;
                        for (chunk, vector) in &vectors {
                            let values = values![&collection, &model, *chunk, vector];
                            inserted += tx.execute(INSERT_VECTOR, values).await?;
                        }
                        inserted
                    }
                    Dialect::Postgres => {
                        let ids: Vec<i64> = vectors.iter().map(|(id, _)| *id).collect();
                        let texts: Vec<_> = vectors.iter().map(|(_, v)| vector_text(v)).collect();
                        let values = values![&collection, &model, &*ids, &*texts];
                        tx.execute(INSERT_VECTORS, values).await?
                    }
                };
                let inserted = i64::try_from(inserted).unwrap_or(i64::MAX);
                let bytes = inserted.saturating_mul(usage::signed(size * size_of::<f32>()));
                let delta = Delta { vectors: inserted, bytes, ..Delta::default() };
                usage::count(tx, delta, limits).await
            })
        })
        .await
    }

    /// The passages nearest to a vector by inner product, best first: an exact scan of the
    /// tenant's vectors.
    pub async fn search_vectors(
        &self,
        collection: &str,
        model: &str,
        query: Vec<f32>,
        limit: u32,
    ) -> Result<Vec<(StoredChunk, f64)>> {
        let (collection, model) = (collection.to_owned(), model.to_owned());
        self.read(move |tx| {
            Box::pin(async move {
                if tx.dialect() == Dialect::Postgres {
                    // Vectors of another size than the query's cannot be compared, and are not found.
                    let sql = format!(
                        "SELECT {CHUNK_COLUMNS}, n.score FROM (
                             SELECT v.chunk_id, CASE WHEN vector_dims(v.vector) = ?5
                                 THEN -(v.vector <#> ?4::real[]::vector) END AS score
                             FROM vectors v
                             WHERE v.tenant_id = ?1 AND v.collection = ?2 AND v.model = ?3
                             ORDER BY 2 DESC NULLS LAST, 1 LIMIT ?6) n
                         JOIN chunks c ON c.tenant_id = ?1 AND c.id = n.chunk_id {CHUNK_JOIN}
                         WHERE n.score IS NOT NULL ORDER BY n.score DESC, c.id"
                    );
                    let size = query.len();
                    let rows =
                        tx.rows(&sql, values![&collection, &model, &query, size, limit]).await?;
                    return rows.into_iter().map(scored).collect();
                }
                let best = nearest(tx, &collection, &model, &query, limit)?;
                chunks_by_id(tx, best).await
            })
        })
        .await
    }
}

/// The passages of these numbers, with what they scored.
async fn chunks_by_id(tx: &mut Tx<'_>, best: Vec<(f64, i64)>) -> Result<Vec<(StoredChunk, f64)>> {
    let sql = format!(
        "SELECT {CHUNK_COLUMNS} FROM chunks c {CHUNK_JOIN} WHERE c.tenant_id = ?1 AND c.id = ?2"
    );
    let mut found = Vec::new();
    for (score, id) in best {
        if let Some(mut row) = tx.row(&sql, values![id]).await? {
            found.push((chunk_of(&mut row)?, score));
        }
    }
    Ok(found)
}

/// Ranks the passages of a collection by words.
fn best_by_words(
    tx: &mut Tx<'_>,
    collection: &str,
    words: &[String],
    limit: u32,
) -> Result<Vec<(f64, i64)>> {
    let tenant = tx.tenant().to_owned();
    let Connection::Sqlite(connection) = tx.connection() else { return Ok(Vec::new()) };
    let hits = keywords::search(connection, &tenant, collection, words, limit as usize);
    Ok(hits.map_err(store_error)?.into_iter().map(|hit| (hit.score, hit.id)).collect())
}

/// Walks the vectors of a collection without copying them.
fn nearest(
    tx: &mut Tx<'_>,
    collection: &str,
    model: &str,
    query: &[f32],
    limit: u32,
) -> Result<Vec<(f64, i64)>> {
    let tenant = tx.tenant().to_owned();
    let Connection::Sqlite(connection) = tx.connection() else { return Ok(Vec::new()) };
    let scan = || -> rusqlite::Result<Vec<(f64, i64)>> {
        connection
            .prepare_cached(
                "SELECT chunk_id, vector FROM vectors
                 WHERE tenant_id = ?1 AND collection = ?2 AND model = ?3",
            )?
            .query_map([tenant.as_str(), collection, model], |row| {
                let bytes = row.get_ref(1)?.as_blob()?;
                Ok((inner_product(query, bytes), row.get(0)?))
            })?
            .collect()
    };
    let mut best = scan().map_err(store_error)?;
    // Vectors of another size than the query's cannot be compared, and are not found.
    best.retain(|(score, _)| score.is_finite());
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    best.truncate(limit as usize);
    Ok(best)
}

/// A vector of another length than the query's counts as far away.
fn inner_product(query: &[f32], bytes: &[u8]) -> f64 {
    if bytes.len() != query.len() * 4 {
        return f64::NEG_INFINITY;
    }
    let vector = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    f64::from(query.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>())
}

async fn sources(tx: &mut Tx<'_>, collection: &str) -> Result<HashSet<String>> {
    let sql = "SELECT source FROM documents WHERE tenant_id = ?1 AND collection = ?2";
    let rows = tx.rows(sql, values![collection]).await?;
    rows.into_iter().map(|mut row| row.take(0)).collect()
}

/// Removes a document with its passages and vectors, and gives what is less then.
async fn delete(tx: &mut Tx<'_>, collection: &str, source: &str) -> Result<Delta> {
    let size = vector_size(tx.dialect());
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum({size}), 0) AS BIGINT) FROM vectors v
         JOIN chunks c ON c.tenant_id = v.tenant_id AND c.id = v.chunk_id
         WHERE c.tenant_id = ?1 AND c.collection = ?2 AND c.source = ?3"
    );
    let mut vectors = tx.one(&sql, values![collection, source]).await?;
    let sql = "DELETE FROM documents WHERE tenant_id = ?1 AND collection = ?2 AND source = ?3
         RETURNING bytes";
    let mut document = tx.one(sql, values![collection, source]).await?;
    let bytes = document.take::<i64>(0)? + vectors.take::<i64>(1)?;
    let vectors: i64 = vectors.take(0)?;
    Ok(Delta { documents: -1, vectors: -vectors, bytes: -bytes, ..Delta::default() })
}

/// The bytes of a vector `v.vector`.
pub(super) fn vector_size(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "octet_length(v.vector)",
        Dialect::Postgres => "4 * vector_dims(v.vector)",
    }
}

/// The documents in parts that one statement takes.
fn parts(documents: &[NewDocument]) -> Vec<&[NewDocument]> {
    let size = |d: &NewDocument| d.chunks.iter().map(|chunk| chunk.text.len() as u64).sum::<u64>();
    let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, document) in documents.iter().enumerate() {
        let more = size(document);
        if at > start && (at - start == INSERT_STEP || bytes + more > INSERT_BYTES) {
            parts.push(&documents[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += more;
    }
    if start < documents.len() {
        parts.push(&documents[start..]);
    }
    parts
}

/// Writes new documents, and gives what is more then.
async fn insert(
    tx: &mut Tx<'_>,
    collection: &str,
    documents: &[NewDocument],
    now: &str,
) -> Result<Delta> {
    let rows: Vec<_> = documents
        .iter()
        .map(|d| values![collection, &d.source, &d.title, &d.hash, d.bytes, now].to_vec())
        .collect();
    let columns = ["collection", "source", "title", "hash", "bytes", "added_at"];
    tx.insert("documents", &columns, &rows, false).await?;
    let chunks =
        || documents.iter().flat_map(|d| d.chunks.iter().zip(0u64..).map(move |(c, n)| (d, n, c)));
    let mut rows: Vec<_> = chunks()
        .map(|(d, ordinal, chunk)| {
            values![collection, &d.source, ordinal, chunk.start_line, &chunk.text].to_vec()
        })
        .collect();
    let mut columns = vec!["collection", "source", "ordinal", "start_line", "text"];
    // PostgreSQL makes its words itself.
    let mut made = Vec::new();
    if tx.dialect() == Dialect::Sqlite {
        let tokens = Tokens::new(tx.tenant(), collection);
        made.extend(chunks().map(|(_, _, chunk)| tokens.of_passage(&chunk.text)));
        columns.extend(["words", "length"]);
        for (row, (words, length)) in rows.iter_mut().zip(&made) {
            row.extend_from_slice(values![words, *length]);
        }
    }
    tx.insert("chunks", &columns, &rows, false).await?;
    let bytes = documents.iter().map(|d| i64::try_from(d.bytes).unwrap_or(i64::MAX)).sum();
    Ok(Delta { documents: usage::signed(documents.len()), bytes, ..Delta::default() })
}

#[cfg(test)]
mod tests {
    use super::{INSERT_BYTES, INSERT_STEP, NewChunk, NewDocument, parts};

    #[test]
    fn parts_are_bounded_in_number_and_bytes() {
        let of = |bytes: usize| NewDocument {
            source: String::new(),
            title: String::new(),
            hash: Vec::new(),
            bytes: bytes as u64,
            chunks: vec![NewChunk { text: "x".repeat(bytes), start_line: 1 }],
        };
        let sizes = |documents: Vec<NewDocument>| -> Vec<usize> {
            parts(&documents).iter().map(|part| part.len()).collect()
        };
        assert!(sizes(Vec::new()).is_empty());
        let many = (0..=INSERT_STEP).map(|_| of(1)).collect();
        assert_eq!(sizes(many), [INSERT_STEP, 1]);
        let large = usize::try_from(INSERT_BYTES).expect("size");
        assert_eq!(sizes(vec![of(1), of(large), of(large - 1), of(1), of(1)]), [1, 1, 2, 1]);
    }
}
