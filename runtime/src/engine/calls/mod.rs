//! The operations of an execution: activities, sub-orchestrations and timers that were asked for and whose results have not
//! been taken.
//!
//! An operation is known by its first action. When a failed one is tried again, the back-off timer and the next attempt are
//! actions of their own, which lead back to it. All of this happens where events are applied, whether anyone polls or not.

mod asking;
mod attempts;
mod dropping;
mod rewinding;
mod waiting;

use std::panic::Location;
use std::rc::Rc;

use jiff::Timestamp;

use super::asked::{Asked, FailedCall};
use super::awaits::Kept;
use super::fault::{Against, Fault, NonDeterminismError};
use super::options::RetryIf;
use super::state::State;
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;
use attempts::Series;
pub(super) use dropping::Dropped;

/// An operation that was asked for and whose result has not been taken.
pub(super) struct Pending {
    kind: PendingKind,
    /// Of what is called.
    name: Rc<str>,
    completion: Option<Completion>,
    waker: Option<Kept>,
    awaited: bool,
    detached: bool,
    location: Option<&'static Location<'static>>,
    since: Timestamp,
    /// Of a call that may be tried again, or has a total timeout.
    series: Option<Box<Series>>,
}

#[derive(Clone, Debug)]
enum PendingKind {
    Task,
    Timer(Timestamp),
    Child(InstanceId),
}

/// How an operation ended.
#[derive(Debug)]
pub(super) enum Completion {
    Completed(Option<String>),
    Failed(Box<FailureDetails>),
    Fired,
}

/// What the end of an operation sets free, for the caller to handle when it has let go of the state: it may be user code.
#[derive(Default)]
#[must_use]
pub(super) struct Freed {
    /// To be woken.
    pub(super) wake: Option<Kept>,
    _waker: Option<Kept>,
    _series: Option<Box<Series>>,
}

/// What came of an event for an operation.
pub(super) enum Applied {
    Done(Freed),
    /// A failed attempt may be tried again, if the author's closure says so.
    Asks {
        operation: i32,
        retry_if: RetryIf,
        failure: Box<FailureDetails>,
    },
}

impl From<Freed> for Applied {
    fn from(freed: Freed) -> Self {
        Self::Done(freed)
    }
}

/// What an event says about an operation.
#[derive(Debug)]
pub(super) enum Answer {
    Task(Result<Option<String>, FailureDetails>),
    Child(Result<Option<String>, FailureDetails>),
    Timer,
}

impl Answer {
    const fn says(&self) -> &'static str {
        match self {
            Self::Task(_) => "an activity that has ended",
            Self::Child(_) => "a sub-orchestration that has ended",
            Self::Timer => "a timer that has fired",
        }
    }
}

/// What an action id means to an operation.
enum Role {
    Attempt,
    BackOff,
    Deadline,
    /// An attempt that is over.
    Past,
}

impl Pending {
    fn new(
        kind: PendingKind,
        name: Rc<str>,
        location: Option<&'static Location<'static>>,
        since: Timestamp,
    ) -> Self {
        Self {
            kind,
            name,
            completion: None,
            waker: None,
            awaited: false,
            detached: false,
            location,
            since,
            series: None,
        }
    }

    fn role(&self, id: i32) -> Role {
        match &self.series {
            Some(series) if series.deadline.is_some_and(|(_, timer)| timer == id) => Role::Deadline,
            Some(series) if series.current != id => Role::Past,
            Some(series) if series.next_at.is_some() => Role::BackOff,
            Some(_) | None => Role::Attempt,
        }
    }

    const fn what(&self) -> &'static str {
        match self.kind {
            PendingKind::Task => "an activity",
            PendingKind::Timer(_) => "a timer",
            PendingKind::Child(_) => "a sub-orchestration",
        }
    }

    fn asked(&self) -> Asked {
        Asked {
            what: match self.kind {
                PendingKind::Task => "activity",
                PendingKind::Timer(_) => "a timer",
                PendingKind::Child(_) => "sub-orchestration",
            },
            name: Rc::clone(&self.name),
            location: self.location,
        }
    }
}

impl State {
    /// Whether an operation has not ended.
    pub(super) fn is_open(&self, id: i32) -> bool {
        let pending = self.operations.get(&id);
        pending.is_some_and(|pending| pending.completion.is_none())
    }

    /// Where an operation was asked for.
    pub(super) fn called_at(&self, id: i32) -> Option<&'static Location<'static>> {
        self.operations.get(&id)?.location
    }

