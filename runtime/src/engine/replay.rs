//! Rebuilding an execution from its history, also as if nothing had failed in it.

use jiff::Timestamp;

use super::episode::Episode;
use super::execution::Execution;
use super::fault::Fault;
use super::repetition::Past;
use super::silence::silently;
use crate::model::history::{
    ExecutionRewound, HistoryEvent, HistoryEventKind, MAX_ACTION, NO_ACTION,
};

impl Execution {
    /// Rebuilds the execution from its history: the events of its committed episodes, in order. The orchestrator's own tracing
    /// is not repeated.
    ///
    /// # Errors
    ///
    /// A [`Fault`], most likely [`Fault::NonDeterminism`]: the code is not the code that made this history.
    pub fn replay(&mut self, history: Vec<HistoryEvent>) -> Result<(), Fault> {
        if let Some(repetition) = &mut self.repetition {
            repetition.past = Past::of(&history);
        }
        self.replay_silently(history)?;
        let mut state = self.state.borrow_mut();
        state.replaying = false;
        state.status.take_change();
        state.children.clear();
        Ok(())
    }

    /// Rebuilds a failed execution, one that has not begun, from its history as it would be if nothing had failed: the failures of activities and
    /// sub-orchestrations, the total timeouts that passed, and the end are forgotten, and with them what only followed from them.
    /// Returns the episode that records that. The activities that are open again are those of
    /// [`take_open_tasks`](Self::take_open_tasks), the sub-orchestrations are in [`Episode::rewound_children`].
    ///
    /// Up to the point where the code asks for something else than the failed run did, it goes the recorded way; what it asks for
    /// beyond that is new. A call that had used up its attempts has all of them again, and its total timeout begins anew. The
    /// custom status of the episode is the one that the code holds, whatever the failed run left. When the code fails again
    /// without any of those failures, the episode ends the execution again.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub fn rewind(
        &mut self,
        past: Vec<HistoryEvent>,
        now: Timestamp,
        reason: Option<String>,
    ) -> Result<Episode, Fault> {
        if let Some(repetition) = &mut self.repetition {
            repetition.past = Past::of(&past);
        }
        self.state.borrow_mut().rewinding = true;
        self.replay_silently(past)?;
        let now = self.begin_episode(now);
        let event = HistoryEvent::new(now, ExecutionRewound { reason });
        self.repeat(Step::Apply(event.clone()))?;
        let mut state = self.state.borrow_mut();
        (state.replaying, state.rewinding) = (false, false);
        state.children.clear();
        let status = state.status.take_all();
        drop(state);
        let episode = self.end_episode(now, [event].into_iter(), status, false);
        self.repeat_episode(&episode)?;
        Ok(episode)
    }

    fn replay_silently(&mut self, history: Vec<HistoryEvent>) -> Result<(), Fault> {
        let mut steps = self.index(history)?.into_iter();
        self.state.borrow_mut().replaying = true;
        self.replayed = 0;
        silently(|| {
            for step in steps.by_ref() {
                self.replayed += 1;
                self.repeat(step)?;
                if self.state.borrow().is_new() {
                    break;
                }
            }
            Ok(())
        })?;
        // A rewind has left the recorded path: from here on the orchestrator does what it never did before.
        let _span = self.span().entered();
        steps.try_for_each(|step| {
            self.replayed += 1;
            self.repeat(step)
        })
    }

    fn repeat(&mut self, step: Step) -> Result<(), Fault> {
        match step {
            Step::Confirm(id) => self.state.borrow_mut().confirm(id),
            Step::Apply(event) => {
                if let HistoryEventKind::OrchestratorStarted(_) = event.kind {
                    let mut state = self.state.borrow_mut();
                    state.begin_repeated_episode(event.timestamp);
                    state.last_of_episode = state.ends_of_episodes.pop_front().unwrap_or(i32::MAX);
                    return Ok(());
                }
                if self.ended.is_some() {
                    return Ok(());
                }
                if let HistoryEventKind::ExecutionRewound(_) = event.kind {
                    let mut state = self.state.borrow_mut();
                    state.length.count();
                    state.rewound();
                    drop(state);
                    return self.take_fault();
                }
                self.apply(&event)
            }
        }
    }

    /// Separates what happened to the execution from the confirmations of what it asked for, and finds the rewinds.
    fn index(&self, history: Vec<HistoryEvent>) -> Result<Vec<Step>, Fault> {
        let mut state = self.state.borrow_mut();
        let mut last = NO_ACTION;
        // The standard library collects these where the events were.
        let steps = history.into_iter().map(|event| {
            let id = event.event_id;
            last = last.max(id);
            if id == NO_ACTION {
                if let HistoryEventKind::ExecutionRewound(_) = event.kind {
                    state.expect_rewind(last);
                }
                if let HistoryEventKind::OrchestratorStarted(_) = event.kind {
                    state.ends_of_episodes.push_back(last);
                }
                Ok(Step::Apply(event))
            } else if id > MAX_ACTION {
                Err(Fault::MalformedHistory(format!(
                    "an event confirms action {id}, and no execution asks for so much"
                )))
            } else if state.recorded.insert(id, event.kind).is_some() {
                Err(Fault::MalformedHistory(format!(
                    "two events confirm action {id}"
                )))
            } else {
                if let Some(end) = state.ends_of_episodes.back_mut() {
                    *end = last;
                }
                Ok(Step::Confirm(id))
            }
        });
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        if state.rewinding {
            state.expect_rewind(last);
        }
        Ok(steps)
    }
}

enum Step {
    Apply(HistoryEvent),
    Confirm(i32),
}

// Otherwise they are not collected where the events were.
const _: () = assert!(size_of::<Step>() <= size_of::<HistoryEvent>());
