//! The table `progress`: what activities report.

use rusqlite::{Connection, Result};

use super::convert::{integer, time};
use crate::model::instance::Incarnation;
use crate::model::status::ActivityProgress;

/// Keeps a report in place of the one before.
pub(super) fn put(
    db: &Connection,
    incarnation: Incarnation,
    progress: &ActivityProgress,
) -> Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO progress (incarnation, task_id, name, attempt, details, reported_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        integer(incarnation.0),
        progress.task_id,
        &progress.name,
        progress.attempt,
        &progress.details,
        progress.reported_at.as_microsecond(),
    ))
    .map(drop)
}

/// Deletes the report of one activity.
pub(super) fn end(db: &Connection, incarnation: Incarnation, task_id: i32) -> Result<()> {
    db.prepare_cached("DELETE FROM progress WHERE incarnation = ?1 AND task_id = ?2")?
        .execute((integer(incarnation.0), task_id))
        .map(drop)
}

/// Deletes all reports of an instance.
pub(super) fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    db.prepare_cached("DELETE FROM progress WHERE incarnation = ?1")?
        .execute([integer(incarnation.0)])
        .map(drop)
}

/// The reports of an instance, by task.
pub(super) fn rows(db: &Connection, incarnation: Incarnation) -> Result<Vec<ActivityProgress>> {
    db.prepare_cached(
        "SELECT task_id, name, attempt, details, reported_at
         FROM progress WHERE incarnation = ?1 ORDER BY task_id",
    )?
    .query_map([integer(incarnation.0)], |row| {
        Ok(ActivityProgress {
            task_id: row.get(0)?,
            name: row.get(1)?,
            attempt: row.get(2)?,
            details: row.get(3)?,
            reported_at: time(row, 4)?,
        })
    })?
    .collect()
}
