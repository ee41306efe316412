//! A live execution: an orchestrator's future and what it waits for.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;

use super::awaits::Kept;
use super::calls::{Answer, Applied, Freed};
use super::episode::{Continued, Ended, Episode, Outcome};
use super::fault::Fault;
use super::handle::{ExecutionHandle, ExecutionInfo};
use super::options::{EpisodeReplays, Settings};
use super::panicked::panic_message;
use super::repetition::{Past, Repetition};
use super::state::{Continuing, State, Wanted};
use super::waker::RootWaker;
use crate::limits::MAX_POLLS_PER_EVENT;
use crate::model::action::OrchestratorActionKind;
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::failure::FailureDetails;
use crate::model::history::{HistoryEvent, HistoryEventKind, OrchestratorStarted, TaskScheduled};
use crate::model::status::RuntimeStatus;
use crate::model::tags::{Tags, is_reserved};
use crate::model::waiting::WaitingOn;

/// Starts an orchestrator: decodes its input and returns its future, or says why the input does not decode.
pub type Start =
    Rc<dyn Fn(ExecutionHandle, Option<&str>) -> Result<LocalBoxFuture<'static, Outcome>, String>>;

/// An activity that a replay found scheduled and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTask {
    /// The action that scheduled it.
    pub id: i32,
    /// Its registered name.
    pub name: String,
    /// Its input as JSON text.
    pub input: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A live execution. It stays on the thread that made it; dropping it is always safe, since history can rebuild it.
pub struct Execution {
    pub(super) state: Rc<RefCell<State>>,
    start: Option<Start>,
    pub(super) future: Option<LocalBoxFuture<'static, Outcome>>,
    pub(super) ended: Option<Ended>,
    pub(super) continued: Option<Continued>,
    pub(super) settings: Settings,
    pub(super) root: Arc<RootWaker>,
    waker: Waker,
    /// Whether a suspicion was told.
    pub(super) suspected: bool,
    /// For the episode that is under way.
    pub(super) suspicion: Option<String>,
    pub(super) failed_at: Option<String>,
    /// How many events of its history have been applied.
    pub(super) replayed: usize,
    /// When episodes are to be replayed.
    pub(super) repetition: Option<Box<Repetition>>,
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
        settings: Settings,
        on_foreign_wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let repetition = (settings.replays != EpisodeReplays::Never).then(|| {
            Box::new(Repetition {
                info: info.clone(),
                status: status.clone(),
                start: Rc::clone(&start),
                settings,
                on_foreign_wake: Arc::clone(&on_foreign_wake),
                past: Past::default(),
            })
        });
        let root = Arc::new(RootWaker::new(on_foreign_wake));
        let waker = Waker::from(Arc::clone(&root));
        let state = State::new(info, status, settings.limits, waker.clone());
        Self {
            state: Rc::new(RefCell::new(state)),
            start: Some(start),
            future: None,
            ended: None,
            continued: None,
            settings,
            waker,
            root,
            suspected: false,
            suspicion: None,
            failed_at: None,
            replayed: 0,
            repetition,
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
        let now = self.begin_episode(now);
        let _span = self.span().entered();
        let had_ended = self.ended.is_some();
        let mut delivered = 0;
        for event in &*events {
            if self.ended.is_some() {
                break;
            }
            self.apply(event)?;
            delivered += 1;
        }
        let status = self.state.borrow_mut().status.take_change();
        let episode = self.end_episode(now, events.drain(..delivered), status, had_ended);
        self.repeat_episode(&episode).inspect_err(|_| {
            // Behind the begin of the episode.
            let delivered = episode.events.iter().skip(1).take(delivered);
            events.splice(..0, delivered.cloned());
        })?;
        Ok(episode)
    }

    /// Sets the orchestrator's current time.
    pub(super) fn begin_episode(&self, now: Timestamp) -> Timestamp {
        let mut state = self.state.borrow_mut();
        // History keeps microseconds, and a replay must see the same time.
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        state.now = state.now.max(now);
        state.length.episode();
        state.asked_at.clear();
        state.asked_bytes = 0;
        state.now
    }

