//! The table `inbox`: messages that wait.

use rusqlite::{Connection, Result};

use super::convert::{execution_bytes, integer, number, optional_execution_id};
use crate::model::instance::{ExecutionId, Incarnation};
use crate::store::InboxRow;

/// Adds a message.
pub(super) fn append(
    db: &Connection,
    incarnation: Incarnation,
    execution: Option<ExecutionId>,
    event: &str,
) -> Result<()> {
    db.prepare_cached("INSERT INTO inbox (incarnation, execution_id, event) VALUES (?1, ?2, ?3)")?
        .execute((
            integer(incarnation.0),
            execution.map(execution_bytes),
            event,
        ))
        .map(drop)
}

/// Deletes an instance's messages up to this one.
pub(super) fn take(db: &Connection, incarnation: Incarnation, up_to: u64) -> Result<()> {
    db.prepare_cached("DELETE FROM inbox WHERE incarnation = ?1 AND sequence <= ?2")?
        .execute((integer(incarnation.0), integer(up_to)))
        .map(drop)
}

/// Deletes all messages of an instance.
pub(super) fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    take(db, incarnation, u64::MAX)
}

/// Deletes an instance's messages that are for one execution only.
pub(super) fn delete_for_an_execution(db: &Connection, incarnation: Incarnation) -> Result<()> {
    db.prepare_cached("DELETE FROM inbox WHERE incarnation = ?1 AND execution_id IS NOT NULL")?
        .execute([integer(incarnation.0)])
        .map(drop)
}

/// An instance's messages after this one, in order of arrival.
pub(super) fn rows(db: &Connection, incarnation: Incarnation, after: u64) -> Result<Vec<InboxRow>> {
    db.prepare_cached(
        "SELECT sequence, execution_id, event FROM inbox
         WHERE incarnation = ?1 AND sequence > ?2 ORDER BY sequence",
    )?
    .query_map((integer(incarnation.0), integer(after)), |row| {
        Ok(InboxRow {
            sequence: number(row, 0)?,
            execution: optional_execution_id(row, 1)?,
            event: row.get(2)?,
        })
    })?
    .collect()
}
