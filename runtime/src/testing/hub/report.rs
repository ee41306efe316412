//! Why a test cannot go on: what each unfinished instance waits for.

use std::fmt::Write as _;

use super::TestHub;
use super::world::{Run, RunState};
use crate::client::{Client, ClientError};
use crate::context::recorded_result;
use crate::model::instance::InstanceId;
use crate::model::query::InstanceFilter;
use crate::model::status::{InstanceStatus, RuntimeStatus};
use crate::model::waiting::{WaitingFor, WaitingOn};

/// How many instances a report names.
const NAMED: usize = 20;

/// How many it names that have been busy.
const NAMED_BUSY: usize = 3;

impl TestHub {
    /// Fails the test.
    #[track_caller]
    pub(super) fn fail(&self, why: &str) -> ! {
        let report = self.report(None);
        panic!("{why}\n{report}")
    }

    /// Fails the test, since the steps of a wait are used up.
    #[track_caller]
    pub(super) fn fail_without_end(&self) -> ! {
        let steps = self.config.borrow().max_steps;
        let mut why = format!("it has not come to an end after {steps} steps of the worker");
        for (id, episodes) in self.store.busiest(NAMED_BUSY) {
            let _ = write!(why, "\n  `{id}` has had {episodes} episodes");
        }
        self.fail(&format!(
            "{why}\nwhat goes on for ever is watched with `hub.advance(..)` or `wait_custom_status(..)`, or ended with \
             `.after(..).terminate(..)`; what takes longer is given more steps with `hub.max_steps(..)`"
        ))
    }

    /// Fails the test when this is an error.
    #[track_caller]
    pub(super) fn expect(&self, result: Result<(), ClientError>, what: impl FnOnce() -> String) {
        if let Err(error) = result {
            let what = what();
            self.fail(&format!("{what}: {error}"));
        }
    }

    /// Fails the test when an instance is set aside, or one that it started: it would not advance by waiting.
    #[track_caller]
    pub(super) fn fail_when_set_aside(&self, id: &InstanceId) {
        if !self.store.may_have_stalled() {
            return;
        }
        let stalled = self.matching(&InstanceFilter::new().stalled(true), usize::MAX);
        if let Some(stalled) = stalled.iter().find(|stalled| self.is_of(stalled, id)) {
            let why = stalled.stalled.as_deref().unwrap_or_default();
            let mock = self.mock_to_blame(stalled, why);
            let report = self.report(Some(&stalled.instance_id));
            panic!(
                "`{}` (`{}`) does not advance: {why}{mock}\n{report}",
                stalled.instance_id, stalled.name
            );
        }
    }

    /// Whether it is this instance, or a descendant of it.
    #[track_caller]
    fn is_of(&self, status: &InstanceStatus, id: &InstanceId) -> bool {
        if status.instance_id == *id {
            return true;
        }
        let parent = status.parent.as_ref();
        let parent = parent.map(|parent| self.instance(parent.instance_id.as_str()));
        let Some(Some(parent)) = parent.map(|parent| parent.read()) else {
            return false;
        };
        self.is_of(&parent, id)
    }

    /// Who gave the result that an instance cannot read: only by its name can a mock give one of another type.
    fn mock_to_blame(&self, stalled: &InstanceStatus, why: &str) -> String {
        self.world.runs(|runs| {
            let mut runs = runs.iter().rev();
            let told = runs.find_map(|run| {
                let (key, name) = (run.task.key, &run.task.name);
                let is_it = run.is_mocked
                    && run.task.instance == stalled.instance_id
                    && why.contains(&recorded_result("activity", name));
                let given = || {
                    self.world
                        .with_mock(name, |answers| answers.value_given(key))
                };
                is_it.then(given).flatten()
            });
            told.map_or_else(String::new, |(ty, at)| {
                format!("; its mock returns a `{ty}`, at {at}")
            })
        })
    }

