//! One [`Write`] inside the transaction of its commit.
//!
//! Whether a write is accepted is decided before anything of it is written, so that a refused one leaves no trace and
//! needs no savepoint.

use rusqlite::{Connection, Result};

use super::{episodes, history, inbox, instances, progress, search, tags};
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateInstance, HistoryRow, ImportInstance, InstanceHeader, PurgeWhere, Refused, Write,
    WriteResult, Written, are_consecutive, gives_way, walked,
};

/// Applies a write, or says why not.
pub(super) fn apply(db: &Connection, write: &Write) -> Result<WriteResult> {
    match write {
        Write::Create(create) => Ok(apply_create(db, create)?.map(New::written)),
        Write::Episode(episode) => episodes::apply(db, episode),
        Write::Enqueue {
            incarnation,
            execution,
            event,
        } => apply_to_unfinished(db, *incarnation, *execution, || {
            inbox::append(db, *incarnation, *execution, event)
        }),
        Write::SetStalled {
            incarnation,
            reason,
        } => apply_to_unfinished(db, *incarnation, None, || {
            instances::set_stalled(db, *incarnation, reason.as_deref())
        }),
        Write::Progress {
            incarnation,
            execution_id,
            sequence,
            at,
            progress: report,
        } => apply_to_unfinished(db, *incarnation, Some(*execution_id), || {
            instances::progress(db, *incarnation, *sequence, *at)?;
            progress::put(db, *incarnation, report)
        }),
        Write::Rewind { id, at, event } => {
            let is_failed = |found: &InstanceHeader| found.runtime_status == RuntimeStatus::Failed;
            apply_to(db, id, is_failed, |found| {
                instances::rewind(db, found, *at)?;
                inbox::append(db, found, None, event)?;
                Ok(Written::Stored)
            })
        }
        Write::Purge { id } => {
            let has_ended = |found: &InstanceHeader| found.runtime_status.is_terminal();
            apply_to(db, id, has_ended, |found| {
                delete(db, found)?;
                Ok(Written::Purged {
                    count: 1,
                    next: None,
                })
            })
        }
        Write::PurgeWhere(purge) => purge_where(db, purge).map(Ok),
        Write::Import(import) => apply_import(db, import),
    }
}

/// An instance that is there after a create.
pub(super) enum New {
    /// It was there before.
    Known(Incarnation),
    /// It was made, and took the place of another one or not.
    Made {
        incarnation: Incarnation,
        replaced: bool,
    },
}

impl New {
    const fn written(self) -> Written {
        match self {
            Self::Known(incarnation) => Written::Created {
                incarnation,
                replaced: true,
            },
            Self::Made {
                incarnation,
                replaced,
            } => Written::Created {
                incarnation,
                replaced,
            },
        }
    }
}

/// Creates an instance with its first row, or says why not.
pub(super) fn apply_create(
    db: &Connection,
    create: &CreateInstance,
) -> Result<std::result::Result<New, Refused>> {
    let existing = instances::by_id(db, &create.id)?;
    let replaced = existing.is_some();
    if let Some(existing) = existing {
        if existing.execution_id == create.execution_id {
            return Ok(Ok(New::Known(existing.incarnation)));
        }
        if !gives_way(&existing, create) {
            return Ok(Err(Refused::Exists(Box::new(existing))));
        }
        delete(db, existing.incarnation)?;
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
    tags::insert(db, incarnation, &create.tags)?;
    Ok(Ok(New::Made {
        incarnation,
        replaced,
    }))
}

fn apply_import(db: &Connection, import: &ImportInstance) -> Result<WriteResult> {
    if !are_consecutive(&import.rows) {
        return Ok(Err(Refused::Stale));
    }
    let new = match apply_create(db, &import.create)? {
        Ok(new) => new,
        Err(refused) => return Ok(Err(refused)),
    };
    if let New::Made { incarnation, .. } = new {
        instances::import(db, incarnation, import)?;
        for row in &import.rows {
            history::insert(db, incarnation, row)?;
        }
        for event in &import.inbox {
            inbox::append(db, incarnation, None, event)?;
        }
    }
    Ok(Ok(new.written()))
}

/// Deletes the first of the instances that match and have ended. They are found before any is deleted: nothing changes below a walk.
fn purge_where(db: &Connection, purge: &PurgeWhere) -> Result<Written> {
    let mut ended = Vec::new();
    let mut next = None;
    if let Some((filter, page)) = purge.walk() {
        next = search::walk(db, &filter, &page, |steps| {
            walked(&page, steps, |incarnation| {
                ended.push(incarnation);
                history::count(db, incarnation)
            })
        })?;
    }
    for incarnation in &ended {
        delete(db, *incarnation)?;
    }
    Ok(Written::Purged {
        count: ended.len() as u64,
        next,
    })
}

/// Deletes an instance with everything that belongs to it.
fn delete(db: &Connection, incarnation: Incarnation) -> Result<()> {
    inbox::delete(db, incarnation)?;
    history::delete(db, incarnation)?;
    progress::delete(db, incarnation)?;
    tags::delete(db, incarnation)?;
    instances::delete(db, incarnation)
}

/// Applies what is for an instance of this id that is as it must be.
fn apply_to(
    db: &Connection,
    id: &InstanceId,
    is_as_it_must_be: impl FnOnce(&InstanceHeader) -> bool,
    write: impl FnOnce(Incarnation) -> Result<Written>,
) -> Result<WriteResult> {
    match instances::by_id(db, id)? {
        Some(found) if is_as_it_must_be(&found) => write(found.incarnation).map(Ok),
        Some(found) => Ok(Err(Refused::Exists(Box::new(found)))),
        None => Ok(Err(Refused::Stale)),
    }
}

/// Applies what is for an unfinished instance, and perhaps for one execution of it only.
fn apply_to_unfinished(
    db: &Connection,
    incarnation: Incarnation,
    execution: Option<ExecutionId>,
    write: impl FnOnce() -> Result<()>,
) -> Result<WriteResult> {
    match instances::by_incarnation(db, incarnation)? {
        Some(header)
            if !header.runtime_status.is_terminal()
                && execution.is_none_or(|execution| execution == header.execution_id) =>
        {
            write().map(|()| Ok(Written::Stored))
        }
        _ => Ok(Err(Refused::Stale)),
    }
}
