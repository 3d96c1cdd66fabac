//! Which tables hold rows of tenants: the catalogue says it, so that none is forgotten.

use crate::error::Result;
use crate::store::tx::{Connection, Dialect};

/// All tables with a `tenant_id`, those that refer to others before these.
pub(super) async fn of_tenants(connection: &mut Connection<'_>) -> Result<Vec<String>> {
    let (tables, references) = match connection.dialect() {
        Dialect::Sqlite => (
            "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY m.name",
            "SELECT m.name, f.\"table\" FROM sqlite_schema m
             JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        ),
        Dialect::Postgres => (
            "SELECT CAST(c.relname AS text) FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
             WHERE c.relnamespace = CAST('aikit' AS regnamespace) AND c.relkind IN ('r', 'p')
                 AND NOT c.relispartition AND a.attname = 'tenant_id' ORDER BY 1",
            "SELECT CAST(c.relname AS text), CAST(p.relname AS text) FROM pg_constraint f
             JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class p ON p.oid = f.confrelid
             WHERE f.contype = 'f' AND c.relnamespace = CAST('aikit' AS regnamespace)",
        ),
    };
    let mut found = Vec::new();
    for mut row in connection.rows(tables, &[]).await? {
        found.push(row.take(0)?);
    }
    let mut edges = Vec::new();
    for mut row in connection.rows(references, &[]).await? {
        edges.push((row.take(0)?, row.take(1)?));
    }
    Ok(ordered(found, &edges))
}

/// The tables in an order in which each stands before those that it refers to. Tables that refer to
/// each other in a circle keep their order at the end; the database then says what stands in the way.
fn ordered(mut tables: Vec<String>, references: &[(String, String)]) -> Vec<String> {
    let mut out = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let free = tables.iter().position(|table| {
            !references.iter().any(|(from, to)| to == table && from != to && tables.contains(from))
        });
        out.push(tables.remove(free.unwrap_or(0)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn a_table_stands_before_those_that_it_refers_to() {
        let names = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let reference = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let references = [
            reference("b", "a"),
            reference("c", "b"),
            reference("a", "a"),
            reference("elsewhere", "c"),
        ];
        assert_eq!(ordered(names("a b c d"), &references), ["c", "b", "a", "d"]);
        let circle = [reference("a", "b"), reference("b", "a")];
        assert_eq!(ordered(names("a b c"), &circle), ["c", "a", "b"]);
    }
}
