//! Watching all instances that match.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::changes::Change;
use super::follow::{Given, skipped};
use super::{Client, ClientError, InstanceQuery};
use crate::model::instance::{Cursor, InstanceId};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{Filtered, matches};
use crate::worker::every_instance::{Listener, Told};
use crate::worker::update::{Published, Update};
use crate::worker::watchers::Notice;

/// What a watch over instances tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstanceEvent {
    /// What was told before does not hold any more: those that match now follow. It comes first, when the reader was too slow for
    /// what happened, and when many instances were purged at once.
    Reset,
    /// An instance matches, and this is what it is like.
    Change(Box<Change>),
    /// Each of those that matched has been told. From now on it is changes.
    Complete,
    /// The instance does not match any more, or is gone.
    Left(InstanceId),
}

/// The same, as it is held in common with other readers.
pub(crate) enum SharedEvent {
    Reset,
    Change(Given),
    Complete,
    Left(InstanceId),
}

/// A watch over all instances that match a filter: see [`Client::watch_instances`].
pub struct InstanceWatch {
    client: Client,
    filter: InstanceFilter,
    listener: Listener,
    phase: Phase,
    /// What the reader has been told of those that match, as far as it may change.
    shown: HashMap<InstanceId, Shown>,
    /// Those among them that will not change or do not match any more, each with the place behind which nothing older is told of it.
    over: VecDeque<(u64, InstanceId)>,
    /// The instance of which only the store knows the state.
    uncertain: Option<InstanceId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown {
    cursor: Cursor,
    is_stalled: bool,
    /// Whether the reader has been told that it matches, and not that it left.
    matches: bool,
    /// Until when it is kept, once it is over.
    until: Option<u64>,
}

enum Phase {
    Begin,
    Listing(Box<InstanceQuery>),
    Live,
}

impl Client {
    /// Watches all instances that match: those that do now, each as it is, and then every commit that changes one that matches. It is fed
    /// by the commits of this process, and costs nothing while nobody watches.
    ///
    /// It keeps where each matching instance is that has not ended. A reader that is thousands of changes behind is told to
    /// [begin anew](InstanceEvent::Reset).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::{InstanceEvent, InstanceFilter};
    ///
    /// # async fn example(client: &Client) -> Result<(), steadfast::ClientError> {
    /// let mut failures = client.watch_instances(InstanceFilter::new().runtime_status([RuntimeStatus::Failed]));
    /// loop {
    ///     if let InstanceEvent::Change(failed) = failures.next().await? {
    ///         println!("{}: {:?}", failed.instance_id, failed.failure);
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn watch_instances(&self, filter: InstanceFilter) -> InstanceWatch {
        InstanceWatch {
            client: self.clone(),
            filter,
            listener: self.0.shared.watchers.listen(),
            phase: Phase::Begin,
            shown: HashMap::new(),
            over: VecDeque::new(),
            uncertain: None,
        }
    }
}

impl InstanceWatch {
    /// The next event. A failed or dropped call loses nothing.
    ///
    /// # Errors
    ///
    /// When the store fails, and [`ClientError::ShutDown`] when the worker goes away.
    pub async fn next(&mut self) -> Result<InstanceEvent, ClientError> {
        Ok(match self.next_shared().await? {
            SharedEvent::Reset => InstanceEvent::Reset,
            SharedEvent::Change(given) => InstanceEvent::Change(Box::new(Change::of(&given, Ok)?)),
            SharedEvent::Complete => InstanceEvent::Complete,
            SharedEvent::Left(id) => InstanceEvent::Left(id),
        })
    }

