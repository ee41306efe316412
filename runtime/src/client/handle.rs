//! Handles to instances.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::watch::{Observer, ReadStatus, StatusWatch};
use super::{Client, ClientError, OutputError, Requested};
use crate::context::AnyStatus;
use crate::definition::{AcceptsEvent, Definition};
use crate::encoding::encode;
use crate::external_event::ExternalEvent;
use crate::model::custom_status::CustomStatus;
use crate::model::instance::InstanceId;
use crate::model::status::{InstanceStatus, RuntimeStatus};
use crate::model::tags::is_reserved;
use crate::worker::message::Control;
use crate::worker::update::Published;
use crate::worker::watchers::Subscription;

/// A handle to an instance, by its id. Cheap to clone. It keeps no instance alive; of an instance that this client started, it
/// keeps the last committed state in memory.
///
/// What every request can fail with besides the errors named here: see [`Client`].
#[derive(Clone, Debug)]
pub struct InstanceHandle {
    client: Client,
    id: InstanceId,
    /// A place among its watchers since before it was started.
    started: Option<Arc<Subscription>>,
}

impl InstanceHandle {
    pub(super) const fn new(client: Client, id: InstanceId) -> Self {
        Self {
            client,
            id,
            started: None,
        }
    }

    /// Of an instance that is about to be started. What happens to it is published from the beginning, so that whoever waits for it
    /// need not ask the store.
    pub(super) fn to_start(client: Client, id: InstanceId) -> Self {
        let subscription = client.0.shared.watchers.subscribe(&id);
        Self {
            started: Some(Arc::new(subscription)),
            ..Self::new(client, id)
        }
    }

    /// The instance's id.
    #[must_use]
    pub const fn id(&self) -> &InstanceId {
        &self.id
    }

    /// The client that it belongs to.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A snapshot of the instance as it is committed now.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn status(&self) -> Result<InstanceStatus, ClientError> {
        self.try_status()
            .await?
            .ok_or_else(|| ClientError::NotFound {
                id: self.id.clone(),
            })
    }

    /// As [`status`](Self::status), with `None` when there is no such instance.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn try_status(&self) -> Result<Option<InstanceStatus>, ClientError> {
        self.client.read(&self.id).await
    }

    /// Waits for the instance to end, and gives its last snapshot. The end is pushed by its commit, not polled for.
    ///
    /// An instance that is stalled may be repaired and end after all, so this goes on waiting; to be told of it, use a
    /// [watch](Self::watch_custom_status).
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn wait_for_completion(&self) -> Result<InstanceStatus, ClientError> {
        let mut observer = self.observe();
        observer.end().await?;
        loop {
            let status = self.status().await?;
            if status.runtime_status.is_terminal() {
                return Ok(status);
            }
            // The id was started again, or the instance was rewound, and the store knows it before its watchers do.
            observer.next_end().await?;
        }
    }

    /// Waits for the instance to end.
    async fn end(&self) -> Result<Arc<Published>, ClientError> {
        self.observe().end().await
    }

    /// Waits for the instance to end, and decodes its output.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it failed, was terminated or does not exist, or when the output is not of that type.
    pub async fn output_as<T: DeserializeOwned>(&self) -> Result<T, OutputError> {
        self.decode_output(|_| None).await
    }

    async fn decode_output<T: DeserializeOwned, E>(
        &self,
        decode_error: fn(&crate::FailureDetails) -> Option<E>,
    ) -> Result<T, OutputError<E>> {
        let end = self.end().await?;
        match (end.runtime_status, &end.failure) {
            (RuntimeStatus::Completed, _) => {
                let output = end.output.as_deref().unwrap_or("null");
                serde_json::from_str(output).map_err(|error| {
                    ClientError::Undecodable {
                        id: self.id.clone(),
                        message: format!("the output: {error}"),
                    }
                    .into()
                })
            }
            (RuntimeStatus::Failed, failure) => {
                let failure = Box::new(failure.clone().unwrap_or_default());
                Err(match decode_error(&failure) {
                    Some(error) => OutputError::Returned { error, failure },
                    None => OutputError::Failed(failure),
                })
            }
            _ => Err(OutputError::Terminated {
                reason: end.output.clone(),
            }),
        }
    }

    /// Watches the custom status: the current one at once, then each committed change as it is pushed. A slow reader sees the
    /// latest and misses some in between; [`watch_changes`](Self::watch_changes) shows every change. It ends with the instance.
    #[must_use]
    pub fn watch_custom_status(&self) -> StatusWatch<AnyStatus> {
        StatusWatch::new(self.observe())
    }

    /// Waits until the custom status satisfies a condition. `None` when the instance ended without.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance.
    pub async fn wait_custom_status(
        &self,
        condition: impl FnMut(&CustomStatus) -> bool,
    ) -> Result<Option<CustomStatus>, ClientError> {
        self.watch_custom_status().wait(condition).await
    }

    /// Raises an external event of a declared type. It returns once the event is durable.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](ClientError::NotFound) or [`AlreadyEnded`](ClientError::AlreadyEnded): there is nobody to take it.
    /// - [`UndeclaredEvent`](ClientError::UndeclaredEvent) or [`EventPayload`](ClientError::EventPayload): the orchestrator declares
    ///   its events, and not this one.
    /// - [`TooManyEvents`](ClientError::TooManyEvents): it has not taken those that came before, and keeps as many as it may
    ///   ([`MAX_BUFFERED_EVENTS`](crate::limits::MAX_BUFFERED_EVENTS)).
    /// - [`PayloadTooLarge`](ClientError::PayloadTooLarge): the event is larger than the worker allows.
    /// - [`ReservedEvent`](ClientError::ReservedEvent): its name begins with `steadfast.`.
    pub async fn raise_event<E: ExternalEvent>(&self, event: &E) -> Result<(), ClientError> {
        self.raise_event_named(E::NAME, event).await
    }

    /// Raises an external event by name. Names are matched without regard to case.
    ///
    /// # Errors
    ///
    /// As [`raise_event`](Self::raise_event).
    pub async fn raise_event_named(
        &self,
        name: &str,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<(), ClientError> {
        let payload = encode("the event", payload).map_err(ClientError::Encode)?;
        self.raise_json_event(name, Some(payload)).await
    }

    /// Raises an external event with a JSON text as its payload, kept byte for byte; without one the payload is `null`.
    ///
    /// # Errors
    ///
    /// As [`raise_event`](Self::raise_event).
    pub async fn raise_json_event(
        &self,
        name: &str,
        payload: Option<String>,
    ) -> Result<(), ClientError> {
        let (id, name) = (self.id.clone(), name.to_owned());
        if is_reserved(&name) {
            return Err(ClientError::ReservedEvent { event: name });
        }
        self.client.check_size(
            || format!("the payload of the event `{name}`"),
            payload.as_deref(),
        )?;
        self.client
            .control(id, Control::RaiseEvent { name, payload })
            .await
    }

    pub(super) fn observe(&self) -> Observer {
        Observer::new(self.client.clone(), self.id.clone(), self.subscribe())
    }

    /// A place among its watchers.
    pub(super) fn subscribe(&self) -> Subscription {
        match &self.started {
            Some(subscription) => subscription.again(),
            None => self.client.0.shared.watchers.subscribe(&self.id),
        }
    }
}

