//! The typed futures of an orchestrator's operations.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use serde::de::DeserializeOwned;

use crate::arguments::decode_value;
use crate::definition::CallError;
use crate::engine::{EventWait, Operation};
use crate::external_event::{EventError, decode_payload};
use crate::model::failure::FailureDetails;

/// A called activity. Await it for its result.
///
/// Dropping it while it is pending withdraws the activity; [`detach`](Self::detach) lets it go on unobserved.
#[must_use = "a call that is dropped is withdrawn: await it, or call `detach()` to let it go on"]
pub struct ActivityCall<T, E> {
    operation: Operation,
    name: String,
    decode_error: fn(&FailureDetails) -> Option<E>,
    output: PhantomData<fn() -> T>,
}

impl<T, E> ActivityCall<T, E> {
    pub(super) const fn new(
        operation: Operation,
        name: String,
        decode_error: fn(&FailureDetails) -> Option<E>,
    ) -> Self {
        Self {
            operation,
            name,
            decode_error,
            output: PhantomData,
        }
    }

    /// Lets the activity go on without anyone waiting for its result, also when the orchestrator has returned.
    ///
    /// As long as the orchestration runs, a crash does not lose it: it runs again. Once the orchestration has ended it is not
    /// started again after a crash. What must happen, await.
    pub fn detach(self) {
        self.operation.detach();
    }
}

impl<T: DeserializeOwned, E> Future for ActivityCall<T, E> {
    type Output = Result<T, CallError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let failure = match ready!(Pin::new(&mut self.operation).poll(cx)) {
            Ok(result) => match decode_value(result.as_deref().unwrap_or("null")) {
                Ok(value) => return Poll::Ready(Ok(value)),
                Err(error) => {
                    let what = format!("the recorded result of activity `{}`", self.name);
                    self.operation
                        .execution()
                        .fail_undecodable(what, error.to_string());
                    return Poll::Pending;
                }
            },
            Err(failure) => Box::new(failure),
        };
        Poll::Ready(Err(match (self.decode_error)(&failure) {
            Some(error) => CallError::Returned { error, failure },
            None => CallError::Failed(failure),
        }))
    }
}

impl<T, E> fmt::Debug for ActivityCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivityCall")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
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
    wait: EventWait,
    name: String,
    payload: PhantomData<fn() -> T>,
}

impl<T> EventFuture<T> {
    pub(super) const fn new(wait: EventWait, name: String) -> Self {
        Self {
            wait,
            name,
            payload: PhantomData,
        }
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
