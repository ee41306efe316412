//! The table `instances`: the columns of [`InstanceHeader`].

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::convert;
use super::convert::{execution_bytes, integer, number, optional_number, optional_time, time};
use super::meta::PARTITION;
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{CreateInstance, EpisodeWrite, InstanceHeader};

macro_rules! select_header {
    ($condition:literal) => {
        concat!(
            "SELECT id, incarnation, name, execution_id, runtime_status, created_at, last_updated_at, first_episode, \
             episode, status_episode, sequence, next_timer, needs_attention, stalled \
             FROM instances WHERE ",
            $condition
        )
    };
}

/// The instance of this id.
pub(super) fn by_id(db: &Connection, id: &InstanceId) -> Result<Option<InstanceHeader>> {
    db.prepare_cached(select_header!("id = ?1"))?
        .query_row([id.as_str()], header)
        .optional()
}

/// The instance of this incarnation.
pub(super) fn by_incarnation(
    db: &Connection,
    incarnation: Incarnation,
) -> Result<Option<InstanceHeader>> {
    db.prepare_cached(select_header!("incarnation = ?1"))?
        .query_row([integer(incarnation.0)], header)
        .optional()
}

/// Adds an instance.
pub(super) fn insert(db: &Connection, create: &CreateInstance) -> Result<Incarnation> {
    let created_at = create.created_at.as_microsecond();
    db.prepare_cached(
        "INSERT INTO instances (partition, id, name, execution_id, runtime_status, created_at, last_updated_at,
                                first_episode, episode, status_episode, sequence, needs_attention)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, 0, ?7, 0, 1)
         RETURNING incarnation",
    )?
    .query_row(
        (
            PARTITION,
            create.id.as_str(),
            &create.name,
            execution_bytes(create.execution_id),
            RuntimeStatus::Pending.as_str(),
            created_at,
            create.custom_status.as_ref().map(|_| 0),
        ),
        |row| convert::incarnation(row, 0),
    )
}

/// Deletes an instance's row, and no other.
pub(super) fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    db.prepare_cached("DELETE FROM instances WHERE incarnation = ?1")?
        .execute([integer(incarnation.0)])
        .map(drop)
}

/// Updates an instance whose last episode is the one before. Answers whether there is such an instance.
pub(super) fn advance(db: &Connection, write: &EpisodeWrite) -> Result<bool> {
    let updated = db
        .prepare_cached(
            "UPDATE instances
             SET episode = ?3, runtime_status = ?4, last_updated_at = ?5, sequence = ?6, next_timer = ?7,
                 needs_attention = ?8, stalled = ?9, status_episode = iif(?10, ?3, status_episode)
             WHERE incarnation = ?1 AND execution_id = ?2 AND episode = ?3 - 1",
        )?
        .execute((
            integer(write.incarnation.0),
            execution_bytes(write.execution_id),
            integer(write.row.episode),
            write.row.runtime_status.as_str(),
            write.last_updated_at.as_microsecond(),
            integer(write.row.sequence),
            write.next_timer.map(|time| time.as_microsecond()),
            write.needs_attention,
            &write.stalled,
            write.row.custom_status.is_some(),
        ))?;
    Ok(updated == 1)
}

/// Sets why an unfinished instance cannot advance, or that it can.
pub(super) fn set_stalled(
    db: &Connection,
    incarnation: Incarnation,
    reason: Option<&str>,
) -> Result<()> {
    db.prepare_cached(
        "UPDATE instances SET stalled = ?2, needs_attention = needs_attention OR ?2 IS NOT NULL WHERE incarnation = ?1",
    )?
    .execute((integer(incarnation.0), reason))
    .map(drop)
}

fn header(row: &Row<'_>) -> Result<InstanceHeader> {
    Ok(InstanceHeader {
        id: id(row, 0)?,
        incarnation: convert::incarnation(row, 1)?,
        name: row.get(2)?,
        execution_id: convert::execution_id(row, 3)?,
        runtime_status: convert::runtime_status(row, 4)?,
        created_at: time(row, 5)?,
        last_updated_at: time(row, 6)?,
        first_episode: number(row, 7)?,
        episode: number(row, 8)?,
        status_episode: optional_number(row, 9)?,
        sequence: number(row, 10)?,
        next_timer: optional_time(row, 11)?,
        needs_attention: row.get(12)?,
        stalled: row.get(13)?,
    })
}

/// The instance id in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<InstanceId> {
    convert::decode(row, column, |id: String| InstanceId::parse(id))
}
