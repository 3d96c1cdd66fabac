//! Specs: versions with a state, and the history of every change.
//!
//! A change and its line of history are written in one transaction, or neither is.

mod bundle;
mod find;
mod history;
mod life;
mod order;
mod rows;

pub use bundle::{ImportReport, IncomingSpec};
pub use find::{Position, SpecFilter};
pub use history::{HistoryEntry, SpecChange, Stamp};
pub use order::{SpecRef, VersionId};
pub use rows::{NewSpec, SpecRecord};

use serde::{Deserialize, Serialize};

/// Where a version stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecStatus {
    /// May still be replaced and deleted.
    Draft,
    /// The version that the agent's id alone means.
    Active,
    /// Still makes agents when it is named, and may be promoted again.
    Deprecated,
    /// Makes no agents any more.
    Retired,
}

impl SpecStatus {
    /// The word in the store and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Deprecated => "deprecated",
            Self::Retired => "retired",
        }
    }
}

impl rusqlite::types::FromSql for SpecStatus {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match value.as_str()? {
            "draft" => Ok(Self::Draft),
            "active" => Ok(Self::Active),
            "deprecated" => Ok(Self::Deprecated),
            "retired" => Ok(Self::Retired),
            _ => Err(rusqlite::types::FromSqlError::InvalidType),
        }
    }
}

impl rusqlite::types::ToSql for SpecStatus {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

#[cfg(test)]
mod tests;
