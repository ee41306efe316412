//! Queries over many instances. Each walks one of the small partial indexes.

use rusqlite::{Connection, Result, Row};

use super::convert::{incarnation, integer, limit, time};
use super::instances;
use crate::model::instance::{Incarnation, InstanceId};
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

/// See [`crate::store::Store::needing_attention`].
pub(super) fn needing_attention(
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

/// See [`crate::store::Store::timers`].
pub(super) fn timers(
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
