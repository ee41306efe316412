//! Replaying episodes at once, to find code that is not deterministic.
//!
//! An execution that does so keeps its history and what it was made of. After an episode a second execution is rebuilt from the
//! history, that episode included, and must come to the same: it asks for the same actions with the same inputs and times,
//! withdraws the same, holds the same custom status, waits at the same places and ends alike. What was replayed before is
//! compared as in any replay, since it may have been run by code that was edited since.
//!
//! The cost is a replay of the whole history: after each episode it is quadratic over an execution, and spaced out it is not
//! ([`EpisodeReplays`]). An execution that was rewound, evicted or suspended begins with the history that it is loaded from; one that
//! continues as new begins with none.

use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;

use super::agreement::same_json;
use super::describe;
use super::episode::Episode;
use super::execution::{Execution, Start};
use super::fault::{Against, Fault, NonDeterminismError};
use super::handle::ExecutionInfo;
use super::options::{EpisodeReplays, Settings};
use super::silence::silently;
use super::state::State;
use crate::model::custom_status::CustomStatus;
use crate::model::history::HistoryEvent;
use crate::model::instance::InstanceId;
use crate::model::waiting::WaitingOn;

/// What an execution needs to be run once more.
pub(super) struct Repetition {
    pub(super) info: ExecutionInfo,
    /// The custom status that it began with.
    pub(super) status: Option<CustomStatus>,
    pub(super) start: Start,
    pub(super) settings: Settings,
    pub(super) on_foreign_wake: Arc<dyn Fn() + Send + Sync>,
    pub(super) past: Past,
}

impl Repetition {
    fn execution(&self) -> Execution {
        Execution::new(
            self.info.clone(),
            self.status.clone(),
            Rc::clone(&self.start),
            Settings {
                replays: EpisodeReplays::Never,
                ..self.settings
            },
            Arc::clone(&self.on_foreign_wake),
        )
    }

    /// Whether it is time for a replay behind this episode.
    fn is_due(&self, episode: &Episode) -> bool {
        let Past {
            history, replayed, ..
        } = &self.past;
        self.settings.replays == EpisodeReplays::Always
            || episode.ended.is_some()
            || episode.is_rewind()
            || history.len() <= SHORT
            || history.len() >= replayed + replayed / 4
    }
}

/// Up to how many events a history is short. Replaying each of its episodes costs no test more than milliseconds.
const SHORT: usize = 300;

/// What an execution has done.
#[derive(Default)]
pub(super) struct Past {
    /// The events of its episodes.
    history: Vec<HistoryEvent>,
    /// How many of them have been replayed.
    replayed: usize,
    /// The first action that an episode behind them asked for, or could have.
    first: Option<i32>,
    /// Where in the source the code asked for those actions.
    asked_at: Vec<(i32, Option<&'static Location<'static>>)>,
}

impl Past {
    /// The past of an execution that is rebuilt from its history.
    pub(super) fn of(history: &[HistoryEvent]) -> Self {
        Self {
            history: history.to_vec(),
            replayed: history.len(),
            ..Self::default()
        }
    }

    fn add(&mut self, episode: &Episode, state: &State) {
        self.history.extend(episode.events.iter().cloned());
        self.first.get_or_insert(state.first_of_episode(episode));
        let ids = episode.actions.iter().map(|action| action.id);
        self.asked_at
            .extend(ids.zip(state.asked_at.iter().copied()));
    }

    fn was_replayed(&mut self) {
        self.replayed = self.history.len();
        self.first = None;
        self.asked_at.clear();
    }

    /// Where the code asked for an action, if it did so behind the last replay.
    fn asked_at(&self, id: i32) -> Option<&'static Location<'static>> {
        let asked = self.asked_at.iter().find(|(asked, _)| *asked == id);
        asked.and_then(|(_, location)| *location)
    }
}

impl Execution {
    /// Replays what has been run, when the episode that was run last is to be replayed, and compares.
    pub(super) fn repeat_episode(&mut self, episode: &Episode) -> Result<(), Fault> {
        let Some(mut repetition) = self.repetition.take() else {
            return Ok(());
        };
        repetition.past.add(episode, &self.state.borrow());
        let result = if repetition.is_due(episode) {
            let result = self.repeat_past(&repetition, episode);
            repetition.past.was_replayed();
            result
        } else {
            Ok(())
        };
        self.repetition = Some(repetition);
        result.map_err(Fault::NonDeterminism)
    }

    fn repeat_past(
        &self,
        repetition: &Repetition,
        episode: &Episode,
    ) -> Result<(), NonDeterminismError> {
        let past = &repetition.past;
        let mut again = repetition.execution();
        again.state.borrow_mut().repeats_from = past.first;
        let result = match again.replay(past.history.clone()) {
            Ok(()) => self.same(&again, episode),
            Err(fault) => Err(self.not_repeated(fault, past)),
        };
        // Its destructors are the author's, and have not run for the live execution.
        silently(|| drop(again));
        result
    }

