//! The table `instances`: the columns of [`InstanceHeader`].

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::convert;
use super::convert::{execution_bytes, integer, number, optional_number, optional_time, time};
use super::meta::PARTITION;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{
    ContinuedExecution, CreateInstance, EpisodeWrite, ImportInstance, InstanceHeader, ParentLink,
};

/// What [`header`] reads, in its order.
macro_rules! instance_columns {
    () => {
        "instances.id, instances.incarnation, instances.name, execution_id, runtime_status, created_at, last_updated_at, \
         first_episode, episode, status_episode, sequence, next_timer, needs_attention, stalled, version, parent_id, \
         parent_execution_id, parent_task_id"
    };
}

macro_rules! select_header {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            instance_columns!(),
            " FROM instances WHERE ",
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

/// The runtime status of an instance.
pub(super) fn status(db: &Connection, incarnation: Incarnation) -> Result<Option<RuntimeStatus>> {
    db.prepare_cached("SELECT runtime_status FROM instances WHERE incarnation = ?1")?
        .query_row([integer(incarnation.0)], |row| {
            convert::runtime_status(row, 0)
        })
        .optional()
}

/// The unfinished instances that this execution of an instance started, oldest first.
pub(super) fn unfinished_children(
    db: &Connection,
    parent: &InstanceId,
    execution: ExecutionId,
) -> Result<Vec<(Incarnation, InstanceId)>> {
    db.prepare_cached(UNFINISHED_CHILDREN)?
        .query_map((parent.as_str(), execution_bytes(execution)), |row| {
            Ok((convert::incarnation(row, 0)?, id(row, 1)?))
        })?
        .collect()
}

pub(super) const UNFINISHED_CHILDREN: &str = "
    SELECT incarnation, id FROM instances INDEXED BY instances_by_parent
    WHERE parent_id = ?1 AND parent_execution_id = ?2
      AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    ORDER BY incarnation";

/// Adds an instance.
pub(super) fn insert(db: &Connection, create: &CreateInstance) -> Result<Incarnation> {
    let parent = create.parent.as_ref();
    db.prepare_cached(
        "INSERT INTO instances (partition, id, name, execution_id, runtime_status, created_at, last_updated_at,
                                first_episode, episode, status_episode, sequence, next_timer, needs_attention, version,
                                parent_id, parent_execution_id, parent_task_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, 0, ?7, 0, ?8, ?8 IS NULL, ?9, ?10, ?11, ?12)
         RETURNING incarnation",
    )?
    .query_row(
        (
            PARTITION,
            create.id.as_str(),
            &create.name,
            execution_bytes(create.execution_id),
            RuntimeStatus::Pending.as_str(),
            create.created_at.as_microsecond(),
            create.custom_status.as_ref().map(|_| 0),
            create.start_at.map(|time| time.as_microsecond()),
            &create.version,
            parent.map(|parent| parent.instance_id.as_str()),
            parent.map(|parent| execution_bytes(parent.execution_id)),
            parent.map(|parent| parent.task_scheduled_id),
        ),
        |row| convert::incarnation(row, 0),
    )
}

/// Makes a new instance one with a past.
pub(super) fn import(
    db: &Connection,
    incarnation: Incarnation,
    import: &ImportInstance,
) -> Result<()> {
    let last = import.rows.last();
    let with_status = import.rows.iter().filter(|row| row.custom_status.is_some());
    db.prepare_cached(
        "UPDATE instances
         SET runtime_status = ?2, last_updated_at = ?3, episode = ?4, sequence = ?5,
             status_episode = ifnull(?6, status_episode), next_timer = iif(?7, NULL, next_timer),
             needs_attention = needs_attention AND NOT ?7
         WHERE incarnation = ?1",
    )?
    .execute((
        integer(incarnation.0),
        import.runtime_status.as_str(),
        import.last_updated_at.as_microsecond(),
        integer(last.map_or(0, |row| row.episode)),
        integer(last.map_or(0, |row| row.sequence)),
        with_status.map(|row| integer(row.episode)).max(),
        import.runtime_status.is_terminal(),
    ))
    .map(drop)
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

/// Makes the last episode the first one of another execution.
pub(super) fn begin_execution(
    db: &Connection,
    incarnation: Incarnation,
    next: &ContinuedExecution,
    has_custom_status: bool,
) -> Result<()> {
    db.prepare_cached(
        "UPDATE instances
         SET execution_id = ?2, version = ?3, first_episode = episode, status_episode = iif(?4, episode, NULL)
         WHERE incarnation = ?1",
    )?
    .execute((
        integer(incarnation.0),
        execution_bytes(next.execution_id),
        &next.version,
        has_custom_status,
    ))
    .map(drop)
}

/// Lets a failed instance go on.
pub(super) fn rewind(db: &Connection, incarnation: Incarnation, at: Timestamp) -> Result<()> {
    db.prepare_cached(
        "UPDATE instances
         SET runtime_status = 'Pending', last_updated_at = ?2, sequence = sequence + 1, needs_attention = 1
         WHERE incarnation = ?1",
    )?
    .execute((integer(incarnation.0), at.as_microsecond()))
    .map(drop)
}

/// Sets what follows from a report of an activity.
pub(super) fn progress(
    db: &Connection,
    incarnation: Incarnation,
    sequence: u64,
    at: Timestamp,
) -> Result<()> {
    db.prepare_cached(
        "UPDATE instances SET sequence = ?2, last_updated_at = ?3 WHERE incarnation = ?1",
    )?
    .execute((
        integer(incarnation.0),
        integer(sequence),
        at.as_microsecond(),
    ))
    .map(drop)
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

/// The instance in a row of the columns that [`select_header!`] names.
pub(super) fn header(row: &Row<'_>) -> Result<InstanceHeader> {
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
        version: row.get(14)?,
        parent: parent(row)?,
    })
}

fn parent(row: &Row<'_>) -> Result<Option<ParentLink>> {
    if row.get_ref(15)? == ValueRef::Null {
        return Ok(None);
    }
    Ok(Some(ParentLink {
        instance_id: id(row, 15)?,
        execution_id: convert::execution_id(row, 16)?,
        task_scheduled_id: row.get(17)?,
    }))
}

/// The instance id in a column.
pub(super) fn id(row: &Row<'_>, column: usize) -> Result<InstanceId> {
    convert::decode(row, column, |id: String| InstanceId::parse(id))
}
