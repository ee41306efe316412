//! A store that fails on purpose.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::store::{
    BoxFuture, ChangeRow, Epoch, InstancePage, PageRequest, Store, StoreError, StoreErrorKind,
    StoredInstance, Write, WriteResult, delegate_store,
};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// It is not applied, and fails.
    Lost,
    /// It is applied, and fails all the same: the acknowledgement is lost.
    Unacknowledged,
}

/// Passes everything on to another store, lets commits fail as a plan says, and holds reads up.
pub struct FaultyStore<S> {
    store: S,
    commits: AtomicU64,
    plan: Box<dyn Fn(u64) -> Option<CommitFault> + Send + Sync>,
    before_reads: Box<dyn Fn() + Send + Sync>,
}

impl<S: Store> FaultyStore<S> {
    /// The plan is asked for the fate of each commit, which are counted from 0.
    pub fn new(
        store: S,
        plan: impl Fn(u64) -> Option<CommitFault> + Send + Sync + 'static,
    ) -> Self {
        Self {
            store,
            commits: AtomicU64::new(0),
            plan: Box::new(plan),
            before_reads: Box::new(|| ()),
        }
    }

    /// Calls this before each read that grows with how much is stored (`load`, `changes`, `query` and `counts`), in the thread that
    /// does it.
    #[must_use]
    pub fn before_reads(self, call: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            before_reads: Box::new(call),
            ..self
        }
    }

    /// How many commits there were, failed ones included.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }
}

impl<S: fmt::Debug> fmt::Debug for FaultyStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Store for FaultyStore<S> {
    delegate_store!(|self| self.store; acquire, read, needing_attention, timers, inbox);

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        let fault = (self.plan)(self.commits.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            if fault == Some(CommitFault::Lost) {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the commit was lost on purpose",
                ));
            }
            let results = self.store.commit(epoch, writes).await?;
            match fault {
                None => Ok(results),
                Some(_) => Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the answer was lost on purpose",
                )),
            }
        })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        (self.before_reads)();
        self.store.load(id)
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        (self.before_reads)();
        self.store.changes(incarnation, after, limit)
    }

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        (self.before_reads)();
        self.store.query(filter, page)
    }

    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>> {
        (self.before_reads)();
        self.store.counts(filter)
    }
}