    /// What the episode of these events gives.
    pub(super) fn end_episode(
        &mut self,
        now: Timestamp,
        delivered: impl ExactSizeIterator<Item = HistoryEvent>,
        status: StatusChange,
        had_ended: bool,
    ) -> Episode {
        let mut state = self.state.borrow_mut();
        let actions = std::mem::take(&mut state.actions);
        let count = delivered.len();
        let mut recorded = Vec::with_capacity(1 + count + actions.len());
        recorded.push(HistoryEvent::new(now, OrchestratorStarted {}));
        recorded.extend(delivered);
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
        Episode {
            events: recorded,
            delivered: count,
            actions,
            withdrawn: std::mem::take(&mut state.withdrawn),
            withdrawn_children: std::mem::take(&mut state.withdrawn_children),
            status,
            ended: self.ended.clone(),
            continued: self.continued.clone(),
            rewound_children: std::mem::take(&mut state.rewound_children),
            suspicion: self.suspicion.take(),
            failed_at: self.failed_at.take(),
        }
    }

    pub(super) fn span(&self) -> tracing::Span {
        let state = self.state.borrow();
        let (name, instance) = (&state.info.name, &state.info.instance_id);
        let traceparent = state.info.trace.as_deref().map(tracing::field::display);
        tracing::info_span!("orchestrator", %name, %instance, traceparent)
    }

    /// Activities that are scheduled and not ended, by id, as the last replay found them. Empty afterwards.
    pub fn take_open_tasks(&mut self) -> Vec<OpenTask> {
        let unfinished = std::mem::take(&mut self.state.borrow_mut().unfinished);
        let mut tasks: Vec<_> = unfinished
            .into_iter()
            .map(|(id, TaskScheduled { name, input, tags })| OpenTask {
                id,
                name,
                input,
                tags,
            })
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

    /// What the orchestrator waits for: calls and timers in the order in which it asked for them, then external events. What was
    /// detached is not among it.
    #[must_use]
    pub fn waiting_on(&self) -> Vec<WaitingOn> {
        let state = self.state.borrow();
        let mut waiting = state.operations_waited_for();
        waiting.extend(state.mailbox.waiting_on());
        waiting
    }

    /// How many external events have arrived that no wait has observed.
    #[must_use]
    pub fn buffered_events(&self) -> usize {
        self.state.borrow().mailbox.unobserved()
    }

    /// How many bytes these have.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.state.borrow().mailbox.unobserved_bytes()
    }

    /// How many events its history has. Pauses are not counted.
    #[must_use]
    pub fn history_length(&self) -> usize {
        self.state.borrow().length.get()
    }

    /// Whether the operation that this action began has not ended: an attempt runs, or a further one will.
    #[must_use]
    pub fn is_open(&self, id: i32) -> bool {
        self.state.borrow().is_open(id)
    }

    /// Where in the source the operation was asked for that this action began, as long as its result has not been taken.
    #[must_use]
    pub fn called_at(&self, id: i32) -> Option<&'static Location<'static>> {
        self.state.borrow().called_at(id)
    }

    /// How it ended, when it did.
    #[must_use]
    pub const fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// How many events of its history the last replay has come to, that of a fault included.
    #[must_use]
    pub const fn replayed(&self) -> usize {
        self.replayed
    }

    /// When the code failed: where in the source that came from, as far as it is known.
    #[must_use]
    pub fn failed_at(&self) -> Option<&str> {
        self.failed_at.as_deref()
    }

    /// Lets a replay compare what the code asks for in full from this action on: with its inputs, times and tags, and how it ends.
    /// Otherwise kind and name count, and the end only as such.
    pub fn compare_in_full_from(&mut self, action: i32) {
        self.state.borrow_mut().repeats_from = Some(action);
    }

    /// The custom status that the code holds.
    #[must_use]
    pub fn custom_status(&self) -> Option<CustomStatus> {
        self.state.borrow_mut().status.value().cloned()
    }

