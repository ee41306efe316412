//! One [`Write`] inside the transaction of its commit.
//!
//! Whether a write is accepted is decided before anything of it is written, so that a refused one leaves no trace and
//! needs no savepoint.

use rusqlite::{Connection, Result};

use super::{history, inbox, instances};
use crate::model::instance::Incarnation;
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateInstance, EpisodeWrite, HistoryRow, Refused, Write, WriteResult, Written,
};

/// Applies a write, or says why not.
pub(super) fn apply(db: &Connection, write: &Write) -> Result<WriteResult> {
    match write {
        Write::Create(create) => apply_create(db, create),
        Write::Episode(episode) => apply_episode(db, episode),
        Write::Enqueue { incarnation, event } => {
            apply_to_unfinished(db, *incarnation, || inbox::append(db, *incarnation, event))
        }
        Write::SetStalled {
            incarnation,
            reason,
        } => apply_to_unfinished(db, *incarnation, || {
            instances::set_stalled(db, *incarnation, reason.as_deref())
        }),
    }
}

fn apply_create(db: &Connection, create: &CreateInstance) -> Result<WriteResult> {
    if let Some(existing) = instances::by_id(db, &create.id)? {
        if existing.execution_id == create.execution_id {
            return Ok(Ok(Written::Created(existing.incarnation)));
        }
        if !create.replaces.contains(&existing.runtime_status) {
            return Ok(Err(Refused::Exists(Box::new(existing))));
        }
        inbox::delete(db, existing.incarnation)?;
        history::delete(db, existing.incarnation)?;
        instances::delete(db, existing.incarnation)?;
    }
    let incarnation = instances::insert(db, create)?;
    let row = HistoryRow {
        episode: 0,
        events: create.events.clone(),
        custom_status: create.custom_status.clone(),
        runtime_status: RuntimeStatus::Pending,
        sequence: 0,
    };
    history::insert(db, incarnation, &row)?;
    Ok(Ok(Written::Created(incarnation)))
}

fn apply_episode(db: &Connection, write: &EpisodeWrite) -> Result<WriteResult> {
    if instances::advance(db, write)? {
        history::insert(db, write.incarnation, &write.row)?;
        if let Some(up_to) = write.inbox_taken {
            inbox::take(db, write.incarnation, up_to)?;
        }
        return Ok(Ok(Written::Stored));
    }
    let applied_before = match instances::by_incarnation(db, write.incarnation)? {
        Some(header)
            if header.execution_id == write.execution_id
                && header.first_episode <= write.row.episode =>
        {
            history::row(db, write.incarnation, write.row.episode)?.as_ref() == Some(&write.row)
        }
        _ => false,
    };
    Ok(if applied_before {
        Ok(Written::Stored)
    } else {
        Err(Refused::Stale)
    })
}

fn apply_to_unfinished(
    db: &Connection,
    incarnation: Incarnation,
    write: impl FnOnce() -> Result<()>,
) -> Result<WriteResult> {
    match instances::by_incarnation(db, incarnation)? {
        Some(header) if !header.runtime_status.is_terminal() => {
            write().map(|()| Ok(Written::Stored))
        }
        _ => Ok(Err(Refused::Stale)),
    }
}
