//! What an orchestrator awaits that is not durable.
//!
//! | what is seen | how sure it is |
//! | --- | --- |
//! | it waits and no durable operation is open, or nobody has its waker | certain: nothing can wake it |
//! | it panics with the words of an async runtime that is not there | certain |
//! | it is woken from another thread, or between episodes | certain |
//! | it waits, its last poll came to none of the operations that are open, and somebody has its waker | a suspicion |
//!
//! What cannot be told: a foreign await beside a durable one, as in `join!(foreign, ctx.call(..))`. To the engine it looks like a
//! channel between two branches: the orchestrator's waker is cloned by something that is not durable, and the branch that
//! sends may be the one that waits for the call. It is found when the foreign thing wakes the orchestrator. What is ready when it is
//! polled first is never found in this way.

use std::fmt;
use std::sync::Arc;

use super::episode::UncaughtFailure;
use super::execution::Execution;
use super::fault::Fault;
use super::options::{Panics, SuspiciousAwaits};
use super::panicked::{Panicked, panic_message};
use crate::model::failure::{self, FailureDetails};

/// The wakers of an execution that it has itself: as an `Arc`, as a `Waker`, and to know it again.
const OWN_WAKERS: usize = 3;

/// What the panics of an async runtime have in common whose context is not there.
///
/// Those of tokio: of its timers, sockets and tasks in each version, of a runtime without a driver, and of `spawn_local`.
const NO_RUNTIME: &[&str] = &[
    "there is no reactor running",
    "there is no timer running",
    "no reactor running",
    "must be called from the context of a Tokio",
    "must be called from the context of Tokio",
    "A Tokio 1.x context was found, but",
    "not currently running on the Tokio runtime",
    "called from outside of a `task::LocalSet`",
];

/// Whether the message of a panic says that an async runtime was missing.
pub(crate) fn needs_runtime(message: &str) -> bool {
    NO_RUNTIME.iter().any(|words| message.contains(words))
}

impl Execution {
    /// The orchestrator was woken from outside of an episode.
    #[must_use]
    pub fn woken_from_outside(&self) -> Fault {
        self.foreign_await(
            "it was woken from another thread or between episodes; what it waits for must be an activity, a timer or an \
             external event",
        )
    }

    /// With what helps to find the line.
    fn foreign_await(&self, how: impl fmt::Display) -> Fault {
        let finished = match &self.state.borrow().last_finished {
            Some(finished) => format!("the last durable operation that it finished is {finished}"),
            None => "it has not finished any durable operation".into(),
        };
        Fault::ForeignAwait(format!("{how}; {finished}"))
    }

    /// Looks, when nothing inside the orchestrator asks for another poll, for what it waits for.
    pub(super) fn check_awaits(&mut self) -> Result<(), Fault> {
        if self.future.is_none() {
            return Ok(());
        }
        let state = self.state.borrow();
        if !state.waits_for_something() {
            drop(state);
            return Err(
                self.foreign_await("it waits, and no durable operation is open that could wake it")
            );
        }
        if state.awaits_something() {
            return Ok(());
        }
        let is_new = state.is_new();
        drop(state);
        if Arc::strong_count(&self.root) == OWN_WAKERS {
            return Err(self.foreign_await(
                "it waits, and awaits none of the durable operations that are open: nothing can wake it",
            ));
        }
        let fault = self.foreign_await(
            "it waits, and awaits none of the durable operations that are open, but something else",
        );
        match self.settings.suspicious_awaits {
            SuspiciousAwaits::SetAside => Err(fault),
            SuspiciousAwaits::Report => {
                if is_new && !std::mem::replace(&mut self.suspected, true) {
                    self.suspicion = Some(fault.to_string());
                }
                Ok(())
            }
        }
    }

    /// What a panic means: a failure that nobody caught, a foreign await, or a bug in the orchestrator.
    pub(super) fn failure_of(&mut self, panicked: Panicked) -> Result<FailureDetails, Fault> {
        let Panicked { payload, place } = panicked;
        let payload = match payload.downcast::<UncaughtFailure>() {
            Ok(uncaught) => return Ok(uncaught.0),
            Err(payload) => payload,
        };
        let message = panic_message(&*payload);
        let place = place
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        if needs_runtime(&message) {
            return Err(self.foreign_await(format_args!(
                "it uses a timer, socket or task of an async runtime{place}, which belongs into an activity ({message})"
            )));
        }
        match self.settings.panics {
            Panics::Fail => {
                self.failed_at = Some(format!("a panic{place}"));
                Ok(FailureDetails::new(failure::kind::PANIC, message))
            }
            Panics::SetAside => Err(Fault::Panicked(message + &place)),
        }
    }
}
