//! What an episode gives.

use jiff::Timestamp;

use crate::model::action::OrchestratorAction;
use crate::model::custom_status::StatusChange;
use crate::model::failure::FailureDetails;
use crate::model::history::{
    ExecutionCompleted, ExecutionTerminated, HistoryEvent, OrchestratorStarted,
};
use crate::model::status::RuntimeStatus;

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
    /// What became of the custom status.
    pub status: StatusChange,
    /// How the execution ended, when it did.
    pub ended: Option<Ended>,
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Completed, Failed or Terminated.
    pub status: RuntimeStatus,
    /// The output as JSON text.
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
    /// instance, however broken.
    #[must_use]
    pub fn terminated(now: Timestamp, reason: Option<String>) -> Self {
        let ended = Ended {
            status: RuntimeStatus::Terminated,
            result: reason.clone(),
            failure: None,
        };
        Self {
            events: vec![
                HistoryEvent::new(now, OrchestratorStarted {}),
                HistoryEvent::new(now, ExecutionTerminated { input: reason }),
                HistoryEvent::new(now, ended.clone().recorded()),
            ],
            delivered: 1,
            ended: Some(ended),
            ..Self::default()
        }
    }
}

/// The payload of the unwinding that ends an orchestrator whose `?` met a failure that its error type has no place for.
///
/// The engine fails the execution with exactly these details, as an uncaught exception does in Durable Functions.
#[derive(Debug)]
pub struct UncaughtFailure(pub FailureDetails);
