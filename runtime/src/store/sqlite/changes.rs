//! What episodes changed for readers: the table `history` without its events.

use rusqlite::{Connection, OptionalExtension, Result};

use super::convert::{execution_id, integer, number, runtime_status};
use crate::model::instance::{ExecutionId, Incarnation};
use crate::store::{ChangeRow, starts_a_change};

/// The changes of an incarnation behind this sequence, in order.
pub(super) fn rows(
    db: &Connection,
    incarnation: Incarnation,
    after: u64,
    limit: usize,
) -> Result<Vec<ChangeRow>> {
    let Some((execution_id, first, last)) = episodes(db, incarnation)? else {
        return Ok(Vec::new());
    };
    let begin = first_behind(db, incarnation, first, last, after)?;
    let mut select = db.prepare_cached(
        "SELECT sequence, runtime_status, custom_status, episode FROM history
         WHERE incarnation = ?1 AND episode >= ?2 ORDER BY episode",
    )?;
    let found = select.query_map((integer(incarnation.0), integer(begin)), |row| {
        let custom_status: Option<String> = row.get(2)?;
        let status_episode = custom_status.is_some().then(|| number(row, 3));
        Ok(ChangeRow {
            execution_id,
            sequence: number(row, 0)?,
            runtime_status: runtime_status(row, 1)?,
            custom_status,
            status_episode: status_episode.transpose()?,
        })
    })?;
    let mut changes: Vec<ChangeRow> = Vec::new();
    let mut in_force = None;
    for row in found {
        if changes.len() == limit {
            break;
        }
        let mut row = row?;
        if !starts_a_change(changes.last(), &row) {
            continue;
        }
        if row.custom_status.is_none() {
            (row.status_episode, row.custom_status) = match in_force.take() {
                None if changes.is_empty() => status_before(db, incarnation, begin)?.unzip(),
                known => known.unzip(),
            };
        }
        in_force = row.status_episode.zip(row.custom_status.clone());
        changes.push(row);
    }
    Ok(changes)
}

/// The execution that an incarnation has rows of, and the first and the last episode.
fn episodes(db: &Connection, incarnation: Incarnation) -> Result<Option<(ExecutionId, u64, u64)>> {
    db.prepare_cached(
        "SELECT execution_id, first_episode, episode FROM instances WHERE incarnation = ?1",
    )?
    .query_row([integer(incarnation.0)], |row| {
        Ok((execution_id(row, 0)?, number(row, 1)?, number(row, 2)?))
    })
    .optional()
}

/// The first episode whose sequence is greater, or the one behind the last. Sequences grow with episodes, and no row is missing,
/// so that it is found without an index of its own.
fn first_behind(
    db: &Connection,
    incarnation: Incarnation,
    first: u64,
    last: u64,
    after: u64,
) -> Result<u64> {
    let mut sequence =
        db.prepare_cached("SELECT sequence FROM history WHERE incarnation = ?1 AND episode = ?2")?;
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let key = (integer(incarnation.0), integer(middle));
        if sequence.query_row(key, |row| number(row, 0))? > after {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// The custom status that held before an episode, and the episode that set it.
fn status_before(
    db: &Connection,
    incarnation: Incarnation,
    episode: u64,
) -> Result<Option<(u64, String)>> {
    db.prepare_cached(
        "SELECT episode, custom_status FROM history
         WHERE incarnation = ?1 AND episode < ?2 AND custom_status IS NOT NULL
         ORDER BY episode DESC LIMIT 1",
    )?
    .query_row((integer(incarnation.0), integer(episode)), |row| {
        Ok((number(row, 0)?, row.get(1)?))
    })
    .optional()
}
