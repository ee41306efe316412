//! What a request asks for, as those see it who decide whether it may.

use crate::http::route::Route;

/// What a request to the HTTP API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// To start an orchestration. The answer has its output, or all of its status, when the request waits for its end: who may not
    /// [`Read`](Self::Read) should not be let start what tells a secret.
    Start,
    /// To read the status of an instance, with its history, input and output.
    Read,
    /// To raise an external event.
    RaiseEvent,
    /// To list instances, with their inputs and outputs.
    List,
    /// To terminate an instance.
    Terminate,
    /// To pause an instance.
    Suspend,
    /// To let an instance go on after a pause.
    Resume,
    /// To let an instance go on after a failure.
    Rewind,
    /// To start an orchestration once more. The answer may have its output or its status, as that of a [`Start`](Self::Start); not
    /// when it is a signature that lets the request in.
    Restart,
    /// To purge an instance, or all that match.
    Purge,
    /// To do several things at once, of all the kinds that change something.
    Batch,
    /// To change an entity.
    SignalEntity,
    /// To read the metrics of the worker.
    Metrics,
    /// To read what the API is, with the names of the orchestrators.
    Describe,
    /// To know whether the program is well. Nobody has to be let in for that.
    Probe,
}

impl Operation {
    /// Whether it changes nothing: all that a read-only [`Key`](super::Key) is good for.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::Read | Self::List | Self::Metrics | Self::Describe | Self::Probe => true,
            Self::Start
            | Self::RaiseEvent
            | Self::Terminate
            | Self::Suspend
            | Self::Resume
            | Self::Rewind
            | Self::Restart
            | Self::Purge
            | Self::Batch
            | Self::SignalEntity => false,
        }
    }

    /// The operation in one word, as in the path of its address where it has one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Read => "read",
            Self::RaiseEvent => "raiseEvent",
            Self::List => "list",
            Self::Terminate => "terminate",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Rewind => "rewind",
            Self::Restart => "restart",
            Self::Purge => "purge",
            Self::Batch => "batch",
            Self::SignalEntity => "signalEntity",
            Self::Metrics => "metrics",
            Self::Describe => "describe",
            Self::Probe => "probe",
        }
    }

    pub(in crate::http) const fn of(route: &Route) -> Self {
        match route {
            Route::Start { .. } => Self::Start,
            Route::Status { .. } | Route::Watch { .. } => Self::Read,
            Route::Metrics => Self::Metrics,
            Route::OpenApi | Route::Docs => Self::Describe,
            Route::Live | Route::Ready => Self::Probe,
            Route::RaiseEvent { .. } => Self::RaiseEvent,
            Route::List | Route::WatchAll => Self::List,
            Route::Terminate { .. } => Self::Terminate,
            Route::Suspend { .. } => Self::Suspend,
            Route::Resume { .. } => Self::Resume,
            Route::Rewind { .. } => Self::Rewind,
            Route::Restart { .. } => Self::Restart,
            Route::Purge { .. } | Route::PurgeWhere => Self::Purge,
            Route::Batch => Self::Batch,
            Route::SignalEntity | Route::DeleteEntity => Self::SignalEntity,
        }
    }
}
