//! Statements on one connection.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnection, PgRow, PgTypeInfo};
use sqlx::{
    Arguments, AssertSqlSafe, Column, Connection as _, Encode, Executor, Postgres, Row as _, Type,
    TypeInfo,
};

use super::fault::store_error;
use crate::error::{Code, Error, Result};
use crate::io::catch_panic;
use crate::store::tx::{Cell, Row, Value};

/// A connection, in a transaction or between two.
pub(in crate::store) struct Session {
    connection: PgConnection,
    /// Without names for statements: the next one may run on another server process.
    unnamed: bool,
    /// A statement failed: what follows in this transaction would fail, and its end be a rollback.
    failed: bool,
    /// Nothing more can be asked: the other end is gone, silent, or no PostgreSQL.
    broken: bool,
    /// The server knows its prepared statements otherwise: not to be used for another transaction.
    stale: bool,
    /// How long an answer is waited for.
    patience: Duration,
}

/// Waits for an answer of the server, but not for ever.
pub(super) async fn answer<T>(
    patience: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    within(patience, work).await?
}

/// Waits for work that asks the server, but not for ever.
pub(super) async fn within<T>(
    patience: Duration,
    work: impl Future<Output = T>,
) -> sqlx::Result<T> {
    match tokio::time::timeout(patience, catch_panic(work)).await {
        Ok(Ok(done)) => Ok(done),
        // sqlx panics over some of what no server says.
        Ok(Err(panic)) => Err(sqlx::Error::Protocol(panic.message().to_owned())),
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer for {} s", patience.as_secs()),
        ))),
    }
}

impl Session {
    pub(super) fn new(connection: PgConnection, unnamed: bool, patience: Duration) -> Self {
        Self { connection, unnamed, failed: false, broken: false, stale: false, patience }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Begins a transaction with statements that are sent in one message.
    pub(super) async fn begin(&mut self, sql: &str) -> Result<()> {
        self.failed = false;
        self.simple(sql).await
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// A `COMMIT` after a failed statement would be a rollback that looks like a success.
    pub(super) async fn end(&mut self, sql: &'static str) -> Result<()> {
        if self.failed && sql == "COMMIT" {
            return Err(Error::new(Code::StoreFailed, "a failed transaction was to be committed")
                .hint("please report this"));
        }
        self.simple(sql).await
    }

    async fn simple(&mut self, sql: &str) -> Result<()> {
        self.usable()?;
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let sent = answer(self.patience, self.connection.execute(sql)).await;
        self.judged(sent).map(drop)
    }

    /// Whether it can be kept for another transaction.
    pub(super) fn fresh(&self) -> bool {
        !self.broken && !self.stale
    }

    /// Looks at the database with statements that are not ours to write here, but not for ever.
    pub(super) async fn look<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        self.usable()?;
        let patience = self.patience;
        let done = within(patience, work(&mut self.connection)).await;
        let done = self.judged(done)?;
        self.failed |= done.is_err();
        done
    }

    fn usable(&self) -> Result<()> {
        if !self.broken {
            return Ok(());
        }
        Err(store_error(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into())))
    }

