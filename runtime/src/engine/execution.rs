//! A live execution: an orchestrator's future and what it waits for.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use super::episode::{Ended, Episode, Outcome, UncaughtFailure};
use super::fault::Fault;
use super::handle::{ExecutionHandle, ExecutionInfo};
use super::state::{Completion, State};
use super::waker::RootWaker;
use crate::limits::MAX_POLLS_PER_EVENT;
use crate::model::action::OrchestratorActionKind;
use crate::model::custom_status::CustomStatus;
use crate::model::failure::{self, FailureDetails};
use crate::model::history::{
    HistoryEvent, HistoryEventKind, NO_ACTION, OrchestratorStarted, TaskScheduled,
};
use crate::model::status::RuntimeStatus;

/// Starts an orchestrator: decodes its input and returns its future, or says why the input does not decode.
pub type Start = Box<
    dyn FnOnce(ExecutionHandle, Option<&str>) -> Result<LocalBoxFuture<'static, Outcome>, String>,
>;

/// An activity that a replay found scheduled and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTask {
    /// The action that scheduled it.
    pub id: i32,
    /// Its registered name.
    pub name: String,
    /// Its input as JSON text.
    pub input: Option<String>,
}

/// A live execution. It stays on the thread that made it; dropping it is always safe, since history can rebuild it.
pub struct Execution {
    state: Rc<RefCell<State>>,
    start: Option<Start>,
    future: Option<LocalBoxFuture<'static, Outcome>>,
    ended: Option<Ended>,
    panics: Panics,
    root: Arc<RootWaker>,
    waker: Waker,
}

/// What becomes of an instance whose orchestrator panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panics {
    /// It ends as Failed, with the panic's message.
    #[default]
    Fail,
    /// It is set aside: it shows the reason, keeps its messages, and is tried again when a worker starts the next time.
    SetAside,
}

impl Execution {
    /// An execution that has not begun: its first event must be `ExecutionStarted`.
    ///
    /// `status` is the custom status that it begins with. `on_foreign_wake` is called, from any thread, when the orchestrator
    /// is woken from outside an episode: it awaits something that is not durable, and its instance should be set aside.
    pub fn new(
        info: ExecutionInfo,
        status: Option<CustomStatus>,
        start: Start,
        panics: Panics,
        on_foreign_wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let root = Arc::new(RootWaker::new(on_foreign_wake));
        Self {
            state: Rc::new(RefCell::new(State::new(info, status))),
            start: Some(start),
            future: None,
            ended: None,
            panics,
            waker: Waker::from(Arc::clone(&root)),
            root,
        }
    }

    /// Applies new events, one at a time, and returns what the orchestrator made of them.
    ///
    /// `now`, to the microsecond, becomes the orchestrator's current time unless that is later. The events are taken out;
    /// those after the one that ended the execution stay.
    ///
    /// # Errors
    ///
    /// A [`Fault`]: the execution is broken and must be dropped; nothing of the episode may be committed. All events stay.
    pub fn deliver(
        &mut self,
        now: Timestamp,
        events: &mut Vec<HistoryEvent>,
    ) -> Result<Episode, Fault> {
        let now = {
            let mut state = self.state.borrow_mut();
            // History keeps microseconds, and a replay must see the same time.
            let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
            state.now = state.now.max(now);
            state.now
        };
        let had_ended = self.ended.is_some();
        let mut delivered = 0;
        for event in &*events {
            if self.ended.is_some() {
                break;
            }
            self.apply(event.kind.clone())?;
            delivered += 1;
        }
        let mut state = self.state.borrow_mut();
        let actions = std::mem::take(&mut state.actions);
        let mut recorded = Vec::with_capacity(1 + delivered + actions.len());
        recorded.push(HistoryEvent::new(now, OrchestratorStarted {}));
        recorded.extend(events.drain(..delivered));
        recorded.extend(actions.iter().map(|action| HistoryEvent {
            event_id: action.id,
            timestamp: now,
            kind: action.kind.confirmation(),
        }));
        // A termination ends an execution without an action of its code.
        if let Some(ended) = &self.ended
            && ended.status == RuntimeStatus::Terminated
            && !had_ended
        {
            recorded.push(HistoryEvent::new(now, ended.clone().recorded()));
        }
        Ok(Episode {
            events: recorded,
            delivered,
            actions,
            withdrawn: std::mem::take(&mut state.withdrawn),
            status: state.status.take_change(),
            ended: self.ended.clone(),
        })
    }

