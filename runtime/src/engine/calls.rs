//! The operations of an execution: activities, sub-orchestrations and timers that were asked for and whose results have not
//! been taken.
//!
//! An operation is known by its first action. When a failed one is tried again, the back-off timer and the next attempt are
//! actions of their own, which lead back to it. All of this happens where events are applied, whether anyone polls or not.

use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::asked::{Asked, FailedCall};
use super::awaits::Kept;
use super::episode::OpenChild;
use super::fault::{Against, Fault, NonDeterminismError};
use super::notes::refusal;
use super::options::RetryIf;
use super::random::jitter;
use super::state::{State, Wanted};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::failure::{FailureDetails, kind};
use crate::model::instance::InstanceId;
use crate::model::retry::{ATTEMPT_TAG, FIRST_TAG, RetryPolicy, total_timeout};
use crate::model::tags::Tags;
use crate::model::time::next_microsecond;
use crate::model::waiting::{WaitingFor, WaitingOn};

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

/// The attempts of a call, and what later ones need.
pub(super) struct Series {
    policy: Option<RetryPolicy>,
    retry_if: Option<RetryIf>,
    input: Option<String>,
    version: Option<String>,
    /// Those of the first attempt.
    tags: Tags,
    /// Whether the id of the sub-orchestration derives from the action.
    derives_id: bool,
    /// When the first attempt began.
    began: Timestamp,
    attempt: u32,
    /// The action of the attempt that runs, or of the timer until the next one.
    current: i32,
    /// When the next attempt begins, between two.
    next_at: Option<Timestamp>,
    /// The timer of the total timeout.
    deadline: Option<(Timestamp, i32)>,
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

/// An activity or sub-orchestration whose future was dropped in the current poll.
#[derive(Debug)]
pub(super) struct Dropped {
    id: i32,
    child: Option<InstanceId>,
    awaited: bool,
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

    /// When the attempt after one that fails now begins, if there is to be one.
    fn next_attempt(
        &self,
        now: Timestamp,
        failure: &FailureDetails,
        part: f64,
    ) -> Option<Timestamp> {
        let series = self.series.as_ref()?;
        let policy = series.policy.as_ref()?;
        if failure.is_non_retriable || series.attempt >= policy.max_attempts {
            return None;
        }
        let at = after(now, policy.interval(series.attempt, part));
        let latest = policy.total_time.map(|time| after(series.began, time));
        latest.is_none_or(|latest| at <= latest).then_some(at)
    }
}

/// The time that lies so much later, not before it by what history cannot hold.
fn after(time: Timestamp, duration: Duration) -> Timestamp {
    next_microsecond(time.saturating_add(duration).unwrap_or(Timestamp::MAX))
}

impl State {
    /// The name, shared with the call before when that had the same.
    fn shared_name(&mut self, name: &str) -> Rc<str> {
        if *self.last_name != *name {
            self.last_name = Rc::from(name);
        }
        Rc::clone(&self.last_name)
    }

    /// Creates a timer for the author. Without an id nothing can come of it.
    pub(super) fn create_timer(
        &mut self,
        fire_at: Timestamp,
        location: Option<&'static Location<'static>>,
    ) -> Option<i32> {
        if !self.polling {
            return None;
        }
        let (id, fire_at) = self.ask_timer(fire_at, location)?;
        let name = self.shared_name("");
        let kind = PendingKind::Timer(fire_at);
        self.begin(id, Pending::new(kind, name, location, self.now));
        Some(id)
    }

    /// Asks for a timer. Gives its action, and when it is due.
    fn ask_timer(
        &mut self,
        fire_at: Timestamp,
        location: Option<&'static Location<'static>>,
    ) -> Option<(i32, Timestamp)> {
        let (id, fire_at) = self.ask(
            Wanted::timer(fire_at, location),
            |id, action| match action {
                Action::CreateTimer { fire_at } => (id, *fire_at),
                _ => (id, Timestamp::MAX),
            },
        )?;
        self.timers.insert((fire_at, id));
        Some((id, fire_at))
    }