    pub(super) fn apply(&mut self, event: &HistoryEvent) -> Result<(), Fault> {
        use HistoryEventKind as Event;
        if !matches!(
            event.kind,
            Event::ExecutionSuspended(_) | Event::ExecutionResumed(_)
        ) {
            self.state.borrow_mut().length.count();
        }
        match &event.kind {
            Event::ExecutionStarted(started) => self.begin(started.input.as_deref()),
            Event::ExecutionTerminated(terminated) => {
                let (status, result) = (RuntimeStatus::Terminated, terminated.input.clone());
                self.end(Ended {
                    status,
                    result,
                    failure: None,
                });
                Ok(())
            }
            Event::TaskCompleted(task) => self.answer(
                task.task_scheduled_id,
                Answer::Task(Ok(task.result.clone())),
            ),
            Event::TaskFailed(task) => self.answer(
                task.task_scheduled_id,
                Answer::Task(Err(task.failure.clone())),
            ),
            Event::SubOrchestrationInstanceCompleted(child) => self.answer(
                child.task_scheduled_id,
                Answer::Child(Ok(child.result.clone())),
            ),
            Event::SubOrchestrationInstanceFailed(child) => self.answer(
                child.task_scheduled_id,
                Answer::Child(Err(child.failure.clone())),
            ),
            Event::TimerFired(timer) => self.answer(timer.timer_id, Answer::Timer),
            Event::EventRaised(raised) => {
                // The echo of a value that was recorded.
                if is_reserved(&raised.name) {
                    return Ok(());
                }
                let wake = self.state.borrow_mut().mailbox.raise(
                    raised.name.clone(),
                    raised.input.clone(),
                    event.timestamp,
                );
                self.wake(wake)
            }
            // The worker holds events back while an instance is paused.
            Event::ExecutionSuspended(_) | Event::ExecutionResumed(_) => Ok(()),
            Event::OrchestratorStarted(_)
            | Event::ExecutionRewound(_)
            | Event::ExecutionCompleted(_)
            | Event::TaskScheduled(_)
            | Event::SubOrchestrationInstanceCreated(_)
            | Event::EventSent(_)
            | Event::TimerCreated(_) => Err(Fault::MalformedHistory(format!(
                "{} is not an event to deliver",
                event.kind.name()
            ))),
        }
    }

    /// Applies what an event says about an operation, and lets the author's closure decide where that is its part.
    fn answer(&mut self, id: i32, answer: Answer) -> Result<(), Fault> {
        let applied = self.state.borrow_mut().complete(id, answer)?;
        let freed = match applied {
            Applied::Done(freed) => freed,
            Applied::Asks {
                operation,
                retry_if,
                failure,
            } => {
                let again = self.root.run(|| {
                    let again = retry_if(&failure);
                    drop(retry_if);
                    again
                });
                match again {
                    Ok(again) => {
                        let mut state = self.state.borrow_mut();
                        state.decided(operation, failure, again)
                    }
                    Err(panic) => {
                        let failure = self.failure_of(panic)?;
                        self.complete(Err(failure));
                        return self.take_fault();
                    }
                }
            }
        };
        // What the engine asked for may differ from history.
        self.take_fault()?;
        self.free(freed)
    }

    /// Wakes and drops what is no longer needed: it may be the author's.
    fn free(&mut self, mut freed: Freed) -> Result<(), Fault> {
        let wake = freed.wake.take();
        let dropped = self.root.run(|| drop(freed));
        match dropped {
            Ok(()) => self.wake(wake),
            Err(panic) => {
                let failure = self.failure_of(panic)?;
                self.complete(Err(failure));
                self.take_fault()
            }
        }
    }

