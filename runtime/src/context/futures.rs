//! The typed futures of an orchestrator's operations.

use std::any::type_name;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::de::DeserializeOwned;

use super::combinators::Timeout;
use super::orchestration::TimerDue;
use crate::arguments::decode_value;
use crate::definition::{ActivityKind, CallError, Kind as _, OrchestratorKind};
use crate::engine::{EventWait, ExecutionHandle, Operation};
use crate::external_event::{EventError, decode_payload};
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;

/// A called activity. Await it for its result.
///
/// Dropping it while it is pending withdraws the activity; [`detach`](Self::detach) lets it go on unobserved.
#[must_use = "a call that is dropped is withdrawn: await it, or call `detach()` to let it go on"]
pub struct ActivityCall<T, E>(Called<T, E>);

impl<T, E> ActivityCall<T, E> {
    pub(super) const fn new(
        operation: Operation,
        name: String,
        decode_error: fn(&FailureDetails) -> Option<E>,
    ) -> Self {
        Self(Called {
            operation,
            kind: ActivityKind::WORD,
            name,
            decode_error,
            output: PhantomData,
        })
    }

    /// Lets the activity go on without anyone waiting for its result, also when the orchestrator has returned.
    ///
    /// As long as the orchestration runs, a crash does not lose it: it runs again, and it is tried again as its policy says. Once
    /// the orchestration has ended it is not started again after a crash. What must happen, await.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn warm_cache(page: u32) { let _ = page; }
    /// # async fn example(ctx: OrchestrationContext) {
    /// ctx.call(warm_cache(7)).detach();
    /// # }
    /// ```
    pub fn detach(self) {
        self.0.operation.detach();
    }
}

impl<T: DeserializeOwned, E> Future for ActivityCall<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl<T, E> fmt::Debug for ActivityCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityCall")
            .field("name", &self.0.name)
            .finish_non_exhaustive()
    }
}

/// A child: an orchestration that this one started and waits for. Await it for its output.
///
/// Dropping it while it is pending terminates the child; [`detach`](Self::detach) lets it go on unobserved.
#[must_use = "a child that is dropped is terminated: await it, or call `detach()` to let it go on"]
pub struct SubOrchestrationCall<T, E> {
    called: Called<T, E>,
    instance_id: InstanceId,
}

impl<T, E> SubOrchestrationCall<T, E> {
    pub(super) const fn new(
        operation: Operation,
        name: String,
        decode_error: fn(&FailureDetails) -> Option<E>,
        instance_id: InstanceId,
    ) -> Self {
        Self {
            called: Called {
                operation,
                kind: OrchestratorKind::WORD,
                name,
                decode_error,
                output: PhantomData,
            },
            instance_id,
        }
    }

    /// The child's instance id: the one that the call states, or a generated one. With a generated one each further attempt of a
    /// call with a retry policy has another; this is that of the first.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(ctx: OrchestrationContext) -> Result<String, String> {
    /// let parcel = ctx.call(ship(7));
    /// ctx.send_event_named(parcel.instance_id(), "Hurry", &true)?;
    /// Ok(parcel.await?)
    /// # }
    /// ```
    #[must_use]
    pub const fn instance_id(&self) -> &InstanceId {
        &self.instance_id
    }

    /// Lets the child go on without anyone waiting for its output, also when this orchestration has ended: fire and forget.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn clean_up(_ctx: OrchestrationContext, order: u64) -> u64 { order }
    /// # async fn example(ctx: OrchestrationContext) {
    /// ctx.call(clean_up(7).id("clean-up-7")).detach();
    /// # }
    /// ```
    pub fn detach(self) {
        self.called.operation.detach();
    }
}

impl<T: DeserializeOwned, E> Future for SubOrchestrationCall<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.called.poll(cx)
    }
}

impl<T, E> fmt::Debug for SubOrchestrationCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubOrchestrationCall")
            .field("name", &self.called.name)
            .field("instance_id", &self.instance_id)
            .finish_non_exhaustive()
    }
}

/// An operation whose result is of a type.
struct Called<T, E> {
    operation: Operation,
    /// What was called, in a word.
    kind: &'static str,
    name: String,
    decode_error: fn(&FailureDetails) -> Option<E>,
    output: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned, E> Called<T, E> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, CallError<E>>> {
        let failure = match ready!(Pin::new(&mut self.operation).poll(cx)) {
            Ok(result) => match decode_value(result.as_deref().unwrap_or("null")) {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(error) => {
                    let what = recorded_result(self.kind, &self.name);
                    let message = format!("not of the type `{}`: {error}", type_name::<T>());
                    self.operation
                        .execution()
                        .fail_undecodable_result(&what, message);
                    return Poll::Pending;
                }
            },
            Err(failure) => failure,
        };
        Poll::Ready(Err(CallError::new(&self.name, self.decode_error, failure)))
    }
}

/// The result of what was called, in messages.
pub(crate) fn recorded_result(kind: &str, name: &str) -> String {
    format!("the recorded result of {kind} `{name}`")
}

/// A durable timer. Await it; it is ready not before its time. Dropping it cancels it.
#[derive(Debug)]
#[must_use = "a timer that is dropped is cancelled"]
pub struct TimerFuture(pub(super) Operation);

impl Future for TimerFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}

/// A wait for an external event. Await it for the event's payload. Dropping it loses no event: the next wait gets it.
#[must_use = "a wait does nothing unless it is awaited"]
pub struct EventFuture<T> {
    execution: ExecutionHandle,
    wait: EventWait,
    name: String,
    payload: PhantomData<fn() -> T>,
}

impl<T> EventFuture<T> {
    #[track_caller]
    pub(super) fn new(execution: &ExecutionHandle, name: &str) -> Self {
        Self {
            execution: execution.clone(),
            wait: execution.wait_for_external_event(name),
            name: name.into(),
            payload: PhantomData,
        }
    }

    /// The same wait. `#[orchestrator(events(..))]` puts this behind the waits of a body; what it asks for can only be given for
    /// an event that is declared.
    #[doc(hidden)]
    pub fn declared(self, _: PhantomData<fn() -> T>) -> Self {
        self
    }
}

impl<T: DeserializeOwned> EventFuture<T> {
    /// Waits no longer than so much time, or until a time. An event that comes later goes to the next wait.
    ///
    /// The same as [`ctx.timeout(due, wait)`](crate::OrchestrationContext::timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](crate::TimedOut) when the time is up.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// #[derive(ExternalEvent, Serialize, Deserialize)]
    /// struct Approved(bool);
    ///
    /// /// Three days to answer; silence is a no.
    /// #[orchestrator]
    /// async fn approval(ctx: OrchestrationContext) -> Result<bool, String> {
    ///     let answer = ctx.wait_for_external_event::<Approved>().timeout(Duration::from_secs(3 * 24 * 60 * 60));
    ///     match answer.await {
    ///         Ok(answer) => Ok(answer?.0),
    ///         Err(_) => Ok(false),
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn timeout(self, due: impl Into<TimerDue>) -> Timeout<Self> {
        let execution = self.execution.clone();
        Timeout::new(&execution, due.into(), self)
    }
}

impl<T: DeserializeOwned> Future for EventFuture<T> {
    type Output = Result<T, EventError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let payload = ready!(Pin::new(&mut self.wait).poll(cx));
        Poll::Ready(decode_payload(&self.name, payload.as_deref()))
    }
}

impl<T> fmt::Debug for EventFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFuture")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
