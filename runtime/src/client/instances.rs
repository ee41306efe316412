//! Watching all instances that match.

use std::collections::HashMap;
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
    /// The instance of which only the store knows the state.
    uncertain: Option<InstanceId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown {
    cursor: Cursor,
    is_stalled: bool,
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
            if let Some(id) = self.uncertain.clone() {
                let status = self.client.read(&id).await?;
                self.uncertain = None;
                let event = match status {
                    Some(status) => self.look_at(&Published::new(status), true),
                    None => Some(self.left(id)),
                };
                if let Some(event) = event {
                    return Ok(event);
                }
                continue;
            }
            match &mut self.phase {
                Phase::Begin => {
                    self.shown = HashMap::new();
                    self.phase = Phase::Listing(Box::new(self.client.query(self.filter.clone())));
                    return Ok(SharedEvent::Reset);
                }
                Phase::Listing(query) => {
                    let Some(status) = query.next().await? else {
                        self.phase = Phase::Live;
                        return Ok(SharedEvent::Complete);
                    };
                    let update = Published::new(status);
                    self.show(&update);
                    return Ok(SharedEvent::Change(Given { update, skipped: 0 }));
                }
                Phase::Live => {}
            }
            match self.listener.next().await.ok_or(ClientError::ShutDown)? {
                Told::Of(_, Notice::Update(update)) => {
                    if let Some(event) = self.look_at(&update, false) {
                        return Ok(event);
                    }
                }
                Told::Of(id, Notice::Uncertain) => self.uncertain = Some(id),
                Told::Any => self.phase = Phase::Begin,
            }
        }
    }

    /// What the reader is to be told of an update; nothing when it knows.
    fn look_at(&mut self, update: &Arc<Published>, from_store: bool) -> Option<SharedEvent> {
        let id = &update.about.id;
        let shown = self.shown.get(id).copied();
        if !matches(&self.filter, &filtered(update)) {
            let is_older = shown.is_some_and(|shown| shown.cursor > update.cursor);
            // A new incarnation may have taken the place of one that had ended, and is not remembered.
            let replaces = update.cursor.sequence == 0 && self.may_have_shown_end_of(id);
            return (!is_older && (shown.is_some() || replaces)).then(|| self.left(id.clone()));
        }
        let is_stalled = update.stalled.is_some();
        let is_news = shown.is_none_or(|shown| {
            shown.cursor < update.cursor
                || (shown.cursor == update.cursor && (from_store || shown.is_stalled != is_stalled))
        });
        if !is_news {
            return None;
        }
        let skipped = shown.and_then(|shown| skipped(shown.cursor, update.cursor));
        if may_change(update.runtime_status) {
            self.show(update);
        } else {
            self.shown.remove(id);
        }
        Some(SharedEvent::Change(Given {
            update: Arc::clone(update),
            skipped: skipped.unwrap_or_default(),
        }))
    }

    fn show(&mut self, update: &Published) {
        let shown = Shown {
            cursor: update.cursor,
            is_stalled: update.stalled.is_some(),
        };
        self.shown.insert(update.about.id.clone(), shown);
    }

    fn left(&mut self, id: InstanceId) -> SharedEvent {
        self.shown.remove(&id);
        SharedEvent::Left(id)
    }

    /// Whether the reader asks for instances that have ended, among which one of this id may be.
    fn may_have_shown_end_of(&self, id: &InstanceId) -> bool {
        let statuses = &self.filter.runtime_status;
        let prefix = self.filter.id_prefix.as_deref().unwrap_or_default();
        statuses.iter().any(|status| !may_change(*status)) && id.as_str().starts_with(prefix)
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
