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
//! | progress | running activity that reports | what it last reported: [`ActivityProgress`](crate::model::status::ActivityProgress) |
//! | tag | tag | what queries find an instance by |
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

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;

#[cfg(feature = "codec")]
pub mod codec;
mod delegate;
mod error;
mod filter;
pub mod memory;
#[cfg(any(feature = "codec", feature = "local"))]
mod newest;
mod rows;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod write;

#[doc(inline)]
pub use crate::delegate_store;
pub use error::{StoreError, StoreErrorKind};
pub(crate) use filter::{Filtered, matches};
#[doc(no_inline)]
pub use futures_util::future::BoxFuture;
#[cfg(any(feature = "codec", feature = "local"))]
pub(crate) use newest::newest_texts;
pub use rows::{
    ChangeRow, HistoryRow, InboxRow, InstanceHeader, InstanceRows, ParentLink, StoredInstance,
    UnreadableInstance,
};
pub use write::{
    ContinuedExecution, CreateChild, CreateInstance, Destination, EpisodeWrite, ImportInstance,
    OutgoingMessage, PurgeWhere, Refused, RewindChild, Write, WriteResult, Written,
};

/// The task hub of a new store whose first owner names none.
pub const DEFAULT_TASK_HUB: &str = "default";

/// The statuses of instances that have ended.
const ENDED: [RuntimeStatus; 4] = [
    RuntimeStatus::Completed,
    RuntimeStatus::Failed,
    RuntimeStatus::Canceled,
    RuntimeStatus::Terminated,
];

/// A durable place for instances. One owner writes at a time; any number of readers read.
///
/// The worker calls these methods from threads of its own and waits there, outside of an async runtime: a store that needs one
/// keeps a handle to it. Texts are any texts, also empty or with NUL in them, and ids are any that [`InstanceId`] allows.
///
/// Implementations must pass the conformance suite, `steadfast::testing::store_conformance!` (feature `testing`). A store around
/// another one passes on what it does not change with [`delegate_store!`].
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
    /// writes were applied, or none. It is the same when the future is dropped before it is ready.
    ///
    /// Readers see all of a commit or nothing of it. Once [`acquire`](Self::acquire) has answered, nothing of an earlier owner is
    /// applied any more, also when it was asked for before.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Fenced`] when the epoch is not the newest; [`StoreErrorKind::Corrupt`] when a write met something damaged, and
    /// [`StoreErrorKind::Codec`] when what it holds cannot be encoded: then none was applied, and the writes are tried in smaller
    /// transactions. The rest as the store has them.
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
    /// the inbox), with an incarnation greater than `after`, by incarnation, at most `limit`. One that is damaged, so that it cannot be
    /// told, is among them: who loads it finds what is wrong.
    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>>;

    /// Unfinished instances whose next timer is later than the position `after`, by (time, incarnation), at most `limit`. One that is
    /// damaged keeps no other from being found.
    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>>;

    /// The waiting messages of this incarnation of an instance that came after the message `after`, in order of arrival.
    fn inbox<'a>(
        &'a self,
        id: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>>;

    /// What the episodes of an incarnation changed for its readers behind the sequence `after`, in order, at most `limit`: one row for
    /// each sequence that is still in history. None when there is no such incarnation any more.
    ///
    /// Changes that no episode made, such as reports of activities, have a sequence and no row; so have those of earlier
    /// executions. Events are not read.
    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>>;

    /// One page of the instances that match, as readers see them, and where the next one begins.
    ///
    /// An instance that is there all the while, and matches all the while, is on exactly one page, whatever is created and
    /// deleted between pages. To read all pages takes time in proportion to the number of instances, and to read one, to how many
    /// it may [walk](PageRequest::walk) past.
    ///
    /// What is damaged of an instance keeps no other from being read. An instance of which only a payload cannot be read is there without its
    /// payloads; one that cannot be read at all is [told apart](InstancePage::unreadable).
    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>>;

    /// How many instances match, for each runtime status that occurs among them, by the name of the status. Those that cannot be
    /// read are not counted.
    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>>;
}

