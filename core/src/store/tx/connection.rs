//! Statements on either back end.

use rusqlite::types::{ToSqlOutput, ValueRef};

use super::row::{Cell, Row};
use super::value::Value;
use crate::error::{Code, Error, Result};
use crate::store::postgres::Session;
use crate::store::sqlite::store_error;

/// Which SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Dialect {
    Sqlite,
    Postgres,
}

/// A connection inside a transaction.
pub(in crate::store) enum Connection<'c> {
    Sqlite(&'c mut rusqlite::Connection),
    Postgres(&'c mut Session),
}

impl Connection<'_> {
    pub(in crate::store) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The same connection for a shorter while.
    pub(in crate::store) fn reborrow(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(session) => Connection::Postgres(session),
        }
    }

    /// Runs a statement, and gives the number of rows it changed.
    pub(in crate::store) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64> {
        match self {
            Self::Sqlite(connection) => {
                let changed = connection
                    .prepare_cached(sql)
                    .and_then(|mut s| s.execute(rusqlite::params_from_iter(values)))
                    .map_err(store_error)?;
                Ok(changed as u64)
            }
            Self::Postgres(session) => session.execute(sql, values).await,
        }
    }

    /// All rows of a statement.
    pub(in crate::store) async fn rows(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => sqlite_rows(connection, sql, values).map_err(store_error),
            Self::Postgres(session) => session.rows(sql, values).await,
        }
    }

    /// The database's clock, RFC 3339 UTC.
    pub(in crate::store) async fn now(&mut self) -> Result<String> {
        let rows = self.rows("SELECT aikit_now()", &[]).await?;
        let mut row = rows
            .into_iter()
            .next()
            .ok_or_else(|| Error::new(Code::StoreFailed, "the database gave no time"))?;
        row.take(0)
    }
}

fn sqlite_rows(
    connection: &rusqlite::Connection,
    sql: &str,
    values: &[Value<'_>],
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|i| row.get_ref(i).map(cell)).collect::<Result<_, _>>()?;
        found.push(Row::new(cells));
    }
    Ok(found)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Int(number),
        ValueRef::Real(number) => Cell::Real(number),
        // Texts come in as UTF-8 through us; one that is not stays visible as a wrong type.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Cell::Text(text.to_owned()),
            Err(_) => Cell::Blob(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match *self {
            Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Value::Bool(value) => i64::from(value).into(),
            Value::Int(value) => value.into(),
            Value::Real(value) => value.into(),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Value::Vector(vector) => {
                let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
                bytes.into()
            }
            Value::Ints(_) | Value::Texts(_) => {
                let message = "SQLite has no arrays";
                return Err(rusqlite::Error::ToSqlConversionFailure(message.into()));
            }
        })
    }
}