    /// Wakes the waker, which may be the orchestrator's own, and polls if that asks for it.
    fn wake(&mut self, waker: Option<Kept>) -> Result<(), Fault> {
        if let Some(waker) = waker {
            let woken = self.root.run(|| waker.wake());
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
        let handle = ExecutionHandle::new(Rc::clone(&self.state));
        self.state.borrow_mut().polling = true;
        let started = self.root.run(|| start(handle, input));
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
            self.state.borrow_mut().begin_poll();
            let polled = self
                .root
                .run(|| future.as_mut().poll(&mut Context::from_waker(&self.waker)));
            let continuing = self.state.borrow_mut().continuing.take();
            match (polled, continuing) {
                (Ok(_), Some(continuing)) => {
                    self.state.borrow_mut().settle_dropped(true);
                    self.continue_as_new(continuing);
                }
                (Ok(Poll::Pending), None) => self.state.borrow_mut().settle_dropped(false),
                (Ok(Poll::Ready(outcome)), None) => {
                    self.state.borrow_mut().settle_dropped(true);
                    self.complete(outcome);
                }
                (Err(panic), _) => {
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
        self.check_awaits()
    }

    pub(super) fn take_fault(&self) -> Result<(), Fault> {
        self.state.borrow_mut().fault.take().map_or(Ok(()), Err)
    }

    fn complete(&mut self, outcome: Outcome) {
        let (status, result, failure) = match outcome {
            Ok(result) => (RuntimeStatus::Completed, Some(result), None),
            Err(failure) => (RuntimeStatus::Failed, None, Some(failure)),
        };
        if let Some(failure) = &failure {
            let failed_call = self.state.borrow_mut().failed_call.take();
            let failed_at = failed_call.map(|failed| failed.told(failure));
            self.failed_at = self.failed_at.take().or(failed_at);
        }
        self.finish(status, result, failure, None);
    }

    fn continue_as_new(&mut self, continuing: Continuing) {
        let Continuing {
            input,
            version,
            location,
        } = continuing;
        let input = match input {
            Ok(input) => input,
            Err(failure) => {
                self.failed_at = Some(format!("continue-as-new at {location}"));
                return self.complete(Err(failure));
            }
        };
        // Before the teardown, which ends the waits.
        let carried = self.state.borrow_mut().mailbox.take_unobserved();
        let status = RuntimeStatus::ContinuedAsNew;
        self.finish(status, input.clone(), None, Some(location));
        let continues = |ended: &Ended| ended.status == RuntimeStatus::ContinuedAsNew;
        self.continued = self
            .ended
            .as_ref()
            .is_some_and(continues)
            .then_some(Continued {
                input,
                version,
                carried,
            });
    }

    /// Ends the execution with an action of its code.
    fn finish(
        &mut self,
        status: RuntimeStatus,
        result: Option<String>,
        failure: Option<FailureDetails>,
        location: Option<&'static Location<'static>>,
    ) {
        let end = OrchestratorActionKind::CompleteOrchestration {
            status,
            result,
            failure,
        };
        let ended =
            self.state
                .borrow_mut()
                .ask(Wanted::new(end, location), |_, action| match action {
                    OrchestratorActionKind::CompleteOrchestration {
                        status,
                        result,
                        failure,
                    } => Some(Ended {
                        status: *status,
                        result: result.clone(),
                        failure: failure.clone(),
                    }),
                    _ => None,
                });
        match ended.flatten() {
            Some(ended) => self.end(ended),
            // A fault, which the caller reports.
            None => self.tear_down(),
        }
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
        if let Err(panic) = self.root.run(|| drop(future)) {
            let state = self.state.borrow();
            let (name, instance) = (&state.info.name, &state.info.instance_id);
            tracing::error!(%name, %instance, panic = panic_message(&*panic.payload), "a destructor in the orchestrator panicked");
        }
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        self.tear_down();
        // The author's closures and wakers may hold the context, and with it the state that holds them.
        let operations = self.state.borrow_mut().take_operations();
        if let Err(panic) = self.root.run(|| drop(operations)) {
            let panic = panic_message(&*panic.payload);
            tracing::error!(panic, "a destructor in the orchestrator panicked");
        }
    }
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
