//! What an execution knows between and during polls, shared by the engine and the durable futures.
//!
//! Invariant: no waker is cloned, woken or dropped in here. It may be user code, which may use the context and so need the
//! state; wakers are handed to the caller, who has let go of the state by then.

use std::collections::{BTreeSet, HashMap};
use std::panic::Location;
use std::task::Waker;

use jiff::Timestamp;

use super::fault::{Fault, NonDeterminismError};
use super::handle::ExecutionInfo;
use super::mailbox::Mailbox;
use super::random::Random;
use crate::model::action::{OrchestratorAction, OrchestratorActionKind};
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::failure::FailureDetails;
use crate::model::history::{HistoryEventKind, TaskScheduled};

#[derive(Debug)]
pub(super) struct State {
    pub(super) info: ExecutionInfo,
    /// The time of the current episode.
    pub(super) now: Timestamp,
    pub(super) replaying: bool,
    /// Whether the orchestrator is being polled. Nothing that happens outside a poll has an effect.
    pub(super) polling: bool,
    pub(super) mailbox: Mailbox,
    pub(super) random: Random,
    pub(super) fault: Option<Fault>,
    pub(super) status: StatusSlot,
    /// What this episode asked for.
    pub(super) actions: Vec<OrchestratorAction>,
    /// The activities that this episode no longer waits for.
    pub(super) withdrawn: Vec<i32>,
    /// The confirmations in history that the replayed code has not asked for yet, by action id.
    pub(super) recorded: HashMap<i32, HistoryEventKind>,
    /// Activities that a replay found scheduled and has not seen end.
    pub(super) unfinished: HashMap<i32, TaskScheduled>,
    next_action: i32,
    operations: HashMap<i32, Pending>,
    timers: BTreeSet<(Timestamp, i32)>,
    /// How many operations someone can still be woken by.
    open: usize,
    dropped: Vec<Dropped>,
}

/// An operation that was asked for and whose result has not been taken.
#[derive(Debug)]
struct Pending {
    kind: PendingKind,
    completion: Option<Completion>,
    waker: Option<Waker>,
    awaited: bool,
    detached: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PendingKind {
    Task,
    Timer(Timestamp),
}

impl PendingKind {
    /// What is pending after an action, if anything is.
    const fn of(action: &OrchestratorActionKind) -> Option<Self> {
        match action {
            OrchestratorActionKind::ScheduleTask { .. } => Some(Self::Task),
            OrchestratorActionKind::CreateTimer { fire_at } => Some(Self::Timer(*fire_at)),
            OrchestratorActionKind::CompleteOrchestration { .. } => None,
        }
    }
}

/// How an operation ended.
#[derive(Debug)]
pub(super) enum Completion {
    TaskCompleted(Option<String>),
    TaskFailed(FailureDetails),
    TimerFired,
}

/// An activity whose future was dropped in the current poll.
#[derive(Clone, Copy, Debug)]
struct Dropped {
    id: i32,
    awaited: bool,
}

/// The custom status as the code sees it, and as it was when the episode began.
#[derive(Debug, Default)]
pub(super) struct StatusSlot {
    pub(super) value: Option<CustomStatus>,
    committed: Option<CustomStatus>,
}

impl StatusSlot {
    /// A slot that begins with this value.
    pub(super) fn new(value: Option<CustomStatus>) -> Self {
        Self {
            committed: value.clone(),
            value,
        }
    }

