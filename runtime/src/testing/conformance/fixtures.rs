//! What the cases have in common: short ways to write and to look.

use jiff::Timestamp;

use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;
use crate::store::{
    CreateInstance, EpisodeWrite, Epoch, HistoryRow, InstanceRows, Store, StoredInstance,
    TimerPosition, Write, WriteResult, Written,
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

    /// Commits one write.
    pub(super) async fn write(&self, write: Write) -> WriteResult {
        self.commit(&[write]).await.remove(0)
    }

    /// Commits one create, which must be accepted.
    pub(super) async fn create(&self, create: CreateInstance) -> Incarnation {
        match self.write(Write::Create(create)).await {
            Ok(Written::Created(incarnation)) => incarnation,
            other => panic!("an instance is created, but: {other:?}"),
        }
    }

    /// Commits one episode, which must be accepted.
    pub(super) async fn advance(&self, write: EpisodeWrite) {
        assert_eq!(self.write(Write::Episode(write)).await, Ok(Written::Stored));
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
        execution_id,
        created_at: at(0),
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

pub(super) fn message(incarnation: Incarnation, event: &str) -> Write {
    Write::Enqueue {
        incarnation,
        event: event.to_owned(),
    }
}

pub(super) fn stalled(incarnation: Incarnation, reason: Option<&str>) -> Write {
    Write::SetStalled {
        incarnation,
        reason: reason.map(str::to_owned),
    }
}