    /// Rebuilds the execution from its history: the events of its committed episodes, in order.
    ///
    /// # Errors
    ///
    /// A [`Fault`], most likely [`Fault::NonDeterminism`]: the code is not the code that made this history.
    pub fn replay(&mut self, history: Vec<HistoryEvent>) -> Result<(), Fault> {
        let steps = self.index(history)?;
        self.state.borrow_mut().replaying = true;
        for step in steps {
            match step {
                Step::Confirm(id) => self.state.borrow_mut().confirm(id)?,
                Step::Apply(event) => {
                    if let HistoryEventKind::OrchestratorStarted(_) = event.kind {
                        let mut state = self.state.borrow_mut();
                        state.now = state.now.max(event.timestamp);
                    } else if self.ended.is_none() {
                        self.apply(event.kind)?;
                    }
                }
            }
        }
        let mut state = self.state.borrow_mut();
        state.replaying = false;
        state.status.take_change();
        Ok(())
    }

    /// Separates what happened to the execution from the confirmations of what it asked for.
    fn index(&self, history: Vec<HistoryEvent>) -> Result<Vec<Step>, Fault> {
        let mut state = self.state.borrow_mut();
        let mut steps = Vec::with_capacity(history.len());
        for event in history {
            let id = event.event_id;
            if id == NO_ACTION {
                steps.push(Step::Apply(event));
            } else if state.recorded.insert(id, event.kind).is_some() {
                return Err(Fault::MalformedHistory(format!(
                    "two events confirm action {id}"
                )));
            } else {
                steps.push(Step::Confirm(id));
            }
        }
        Ok(steps)
    }

    /// Activities that are scheduled and not ended, by id, as the last replay found them. Empty afterwards.
    pub fn take_open_tasks(&mut self) -> Vec<OpenTask> {
        let unfinished = std::mem::take(&mut self.state.borrow_mut().unfinished);
        let mut tasks: Vec<_> = unfinished
            .into_iter()
            .map(|(id, TaskScheduled { name, input })| OpenTask { id, name, input })
            .collect();
        tasks.sort_unstable_by_key(|task| task.id);
        tasks
    }

