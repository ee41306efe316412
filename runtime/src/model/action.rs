//! What an episode asks for.

use jiff::Timestamp;

use super::failure::FailureDetails;
use super::history::{
    EventSent, ExecutionCompleted, HistoryEventKind, SubOrchestrationInstanceCreated,
    TaskScheduled, TimerCreated,
};
use super::instance::InstanceId;
use super::status::RuntimeStatus;
use super::tags::Tags;

/// One thing that an episode asks for. It takes effect once the episode is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrchestratorAction {
    /// Grows from 0 within an execution, in program order. A rewind leaves a gap.
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
        /// The author's tags, and what [`retry`](super::retry) keeps in them.
        tags: Tags,
    },
    /// Fire a durable timer.
    CreateTimer {
        /// Not before this time.
        fire_at: Timestamp,
    },
    /// Start a sub-orchestration.
    CreateSubOrchestration {
        /// Its instance.
        instance_id: InstanceId,
        /// Its orchestrator's registered name.
        name: String,
        /// Its version; without one, the newest.
        version: Option<String>,
        /// Its input as JSON text.
        input: Option<String>,
        /// The author's tags, and what [`retry`](super::retry) keeps in them.
        tags: Tags,
    },
    /// Send an event to an instance; an unknown or ended one drops it. Under a reserved name it only records a value.
    SendEvent {
        /// The instance that gets it.
        instance_id: InstanceId,
        /// Its name.
        name: String,
        /// Its payload as JSON text.
        data: Option<String>,
    },
    /// End the execution.
    CompleteOrchestration {
        /// How it ended.
        status: RuntimeStatus,
        /// What it returned, as JSON text; the input of the next execution when it continues as new.
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
            Self::ScheduleTask { name, input, tags } => TaskScheduled { name, input, tags }.into(),
            Self::CreateTimer { fire_at } => TimerCreated { fire_at }.into(),
            Self::CreateSubOrchestration {
                instance_id,
                name,
                version,
                input,
                tags,
            } => SubOrchestrationInstanceCreated {
                instance_id,
                name,
                version,
                input,
                tags,
            }
            .into(),
            Self::SendEvent {
                instance_id,
                name,
                data,
            } => EventSent {
                instance_id,
                name,
                input: data,
            }
            .into(),
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
