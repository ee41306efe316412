//! The futures that orchestrators await.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::calls::Completion;
use super::handle::ExecutionHandle;
use super::mailbox::Cancelled;
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;

/// The result of an operation: its payload, or why it failed. A timer's payload is `None`.
type OperationResult = Result<Option<String>, FailureDetails>;

/// A pending activity, sub-orchestration or timer. Dropping it withdraws the operation; see the module's table.
#[derive(Debug)]
#[must_use = "an operation that is dropped is withdrawn: await it, or call `detach()` to let it go on"]
pub struct Operation {
    execution: ExecutionHandle,
    step: Step,
    child: Option<InstanceId>,
}

#[derive(Debug)]
enum Step {
    Pending(i32),
    Failed(Box<FailureDetails>),
    Done,
}

impl Operation {
    /// The operation that an action began; without one it never ends.
    pub(super) fn new(execution: ExecutionHandle, id: Option<i32>) -> Self {
        Self {
            execution,
            step: id.map_or(Step::Done, Step::Pending),
            child: None,
        }
    }

    pub(super) fn failed(execution: ExecutionHandle, failure: FailureDetails) -> Self {
        Self {
            execution,
            step: Step::Failed(Box::new(failure)),
            child: None,
        }
    }

    pub(super) fn with_child(mut self, child: Option<InstanceId>) -> Self {
        self.child = child;
        self
    }

    /// The same operation, with this instance when it has none.
    pub(super) fn or_child(mut self, child: InstanceId) -> Self {
        self.child.get_or_insert(child);
        self
    }

    /// The instance of a sub-orchestration; of its first attempt, when later ones have others. Every sub-orchestration has
    /// one, also one that could not be asked for.
    #[must_use]
    pub const fn child_id(&self) -> Option<&InstanceId> {
        self.child.as_ref()
    }

    /// Lets the operation go on without anyone waiting for it.
    pub fn detach(mut self) {
        if let Step::Pending(id) = std::mem::replace(&mut self.step, Step::Done) {
            let freed = self.execution.0.borrow_mut().detach(id);
            drop(freed);
        }
    }

    pub(crate) const fn execution(&self) -> &ExecutionHandle {
        &self.execution
    }
}

impl Future for Operation {
    type Output = OperationResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<OperationResult> {
        if let Step::Pending(id) = self.step {
            let mut waker = Some(self.execution.keep(cx.waker()));
            let observed = self.execution.0.borrow_mut().observe(id, &mut waker);
            let Some(completion) = observed else {
                return Poll::Pending;
            };
            self.step = Step::Done;
            return Poll::Ready(match completion {
                Completion::Completed(result) => Ok(result),
                Completion::Failed(failure) => Err(*failure),
                Completion::Fired => Ok(None),
            });
        }
        match std::mem::replace(&mut self.step, Step::Done) {
            Step::Failed(failure) => Poll::Ready(Err(*failure)),
            Step::Pending(_) | Step::Done => Poll::Pending,
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if let Step::Pending(id) = self.step {
            let freed = self.execution.0.borrow_mut().drop_operation(id);
            drop(freed);
        }
    }
}

/// A wait for an external event. Dropping it ends the wait and loses no event.
#[derive(Debug)]
#[must_use = "a wait does nothing unless it is awaited"]
pub struct EventWait {
    execution: ExecutionHandle,
    id: Option<u64>,
}

impl EventWait {
    /// The wait of this id; without one it never ends.
    pub(super) const fn new(execution: ExecutionHandle, id: Option<u64>) -> Self {
        Self { execution, id }
    }
}

impl Future for EventWait {
    type Output = Option<String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<String>> {
        let Some(id) = self.id else {
            return Poll::Pending;
        };
        let mut waker = Some(self.execution.keep(cx.waker()));
        let observed = self.execution.0.borrow_mut().observe_event(id, &mut waker);
        match observed {
            Some(payload) => {
                self.id = None;
                Poll::Ready(payload)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for EventWait {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let cancelled = {
            let mut state = self.execution.0.borrow_mut();
            if state.polling {
                state.mailbox.cancel(id)
            } else {
                Cancelled::default()
            }
        };
        if let Some(waker) = cancelled.next {
            waker.wake();
        }
    }
}
