//! The tables `meta` and `partitions`: the task hub, and who may write.

use rusqlite::{Connection, OptionalExtension, Result};

use super::convert::{integer, number};
use crate::store::Epoch;

/// The only partition of an embedded store.
pub(super) const PARTITION: i64 = 0;

/// The newest epoch.
pub(super) fn epoch(db: &Connection) -> Result<Epoch> {
    db.prepare_cached("SELECT epoch FROM partitions WHERE partition = ?1")?
        .query_row([PARTITION], |row| number(row, 0))
        .map(Epoch)
}

/// Makes this epoch the newest.
pub(super) fn set_epoch(db: &Connection, epoch: Epoch) -> Result<()> {
    db.execute(
        "UPDATE partitions SET epoch = ?2 WHERE partition = ?1",
        (PARTITION, integer(epoch.0)),
    )
    .map(drop)
}

/// The task hub, once the store has one.
pub(super) fn task_hub(db: &Connection) -> Result<Option<String>> {
    db.query_row("SELECT value FROM meta WHERE key = 'task_hub'", [], |row| {
        row.get(0)
    })
    .optional()
}

/// Gives the store its task hub.
pub(super) fn set_task_hub(db: &Connection, name: &str) -> Result<()> {
    db.execute(
        "INSERT INTO meta (key, value) VALUES ('task_hub', ?1)",
        [name],
    )
    .map(drop)
}