    /// Whether an operation has not ended.
    pub(super) fn is_open(&self, id: i32) -> bool {
        let pending = self.operations.get(&id);
        pending.is_some_and(|pending| pending.completion.is_none())
    }

    /// Where an operation was asked for.
    pub(super) fn called_at(&self, id: i32) -> Option<&'static Location<'static>> {
        self.operations.get(&id)?.location
    }

    fn begin(&mut self, id: i32, pending: Pending) {
        self.open += 1;
        self.operations.insert(id, pending);
    }

    /// Calls an activity or a sub-orchestration. Takes the closure when it can be needed. `Ok(None)`: nothing can come of it;
    /// an error: it was refused.
    pub(super) fn call(
        &mut self,
        wanted: Wanted,
        retry_if: &mut Option<RetryIf>,
    ) -> Result<Option<(i32, Option<InstanceId>)>, FailureDetails> {
        if !self.polling {
            return Ok(None);
        }
        let (name, derives_id) = (self.called(&wanted.kind), wanted.derives_id);
        let (location, now) = (wanted.location, self.now);
        let asked = self.ask(wanted, |id, action| {
            if let Some(failure) = refusal(action) {
                return Err(failure);
            }
            Ok((id, pending(id, action, name, derives_id, location, now)))
        });
        let (id, pending) = match asked {
            Some(Ok((id, Ok(pending)))) => (id, pending),
            Some(Ok((id, Err(message)))) => {
                let what = format!("the retry policy of action {id}");
                self.fail_undecodable(&what, location, message);
                return Ok(None);
            }
            Some(Err(failure)) => return Err(failure),
            None => return Ok(None),
        };
        let child = match &pending.kind {
            PendingKind::Child(instance) => Some(instance.clone()),
            PendingKind::Task | PendingKind::Timer(_) => None,
        };
        let total = pending
            .series
            .as_ref()
            .and_then(|series| total_timeout(&series.tags));
        self.begin(id, pending);
        if let Some(total) = total {
            self.set_deadline(id, total);
        }
        let series = self.series(id);
        if let Some(series) = series.filter(|series| series.policy.is_some()) {
            series.retry_if = retry_if.take();
        }
        Ok(Some((id, child)))
    }

    fn called(&mut self, action: &Action) -> Rc<str> {
        match action {
            Action::ScheduleTask { name, .. } | Action::CreateSubOrchestration { name, .. } => {
                self.shared_name(name)
            }
            _ => self.shared_name(""),
        }
    }

    fn series(&mut self, operation: i32) -> Option<&mut Series> {
        let pending = self.operations.get_mut(&operation)?;
        pending.series.as_deref_mut()
    }

