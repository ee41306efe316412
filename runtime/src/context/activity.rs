//! The context of an activity.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "local")]
use tokio_util::sync::CancellationToken;

use crate::model::instance::InstanceId;

/// What an activity may know about itself. An activity takes it as its first parameter, or not at all.
///
/// ```
/// use steadfast::prelude::*;
///
/// #[activity]
/// async fn upload(ctx: ActivityContext, path: String) -> String {
///     format!("{}/{}", ctx.instance_id(), path)
/// }
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct ActivityContext(Arc<ActivityTask>);

pub(crate) struct ActivityTask {
    pub(crate) instance_id: InstanceId,
    pub(crate) name: String,
    pub(crate) task_id: i32,
    #[cfg(feature = "local")]
    pub(crate) cancellation: CancellationToken,
}

impl ActivityContext {
    #[cfg(feature = "local")]
    pub(crate) fn new(task: ActivityTask) -> Self {
        Self(Arc::new(task))
    }

    /// The instance that asked for the activity.
    #[must_use]
    pub fn instance_id(&self) -> &InstanceId {
        &self.0.instance_id
    }

    /// The name that the activity was called by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of the action that scheduled the activity: unique within the execution, and the same when the activity runs
    /// again after a crash. Together with the instance id it makes a key for idempotent work.
    #[must_use]
    pub fn task_id(&self) -> i32 {
        self.0.task_id
    }

    /// Whether nobody waits for the activity any more: the orchestrator dropped the call, or the instance was terminated.
    #[cfg(feature = "local")]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancellation.is_cancelled()
    }

    /// Waits until nobody waits for the activity any more. What it returns afterwards is ignored.
    #[cfg(feature = "local")]
    pub async fn cancelled(&self) {
        self.0.cancellation.cancelled().await;
    }
}

impl fmt::Debug for ActivityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = &self.0;
        f.debug_struct("ActivityContext")
            .field("instance_id", &task.instance_id)
            .field("name", &task.name)
            .field("task_id", &task.task_id)
            .finish_non_exhaustive()
    }
}
