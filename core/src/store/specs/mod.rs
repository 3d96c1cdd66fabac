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

use super::tx::{Cell, FromCell};

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

impl FromCell for SpecStatus {
    fn from_cell(cell: Cell) -> Option<Self> {
        match String::from_cell(cell)?.as_str() {
            "draft" => Some(Self::Draft),
            "active" => Some(Self::Active),
            "deprecated" => Some(Self::Deprecated),
            "retired" => Some(Self::Retired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
