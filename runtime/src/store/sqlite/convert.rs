//! Between the types of the store and SQLite's integers, texts and blobs.

use std::error::Error;

use jiff::Timestamp;
use rusqlite::types::{FromSql, Type};
use rusqlite::{Result, Row};

use crate::model::instance::{ExecutionId, Incarnation};
use crate::model::status::RuntimeStatus;
use crate::model::time::from_microseconds;

/// SQLite's integers are signed. The greatest stands for all that are greater still: no row has such a number.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A limit on the number of rows.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// The number in a column.
pub(super) fn number(row: &Row<'_>, column: usize) -> Result<u64> {
    decode(row, column, |number: i64| u64::try_from(number))
}

/// The number in a column that may be empty.
pub(super) fn optional_number(row: &Row<'_>, column: usize) -> Result<Option<u64>> {
    decode(row, column, |number: Option<i64>| {
        number.map(u64::try_from).transpose()
    })
}

/// The incarnation in a column.
pub(super) fn incarnation(row: &Row<'_>, column: usize) -> Result<Incarnation> {
    number(row, column).map(Incarnation)
}

/// The time in a column.
pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    decode(row, column, from_microseconds)
}

/// The time in a column that may be empty.
pub(super) fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    decode(row, column, |time: Option<i64>| {
        time.map(from_microseconds).transpose()
    })
}

/// The runtime status in a column.
pub(super) fn runtime_status(row: &Row<'_>, column: usize) -> Result<RuntimeStatus> {
    decode(row, column, |name: String| name.parse::<RuntimeStatus>())
}

/// The execution id in a column.
pub(super) fn execution_id(row: &Row<'_>, column: usize) -> Result<ExecutionId> {
    Ok(ExecutionId::from_u128(u128::from_be_bytes(
        row.get(column)?,
    )))
}

/// The execution id in a column that may be empty.
pub(super) fn optional_execution_id(row: &Row<'_>, column: usize) -> Result<Option<ExecutionId>> {
    let bytes: Option<[u8; 16]> = row.get(column)?;
    Ok(bytes.map(|bytes| ExecutionId::from_u128(u128::from_be_bytes(bytes))))
}

/// The column that holds an execution id.
pub(super) fn execution_bytes(id: ExecutionId) -> [u8; 16] {
    id.as_u128().to_be_bytes()
}

/// A column whose value this store would not have written is damage.
pub(super) fn decode<S: FromSql, T, E: Error + Send + Sync + 'static>(
    row: &Row<'_>,
    column: usize,
    parse: impl FnOnce(S) -> std::result::Result<T, E>,
) -> Result<T> {
    parse(row.get(column)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Null, Box::new(error))
    })
}
