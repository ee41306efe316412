//! What is written to a store.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{HistoryRow, InstanceHeader};
use crate::model::instance::{ExecutionId, Incarnation, InstanceId, ParentInstance};
use crate::model::query::InstanceFilter;
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::model::tags::Tags;
#[cfg(doc)]
use crate::store::Store;

/// One change. [`Store::commit`] applies many at a time.
///
/// It can be written with serde, for a store that keeps a log of its changes or sends them elsewhere. What is written is read by the
/// same version of this crate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// Creates an instance.
    Create(CreateInstance),
    /// Commits an episode.
    Episode(EpisodeWrite),
    /// Puts an event into the inbox of an instance that cannot take it now. Refused as [`Refused::Stale`] when the instance
    /// has ended or is gone, or when the event is for an execution that is not the current one. Not idempotent: after an
    /// unknown outcome, look into the inbox.
    Enqueue {
        /// The instance.
        incarnation: Incarnation,
        /// The execution that the event is for; `None` when it is for whichever takes it.
        execution: Option<ExecutionId>,
        /// The event as stored text.
        event: String,
    },
    /// Says why an instance cannot advance, or that it can again. A reason also sets [`InstanceHeader::needs_attention`];
    /// without one that stays as it is, for the next episode to say. Refused as [`Refused::Stale`] when the instance has
    /// ended or is gone.
    SetStalled {
        /// The instance.
        incarnation: Incarnation,
        /// The reason, for an operator; `None` when it can advance.
        reason: Option<String>,
    },
    /// Keeps what a running activity reports, in place of what it reported before. Refused as [`Refused::Stale`] when the
    /// instance has ended or is gone, or when the execution is not its current one.
    Progress {
        /// The instance.
        incarnation: Incarnation,
        /// The execution that asked for the activity.
        execution_id: ExecutionId,
        /// The instance's sequence from now on.
        sequence: u64,
        /// When the instance was updated.
        at: Timestamp,
        /// The report.
        progress: ActivityProgress,
    },
    /// Lets a failed instance go on: it is [`Pending`](RuntimeStatus::Pending) and needs attention, its sequence is one
    /// greater, and the event waits in its inbox. Refused as [`Refused::Exists`] when it is not
    /// [`Failed`](RuntimeStatus::Failed), and as [`Refused::Stale`] when there is none.
    Rewind {
        /// The instance.
        id: InstanceId,
        /// When it was asked for: the instance was last updated then.
        at: Timestamp,
        /// The event as stored text.
        event: String,
    },
    /// Deletes an instance that has ended, with everything that belongs to it. Refused as [`Refused::Exists`] when it has not
    /// ended, and as [`Refused::Stale`] when there is none.
    Purge {
        /// The instance.
        id: InstanceId,
    },
    /// Deletes instances that match and have ended.
    PurgeWhere(PurgeWhere),
    /// Creates an instance that has a past.
    Import(ImportInstance),
}

/// A new instance with its first history row (episode 0). It is [`Pending`](RuntimeStatus::Pending), and it needs attention,
/// at once or at the time for which it is scheduled.
///
/// When the id is taken by an instance whose current execution is this one, it was created before: the answer is its
/// incarnation, and nothing changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its orchestrator's registered name.
    pub name: String,
    /// The version of its first execution.
    pub version: Option<String>,
    /// Its first execution.
    pub execution_id: ExecutionId,
    /// Its creation time.
    pub created_at: Timestamp,
    /// When it is to begin; `None` for at once. Until then this is its [`next_timer`](InstanceHeader::next_timer), and it
    /// needs no attention.
    pub start_at: Option<Timestamp>,
    /// The orchestration that starts it.
    pub parent: Option<ParentInstance>,
    /// What queries find it by, for as long as it is there.
    pub tags: Tags,
    /// The events of its first row.
    pub events: String,
    /// The JSON text of the custom status that it begins with.
    pub custom_status: Option<String>,
    /// The statuses in which an existing instance of this id gives way: it is deleted with everything that belongs to it, and
    /// the new one takes its place. An unfinished instance that another one started never does.
    pub replaces: Vec<RuntimeStatus>,
}

/// An instance from elsewhere, with the rows of its current execution. As with a [`CreateInstance`] there is one when the id is
/// taken by this execution, and nothing changes. Refused as [`Refused::Stale`] when the rows do not follow one another.
///
/// It needs attention unless it has ended or is still to begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportInstance {
    /// What it began with.
    pub create: CreateInstance,
    /// The rows after the first: those of episodes 1, 2, 3 and so on. The instance has the episode and sequence of the last.
    pub rows: Vec<HistoryRow>,
    /// The events that wait in its inbox, as stored text, in order.
    pub inbox: Vec<String>,
    /// Where it is in its life.
    pub runtime_status: RuntimeStatus,
    /// When the last event of its last episode happened.
    pub last_updated_at: Timestamp,
}

