//! The table `inbox`: messages that wait.

use rusqlite::{Connection, Result};

use super::convert::{integer, number};
use crate::model::instance::Incarnation;
use crate::store::InboxRow;

/// Adds a message.
pub(super) fn append(db: &Connection, incarnation: Incarnation, event: &str) -> Result<()> {
    db.prepare_cached("INSERT INTO inbox (incarnation, event) VALUES (?1, ?2)")?
        .execute((integer(incarnation.0), event))
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

/// An instance's messages, in order of arrival.
pub(super) fn rows(db: &Connection, incarnation: Incarnation) -> Result<Vec<InboxRow>> {
    db.prepare_cached("SELECT sequence, event FROM inbox WHERE incarnation = ?1 ORDER BY sequence")?
        .query_map([integer(incarnation.0)], |row| {
            Ok(InboxRow {
                sequence: number(row, 0)?,
                event: row.get(1)?,
            })
        })?
        .collect()
}
