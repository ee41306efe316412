//! What the reader of a list has been told, and so what is news to it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::follow::{Given, skipped};
use super::instances::SharedEvent;
use crate::model::instance::{Cursor, InstanceId};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{Filtered, matches};
use crate::worker::update::{Published, Update};

/// How long what is in the store may take to be told to its watchers. As a rule it is told at once.
const UNTOLD_FOR: SignedDuration = SignedDuration::from_mins(1);

/// How many are remembered that left. Of one that is forgotten the reader may be told so twice.
const LEFT_KEPT: usize = 4_096;

/// What the reader has been told of those that match, as far as it may change or something older may still be told of it.
#[derive(Debug)]
pub(super) struct Shown {
    filter: InstanceFilter,
    instances: HashMap<InstanceId, Instance>,
    /// Those among them that are over, in the order in which they can be forgotten.
    over: VecDeque<(Read, InstanceId)>,
    /// Those that left last: the reader need not be told so again when they are gone or replaced.
    left: VecDeque<InstanceId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Instance {
    cursor: Cursor,
    is_stalled: bool,
    /// Whether the reader has been told that it matches, and not that it left.
    matches: bool,
    /// Once it is over.
    until: Option<Read>,
}

/// When something was read from the store, which may be ahead of what is told: at first up to this place, and for a while in what comes
/// behind it, as what is in the store already may not have been told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) place: u64,
    pub(super) time: Timestamp,
}

impl Read {
    fn is_past(self, place: u64, now: Timestamp) -> bool {
        self.place <= place && now.duration_since(self.time) >= UNTOLD_FOR
    }
}

impl Shown {
    pub(super) fn new(filter: InstanceFilter) -> Self {
        Self {
            filter,
            instances: HashMap::new(),
            over: VecDeque::new(),
            left: VecDeque::new(),
        }
    }

    pub(super) const fn filter(&self) -> &InstanceFilter {
        &self.filter
    }

    pub(super) fn len(&self) -> usize {
        self.instances.len()
    }

    pub(super) fn matches(&self, update: &Update) -> bool {
        matches(&self.filter, &filtered(update))
    }

    /// Whether the reader is to be told something of this update.
    pub(super) fn is_news(&self, update: &Update, read: Option<Read>) -> bool {
        let shown = self.instances.get(&update.about.id);
        if !self.matches(update) {
            return match shown {
                Some(shown) => shown.matches && shown.cursor <= update.cursor,
                None => {
                    (update.replaces || read.is_some())
                        && self.may_have_shown_end_of(&update.about.id)
                }
            };
        }
        shown.is_none_or(|shown| {
            let differs = read.is_some() || shown.is_stalled != update.stalled.is_some();
            shown.cursor < update.cursor || (shown.cursor == update.cursor && differs)
        })
    }

    /// What the reader is to be told of an update, and now has been.
    pub(super) fn look_at(
        &mut self,
        update: &Arc<Published>,
        read: Option<Read>,
    ) -> Option<SharedEvent> {
        if !self.is_news(update, read) {
            return None;
        }
        let id = &update.about.id;
        if !self.matches(update) {
            return Some(self.left(id.clone(), update.cursor, read));
        }
        let shown = self.instances.get(id);
        let skipped = shown.and_then(|shown| skipped(shown.cursor, update.cursor));
        self.show(update, read);
        Some(SharedEvent::Change(Given {
            update: Arc::clone(update),
            skipped: skipped.unwrap_or_default(),
        }))
    }

    /// One of the list. What ended long ago is not remembered: nothing older is told of it.
    pub(super) fn list(&mut self, update: &Update, read: Read) {
        let is_recent = |ended| read.time.duration_since(ended) < UNTOLD_FOR;
        let is_recent = update.last_updated_at.is_none_or(is_recent);
        self.show(update, is_recent.then_some(read));
    }

    fn show(&mut self, update: &Update, read: Option<Read>) {
        let id = update.about.id.clone();
        let shown = Instance {
            cursor: update.cursor,
            is_stalled: update.stalled.is_some(),
            matches: true,
            until: None,
        };
        if may_change(update.runtime_status) {
            self.instances.insert(id, shown);
        } else {
            self.end(id, shown, read);
        }
    }

