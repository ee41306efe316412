//! A store that keeps everything in memory: for tests, and for orchestrations that need not outlive their process.
//!
//! It keeps to the same contract as the durable stores, so it is also the model that they are tested against: every rule
//! is written here in its simplest form.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use super::time::whole_microseconds;
use super::{
    CreateInstance, EpisodeWrite, Epoch, HistoryRow, InboxRow, InstanceHeader, InstanceRows,
    Ownership, Refused, Store, StoreError, StoreErrorKind, StoredInstance, TimerPosition, Write,
    WriteResult, Written, fenced, task_hub_of,
};
use crate::model::instance::{Incarnation, InstanceId};
use crate::model::status::RuntimeStatus;

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

struct Instance {
    header: InstanceHeader,
    /// Row n is that of episode n.
    history: Vec<HistoryRow>,
    inbox: Vec<InboxRow>,
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

    fn apply(&mut self, write: &Write) -> WriteResult {
        match write {
            Write::Create(create) => self.create(create).map(Written::Created),
            Write::Episode(write) => {
                let instance = self
                    .instances
                    .get_mut(&write.incarnation)
                    .ok_or(Refused::Stale)?;
                instance.advance(write).map(|()| Written::Stored)
            }
            Write::Enqueue { incarnation, event } => {
                let sequence = self.messages + 1;
                self.unfinished(*incarnation)?.inbox.push(InboxRow {
                    sequence,
                    event: event.clone(),
                });
                self.messages = sequence;
                Ok(Written::Stored)
            }
            Write::SetStalled {
                incarnation,
                reason,
            } => {
                let header = &mut self.unfinished(*incarnation)?.header;
                header.stalled.clone_from(reason);
                header.needs_attention |= reason.is_some();
                Ok(Written::Stored)
            }
        }
    }

    fn create(&mut self, create: &CreateInstance) -> Result<Incarnation, Refused> {
        if let Some(existing) = self.by_id(&create.id) {
            if existing.header.execution_id == create.execution_id {
                return Ok(existing.header.incarnation);
            }
            if !create.replaces.contains(&existing.header.runtime_status) {
                return Err(Refused::Exists(Box::new(existing.header.clone())));
            }
            let incarnation = existing.header.incarnation;
            self.instances.remove(&incarnation);
        }
        self.incarnations += 1;
        let incarnation = Incarnation(self.incarnations);
        self.by_id.insert(create.id.clone(), incarnation);
        self.instances
            .insert(incarnation, Instance::new(incarnation, create));
        Ok(incarnation)
    }

    fn unfinished(&mut self, incarnation: Incarnation) -> Result<&mut Instance, Refused> {
        let instance = self.instances.get_mut(&incarnation);
        instance
            .filter(|instance| !instance.header.runtime_status.is_terminal())
            .ok_or(Refused::Stale)
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
}

impl Instance {
    fn new(incarnation: Incarnation, create: &CreateInstance) -> Self {
        let created_at = whole_microseconds(create.created_at);
        let header = InstanceHeader {
            id: create.id.clone(),
            incarnation,
            name: create.name.clone(),
            execution_id: create.execution_id,
            runtime_status: RuntimeStatus::Pending,
            created_at,
            last_updated_at: created_at,
            first_episode: 0,
            episode: 0,
            status_episode: create.custom_status.as_ref().map(|_| 0),
            sequence: 0,
            next_timer: None,
            needs_attention: true,
            stalled: None,
        };
        let row = HistoryRow {
            episode: 0,
            events: create.events.clone(),
            custom_status: create.custom_status.clone(),
            runtime_status: RuntimeStatus::Pending,
            sequence: 0,
        };
        Self {
            header,
            history: vec![row],
            inbox: Vec::new(),
        }
    }

    fn advance(&mut self, write: &EpisodeWrite) -> Result<(), Refused> {
        let header = &mut self.header;
        let episode = write.row.episode;
        if header.execution_id != write.execution_id || episode < header.first_episode {
            return Err(Refused::Stale);
        }
        if episode <= header.episode {
            return if row_of(&self.history, episode) == Some(&write.row) {
                Ok(())
            } else {
                Err(Refused::Stale)
            };
        }
        if episode != header.episode + 1 {
            return Err(Refused::Stale);
        }
        header.episode = episode;
        header.runtime_status = write.row.runtime_status;
        header.last_updated_at = whole_microseconds(write.last_updated_at);
        header.sequence = write.row.sequence;
        header.next_timer = write.next_timer.map(whole_microseconds);
        header.needs_attention = write.needs_attention;
        header.stalled.clone_from(&write.stalled);
        if write.row.custom_status.is_some() {
            header.status_episode = Some(episode);
        }
        self.history.push(write.row.clone());
        self.inbox.retain(|message| {
            write
                .inbox_taken
                .is_none_or(|taken| message.sequence > taken)
        });
        Ok(())
    }

    fn stored(&self) -> StoredInstance {
        let history = self
            .history
            .iter()
            .filter(|row| row.episode >= self.header.first_episode)
            .cloned()
            .collect();
        StoredInstance {
            header: self.header.clone(),
            history,
            inbox: self.inbox.clone(),
        }
    }

    fn rows(&self) -> Result<InstanceRows, StoreError> {
        let header = self.header.clone();
        let row = |episode| {
            row_of(&self.history, episode).ok_or_else(|| {
                let message = format!("instance `{}` has no history row {episode}", header.id);
                StoreError::new(StoreErrorKind::Corrupt, message)
            })
        };
        let first_events = row(header.first_episode)?.events.clone();
        let custom_status = match header.status_episode {
            Some(episode) => row(episode)?.custom_status.clone(),
            None => None,
        };
        let last_events = if header.runtime_status.is_terminal() {
            Some(row(header.episode)?.events.clone())
        } else {
            None
        };
        Ok(InstanceRows {
            first_events,
            custom_status,
            last_events,
            header,
        })
    }
}

fn row_of(history: &[HistoryRow], episode: u64) -> Option<&HistoryRow> {
    history.get(usize::try_from(episode).ok()?)
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.data();
        f.debug_struct("MemoryStore")
            .field("instances", &data.instances.len())
            .finish_non_exhaustive()
    }
}