/// A part of a purge: the first of the instances behind a place that match and have ended are deleted, the oldest first, whatever
/// statuses the filter names. The writes behind it wait for it, so that it is bounded, and tells where to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeWhere {
    /// Which.
    pub filter: InstanceFilter,
    /// Only those behind this one: where the part before ended.
    pub after: Incarnation,
    /// How many at most.
    pub limit: usize,
    /// How many instances may be looked at, those that do not match included; at least one is. It also ends with the instance
    /// with which more rows of history than this are deleted.
    pub walk: usize,
}

/// The commit of one episode. It is applied only on top of the episode before it, and applying it twice is the same as once:
/// when the store has the same row of the same execution already, nothing changes.
///
/// What an episode does to other instances comes after what it does to its own: first its children are created, then children
/// are rewound, then messages are delivered, each in the order given. None of it can fail the episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeWrite {
    /// The instance.
    pub incarnation: Incarnation,
    /// The execution that the episode belongs to.
    pub execution_id: ExecutionId,
    /// The history row to add. Its episode is one more than the last committed one.
    pub row: HistoryRow,
    /// When the episode's last event happened.
    pub last_updated_at: Timestamp,
    /// When the earliest of the instance's durable timers is due.
    pub next_timer: Option<Timestamp>,
    /// See [`InstanceHeader::needs_attention`].
    pub needs_attention: bool,
    /// See [`InstanceHeader::stalled`].
    pub stalled: Option<String>,
    /// The inbox up to this message was taken in by the episode and is deleted.
    pub inbox_taken: Option<u64>,
    /// The execution ended by continuing as new, and `row` is the first one of the next.
    pub continued: Option<ContinuedExecution>,
    /// The instances that it starts.
    pub children: Vec<CreateChild>,
    /// The children that go on because it was rewound.
    pub rewinds: Vec<RewindChild>,
    /// What it sends to instances.
    pub messages: Vec<OutgoingMessage>,
    /// The activities whose reports are deleted, by task id: they have ended.
    pub progress_ended: Vec<i32>,
}

/// The next execution of an instance that continues as new. In the same step all earlier rows, the messages for an earlier
/// execution and the reports of its activities are deleted. The custom status is that of the row, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContinuedExecution {
    /// Its id.
    pub execution_id: ExecutionId,
    /// Its version.
    pub version: Option<String>,
}

/// An instance that an orchestration starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateChild {
    /// The instance.
    pub create: CreateInstance,
    /// The event, as stored text, that the orchestration gets when the id is taken: in its own inbox, for the execution that
    /// started the child.
    pub on_refused: String,
}

/// A failed instance that goes on with the orchestration that started it. One that has not ended is left as it is, and one that has
/// completed answers again. When it is gone, was replaced, or has ended in another way, another takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewindChild {
    /// The child. Only an instance that the writer's execution started by the action `task_scheduled_id` is this child.
    pub id: InstanceId,
    /// The action that started it.
    pub task_scheduled_id: i32,
    /// The event for its inbox, as stored text. The rest is as in [`Write::Rewind`], at the time of the episode.
    pub event: String,
    /// What the writer gets, in its inbox and for its execution, when the child has completed: this event as stored text, followed by
    /// those of the child's last row.
    pub answer: String,
    /// What takes its place. It replaces any instance that has ended, besides those that it says.
    pub otherwise: CreateChild,
}

/// A message to an instance. It is dropped when there is none to take it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    /// Who gets it.
    pub to: Destination,
    /// The event as stored text.
    pub event: String,
}

/// Who gets a message: unfinished instances only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The instance of this id, which may be the writer itself.
    Instance(InstanceId),
    /// The instance of this id while this is its execution.
    Execution(InstanceId, ExecutionId),
    /// The instance of this id if the writer's execution started it by this action.
    Child {
        /// The child's id.
        id: InstanceId,
        /// The action.
        task_scheduled_id: i32,
    },
    /// All that the writer's execution started.
    Children,
}

/// What became of a [`Write`].
pub type WriteResult = Result<Written, Refused>;

/// An accepted [`Write`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The instance is there.
    Created {
        /// Its number.
        incarnation: Incarnation,
        /// Whether another instance of its id was deleted for it; also true when the instance was there before, as that is not kept.
        replaced: bool,
    },
    /// The message, reason, report or rewind is stored.
    Stored,
    /// The episode is stored.
    Episode {
        /// Every instance that it created, rewound or sent a message to, once each; the writer too when it got one. Nobody
        /// when the episode was stored before.
        notified: Vec<InstanceId>,
    },
    /// Instances were deleted.
    Purged {
        /// How many.
        count: u64,
        /// Behind which instance a [`PurgeWhere`] goes on; `None` when there is nothing behind it.
        next: Option<Incarnation>,
    },
}

/// A refused [`Write`]. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is an instance of this id, and it is not such that the write could be done.
    Exists(Box<InstanceHeader>),
    /// There is no such instance any more, it has ended (and the write is a message, a reason or a report), or its last
    /// episode or execution is not the one that the write builds on.
    Stale,
}
