//! What the lines of a table add up to.

use std::collections::BTreeMap;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::store::audit::hex;

/// How many rows a table of a tenant has, and the hash over their lines in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDigest {
    /// The rows.
    pub rows: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The tables of a tenant, by name. The same on every database that holds the same rows.
pub type Digests = BTreeMap<String, TableDigest>;

/// A digest that lines are added to.
pub(super) struct Sum {
    rows: u64,
    hash: Context,
}

impl Sum {
    pub(super) fn new() -> Self {
        Self { rows: 0, hash: Context::new(&SHA256) }
    }

    /// Adds a line with its line break.
    pub(super) fn add(&mut self, line: &str) {
        self.rows += 1;
        self.hash.update(line.as_bytes());
    }

    pub(super) fn of(line: &str) -> TableDigest {
        let mut sum = Self::new();
        sum.add(line);
        sum.digest()
    }

    pub(super) fn digest(self) -> TableDigest {
        TableDigest { rows: self.rows, sha256: hex(self.hash.finish().as_ref()) }
    }
}
