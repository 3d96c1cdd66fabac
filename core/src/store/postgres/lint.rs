//! Whether the database still isolates tenants: asked of its catalogue, table by table.

use sqlx::{PgConnection, Row as _};

use super::fault::store_error;
use crate::error::Result;

/// What is wrong, a sentence for each fault; empty when the isolation is sound. Any login may ask.
pub(super) async fn lint(connection: &mut PgConnection) -> Result<Vec<String>> {
    let faults = sqlx::query(include_str!("lint.sql")).persistent(false);
    let faults = faults.fetch_all(connection).await.map_err(store_error)?;
    faults.iter().map(|row| row.try_get("fault").map_err(store_error)).collect()
}
