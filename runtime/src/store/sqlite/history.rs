//! The table `history`: what each episode committed.

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::convert::{integer, number, runtime_status};
use crate::model::instance::Incarnation;
use crate::store::HistoryRow;

/// Adds a row.
pub(super) fn insert(db: &Connection, incarnation: Incarnation, row: &HistoryRow) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO history (incarnation, episode, events, custom_status, runtime_status, sequence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        integer(incarnation.0),
        integer(row.episode),
        &row.events,
        &row.custom_status,
        row.runtime_status.as_str(),
        integer(row.sequence),
    ))
    .map(drop)
}

/// Deletes the rows before this episode.
pub(super) fn delete_before(db: &Connection, incarnation: Incarnation, episode: u64) -> Result<()> {
    db.prepare_cached("DELETE FROM history WHERE incarnation = ?1 AND episode < ?2")?
        .execute((integer(incarnation.0), integer(episode)))
        .map(drop)
}

/// Deletes all rows of an instance.
pub(super) fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    db.prepare_cached("DELETE FROM history WHERE incarnation = ?1")?
        .execute([integer(incarnation.0)])
        .map(drop)
}

/// How many rows an instance has.
pub(super) fn count(db: &Connection, incarnation: Incarnation) -> Result<usize> {
    db.prepare_cached("SELECT count(*) FROM history WHERE incarnation = ?1")?
        .query_row([integer(incarnation.0)], |row| number(row, 0))
        .map(|count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// One row.
pub(super) fn row(
    db: &Connection,
    incarnation: Incarnation,
    episode: u64,
) -> Result<Option<HistoryRow>> {
    db.prepare_cached(
        "SELECT episode, events, custom_status, runtime_status, sequence
         FROM history WHERE incarnation = ?1 AND episode = ?2",
    )?
    .query_row((integer(incarnation.0), integer(episode)), decode)
    .optional()
}

/// The rows from this episode on, in order.
pub(super) fn rows(
    db: &Connection,
    incarnation: Incarnation,
    first_episode: u64,
) -> Result<Vec<HistoryRow>> {
    db.prepare_cached(
        "SELECT episode, events, custom_status, runtime_status, sequence
         FROM history WHERE incarnation = ?1 AND episode >= ?2 ORDER BY episode",
    )?
    .query_map((integer(incarnation.0), integer(first_episode)), decode)?
    .collect()
}

/// The events of a row that the instance points at.
pub(super) fn events(db: &Connection, incarnation: Incarnation, episode: u64) -> Result<String> {
    db.prepare_cached("SELECT events FROM history WHERE incarnation = ?1 AND episode = ?2")?
        .query_row((integer(incarnation.0), integer(episode)), |row| row.get(0))
}

/// The custom status in a row that the instance points at.
pub(super) fn custom_status(
    db: &Connection,
    incarnation: Incarnation,
    episode: u64,
) -> Result<String> {
    db.prepare_cached("SELECT custom_status FROM history WHERE incarnation = ?1 AND episode = ?2")?
        .query_row((integer(incarnation.0), integer(episode)), |row| row.get(0))
}

fn decode(row: &Row<'_>) -> Result<HistoryRow> {
    Ok(HistoryRow {
        episode: number(row, 0)?,
        events: row.get(1)?,
        custom_status: row.get(2)?,
        runtime_status: runtime_status(row, 3)?,
        sequence: number(row, 4)?,
    })
}
