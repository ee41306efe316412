//! What a request asks for, as those see it who decide whether it may.

use crate::http::route::Route;

/// What a request to the HTTP API asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// To start an orchestration.
    Start,
    /// To read the status of an instance, with its history, input and output.
    Read,
    /// To raise an external event.
    RaiseEvent,
    /// To terminate an instance.
    Terminate,
}

impl Operation {
    /// Whether it changes nothing: all that a read-only [`Key`](super::Key) is good for.
    #[must_use]
    pub const fn is_read(self) -> bool {
        match self {
            Self::Read => true,
            Self::Start | Self::RaiseEvent | Self::Terminate => false,
        }
    }

    pub(in crate::http) const fn of(route: &Route) -> Self {
        match route {
            Route::Start { .. } => Self::Start,
            Route::Status { .. } => Self::Read,
            Route::RaiseEvent { .. } => Self::RaiseEvent,
            Route::Terminate { .. } => Self::Terminate,
        }
    }
}
