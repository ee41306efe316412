//! The context of an activity.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "local")]
use super::cancellation::{CancelReason, Cancellation};
use crate::dependency::Dependencies;
use crate::encoding::{EncodeError, encode};
use crate::limits::MAX_PROGRESS_BYTES;
use crate::model::instance::{ExecutionId, InstanceId};
use crate::model::trace_context::TraceContext;

/// What an activity can know about itself, and its way to report progress. An activity takes it as its first parameter, or not at
/// all.
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
///
/// # Long activities
///
/// An activity that takes its time reports its progress, goes on where the attempt before was, and stops when nobody waits
/// any more:
///
/// ```
/// # #[cfg(feature = "local")] {
/// use steadfast::prelude::*;
///
/// #[activity(retry(max_attempts = 5, first_interval = "10s"))]
/// async fn import(ctx: ActivityContext, rows: Vec<String>) -> Result<usize, String> {
///     let done = ctx.last_heartbeat::<usize>().unwrap_or(0);
///     for (index, row) in rows.iter().enumerate().skip(done) {
///         if let Some(reason) = ctx.cancel_reason() {
///             return Err(format!("stopped at row {index}: {reason}"));
///         }
///         store(row).await?;
///         ctx.heartbeat(&(index + 1)).map_err(|error| error.to_string())?;
///     }
///     Ok(rows.len())
/// }
/// # async fn store(_row: &str) -> Result<(), String> { Ok(()) }
/// # }
/// ```
#[derive(Clone)]
pub struct ActivityContext(Arc<ActivityTask>);

/// Told of every report of progress, as JSON text.
pub(crate) type Report = Arc<dyn Fn(String) + Send + Sync>;

pub(crate) struct ActivityTask {
    pub(crate) instance_id: InstanceId,
    pub(crate) execution_id: ExecutionId,
    pub(crate) name: String,
    pub(crate) task_id: i32,
    /// The id of the first attempt's action.
    pub(crate) first_task_id: i32,
    /// Which attempt it is, from 1.
    pub(crate) attempt: u32,
    /// How many attempts there are at most, with the first.
    pub(crate) max_attempts: u32,
    /// What was reported last, as JSON text.
    pub(crate) last_heartbeat: Option<String>,
    pub(crate) trace: Option<Arc<TraceContext>>,
    pub(crate) report: Report,
    pub(crate) dependencies: Arc<Dependencies>,
    #[cfg(feature = "local")]
    pub(crate) cancellation: Cancellation,
}

/// Progress that cannot be reported. What was reported before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProgressError {
    /// The details cannot be encoded as JSON.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The details are too large: see [`MAX_PROGRESS_BYTES`].
    #[error(
        "the progress of the activity `{activity}` has {size} bytes as JSON, and the limit is {limit}: report how far it is, \
         and keep the work itself elsewhere"
    )]
    TooLarge {
        /// The activity.
        activity: String,
        /// The size of the JSON text in bytes.
        size: usize,
        /// The greatest size.
        limit: usize,
    },
}

impl ActivityContext {
    #[cfg(feature = "local")]
    pub(crate) fn new(task: ActivityTask) -> Self {
        Self(Arc::new(task))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn dependencies(&self) -> &Dependencies {
        &self.0.dependencies
    }

    /// The instance that asked for the activity.
    #[must_use]
    pub fn instance_id(&self) -> &InstanceId {
        &self.0.instance_id
    }

    /// The execution of the instance that asked for the activity. An instance that continues as new, or is created again, has
    /// another one.
    #[must_use]
    pub fn execution_id(&self) -> ExecutionId {
        self.0.execution_id
    }

    /// The name that the activity was called by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The id of the action that scheduled this attempt: unique within the execution, and the same when the attempt runs
    /// again after a crash; a further attempt after a failure has another one.
    #[must_use]
    pub fn task_id(&self) -> i32 {
        self.0.task_id
    }

    /// A text that is the same for every attempt of this call, also after a crash, and that no other call has. Services that accept
    /// such a key do the work once, however often it is asked for.
    ///
    /// ```
    /// use steadfast::prelude::*;
    ///
    /// #[activity(retry(max_attempts = 3, first_interval = "1s"), timeout = "30s")]
    /// async fn charge(ctx: ActivityContext, cents: u32) -> Result<(), String> {
    ///     bank_transfer(&ctx.idempotency_key(), cents).await
    /// }
    /// # async fn bank_transfer(_key: &str, _cents: u32) -> Result<(), String> { Ok(()) }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        format!("{}:{}", self.0.execution_id, self.0.first_task_id)
    }

