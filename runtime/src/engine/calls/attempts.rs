//! The attempts of a call: whether a failed one is tried again, when, and for how long in total.

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Applied, Completion, Freed, Pending, PendingKind};
use crate::engine::options::RetryIf;
use crate::engine::random::jitter;
use crate::engine::state::{State, Wanted};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::failure::{FailureDetails, kind};
use crate::model::instance::InstanceId;
use crate::model::retry::{ATTEMPT_TAG, FIRST_TAG, RetryPolicy, total_timeout};
use crate::model::tags::Tags;
use crate::model::time::next_microsecond;

/// The attempts of a call, and what later ones need.
pub(super) struct Series {
    pub(super) policy: Option<RetryPolicy>,
    pub(super) retry_if: Option<RetryIf>,
    pub(super) input: Option<String>,
    pub(super) version: Option<String>,
    /// Those of the first attempt.
    pub(super) tags: Tags,
    /// Whether the id of the sub-orchestration derives from the action.
    pub(super) derives_id: bool,
    /// When the first attempt began.
    pub(super) began: Timestamp,
    pub(super) attempt: u32,
    /// The action of the attempt that runs, or of the timer until the next one.
    pub(super) current: i32,
    /// When the next attempt begins, between two.
    pub(super) next_at: Option<Timestamp>,
    /// The timer of the total timeout.
    pub(super) deadline: Option<(Timestamp, i32)>,
}

impl Pending {
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

    /// The attempt that runs: its action, and its instance when it is a sub-orchestration.
    pub(super) fn open_attempt(&self, operation: i32) -> Option<(i32, Option<InstanceId>)> {
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
}

impl State {
    pub(super) fn series(&mut self, operation: i32) -> Option<&mut Series> {
        let pending = self.operations.get_mut(&operation)?;
        pending.series.as_deref_mut()
    }

    /// Creates the timer of a total timeout that begins now.
    pub(super) fn set_deadline(&mut self, operation: i32, total: Duration) {
        let location = self.operations.get(&operation).and_then(|op| op.location);
        if let Some((timer, fire_at)) = self.ask_timer(after(self.now, total), location) {
            self.links.insert(timer, operation);
            if let Some(series) = self.series(operation) {
                series.deadline = Some((fire_at, timer));
            }
        }
    }

    pub(super) fn attempt_failed(
        &mut self,
        operation: i32,
        failure: Box<FailureDetails>,
    ) -> Applied {
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
    pub(in crate::engine) fn decided(
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
    pub(super) fn try_again(&mut self, operation: i32) {
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
    pub(super) fn time_out(&mut self, operation: i32) -> Freed {
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
            // Its attempts are counted anew, from the one that runs again.
            if let Some(series) = self.series(operation) {
                series.attempt = 1;
                let current = series.current;
                if let Some(task) = self.unfinished.get_mut(&current) {
                    task.tags.remove(ATTEMPT_TAG);
                }
            }
            return Freed::default();
        }
        self.finish(operation, Completion::Failed(failure))
    }

    /// Forgets the timers and attempts of a series.
    pub(super) fn end_series(&mut self, series: &Series) {
        self.links.remove(&series.current);
        if let Some(at) = series.next_at {
            self.timers.remove(&(at, series.current));
        }
        if let Some(timer) = series.deadline {
            self.timers.remove(&timer);
            self.links.remove(&timer.1);
        }
    }
}

/// The time that lies so much later, not before it by what history cannot hold.
fn after(time: Timestamp, duration: Duration) -> Timestamp {
    next_microsecond(time.saturating_add(duration).unwrap_or(Timestamp::MAX))
}
