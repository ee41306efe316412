//! What user functions see: the context of an orchestrator, the context of an activity.

mod activity;
#[cfg(feature = "local")]
mod cancellation;
mod futures;
mod orchestration;

#[cfg(feature = "local")]
pub(crate) use activity::ActivityTask;
pub use activity::{ActivityContext, ProgressError};
#[cfg(feature = "local")]
pub use cancellation::CancelReason;
#[cfg(feature = "local")]
pub(crate) use cancellation::Cancellation;
pub use futures::{ActivityCall, EventFuture, TimerFuture};
pub use orchestration::{AnyStatus, ContextStatus, OrchestrationContext, TimerDue};