    /// When the earliest of its timers is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.state.borrow().next_timer()
    }

    /// Its timers that are due at this time, earliest first, with their ids.
    #[must_use]
    pub fn due_timers(&self, now: Timestamp) -> Vec<(Timestamp, i32)> {
        self.state.borrow().due_timers(now).collect()
    }

    /// How it ended, when it did.
    #[must_use]
    pub const fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// The custom status that the code holds.
    #[must_use]
    pub fn custom_status(&self) -> Option<CustomStatus> {
        self.state.borrow().status.value.clone()
    }

    fn apply(&mut self, event: HistoryEventKind) -> Result<(), Fault> {
        use HistoryEventKind as Event;
        let woken = match event {
            Event::ExecutionStarted(started) => return self.begin(started.input.as_deref()),
            Event::ExecutionTerminated(terminated) => {
                let (status, result) = (RuntimeStatus::Terminated, terminated.input);
                self.end(Ended {
                    status,
                    result,
                    failure: None,
                });
                return Ok(());
            }
            Event::TaskCompleted(task) => {
                let completion = Completion::TaskCompleted(task.result);
                self.state
                    .borrow_mut()
                    .complete(task.task_scheduled_id, completion)?
            }
            Event::TaskFailed(task) => {
                let completion = Completion::TaskFailed(task.failure);
                self.state
                    .borrow_mut()
                    .complete(task.task_scheduled_id, completion)?
            }
            Event::TimerFired(timer) => self
                .state
                .borrow_mut()
                .complete(timer.timer_id, Completion::TimerFired)?,
            Event::EventRaised(raised) => self
                .state
                .borrow_mut()
                .mailbox
                .raise(&raised.name, raised.input),
            Event::OrchestratorStarted(_)
            | Event::ExecutionCompleted(_)
            | Event::TaskScheduled(_)
            | Event::TimerCreated(_) => {
                return Err(Fault::MalformedHistory(format!(
                    "{} is not an event to deliver",
                    event.name()
                )));
            }
        };
        if let Some(waker) = woken {
            // The waker may be the orchestrator's own.
            self.root.set_inside(true);
            let woken = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            self.root.set_inside(false);
            if let Err(panic) = woken {
                let failure = self.failure_of(panic)?;
                self.complete(Err(failure));
            }
        }
        self.run()
    }

    fn begin(&mut self, input: Option<&str>) -> Result<(), Fault> {
        let Some(start) = self.start.take() else {
            return Err(Fault::MalformedHistory("the execution starts twice".into()));
        };
        let handle = ExecutionHandle(Rc::clone(&self.state));
        self.state.borrow_mut().polling = true;
        self.root.set_inside(true);
        let started = catch_unwind(AssertUnwindSafe(|| start(handle, input)));
        self.root.set_inside(false);
        match started {
            Ok(Ok(future)) => {
                self.future = Some(future);
                self.root.begin();
                self.run()
            }
            Ok(Err(message)) => Err(Fault::Undecodable {
                what: "the input".into(),
                message,
            }),
            Err(panic) => {
                self.state.borrow_mut().spare_dropped();
                let failure = self.failure_of(panic)?;
                self.complete(Err(failure));
                self.take_fault()
            }
        }
    }

    /// Polls until nothing inside the orchestrator asks for another poll.
    fn run(&mut self) -> Result<(), Fault> {
        let mut polls = 0;
        while self.root.take_woken() {
            let Some(future) = &mut self.future else {
                break;
            };
            polls += 1;
            if polls > MAX_POLLS_PER_EVENT {
                return Err(Fault::PollBound);
            }
            self.state.borrow_mut().polling = true;
            self.root.set_inside(true);
            let polled = catch_unwind(AssertUnwindSafe(|| {
                future.as_mut().poll(&mut Context::from_waker(&self.waker))
            }));
            self.root.set_inside(false);
            match polled {
                Ok(Poll::Pending) => self.state.borrow_mut().settle_dropped(false),
                Ok(Poll::Ready(outcome)) => {
                    self.state.borrow_mut().settle_dropped(true);
                    self.complete(outcome);
                }
                Err(panic) => {
                    self.state.borrow_mut().spare_dropped();
                    // A fault is why the code went astray; the panic only followed.
                    self.take_fault()?;
                    let failure = self.failure_of(panic)?;
                    self.complete(Err(failure));
                }
            }
            self.state.borrow_mut().polling = false;
            self.take_fault()?;
        }
        if self.future.is_some() && !self.state.borrow().waits_for_something() {
            return Err(Fault::ForeignAwait(
                "it waits, and no durable operation is open that could wake it".into(),
            ));
        }
        Ok(())
    }

    fn take_fault(&self) -> Result<(), Fault> {
        self.state.borrow_mut().fault.take().map_or(Ok(()), Err)
    }

    /// What a panic means: a failure that nobody caught, a foreign await, or a bug in the orchestrator.
    fn failure_of(&self, panic: Box<dyn Any + Send>) -> Result<FailureDetails, Fault> {
        let panic = match panic.downcast::<UncaughtFailure>() {
            Ok(uncaught) => return Ok(uncaught.0),
            Err(panic) => panic,
        };
        let message = panic_message(&*panic);
        if message.contains("no reactor running") {
            return Err(Fault::ForeignAwait(format!(
                "it uses a timer, socket or task of an async runtime, which belongs into an activity ({message})"
            )));
        }
        match self.panics {
            Panics::Fail => Ok(FailureDetails::new(failure::kind::PANIC, message)),
            Panics::SetAside => Err(Fault::Panicked(message)),
        }
    }

    fn complete(&mut self, outcome: Outcome) {
        let (status, result, failure) = match outcome {
            Ok(result) => (RuntimeStatus::Completed, Some(result), None),
            Err(failure) => (RuntimeStatus::Failed, None, Some(failure)),
        };
        {
            let mut state = self.state.borrow_mut();
            state.polling = true;
            let (result, failure) = (result.clone(), failure.clone());
            state.act(
                OrchestratorActionKind::CompleteOrchestration {
                    status,
                    result,
                    failure,
                },
                None,
            );
        }
        self.end(Ended {
            status,
            result,
            failure,
        });
    }

    fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
        self.tear_down();
    }

    /// Drops the orchestrator's future. Nothing that its destructors do has an effect.
    fn tear_down(&mut self) {
        self.state.borrow_mut().polling = false;
        let Some(future) = self.future.take() else {
            return;
        };
        self.root.set_inside(true);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
            let state = self.state.borrow();
            let (name, instance) = (&state.info.name, &state.info.instance_id);
            tracing::error!(%name, %instance, panic = panic_message(&*panic), "a destructor in the orchestrator panicked");
        }
        self.root.set_inside(false);
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

enum Step {
    Apply(HistoryEvent),
    Confirm(i32),
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.tear_down();
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