    /// What changed since the last call. Setting an equal value is no change.
    pub(super) fn take_change(&mut self) -> StatusChange {
        if self.value == self.committed {
            return StatusChange::Untouched;
        }
        self.committed.clone_from(&self.value);
        self.value
            .clone()
            .map_or(StatusChange::Cleared, StatusChange::Set)
    }
}

impl State {
    pub(super) fn new(info: ExecutionInfo, status: Option<CustomStatus>) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            replaying: false,
            polling: false,
            mailbox: Mailbox::default(),
            random: Random::new(info.execution_id),
            fault: None,
            status: StatusSlot::new(status),
            actions: Vec::new(),
            withdrawn: Vec::new(),
            recorded: HashMap::new(),
            unfinished: HashMap::new(),
            next_action: 0,
            operations: HashMap::new(),
            timers: BTreeSet::new(),
            open: 0,
            dropped: Vec::new(),
            info,
        }
    }

    /// Keeps the first fault.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Whether anything that the orchestrator can be waiting for is outstanding.
    pub(super) const fn waits_for_something(&self) -> bool {
        self.open > 0 || self.mailbox.waiting() > 0
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(fire_at, _)| *fire_at)
    }

    /// The timers due at this time, earliest first.
    pub(super) fn due_timers(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, i32)> {
        self.timers
            .iter()
            .copied()
            .take_while(move |(fire_at, _)| *fire_at <= now)
    }

    /// Asks for an action: anew, or by taking its confirmation out of history. Returns its id, or `None` when nothing can
    /// come of it.
    pub(super) fn act(
        &mut self,
        kind: OrchestratorActionKind,
        location: Option<&'static Location<'static>>,
    ) -> Option<i32> {
        if !self.polling {
            return None;
        }
        let id = self.next_action;
        self.next_action += 1;
        let kind = if self.replaying {
            match self.take_recorded(id, &kind) {
                Ok(pending) => pending,
                Err((expected, found)) => {
                    let error = NonDeterminismError {
                        event_id: id,
                        expected,
                        found,
                        location,
                    };
                    self.fail(Fault::NonDeterminism(error));
                    return None;
                }
            }
        } else {
            let pending = PendingKind::of(&kind);
            self.actions.push(OrchestratorAction { id, kind });
            pending
        }?;
        if let PendingKind::Timer(fire_at) = kind {
            self.timers.insert((fire_at, id));
        }
        self.open += 1;
        let pending = Pending {
            kind,
            completion: None,
            waker: None,
            awaited: false,
            detached: false,
        };
        self.operations.insert(id, pending);
        Some(id)
    }

    /// Takes the confirmation of an action out of history and returns what is pending by it; otherwise says what history
    /// has and what the code did. Kind and name must agree; inputs and times are history's.
    fn take_recorded(
        &mut self,
        id: i32,
        found: &OrchestratorActionKind,
    ) -> Result<Option<PendingKind>, (String, String)> {
        use {HistoryEventKind as Event, OrchestratorActionKind as Action};
        match (self.recorded.remove(&id), found) {
            (Some(Event::TaskScheduled(task)), Action::ScheduleTask { name, .. })
                if task.name.eq_ignore_ascii_case(name) =>
            {
                self.unfinished.insert(id, task);
                Ok(Some(PendingKind::Task))
            }
            (Some(Event::TimerCreated(timer)), Action::CreateTimer { .. }) => {
                Ok(Some(PendingKind::Timer(timer.fire_at)))
            }
            (
                Some(Event::ExecutionCompleted(end)),
                Action::CompleteOrchestration { status, .. },
            ) if end.status == *status => Ok(None),
            (Some(event), _) => Err((describe_event(&event), describe_action(found))),
            (None, _) => Err((
                "nothing, since the recorded run had not come so far".into(),
                describe_action(found),
            )),
        }
    }

    /// Checks, at the place in history where an action is confirmed, that the code has asked for it.
    pub(super) fn confirm(&mut self, id: i32) -> Result<(), Fault> {
        match self.recorded.get(&id) {
            None => Ok(()),
            Some(event) => Err(Fault::NonDeterminism(NonDeterminismError {
                event_id: id,
                expected: describe_event(event),
                found: format!(
                    "no such action (the code asked for {} so far)",
                    self.next_action
                ),
                location: None,
            })),
        }
    }

    /// Applies the end of an operation and returns whom to wake.
    pub(super) fn complete(
        &mut self,
        id: i32,
        completion: Completion,
    ) -> Result<Option<Waker>, Fault> {
        self.unfinished.remove(&id);
        let Some(pending) = self.operations.get_mut(&id) else {
            // An operation that the code dropped: its result no longer matters.
            return if (0..self.next_action).contains(&id) {
                Ok(None)
            } else {
                Err(self.unexpected(id, &completion))
            };
        };
        if matches!(pending.kind, PendingKind::Task) == matches!(completion, Completion::TimerFired)
        {
            return Err(self.unexpected(id, &completion));
        }
        if pending.completion.is_some() {
            return Ok(None);
        }
        if let PendingKind::Timer(fire_at) = pending.kind {
            self.timers.remove(&(fire_at, id));
        }
        if pending.detached {
            self.operations.remove(&id);
            return Ok(None);
        }
        self.open -= 1;
        pending.completion = Some(completion);
        Ok(pending.waker.take())
    }

    fn unexpected(&self, id: i32, completion: &Completion) -> Fault {
        let expected = match completion {
            Completion::TaskCompleted(_) | Completion::TaskFailed(_) => {
                "an activity that has ended"
            }
            Completion::TimerFired => "a timer that has fired",
        };
        let found = match self.operations.get(&id).map(|pending| pending.kind) {
            Some(PendingKind::Task) => "an activity".to_owned(),
            Some(PendingKind::Timer(_)) => "a timer".to_owned(),
            None => format!(
                "no such action (the code asked for {} so far)",
                self.next_action
            ),
        };
        let expected = expected.to_owned();
        Fault::NonDeterminism(NonDeterminismError {
            event_id: id,
            expected,
            found,
            location: None,
        })
    }

    /// The result of an operation, which is then forgotten; otherwise keeps the waker for it and gives back the one that it
    /// kept before.
    pub(super) fn observe(&mut self, id: i32, waker: &mut Option<Waker>) -> Option<Completion> {
        let pending = self.operations.get_mut(&id)?;
        pending.awaited = true;
        if let Some(completion) = pending.completion.take() {
            self.operations.remove(&id);
            return Some(completion);
        }
        std::mem::swap(&mut pending.waker, waker);
        None
    }

    /// Lets an operation go on without anyone waiting for it. Returns the waker that it kept.
    pub(super) fn detach(&mut self, id: i32) -> Option<Waker> {
        let pending = self.operations.get_mut(&id)?;
        if pending.completion.is_some() {
            self.operations.remove(&id);
            return None;
        }
        pending.detached = true;
        self.open -= 1;
        pending.waker.take()
    }

    /// Forgets an operation whose future was dropped. Returns the waker that it kept.
    pub(super) fn drop_operation(&mut self, id: i32) -> Option<Waker> {
        // Teardown withdraws nothing: whoever replays the execution finds the operation open again.
        if !self.polling {
            return None;
        }
        let pending = self.operations.remove(&id)?;
        if pending.completion.is_some() {
            return None;
        }
        self.open -= 1;
        match pending.kind {
            PendingKind::Timer(fire_at) => {
                self.timers.remove(&(fire_at, id));
            }
            PendingKind::Task => self.dropped.push(Dropped {
                id,
                awaited: pending.awaited,
            }),
        }
        pending.waker
    }

    /// Lets what the last poll dropped go on: it unwound.
    pub(super) fn spare_dropped(&mut self) {
        self.dropped.clear();
    }

    /// Withdraws what the last poll dropped. As the orchestrator returns, what was never awaited goes on instead.
    pub(super) fn settle_dropped(&mut self, returned: bool) {
        for Dropped { id, awaited } in self.dropped.drain(..) {
            if returned && !awaited {
                continue;
            }
            self.unfinished.remove(&id);
            if !self.replaying {
                self.withdrawn.push(id);
            }
        }
    }
}

fn describe_event(event: &HistoryEventKind) -> String {
    match event {
        HistoryEventKind::TaskScheduled(task) => format!("a call of activity `{}`", task.name),
        HistoryEventKind::TimerCreated(_) => "a timer".into(),
        HistoryEventKind::ExecutionCompleted(end) => {
            format!("the end of the orchestration ({})", end.status)
        }
        other => other.name().into(),
    }
}

fn describe_action(action: &OrchestratorActionKind) -> String {
    describe_event(&action.confirmation())
}
