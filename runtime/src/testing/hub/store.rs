//! The store of a hub: it notes what is committed, and lets a commit fail where the test wants a crash.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::crash::Crash;
use crate::model::history::decode_events;
use crate::model::instance::{Incarnation, InstanceId};
use crate::store::{
    BoxFuture, Epoch, Store, StoreError, StoreErrorKind, Write, WriteResult, Written,
    delegate_store,
};

pub(super) struct HubStore {
    store: Arc<dyn Store>,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    /// How many commits there were, failed ones included.
    commits: u64,
    crash: Option<(u64, Crash)>,
    /// What the commit that crashes was to write.
    crashed: Option<String>,
    /// The instances.
    ids: BTreeMap<Incarnation, InstanceId>,
    /// How many episodes each incarnation has had.
    episodes: BTreeMap<Incarnation, u64>,
    /// Custom statuses of each incarnation, by the sequence of the change: JSON texts, and `null` where they were cleared.
    statuses: BTreeMap<Incarnation, BTreeMap<u64, String>>,
    may_have_stalled: bool,
}

impl HubStore {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            notes: Mutex::default(),
        }
    }

    /// Lets this commit, counted from 0, crash.
    pub(super) fn crash_at(&self, commit: u64, crash: Crash) {
        self.notes().crash = Some((commit, crash));
    }

    pub(super) fn commits(&self) -> u64 {
        self.notes().commits
    }

    /// What the commit that crashed was to write, once it did.
    pub(super) fn crashed(&self) -> Option<String> {
        self.notes().crashed.clone()
    }

    /// Whether this commit was applied, which may be one that crashed.
    pub(super) fn was_applied(&self, commit: u64) -> bool {
        let notes = self.notes();
        commit < notes.commits
            && notes
                .crash
                .is_none_or(|(crashed, crash)| crashed != commit || crash.applies())
    }

    /// The custom statuses of an incarnation, in their order.
    pub(super) fn statuses(&self, incarnation: Incarnation) -> Vec<String> {
        let notes = self.notes();
        let statuses = notes.statuses.get(&incarnation);
        statuses.map_or_else(Vec::new, |statuses| statuses.values().cloned().collect())
    }

    /// The instances that have had the most episodes, and how many.
    pub(super) fn busiest(&self, limit: usize) -> Vec<(String, u64)> {
        let notes = self.notes();
        let mut episodes: Vec<_> = notes.episodes.iter().collect();
        episodes.sort_by_key(|(_, episodes)| Reverse(**episodes));
        let busiest = episodes.into_iter().take(limit);
        let named = busiest.map(|(incarnation, episodes)| {
            let id = notes.ids.get(incarnation);
            let id = id.map_or_else(|| "an instance of another's".into(), ToString::to_string);
            (id, *episodes)
        });
        named.collect()
    }

    /// Whether any instance has stalled so far.
    pub(super) fn may_have_stalled(&self) -> bool {
        self.notes().may_have_stalled
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn begin_commit(&mut self, writes: &[Write]) -> Option<Crash> {
        let commit = self.commits;
        self.commits += 1;
        let (_, crash) = self.crash.filter(|(crashed, _)| *crashed == commit)?;
        let writes: Vec<_> = writes.iter().map(|write| self.describe(write)).collect();
        self.crashed = Some(writes.join("; "));
        Some(crash)
    }

    fn note(&mut self, writes: &[Write], results: &[WriteResult]) {
        for (write, result) in writes.iter().zip(results) {
            match (write, result) {
                (Write::Create(create), Ok(Written::Created { incarnation, .. })) => {
                    self.ids.insert(*incarnation, create.id.clone());
                    if let Some(status) = &create.custom_status {
                        self.status(*incarnation, 0, status);
                    }
                }
                (Write::Episode(episode), Ok(_)) => {
                    *self.episodes.entry(episode.incarnation).or_default() += 1;
                    self.may_have_stalled |= episode.stalled.is_some();
                    if let Some(status) = &episode.row.custom_status {
                        self.status(episode.incarnation, episode.row.sequence, status);
                    }
                }
                (Write::SetStalled { reason, .. }, _) => self.may_have_stalled |= reason.is_some(),
                _ => {}
            }
        }
    }

    fn status(&mut self, incarnation: Incarnation, sequence: u64, status: &str) {
        let statuses = self.statuses.entry(incarnation).or_default();
        statuses.insert(sequence, status.to_owned());
    }

    /// A write in messages.
    fn describe(&self, write: &Write) -> String {
        match write {
            Write::Create(create) => format!("the start of `{}`", create.id),
            Write::Episode(episode) => {
                let events = decode_events(&episode.row.events).unwrap_or_default();
                let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
                let of = match self.ids.get(&episode.incarnation) {
                    Some(id) => format!(" of `{id}`"),
                    None => String::new(),
                };
                let (number, names) = (episode.row.episode, names.join(", "));
                format!("episode {number}{of} ({names})")
            }
            Write::Enqueue { .. } => "a message to an instance".into(),
            Write::SetStalled { .. } => "the reason why an instance is set aside".into(),
            Write::Progress { progress, .. } => format!("the progress of `{}`", progress.name),
            Write::Rewind { id, .. } => format!("the rewind of `{id}`"),
            Write::Purge { id } => format!("the purge of `{id}`"),
            Write::PurgeWhere(_) => "a purge".into(),
            Write::Import(import) => format!("the import of `{}`", import.create.id),
        }
    }
}

impl Store for HubStore {
    delegate_store!(|self| self.store; acquire, load, read, needing_attention, timers, inbox, changes, query, counts);

    fn commit<'a>(
        &'a self,
        epoch: Epoch,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Vec<WriteResult>, StoreError>> {
        Box::pin(async move {
            let crash = self.notes().begin_commit(writes);
            if crash.is_some_and(|crash| !crash.applies()) {
                return Err(failure("the commit was lost on purpose"));
            }
            let results = self.store.commit(epoch, writes).await?;
            self.notes().note(writes, &results);
            match crash {
                None => Ok(results),
                Some(_) => Err(failure("the acknowledgement was lost on purpose")),
            }
        })
    }
}

fn failure(message: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, message)
}

impl fmt::Debug for HubStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}
