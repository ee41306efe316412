//! What an episode gives.

use jiff::Timestamp;

use crate::model::action::OrchestratorAction;
use crate::model::custom_status::StatusChange;
use crate::model::failure::FailureDetails;
use crate::model::history::{
    ExecutionCompleted, ExecutionResumed, ExecutionSuspended, ExecutionTerminated, HistoryEvent,
    HistoryEventKind, OrchestratorStarted,
};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;

/// What an orchestrator or activity gives in the end: its output as JSON text, or its failure.
pub type Outcome = Result<String, FailureDetails>;

/// The result of delivering events to an execution. Nothing in it takes effect before it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Episode {
    /// The events to append to history, in order.
    pub events: Vec<HistoryEvent>,
    /// How many of the new events were delivered; those after the end of the execution were not.
    pub delivered: usize,
    /// What the orchestrator asked for, in program order.
    pub actions: Vec<OrchestratorAction>,
    /// The ids of activities that it asked for, now or earlier, and no longer waits for.
    pub withdrawn: Vec<i32>,
    /// The sub-orchestrations, with the actions that asked for them, that it asked for, now or earlier, and no longer waits for:
    /// to be terminated, if they are still those of this execution.
    pub withdrawn_children: Vec<(i32, InstanceId)>,
    /// What became of the custom status.
    pub status: StatusChange,
    /// How the execution ended, when it did.
    pub ended: Option<Ended>,
    /// What the next execution of the instance begins with, when this one ended by continuing as new.
    pub continued: Option<Continued>,
    /// The sub-orchestrations that are open after a rewind: each is to be rewound in turn when it failed, to answer once more when
    /// it has completed, and to be created anew when it is not there.
    pub rewound_children: Vec<OpenChild>,
    /// Why the orchestrator may be awaiting something that is not durable; told once by an execution. Never recorded.
    pub suspicion: Option<String>,
    /// When the execution failed: where in the source that came from, as far as it is known. Never recorded: it is another one
    /// after every edit of the source.
    pub failed_at: Option<String>,
}

/// What the next execution begins with after one that continued as new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continued {
    /// Its input as JSON text.
    pub input: Option<String>,
    /// The version of its orchestrator; without one, that of the execution before.
    pub version: Option<String>,
    /// External events that the execution before took in and no wait of it observed, in the order of their arrival. They come
    /// before all later ones.
    pub carried: Vec<HistoryEvent>,
}

/// A sub-orchestration that an execution waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenChild {
    /// The action that asked for it.
    pub id: i32,
    /// Its instance.
    pub instance_id: InstanceId,
    /// Its orchestrator's registered name.
    pub name: String,
    /// Its version; without one, the newest.
    pub version: Option<String>,
    /// Its input as JSON text.
    pub input: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Completed, Failed, Terminated, or `ContinuedAsNew`.
    pub status: RuntimeStatus,
    /// The output as JSON text; the input of the next execution when it continued as new.
    pub result: Option<String>,
    /// Why it failed.
    pub failure: Option<FailureDetails>,
}

impl Ended {
    /// The event that records it.
    pub(super) fn recorded(self) -> ExecutionCompleted {
        ExecutionCompleted {
            status: self.status,
            result: self.result,
            failure: self.failure,
        }
    }
}

impl Episode {
    /// The episode that ends an execution without running its orchestrator. It needs no history, so it works for every
    /// instance, however broken. `recurse` is recorded; ending the sub-orchestrations is up to the worker.
    #[must_use]
    pub fn terminated(now: Timestamp, reason: Option<String>, recurse: bool) -> Self {
        let ended = Ended {
            status: RuntimeStatus::Terminated,
            result: reason.clone(),
            failure: None,
        };
        let terminated = ExecutionTerminated {
            input: reason,
            recurse,
        };
        let mut episode = Self::of(now, terminated);
        let end = ended.clone().recorded();
        episode.events.push(HistoryEvent::new(now, end));
        Self {
            ended: Some(ended),
            ..episode
        }
    }

    /// Whether it is that of a rewind.
    pub(super) fn is_rewind(&self) -> bool {
        let mut events = self.events.iter();
        events.any(|event| matches!(event.kind, HistoryEventKind::ExecutionRewound(_)))
    }

    /// The episode that records that an instance is paused. Nothing of it concerns the orchestrator.
    #[must_use]
    pub fn suspended(now: Timestamp, reason: Option<String>) -> Self {
        Self::of(now, ExecutionSuspended { input: reason })
    }

    /// The episode that records that a paused instance goes on. Nothing of it concerns the orchestrator.
    #[must_use]
    pub fn resumed(now: Timestamp, reason: Option<String>) -> Self {
        Self::of(now, ExecutionResumed { input: reason })
    }

    /// The episode that delivers one event to no code.
    fn of(now: Timestamp, event: impl Into<HistoryEventKind>) -> Self {
        Self {
            events: vec![
                HistoryEvent::new(now, OrchestratorStarted {}),
                HistoryEvent::new(now, event),
            ],
            delivered: 1,
            ..Self::default()
        }
    }
}

/// The payload of the unwinding that ends an orchestrator whose `?` met a failure that its error type has no place for.
///
/// The engine fails the execution with exactly these details, as an uncaught exception does in Durable Functions.
#[derive(Debug)]
pub struct UncaughtFailure(pub FailureDetails);
