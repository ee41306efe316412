//! What an orchestrator waits for at the moment, for an operator.

use std::panic::Location;

use jiff::Timestamp;

use super::instance::InstanceId;

/// One thing that an orchestrator waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingOn {
    /// What it is.
    pub kind: WaitingFor,
    /// Where in the source the author asked for it.
    pub location: Option<&'static Location<'static>>,
    /// When that was.
    pub since: Timestamp,
}

/// What an orchestrator can wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitingFor {
    /// An activity that is to run or runs.
    Activity {
        /// The action that scheduled this attempt.
        id: i32,
        /// Its registered name.
        name: String,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// How many there are at most.
        max_attempts: u32,
    },
    /// The time to try a failed activity or sub-orchestration again.
    Retry {
        /// The action that created the timer.
        id: i32,
        /// The registered name of what is called.
        name: String,
        /// The number of the next attempt.
        next_attempt: u32,
        /// How many there are at most.
        max_attempts: u32,
        /// When it begins.
        at: Timestamp,
    },
    /// A durable timer.
    Timer {
        /// The action that created it.
        id: i32,
        /// When it is due.
        fire_at: Timestamp,
    },
    /// An external event.
    Event {
        /// Its name, as the author wrote it.
        name: String,
    },
    /// A sub-orchestration.
    Child {
        /// The action that created it.
        id: i32,
        /// Its instance.
        instance_id: InstanceId,
        /// Its orchestrator's registered name.
        name: String,
    },
}
