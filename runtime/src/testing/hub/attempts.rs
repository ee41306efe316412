//! What ran of activities.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt::Display;

use jiff::Timestamp;

use super::world::{RunState, of};
use super::{ActivityFn, TestHub};
use crate::definition::{ActivityDefinition, Definition};
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;

/// An attempt of an activity that ran. See [`TestHub::attempts`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityAttempt<A> {
    /// The instance that called it.
    pub instance_id: InstanceId,
    /// Its arguments: the argument itself when there is one, and a tuple otherwise.
    pub arguments: A,
    /// Which attempt of the call it is: 1 for the first. One that runs again after a crash has the number that it had.
    pub number: u32,
    /// When it began, in virtual time.
    pub started_at: Timestamp,
    /// What it gave, as it is recorded; `None` while it runs, and when nobody waits for it any more or the worker died.
    pub ended: Option<Result<String, FailureDetails>>,
    /// Whether the call began with it.
    is_first: bool,
}

impl TestHub {
    /// The arguments of each call of an activity, in the order in which the calls began. Further attempts of a call are not counted.
    ///
    /// # Panics
    ///
    /// As [`attempts`](Self::attempts).
    #[must_use]
    #[track_caller]
    pub fn calls<A: 'static, F: ActivityFn<A, Definition: ActivityDefinition>>(
        &self,
        activity: F,
    ) -> Vec<F::Arguments> {
        let attempts = self.attempts(activity);
        let first = attempts.into_iter().filter(|attempt| attempt.is_first);
        first.map(|attempt| attempt.arguments).collect()
    }

    /// Each attempt of an activity that ran, in the order in which they began; also those that ran again after a crash.
    ///
    /// # Panics
    ///
    /// When it was called with something that it cannot read; the call has failed.
    #[must_use]
    #[track_caller]
    pub fn attempts<A: 'static, F: ActivityFn<A, Definition: ActivityDefinition>>(
        &self,
        activity: F,
    ) -> Vec<ActivityAttempt<F::Arguments>> {
        let _ = activity;
        self.attempts_of(F::Definition::NAME, |input| F::read(input).map(F::unpack))
    }

    /// As [`attempts`](Self::attempts), by the activity's name; the arguments are the JSON of the input.
    #[must_use]
    #[track_caller]
    pub fn attempts_by_name(&self, name: &str) -> Vec<ActivityAttempt<Option<String>>> {
        self.attempts_of(name, |input| Ok::<_, Infallible>(input.map(str::to_owned)))
    }

    #[track_caller]
    fn attempts_of<A, E: Display>(
        &self,
        name: &str,
        read: impl Fn(Option<&str>) -> Result<A, E>,
    ) -> Vec<ActivityAttempt<A>> {
        let attempts: Result<_, String> = self.world.runs(|runs| {
            let name = name.to_lowercase();
            let mut first_runs = HashSet::new();
            let of_name = runs
                .iter()
                .filter(|run| run.task.name.to_lowercase() == name);
            of_name
                .map(|run| {
                    let task = &run.task;
                    let arguments = read(task.input.as_deref()).map_err(|error| {
                        format!("{} was called with another input: {error}", of(task))
                    })?;
                    Ok(ActivityAttempt {
                        instance_id: task.instance.clone(),
                        arguments,
                        number: task.attempt.number,
                        started_at: run.started_at,
                        ended: match &run.state {
                            RunState::Ended(outcome) => Some(outcome.clone()),
                            RunState::Running | RunState::Cancelled | RunState::Lost => None,
                        },
                        is_first: first_runs.insert((task.key.execution, task.attempt.first)),
                    })
                })
                .collect()
        });
        match attempts {
            Ok(attempts) => attempts,
            Err(why) => panic!("{why}"),
        }
    }
}
