//! Definitions: what `#[orchestrator]` and `#[activity]` make of a function, and how a call of it fails.
//!
//! The attributes leave a marker type that implements [`Definition`]; everything that is typed hangs on it.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::call::{ActivityOptions, InstanceOptions};
use crate::engine::Outcome;
use crate::model::failure::{self, FailureDetails};
use crate::model::retry::RetryPolicy;

/// Whether a definition is an orchestrator or an activity.
pub trait Kind: fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// The word for it in messages.
    const WORD: &'static str;

    /// What a call of this kind may say besides its arguments.
    #[doc(hidden)]
    type Options: fmt::Debug + Clone + Default;
}

/// The kind of functions marked `#[orchestrator]`.
#[derive(Clone, Copy, Debug)]
pub enum OrchestratorKind {}

/// The kind of functions marked `#[activity]`.
#[derive(Clone, Copy, Debug)]
pub enum ActivityKind {}

impl Kind for OrchestratorKind {
    const WORD: &'static str = "orchestrator";

    type Options = InstanceOptions;
}

impl Kind for ActivityKind {
    const WORD: &'static str = "activity";

    type Options = ActivityOptions;
}

/// A function that `#[orchestrator]` or `#[activity]` marks. Implemented by the attributes only.
pub trait Definition: Sized + 'static {
    /// Orchestrator or activity.
    type Kind: Kind;
    /// What the function returns when it succeeds.
    type Output;
    /// The error that it returns; [`Infallible`] when it returns no `Result`.
    type Error;
    /// What an orchestrator publishes as its custom status; [`AnyStatus`](crate::AnyStatus) where nothing is declared.
    type Status;
    /// The name it is registered under.
    const NAME: &'static str;
    /// Its version: dotted numbers. Only orchestrators have one.
    const VERSION: Option<&'static str> = None;
    /// The names of its arguments, in their order.
    const PARAMETERS: &'static [&'static str] = &[];

    /// Reads the error back from a recorded failure, when it travelled as data.
    #[doc(hidden)]
    fn decode_error(failure: &FailureDetails) -> Option<Self::Error> {
        let _ = failure;
        None
    }
}

/// A function marked `#[activity]`. Implemented by the attribute only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an activity",
    label = "this must be an activity",
    note = "an activity is a function marked `#[activity]`"
)]
pub trait ActivityDefinition: Definition<Kind = ActivityKind> {
    /// How a call is tried again, unless the call says otherwise; not at all when it is `None`.
    const RETRY: Option<RetryPolicy> = None;
    /// How long one attempt may take, unless the call says otherwise.
    const TIMEOUT: Option<Duration> = None;
    /// How long all attempts together may take, unless the call says otherwise.
    const TOTAL_TIMEOUT: Option<Duration> = None;

    /// What the function returns, as written: its output, or a `Result` of its output and error.
    type Returned: 'static;

    /// What is recorded for it.
    #[doc(hidden)]
    fn record(returned: Self::Returned) -> Outcome;
}

/// A function marked `#[orchestrator]`. Implemented by the attribute only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an orchestrator",
    label = "this must be an orchestrator",
    note = "an orchestrator is a function marked `#[orchestrator]`; an activity is called by one, with `ctx.call(..)`"
)]
pub trait OrchestratorDefinition: Definition<Kind = OrchestratorKind> {
    /// How it is tried again as a child of another orchestration, unless the call says otherwise; not at all when it is `None`.
    const RETRY: Option<RetryPolicy> = None;
}

/// An orchestrator that waits for an event: for any, unless its attribute says which with `events(..)`. Implemented by the
/// attribute only.
#[diagnostic::on_unimplemented(
    message = "the orchestrator `{Self}` does not wait for the event `{E}`",
    label = "not among the events that it declares",
    note = "it declares its events: `#[orchestrator(events(..))]`; add `{E}` there"
)]
pub trait AcceptsEvent<E>: OrchestratorDefinition {}

/// An event that an orchestrator declares: [`AcceptsEvent`] from the event's side. The orchestrator's own waits are checked by it, since
/// this way around the type of an event is never inferred from what is declared.
#[diagnostic::on_unimplemented(
    message = "the orchestrator `{D}` does not wait for the event `{Self}`",
    label = "not among the events that it declares",
    note = "it declares its events: `#[orchestrator(events(..))]`; add `{Self}` there"
)]
pub trait DeclaredBy<D>: Sized {
    /// What a wait is given.
    #[doc(hidden)]
    const DECLARED: PhantomData<fn() -> Self> = PhantomData;
}

