//! The context of an orchestrator.

use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::futures::{EventFuture, TimerFuture};
use crate::arguments::decode_value;
use crate::encoding::encode;
use crate::engine::{ExecutionHandle, ExecutionInfo, UncaughtFailure};
use crate::external_event::ExternalEvent;
use crate::limits::HISTORY_LENGTH_WARNING;
use crate::model::custom_status::{CustomStatus, CustomStatusError};
use crate::model::failure::{self, FailureDetails};
use crate::model::instance::{ExecutionId, InstanceId, ParentInstance};
use crate::model::time::next_microsecond;
use crate::model::trace_context::TraceContext;
use crate::status_type::{Published, StatusType};

/// What an orchestrator works with: it calls activities, waits for events and timers, and publishes the custom status.
///
/// `S` is the type of the custom status, a [`StatusType`]. With a bounded type setting it cannot fail; without a parameter any
/// serializable value may be set, and its size is checked at the call.
///
/// Calls, waits and timers are ordinary futures. Several that are called before one is awaited run at the same time; a race is
/// decided by the order of events in history, also on replay, if the combinator polls in a fixed order: `tokio::select!` needs
/// `biased`.
///
/// ```
/// # use std::time::Duration;
/// # use steadfast::prelude::*;
/// # #[activity]
/// # async fn price_of(item: String) -> u32 { item.len() as u32 }
/// #[orchestrator]
/// async fn order(ctx: OrchestrationContext, items: Vec<String>) -> Result<Option<u32>, String> {
///     // Fan out, then in.
///     let calls = items.into_iter().map(|item| ctx.call(price_of(item)));
///     let mut total = 0;
///     for price in futures_util::future::join_all(calls).await {
///         total += price?;
///     }
///     // An answer or a deadline, whichever comes first. The loser is withdrawn.
///     tokio::select! {
///         biased;
///         paid = ctx.wait_for_external_event_named::<bool>("Paid") => {
///             Ok(paid.map_err(|error| error.to_string())?.then_some(total))
///         }
///         () = ctx.create_timer(Duration::from_secs(24 * 60 * 60)) => Ok(None),
///     }
/// }
/// # fn main() {}
/// ```
///
/// An orchestrator must be deterministic: given the same results it must ask for the same things in the same order. Time, guids and
/// random numbers come from the context; whatever else touches the world belongs into an activity.
#[derive(Clone, Debug)]
pub struct OrchestrationContext<S = AnyStatus> {
    execution: ExecutionHandle,
    info: ExecutionInfo,
    status: PhantomData<fn(S)>,
}

/// The status type of an [`OrchestrationContext`] without a parameter: any serializable value, checked at the call.
#[derive(Clone, Copy, Debug)]
pub enum AnyStatus {}

/// What the attributes ask of a context type: its status type.
#[doc(hidden)]
pub trait ContextStatus {
    type Status;
}

impl<S> ContextStatus for OrchestrationContext<S> {
    type Status = S;
}

impl<S> OrchestrationContext<S> {
    #[doc(hidden)]
    #[must_use]
    pub fn from_execution(execution: ExecutionHandle) -> Self {
        Self {
            info: execution.info(),
            execution,
            status: PhantomData,
        }
    }

    pub(crate) const fn execution(&self) -> &ExecutionHandle {
        &self.execution
    }

    /// Waits for an external event of a declared type. Events that arrived before the wait are kept and taken in order; how many
    /// are kept: [`MAX_BUFFERED_EVENTS`](crate::limits::MAX_BUFFERED_EVENTS). It waits without limit; see
    /// [`timeout`](EventFuture::timeout).
    ///
    /// # Errors
    ///
    /// The future gives an [`EventError`](crate::EventError) when the payload is not of that type; the event is consumed.
    #[track_caller]
    pub fn wait_for_external_event<E: ExternalEvent>(&self) -> EventFuture<E> {
        self.wait_for_external_event_named(E::NAME)
    }

    /// Waits for an external event by name, without regard to case.
    ///
    /// # Errors
    ///
    /// As [`wait_for_external_event`](Self::wait_for_external_event).
    #[track_caller]
    pub fn wait_for_external_event_named<T: DeserializeOwned>(&self, name: &str) -> EventFuture<T> {
        EventFuture::new(&self.execution, name)
    }

    /// Creates a durable timer: after a duration, or at a time; at once if that has passed. It can be of any length, is precise to
    /// the microsecond, is never early, and survives restarts.
    #[track_caller]
    pub fn create_timer(&self, due: impl Into<TimerDue>) -> TimerFuture {
        TimerFuture(
            self.execution
                .create_timer(due.into().at(self.current_utc_datetime())),
        )
    }

