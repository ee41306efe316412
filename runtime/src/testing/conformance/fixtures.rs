//! What the cases have in common: short ways to write and to look.

use jiff::Timestamp;

use crate::model::instance::{ExecutionId, Incarnation, InstanceId, ParentInstance};
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::{ActivityProgress, RuntimeStatus};
use crate::model::tags::Tags;
use crate::store::{
    BoxFuture, CreateChild, CreateInstance, Destination, EpisodeWrite, Epoch, HistoryRow,
    InstanceRows, OutgoingMessage, PageRequest, Store, StoreError, StoredInstance, TimerPosition,
    Write, WriteResult, Written,
};

/// Before every timer.
pub(super) const FIRST_TIMER: TimerPosition = TimerPosition {
    fire_at: Timestamp::MIN,
    incarnation: Incarnation(0),
};

/// An owner of a store, for whom all goes well where the case does not look.
pub(super) struct Owner<'a> {
    store: &'a dyn Store,
    epoch: Epoch,
}

impl<'a> Owner<'a> {
    pub(super) async fn of(store: &'a dyn Store) -> Self {
        let epoch = store
            .acquire(None)
            .await
            .expect("the store can be acquired")
            .epoch;
        Self { store, epoch }
    }

    pub(super) async fn commit(&self, writes: &[Write]) -> Vec<WriteResult> {
        let results = self
            .store
            .commit(self.epoch, writes)
            .await
            .expect("the owner can commit");
        assert_eq!(results.len(), writes.len(), "one result for each write");
        results
    }

    /// Begins a commit, for who does not wait for it.
    pub(super) fn begin<'b>(
        &'b self,
        writes: &'b [Write],
    ) -> BoxFuture<'b, Result<Vec<WriteResult>, StoreError>> {
        self.store.commit(self.epoch, writes)
    }

    /// Commits one write.
    pub(super) async fn write(&self, write: Write) -> WriteResult {
        self.commit(&[write]).await.remove(0)
    }

    /// Commits one create, which must be accepted.
    pub(super) async fn create(&self, create: CreateInstance) -> Incarnation {
        match self.write(Write::Create(create)).await {
            Ok(Written::Created { incarnation, .. }) => incarnation,
            other => panic!("an instance is created, but: {other:?}"),
        }
    }

    /// Commits one episode, which must be accepted.
    pub(super) async fn advance(&self, write: EpisodeWrite) {
        assert_eq!(self.write(Write::Episode(write)).await, committed());
    }

    /// Commits one message, which must be accepted.
    pub(super) async fn enqueue(&self, incarnation: Incarnation, event: &str) {
        assert_eq!(
            self.write(message(incarnation, event)).await,
            Ok(Written::Stored)
        );
    }

    /// What the store has of an instance that must be there.
    pub(super) async fn load(&self, id: &str) -> StoredInstance {
        self.store
            .load(&instance_id(id))
            .await
            .expect("instances can be loaded")
            .expect("the instance is there")
    }

    /// What a reader sees of an instance that must be there.
    pub(super) async fn read(&self, id: &str) -> InstanceRows {
        self.store
            .read(&instance_id(id))
            .await
            .expect("instances can be read")
            .expect("the instance is there")
    }

    /// The messages of an instance that must be there.
    pub(super) async fn messages(&self, id: &str) -> Vec<String> {
        let inbox = self.load(id).await.inbox;
        inbox.into_iter().map(|row| row.event).collect()
    }

    /// Whether there is an instance of this id.
    pub(super) async fn has(&self, id: &str) -> bool {
        let found = self.store.load(&instance_id(id)).await;
        found.expect("instances can be loaded").is_some()
    }

    /// Commits one episode, which must be accepted, and answers with the ids of those that it concerned.
    pub(super) async fn notified(&self, write: EpisodeWrite) -> Vec<String> {
        match self.write(Write::Episode(write)).await {
            Ok(Written::Episode { notified }) => notified.into_iter().map(String::from).collect(),
            other => panic!("the episode is stored, but: {other:?}"),
        }
    }

    /// Creates an instance and ends it in this status.
    pub(super) async fn ended(&self, create: CreateInstance, status: RuntimeStatus) -> Incarnation {
        let execution = create.execution_id;
        let incarnation = self.create(create).await;
        let mut write = last_episode(incarnation, execution, 1);
        write.row.runtime_status = status;
        self.advance(write).await;
        incarnation
    }

    /// The ids on one page.
    pub(super) async fn page(&self, filter: &InstanceFilter, page: PageRequest) -> Vec<String> {
        let found = self.store.query(filter, &page).await;
        let found = found.expect("instances can be queried");
        found
            .rows
            .into_iter()
            .map(|rows| rows.header.id.into())
            .collect()
    }

    /// The ids of all that match, oldest first.
    pub(super) async fn find(&self, filter: &InstanceFilter) -> Vec<String> {
        self.page(filter, first_page(1000, Order::OldestFirst))
            .await
    }

    /// How many match, by status.
    pub(super) async fn counts(&self, filter: &InstanceFilter) -> Vec<(RuntimeStatus, u64)> {
        let counts = self.store.counts(filter).await;
        counts.expect("instances can be counted")
    }

    /// One page of those that need attention.
    pub(super) async fn attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> Vec<(Incarnation, InstanceId)> {
        self.store
            .needing_attention(after, limit)
            .await
            .expect("attention can be asked for")
    }

    /// One page of timers.
    pub(super) async fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> Vec<(TimerPosition, InstanceId)> {
        self.store
            .timers(after, limit)
            .await
            .expect("timers can be asked for")
    }
}

