//! What user functions see: the context of an orchestrator, the context of an activity.

mod activity;
mod futures;
mod orchestration;

pub use activity::ActivityContext;
#[cfg(feature = "local")]
pub(crate) use activity::ActivityTask;
pub use futures::{ActivityCall, EventFuture, TimerFuture};
pub use orchestration::{AnyStatus, ContextStatus, OrchestrationContext, TimerDue};