    /// Clears the custom status: clients then read `null`.
    #[track_caller]
    pub fn clear_custom_status(&self) {
        self.execution.set_custom_status(None);
    }

    /// The custom status as this code last set it; before that, the one that the execution began with.
    #[must_use]
    pub fn custom_status(&self) -> Option<CustomStatus> {
        self.execution.custom_status()
    }

    /// The time of the current episode: the same on every replay, and the same between two awaits.
    #[must_use]
    pub fn current_utc_datetime(&self) -> Timestamp {
        self.execution.now()
    }

    /// A new guid: the same on every replay.
    #[must_use]
    pub fn new_guid(&self) -> Uuid {
        self.execution.new_guid()
    }

    /// A random number from all of `u64`: the same on every replay. Not for secrets.
    #[must_use]
    pub fn random_u64(&self) -> u64 {
        self.execution.random()
    }

    /// A random number from 0 up to and without 1: the same on every replay.
    #[must_use]
    pub fn random_f64(&self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.execution.random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A random number from a range: the same on every replay.
    ///
    /// # Panics
    ///
    /// When the range is empty.
    #[must_use]
    pub fn random_range(&self, range: Range<u64>) -> u64 {
        assert!(range.start < range.end, "the range {range:?} is empty");
        let width = range.end - range.start;
        range.start + ((u128::from(self.execution.random()) * u128::from(width)) >> 64) as u64
    }

    /// The value of a function that is not deterministic: it runs once, its value is recorded, and each replay gives the same.
    ///
    /// It is for what is quick and cannot fail, such as reading a setting; anything else belongs into an activity. The function may
    /// run again when the worker dies before its value is durable; nothing that the orchestrator did with the first value has
    /// taken effect then.
    ///
    /// The value goes through JSON, the first time as on every replay. What the function asks of the context has no effect.
    ///
    /// # Panics
    ///
    /// When the value cannot be encoded, is too large or cannot be read back: the orchestration fails.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> bool {
    /// let is_dry_run = ctx.side_effect(|| std::env::var_os("DRY_RUN").is_some());
    /// # is_dry_run }
    /// ```
    #[track_caller]
    pub fn side_effect<T>(&self, effect: impl FnOnce() -> T) -> T
    where
        T: Serialize + DeserializeOwned,
    {
        const WHAT: &str = "the value of a side effect";
        let recorded = self.execution.side_value(|| {
            let json = encode(WHAT, &effect()).map_err(|error| FailureDetails::from(&error))?;
            match decode_value::<T>(&json) {
                Ok(_) => Ok(json),
                Err(error) => {
                    let message = format!("{WHAT} cannot be read back: {error}");
                    Err(FailureDetails::new(failure::kind::DECODE, message))
                }
            }
        });
        let json = recorded.unwrap_or_else(|failure| uncaught(failure));
        // Not in a closure, which would take the place of the caller.
        match decode_value(&json) {
            Ok(value) => value,
            Err(error) => {
                // The code was changed: that is a fault, which goes before what ends the poll here.
                let (what, message) = (format!("{WHAT} that was recorded"), error.to_string());
                self.execution
                    .fail_undecodable_side_value(&what, message.clone());
                uncaught(FailureDetails::new(failure::kind::DECODE, message))
            }
        }
    }

    /// Whether the change with this id is part of this execution: a way to change the code of orchestrations that are running. See
    /// also [how to deploy a change](crate::deploying).
    ///
    /// An execution that reaches the place for the first time has the change, and records that. One that passed the place with the
    /// code before the change does not have it. Once no such execution is left, delete the old code, and later the question too.
    ///
    /// The answer belongs to the id, not to the place: an execution without the change stays without it, also at other places that
    /// ask for the same id and in later rounds of a loop, until it continues as new. Changes that are independent of each other need
    /// ids of their own. Ids are case-sensitive.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn check_stock(item: u32) -> bool { item > 0 }
    /// # #[activity]
    /// # async fn reserve_stock(item: u32) -> bool { item > 0 }
    /// # async fn example(ctx: OrchestrationContext, item: u32) -> Result<bool, String> {
    /// let available = if ctx.patched("reserve-instead-of-check") {
    ///     ctx.call(reserve_stock(item)).await?
    /// } else {
    ///     ctx.call(check_stock(item)).await?
    /// };
    /// # Ok(available) }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn patched(&self, id: &str) -> bool {
        self.execution.patched(id)
    }

    /// How many events the history of this execution has, those of the current episode included. The same on every replay.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> String {
    /// format!("{} events", ctx.history_length())
    /// # }
    /// ```
    #[must_use]
    pub fn history_length(&self) -> usize {
        self.execution.history_length()
    }

