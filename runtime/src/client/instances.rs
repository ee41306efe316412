//! Watching all instances that match.

use std::fmt;

use super::backlog::Backlog;
use super::changes::Change;
use super::follow::Given;
use super::listing::{Listing, Next};
use super::shown::{Read, Shown};
use super::{Client, ClientError};
use crate::model::instance::InstanceId;
use crate::model::query::InstanceFilter;
use crate::worker::every_instance::{Listener, Told};
use crate::worker::update::Published;

/// What a watch over instances tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstanceEvent {
    /// Forget what was shown: all instances that match now follow. It comes first of all, and again when the reader was too slow, and
    /// when many instances were purged at once.
    Reset,
    /// An instance that matches, as it is now.
    Change(Box<Change>),
    /// All instances that matched have been shown. From now on there are only changes.
    Complete,
    /// The instance does not match any more, or is gone. It may be one that was never shown.
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
    listener: Listener,
    phase: Phase,
    shown: Shown,
    /// What is to be told before the listener is asked for more.
    backlog: Backlog,
}

enum Phase {
    Begin,
    Listing(Box<Listing>),
    Live,
}

impl Client {
    /// Watches all instances that match: first each that matches now, and then every commit that changes one that matches. It is fed by
    /// the commits of this process, and costs nothing while nobody watches.
    ///
    /// During the first part, only the latest of several changes of an instance is shown; after that, every commit is. In memory it
    /// holds a position for each matching instance that has not ended, or that has failed and may be rewound. A reader that is more than
    /// 4,096 changes, or 8 MiB of them, behind must [begin anew](InstanceEvent::Reset).
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
            listener: self.0.shared.watchers.listen(),
            phase: Phase::Begin,
            shown: Shown::new(filter),
            backlog: Backlog::default(),
        }
    }
}

impl InstanceWatch {
    /// The next event. If the call fails or its future is dropped, no event is lost.
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
            let place = self.listener.place();
            self.shown
                .forget(place, || self.client.0.shared.clock.now());
            let event = match self.phase {
                Phase::Begin => Some(self.begin()),
                Phase::Listing(_) => self.list().await?,
                Phase::Live => self.follow().await?,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    fn begin(&mut self) -> SharedEvent {
        let filter = self.shown.filter().clone();
        self.shown = Shown::new(filter.clone());
        self.backlog = Backlog::default();
        self.phase = Phase::Listing(Box::new(Listing::new(self.client.query(filter))));
        SharedEvent::Reset
    }

    /// Goes on with the list.
    async fn list(&mut self) -> Result<Option<SharedEvent>, ClientError> {
        let Phase::Listing(listing) = &mut self.phase else {
            return Ok(None);
        };
        if !listing.hear(&mut self.listener, &mut self.shown, &mut self.backlog) {
            self.phase = Phase::Begin;
            return Ok(None);
        }
        Ok(match listing.next() {
            Next::Left(id) => Some(SharedEvent::Left(id)),
            Next::Row(update) => {
                let read = self.read_now();
                self.shown.list(&update, read);
                Some(SharedEvent::Change(Given { update, skipped: 0 }))
            }
            Next::Page => {
                listing.read(&mut self.listener).await?;
                None
            }
            Next::End => {
                self.phase = Phase::Live;
                Some(SharedEvent::Complete)
            }
        })
    }

    /// Tells what there is to be told since the list, and then what comes.
    async fn follow(&mut self) -> Result<Option<SharedEvent>, ClientError> {
        if let Some((id, latest)) = self.backlog.first() {
            let id = id.clone();
            let event = match latest.update.clone() {
                Some(update) => self.shown.look_at(&update, None),
                None => self.ask(&id).await?,
            };
            self.backlog.remove(&id);
            return Ok(event);
        }
        match self.listener.next().await.ok_or(ClientError::ShutDown)? {
            Told::Update(update) if update.is_outline() && self.shown.matches(&update) => {
                if self.shown.is_news(&update, None) {
                    self.backlog.add(&update.about.id, None);
                }
            }
            Told::Update(update) => return Ok(self.shown.look_at(&update, None)),
            Told::Uncertain(id) => self.backlog.add(&id, None),
            Told::Any => self.phase = Phase::Begin,
        }
        Ok(None)
    }

    /// What is to be told of an instance of which only the store knows.
    async fn ask(&mut self, id: &InstanceId) -> Result<Option<SharedEvent>, ClientError> {
        // What is told up to here may be older than what the store has.
        let read = self.read_now();
        Ok(match self.client.read(id).await? {
            Some(status) => self.shown.look_at(&Published::new(status), Some(read)),
            None => self.shown.gone(id.clone(), read),
        })
    }

    fn read_now(&self) -> Read {
        Read {
            place: self.listener.end(),
            time: self.client.0.shared.clock.now(),
        }
    }
}

impl fmt::Debug for InstanceWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceWatch")
            .field("filter", self.shown.filter())
            .field("shown", &self.shown.len())
            .finish_non_exhaustive()
    }
}
