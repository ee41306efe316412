//! What a client is told when something cannot be done.

use std::convert::Infallible;
use std::sync::Arc;

use crate::arguments::InputError;
use crate::definition::EncodeError;
use crate::model::custom_status::CustomStatusError;
use crate::model::failure::FailureDetails;
use crate::model::instance::{InstanceId, InstanceIdError};
use crate::model::status::RuntimeStatus;
use crate::store::StoreError;
use crate::worker::message::RequestError;

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no instance of this id.
    #[error("there is no instance `{id}`")]
    NotFound {
        /// The id.
        id: InstanceId,
    },
    /// The instance has ended.
    #[error("instance `{id}` has ended")]
    AlreadyEnded {
        /// The id.
        id: InstanceId,
    },
    /// The id is taken.
    #[error("instance `{id}` exists already: orchestrator `{name}`, {runtime_status}")]
    AlreadyExists {
        /// The id.
        id: InstanceId,
        /// The existing instance's orchestrator.
        name: String,
        /// The existing instance's status.
        runtime_status: RuntimeStatus,
    },
    /// No orchestrator of this name is registered.
    #[error(
        "no orchestrator `{name}` is registered; this program has {} (a definition in a crate that nothing refers to is not \
         linked: write `use that_crate as _;`)",
        list(.known)
    )]
    UnknownOrchestrator {
        /// The name.
        name: String,
        /// Those that are registered, each as in "`hello` version `1.2`".
        known: Vec<String>,
    },
    /// The input does not fit the orchestrator's parameters.
    #[error("the input of orchestrator `{name}` does not fit: {error}")]
    Input {
        /// The orchestrator.
        name: String,
        /// Which parameter, and where in it.
        error: InputError,
    },
    /// The text is not an instance id.
    #[error(transparent)]
    InstanceId(#[from] InstanceIdError),
    /// The initial custom status cannot be one.
    #[error(transparent)]
    CustomStatus(#[from] CustomStatusError),
    /// Something cannot be encoded as JSON.
    #[error(transparent)]
    Encode(EncodeError),
    /// What is stored is not what this program expects.
    #[error("what is stored of instance `{id}` cannot be decoded: {message}")]
    Undecodable {
        /// The id.
        id: InstanceId,
        /// Why not.
        message: String,
    },
    /// The store failed. Whether the request was carried out is unknown.
    #[error("the store failed, and it is unknown whether the request was carried out: {0}")]
    Store(#[source] Arc<StoreError>),
    /// The worker has been shut down.
    #[error("the worker has been shut down")]
    ShutDown,
}

impl From<RequestError> for ClientError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NotFound { id } => Self::NotFound { id },
            RequestError::AlreadyEnded { id } => Self::AlreadyEnded { id },
            RequestError::AlreadyExists {
                id,
                name,
                runtime_status,
            } => Self::AlreadyExists {
                id,
                name,
                runtime_status,
            },
            RequestError::Store(error) => Self::Store(error),
            RequestError::ShutDown => Self::ShutDown,
        }
    }
}

/// An orchestration gave no output.
#[derive(Debug)]
#[non_exhaustive]
pub enum OutputError<E = Infallible> {
    /// Its orchestrator returned this error.
    Returned {
        /// The error, as it was returned.
        error: E,
        /// The same as it was recorded.
        failure: Box<FailureDetails>,
    },
    /// It failed in another way.
    Failed(Box<FailureDetails>),
    /// It was terminated, for this reason (JSON text).
    Terminated {
        /// The reason as JSON text.
        reason: Option<String>,
    },
    /// The client could not wait for it or read it.
    Client(ClientError),
}

impl<E> std::fmt::Display for OutputError<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Returned { failure, .. } | Self::Failed(failure) => {
                write!(f, "the orchestration failed: {failure}")
            }
            Self::Terminated {
                reason: Some(reason),
            } => write!(f, "the orchestration was terminated: {reason}"),
            Self::Terminated { reason: None } => f.write_str("the orchestration was terminated"),
            Self::Client(error) => std::fmt::Display::fmt(error, f),
        }
    }
}

impl<E: std::fmt::Debug> std::error::Error for OutputError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(error) => error.source(),
            _ => None,
        }
    }
}

impl<E> From<ClientError> for OutputError<E> {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