    fn left(&mut self, id: InstanceId, cursor: Cursor, read: Option<Read>) -> SharedEvent {
        let shown = Instance {
            cursor,
            is_stalled: false,
            matches: false,
            until: None,
        };
        self.end(id.clone(), shown, read);
        SharedEvent::Left(id)
    }

    /// What is over is remembered for as long as something older may be told of it. What is told is told in order.
    fn end(&mut self, id: InstanceId, shown: Instance, read: Option<Read>) {
        if read.is_some() {
            let until = read;
            self.over.extend(until.map(|until| (until, id.clone())));
            self.instances.insert(id, Instance { until, ..shown });
        } else if !shown.matches && self.may_have_shown_end_of(&id) {
            self.left.push_back(id.clone());
            self.instances.insert(id, shown);
            self.forget_left();
        } else {
            self.instances.remove(&id);
        }
    }

    fn forget_left(&mut self) {
        if self.left.len() > LEFT_KEPT
            && let Some(id) = self.left.pop_front()
            && let Some(shown) = self.instances.get(&id)
            && !shown.matches
            && shown.until.is_none()
        {
            self.instances.remove(&id);
        }
    }

    /// The store has no such instance: whatever is told of it from before is old.
    pub(super) fn gone(&mut self, id: InstanceId, read: Read) -> Option<SharedEvent> {
        let Some(shown) = self.instances.get(&id) else {
            let may_be_shown = self.may_have_shown_end_of(&id);
            return may_be_shown.then_some(SharedEvent::Left(id));
        };
        let is_shown = shown.matches;
        let last = Cursor {
            sequence: u64::MAX,
            ..shown.cursor
        };
        let left = self.left(id, last, Some(read));
        is_shown.then_some(left)
    }

    /// An instance that was created with this cursor has taken the place of another one of its id: says whether the reader is to be told
    /// that it left, and now has been.
    pub(super) fn is_replaced(&mut self, id: &InstanceId, by: Cursor) -> bool {
        match self.instances.get(id) {
            Some(shown) if shown.cursor.incarnation < by.incarnation && shown.matches => {
                self.instances.remove(id).is_some()
            }
            Some(_) => false,
            None => self.may_have_shown_end_of(id),
        }
    }

    /// Forgets what is over, as far as everything has been told that may be older.
    pub(super) fn forget(&mut self, place: u64, now: impl FnOnce() -> Timestamp) {
        if self.over.is_empty() {
            return;
        }
        let now = now();
        while let Some((until, id)) = self
            .over
            .pop_front_if(|(until, _)| until.is_past(place, now))
        {
            let is_over = |shown: &Instance| shown.until == Some(until);
            if self.instances.get(&id).is_some_and(is_over) {
                self.instances.remove(&id);
            }
        }
    }

    /// Whether the reader asks for instances that have ended, among which one of this id may be.
    fn may_have_shown_end_of(&self, id: &InstanceId) -> bool {
        let statuses = &self.filter.runtime_status;
        let prefix = self.filter.id_prefix.as_deref().unwrap_or_default();
        let of_ended = statuses.is_empty() || statuses.iter().any(|status| !may_change(*status));
        of_ended && id.as_str().starts_with(prefix)
    }
}

/// Whether an instance in this status may get into another one. A failed one may be rewound.
fn may_change(status: RuntimeStatus) -> bool {
    !status.is_terminal() || status == RuntimeStatus::Failed
}

fn filtered(update: &Update) -> Filtered<'_> {
    let about = &update.about;
    Filtered {
        id: &about.id,
        name: &about.name,
        version: about.version.as_deref(),
        runtime_status: update.runtime_status,
        created_at: about.created_at,
        last_updated_at: update.last_updated_at.unwrap_or(about.created_at),
        parent: about.parent.as_ref(),
        tags: &about.tags,
        is_stalled: update.stalled.is_some(),
    }
}
