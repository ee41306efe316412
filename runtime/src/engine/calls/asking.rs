//! Asking for operations: calls and timers.

use std::panic::Location;
use std::rc::Rc;

use jiff::Timestamp;

use super::attempts::Series;
use super::{Pending, PendingKind};
use crate::engine::notes::refusal;
use crate::engine::options::RetryIf;
use crate::engine::state::{State, Wanted};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;
use crate::model::retry::{RetryPolicy, total_timeout};

impl State {
    /// The name, shared with the call before when that had the same.
    fn shared_name(&mut self, name: &str) -> Rc<str> {
        if *self.last_name != *name {
            self.last_name = Rc::from(name);
        }
        Rc::clone(&self.last_name)
    }

    /// Creates a timer for the author. Without an id nothing can come of it.
    pub(in crate::engine) fn create_timer(
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
    pub(super) fn ask_timer(
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

    /// Calls an activity or a sub-orchestration. Takes the closure when it can be needed. `Ok(None)`: nothing can come of it;
    /// an error: it was refused.
    pub(in crate::engine) fn call(
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

    fn begin(&mut self, id: i32, pending: Pending) {
        self.open += 1;
        self.operations.insert(id, pending);
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
