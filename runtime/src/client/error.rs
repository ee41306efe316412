//! What a client is told when something cannot be done.

use std::convert::Infallible;
use std::sync::Arc;

use crate::arguments::InputError;
use crate::encoding::EncodeError;
use crate::external_event::EventError;
use crate::limits::{MAX_BUFFERED_EVENT_BYTES, MAX_BUFFERED_EVENTS};
use crate::model::custom_status::CustomStatusError;
use crate::model::failure::FailureDetails;
use crate::model::instance::{InstanceId, InstanceIdError};
use crate::model::status::RuntimeStatus;
use crate::model::tags::RESERVED_PREFIX;
use crate::store::StoreError;
use crate::worker::message::RequestError;

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    list(&names)
}

/// A request that was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no instance of this id.
    #[error("there is no instance `{id}`: it was never started, or it has been purged")]
    NotFound {
        /// The id.
        id: InstanceId,
    },
    /// The instance has ended.
    #[error(
        "instance `{id}` has ended: it takes no events and cannot be paused, resumed or terminated; its status says how it ended, \
         and it can be restarted"
    )]
    AlreadyEnded {
        /// The id.
        id: InstanceId,
    },
    /// The instance has not ended, and what was asked for is for instances that have.
    #[error(
        "instance `{id}` has not ended: it is {runtime_status}; terminate it first, or wait for its end"
    )]
    NotEnded {
        /// The id.
        id: InstanceId,
        /// Its status.
        runtime_status: RuntimeStatus,
    },
    /// The instance has not failed, and only a failed one can be rewound.
    #[error(
        "instance `{id}` has not failed: it is {runtime_status}, and only a failed instance can be rewound; one that has ended \
         otherwise can be restarted"
    )]
    NotFailed {
        /// The id.
        id: InstanceId,
        /// Its status.
        runtime_status: RuntimeStatus,
    },
    /// The orchestrator declares the events that it waits for, and this is none of them.
    #[error(
        "the orchestrator of instance `{id}` does not wait for an event `{event}`; it declares {}",
        quoted(.declared)
    )]
    UndeclaredEvent {
        /// The id.
        id: InstanceId,
        /// The event's name.
        event: String,
        /// The names that it declares.
        declared: Vec<&'static str>,
    },
    /// The orchestrator declares the event with another type.
    #[error("instance `{id}` cannot take this event as its orchestrator declares it: {error}")]
    EventPayload {
        /// The id.
        id: InstanceId,
        /// What does not fit, and where.
        error: EventError,
    },
    /// The name of the event is one that steadfast keeps for itself.
    #[error(
        "the event name `{event}` is reserved: names that begin with `{RESERVED_PREFIX}` are steadfast's own"
    )]
    ReservedEvent {
        /// The event's name.
        event: String,
    },
    /// The instance keeps as many events as it may that its orchestrator has not taken.
    #[error(
        "instance `{id}` keeps {MAX_BUFFERED_EVENTS} events, or {MAX_BUFFERED_EVENT_BYTES} bytes of them, that its orchestrator has not \
         taken; raise this one again when it has taken some"
    )]
    TooManyEvents {
        /// The id.
        id: InstanceId,
    },
    /// A payload is larger than the worker allows.
    #[error(
        "{what} has {size} bytes of JSON; at most {limit} are allowed: keep large data elsewhere and pass its name, or raise the \
         limit of the worker"
    )]
    PayloadTooLarge {
        /// What it is.
        what: String,
        /// Its size in bytes of JSON text.
        size: usize,
        /// The greatest size.
        limit: usize,
    },
    /// The id is taken.
    #[error(
        "instance `{id}` exists already: orchestrator `{name}`, {runtime_status}; take another id, or end, purge or replace the \
         instance first"
    )]
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
        /// Those that are registered, each as in "`hello` version `1.2`"; only the versions of this one, when it has others.
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
    /// A tag has a key that steadfast keeps for itself.
    #[error(
        "the tag `{key}` is reserved: keys that begin with `{RESERVED_PREFIX}` are steadfast's own"
    )]
    ReservedTag {
        /// The key.
        key: String,
    },
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
    #[error(
        "the store failed, and it is unknown whether the request was carried out: {0}; look at the instance, or ask again if that \
         does no harm"
    )]
    Store(#[source] Arc<StoreError>),
    /// More is asked of the worker than it keeps up with, and the request did not get its turn in time. Nothing of it was done. Over HTTP
    /// only: in a program a request waits for as long as it takes.
    #[error(
        "the worker has as many requests as it takes; nothing of this one was done, so ask again later"
    )]
    Busy,
    /// An orchestrator did not return, and the thread that had taken the request was given up. Whether it was carried out is unknown.
    #[error(
        "the thread that had taken the request was given up, since an orchestrator did not return to it, and it is unknown whether \
         the request was carried out; look at the instance, or ask again if that does no harm"
    )]
    GivenUp,
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
            RequestError::NotEnded { id, runtime_status } => Self::NotEnded { id, runtime_status },
            RequestError::NotFailed { id, runtime_status } => {
                Self::NotFailed { id, runtime_status }
            }
            RequestError::UndeclaredEvent {
                id,
                event,
                declared,
            } => Self::UndeclaredEvent {
                id,
                event,
                declared,
            },
            RequestError::EventPayload { id, error } => Self::EventPayload { id, error },
            RequestError::TooManyEvents { id } => Self::TooManyEvents { id },
            RequestError::Store(error) => Self::Store(error),
            RequestError::GivenUp => Self::GivenUp,
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
