//! What a reader sees of an instance: its runtime status and a snapshot of the rest.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::custom_status::CustomStatus;
use super::failure::FailureDetails;
use super::instance::{Cursor, ExecutionId, InstanceId, ParentInstance};
use super::tags::Tags;

/// Where an instance is in its life, with the names of Durable Functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum RuntimeStatus {
    /// Its orchestrator has begun, and works or waits.
    Running,
    /// Its orchestrator returned.
    Completed,
    /// Its execution ended by continuing as new, and the next one begins. Readers of the status see `Running` instead.
    ContinuedAsNew,
    /// Its orchestrator returned an error or panicked.
    Failed,
    /// It was cancelled. Steadfast does not set it; it is a status of the protocol.
    Canceled,
    /// A client ended it.
    Terminated,
    /// It was created, and its orchestrator has not run yet.
    Pending,
    /// A client paused it.
    Suspended,
}

impl RuntimeStatus {
    /// All of them, each at the number that Durable Functions gives it.
    pub(crate) const ALL: [Self; 8] = [
        Self::Running,
        Self::Completed,
        Self::ContinuedAsNew,
        Self::Failed,
        Self::Canceled,
        Self::Terminated,
        Self::Pending,
        Self::Suspended,
    ];

    /// The name used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::ContinuedAsNew => "ContinuedAsNew",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Terminated => "Terminated",
            Self::Pending => "Pending",
            Self::Suspended => "Suspended",
        }
    }

    /// Whether the instance has ended for good.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed | Self::Failed | Self::Canceled | Self::Terminated
        )
    }
}

impl fmt::Display for RuntimeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not the name of a [`RuntimeStatus`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a runtime status")]
pub struct RuntimeStatusError {
    text: String,
}

impl FromStr for RuntimeStatus {
    type Err = RuntimeStatusError;

    fn from_str(text: &str) -> Result<Self, RuntimeStatusError> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| RuntimeStatusError { text: text.into() })
    }
}

/// What a running activity last said about its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityProgress {
    /// The id of the action that asked for the first attempt of the call: the same for all its attempts.
    pub task_id: i32,
    /// The activity's registered name.
    pub name: String,
    /// Which attempt it is; the first is 1.
    pub attempt: u32,
    /// What it reports, as JSON text.
    pub details: String,
    /// When it did.
    pub reported_at: Timestamp,
}

/// A committed snapshot of an instance.
///
/// Payloads are the JSON texts as they were stored, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// The orchestrator's registered name.
    pub name: String,
    /// The version of the orchestrator that runs it, when it has one.
    pub version: Option<String>,
    /// The instance.
    pub instance_id: InstanceId,
    /// Its current execution.
    pub execution_id: ExecutionId,
    /// The orchestration that started it, when one did.
    pub parent: Option<ParentInstance>,
    /// The tags that it was started with.
    pub tags: Tags,
    /// Where it is in its life.
    pub runtime_status: RuntimeStatus,
    /// Its input, as JSON text; `None` when it was started without.
    pub input: Option<String>,
    /// Its custom status; `None` when none is set.
    pub custom_status: Option<CustomStatus>,
    /// What its running activities last reported, one entry for each that has reported, ordered by task id.
    pub progress: Vec<ActivityProgress>,
    /// Its output once it has completed, or the reason of its termination, as JSON text.
    pub output: Option<String>,
    /// Why it failed.
    pub failure: Option<FailureDetails>,
    /// Why it cannot advance at the moment although it has not ended, in words for an operator.
    pub stalled: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// The time before which it was not to begin, when it was started for later.
    pub scheduled_start: Option<Timestamp>,
    /// When it last committed anything.
    pub last_updated_at: Timestamp,
    /// Which change of the instance this snapshot shows.
    pub cursor: Cursor,
}

impl InstanceStatus {
    /// Whether the instance has ended for good.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.runtime_status.is_terminal()
    }
}
