//! Queries over many instances. Each walks one of the small partial indexes.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Result, Row};

use super::convert::{incarnation, integer, limit, time};
use super::error::is_damage;
use super::instances;
use super::past_damage::{Listed, undamaged};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::Order;
use crate::store::TimerPosition;

pub(super) const NEEDING_ATTENTION: &str = "
    WITH flagged AS (
        SELECT incarnation FROM instances
        WHERE needs_attention = 1 AND incarnation > ?1
          AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
        ORDER BY incarnation LIMIT ?2
    ), with_messages AS (
        SELECT DISTINCT inbox.incarnation FROM inbox CROSS JOIN instances USING (incarnation)
        WHERE inbox.incarnation > ?1
          AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
        ORDER BY inbox.incarnation LIMIT ?2
    )
    SELECT incarnation, id FROM instances
    WHERE incarnation IN (SELECT incarnation FROM flagged UNION SELECT incarnation FROM with_messages)
    ORDER BY incarnation LIMIT ?2";

/// The rest of those that are due at one time, which may be very many.
pub(super) const TIMERS_OF_ONE_TIME: &str = "
    SELECT next_timer, incarnation, id FROM instances
    WHERE next_timer = ?1 AND incarnation > ?2
      AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    ORDER BY incarnation LIMIT ?3";

pub(super) const TIMERS_OF_LATER_TIMES: &str = "
    SELECT next_timer, incarnation, id FROM instances
    WHERE next_timer > ?1
      AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    ORDER BY next_timer, incarnation LIMIT ?2";

const NEEDS_ATTENTION: &str = "
    SELECT runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
      AND (needs_attention = 1 OR EXISTS (SELECT 1 FROM inbox WHERE inbox.incarnation = instances.incarnation))
    FROM instances WHERE incarnation = ?1";

const NEXT_TIMER: &str = "
    SELECT next_timer, incarnation, id FROM instances
    WHERE incarnation = ?1 AND next_timer IS NOT NULL
      AND runtime_status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')";

/// See [`crate::store::Store::needing_attention`].
pub(super) fn needing_attention(
    db: &Connection,
    after: Incarnation,
    rows: usize,
) -> Result<Vec<(Incarnation, InstanceId)>> {
    match attention(db, after, rows) {
        Err(error) if is_damage(&error) => attention_past_damage(db, after, rows),
        found => found,
    }
}

fn attention(
    db: &Connection,
    after: Incarnation,
    rows: usize,
) -> Result<Vec<(Incarnation, InstanceId)>> {
    db.prepare_cached(NEEDING_ATTENTION)?
        .query_map((integer(after.0), limit(rows)), |row| {
            Ok((incarnation(row, 0)?, instances::id(row, 1)?))
        })?
        .collect()
}

/// Asks each instance by itself. Who is told of one that is damaged loads it, and finds out.
fn attention_past_damage(
    db: &Connection,
    after: Incarnation,
    rows: usize,
) -> Result<Vec<(Incarnation, InstanceId)>> {
    let mut needs_attention = db.prepare_cached(NEEDS_ATTENTION)?;
    let mut found = Vec::new();
    for listed in Listed::behind(db, Some(after), Order::OldestFirst) {
        let (incarnation, id) = listed?;
        let needs =
            needs_attention.query_row([integer(incarnation.0)], |row| row.get::<_, bool>(0));
        if undamaged(needs)?.unwrap_or(true)
            && let Ok(id) = InstanceId::parse(id)
        {
            found.push((incarnation, id));
        }
        if found.len() >= rows {
            break;
        }
    }
    Ok(found)
}

/// See [`crate::store::Store::timers`].
pub(super) fn timers(
    db: &Connection,
    after: TimerPosition,
    rows: usize,
) -> Result<Vec<(TimerPosition, InstanceId)>> {
    match timers_in_order(db, after, rows) {
        Err(error) if is_damage(&error) => timers_past_damage(db, after, rows),
        found => found,
    }
}

/// Asks each instance by itself, and keeps the first timers.
fn timers_past_damage(
    db: &Connection,
    after: TimerPosition,
    rows: usize,
) -> Result<Vec<(TimerPosition, InstanceId)>> {
    let mut next_timer = db.prepare_cached(NEXT_TIMER)?;
    let mut first = BTreeMap::new();
    for listed in Listed::behind(db, None, Order::OldestFirst) {
        let (incarnation, id) = listed?;
        let found = next_timer.query_row([integer(incarnation.0)], timer);
        match undamaged(found.optional())? {
            Some(Some((position, id))) if position > after => {
                first.insert(position, id);
                if first.len() > rows {
                    first.pop_last();
                }
            }
            Some(_) => {}
            None => {
                tracing::error!(instance = %id, "an instance is damaged; its timers cannot be read");
            }
        }
    }
    Ok(first.into_iter().collect())
}

fn timers_in_order(
    db: &Connection,
    after: TimerPosition,
    rows: usize,
) -> Result<Vec<(TimerPosition, InstanceId)>> {
    let time = after.fire_at.as_microsecond();
    let mut found = db
        .prepare_cached(TIMERS_OF_ONE_TIME)?
        .query_map((time, integer(after.incarnation.0), limit(rows)), timer)?
        .collect::<Result<Vec<_>>>()?;
    let mut later = db.prepare_cached(TIMERS_OF_LATER_TIMES)?;
    for timer in later.query_map((time, limit(rows - found.len())), timer)? {
        found.push(timer?);
    }
    Ok(found)
}

fn timer(row: &Row<'_>) -> Result<(TimerPosition, InstanceId)> {
    let position = TimerPosition {
        fire_at: time(row, 0)?,
        incarnation: incarnation(row, 1)?,
    };
    Ok((position, instances::id(row, 2)?))
}
