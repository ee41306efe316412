//! The timer index: which instance has a timer due next.
//!
//! Only the nearest timers are in memory. Everything in the store up to the *horizon* is in the index; what is later is read
//! when its time comes near. A million sleeping instances cost a bounded amount of memory.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::instance::{Incarnation, InstanceId};
use crate::store::TimerPosition;

/// How many timers are read at a time.
pub(crate) const PAGE: usize = 1_000;

/// How many timers are in memory at the most. When there are more, the later half is left to the store.
const MAX_NEAR: usize = 8 * PAGE;

/// Before every timer.
pub(crate) const START: TimerPosition = TimerPosition {
    fire_at: Timestamp::MIN,
    incarnation: Incarnation(0),
};

#[derive(Debug)]
pub(crate) struct TimerIndex {
    near: BTreeMap<TimerPosition, InstanceId>,
    horizon: Horizon,
}

/// How far the index knows the store's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Horizon {
    /// Up to and including this position.
    Until(TimerPosition),
    /// A page after this position is being read. Meanwhile every new timer is kept: the page may have been read before it.
    Reading(TimerPosition),
    /// To the end.
    Everything,
}

impl Default for TimerIndex {
    fn default() -> Self {
        Self {
            near: BTreeMap::new(),
            horizon: Horizon::Until(START),
        }
    }
}

impl TimerIndex {
    /// How many timers are in memory.
    pub(crate) fn len(&self) -> usize {
        self.near.len()
    }

    /// Takes in the committed next due time of an instance. Outdated ones of the same instance may stay: a shard ignores a
    /// timer that is not due.
    pub(crate) fn set(&mut self, position: TimerPosition, id: InstanceId) {
        let known = match self.horizon {
            Horizon::Until(horizon) => position <= horizon,
            Horizon::Reading(_) | Horizon::Everything => true,
        };
        if known {
            self.near.insert(position, id);
            self.forget_far();
        }
    }

    /// Leaves what is too much to the store, which has all of it. While a page is being read nothing is left to it: the page
    /// may be older.
    fn forget_far(&mut self) {
        if self.near.len() <= MAX_NEAR || matches!(self.horizon, Horizon::Reading(_)) {
            return;
        }
        if let Some(first_far) = self.near.keys().nth(MAX_NEAR / 2).copied() {
            self.near.split_off(&first_far);
        }
        if let Some((last_near, _)) = self.near.last_key_value() {
            self.horizon = Horizon::Until(*last_near);
        }
    }

    /// The position after which the next page must be read now, if so. The answer goes to [`Self::read`]. To be asked again
    /// after every [`Self::due`], and before waiting.
    pub(crate) fn begin_reading(&mut self) -> Option<TimerPosition> {
        match self.horizon {
            Horizon::Until(after) if self.near.is_empty() => {
                self.horizon = Horizon::Reading(after);
                Some(after)
            }
            _ => None,
        }
    }

    /// Takes in a page of at most [`PAGE`] rows; a full one may be followed by another.
    pub(crate) fn read(&mut self, page: Vec<(TimerPosition, InstanceId)>) {
        self.horizon = match page.last() {
            Some((last, _)) if page.len() >= PAGE => Horizon::Until(*last),
            _ => Horizon::Everything,
        };
        self.near.extend(page);
        self.forget_far();
    }

    /// The page could not be read; it is asked for again.
    pub(crate) fn reading_failed(&mut self) {
        if let Horizon::Reading(after) = self.horizon {
            self.horizon = Horizon::Until(after);
        }
    }

    /// Takes out the instances whose timers are due.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<InstanceId> {
        let mut due = Vec::new();
        while let Some(first) = self.near.first_entry() {
            if first.key().fire_at > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    /// When the nearest timer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.near
            .first_key_value()
            .map(|(position, _)| position.fire_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, incarnation: u64) -> TimerPosition {
        TimerPosition {
            fire_at: Timestamp::from_second(second).unwrap(),
            incarnation: Incarnation(incarnation),
        }
    }

    fn id(number: u64) -> InstanceId {
        InstanceId::parse(number.to_string()).unwrap()
    }

    #[test]
    fn timers_come_out_in_order_and_never_early() {
        let mut index = TimerIndex::default();
        assert_eq!(index.begin_reading(), Some(START));
        index.set(at(5, 1), id(1));
        index.read(vec![(at(3, 2), id(2)), (at(5, 3), id(3))]);
        assert_eq!(index.next(), Some(at(3, 0).fire_at));
        assert_eq!(index.due(at(2, 0).fire_at), []);
        assert_eq!(index.due(at(4, 0).fire_at), [id(2)]);
        assert_eq!(index.due(at(5, 0).fire_at), [id(1), id(3)]);
        assert_eq!((index.next(), index.begin_reading()), (None, None));
    }

    #[test]
    fn only_the_near_timers_are_in_memory() {
        let mut index = TimerIndex::default();
        index.begin_reading();
        index.read((1..=PAGE as u64).map(|n| (at(1, n), id(n))).collect());
        index.set(at(1, PAGE as u64 + 7), id(7_777));
        index.set(at(9, 1), id(9_999));
        assert_eq!(index.near.len(), PAGE);
        assert_eq!(index.due(at(1, 0).fire_at).len(), PAGE);
        assert_eq!(index.begin_reading(), Some(at(1, PAGE as u64)));
        index.set(at(4, 4), id(4));
        index.read(vec![
            (at(1, PAGE as u64 + 7), id(7_777)),
            (at(9, 1), id(9_999)),
        ]);
        assert_eq!(index.due(at(9, 9).fire_at), [id(7_777), id(4), id(9_999)]);
    }

    #[test]
    fn what_is_too_much_is_left_to_the_store() {
        let mut index = TimerIndex::default();
        index.begin_reading();
        index.read(Vec::new());
        let last = MAX_NEAR as u64 + 1;
        (1..=last).for_each(|n| index.set(at(1, n), id(n)));
        assert_eq!(index.near.len(), MAX_NEAR / 2);
        assert_eq!(index.due(at(1, 0).fire_at).len(), MAX_NEAR / 2);
        assert_eq!(index.begin_reading(), Some(at(1, MAX_NEAR as u64 / 2)));
    }

    #[test]
    fn a_failed_read_is_asked_for_again() {
        let mut index = TimerIndex::default();
        assert_eq!(index.begin_reading(), Some(START));
        assert_eq!(index.begin_reading(), None);
        index.reading_failed();
        assert_eq!(index.begin_reading(), Some(START));
    }
}
