//! Reading on behind what is damaged.
//!
//! SQLite ends a statement that meets a damaged page, and a value that no store wrote cannot be decoded. What comes behind is found by the
//! index of the ids, which has the incarnation of every instance too: each is then looked up by itself. That index is not in the
//! order of incarnations, so that it is read as a whole each time, and only where there is damage. When it is damaged itself there
//! is no way past: a read fails that meets both.

use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::convert::{self, integer, limit};
use super::error::is_damage;
use crate::model::instance::Incarnation;
use crate::model::query::Order;
use crate::store::UnreadableInstance;

/// How many are listed at a time: a few megabytes, and few readings of the index.
const LISTED: usize = 20_000;

const OLDEST_FIRST: &str = "
    SELECT incarnation, id FROM instances INDEXED BY sqlite_autoindex_instances_1
    WHERE incarnation > ?1 ORDER BY incarnation LIMIT ?2";

const NEWEST_FIRST: &str = "
    SELECT incarnation, id FROM instances INDEXED BY sqlite_autoindex_instances_1
    WHERE incarnation < ?1 ORDER BY incarnation DESC LIMIT ?2";

const BY_INCARNATION: &str = "
    SELECT incarnation, id FROM instances INDEXED BY sqlite_autoindex_instances_1
    WHERE incarnation = ?1";

/// All instances behind one, in order, without a look at the rows of any.
pub(super) struct Listed<'a> {
    db: &'a Connection,
    order: Order,
    last: Incarnation,
    next: VecDeque<(Incarnation, String)>,
}

impl<'a> Listed<'a> {
    pub(super) fn behind(db: &'a Connection, after: Option<Incarnation>, order: Order) -> Self {
        let first = match order {
            Order::OldestFirst => Incarnation(0),
            Order::NewestFirst => Incarnation(u64::MAX),
        };
        Self {
            db,
            order,
            last: after.unwrap_or(first),
            next: VecDeque::new(),
        }
    }

    fn read(&mut self) -> Result<()> {
        let sql = match self.order {
            Order::OldestFirst => OLDEST_FIRST,
            Order::NewestFirst => NEWEST_FIRST,
        };
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map((integer(self.last.0), limit(LISTED)), listed)?;
        self.next = rows.collect::<Result<_>>()?;
        Ok(())
    }
}

impl Iterator for Listed<'_> {
    type Item = Result<(Incarnation, String)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next.is_empty()
            && let Err(error) = self.read()
        {
            return Some(Err(error));
        }
        let next = self.next.pop_front()?;
        self.last = next.0;
        Some(Ok(next))
    }
}

/// An instance that could not be read for this reason.
pub(super) fn unreadable(
    db: &Connection,
    incarnation: Incarnation,
    error: &rusqlite::Error,
) -> Result<UnreadableInstance> {
    let found = db
        .prepare_cached(BY_INCARNATION)?
        .query_row([integer(incarnation.0)], listed)
        .optional()?;
    let id = found.map(|(_, id)| id).unwrap_or_default();
    Ok(told(incarnation, id, error))
}

pub(super) fn told(
    incarnation: Incarnation,
    id: String,
    error: &rusqlite::Error,
) -> UnreadableInstance {
    UnreadableInstance {
        id,
        incarnation,
        reason: format!("something of it is damaged: {error}"),
    }
}

/// What was read of one instance; `None` when it is damaged.
pub(super) fn undamaged<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Ids are any text here: also one that no instance should have is told.
fn listed(row: &Row<'_>) -> Result<(Incarnation, String)> {
    let id = row.get_ref(1)?.as_bytes().unwrap_or_default();
    let id = String::from_utf8_lossy(id).into_owned();
    Ok((convert::incarnation(row, 0)?, id))
}
