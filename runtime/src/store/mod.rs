//! Where instances are kept: the [`Store`] trait, and the stores behind it.
//!
//! A store knows rows, not the rules of orchestration: it never reads an event. What a row means is decided by the
//! `worker`, which writes, and by the client, which reads.
//!
//! # Rows
//!
//! | row | one per | holds |
//! | --- | --- | --- |
//! | instance | instance id | small, fixed columns that every episode updates: [`InstanceHeader`] |
//! | history | episode | the events of that episode, and the custom status when it changed: [`HistoryRow`] |
//! | inbox | message | events that wait because their instance cannot take them now: [`InboxRow`] |
//!
//! Texts are kept byte for byte. Times are kept in whole microseconds; what is finer is cut.
//!
//! Payloads are stored once: the input is in the history row in which the execution began, the output in the one in which it
//! ended, a custom status in the one that set it. The instance row points at them.
//!
//! # Ownership
//!
//! Whoever commits owns the partition: it has taken an [`Epoch`] from [`Store::acquire`], and every commit carries it. A later
//! `acquire` fences the earlier owner, whose commits fail from then on.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;

pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod time;

/// The task hub of a new store whose first owner names none.
pub const DEFAULT_TASK_HUB: &str = "default";

/// A durable place for instances. One owner writes at a time; any number of readers read.
///
/// Implementations must pass the conformance suite, `steadfast::testing::store_conformance!` (feature `testing`).
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Makes the caller the owner of this store's instances, and returns the epoch that its commits carry. Every call
    /// returns a greater one, also after a restart.
    ///
    /// `task_hub` is the name of the hub that the caller serves. A new store takes it, or [`DEFAULT_TASK_HUB`] when the caller
    /// names none; from then on it holds that hub for good. A caller that names none serves whatever hub is there. Names are
    /// compared without regard to case.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::WrongTaskHub`] when the store holds a hub of another name; the earlier owner stays the owner.
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>>;

    /// Applies all writes, in order, as one durable transaction, and returns one result for each.
    ///
    /// A write that is refused changes nothing and does not fail the others. When the future is ready with `Ok`, every
    /// accepted write survives a crash to the degree that the store promises. With `Err` the outcome is unknown: all of the
    /// writes were applied, or none.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Fenced`] when the epoch is not the newest; the rest as the store has them.
    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>>;

    /// Everything that is needed to run an instance: its header, the history of its current execution, its inbox.
    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>>;

    /// What a reader of an instance needs: its header and the rows that it points at.
    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>>;

    /// Unfinished instances that must be looked at when a worker starts ([`InstanceHeader::needs_attention`], or a message in
    /// the inbox), with an incarnation greater than `after`, by incarnation, at most `limit`.
    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>>;

    /// Unfinished instances whose next timer is later than the position `after`, by (time, incarnation), at most `limit`.
    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>>;
}

/// A shared store, for whoever keeps a handle to it.
impl<S: Store + ?Sized> Store for Arc<S> {
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        (**self).acquire(task_hub)
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        (**self).commit(epoch, writes)
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        (**self).load(id)
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        (**self).read(id)
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        (**self).needing_attention(after, limit)
    }

    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>> {
        (**self).timers(after, limit)
    }
}

/// What [`Store::acquire`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// Fences every earlier owner.
    pub epoch: Epoch,
    /// The hub that the store holds.
    pub task_hub: String,
}

/// The number of an ownership: greater than that of every earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// A place in the order of timers: by due time, then by incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerPosition {
    /// When the instance's next timer is due.
    pub fire_at: Timestamp,
    /// The instance's incarnation.
    pub incarnation: Incarnation,
}

/// One change. [`Store::commit`] applies many at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// Creates an instance.
    Create(CreateInstance),
    /// Commits an episode.
    Episode(EpisodeWrite),
    /// Puts an event into the inbox of an instance that cannot take it now. Refused as [`Refused::Stale`] when the instance
    /// has ended or is gone. Not idempotent: after an unknown outcome, look into the inbox.
    Enqueue {
        /// The instance.
        incarnation: Incarnation,
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
}