/// A handle to an instance of a known orchestrator. Everything of [`InstanceHandle`], and the types of the definition.
pub struct OrchestrationHandle<D> {
    instance: InstanceHandle,
    definition: PhantomData<fn() -> D>,
}

impl<D: Definition> OrchestrationHandle<D> {
    pub(super) const fn new(instance: InstanceHandle) -> Self {
        Self {
            instance,
            definition: PhantomData,
        }
    }

    /// Raises an event that the orchestrator waits for: any, unless it declares its events.
    ///
    /// # Errors
    ///
    /// As [`InstanceHandle::raise_event`].
    pub fn raise_event<E: ExternalEvent>(&self, event: &E) -> Requested<'_, ()>
    where
        D: AcceptsEvent<E>,
    {
        let payload = encode("the event", event).map_err(ClientError::Encode);
        Box::pin(async move {
            self.instance
                .raise_json_event(E::NAME, Some(payload?))
                .await
        })
    }

    /// Waits for the orchestration to end, and gives what it returned.
    ///
    /// # Errors
    ///
    /// [`OutputError`] when it returned an error, failed otherwise, was terminated, or does not exist.
    pub async fn output(&self) -> Result<D::Output, OutputError<D::Error>>
    where
        D::Output: DeserializeOwned,
    {
        self.instance.decode_output(D::decode_error).await
    }

    /// Watches the custom status as the type that the orchestrator publishes: the current one at once, then each committed change
    /// as it is pushed. See [`InstanceHandle::watch_custom_status`].
    #[must_use]
    pub fn watch_custom_status(&self) -> StatusWatch<D::Status>
    where
        D::Status: ReadStatus,
    {
        StatusWatch::new(self.instance.observe())
    }

    /// Waits until the custom status satisfies a condition. `None` when the instance ended without.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] when there is no such instance, [`ClientError::Undecodable`] when the status is not of the
    /// type that the definition says.
    pub async fn wait_custom_status(
        &self,
        condition: impl FnMut(&<D::Status as ReadStatus>::Value) -> bool,
    ) -> Result<Option<<D::Status as ReadStatus>::Value>, ClientError>
    where
        D::Status: ReadStatus,
    {
        self.watch_custom_status().wait(condition).await
    }
}

impl<D> Deref for OrchestrationHandle<D> {
    type Target = InstanceHandle;

    fn deref(&self) -> &InstanceHandle {
        &self.instance
    }
}

impl<D> Clone for OrchestrationHandle<D> {
    fn clone(&self) -> Self {
        Self {
            instance: self.instance.clone(),
            definition: PhantomData,
        }
    }
}

impl<D> fmt::Debug for OrchestrationHandle<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.instance, f)
    }
}