    /// Which attempt this is: 1 for the first. Running again after a crash is the same attempt; a rewind gives a call that had failed all
    /// its attempts again, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// How many attempts there are at most, the first included; 1 for a call without retries.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.0.max_attempts
    }

    /// The place in a distributed trace that the instance was started from, to go on from in requests of its own.
    ///
    /// ```
    /// use steadfast::prelude::*;
    ///
    /// #[activity]
    /// async fn charge(ctx: ActivityContext, cents: u32) -> Result<(), String> {
    ///     let traceparent = ctx.trace_context().map(ToString::to_string);
    ///     bank_transfer(cents, traceparent).await
    /// }
    /// # async fn bank_transfer(_cents: u32, _traceparent: Option<String>) -> Result<(), String> { Ok(()) }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn trace_context(&self) -> Option<&TraceContext> {
        self.0.trace.as_deref()
    }

    /// Reports how far the activity is: any value that can be written as JSON. The next attempt finds the last one, and
    /// readers of the instance's status see it. It may be called often: only the last value counts, and a value that is
    /// replaced soon may never be seen.
    ///
    /// ```
    /// use steadfast::prelude::*;
    ///
    /// #[activity]
    /// async fn count(ctx: ActivityContext, to: u32) -> Result<(), String> {
    ///     for n in 1..=to {
    ///         ctx.heartbeat(&n).map_err(|error| error.to_string())?;
    ///     }
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON, or its text is larger than [`MAX_PROGRESS_BYTES`]. What was reported before
    /// stays, and the activity may go on.
    pub fn heartbeat<T: Serialize + ?Sized>(&self, details: &T) -> Result<(), ProgressError> {
        let json = encode("the progress of the activity", details)?;
        if json.len() > MAX_PROGRESS_BYTES {
            return Err(ProgressError::TooLarge {
                activity: self.0.name.clone(),
                size: json.len(),
                limit: MAX_PROGRESS_BYTES,
            });
        }
        (self.0.report)(json);
        Ok(())
    }

    /// What was reported last before this attempt began: by the attempt before, or by this one before the program stopped.
    /// `None` when nothing was, or when it is not a `T`; the latter is logged.
    #[must_use]
    pub fn last_heartbeat<T: DeserializeOwned>(&self) -> Option<T> {
        let json = self.0.last_heartbeat.as_deref()?;
        serde_json::from_str(json)
            .inspect_err(|error| {
                tracing::warn!(activity = self.name(), instance = %self.instance_id(), %error, "the last heartbeat cannot be read");
            })
            .ok()
    }

    /// Whether nobody waits for the activity any more. [`cancel_reason`](Self::cancel_reason) says why.
    #[cfg(feature = "local")]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel_reason().is_some()
    }

    /// Why nobody waits for the activity any more; `None` while someone does.
    #[cfg(feature = "local")]
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancellation.reason()
    }

    /// Waits until nobody waits for the activity any more, and says why. What the activity returns afterwards is ignored,
    /// except at a [shutdown](CancelReason::ShutDown), where it is recorded when it comes in time.
    ///
    /// ```
    /// # #[cfg(feature = "local")] {
    /// use steadfast::prelude::*;
    ///
    /// #[activity]
    /// async fn watch(ctx: ActivityContext) -> String {
    ///     tokio::select! {
    ///         reason = ctx.cancelled() => format!("stopped: {reason}"),
    ///         change = next_change() => change,
    ///     }
    /// }
    /// # async fn next_change() -> String { String::new() }
    /// # }
    /// ```
    #[cfg(feature = "local")]
    pub async fn cancelled(&self) -> CancelReason {
        self.0.cancellation.raised().await
    }
}

impl fmt::Debug for ActivityContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let task = &self.0;
        f.debug_struct("ActivityContext")
            .field("instance_id", &task.instance_id)
            .field("name", &task.name)
            .field("task_id", &task.task_id)
            .field("attempt", &task.attempt)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "local"))]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn context(last_heartbeat: Option<&str>) -> (ActivityContext, Arc<Mutex<Vec<String>>>) {
        let reports = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&reports);
        let context = ActivityContext::new(ActivityTask {
            instance_id: InstanceId::parse("a").expect("a valid id"),
            execution_id: ExecutionId::from_u128(1),
            name: "import".into(),
            task_id: 7,
            first_task_id: 2,
            attempt: 2,
            max_attempts: 3,
            last_heartbeat: last_heartbeat.map(str::to_owned),
            trace: None,
            report: Arc::new(move |json| seen.lock().expect("no test panics here").push(json)),
            dependencies: Arc::default(),
            cancellation: Cancellation::default(),
        });
        (context, reports)
    }

    #[test]
    fn progress_is_reported_as_json() {
        let (context, reports) = context(None);
        context.heartbeat(&[1, 2]).unwrap();
        context.heartbeat("half").unwrap();
        assert_eq!(*reports.lock().unwrap(), ["[1,2]", "\"half\""]);
    }

    #[test]
    fn progress_that_is_too_large_is_refused() {
        let (context, reports) = context(None);
        // Two bytes are the quotes.
        context
            .heartbeat(&"x".repeat(MAX_PROGRESS_BYTES - 2))
            .unwrap();
        let error = context
            .heartbeat(&"x".repeat(MAX_PROGRESS_BYTES - 1))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the progress of the activity `import` has 16385 bytes as JSON, and the limit is 16384: report how far it is, and keep \
             the work itself elsewhere"
        );
        assert_eq!(reports.lock().unwrap().len(), 1);
    }

    #[test]
    fn progress_that_is_no_json_is_refused() {
        let (context, reports) = context(None);
        let keys = std::collections::HashMap::from([(vec![1], 1)]);
        let error = context.heartbeat(&keys).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the progress of the activity cannot be encoded as JSON: key must be a string"
        );
        assert!(reports.lock().unwrap().is_empty());
    }

    #[test]
    fn the_last_heartbeat_is_read_as_what_it_was() {
        assert_eq!(context(None).0.last_heartbeat::<u32>(), None);
        assert_eq!(context(Some("7")).0.last_heartbeat::<u32>(), Some(7));
        assert_eq!(context(Some("\"7\"")).0.last_heartbeat::<u32>(), None);
    }

    #[test]
    fn all_attempts_have_the_same_key() {
        assert_eq!(
            context(None).0.idempotency_key(),
            "00000000000000000000000000000001:2"
        );
    }

    #[test]
    fn a_cancelled_activity_is_told_why() {
        let (context, _) = context(None);
        assert!(!context.is_cancelled());
        context.0.cancellation.cancel(CancelReason::Terminated);
        assert_eq!(context.cancel_reason(), Some(CancelReason::Terminated));
        let reason = futures_executor::block_on(context.cancelled());
        assert_eq!(reason.to_string(), "the orchestration was terminated");
    }
}
