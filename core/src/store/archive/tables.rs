//! The tables of a tenant as they stand in an archive: the one list of their columns.

use crate::store::tx::Dialect;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A text that is JSON of this shape.
    Json(Shape),
    /// A whole number, at least this.
    Number(i64),
    /// Bytes, in base64.
    Bytes,
    /// Numbers of 32 bits.
    Vector,
}

/// What a text is as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Any,
    Object,
    Words,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

/// One table. The tenant's id is no column: it stands once, in the first line.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// In the order of their names.
    pub(super) columns: &'static [Column],
    /// What rows are sorted by; no two are equal in all of it.
    pub(super) key: &'static [&'static str],
    /// The table whose rows these belong to, and its key: both are columns of texts.
    pub(super) parent: Option<(&'static str, &'static [(&'static str, &'static str)])>,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, optional: false }
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn number(name: &'static str, least: i64) -> Column {
    column(name, Kind::Number(least))
}

const fn optional(column: Column) -> Column {
    Column { optional: true, ..column }
}

const SPEC_STATES: Kind = Kind::Word(&["draft", "active", "deprecated", "retired"]);

/// The tenant itself: the first line of an archive.
pub(super) const TENANT: Table = Table {
    name: "tenants",
    columns: &[
        column("config", Kind::Json(Shape::Object)),
        text("created_at"),
        optional(column("kind", Kind::Word(&["org", "team", "user"]))),
        optional(text("name")),
        optional(text("parent_id")),
        column("status", Kind::Word(&["active", "suspended"])),
        text("tenant_id"),
        text("updated_at"),
    ],
    key: &["tenant_id"],
    parent: None,
};

/// The others, each behind those that it refers to. `usage_totals` is not among them: what a tenant
/// has is counted anew where it comes to.
pub(super) const TABLES: &[Table] = &[
    Table {
        name: "tenant_grants",
        columns: &[text("granted_at"), optional(text("granted_by")), text("reader_id")],
        key: &["reader_id"],
        parent: None,
    },
    Table {
        name: "spec_versions",
        columns: &[
            text("agent_id"),
            text("created_at"),
            optional(text("created_by")),
            optional(text("description")),
            column("document", Kind::Json(Shape::Any)),
            text("hash"),
            optional(text("model")),
            text("name"),
            column("ordering", Kind::Bytes),
            column("status", SPEC_STATES),
            optional(text("successor")),
            optional(text("sunset")),
            column("tags", Kind::Json(Shape::Words)),
            text("text"),
            text("updated_at"),
            text("version"),
        ],
        key: &["agent_id", "ordering"],
        parent: None,
    },
    Table {
        name: "spec_terms",
        columns: &[
            text("agent_id"),
            column("kind", Kind::Word(&["tag", "word"])),
            column("ordering", Kind::Bytes),
            text("term"),
        ],
        key: &["kind", "term", "agent_id", "ordering"],
        parent: None,
    },
    Table {
        name: "spec_history",
        columns: &[
            optional(text("actor")),
            text("agent_id"),
            text("at"),
            column(
                "change",
                Kind::Word(&[
                    "saved",
                    "replaced",
                    "promoted",
                    "deprecated",
                    "retired",
                    "deleted",
                    "imported",
                ]),
            ),
            optional(column("from_status", SPEC_STATES)),
            text("hash"),
            number("seq", 1),
            optional(column("to_status", SPEC_STATES)),
            text("version"),
            optional(text("why")),
        ],
        key: &["agent_id", "seq"],
        parent: None,
    },
    Table {
        name: "collections",
        columns: &[text("created_at"), text("name")],
        key: &["name"],
        parent: None,
    },
    Table {
        name: "documents",
        columns: &[
            text("added_at"),
            number("bytes", 0),
            text("collection"),
            column("hash", Kind::Bytes),
            text("source"),
            text("title"),
        ],
        key: &["collection", "source"],
        parent: Some(("collections", &[("collection", "name")])),
    },
    Table {
        name: CHUNKS,
        columns: &[
            text("collection"),
            number("ordinal", 0),
            text("source"),
            number("start_line", 1),
            text("text"),
        ],
        key: &["collection", "source", "ordinal"],
        parent: Some(("documents", &[("collection", "collection"), ("source", "source")])),
    },
    // The passage is named by what it is everywhere, and not by its row in one database.
    Table {
        name: VECTORS,
        columns: &[
            text("collection"),
            text("model"),
            number("ordinal", 0),
            text("source"),
            column("vector", Kind::Vector),
        ],
        key: &["collection", "source", "ordinal", "model"],
        parent: None,
    },
    Table {
        name: "runs",
        columns: &[
            text("agent_id"),
            optional(text("ended_at")),
            text("model"),
            text("run_id"),
            text("started_at"),
            column("status", Kind::Word(&["running", "finished", "failed", "cancelled"])),
            text("version"),
        ],
        key: &["run_id"],
        parent: None,
    },
    Table {
        name: "run_events",
        columns: &[column("body", Kind::Json(Shape::Any)), text("run_id"), number("seq", 0)],
        key: &["run_id", "seq"],
        parent: Some(("runs", &[("run_id", "run_id")])),
    },
    Table {
        name: "usage_agents",
        columns: &[
            text("agent_id"),
            number("cost_micros", 0),
            text("day"),
            number("input_tokens", 0),
            number("output_tokens", 0),
            number("runs", 0),
        ],
        key: &["agent_id", "day"],
        parent: None,
    },
    Table {
        name: "usage_days",
        columns: &[
            number("cost_micros", 0),
            text("day"),
            number("input_tokens", 0),
            number("output_tokens", 0),
            number("runs", 0),
        ],
        key: &["day"],
        parent: None,
    },
    Table {
        name: AUDIT,
        columns: &[
            text("action"),
            optional(text("actor")),
            text("at"),
            column("detail", Kind::Json(Shape::Object)),
            text("hash"),
            text("object"),
            text("prev"),
            number("seq", 1),
        ],
        key: &["seq"],
        parent: None,
    },
];

