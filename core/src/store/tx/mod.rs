//! One transaction of one tenant, on whichever back end.
//!
//! Operations are asynchronous functions over a [`Tx`]. On SQLite nothing in them ever waits, so they
//! run to their end on the thread that owns the connection.

mod connection;
#[cfg(test)]
mod mutants;
mod row;
mod value;

pub(in crate::store) use connection::{Connection, Dialect};
pub(in crate::store) use row::{Cell, FromCell, Row};
pub(in crate::store) use value::{Value, values};

use futures_util::future::{BoxFuture, FutureExt};

use crate::error::{Code, Error, Result};

/// What an operation is, once it has begun.
pub(in crate::store) type Work<'t, T> = BoxFuture<'t, Result<T>>;

/// A transaction that has entered a tenant.
///
/// Every statement has the tenant as `?1`: it is bound here and nowhere else, and a statement that
/// does not use it is refused. The databases alone would not: they take values that are not used.
pub(in crate::store) struct Tx<'c> {
    tenant: &'c str,
    connection: Connection<'c>,
}

impl<'c> Tx<'c> {
    pub(in crate::store) fn new(tenant: &'c str, connection: Connection<'c>) -> Self {
        Self { tenant, connection }
    }

    pub(in crate::store) fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    /// The tenant, for what is written into a document rather than into a key.
    pub(in crate::store) fn tenant(&self) -> &str {
        self.tenant
    }

    /// Runs a statement; `values` are `?2` and following. Gives the number of rows it changed.
    pub(in crate::store) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64> {
        let values = led_by(self.tenant, values);
        #[cfg(test)]
        let sql = &mutants::changed(self.tenant, sql);
        uses_tenant(sql)?;
        self.connection.execute(sql, &values).await
    }

    /// All rows of a statement; `values` are `?2` and following.
    pub(in crate::store) async fn rows(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>> {
        let values = led_by(self.tenant, values);
        #[cfg(test)]
        let sql = &mutants::changed(self.tenant, sql);
        uses_tenant(sql)?;
        self.connection.rows(sql, &values).await
    }

    /// The first row of a statement; `values` are `?2` and following.
    pub(in crate::store) async fn row(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// The only row of a statement that always has one.
    pub(in crate::store) async fn one(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Row> {
        self.row(sql, values)
            .await?
            .ok_or_else(|| Error::new(Code::StoreFailed, "the database gave no row"))
    }

    /// Inserts rows of these columns (beside `tenant_id`), those that are there already excepted if
    /// `skip`. Gives the number of those that were inserted. On PostgreSQL all go in one message.
    pub(in crate::store) async fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        rows: &[Vec<Value<'_>>],
        skip: bool,
    ) -> Result<u64> {
        let names = columns.join(", ");
        let conflict = if skip { " ON CONFLICT DO NOTHING" } else { "" };
        match &mut self.connection {
            Connection::Postgres(session) => {
                session.insert(self.tenant, table, columns, rows, conflict).await
            }
            Connection::Sqlite(_) => {
                let places: Vec<_> = (2..2 + columns.len()).map(|n| format!("?{n}")).collect();
                let sql = format!(
                    "INSERT INTO {table} (tenant_id, {names}) VALUES (?1, {}){conflict}",
                    places.join(", ")
                );
                let mut inserted = 0;
                for row in rows {
                    inserted += self.execute(&sql, row).await?;
                }
                Ok(inserted)
            }
        }
    }

    /// The database's clock, RFC 3339 UTC.
    pub(in crate::store) async fn now(&mut self) -> Result<String> {
        self.connection.now().await
    }

    /// What lies below, for the few operations that are written for one back end.
    pub(in crate::store) fn connection(&mut self) -> &mut Connection<'c> {
        &mut self.connection
    }
}

fn led_by<'v>(tenant: &'v str, values: &[Value<'v>]) -> Vec<Value<'v>> {
    std::iter::once(Value::Text(tenant)).chain(values.iter().copied()).collect()
}

/// Refuses a statement that does not use `?1`.
fn uses_tenant(sql: &str) -> Result<()> {
    let mut rest = sql;
    while let Some((_, behind)) = rest.split_once("?1") {
        if !behind.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(());
        }
        rest = behind;
    }
    Err(Error::new(Code::StoreFailed, "a statement does not say of which tenant")
        .hint("please report this"))
}

/// Runs work that cannot wait, because it stands on SQLite.
pub(in crate::store) fn at_once<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    work.now_or_never().unwrap_or_else(|| {
        Err(Error::new(Code::Panic, "an operation on SQLite waited").hint("please report this"))
    })
}
