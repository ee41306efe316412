//! A store that keeps everything in memory: for tests, and for orchestrations that need not outlive their process.
//!
//! It keeps to the same contract as the durable stores, so it is also the model that they are tested against: every rule
//! is written here in its simplest form.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use self::instance::Instance;
use super::{
    ChangeRow, Epoch, InboxRow, InstancePage, InstanceRows, Ownership, PageRequest, Store,
    StoreError, StoredInstance, TimerPosition, Write, WriteResult, fenced, matches, task_hub_of,
    walked,
};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;

mod instance;
mod writes;

/// A store in memory. Clones share the same data, which is gone with the last of them.
///
/// A clone that is given to a second worker stands for the store after a restart:
///
/// ```
/// # futures_executor::block_on(async {
/// use steadfast::store::Store;
/// use steadfast::store::memory::MemoryStore;
///
/// let store = MemoryStore::new();
/// let before = store.acquire(None).await?;
/// let after = store.clone().acquire(None).await?;
/// assert!(after.epoch > before.epoch);
/// # Ok::<(), steadfast::store::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    epoch: u64,
    task_hub: Option<String>,
    incarnations: u64,
    messages: u64,
    commits: u64,
    by_id: HashMap<InstanceId, Incarnation>,
    instances: BTreeMap<Incarnation, Instance>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many transactions have been committed: each [`Store::acquire`], and each [`Store::commit`] that accepted a write.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.data().commits
    }

    /// No change is half done when it panics: each is decided before it is made.
    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn acquire(&self, task_hub: Option<&str>) -> BoxFuture<'_, Result<Ownership, StoreError>> {
        let task_hub = task_hub.map(str::to_owned);
        Box::pin(async move { self.data().acquire(task_hub.as_deref()) })
    }

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move { self.data().commit(epoch, writes) })
    }

    fn load<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<StoredInstance>, StoreError>> {
        Box::pin(async move { Ok(self.data().by_id(id).map(Instance::stored)) })
    }

    fn read<'a>(
        &'a self,
        id: &'a InstanceId,
    ) -> BoxFuture<'a, Result<Option<InstanceRows>, StoreError>> {
        Box::pin(async move { self.data().by_id(id).map(Instance::rows).transpose() })
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(Incarnation, InstanceId)>, StoreError>> {
        Box::pin(async move { Ok(self.data().needing_attention(after, limit)) })
    }

    fn timers(
        &self,
        after: TimerPosition,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<(TimerPosition, InstanceId)>, StoreError>> {
        Box::pin(async move { Ok(self.data().timers(after, limit)) })
    }

    fn inbox<'a>(
        &'a self,
        _: &'a InstanceId,
        incarnation: Incarnation,
        after: u64,
    ) -> BoxFuture<'a, Result<Vec<InboxRow>, StoreError>> {
        Box::pin(async move { Ok(self.data().inbox(incarnation, after)) })
    }

    fn changes(
        &self,
        incarnation: Incarnation,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<ChangeRow>, StoreError>> {
        Box::pin(async move {
            let data = self.data();
            let instance = data.instances.get(&incarnation);
            Ok(instance.map_or_else(Vec::new, |instance| instance.changes(after, limit)))
        })
    }

    fn query<'a>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &'a PageRequest,
    ) -> BoxFuture<'a, Result<InstancePage, StoreError>> {
        Box::pin(async move { self.data().query(filter, page) })
    }

    fn counts<'a>(
        &'a self,
        filter: &'a InstanceFilter,
    ) -> BoxFuture<'a, Result<Vec<(RuntimeStatus, u64)>, StoreError>> {
        Box::pin(async move { Ok(self.data().counts(filter)) })
    }
}

impl Data {
    fn acquire(&mut self, task_hub: Option<&str>) -> Result<Ownership, StoreError> {
        let task_hub = task_hub_of(self.task_hub.clone(), task_hub)?;
        self.task_hub = Some(task_hub.clone());
        self.epoch += 1;
        self.commits += 1;
        Ok(Ownership {
            epoch: Epoch(self.epoch),
            task_hub,
        })
    }

