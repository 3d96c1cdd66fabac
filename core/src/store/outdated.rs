//! Vectors of a model that became another one under the same name: of a folder whose weights were
//! replaced. Where the name of a model is not enough, its vectors are kept under `NAME#FINGERPRINT`.

use super::documents::vector_size;
use super::tx::values;
use super::usage::{self, Delta};
use super::{Lock, TenantStore};
use crate::error::Result;

/// Those of model `?3` that are not kept under `?5`: under the name alone, as before there were
/// fingerprints, or with a fingerprint as long. All of them lie between the name and `?4`.
const OUTDATED: &str = "v.tenant_id = ?1 AND v.collection = ?2 AND v.model >= ?3 AND v.model < ?4
     AND v.model <> ?5 AND (v.model = ?3 OR (v.model >= ?6 AND length(v.model) = ?7))";

/// What the vectors of a model are kept under.
pub(crate) fn identity(model: &str, fingerprint: Option<&str>) -> String {
    fingerprint.map_or_else(|| model.to_owned(), |fingerprint| format!("{model}#{fingerprint}"))
}

/// What [`OUTDATED`] compares with.
struct Bounds {
    collection: String,
    model: String,
    /// The sign behind `#` ends what begins with it.
    end: String,
    identity: String,
    marked: String,
    length: usize,
}

impl Bounds {
    fn of(collection: &str, model: &str, identity: &str) -> Self {
        Self {
            collection: collection.to_owned(),
            model: model.to_owned(),
            end: format!("{model}$"),
            identity: identity.to_owned(),
            marked: format!("{model}#"),
            length: identity.chars().count(),
        }
    }
}

impl TenantStore {
    /// Whether a collection has vectors of `model` that are kept under another name than
    /// `identity`, which is `NAME#FINGERPRINT`.
    pub async fn has_outdated_vectors(
        &self,
        collection: &str,
        model: &str,
        identity: &str,
    ) -> Result<bool> {
        let bounds = Bounds::of(collection, model, identity);
        self.read(move |tx| {
            Box::pin(async move {
                let Bounds { collection, model, end, identity, marked, length } = &bounds;
                let sql = format!("SELECT 1 FROM vectors v WHERE {OUTDATED} LIMIT 1");
                let values = values![collection, model, end, identity, marked, *length];
                Ok(tx.row(&sql, values).await?.is_some())
            })
        })
        .await
    }

    /// Removes them, and gives how many there were.
    pub async fn remove_outdated_vectors(
        &self,
        collection: &str,
        model: &str,
        identity: &str,
    ) -> Result<u64> {
        let bounds = Bounds::of(collection, model, identity);
        let limits = self.limits;
        self.write(Lock::Tenant, move |tx| {
            Box::pin(async move {
                let Bounds { collection, model, end, identity, marked, length } = &bounds;
                let values = values![collection, model, end, identity, marked, *length];
                let size = vector_size(tx.dialect());
                let sql = format!(
                    "SELECT count(*), CAST(coalesce(sum({size}), 0) AS BIGINT) FROM vectors v
                     WHERE {OUTDATED}"
                );
                let mut row = tx.one(&sql, values).await?;
                let (vectors, bytes): (i64, i64) = (row.take(0)?, row.take(1)?);
                tx.execute(&format!("DELETE FROM vectors AS v WHERE {OUTDATED}"), values).await?;
                let delta = Delta { vectors: -vectors, bytes: -bytes, ..Delta::default() };
                usage::count(tx, delta, limits).await?;
                Ok(vectors.unsigned_abs())
            })
        })
        .await
    }
}