pub(super) fn instance_id(id: &str) -> InstanceId {
    InstanceId::parse(id).expect("the suite's ids are good")
}

/// The execution of this number.
pub(super) const fn execution(number: u128) -> ExecutionId {
    ExecutionId::from_u128(number)
}

/// This many seconds after a moment in 2024.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_704_067_200 + seconds).expect("the suite's times are near 2024")
}

/// A create without custom status that replaces nothing.
pub(super) fn create(id: &str, execution_id: ExecutionId) -> CreateInstance {
    CreateInstance {
        id: instance_id(id),
        name: "Greet".to_owned(),
        version: None,
        execution_id,
        created_at: at(0),
        start_at: None,
        parent: None,
        tags: Tags::new(),
        events: format!("[\"started {id}\"]"),
        custom_status: None,
        replaces: Vec::new(),
    }
}

/// An episode of a running instance that waits for nothing.
pub(super) fn episode(
    incarnation: Incarnation,
    execution_id: ExecutionId,
    episode: u64,
) -> EpisodeWrite {
    EpisodeWrite {
        incarnation,
        execution_id,
        row: HistoryRow {
            episode,
            events: format!("[\"episode {episode}\"]"),
            custom_status: None,
            runtime_status: RuntimeStatus::Running,
            sequence: episode,
        },
        last_updated_at: at(i64::try_from(episode).expect("the suite's episodes are few")),
        next_timer: None,
        needs_attention: false,
        stalled: None,
        inbox_taken: None,
        continued: None,
        children: Vec::new(),
        rewinds: Vec::new(),
        messages: Vec::new(),
        progress_ended: Vec::new(),
    }
}

/// An episode that ends its instance.
pub(super) fn last_episode(
    incarnation: Incarnation,
    execution_id: ExecutionId,
    number: u64,
) -> EpisodeWrite {
    let mut write = episode(incarnation, execution_id, number);
    write.row.runtime_status = RuntimeStatus::Completed;
    write
}

/// A create of an instance that an execution of this parent starts.
pub(super) fn child_of(
    parent: &str,
    parent_execution: ExecutionId,
    task_scheduled_id: i32,
    mut child: CreateInstance,
) -> CreateInstance {
    child.parent = Some(ParentInstance {
        name: "Parent".to_owned(),
        instance_id: instance_id(parent),
        execution_id: parent_execution,
        task_scheduled_id,
    });
    child
}

/// The same as part of an episode.
pub(super) fn start_child(create: CreateInstance) -> CreateChild {
    CreateChild {
        on_refused: format!("[\"{} is taken\"]", create.id),
        create,
    }
}

/// A message of an episode.
pub(super) fn send(to: Destination, event: &str) -> OutgoingMessage {
    OutgoingMessage {
        to,
        event: event.to_owned(),
    }
}

/// The report of an activity.
pub(super) fn progress(task_id: i32, details: &str) -> ActivityProgress {
    ActivityProgress {
        task_id,
        name: "Count".to_owned(),
        attempt: 1,
        details: details.to_owned(),
        reported_at: at(30),
    }
}

/// The same as a write.
pub(super) fn report(
    incarnation: Incarnation,
    execution_id: ExecutionId,
    sequence: u64,
    progress: ActivityProgress,
) -> Write {
    Write::Progress {
        incarnation,
        execution_id,
        sequence,
        at: at(40),
        progress,
    }
}

pub(super) const fn first_page(limit: usize, order: Order) -> PageRequest {
    PageRequest {
        after: None,
        limit,
        bytes: usize::MAX,
        walk: usize::MAX,
        order,
    }
}

/// The answer for an episode that was of no consequence for others.
pub(super) fn committed() -> WriteResult {
    Ok(Written::Episode {
        notified: Vec::new(),
    })
}

/// The answer for a purge of so many, and where it goes on.
pub(super) const fn purged(count: u64, next: Option<Incarnation>) -> WriteResult {
    Ok(Written::Purged { count, next })
}

pub(super) fn message(incarnation: Incarnation, event: &str) -> Write {
    Write::Enqueue {
        incarnation,
        execution: None,
        event: event.to_owned(),
    }
}

pub(super) fn stalled(incarnation: Incarnation, reason: Option<&str>) -> Write {
    Write::SetStalled {
        incarnation,
        reason: reason.map(str::to_owned),
    }
}