/// A new instance with its first history row (episode 0). It is [`Pending`](RuntimeStatus::Pending) and needs attention.
///
/// When the id is taken by an instance whose current execution is this one, it was created before: the answer is its
/// incarnation, and nothing changes.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its orchestrator's registered name.
    pub name: String,
    /// Its first execution.
    pub execution_id: ExecutionId,
    /// Its creation time.
    pub created_at: Timestamp,
    /// The events of its first row.
    pub events: String,
    /// The JSON text of the custom status that it begins with.
    pub custom_status: Option<String>,
    /// The statuses in which an existing instance of this id gives way: it is deleted with everything that belongs to it, and
    /// the new one takes its place.
    pub replaces: Vec<RuntimeStatus>,
}

/// The commit of one episode. It is applied only on top of the episode before it, and applying it twice is the same as once:
/// when the store has the same row of the same execution already, the answer is [`Written::Stored`], and nothing changes.
#[derive(Clone, Debug, PartialEq)]
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
}

/// What became of a [`Write`].
pub type WriteResult = Result<Written, Refused>;

/// An accepted [`Write`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The instance was created.
    Created(Incarnation),
    /// The episode, message or reason is stored.
    Stored,
}

/// A refused [`Write`]. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The id is taken by an instance that does not give way.
    Exists(Box<InstanceHeader>),
    /// There is no such instance any more, it has ended (and the write is a message or a reason), or its last episode or
    /// execution is not the one that the write builds on.
    Stale,
}

/// The columns of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceHeader {
    /// Its id.
    pub id: InstanceId,
    /// Which creation of the id.
    pub incarnation: Incarnation,
    /// Its orchestrator's registered name.
    pub name: String,
    /// Its current execution.
    pub execution_id: ExecutionId,
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
    /// When the earliest of its durable timers is due.
    pub next_timer: Option<Timestamp>,
    /// Whether a worker that starts must load it without waiting for a message or timer: it has never run, has activities
    /// that no one runs after a crash, or is stalled.
    pub needs_attention: bool,
    /// Why it cannot advance, in words for an operator.
    pub stalled: Option<String>,
}

/// One row of history: what one episode committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// Counts from 0 within an incarnation; 0 is the creation.
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

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxRow {
    /// Grows with every message in the store.
    pub sequence: u64,
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
}

/// What [`Store::read`] gives.
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
}

/// A store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It cannot be reached, written or read at the moment (a full disk, a lost connection). Trying again may help.
    Unavailable,
    /// Another owner has taken over.
    Fenced,
    /// Another process owns it.
    InUse,
    /// It is not a store of ours.
    NotAStore,
    /// It was written by a newer version.
    NewerVersion,
    /// It cannot be written.
    ReadOnly,
    /// It holds a task hub of another name.
    WrongTaskHub,
    /// What it holds is damaged.
    Corrupt,
}

impl StoreError {
    /// An error of this kind with a message for people: what was wrong, where, and what to do.
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same with the error that caused it.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unavailable)
    }
}

/// The hub that a store holds once an owner has asked for `wanted`, when it held `stored` before.
fn task_hub_of(stored: Option<String>, wanted: Option<&str>) -> Result<String, StoreError> {
    match (stored, wanted) {
        (None, wanted) => Ok(wanted.unwrap_or(DEFAULT_TASK_HUB).to_owned()),
        (Some(stored), Some(wanted)) if stored.to_lowercase() != wanted.to_lowercase() => {
            Err(StoreError::new(
                StoreErrorKind::WrongTaskHub,
                format!(
                    "the store holds the task hub `{stored}`, not `{wanted}`; name that hub or open another store"
                ),
            ))
        }
        (Some(stored), _) => Ok(stored),
    }
}

/// The error for a commit whose epoch is not the newest.
fn fenced(epoch: Epoch, newest: Epoch) -> StoreError {
    let message = format!(
        "epoch {} does not own the store; epoch {} does",
        epoch.0, newest.0
    );
    StoreError::new(StoreErrorKind::Fenced, message)
}