pub(super) const GRANTS: &str = "tenant_grants";
pub(super) const SPECS: &str = "spec_versions";
pub(super) const CHUNKS: &str = "chunks";
pub(super) const VECTORS: &str = "vectors";
pub(super) const AUDIT: &str = "audit_log";

impl Table {
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Where the columns of the key stand.
    pub(super) fn key_positions(&self) -> impl Iterator<Item = usize> {
        self.key.iter().filter_map(|name| self.position(name))
    }

    /// The tables that the rows come from, and the condition that binds them to the tenant.
    pub(super) fn origin(&self) -> (&'static str, &'static str) {
        if self.name == VECTORS {
            // The passages lead: their key is the order, and each looks up its few vectors.
            return (
                "chunks c CROSS JOIN vectors v",
                "c.tenant_id = ?1 AND v.tenant_id = ?1 AND v.chunk_id = c.id",
            );
        }
        (self.name, "tenant_id = ?1")
    }

    /// A column in a statement over [`Self::origin`].
    pub(super) fn expression(&self, column: &str, dialect: Dialect) -> String {
        match column {
            _ if self.name != VECTORS => column.to_owned(),
            "model" => "v.model".to_owned(),
            "vector" if dialect == Dialect::Postgres => "v.vector::real[]".to_owned(),
            "vector" => "v.vector".to_owned(),
            passage => format!("c.{passage}"),
        }
    }

    /// About how many bytes of a row have no fixed size.
    pub(super) fn size(&self, dialect: Dialect) -> String {
        let sizes: Vec<_> = self
            .columns
            .iter()
            .filter(|column| !matches!(column.kind, Kind::Number(_) | Kind::Word(_)))
            .map(|column| {
                let value = self.expression(column.name, dialect);
                match (column.kind, dialect) {
                    (Kind::Vector, Dialect::Postgres) => "4 * vector_dims(v.vector)".to_owned(),
                    _ => format!("CAST(coalesce(octet_length({value}), 0) AS BIGINT)"),
                }
            })
            .collect();
        sizes.join(" + ")
    }
}

