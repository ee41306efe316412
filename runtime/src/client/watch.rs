//! Watching an instance.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Client, ClientError};
use crate::context::AnyStatus;
use crate::model::custom_status::CustomStatus;
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::status_type::StatusType;
use crate::worker::update::{Published, Update};
use crate::worker::watchers::{Notice, Subscription};

/// The committed states of an instance, each at most once and never backwards.
pub(super) struct Observer {
    client: Client,
    id: InstanceId,
    subscription: Subscription,
    seen: Option<(Cursor, Option<String>)>,
    /// Whether the store may have something that was not seen.
    must_read: bool,
}

impl Observer {
    pub(super) const fn new(client: Client, id: InstanceId, subscription: Subscription) -> Self {
        Self {
            client,
            id,
            subscription,
            seen: None,
            must_read: true,
        }
    }

    /// The state now, the first time; then the next one that is newer than what was seen. A failed or dropped call loses nothing.
    pub(super) async fn next(&mut self) -> Result<Arc<Published>, ClientError> {
        loop {
            // The subscription is older than the read, so nothing between the two is missed.
            if self.must_read {
                // At first what was published last will do. Later only the store knows what a notice is to be held against.
                let published = if self.seen.is_none() {
                    self.subscription.latest()
                } else {
                    None
                };
                let update = match published {
                    Some(update) => update,
                    None => self.read().await?,
                };
                self.must_read = false;
                let (cursor, stalled) = (update.cursor, update.stalled.clone());
                if self
                    .seen
                    .as_ref()
                    .is_none_or(|seen| seen.0 < cursor || (seen.0 == cursor && seen.1 != stalled))
                {
                    self.seen = Some((cursor, stalled));
                    return Ok(update);
                }
            }
            match self
                .subscription
                .next()
                .await
                .ok_or(ClientError::ShutDown)?
            {
                Notice::Update(update)
                    if self.seen.as_ref().is_none_or(|seen| seen.0 < update.cursor) =>
                {
                    self.seen = Some((update.cursor, update.stalled.clone()));
                    return Ok(update);
                }
                // Only the store knows which of two reasons at the same cursor is the later one.
                Notice::Update(update) => {
                    self.must_read = self
                        .seen
                        .as_ref()
                        .is_some_and(|seen| seen.0 == update.cursor && seen.1 != update.stalled);
                }
                Notice::Uncertain => self.must_read = true,
            }
        }
    }

    /// Waits for the instance to end.
    pub(super) async fn end(&mut self) -> Result<Arc<Published>, ClientError> {
        let latest = self.subscription.latest();
        self.first_end(latest).await
    }

    /// Waits for a notice of an end that was not known yet.
    pub(super) async fn next_end(&mut self) -> Result<Arc<Published>, ClientError> {
        let latest = self.notice_of_end().await?;
        self.first_end(latest).await
    }

    async fn first_end(
        &mut self,
        mut latest: Option<Arc<Published>>,
    ) -> Result<Arc<Published>, ClientError> {
        loop {
            let update = match latest {
                Some(update) => update,
                None => self.read().await?,
            };
            if update.runtime_status.is_terminal() {
                return Ok(update);
            }
            latest = self.notice_of_end().await?;
        }
    }

    /// What is told of an instance that may have ended; `None` when only the store knows.
    async fn notice_of_end(&mut self) -> Result<Option<Arc<Published>>, ClientError> {
        let notice = self.subscription.next_end().await;
        Ok(match notice.ok_or(ClientError::ShutDown)? {
            Notice::Update(update) => Some(update),
            Notice::Uncertain => None,
        })
    }

    async fn read(&self) -> Result<Arc<Published>, ClientError> {
        let status = self.client.read(&self.id).await?;
        let status = status.ok_or_else(|| ClientError::NotFound {
            id: self.id.clone(),
        })?;
        Ok(Published::new(status))
    }
}

/// How the custom status of an orchestrator is read by its clients.
pub trait ReadStatus {
    /// What they see.
    type Value;

    #[doc(hidden)]
    fn read(status: CustomStatus) -> Result<Self::Value, serde_json::Error>;
}

impl ReadStatus for AnyStatus {
    type Value = CustomStatus;

    fn read(status: CustomStatus) -> Result<CustomStatus, serde_json::Error> {
        Ok(status)
    }
}

impl<S: StatusType + DeserializeOwned> ReadStatus for S {
    type Value = S;

    fn read(status: CustomStatus) -> Result<S, serde_json::Error> {
        status.decode()
    }
}

/// One committed state of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchedStatus<T> {
    /// Which change this is.
    pub cursor: Cursor,
    /// Where the instance is in its life.
    pub runtime_status: RuntimeStatus,
    /// What it publishes.
    pub custom_status: Option<T>,
    /// What its running activities report.
    pub progress: Vec<ActivityProgress>,
    /// Why it cannot advance at the moment, when it cannot. The cursor stays the same when only this changes.
    pub stalled: Option<String>,
}

/// A watch over an instance: see `watch_custom_status` of the handles.
pub struct StatusWatch<S> {
    observer: Observer,
    ended: bool,
    status: PhantomData<fn() -> S>,
}

impl<S: ReadStatus> StatusWatch<S> {
    pub(super) const fn new(observer: Observer) -> Self {
        Self {
            observer,
            ended: false,
            status: PhantomData,
        }
    }

    /// The next committed state; the first call gives the current one. `None` once the state in which the instance ended has been
    /// given.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance, [`ClientError::ShutDown`] when the worker goes away,
    /// [`ClientError::Undecodable`] when the status is not of the expected type.
    pub async fn next(&mut self) -> Result<Option<WatchedStatus<S::Value>>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        let update = self.observer.next().await?;
        let Update {
            cursor,
            runtime_status,
            custom_status,
            progress,
            stalled,
            ..
        } = &**update;
        self.ended = runtime_status.is_terminal();
        let custom_status = custom_status
            .clone()
            .map(S::read)
            .transpose()
            .map_err(|error| ClientError::Undecodable {
                id: self.observer.id.clone(),
                message: format!("the custom status: {error}"),
            })?;
        Ok(Some(WatchedStatus {
            cursor: *cursor,
            runtime_status: *runtime_status,
            custom_status,
            progress: progress.clone(),
            stalled: stalled.clone(),
        }))
    }

    pub(super) async fn wait(
        &mut self,
        mut condition: impl FnMut(&S::Value) -> bool,
    ) -> Result<Option<S::Value>, ClientError> {
        while let Some(state) = self.next().await? {
            if let Some(status) = state.custom_status.filter(&mut condition) {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }
}

impl<S> fmt::Debug for StatusWatch<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusWatch")
            .field("id", &self.observer.id)
            .field("seen", &self.observer.seen)
            .finish_non_exhaustive()
    }
}
