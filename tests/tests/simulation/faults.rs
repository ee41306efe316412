//! A store that fails by chance, and tells the ledger of everything that it commits.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use steadfast::InstanceId;
use steadfast::model::instance::Incarnation;
use steadfast::model::query::InstanceFilter;
use steadfast::model::status::RuntimeStatus;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    BoxFuture, ChangeRow, Epoch, InboxRow, InstancePage, InstanceRows, Ownership, PageRequest,
    Store, StoreError, StoreErrorKind, StoredInstance, TimerPosition, Write, WriteResult,
};

use crate::world::{Shared, World};

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A commit that is not applied.
    Lost,
    /// A commit that is applied, and fails all the same.
    Unacknowledged,
    /// A read of the worker.
    Load,
    /// A read of a client.
    Read,
    /// A worker that is dropped between two steps, with what it had begun.
    Death,
    /// A second owner, while the first one goes on.
    Takeover,
    /// A thread of orchestrators that is given up. What it had begun goes on.
    Thread,
    ClockForwards,
    ClockBackwards,
    /// A program that lacks a definition.
    Lacking,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::Lost,
        Self::Unacknowledged,
        Self::Load,
        Self::Read,
        Self::Death,
        Self::Takeover,
        Self::Thread,
        Self::ClockForwards,
        Self::ClockBackwards,
        Self::Lacking,
    ];
}

/// How often the store fails, in thousandths, and how often anything has gone wrong.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) commits: u32,
    pub(crate) loads: u32,
    pub(crate) reads: u32,
    counts: [u64; Fault::ALL.len()],
}

impl Faults {
    pub(crate) fn count(&mut self, fault: Fault) {
        self.counts[fault as usize] += 1;
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (Fault, u64)> {
        Fault::ALL.into_iter().zip(self.counts)
    }

    /// Nothing fails any more.
    pub(crate) fn end(&mut self) {
        (self.commits, self.loads, self.reads) = (0, 0, 0);
    }
}

impl World {
    fn fails(&mut self, thousandths: u32) -> bool {
        self.random.u32(0..1_000) < thousandths
    }
}

pub(crate) struct SimulatedStore {
    store: MemoryStore,
    world: Shared,
}

impl SimulatedStore {
    pub(crate) fn new(store: MemoryStore, world: Shared) -> Arc<Self> {
        Arc::new(Self { store, world })
    }

    /// Whether a read fails. `frequency` is that of its kind.
    fn check(&self, fault: Fault, frequency: impl FnOnce(&World) -> u32) -> Result<(), StoreError> {
        let world = &mut *self.world.lock();
        let frequency = frequency(world);
        if frequency > 0 && world.fails(frequency) {
            world.faults.count(fault);
            world.trace.note(format!("store: {fault:?} fails"));
            return Err(unavailable("a read failed on purpose"));
        }
        Ok(())
    }

    fn check_load(&self) -> Result<(), StoreError> {
        self.check(Fault::Load, |world| world.faults.loads)
    }

    fn check_read(&self) -> Result<(), StoreError> {
        self.check(Fault::Read, |world| world.faults.reads)
    }

    fn commit_now(&self, epoch: Epoch, writes: &[Write]) -> Result<Vec<WriteResult>, StoreError> {
        let world = &mut *self.world.lock();
        let frequency = world.faults.commits;
        let fault = (frequency > 0 && world.fails(frequency)).then(|| match world.random.bool() {
            true => Fault::Lost,
            false => Fault::Unacknowledged,
        });
        if let Some(fault) = fault {
            world.faults.count(fault);
        }
        if fault == Some(Fault::Lost) {
            world
                .trace
                .note(format!("store: {} writes lost", writes.len()));
            return Err(unavailable("the commit was lost on purpose"));
        }
        // Nothing of this store waits.
        let results = now(self.store.commit(epoch, writes))?;
        world.ledger.committed(
            writes,
            &results,
            fault.is_none(),
            &self.store,
            &mut world.stage,
        );
        for (write, result) in writes.iter().zip(&results) {
            let outcome = if result.is_ok() { "" } else { ", refused" };
            let what = world.ledger.describe(write);
            world.trace.note(format!("store: {what}{outcome}"));
        }
        match fault {
            None => Ok(results),
            Some(_) => {
                world.trace.note("store: .. not acknowledged".into());
                Err(unavailable("the acknowledgement was lost on purpose"))
            }
        }
    }
}

/// What a store that never waits gives.
pub(crate) fn now<T>(future: BoxFuture<'_, T>) -> T {
    future
        .now_or_never()
        .expect("a store in memory never waits")
}

fn unavailable(message: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, message)
}

impl fmt::Debug for SimulatedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimulatedStore").finish_non_exhaustive()
    }
}

impl Store for SimulatedStore {
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        // Whoever was the owner is fenced, also when the worker that acquires it does not come to start.
        self.world.lock().stage.owner = 0;
        self.store.acquire(task_hub)
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move { self.commit_now(epoch, writes) })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move {
            self.check_load()?;
            self.store.load(id).await
        })
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        Box::pin(async move {
            self.check_read()?;
            self.store.read(id).await
        })
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        Box::pin(async move {
            self.check_load()?;
            self.store.needing_attention(after, limit).await
        })
    }

    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>> {
        Box::pin(async move {
            self.check_load()?;
            self.store.timers(after, limit).await
        })
    }

    fn inbox<'a>(
        &'a self,
        id: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>> {
        Box::pin(async move {
            self.check_load()?;
            self.store.inbox(id, incarnation, after).await
        })
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        Box::pin(async move {
            self.check_read()?;
            self.store.changes(incarnation, after, limit).await
        })
    }

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move {
            self.check_read()?;
            self.store.query(filter, page).await
        })
    }

    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>> {
        Box::pin(async move {
            self.check_read()?;
            self.store.counts(filter).await
        })
    }
}