    /// Applies what an event says about an operation.
    pub(super) fn complete(&mut self, id: i32, answer: Answer) -> Result<Applied, Fault> {
        let operation = self.links.get(&id).copied().unwrap_or(id);
        let Some(pending) = self.operations.get(&operation) else {
            self.unfinished.remove(&id);
            // An operation that the code dropped, or never asked for on the path that it has taken since a rewind: the result
            // no longer matters.
            return if (0..self.next_action).contains(&id) || self.rewind_behind(id).is_some() {
                Ok(Freed::default().into())
            } else {
                Err(self.unexpected(id, &answer, None))
            };
        };
        let role = pending.role(id);
        let expected = match role {
            Role::BackOff | Role::Deadline => matches!(answer, Answer::Timer),
            Role::Attempt | Role::Past => matches!(
                (&answer, &pending.kind),
                (Answer::Task(_), PendingKind::Task)
                    | (Answer::Child(_), PendingKind::Child(_))
                    | (Answer::Timer, PendingKind::Timer(_))
            ),
        };
        if !expected {
            let what = match role {
                Role::BackOff | Role::Deadline => "a timer",
                Role::Attempt | Role::Past => pending.what(),
            };
            return Err(self.unexpected(id, &answer, Some(what)));
        }
        if pending.completion.is_some() {
            return Ok(Freed::default().into());
        }
        Ok(match (role, answer) {
            (Role::Past, _) => Freed::default().into(),
            (Role::BackOff, _) => {
                self.try_again(operation);
                Freed::default().into()
            }
            (Role::Deadline, _) => self.time_out(operation).into(),
            (Role::Attempt, Answer::Timer) => self.finish(operation, Completion::Fired).into(),
            (Role::Attempt, Answer::Task(Ok(result)) | Answer::Child(Ok(result))) => {
                self.unfinished.remove(&id);
                self.finish(operation, Completion::Completed(result)).into()
            }
            (Role::Attempt, Answer::Task(Err(failure)) | Answer::Child(Err(failure))) => {
                // With a rewind ahead it may be open again.
                if self.rewinds.is_empty() {
                    self.unfinished.remove(&id);
                }
                self.attempt_failed(operation, Box::new(failure))
            }
        })
    }

    /// Ends an operation.
    fn finish(&mut self, operation: i32, completion: Completion) -> Freed {
        let Some(pending) = self.operations.get_mut(&operation) else {
            return Freed::default();
        };
        let series = pending.series.take();
        if let PendingKind::Timer(fire_at) = pending.kind {
            self.timers.remove(&(fire_at, operation));
        }
        let wake = pending.waker.take();
        if pending.detached {
            self.operations.remove(&operation);
        } else {
            self.open -= 1;
            pending.completion = Some(completion);
        }
        if let Some(series) = &series {
            self.end_series(series);
        }
        Freed {
            wake,
            _waker: None,
            _series: series,
        }
    }

    fn unexpected(&self, id: i32, answer: &Answer, found: Option<&str>) -> Fault {
        Fault::NonDeterminism(NonDeterminismError {
            event_id: id,
            expected: answer.says().into(),
            found: found.map_or_else(|| self.no_such_action(), Into::into),
            location: match found {
                Some(_) => self.operations.get(&id).and_then(|op| op.location),
                None => self.last_asked,
            },
            against: Against::History,
        })
    }

    /// The result of an operation, which is then forgotten; otherwise keeps the waker for it and gives back the one that it
    /// kept before.
    pub(super) fn observe(&mut self, id: i32, waker: &mut Option<Kept>) -> Option<Completion> {
        let pending = self.operations.get_mut(&id)?;
        pending.awaited = true;
        if let Some(completion) = pending.completion.take() {
            let asked = pending.asked();
            if let Completion::Failed(failure) = &completion {
                self.failed_call = Some(Box::new(FailedCall {
                    call: asked.clone(),
                    failure: (**failure).clone(),
                }));
            }
            self.last_finished = Some(asked);
            self.operations.remove(&id);
            return Some(completion);
        }
        if waker.as_ref().is_some_and(Kept::is_root) {
            self.polled.push(id);
        }
        std::mem::swap(&mut pending.waker, waker);
        None
    }

    /// Takes out all that may be user code, for the caller to drop when it has let go of the state.
    pub(super) fn take_operations(&mut self) -> impl Sized + use<> {
        let operations = std::mem::take(&mut self.operations);
        (operations, self.mailbox.take_wakers())
    }
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending")
            .field("kind", &self.kind)
            .field("name", &self.name)
            .field("completion", &self.completion)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_is_not_tried_again_is_small() {
        assert!(size_of::<Pending>() <= 128, "{}", size_of::<Pending>());
    }
}