/// A shared store, for whoever keeps a handle to it.
impl<S: Store + ?Sized> Store for Arc<S> {
    delegate_store!(|self| **self; acquire, commit, load, read, needing_attention, timers, inbox, changes, query, counts);
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

/// Which part of the matching instances a query gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The last instance of the page before; `None` for the first page.
    pub after: Option<Incarnation>,
    /// How many at most, those that cannot be read included.
    pub limit: usize,
    /// How many bytes they may [hold](InstanceRows::bytes) together. The page ends with the instance with which it holds more: so it has
    /// one in any case, and no more of what is in the store is in memory than this and one instance.
    pub bytes: usize,
    /// How many instances may be looked at for it, those that do not match included; at least one is. The page ends there, whatever it
    /// has: a walk past millions would hold up who asks, and the thread that reads.
    pub walk: usize,
    /// In which order, that of incarnations or the reverse.
    pub order: Order,
}

/// A page of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstancePage {
    /// Those that match.
    pub rows: Vec<InstanceRows>,
    /// Those of which it cannot be told whether they match.
    pub unreadable: Vec<UnreadableInstance>,
    /// Behind which instance to go on; it need not be one that matches. `None` when there is nothing behind this page.
    pub next: Option<Incarnation>,
}

/// Walks as far as a page goes, and tells behind which instance it ends. Each step tells the instance, and what is to be taken of it
/// if it matches; taking it answers how many of the page's bytes it fills.
fn walked<T, E>(
    page: &PageRequest,
    mut walk: impl Iterator<Item = Result<(Incarnation, Option<T>), E>>,
    mut take: impl FnMut(T) -> Result<usize, E>,
) -> Result<Option<Incarnation>, E> {
    let (mut walked, mut taken, mut bytes) = (0, 0, 0);
    let mut next = page.after;
    while taken < page.limit && bytes <= page.bytes && walked < page.walk.max(1) {
        let Some(step) = walk.next() else {
            return Ok(None);
        };
        let (incarnation, found) = step?;
        next = Some(incarnation);
        walked += 1;
        if let Some(found) = found {
            bytes += take(found)?;
            taken += 1;
        }
    }
    Ok(next)
}

impl PurgeWhere {
    /// The walk of it: which instances, and the part of them. What fills a part is rows of history. `None` when nothing that
    /// has ended can match.
    fn walk(&self) -> Option<(InstanceFilter, PageRequest)> {
        let mut filter = self.filter.clone();
        let asked = std::mem::replace(&mut filter.runtime_status, ENDED.to_vec());
        if !asked.is_empty() {
            filter
                .runtime_status
                .retain(|status| asked.contains(status));
        }
        let page = PageRequest {
            after: Some(self.after),
            limit: self.limit,
            bytes: self.walk,
            walk: self.walk,
            order: Order::OldestFirst,
        };
        (!filter.runtime_status.is_empty()).then_some((filter, page))
    }
}

/// Two texts of stored events as one. Both are JSON arrays, which is all that a store knows of them.
fn joined(first: &str, second: &str) -> String {
    let first = first.trim();
    let first = first.strip_suffix(']').unwrap_or(first);
    let second = second.trim();
    match second.strip_prefix('[') {
        Some(rest) if rest != "]" => format!("{first},{rest}"),
        _ => format!("{first}]"),
    }
}

/// Whether an instance gives way to a new one of its id. One that another waits for does not, until it has ended.
fn gives_way(existing: &InstanceHeader, create: &CreateInstance) -> bool {
    let status = existing.runtime_status;
    create.replaces.contains(&status) && (status.is_terminal() || existing.parent.is_none())
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

/// The instances of a list, each where it occurs first.
fn without_repetitions(mut ids: Vec<InstanceId>) -> Vec<InstanceId> {
    if ids.len() > 1 {
        let mut seen = HashSet::new();
        ids.retain(|id| seen.insert(id.clone()));
    }
    ids
}

/// Whether an episode changed something for readers, who saw the row before it: an episode that changed nothing has the same sequence.
fn starts_a_change(before: Option<&ChangeRow>, row: &ChangeRow) -> bool {
    before.is_none_or(|before| before.sequence < row.sequence)
}

/// Whether these are the rows of episodes 1, 2, 3 and so on.
fn are_consecutive(rows: &[HistoryRow]) -> bool {
    (1..).zip(rows).all(|(episode, row)| row.episode == episode)
}

/// What takes the place of a child that cannot be rewound.
fn replacing_ended(otherwise: &CreateChild) -> CreateChild {
    let mut child = otherwise.clone();
    child.create.replaces.extend(ENDED);
    child
}