    /// Whether the history is so long ([`HISTORY_LENGTH_WARNING`] events) that replaying it takes noticeable time: time to
    /// [continue as new](Self::continue_as_new).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn count(ctx: OrchestrationContext, total: u64) -> Result<u64, String> {
    /// let mut total = total;
    /// while !ctx.is_history_long() {
    ///     total += ctx.wait_for_external_event_named::<u64>("Add").await.map_err(|error| error.to_string())?;
    /// }
    /// ctx.continue_as_new(count(total)).await
    /// # }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn is_history_long(&self) -> bool {
        self.history_length() >= HISTORY_LENGTH_WARNING
    }

    /// Whether the code is being run again to rebuild its state. Orchestrators rarely need to know; what they do must not depend on
    /// it.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        self.execution.is_replaying()
    }

    /// The id of the instance.
    #[must_use]
    pub fn instance_id(&self) -> &InstanceId {
        &self.info.instance_id
    }

    /// The current execution's id.
    #[must_use]
    pub fn execution_id(&self) -> ExecutionId {
        self.info.execution_id
    }

    /// The name that the orchestrator was started by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// The version of the orchestrator that this execution runs, when it has one.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(ctx: OrchestrationContext) -> Option<String> {
    /// ctx.version().map(str::to_owned)
    /// # }
    /// ```
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.info.version.as_deref()
    }

    /// The orchestration that started this one, when one did.
    #[must_use]
    pub fn parent(&self) -> Option<&ParentInstance> {
        self.info.parent.as_ref()
    }

    /// The place in a distributed trace that the instance was started from.
    #[must_use]
    pub fn trace_context(&self) -> Option<&TraceContext> {
        self.info.trace.as_deref()
    }
}

impl<S: StatusType> OrchestrationContext<S> {
    /// Publishes the custom status; one whose JSON is `null` empties it. It becomes visible with the commit of the current
    /// episode; the last one of an episode wins.
    ///
    /// For a bounded type it returns `()`: no value of the type is too large. For a type that says
    /// [`unbounded`](derive@crate::CustomStatus#unbounded) it returns `Result<(), CustomStatusError>`.
    ///
    /// # Errors
    ///
    /// Of an unbounded type, when the value's JSON is longer than 16,384 bytes as UTF-16, or the value cannot be encoded. The
    /// previous status stays. The same value gives the same error on replay, so it may be handled.
    ///
    /// # Panics
    ///
    /// When a hand-written `Serialize` of a bounded type does not keep to the bound that the type states; the instance fails.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "a status is made to be given away"
    )]
    #[track_caller]
    pub fn set_custom_status(&self, status: S) -> S::Published {
        let encoded = CustomStatus::encode_text(&status);
        S::Published::of::<S>(encoded.map(|text| self.execution.set_custom_status(text)))
    }
}

impl OrchestrationContext<AnyStatus> {
    /// Publishes any value as the custom status; `null` empties it. It becomes visible with the commit of the current episode;
    /// the last one of an episode wins.
    ///
    /// # Errors
    ///
    /// When the value's JSON is longer than 16,384 bytes as UTF-16, or the value cannot be encoded. The previous status
    /// stays. The same value gives the same error on replay, so it may be handled.
    #[track_caller]
    pub fn set_custom_status(&self, status: impl Serialize) -> Result<(), CustomStatusError> {
        self.execution
            .set_custom_status(CustomStatus::encode_text(&status)?);
        Ok(())
    }
}

/// Ends the orchestration with these details.
fn uncaught(failure: FailureDetails) -> ! {
    std::panic::resume_unwind(Box::new(UncaughtFailure(failure)))
}

/// When a durable timer is due, or an orchestration is to start. A duration that leads beyond the last [`Timestamp`] means that
/// last one. Times are rounded up to whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerDue {
    /// So long after the current time: the orchestrator's, or the client's.
    After(Duration),
    /// At this time; at once when it has passed.
    At(Timestamp),
}

impl TimerDue {
    /// The time, as history keeps it.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        let exact = match self {
            Self::At(time) => time,
            Self::After(duration) => now.saturating_add(duration).unwrap_or(Timestamp::MAX),
        };
        next_microsecond(exact)
    }
}

impl From<Duration> for TimerDue {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

impl From<SignedDuration> for TimerDue {
    /// A negative duration is due at once.
    fn from(duration: SignedDuration) -> Self {
        Self::After(Duration::try_from(duration).unwrap_or(Duration::ZERO))
    }
}

impl From<Timestamp> for TimerDue {
    fn from(time: Timestamp) -> Self {
        Self::At(time)
    }
}
