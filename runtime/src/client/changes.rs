//! Watching every change of an instance.

use std::fmt;
use std::marker::PhantomData;

use futures_util::Stream;
use futures_util::stream::try_unfold;
use jiff::Timestamp;

use super::follow::{Follower, Given};
use super::watch::ReadStatus;
use super::{Client, ClientError, InstanceHandle, OrchestrationHandle};
use crate::context::AnyStatus;
use crate::definition::Definition;
use crate::model::custom_status::CustomStatus;
use crate::model::failure::FailureDetails;
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::{ActivityProgress, InstanceStatus, RuntimeStatus};

/// One committed change of an instance, and what the instance was like after it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change<T = CustomStatus> {
    /// Which instance it is of.
    pub instance_id: InstanceId,
    /// Its orchestrator.
    pub name: String,
    /// Which change this is. Pass it to [`after`](ChangeWatch::after) to continue from here.
    pub cursor: Cursor,
    /// How many changes were left out between the one before and this one, because the reader was too slow for them or they are not
    /// kept. In the first change of another incarnation, how many changes that one has had.
    pub skipped: u64,
    /// Where the instance is in its life.
    pub runtime_status: RuntimeStatus,
    /// What it publishes.
    pub custom_status: Option<T>,
    /// What its running activities report. It is not kept, so it is empty in a change that was read back from history.
    pub progress: Vec<ActivityProgress>,
    /// The output as JSON text, once it has completed; once it was terminated, the reason.
    pub output: Option<String>,
    /// Why it failed.
    pub failure: Option<FailureDetails>,
    /// Why it cannot advance at the moment, when it cannot. The cursor stays the same when only this changes.
    pub stalled: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the last event of its last episode happened. `None` in a change that was read back.
    pub last_updated_at: Option<Timestamp>,
}

impl<T> Change<T> {
    pub(super) fn of(
        given: &Given,
        read: impl FnOnce(CustomStatus) -> Result<T, serde_json::Error>,
    ) -> Result<Self, ClientError> {
        let Given { update, skipped } = given;
        let about = &update.about;
        let custom_status = update.custom_status.clone().map(read).transpose();
        Ok(Self {
            instance_id: about.id.clone(),
            name: about.name.clone(),
            cursor: update.cursor,
            skipped: *skipped,
            runtime_status: update.runtime_status,
            custom_status: custom_status.map_err(|error| ClientError::Undecodable {
                id: about.id.clone(),
                message: format!("the custom status: {error}"),
            })?,
            progress: update.progress.clone(),
            output: update.output.clone(),
            failure: update.failure.clone(),
            stalled: update.stalled.clone(),
            created_at: about.created_at,
            last_updated_at: update.last_updated_at,
        })
    }
}

/// A watch over every change of an instance: see `watch_changes` of the handles.
pub struct ChangeWatch<S = AnyStatus> {
    follower: Follower,
    status: PhantomData<fn() -> S>,
}

impl<S> ChangeWatch<S> {
    const fn new(follower: Follower) -> Self {
        Self {
            follower,
            status: PhantomData,
        }
    }

    /// Begins after this change instead of with the current state: with every change of the custom status and the runtime status that
    /// was committed since, read back from history, and then with those that are pushed.
    ///
    /// What history does not keep is counted by [`Change::skipped`]: reports of activities, and everything before the instance last
    /// continued as new. If the cursor is of another incarnation, the watch begins with the current state.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.follower.resume(cursor);
        self
    }

    /// Whether there will be no more changes: the end has been given, or the watch began [after](Self::after) it.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn has_ended(&mut self) -> Result<bool, ClientError> {
        self.follower.has_ended().await
    }
}

#[cfg(feature = "http")]
impl<S> ChangeWatch<S> {
    /// The next change, as it is held in common with other readers.
    pub(crate) async fn next_shared(&mut self) -> Result<Option<Given>, ClientError> {
        self.follower.next().await
    }
}

impl<S: ReadStatus> ChangeWatch<S> {
    /// The next committed change; the first call gives the current state. `None` once the change in which the instance ended has
    /// been given. If the future is dropped, no change is lost.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance, [`ClientError::ShutDown`] when the worker goes away,
    /// [`ClientError::Undecodable`] when the status is not of the expected type; the next call then gives the change after it.
    pub async fn next(&mut self) -> Result<Option<Change<S::Value>>, ClientError> {
        let given = self.follower.next().await?;
        given.map(|given| Change::of(&given, S::read)).transpose()
    }

    /// The same as a stream. It ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Change<S::Value>, ClientError>> {
        try_unfold(self, async |mut watch| {
            let change = watch.next().await?;
            Ok(change.map(|change| (change, watch)))
        })
    }
}

impl<S> fmt::Debug for ChangeWatch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeWatch")
            .field("id", self.follower.id())
            .field("seen", &self.follower.seen())
            .finish_non_exhaustive()
    }
}

impl InstanceHandle {
    /// Watches every change: the current state at once, then each commit that changes the runtime status, the custom status or the
    /// progress of activities, as it is pushed. Where [`watch_custom_status`](Self::watch_custom_status) shows a slow reader only the
    /// latest, this shows all changes, as long as the reader is no more than 256 of them, or a megabyte, behind. After that it
    /// continues with the latest, and says [how many](Change::skipped) it left out.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(client: &Client) -> Result<(), steadfast::ClientError> {
    /// let mut changes = client.instance("order-7")?.watch_changes();
    /// while let Some(change) = changes.next().await? {
    ///     println!("{} {:?}", change.cursor, change.custom_status);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn watch_changes(&self) -> ChangeWatch {
        ChangeWatch::new(self.follow())
    }

    /// Waits until the instance has changed since this cursor, or has ended, and gives its snapshot. It returns at once if that is
    /// already so, or if the instance never was at this cursor. The change is pushed by its commit, not polled for. That the instance
    /// stalls, or no longer does, does not count as a change here.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn wait_for_change(&self, since: Cursor) -> Result<InstanceStatus, ClientError> {
        let mut changes = self.follow();
        changes.resume(since);
        while let Some(given) = changes.next().await? {
            if given.update.cursor != since {
                break;
            }
        }
        self.status().await
    }

    fn follow(&self) -> Follower {
        let stream = self.subscribe().stream();
        Follower::new(self.client().clone(), self.id().clone(), stream)
    }
}

impl<D: Definition> OrchestrationHandle<D> {
    /// Watches every change, with the custom status as the type that the orchestrator publishes. See
    /// [`InstanceHandle::watch_changes`].
    #[must_use]
    pub fn watch_changes(&self) -> ChangeWatch<D::Status>
    where
        D::Status: ReadStatus,
    {
        ChangeWatch::new(self.follow())
    }
}

impl Client {
    /// How many watches over every change are open in this process, and waits for one.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.0.shared.watchers.streams()
    }
}