    pub(crate) async fn next_shared(&mut self) -> Result<SharedEvent, ClientError> {
        loop {
            self.forget();
            if let Some(id) = self.uncertain.clone() {
                // What is told up to here may be older than what the store has.
                let place = self.listener.end();
                let status = self.client.read(&id).await?;
                self.uncertain = None;
                let event = match status {
                    Some(status) => self.look_at(&Published::new(status), Some(place)),
                    None => Some(self.gone(id, place)),
                };
                if let Some(event) = event {
                    return Ok(event);
                }
                continue;
            }
            match &mut self.phase {
                Phase::Begin => {
                    self.shown = HashMap::new();
                    self.over = VecDeque::new();
                    self.phase = Phase::Listing(Box::new(self.client.query(self.filter.clone())));
                    return Ok(SharedEvent::Reset);
                }
                Phase::Listing(query) => {
                    let Some(status) = query.next().await? else {
                        self.phase = Phase::Live;
                        return Ok(SharedEvent::Complete);
                    };
                    let update = Published::new(status);
                    self.show(&update, self.listener.end());
                    return Ok(SharedEvent::Change(Given { update, skipped: 0 }));
                }
                Phase::Live => {}
            }
            match self.listener.next().await.ok_or(ClientError::ShutDown)? {
                Told::Of(_, Notice::Update(update)) => {
                    if let Some(event) = self.look_at(&update, None) {
                        return Ok(event);
                    }
                }
                Told::Of(id, Notice::Uncertain) => self.uncertain = Some(id),
                Told::Any => self.phase = Phase::Begin,
            }
        }
    }

    /// What the reader is to be told of an update; nothing when it knows. One from the store may be ahead of what is told up to a place.
    fn look_at(&mut self, update: &Arc<Published>, from_store: Option<u64>) -> Option<SharedEvent> {
        let id = &update.about.id;
        let place = from_store.unwrap_or_else(|| self.listener.place());
        let shown = self.shown.get(id).copied();
        if !matches(&self.filter, &filtered(update)) {
            let has_left = match shown {
                Some(shown) => shown.matches && shown.cursor <= update.cursor,
                // A new incarnation may have taken the place of one that had ended, and is not remembered.
                None => {
                    (update.cursor.sequence == 0 || from_store.is_some())
                        && self.may_have_shown_end_of(id)
                }
            };
            return has_left.then(|| self.left(id.clone(), update.cursor, place));
        }
        let is_stalled = update.stalled.is_some();
        let is_news = shown.is_none_or(|shown| {
            shown.cursor < update.cursor
                || (shown.cursor == update.cursor
                    && (from_store.is_some() || shown.is_stalled != is_stalled))
        });
        if !is_news {
            return None;
        }
        let skipped = shown.and_then(|shown| skipped(shown.cursor, update.cursor));
        self.show(update, place);
        Some(SharedEvent::Change(Given {
            update: Arc::clone(update),
            skipped: skipped.unwrap_or_default(),
        }))
    }

    fn show(&mut self, update: &Published, place: u64) {
        let shown = Shown {
            cursor: update.cursor,
            is_stalled: update.stalled.is_some(),
            matches: true,
            until: (!may_change(update.runtime_status)).then_some(place),
        };
        self.remember(update.about.id.clone(), shown);
    }

    fn left(&mut self, id: InstanceId, cursor: Cursor, place: u64) -> SharedEvent {
        let shown = Shown {
            cursor,
            is_stalled: false,
            matches: false,
            until: Some(place),
        };
        self.remember(id.clone(), shown);
        SharedEvent::Left(id)
    }

    /// The store has no such instance: whatever is told of it up to this place was before.
    fn gone(&mut self, id: InstanceId, place: u64) -> SharedEvent {
        match self.shown.get(&id) {
            Some(shown) => {
                let sequence = u64::MAX;
                let last = Cursor {
                    sequence,
                    ..shown.cursor
                };
                self.left(id, last, place)
            }
            None => SharedEvent::Left(id),
        }
    }

    fn remember(&mut self, id: InstanceId, shown: Shown) {
        if let Some(place) = shown.until {
            self.over.push_back((place, id.clone()));
        }
        self.shown.insert(id, shown);
    }

    /// Forgets what is over, as far as everything has been told that may be older.
    fn forget(&mut self) {
        let place = self.listener.place();
        while let Some((until, id)) = self.over.pop_front_if(|(until, _)| *until <= place) {
            if self
                .shown
                .get(&id)
                .is_some_and(|shown| shown.until == Some(until))
            {
                self.shown.remove(&id);
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

impl fmt::Debug for InstanceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceWatch")
            .field("filter", &self.filter)
            .field("shown", &self.shown.len())
            .finish_non_exhaustive()
    }
}