    fn commit(&mut self, epoch: Epoch, writes: &[Write]) -> Result<Vec<WriteResult>, StoreError> {
        if epoch != Epoch(self.epoch) {
            return Err(fenced(epoch, Epoch(self.epoch)));
        }
        let results: Vec<_> = writes.iter().map(|write| self.apply(write)).collect();
        self.commits += u64::from(results.iter().any(Result::is_ok));
        Ok(results)
    }

    fn by_id(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(self.by_id.get(id)?)
    }

    fn needing_attention(
        &self,
        after: Incarnation,
        limit: usize,
    ) -> Vec<(Incarnation, InstanceId)> {
        self.instances
            .values()
            .filter(|instance| {
                instance.header.incarnation > after && !instance.header.runtime_status.is_terminal()
            })
            .filter(|instance| instance.header.needs_attention || !instance.inbox.is_empty())
            .map(|instance| (instance.header.incarnation, instance.header.id.clone()))
            .take(limit)
            .collect()
    }

    fn timers(&self, after: TimerPosition, limit: usize) -> Vec<(TimerPosition, InstanceId)> {
        let mut timers: Vec<_> = self
            .instances
            .values()
            .filter(|instance| !instance.header.runtime_status.is_terminal())
            .filter_map(|Instance { header, .. }| {
                let position = TimerPosition {
                    fire_at: header.next_timer?,
                    incarnation: header.incarnation,
                };
                (position > after).then(|| (position, header.id.clone()))
            })
            .collect();
        timers.sort_by_key(|(position, _)| *position);
        timers.truncate(limit);
        timers
    }

    fn inbox(&self, incarnation: Incarnation, after: u64) -> Vec<InboxRow> {
        let inbox = self
            .instances
            .get(&incarnation)
            .map(|instance| &instance.inbox);
        let waiting = inbox.into_iter().flatten();
        waiting
            .filter(|row| row.sequence > after)
            .cloned()
            .collect()
    }

    fn query(
        &self,
        filter: &InstanceFilter,
        page: &PageRequest,
    ) -> Result<InstancePage, StoreError> {
        let mut rows = Vec::new();
        let next = walked(page, self.walk(filter, page), |instance| {
            let found = instance.rows()?;
            let bytes = found.bytes();
            rows.push(found);
            Ok(bytes)
        })?;
        Ok(InstancePage {
            rows,
            unreadable: Vec::new(),
            next,
        })
    }

    /// The instances of a page and all behind it: each, and again if it matches.
    fn walk<'a, E>(
        &'a self,
        filter: &'a InstanceFilter,
        page: &PageRequest,
    ) -> impl Iterator<Item = Result<(Incarnation, Option<&'a Instance>), E>> {
        let walk: Box<dyn Iterator<Item = &Instance>> = match page.order {
            Order::OldestFirst => {
                let after = page.after.map_or(Bound::Unbounded, Bound::Excluded);
                let rest = self.instances.range((after, Bound::Unbounded));
                Box::new(rest.map(|(_, instance)| instance))
            }
            Order::NewestFirst => {
                let before = page.after.map_or(Bound::Unbounded, Bound::Excluded);
                let rest = self.instances.range((Bound::Unbounded, before)).rev();
                Box::new(rest.map(|(_, instance)| instance))
            }
        };
        walk.map(|instance| {
            let found = matches(filter, &instance.filtered()).then_some(instance);
            Ok((instance.header.incarnation, found))
        })
    }

    fn counts(&self, filter: &InstanceFilter) -> Vec<(RuntimeStatus, u64)> {
        let mut counts: BTreeMap<&str, (RuntimeStatus, u64)> = BTreeMap::new();
        let found = self.instances.values();
        for instance in found.filter(|instance| matches(filter, &instance.filtered())) {
            let status = instance.header.runtime_status;
            counts.entry(status.as_str()).or_insert((status, 0)).1 += 1;
        }
        counts.into_values().collect()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data();
        f.debug_struct("MemoryStore")
            .field("instances", &data.instances.len())
            .finish_non_exhaustive()
    }
}
