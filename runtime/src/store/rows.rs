//! What is read from a store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "codec", feature = "sqlite"))]
use crate::model::encoded::undecodable;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId, ParentInstance};
use crate::model::status::{ActivityProgress, RuntimeStatus};
#[cfg(doc)]
use crate::store::Store;

/// The columns of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceHeader {
    /// Its id.
    pub id: InstanceId,
    /// Which creation of the id.
    pub incarnation: Incarnation,
    /// Its orchestrator's registered name.
    pub name: String,
    /// The version of its current execution.
    pub version: Option<String>,
    /// Its current execution.
    pub execution_id: ExecutionId,
    /// Who started it, when an orchestration did. It stays when the instance continues as new, and when it has ended.
    pub parent: Option<ParentLink>,
    /// Where it is in its life.
    pub runtime_status: RuntimeStatus,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the last event of its last episode happened.
    pub last_updated_at: Timestamp,
    /// The episode in which its current execution began.
    pub first_episode: u64,
    /// Its last committed episode.
    pub episode: u64,
    /// The episode that last set or cleared its custom status.
    pub status_episode: Option<u64>,
    /// How many visible changes it has had: its position in its own sequence of changes.
    pub sequence: u64,
    /// When the earliest of its durable timers is due, or when it is to begin.
    pub next_timer: Option<Timestamp>,
    /// Whether a worker that starts must load it without waiting for a message or timer: it has never run, has activities
    /// that no one runs after a crash, was rewound, or is stalled.
    pub needs_attention: bool,
    /// Why it cannot advance, in words for an operator.
    pub stalled: Option<String>,
}

/// Who started an instance: the columns of a [`ParentInstance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentLink {
    /// The parent's instance id.
    pub instance_id: InstanceId,
    /// The parent's execution.
    pub execution_id: ExecutionId,
    /// The id of the parent's action that created the instance.
    pub task_scheduled_id: i32,
}

impl From<&ParentInstance> for ParentLink {
    fn from(parent: &ParentInstance) -> Self {
        Self {
            instance_id: parent.instance_id.clone(),
            execution_id: parent.execution_id,
            task_scheduled_id: parent.task_scheduled_id,
        }
    }
}

/// One row of history: what one episode committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Counts from 0 within an incarnation; 0 is the creation. The rows of an earlier execution are gone.
    pub episode: u64,
    /// The events, as stored text.
    pub events: String,
    /// The custom status, when the episode changed it: its JSON text, or `null` when it was cleared.
    pub custom_status: Option<String>,
    /// The instance's runtime status after the episode.
    pub runtime_status: RuntimeStatus,
    /// The instance's sequence after the episode.
    pub sequence: u64,
}

/// What readers see of an instance behind an episode that changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The execution of the episode.
    pub execution_id: ExecutionId,
    /// The instance's sequence after the episode.
    pub sequence: u64,
    /// The instance's runtime status after the episode.
    pub runtime_status: RuntimeStatus,
    /// The JSON text of the custom status that holds after the episode, whichever set it; `null` when it was cleared, `None` when
    /// it was never set.
    pub custom_status: Option<String>,
    /// The episode that set or cleared that custom status.
    pub status_episode: Option<u64>,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Grows with every message in the store.
    pub sequence: u64,
    /// The execution that it is for; `None` when it is for whichever is the current one. Readers skip what is for another.
    pub execution: Option<ExecutionId>,
    /// The event, as stored text.
    pub event: String,
}

/// What [`Store::load`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInstance {
    /// Its columns.
    pub header: InstanceHeader,
    /// The rows of its current execution, by episode.
    pub history: Vec<HistoryRow>,
    /// Its waiting messages, in order of arrival.
    pub inbox: Vec<InboxRow>,
    /// What its activities last reported, by task id.
    pub progress: Vec<ActivityProgress>,
}

/// What [`Store::read`] and [`Store::query`] give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRows {
    /// Its columns.
    pub header: InstanceHeader,
    /// The events of the row in which its current execution began.
    pub first_events: String,
    /// The JSON text of its custom status; `null` when it was cleared, `None` when it was never set.
    pub custom_status: Option<String>,
    /// The events of its last row, when it has ended.
    pub last_events: Option<String>,
    /// What its activities last reported, by task id.
    pub progress: Vec<ActivityProgress>,
}

/// An instance of which a store cannot tell what it is like, as something of it is damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableInstance {
    /// Its id, as it is stored.
    pub id: String,
    /// Which creation of the id.
    pub incarnation: Incarnation,
    /// What is wrong, in words for an operator.
    pub reason: String,
}

impl InstanceRows {
    /// Puts texts that say why in the place of its events, when something that it points at cannot be read.
    #[cfg(any(feature = "codec", feature = "sqlite"))]
    pub(crate) fn without_payloads(&mut self, why: &str) {
        let instead = undecodable(why);
        let has_ended = self.header.runtime_status.is_terminal();
        self.last_events = has_ended.then(|| instead.clone());
        self.first_events = instead;
        self.custom_status = None;
        self.progress.clear();
    }

    /// How many bytes of text it holds, but for its columns.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let reported = self.progress.iter().map(|progress| progress.details.len());
        self.first_events.len()
            + optional(&self.custom_status)
            + optional(&self.last_events)
            + reported.sum::<usize>()
    }
}
