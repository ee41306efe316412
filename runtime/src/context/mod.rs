//! What user functions see: the context of an orchestrator, the context of an activity.

mod activity;
mod callable;
#[cfg(feature = "local")]
mod cancellation;
mod combinators;
mod composition;
mod futures;
mod orchestration;

pub use activity::{ActivityContext, ProgressError};
#[cfg(feature = "local")]
pub(crate) use activity::{ActivityTask, Report};
pub use callable::Callable;
#[cfg(feature = "local")]
pub use cancellation::CancelReason;
#[cfg(feature = "local")]
pub(crate) use cancellation::Cancellation;
pub use combinators::{
    AsCompleted, First, FirstN, JoinAll, OneOf2, OneOf3, OneOf4, Race, TimedOut, Timeout,
    TryJoinAll,
};
#[cfg(feature = "testing")]
pub(crate) use futures::recorded_result;
pub use futures::{ActivityCall, EventFuture, SubOrchestrationCall, TimerFuture};
pub use orchestration::{AnyStatus, ContextStatus, OrchestrationContext, TimerDue};
