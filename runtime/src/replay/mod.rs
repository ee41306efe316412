//! Recorded histories against today's code, on the engine alone: only the orchestrator's own code runs, no activity does, and nothing is
//! written.
//!
//! [`testing::replay`](crate::testing) and [`deploy::check`](crate::deploy) are built on it. What does not fit is a [`Divergence`], which
//! prints as a diff.

mod advice;
mod diff;
mod divergence;

use std::rc::Rc;
use std::sync::Arc;

pub use divergence::{Divergence, DivergenceKind};

use crate::client::{ExportedEpisode, ExportedHistory};
use crate::engine::{
    EpisodeReplays, Execution, ExecutionInfo, Fault, Limits, OpenTask, Panics, Settings, Start,
    SuspiciousAwaits,
};
use crate::model::custom_status::CustomStatus;
use crate::model::failure::kind;
use crate::model::history::{
    ExecutionStarted, HistoryEvent, HistoryEventKind as Event, NO_ACTION, events_to_replay,
};
use crate::model::status::RuntimeStatus;
use crate::registration::Function;
use crate::registry::Registry;

/// What a replay compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compare {
    /// What a worker does: kind and name of what the code asks for, and their order.
    Order,
    /// Also the output and the custom status.
    #[default]
    End,
    /// Also inputs, due times and tags.
    #[cfg(feature = "testing")]
    InFull,
}

/// A history as a replay reads it.
struct Recorded<'a> {
    started: &'a ExecutionStarted,
    /// The custom status that the execution began with, and the one that it had at last.
    first_status: Option<CustomStatus>,
    last_status: Option<CustomStatus>,
    /// What it began with, when no episode has run any code.
    has_begun: bool,
    past: Vec<HistoryEvent>,
    /// The action that ended it.
    end: Option<i32>,
}

/// Replays a history against what is registered.
///
/// # Errors
///
/// The first [`Divergence`].
pub(crate) fn replay(
    history: &ExportedHistory,
    registry: &Registry,
    compare: Compare,
) -> Result<Vec<(OpenTask, Option<String>)>, Box<Divergence>> {
    let (name, version) = (&history.name, history.version.as_deref());
    let defined = registry.orchestrator(name, version);
    let differs = |kind, past: &[HistoryEvent], place| {
        let location = defined.map(|found| found.location);
        Divergence::new(kind, history, location, past, place)
    };
    let start = registry
        .start_of(name, version)
        .map_err(|why| differs(DivergenceKind::MissingDefinition, &[], 0).because(why))?;
    let recorded = Recorded::of(history)
        .map_err(|why| differs(DivergenceKind::MalformedHistory, &[], 0).because(why))?;
    if !recorded.has_begun {
        // Its code has not run, and does not run here: what it would ask for is new.
        if let Some(Function::Orchestrator { check_input, .. }) = defined.map(|d| d.function) {
            check_input(recorded.started.input.as_deref()).map_err(|error| {
                let why = format!("the input cannot be decoded: {error}");
                differs(DivergenceKind::Undecodable, &[], 0).because(why)
            })?;
        }
        return Ok(Vec::new());
    }
    let info = ExecutionInfo {
        name: name.clone(),
        version: history.version.clone(),
        instance_id: history.instance_id.clone(),
        execution_id: history.execution_id,
        parent: recorded.started.parent.clone(),
        trace: recorded.started.parent_trace.clone().map(Arc::new),
    };
    let start: Start =
        Rc::new(move |handle, input| start(handle, input).map_err(|error| error.to_string()));
    let settings = Settings {
        panics: Panics::Fail,
        suspicious_awaits: SuspiciousAwaits::Report,
        limits: Limits::NONE,
        replays: EpisodeReplays::Never,
    };
    let woken = Arc::new(|| {});
    let status = recorded.first_status.clone();
    let mut execution = Execution::new(info, status, start, settings, woken);
    // Values that are blanked come to other outputs.
    let compare = if history.redacted {
        Compare::Order
    } else {
        compare
    };
    let in_full_from = match compare {
        Compare::Order => None,
        Compare::End => recorded.end,
        #[cfg(feature = "testing")]
        Compare::InFull => Some(0),
    };
    if let Some(action) = in_full_from {
        execution.compare_in_full_from(action);
    }
    let replayed = execution.replay(recorded.past.clone());
    let (past, place) = (&recorded.past, execution.replayed());
    if let Err(fault) = replayed {
        return Err(differs(DivergenceKind::of(&fault), past, place)
            .caused_by(fault, execution.failed_at())
            .into());
    }
    let status = execution.custom_status();
    if compare != Compare::Order && status != recorded.last_status {
        let told =
            |status: Option<&CustomStatus>| status.map_or("none", CustomStatus::as_json).to_owned();
        return Err(differs(DivergenceKind::CustomStatus, past, past.len())
            .between(told(recorded.last_status.as_ref()), told(status.as_ref()))
            .into());
    }
    let open = execution.take_open_tasks().into_iter();
    Ok(open
        .map(|task| {
            let called = execution.called_at(task.id).map(ToString::to_string);
            (task, called)
        })
        .collect())
}

impl<'a> Recorded<'a> {
    /// # Errors
    ///
    /// Why no execution can have this history.
    fn of(history: &'a ExportedHistory) -> Result<Self, String> {
        let (first, episodes) = history
            .episodes
            .split_first()
            .ok_or("the execution has no first row")?;
        let started = first.events.iter().find_map(|event| match &event.kind {
            Event::ExecutionStarted(started) => Some(&**started),
            _ => None,
        });
        let started = started.ok_or("it does not begin with `ExecutionStarted`")?;
        // A termination ends an instance without running its code, also one that could not be loaded.
        let episodes = match episodes.split_last() {
            Some((last, before)) if last.runtime_status == RuntimeStatus::Terminated => before,
            _ => episodes,
        };
        let status = |episode: &ExportedEpisode| episode.custom_status.clone();
        let first_status = status(first).and_then(CustomStatus::from_stored);
        let last_status = episodes.iter().rev().find_map(status);
        let last_status = match last_status {
            Some(changed) => CustomStatus::from_stored(changed),
            None => first_status.clone(),
        };
        let events = episodes
            .iter()
            .map(|episode| Ok::<_, String>(episode.events.clone()));
        let (begin, past) = events_to_replay(first.events.clone(), events)?;
        Ok(Self {
            started,
            first_status,
            last_status,
            has_begun: begin.is_empty(),
            end: end_of(&past),
            past,
        })
    }
}

/// The action that ended an execution, when the code can be expected to end it alike: a limit of the worker that refused the output is
/// not known here.
fn end_of(past: &[HistoryEvent]) -> Option<i32> {
    let end = past.last()?;
    match &end.kind {
        Event::ExecutionCompleted(completed) if end.event_id != NO_ACTION => {
            let refused = completed
                .failure
                .as_ref()
                .is_some_and(|failure| failure.error_type == kind::PAYLOAD_TOO_LARGE);
            (!refused).then_some(end.event_id)
        }
        _ => None,
    }
}

impl DivergenceKind {
    const fn of(fault: &Fault) -> Self {
        match fault {
            Fault::NonDeterminism(_) => Self::Calls,
            Fault::Undecodable { .. } => Self::Undecodable,
            Fault::MalformedHistory(_) => Self::MalformedHistory,
            Fault::Panicked(_) => Self::Panic,
            Fault::PollBound => Self::PollBound,
            Fault::TooMuch(_) => Self::TooMuch,
            Fault::ForeignAwait(_) => Self::ForeignAwait,
        }
    }
}
