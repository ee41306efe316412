//! Who is told when an instance changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::model::custom_status::CustomStatus;
use crate::model::failure::FailureDetails;
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::{ActivityProgress, RuntimeStatus};

/// One committed state of an instance, as its watchers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) cursor: Cursor,
    pub(crate) runtime_status: RuntimeStatus,
    pub(crate) custom_status: Option<CustomStatus>,
    pub(crate) progress: Vec<ActivityProgress>,
    pub(crate) output: Option<String>,
    pub(crate) failure: Option<FailureDetails>,
    /// Why it cannot advance. Not part of the sequence of changes: the cursor stays.
    pub(crate) stalled: Option<String>,
}

/// What watchers are told.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// This was committed.
    Update(Box<Update>),
    /// Something may have been committed: the store knows.
    Uncertain,
}

/// The watched instances. Costs nothing for the others.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    closed: bool,
    instances: HashMap<InstanceId, watch::Sender<Notice>>,
}

/// A place among an instance's watchers. It sees the latest update; when it is slow, those between are skipped.
#[derive(Debug)]
pub(crate) struct Subscription {
    id: InstanceId,
    receiver: Option<watch::Receiver<Notice>>,
    watchers: Arc<Watchers>,
}

impl Watchers {
    /// Begins to watch an instance. Updates that are published from now on are seen.
    pub(crate) fn subscribe(self: &Arc<Self>, id: &InstanceId) -> Subscription {
        let mut watched = self.watched();
        let receiver = match watched.instances.get(id) {
            Some(sender) => sender.subscribe(),
            None => {
                let (sender, receiver) = watch::channel(Notice::Uncertain);
                if !watched.closed {
                    watched.instances.insert(id.clone(), sender);
                }
                receiver
            }
        };
        Subscription {
            id: id.clone(),
            receiver: Some(receiver),
            watchers: Arc::clone(self),
        }
    }

    /// Tells an instance's watchers, when it has any, of an update that is committed.
    pub(crate) fn publish(&self, id: &InstanceId, update: Update) {
        if let Some(sender) = self.watched().instances.get(id) {
            sender.send_replace(Notice::Update(Box::new(update)));
        }
    }

    /// Tells an instance's watchers, when it has any, to read the store: the outcome of a commit is unknown.
    pub(crate) fn publish_uncertain(&self, id: &InstanceId) {
        if let Some(sender) = self.watched().instances.get(id) {
            sender.send_replace(Notice::Uncertain);
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends every subscription, also later ones: the worker is gone.
    pub(crate) fn close(&self) {
        let mut watched = self.watched();
        watched.closed = true;
        watched.instances.clear();
    }
}

impl Subscription {
    /// The next notice; `None` when the worker is gone.
    pub(crate) async fn next(&mut self) -> Option<Notice> {
        let receiver = self.receiver.as_mut()?;
        receiver.changed().await.ok()?;
        Some(receiver.borrow_and_update().clone())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut watched = self.watchers.watched();
        self.receiver = None;
        if watched
            .instances
            .get(&self.id)
            .is_some_and(|sender| sender.receiver_count() == 0)
        {
            watched.instances.remove(&self.id);
        }
    }
}