/// The table of this name, and its place among all.
pub(super) fn table(name: &str) -> Option<(usize, &'static Table)> {
    TABLES.iter().enumerate().find(|(_, table)| table.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{TABLES, TENANT, Table, VECTORS};
    use crate::store::tx::Dialect;

    /// What an archive has no column for, and why.
    const LEFT_OUT: &[(&str, &str)] = &[
        // A row's number in one database; the passage is named by collection, source and ordinal.
        ("chunks", "id"),
        ("vectors", "chunk_id"),
        // They follow from the text of the passages; PostgreSQL has others.
        ("chunks", "words"),
        ("chunks", "length"),
        ("collections", "passages"),
        ("collections", "words"),
    ];
    /// Columns that a table has only in an archive: the passage of a vector.
    const ADDED: &[(&str, &str)] = &[("vectors", "source"), ("vectors", "ordinal")];
    /// Counted anew.
    const COUNTED: &str = "usage_totals";

    type Catalogue = BTreeMap<String, BTreeMap<String, bool>>;

    /// The tables of the newest schema that have a tenant, their columns, and which may be null.
    fn catalogue() -> Catalogue {
        let connection = rusqlite::Connection::open_in_memory().expect("open");
        crate::store::sqlite::functions(&connection).expect("functions");
        for step in [
            include_str!("../sqlite/v1.sql"),
            include_str!("../sqlite/v2.sql"),
            include_str!("../sqlite/v3.sql"),
            include_str!("../sqlite/v4.sql"),
        ] {
            connection.execute_batch(step).expect("schema");
        }
        let mut found = Catalogue::new();
        let mut select = connection
            .prepare(
                "SELECT t.name, c.name, c.\"notnull\" FROM pragma_table_list t
                 JOIN pragma_table_xinfo(t.name) c
                 WHERE t.schema = 'main' AND t.type = 'table' AND c.hidden = 0
                     AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'tenant_id')",
            )
            .expect("catalogue");
        let rows = select
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .expect("catalogue");
        for row in rows {
            let (table, column, must): (String, String, bool) = row.expect("row");
            found.entry(table).or_default().insert(column, !must);
        }
        found
    }

    #[test]
    fn every_table_and_column_of_a_tenant_is_in_an_archive() {
        let mut expected = catalogue();
        assert!(expected.remove(COUNTED).is_some(), "{COUNTED} is gone");
        for (table, columns) in &mut expected {
            if table != TENANT.name {
                assert!(columns.remove("tenant_id").is_some());
            }
            for (_, column) in LEFT_OUT.iter().filter(|(of, _)| of == table) {
                assert!(columns.remove(*column).is_some(), "{table}.{column} is gone");
            }
            for (_, column) in ADDED.iter().filter(|(of, _)| of == table) {
                assert!(columns.insert((*column).to_owned(), false).is_none());
            }
        }
        let archived: Catalogue = TABLES
            .iter()
            .chain([&TENANT])
            .map(|table| {
                let columns = table.columns.iter().map(|c| (c.name.to_owned(), c.optional));
                (table.name.to_owned(), columns.collect())
            })
            .collect();
        assert_eq!(archived, expected);
    }

    /// Lines have one form only if the columns have one order; pages need keys without nulls.
    #[test]
    fn columns_are_sorted_and_keys_are_columns() {
        for table in TABLES.iter().chain([&TENANT]) {
            let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
            assert!(names.is_sorted(), "{}", table.name);
            assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
            assert_eq!(table.key_positions().count(), table.key.len(), "{}", table.name);
            assert!(table.key_positions().all(|i| !table.columns[i].optional));
            let parents = table.parent.iter().flat_map(|(_, columns)| columns.iter());
            for (own, _) in parents {
                assert!(names.contains(own), "{}.{own}", table.name);
            }
        }
    }

    #[test]
    fn only_vectors_are_joined() {
        let joined = |table: &&Table| table.expression("collection", Dialect::Sqlite).contains('.');
        let names: Vec<_> = TABLES.iter().filter(joined).map(|table| table.name).collect();
        assert_eq!(names, [VECTORS]);
    }
}
