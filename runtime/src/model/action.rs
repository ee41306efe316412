//! What an episode asks for.

use jiff::Timestamp;

use super::failure::FailureDetails;
use super::history::{ExecutionCompleted, HistoryEventKind, TaskScheduled, TimerCreated};
use super::status::RuntimeStatus;

/// One thing that an episode asks for. It takes effect once the episode is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrchestratorAction {
    /// Counts from 0 within an execution, in program order.
    pub id: i32,
    /// What is asked for.
    pub kind: OrchestratorActionKind,
}

/// The kinds of actions, with the protocol's names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrchestratorActionKind {
    /// Run an activity.
    ScheduleTask {
        /// Its registered name.
        name: String,
        /// Its input as JSON text.
        input: Option<String>,
    },
    /// Fire a durable timer.
    CreateTimer {
        /// Not before this time.
        fire_at: Timestamp,
    },
    /// End the execution.
    CompleteOrchestration {
        /// How it ended.
        status: RuntimeStatus,
        /// What it returned, as JSON text.
        result: Option<String>,
        /// Why it failed.
        failure: Option<FailureDetails>,
    },
}

impl OrchestratorActionKind {
    /// The event that confirms this action in history, under the action's id.
    #[must_use]
    pub fn confirmation(&self) -> HistoryEventKind {
        match self.clone() {
            Self::ScheduleTask { name, input } => TaskScheduled { name, input }.into(),
            Self::CreateTimer { fire_at } => TimerCreated { fire_at }.into(),
            Self::CompleteOrchestration {
                status,
                result,
                failure,
            } => ExecutionCompleted {
                status,
                result,
                failure,
            }
            .into(),
        }
    }
}
