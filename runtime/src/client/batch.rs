//! Many requests at once.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::{Client, ClientError, InstanceHandle, StartByName};

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
        let mut of_instance: HashMap<String, Vec<_>> = HashMap::new();
        let mut groups = Vec::new();
        for (place, operation) in operations.into_iter().enumerate() {
            match operation.id() {
                Some(id) => of_instance
                    .entry(id.to_owned())
                    .or_default()
                    .push((place, operation)),
                None => groups.push(vec![(place, operation)]),
            }
        }
        groups.extend(of_instance.into_values());
        let groups = groups.into_iter().map(|group| self.in_turn(group));
        let mut results: Vec<_> = join_all(groups).await.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(place, _)| *place);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn in_turn(
        &self,
        operations: Vec<(usize, BatchOperation)>,
    ) -> Vec<(usize, Result<InstanceHandle, ClientError>)> {
        let mut results = Vec::with_capacity(operations.len());
        for (place, operation) in operations {
            results.push((place, self.carry_out(operation).await));
        }
        results
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
