//! Many requests at once.

use std::collections::HashMap;

use futures_util::future::{BoxFuture, join_all};

use super::{Client, ClientError, InstanceHandle, OrchestrationHandle, StartByName, Startable};
use crate::definition::OrchestratorDefinition;

/// One of many requests that are made together: see [`Client::batch`].
#[derive(Debug)]
#[non_exhaustive]
pub enum BatchOperation {
    /// As [`Client::start_by_name`].
    Start(StartByName),
    /// As [`InstanceHandle::raise_json_event`].
    RaiseEvent {
        /// Whose event it is.
        id: String,
        /// The event's name.
        event: String,
        /// Its JSON text.
        payload: Option<String>,
    },
    /// As [`InstanceHandle::terminate`].
    Terminate {
        /// The instance.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// As [`InstanceHandle::suspend`].
    Suspend {
        /// The instance.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// As [`InstanceHandle::resume`].
    Resume {
        /// The instance.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// As [`InstanceHandle::rewind`].
    Rewind {
        /// The instance.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// As [`InstanceHandle::purge`].
    Purge {
        /// The instance.
        id: String,
    },
}

impl BatchOperation {
    /// The instance that it is about; `None` for a start that chooses no id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Start(start) => start.given_id(),
            Self::RaiseEvent { id, .. }
            | Self::Terminate { id, .. }
            | Self::Suspend { id, .. }
            | Self::Resume { id, .. }
            | Self::Rewind { id, .. }
            | Self::Purge { id } => Some(id),
        }
    }
}

impl Client {
    /// Starts many orchestrations of one kind together, and returns one result for each, in their order. They share commits; those
    /// of the same id are started one after the other. One that fails changes nothing for the others.
    ///
    /// [`batch`](Self::batch) starts different ones together, by their names.
    ///
    /// # Errors
    ///
    /// Each result is that of a [`start`](Self::start).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let starts = (0..1_000).map(|order| ship(order).id(format!("order-{order}")));
    /// for parcel in client.start_many(starts).await {
    ///     println!("{}", parcel?.output().await?);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn start_many<D: OrchestratorDefinition>(
        &self,
        starts: impl IntoIterator<Item: Startable<Definition = D>>,
    ) -> BoxFuture<'_, Vec<Result<OrchestrationHandle<D>, ClientError>>> {
        let starts = starts.into_iter().map(Startable::into_start);
        let requests: Vec<_> = starts
            .map(|start| (start.given_id().map(str::to_owned), self.start(start)))
            .collect();
        Box::pin(together(requests))
    }

    /// Makes many requests together, and returns one result for each, in their order. Those for different instances do not wait for each
    /// other, so that they share commits; those for the same instance are carried out one after the other. One that fails changes
    /// nothing for the others. There is no limit on their number here; over HTTP it is 1,000.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::{BatchOperation, StartByName};
    ///
    /// # async fn example(client: &Client) {
    /// let starts = (0..1_000).map(|order: u32| StartByName::new("ship").input(order));
    /// for result in client.batch(starts.map(BatchOperation::Start)).await {
    ///     match result {
    ///         Ok(parcel) => println!("{}", parcel.id()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// # }
    /// ```
    pub async fn batch(
        &self,
        operations: impl IntoIterator<Item = BatchOperation>,
    ) -> Vec<Result<InstanceHandle, ClientError>> {
        let operations = operations.into_iter();
        let requests = operations.map(|operation| {
            let id = operation.id().map(str::to_owned);
            (id, self.carry_out(operation))
        });
        together(requests.collect()).await
    }

    async fn carry_out(&self, operation: BatchOperation) -> Result<InstanceHandle, ClientError> {
        match operation {
            BatchOperation::Start(start) => self.start_by_name(start).await,
            BatchOperation::RaiseEvent { id, event, payload } => {
                let instance = self.instance(id)?;
                instance.raise_json_event(&event, payload).await?;
                Ok(instance)
            }
            BatchOperation::Terminate { id, reason } => {
                let instance = self.instance(id)?;
                instance.terminate(reason.as_deref()).await?;
                Ok(instance)
            }
            BatchOperation::Suspend { id, reason } => {
                let instance = self.instance(id)?;
                instance.suspend(reason.as_deref()).await?;
                Ok(instance)
            }
            BatchOperation::Resume { id, reason } => {
                let instance = self.instance(id)?;
                instance.resume(reason.as_deref()).await?;
                Ok(instance)
            }
            BatchOperation::Rewind { id, reason } => {
                let instance = self.instance(id)?;
                instance.rewind(reason.as_deref()).await?;
                Ok(instance)
            }
            BatchOperation::Purge { id } => {
                let instance = self.instance(id)?;
                instance.purge().await?;
                Ok(instance)
            }
        }
    }
}

/// The answers to requests, in the order of the requests. Those for one instance are made one after the other, all others together.
async fn together<T>(requests: Vec<(Option<String>, impl Future<Output = T>)>) -> Vec<T> {
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut of_instance = HashMap::new();
    for (place, (id, request)) in requests.into_iter().enumerate() {
        let new = groups.len();
        let group = id.map_or(new, |id| *of_instance.entry(id).or_insert(new));
        match groups.get_mut(group) {
            Some(group) => group.push((place, request)),
            None => groups.push(vec![(place, request)]),
        }
    }
    let answers = join_all(groups.into_iter().map(in_turn)).await;
    let mut answers: Vec<_> = answers.into_iter().flatten().collect();
    answers.sort_unstable_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

async fn in_turn<T>(requests: Vec<(usize, impl Future<Output = T>)>) -> Vec<(usize, T)> {
    let mut answers = Vec::with_capacity(requests.len());
    for (place, request) in requests {
        answers.push((place, request.await));
    }
    answers
}