    /// Remembers what an answer means for those that follow.
    fn judged<T>(&mut self, answered: sqlx::Result<T>) -> Result<T> {
        answered.map_err(|error| {
            self.failed = true;
            // Only what the server refused, or what was never sent, leaves the connection as it was.
            self.broken |= !matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_));
            // What the server says has a code of five characters; something else said this.
            let said = error.as_database_error();
            self.broken |= said.is_some_and(|e| e.code().is_none_or(|code| code.len() != 5));
            // Of a statement that the server knows otherwise than this side: it would be refused again
            // and again, so the connection goes when the transaction has ended.
            let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default();
            self.stale |= ["26000", "42P05", "0A000"].contains(&&*code);
            let told = store_error(error);
            if self.broken { told.with_code(Code::StoreLost) } else { told }
        })
    }

    /// Runs a statement, and gives the number of rows it changed.
    pub(in crate::store) async fn execute(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<u64> {
        self.usable()?;
        let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), arguments(values)?)
            .persistent(!self.unnamed);
        let outcome = answer(self.patience, self.connection.execute(query)).await;
        Ok(self.judged(outcome)?.rows_affected())
    }

    /// All rows of a statement.
    pub(in crate::store) async fn rows(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>> {
        self.usable()?;
        let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), arguments(values)?)
            .persistent(!self.unnamed);
        let outcome = answer(self.patience, self.connection.fetch_all(query)).await;
        self.judged(outcome)?.iter().map(row).collect()
    }

    /// Inserts rows of one tenant by one statement, a column an array.
    pub(in crate::store) async fn insert(
        &mut self,
        tenant: &str,
        table: &str,
        columns: &[&str],
        rows: &[Vec<Value<'_>>],
        conflict: &str,
    ) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut arguments = PgArguments::default();
        let mut arrays = Vec::with_capacity(columns.len());
        let mut added = arguments.add(tenant);
        for column in 0..columns.len() {
            let cells = || rows.iter().map(move |row| row.get(column).copied());
            let known = cells().flatten().find(|value| !matches!(value, Value::Null));
            let (kind, result) = match known {
                Some(Value::Int(_)) => (
                    "bigint[]",
                    arguments.add(
                        cells()
                            .map(|v| if let Some(Value::Int(n)) = v { Some(n) } else { None })
                            .collect::<Vec<Option<i64>>>(),
                    ),
                ),
                Some(Value::Blob(_)) => (
                    "bytea[]",
                    arguments.add(
                        cells()
                            .map(|v| if let Some(Value::Blob(b)) = v { Some(b) } else { None })
                            .collect::<Vec<Option<&[u8]>>>(),
                    ),
                ),
                _ => (
                    "text[]",
                    arguments.add(
                        cells()
                            .map(|v| if let Some(Value::Text(t)) = v { Some(t) } else { None })
                            .collect::<Vec<Option<&str>>>(),
                    ),
                ),
            };
            added = added.and(result);
            arrays.push(format!("${}::{kind}", column + 2));
        }
        added.map_err(unsendable)?;
        let sql = format!(
            "INSERT INTO {table} (tenant_id, {}) SELECT $1, * FROM unnest({}){conflict}",
            columns.join(", "),
            arrays.join(", ")
        );
        self.usable()?;
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(!self.unnamed);
        let outcome = answer(self.patience, self.connection.execute(query)).await;
        Ok(self.judged(outcome)?.rows_affected())
    }

    /// Says goodbye to the server.
    pub(super) async fn close(self) {
        if !self.broken {
            let _ = answer(self.patience, self.connection.close()).await;
        }
    }
}

/// `?1`, as statements are written, becomes `$1`.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        let value = c == '?' && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if value { '$' } else { c });
    }
    out
}

fn arguments(values: &[Value<'_>]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match *value {
            Value::Null => arguments.add(Untyped),
            Value::Bool(value) => arguments.add(value),
            Value::Int(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Blob(value) => arguments.add(value),
            Value::Vector(value) => arguments.add(value),
            Value::Ints(value) => arguments.add(value),
            Value::Texts(value) => arguments.add(value),
        }
        .map_err(unsendable)?;
    }
    Ok(arguments)
}

fn unsendable(error: sqlx::error::BoxDynError) -> Error {
    Error::new(Code::StoreFailed, "a value cannot be sent to PostgreSQL")
        .caused_by(error.to_string())
}

/// NULL of whatever type the statement wants.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        // The pseudo-type `unknown`: the server takes the type from the place of the value.
        PgTypeInfo::with_oid(sqlx::postgres::types::Oid(705))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(
        &self,
        _: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> std::result::Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}

fn row(row: &PgRow) -> Result<Row> {
    let cells = (0..row.len()).map(|i| cell(row, i).map_err(store_error));
    Ok(Row::new(cells.collect::<Result<_>>()?))
}

fn cell(row: &PgRow, i: usize) -> sqlx::Result<Cell> {
    let kind = row.column(i).type_info();
    Ok(match kind.name() {
        "TEXT" | "VARCHAR" | "NAME" => row.try_get::<Option<String>, _>(i)?.map(Cell::Text),
        "INT8" => row.try_get::<Option<i64>, _>(i)?.map(Cell::Int),
        "INT4" => row.try_get::<Option<i32>, _>(i)?.map(|n| Cell::Int(n.into())),
        "BOOL" => row.try_get::<Option<bool>, _>(i)?.map(|b| Cell::Int(b.into())),
        "FLOAT8" => row.try_get::<Option<f64>, _>(i)?.map(Cell::Real),
        "FLOAT4" => row.try_get::<Option<f32>, _>(i)?.map(|x| Cell::Real(x.into())),
        "BYTEA" => row.try_get::<Option<Vec<u8>>, _>(i)?.map(Cell::Blob),
        "FLOAT4[]" => row.try_get::<Option<Vec<f32>>, _>(i)?.map(Cell::Vector),
        other => {
            let message = format!("aikit reads no column of type {other}");
            return Err(sqlx::Error::Decode(message.into()));
        }
    }
    .unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn values_are_numbered_as_postgres_does() {
        assert_eq!(numbered("a = ?1 AND b->>'x?' = ?12"), "a = $1 AND b->>'x?' = $12");
    }
}