    /// Creates the timer of a total timeout that begins now.
    fn set_deadline(&mut self, operation: i32, total: Duration) {
        let location = self.operations.get(&operation).and_then(|op| op.location);
        if let Some((timer, fire_at)) = self.ask_timer(after(self.now, total), location) {
            self.links.insert(timer, operation);
            if let Some(series) = self.series(operation) {
                series.deadline = Some((fire_at, timer));
            }
        }
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

    fn attempt_failed(&mut self, operation: i32, failure: Box<FailureDetails>) -> Applied {
        match self.next_attempt(operation, &failure) {
            None => self.call_failed(operation, failure).into(),
            Some(at) => {
                let series = self.series(operation);
                if let Some(retry_if) = series.and_then(|series| series.retry_if.clone()) {
                    return Applied::Asks {
                        operation,
                        retry_if,
                        failure,
                    };
                }
                self.back_off(operation, at);
                Freed::default().into()
            }
        }
    }

    /// Goes on with a failed attempt as the author's closure said.
    pub(super) fn decided(
        &mut self,
        operation: i32,
        failure: Box<FailureDetails>,
        again: bool,
    ) -> Freed {
        match self.next_attempt(operation, &failure) {
            Some(at) if again => {
                self.back_off(operation, at);
                Freed::default()
            }
            _ => self.call_failed(operation, failure),
        }
    }

    fn next_attempt(&self, operation: i32, failure: &FailureDetails) -> Option<Timestamp> {
        let pending = self.operations.get(&operation)?;
        let current = pending.series.as_ref()?.current;
        let part = jitter(self.info.execution_id, current);
        pending.next_attempt(self.now, failure, part)
    }

    /// Waits for the time of the next attempt.
    fn back_off(&mut self, operation: i32, at: Timestamp) {
        let Some(pending) = self.operations.get(&operation) else {
            return;
        };
        let location = pending.location;
        if let Some((timer, fire_at)) = self.ask_timer(at, location) {
            self.go_on(operation, timer, Some(fire_at));
        }
    }

    /// The back-off timer fired: begins the next attempt.
    fn try_again(&mut self, operation: i32) {
        let Some(pending) = self.operations.get(&operation) else {
            return;
        };
        let Some(series) = &pending.series else {
            return;
        };
        let (name, input, version) = (
            String::from(&*pending.name),
            series.input.clone(),
            series.version.clone(),
        );
        let attempt = series.attempt + 1;
        let mut tags = series.tags.clone();
        tags.insert(ATTEMPT_TAG.into(), attempt.to_string());
        tags.insert(FIRST_TAG.into(), operation.to_string());
        let kind = match &pending.kind {
            PendingKind::Child(instance_id) => Action::CreateSubOrchestration {
                instance_id: instance_id.clone(),
                name,
                version,
                input,
                tags,
            },
            PendingKind::Task | PendingKind::Timer(_) => Action::ScheduleTask { name, input, tags },
        };
        let wanted = Wanted {
            derives_id: series.derives_id,
            limited: false,
            ..Wanted::new(kind, pending.location)
        };
        if let Some(timer) = series.next_at.map(|at| (at, series.current)) {
            self.timers.remove(&timer);
        }
        let asked = self.ask(wanted, |id, action| match action {
            Action::CreateSubOrchestration { instance_id, .. } => (id, Some(instance_id.clone())),
            _ => (id, None),
        });
        let Some((id, child)) = asked else {
            return;
        };
        if let Some(pending) = self.operations.get_mut(&operation) {
            if let Some(child) = child {
                pending.kind = PendingKind::Child(child);
            }
            if let Some(series) = &mut pending.series {
                series.attempt = attempt;
            }
        }
        self.go_on(operation, id, None);
    }

    /// An operation goes on with another action.
    fn go_on(&mut self, operation: i32, id: i32, next_at: Option<Timestamp>) {
        if let Some(series) = self.series(operation) {
            let past = std::mem::replace(&mut series.current, id);
            series.next_at = next_at;
            self.links.remove(&past);
            self.links.insert(id, operation);
            self.unfinished.remove(&past);
        }
    }

    /// The total timeout of a call is over.
    fn time_out(&mut self, operation: i32) -> Freed {
        let Some(pending) = self.operations.get(&operation) else {
            return Freed::default();
        };
        let name = Rc::clone(&pending.name);
        let what = match pending.kind {
            PendingKind::Child(_) => "sub-orchestration",
            PendingKind::Task | PendingKind::Timer(_) => "activity",
        };
        let (total, timer) = match &pending.series {
            Some(series) => (total_timeout(&series.tags), series.deadline),
            None => (None, None),
        };
        if self.rewinds.is_empty() {
            if let Some((id, child)) = pending.open_attempt(operation) {
                self.withdraw(id, child);
            }
        } else if let Some(timer) = timer {
            self.timers.remove(&timer);
        }
        let total = total.unwrap_or_default();
        let message = format!("the call of {what} `{name}` took longer than {total:?} in total");
        let failure = FailureDetails::new(kind::TIMEOUT, message);
        self.call_failed(operation, Box::new(failure))
    }

    /// A call failed for good. A replay with a rewind ahead forgets that.
    fn call_failed(&mut self, operation: i32, failure: Box<FailureDetails>) -> Freed {
        if !self.rewinds.is_empty() {
            self.forget_failure(operation);
            if let Some(series) = self.series(operation) {
                series.attempt = 1;
            }
            return Freed::default();
        }
        self.finish(operation, Completion::Failed(failure))
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

    /// Forgets the timers and attempts of a series.
    fn end_series(&mut self, series: &Series) {
        self.links.remove(&series.current);
        if let Some(at) = series.next_at {
            self.timers.remove(&(at, series.current));
        }
        if let Some(timer) = series.deadline {
            self.timers.remove(&timer);
            self.links.remove(&timer.1);
        }
    }

    /// A rewind: the path of the code goes on from before what failed since the last one.
    pub(super) fn rewound(&mut self) {
        let Some(last) = self.rewinds.pop_front() else {
            return;
        };
        self.forget_actions(last);
        for operation in std::mem::take(&mut self.forgotten) {
            let now = self.now;
            let Some(pending) = self.operations.get_mut(&operation) else {
                continue;
            };
            // It may have got its result since.
            if pending.completion.is_some() {
                continue;
            }
            let mut total = None;
            if let Some(series) = &mut pending.series {
                series.began = now;
                total = total_timeout(&series.tags);
                if let Some(timer) = series.deadline.take() {
                    self.timers.remove(&timer);
                    self.links.remove(&timer.1);
                }
            }
            if let Some(total) = total {
                self.set_deadline(operation, total);
            }
        }
        // Also those that had not failed: they may have ended since, when nobody took their answer.
        if self.rewinds.is_empty() && self.rewinding {
            let attempts = self.operations.iter();
            let attempts: Vec<_> = attempts
                .filter(|(_, pending)| pending.completion.is_none())
                .filter_map(|(operation, pending)| pending.open_attempt(*operation))
                .collect();
            let mut open: Vec<_> = attempts
                .into_iter()
                .filter_map(|(id, child)| {
                    child.and_then(|_| Some((id, self.children.remove(&id)?)))
                })
                .map(|(id, child)| OpenChild {
                    id,
                    instance_id: child.instance_id,
                    name: child.name,
                    version: child.version,
                    input: child.input,
                    tags: child.tags,
                })
                .collect();
            open.sort_unstable_by_key(|child| child.id);
            self.rewound_children.extend(open);
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

    /// Whether the last poll of the orchestrator left an operation pending that is open, or a combinator awaits one.
    pub(super) fn awaits_something(&self) -> bool {
        let awaited = |id| {
            let pending: Option<&Pending> = self.operations.get(id);
            pending.is_some_and(|pending| pending.completion.is_none() && !pending.detached)
        };
        self.awaits.through_a_combinator()
            || self.mailbox.is_awaited()
            || self.polled.iter().any(awaited)
    }

    /// Lets an operation go on without anyone waiting for it.
    pub(super) fn detach(&mut self, id: i32) -> Freed {
        let Some(pending) = self.operations.get_mut(&id) else {
            return Freed::default();
        };
        if pending.completion.is_some() {
            self.operations.remove(&id);
            return Freed::default();
        }
        pending.detached = true;
        self.open -= 1;
        Freed {
            _waker: pending.waker.take(),
            ..Freed::default()
        }
    }

    /// Forgets an operation whose future was dropped.
    pub(super) fn drop_operation(&mut self, id: i32) -> Freed {
        // Teardown withdraws nothing: whoever replays the execution finds the operation open again.
        if !self.polling {
            return Freed::default();
        }
        let Some(mut pending) = self.operations.remove(&id) else {
            return Freed::default();
        };
        if pending.completion.is_some() {
            return Freed::default();
        }
        self.open -= 1;
        if let PendingKind::Timer(fire_at) = pending.kind {
            self.timers.remove(&(fire_at, id));
        }
        if let Some((id, child)) = pending.open_attempt(id) {
            self.dropped.push(Dropped {
                id,
                child,
                awaited: pending.awaited,
            });
        }
        let series = pending.series.take();
        if let Some(series) = &series {
            self.end_series(series);
        }
        Freed {
            wake: None,
            _waker: pending.waker.take(),
            _series: series,
        }
    }

    /// Lets what the last poll dropped go on: it unwound.
    pub(super) fn spare_dropped(&mut self) {
        self.dropped.clear();
    }

    /// Withdraws what the last poll dropped. As the orchestrator returns, what was never awaited goes on instead.
    pub(super) fn settle_dropped(&mut self, returned: bool) {
        for Dropped { id, child, awaited } in std::mem::take(&mut self.dropped) {
            if !returned || awaited {
                self.withdraw(id, child);
            }
        }
    }

    /// Withdraws an attempt that runs. A replay has done so before.
    fn withdraw(&mut self, id: i32, child: Option<InstanceId>) {
        self.unfinished.remove(&id);
        if !self.is_new() && self.repeats_from.is_none() {
            return;
        }
        match child {
            Some(instance) => self.withdrawn_children.push((id, instance)),
            None => self.withdrawn.push(id),
        }
    }

    /// The operations that the orchestrator waits for, in the order in which they were asked for.
    pub(super) fn operations_waited_for(&self) -> Vec<WaitingOn> {
        let mut pending: Vec<_> = self.operations.iter().collect();
        pending.retain(|(_, pending)| pending.completion.is_none() && !pending.detached);
        pending.sort_unstable_by_key(|(id, _)| **id);
        let waiting = pending.into_iter().map(|(id, pending)| WaitingOn {
            kind: pending.waiting_for(*id),
            location: pending.location,
            since: pending.since,
        });
        waiting.collect()
    }

    /// Takes out all that may be user code, for the caller to drop when it has let go of the state.
    pub(super) fn take_operations(&mut self) -> impl Sized + use<> {
        let operations = std::mem::take(&mut self.operations);
        (operations, self.mailbox.take_wakers())
    }
}

impl Pending {
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

    /// The attempt that runs: its action, and its instance when it is a sub-orchestration.
    fn open_attempt(&self, operation: i32) -> Option<(i32, Option<InstanceId>)> {
        let id = match &self.series {
            None => operation,
            Some(series) if series.next_at.is_some() => return None,
            Some(series) => series.current,
        };
        match &self.kind {
            PendingKind::Task => Some((id, None)),
            PendingKind::Child(instance) => Some((id, Some(instance.clone()))),
            PendingKind::Timer(_) => None,
        }
    }

    fn waiting_for(&self, operation: i32) -> WaitingFor {
        let name = String::from(&*self.name);
        let (mut id, mut attempt, mut max_attempts) = (operation, 1, 1);
        if let Some(series) = &self.series {
            (id, attempt) = (series.current, series.attempt);
            max_attempts = series.policy.as_ref().map_or(1, |p| p.max_attempts);
            if let Some(at) = series.next_at {
                return WaitingFor::Retry {
                    id,
                    name,
                    next_attempt: attempt + 1,
                    max_attempts,
                    at,
                };
            }
        }
        match &self.kind {
            PendingKind::Task => WaitingFor::Activity {
                id,
                name,
                attempt,
                max_attempts,
            },
            PendingKind::Timer(fire_at) => WaitingFor::Timer {
                id,
                fire_at: *fire_at,
            },
            PendingKind::Child(instance_id) => WaitingFor::Child {
                id,
                instance_id: instance_id.clone(),
                name,
            },
        }
    }
}

/// What is pending after a call was asked for, or why its recorded policy cannot be read.
fn pending(
    id: i32,
    action: &Action,
    name: Rc<str>,
    derives_id: bool,
    location: Option<&'static Location<'static>>,
    now: Timestamp,
) -> Result<Pending, String> {
    let (kind, input, version, tags) = match action {
        Action::CreateSubOrchestration {
            instance_id,
            version,
            input,
            tags,
            ..
        } => (
            PendingKind::Child(instance_id.clone()),
            input,
            version.as_ref(),
            tags,
        ),
        Action::ScheduleTask { input, tags, .. } => (PendingKind::Task, input, None, tags),
        _ => return Err("it is not that of a call".into()),
    };
    let policy = RetryPolicy::of(tags).map_err(|error| error.to_string())?;
    let series = (policy.is_some() || total_timeout(tags).is_some()).then(|| {
        Box::new(Series {
            input: policy.as_ref().and(input.as_ref()).cloned(),
            policy,
            retry_if: None,
            version: version.cloned(),
            tags: tags.clone(),
            derives_id,
            began: now,
            attempt: 1,
            current: id,
            next_at: None,
            deadline: None,
        })
    });
    Ok(Pending {
        series,
        ..Pending::new(kind, name, location, now)
    })
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
