//! Who may commit: one thread at a time, the writer before others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use futures_executor::block_on;

use super::logged::logged;
use super::meters::Meters;
use super::writer::{Answer, MAX_BATCH, Origin, Writer};
use crate::clock::Stopwatch;
use crate::engine::panic_message;
use crate::store::{Epoch, Store, StoreError, StoreErrorKind, Write, WriteResult};

/// The store, for whoever has the turn.
pub(super) struct Turn {
    store: Arc<dyn Store>,
    epoch: Epoch,
    meters: Arc<Meters>,
    turn: Mutex<()>,
    /// Whether the writer waits for it. Without this a shard whose commits follow each other at once would have it again and again.
    is_awaited: AtomicBool,
    /// How many commits have begun, and how many of them are over.
    begun: AtomicU64,
    over: AtomicU64,
}

impl Turn {
    pub(super) fn new(store: Arc<dyn Store>, epoch: Epoch, meters: Arc<Meters>) -> Self {
        Self {
            store,
            epoch,
            meters,
            turn: Mutex::new(()),
            is_awaited: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            over: AtomicU64::new(0),
        }
    }

    /// Commits the next batch, without what comes from where nothing is taken from any more. `None` when nothing is left. Only for the
    /// one whose turn it is.
    pub(super) fn commit(
        &self,
        writer: &mut Writer,
        is_taken: impl Fn(Origin) -> bool,
    ) -> Option<Vec<Answer>> {
        // Before it looks who may write: see `commits_begun`.
        self.begun.fetch_add(1, Ordering::SeqCst);
        writer.retain(is_taken);
        let batch = writer.next_batch(MAX_BATCH);
        let answers = batch.map(|batch| batch.commit(&mut |writes| self.try_commit(writes)));
        self.over.fetch_add(1, Ordering::SeqCst);
        answers
    }

    fn try_commit(&self, writes: &[Write]) -> Result<Vec<WriteResult>, StoreError> {
        let watch = Stopwatch::start();
        let result = guarded(|| block_on(self.store.commit(self.epoch, writes)));
        let (count, took) = (writes.len(), watch.elapsed());
        self.meters.committed(count, took, result.is_err());
        if let Err(error) = &result {
            logged(|| tracing::error!(%error, writes = count, "a commit failed"));
        }
        result
    }

    /// How many commits have begun. When as many [are over](Self::are_over), nothing is committed any more of what was refused before
    /// this was asked.
    pub(super) fn commits_begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Whether so many commits are over.
    pub(super) fn are_over(&self, commits: u64) -> bool {
        self.over.load(Ordering::SeqCst) >= commits
    }

    /// The turn, once nobody else has it: for the writer.
    pub(super) fn wait(&self) -> MutexGuard<'_, ()> {
        self.is_awaited.store(true, Ordering::Relaxed);
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_awaited.store(false, Ordering::Relaxed);
        turn
    }

    /// The turn, when nobody has it or waits for it: for a shard.
    pub(super) fn take(&self) -> Option<MutexGuard<'_, ()>> {
        if self.is_awaited.load(Ordering::Relaxed) {
            return None;
        }
        match self.turn.try_lock() {
            Ok(turn) => Some(turn),
            Err(TryLockError::Poisoned(turn)) => Some(turn.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Calls a store. A panic in it is an error of it: the threads of the worker must not die.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = format!("the store panicked: {}", panic_message(&*panic));
        Err(StoreError::new(StoreErrorKind::Unavailable, message))
    })
}