    /// The difference that a replay came upon.
    fn not_repeated(&self, fault: Fault, past: &Past) -> NonDeterminismError {
        match fault {
            Fault::NonDeterminism(error) => NonDeterminismError {
                against: Against::LiveRun {
                    location: past.asked_at(error.event_id),
                },
                ..error
            },
            fault => NonDeterminismError {
                event_id: self.state.borrow().next_action,
                expected: "an episode without a fault".into(),
                found: fault.to_string(),
                location: None,
                against: Against::LiveRun { location: None },
            },
        }
    }

    /// Compares what is not an action.
    fn same(&self, again: &Self, episode: &Episode) -> Result<(), NonDeterminismError> {
        let (live, replayed) = (self.state.borrow(), again.state.borrow());
        let differs = |expected: Seen, found: Seen| NonDeterminismError {
            event_id: live.next_action,
            expected: expected.what,
            found: found.what,
            location: found.location,
            against: Against::LiveRun {
                location: expected.location,
            },
        };
        let same_end = match (&self.ended, &again.ended) {
            (Some(live), Some(replayed)) => {
                (live.status, &live.failure) == (replayed.status, &replayed.failure)
                    && same_json(live.result.as_deref(), replayed.result.as_deref())
            }
            (live, replayed) => live == replayed,
        };
        let same_next = match (&self.continued, &again.continued) {
            (Some(live), Some(replayed)) => {
                (&live.version, &live.carried) == (&replayed.version, &replayed.carried)
                    && same_json(live.input.as_deref(), replayed.input.as_deref())
            }
            (live, replayed) => live == replayed,
        };
        if !same_end || !same_next {
            let end = |execution: &Self| {
                let (ended, continued) = (execution.ended.as_ref(), execution.continued.as_ref());
                Seen::new(describe::end(ended, continued), None)
            };
            return Err(differs(end(self), end(again)));
        }
        if !same_json(live.status.text(), replayed.status.text()) {
            let status = |state: &State| {
                let told = describe::status(state.status.text());
                Seen::new(told, state.status.location)
            };
            return Err(differs(status(&live), status(&replayed)));
        }
        let withdrawn = in_order(&episode.withdrawn, &episode.withdrawn_children);
        let replayed_withdrawn = in_order(&replayed.withdrawn, &replayed.withdrawn_children);
        // What a rewind withdraws on the way to its marker, a replay has withdrawn before.
        if !episode.is_rewind() && withdrawn != replayed_withdrawn {
            let told = |(tasks, children): (Vec<i32>, Vec<(i32, InstanceId)>)| {
                Seen::new(describe::withdrawn(&tasks, &children), None)
            };
            return Err(differs(told(withdrawn), told(replayed_withdrawn)));
        }
        let (waits, replayed_waits) = (self.waiting_on(), again.waiting_on());
        let places = 0..waits.len().max(replayed_waits.len());
        for (wait, found) in places.map(|place| (waits.get(place), replayed_waits.get(place))) {
            if wait != found {
                let told = |wait: Option<&WaitingOn>| {
                    Seen::new(describe::wait(wait), wait.and_then(|wait| wait.location))
                };
                return Err(differs(told(wait), told(found)));
            }
        }
        Ok(())
    }
}

/// What was withdrawn in one poll, whose order means nothing: a collection drops its calls in an order of its own.
fn in_order(tasks: &[i32], children: &[(i32, InstanceId)]) -> (Vec<i32>, Vec<(i32, InstanceId)>) {
    let (mut tasks, mut children) = (tasks.to_vec(), children.to_vec());
    tasks.sort_unstable();
    children.sort_unstable_by_key(|(id, _)| *id);
    (tasks, children)
}

impl State {
    /// An episode begins in the history that is replayed.
    pub(super) fn begin_repeated_episode(&mut self, now: Timestamp) {
        self.now = now;
        self.asked_bytes = 0;
        self.length.episode();
        if self.repeats_from.is_some() {
            self.withdrawn.clear();
            self.withdrawn_children.clear();
        }
    }

    /// The first action that an episode asked for, or could have.
    pub(super) fn first_of_episode(&self, episode: &Episode) -> i32 {
        let first = episode.actions.first();
        first.map_or(self.next_action, |action| action.id)
    }
}

/// What an execution came to, and where in the source.
struct Seen {
    what: String,
    location: Option<&'static Location<'static>>,
}

impl Seen {
    const fn new(what: String, location: Option<&'static Location<'static>>) -> Self {
        Self { what, location }
    }
}