#[diagnostic::do_not_recommend]
impl<D: AcceptsEvent<E>, E> DeclaredBy<D> for E {}

/// An error enum that travels as data: recorded when an activity or orchestrator returns it, and the same value again at
/// the caller. Derived by `#[derive(DurableError)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not travel as data",
    note = "derive it: `#[derive(DurableError, Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]`"
)]
pub trait DurableError: Serialize + DeserializeOwned + fmt::Display {
    /// The [`FailureDetails::error_type`] that it is recorded with: the type's name.
    const ERROR_TYPE: &'static str;

    /// Whether trying again is known to be useless.
    fn is_non_retriable(&self) -> bool;

    /// The failure that is recorded for it.
    fn to_failure(&self) -> FailureDetails {
        let failure = FailureDetails::new(Self::ERROR_TYPE, self.to_string());
        let mut failure = FailureDetails {
            is_non_retriable: self.is_non_retriable(),
            ..failure
        };
        // An error that cannot be encoded is still recorded with its message; its caller sees it untyped.
        if let Ok(value) = serde_json::to_value(self) {
            failure.properties.insert(ERROR_PROPERTY.to_owned(), value);
        }
        failure
    }

    /// The same value from a recorded failure; `None` when the failure is of another type or cannot be read.
    #[must_use]
    fn from_failure(failure: &FailureDetails) -> Option<Self> {
        let value = failure
            .properties
            .get(ERROR_PROPERTY)
            .filter(|_| failure.error_type == Self::ERROR_TYPE)?;
        Self::deserialize(value).ok()
    }
}

/// The property of a failure that holds a [`DurableError`] as JSON.
const ERROR_PROPERTY: &str = "error";

/// What an orchestrator asked for did not succeed: an activity, a child, or an event to be sent.
///
/// With `?` it becomes the orchestrator's own error. When that derives `DurableError` and the failure is one of its values,
/// it is that value again. Any other failure is uncaught, as an exception is in Durable Functions: the orchestration ends as
/// Failed with exactly this failure's details. Match on the error to handle it instead.
///
/// As text, an error that was returned is its own message, and any other failure names what failed. As data it is there with all its
/// details, so that an error of the orchestrator's can have it as its cause: a variant with a field `#[from] CallError<..>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub enum CallError<E = Infallible> {
    /// It returned this error.
    Returned {
        /// The error, as it was returned.
        error: E,
        /// The same as it was recorded.
        failure: Box<FailureDetails>,
    },
    /// It failed in another way: it panicked, it took too long, its result or input could not be encoded, or its error type is
    /// not a [`DurableError`].
    Failed {
        /// The name that it was called by.
        name: String,
        /// What was recorded. [`kind`](crate::model::failure::kind) has the types of failures that are not its own.
        failure: Box<FailureDetails>,
    },
}

impl<E> CallError<E> {
    /// The failure of what was called by this name.
    pub(crate) fn new(
        name: &str,
        decode: fn(&FailureDetails) -> Option<E>,
        failure: FailureDetails,
    ) -> Self {
        let (error, failure) = (decode(&failure), Box::new(failure));
        match error {
            Some(error) => Self::Returned { error, failure },
            None => Self::Failed {
                name: name.into(),
                failure,
            },
        }
    }

    /// The error that it returned, when that is what happened.
    #[must_use]
    pub const fn returned(&self) -> Option<&E> {
        match self {
            Self::Returned { error, .. } => Some(error),
            Self::Failed { .. } => None,
        }
    }

    /// Whether it took too long: one attempt, or all of them together.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.failure().error_type == failure::kind::TIMEOUT
    }

    /// What was recorded.
    #[must_use]
    pub fn failure(&self) -> &FailureDetails {
        match self {
            Self::Returned { failure, .. } | Self::Failed { failure, .. } => failure,
        }
    }

    /// What was recorded, taken out.
    #[must_use]
    pub fn into_failure(self) -> FailureDetails {
        match self {
            Self::Returned { failure, .. } | Self::Failed { failure, .. } => *failure,
        }
    }
}

impl<E> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Returned { failure, .. } => fmt::Display::fmt(failure, f),
            Self::Failed { name, failure } => write!(f, "`{name}` failed: {failure}"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for CallError<E> {}

impl<E> From<CallError<E>> for String {
    fn from(error: CallError<E>) -> Self {
        error.to_string()
    }
}