    /// What everything waits for. Why one instance does not advance may have been told.
    #[track_caller]
    fn report(&self, told: Option<&InstanceId>) -> String {
        let mut report = format!("at {}", self.now());
        let unfinished = RuntimeStatus::ALL
            .into_iter()
            .filter(|status| !status.is_terminal());
        let unfinished =
            self.matching(&InstanceFilter::new().runtime_status(unfinished), NAMED + 1);
        if unfinished.is_empty() {
            report += ", every instance has ended";
        }
        for status in unfinished.iter().take(NAMED) {
            self.describe(&mut report, status, told == Some(&status.instance_id));
        }
        if unfinished.len() > NAMED {
            report += "\n  and more";
        }
        report
    }

    #[track_caller]
    fn describe(&self, report: &mut String, status: &InstanceStatus, is_told: bool) {
        let (id, name) = (&status.instance_id, &status.name);
        let _ = write!(report, "\n  `{id}` (`{name}`) is {}", status.runtime_status);
        if let Some(why) = &status.stalled {
            report.push_str(", and is set aside");
            if !is_told {
                let _ = write!(report, ": {why}");
            }
            return;
        }
        // The report is about a worker that stands still: what it is asked now may stay without an answer.
        let waiting =
            self.answer_of(async |client| client.instance(id.as_str())?.waiting_on().await);
        let waiting = waiting.and_then(Result::ok).unwrap_or_default();
        for waiting in &waiting {
            let _ = write!(
                report,
                "\n    waits for {}",
                self.waits_for(status, waiting)
            );
            if let Some(location) = waiting.location {
                let _ = write!(report, ", asked for at {location}");
            }
        }
    }

    fn waits_for(&self, status: &InstanceStatus, waiting: &WaitingOn) -> String {
        match &waiting.kind {
            WaitingFor::Activity {
                id,
                name,
                attempt,
                max_attempts,
            } => {
                let run = self.world.runs(|runs| {
                    let run = runs.iter().rev().find(|run| {
                        run.task.instance == status.instance_id
                            && (run.task.attempt.first, run.task.attempt.number) == (*id, *attempt)
                    });
                    run.map_or_else(String::new, |run| self.how_it_runs(run))
                });
                format!("the activity `{name}` (attempt {attempt} of {max_attempts}){run}")
            }
            WaitingFor::Retry {
                name,
                next_attempt,
                max_attempts,
                at,
                ..
            } => format!("attempt {next_attempt} of {max_attempts} of `{name}`, at {at}"),
            WaitingFor::Timer { fire_at, .. } => format!("a timer, until {fire_at}"),
            WaitingFor::Event { name } => format!("the event `{name}`"),
            WaitingFor::Child {
                instance_id, name, ..
            } => format!("the orchestration `{instance_id}` (`{name}`)"),
        }
    }

    fn how_it_runs(&self, run: &Run) -> String {
        let never_ends = || {
            self.world
                .with_mock(&run.task.name, |answers| answers.never_ends(run.task.key))
        };
        match run.state {
            RunState::Running if !run.is_mocked => {
                ", which runs for real and waits for something that is not of the hub: a hub has no async runtime, no timers and \
                 no sockets for it; mock it, or give it a fake as a dependency"
                    .into()
            }
            RunState::Running if never_ends() => ", whose mock never returns".into(),
            RunState::Running => ", whose mock has not returned".into(),
            RunState::Ended(_) | RunState::Cancelled | RunState::Lost => String::new(),
        }
    }

    #[track_caller]
    pub(super) fn matching(&self, filter: &InstanceFilter, limit: usize) -> Vec<InstanceStatus> {
        let found = self.answer_of(async |client: Client| {
            let mut query = client.query(filter.clone());
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(status) = query.next().await?
            {
                found.push(status);
            }
            Ok::<_, ClientError>(found)
        });
        found.and_then(Result::ok).unwrap_or_default()
    }
}
