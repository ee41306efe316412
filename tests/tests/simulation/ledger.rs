//! The model: what the store has acknowledged, in the order in which it became durable. What clients, watchers and activities see is
//! held against it.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::model::instance::Incarnation;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    CreateInstance, EpisodeWrite, InstanceHeader, Store as _, Write, WriteResult, Written,
};
use steadfast::{Cursor, InstanceId, OnExisting, RuntimeStatus, Timestamp};

use crate::faults::now;
use crate::life::Life;
use crate::row::Row;
use crate::stage::{Key, Stage};
use crate::tasks::Tasks;

/// What an id was from some commit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    at: u64,
    /// `None` while there is no instance of this id.
    pub(crate) state: Option<State>,
}

/// What readers see of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) cursor: Cursor,
    pub(crate) status: RuntimeStatus,
    pub(crate) custom: Option<String>,
}

/// An event that a client raised.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    /// The commit before which it was raised, and that before which it was acknowledged.
    pub(crate) sent: u64,
    pub(crate) acknowledged: Option<u64>,
    /// For whom it was stored, and in which commit.
    pub(crate) stored: Option<(Incarnation, u64)>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    commits: u64,
    moments: BTreeMap<InstanceId, Vec<Moment>>,
    lives: BTreeMap<Incarnation, Life>,
    current: BTreeMap<InstanceId, Incarnation>,
    executions: BTreeMap<u128, Incarnation>,
    /// The children by the action that asked for them.
    children: BTreeMap<Key, Incarnation>,
    pub(crate) tasks: Tasks,
    events: BTreeMap<u64, Raised>,
    /// What clients asked for with their starts: what becomes of an instance that is there, and when the new one begins.
    asked: BTreeMap<String, (OnExisting, Option<Timestamp>)>,
    /// The starts of clients that created an instance.
    starts: BTreeSet<String>,
    /// The worker that is told of the commit at hand.
    pub(crate) told: Option<u64>,
    /// Executions of whose ends no worker was told.
    untold_ends: BTreeSet<u128>,
    pub(crate) instances: u64,
    pub(crate) violations: Vec<String>,
}

/// An activity that begins.
pub(crate) struct Beginning {
    pub(crate) key: Key,
    /// The number of the attempt and the last report, as it is told.
    pub(crate) attempt: u32,
    pub(crate) told: Option<u64>,
    /// How often it has begun in this worker.
    pub(crate) begun: u32,
    pub(crate) is_owner: bool,
}

impl Ledger {
    pub(crate) const fn commits(&self) -> u64 {
        self.commits
    }

    pub(crate) fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub(crate) fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violate(what());
        }
    }

    /// A transaction was applied, and its worker is told so or not.
    pub(crate) fn committed(
        &mut self,
        writes: &[Write],
        results: &[WriteResult],
        is_told: bool,
        store: &MemoryStore,
        stage: &mut Stage,
    ) {
        self.commits += 1;
        self.told = is_told.then_some(stage.owner);
        let mut touched = BTreeSet::new();
        for (write, result) in writes.iter().zip(results) {
            if let Ok(written) = result {
                self.apply(write, written, store, stage, &mut touched);
            }
        }
        for id in touched {
            self.agrees(&id, header(store, &id));
            let is_there = self.current.contains_key(&id);
            let is_purged = writes.iter().any(|write| purges(write, &id));
            self.expect(is_there || is_purged, || {
                format!("`{id}` was purged, and nobody asked for it")
            });
        }
    }

    fn apply(
        &mut self,
        write: &Write,
        written: &Written,
        store: &MemoryStore,
        stage: &mut Stage,
        touched: &mut BTreeSet<InstanceId>,
    ) {
        match write {
            Write::Create(create) => {
                if let Written::Created { incarnation, .. } = written {
                    self.created(create, *incarnation);
                    touched.insert(create.id.clone());
                }
            }
            Write::Episode(episode) => {
                let Some(id) = self.episode(episode, stage) else {
                    return;
                };
                touched.insert(id);
                let asked = episode.children.iter();
                let asked = asked.chain(episode.rewinds.iter().map(|child| &child.otherwise));
                for child in asked {
                    let found = header(store, &child.create.id);
                    if let Some(found) = found
                        && found.execution_id == child.create.execution_id
                    {
                        self.created(&child.create, found.incarnation);
                    }
                    touched.insert(child.create.id.clone());
                }
                for child in &episode.rewinds {
                    let found = header(store, &child.id);
                    if found.is_some_and(|found| found.runtime_status == RuntimeStatus::Pending) {
                        let _ = self.rewound(&child.id, stage);
                    }
                }
            }
            Write::Enqueue {
                incarnation, event, ..
            } => {
                let Some(id) = self.lives.get(incarnation).map(|life| life.id.clone()) else {
                    return;
                };
                for nonce in Row::decode(event).raised() {
                    self.stored(nonce, *incarnation, &id);
                }
            }
            Write::SetStalled {
                incarnation,
                reason,
            } => {
                if let Some(life) = self.lives.get_mut(incarnation) {
                    life.stalled.clone_from(reason);
                }
            }
            Write::Progress {
                incarnation,
                execution_id,
                sequence,
                progress,
                ..
            } => {
                let call = (execution_id.as_u128(), progress.task_id);
                self.tasks.reported(call, &progress.details);
                if let Some(life) = self.lives.get_mut(incarnation) {
                    let before = std::mem::replace(&mut life.sequence, *sequence);
                    let id = life.id.clone();
                    self.expect(before < *sequence, || {
                        format!("progress of `{id}` is change {sequence} behind {before}")
                    });
                    touched.insert(id);
                    self.note(*incarnation);
                }
            }
            Write::Rewind { id, .. } => {
                if let Some(key) = self.rewound(id, stage)
                    && let Some(parent) = self.executions.get(&key.0)
                    && let Some(parent) = self.lives.get_mut(parent)
                {
                    parent.child_was_rewound(key);
                }
                touched.insert(id.clone());
            }
            Write::Purge { .. } | Write::PurgeWhere(_) => self.purged(store, touched),
            Write::Import(_) => {}
        }
    }

    fn created(&mut self, create: &CreateInstance, incarnation: Incarnation) {
        if self.lives.contains_key(&incarnation) {
            return;
        }
        self.instances += 1;
        let id = create.id.clone();
        let asked = self.asked_for(create).and_then(|(_, start_at)| start_at);
        let start_at = asked.filter(|at| *at > create.created_at);
        self.expect(create.start_at == start_at, || {
            format!(
                "`{id}` begins at {:?}, and was to at {start_at:?}",
                create.start_at
            )
        });
        if let Some(before) = self.current.insert(id.clone(), incarnation) {
            self.check_replacement(create, before);
            self.expect(before < incarnation, || {
                format!(
                    "`{id}` went from incarnation {} to {}",
                    before.0, incarnation.0
                )
            });
            if let Some(life) = self.lives.get_mut(&before) {
                life.gone = Some(self.commits);
            }
        }
        let life = Life::begins(create, incarnation, self.commits);
        self.executions
            .insert(life.execution.as_u128(), incarnation);
        if let Some(parent) = &create.parent {
            let key = (parent.execution_id.as_u128(), parent.task_scheduled_id);
            self.children.insert(key, incarnation);
        }
        self.starts.extend(life.start.clone());
        self.lives.insert(incarnation, life);
        self.note(incarnation);
    }

    /// What a client asked for with the start that creates an instance; `None` for a child, and for one that is started again.
    fn asked_for(&self, create: &CreateInstance) -> Option<(OnExisting, Option<Timestamp>)> {
        let start = create.tags.get("start")?;
        let is_first = create.parent.is_none() && !self.starts.contains(start);
        self.asked.get(start).filter(|_| is_first).copied()
    }

    /// An instance gives way to another only where that is asked for.
    fn check_replacement(&mut self, create: &CreateInstance, before: Incarnation) {
        let Some(life) = self.lives.get(&before) else {
            return;
        };
        let policy = self.asked_for(create).map(|(policy, _)| policy);
        let may = match policy {
            Some(OnExisting::Refuse | OnExisting::Attach) => false,
            Some(OnExisting::ReplaceAny) => life.status.is_terminal() || life.parent.is_none(),
            _ => life.status.is_terminal(),
        };
        let (id, status) = (life.id.clone(), life.status);
        self.expect(may, || {
            format!("`{id}` was {status} and is replaced by {policy:?}")
        });
    }

    /// A client asks for a start.
    pub(crate) fn asks_for(&mut self, start: String, asked: (OnExisting, Option<Timestamp>)) {
        self.asked.insert(start, asked);
    }

    /// Whether an instance has children that have not ended.
    pub(crate) fn has_children(&self, parent: &Life) -> bool {
        let execution = parent.execution.as_u128();
        self.lives().any(|life| {
            life.parent.is_some_and(|(of, _)| of == execution) && !life.status.is_terminal()
        })
    }

    pub(crate) fn has_created(&self, start: &str) -> bool {
        self.starts.contains(start)
    }

    /// The id of the instance, when the episode is new.
    fn episode(&mut self, write: &EpisodeWrite, stage: &mut Stage) -> Option<InstanceId> {
        let mut life = self.lives.remove(&write.incarnation)?;
        if write.row.episode <= life.episode {
            self.lives.insert(write.incarnation, life);
            return None;
        }
        let row = Row::decode(&write.row.events);
        life.takes(write, &row, self, stage);
        self.executions
            .insert(life.execution.as_u128(), write.incarnation);
        let execution = write.execution_id.as_u128();
        if self.told.is_none() && (life.status.is_terminal() || write.continued.is_some()) {
            self.untold_ends.insert(execution);
        }
        if row.ends_all() {
            let lives = self.lives.values_mut();
            let children = lives.filter(|life| life.parent.is_some_and(|(of, _)| of == execution));
            children
                .filter(|child| !child.status.is_terminal())
                .for_each(|child| child.must_end = true);
        }
        let id = life.id.clone();
        self.lives.insert(write.incarnation, life);
        self.note(write.incarnation);
        Some(id)
    }

    /// Gives the action of its parent that asked for it, if it was rewound and is a child.
    fn rewound(&mut self, id: &InstanceId, stage: &mut Stage) -> Option<Key> {
        let incarnation = self.current.get(id).copied()?;
        let life = self.lives.get_mut(&incarnation)?;
        if life.status != RuntimeStatus::Failed {
            return None;
        }
        life.status = RuntimeStatus::Pending;
        life.sequence += 1;
        // The request is durable, and so its activities may run again before the episode that says so is.
        let (execution, parent) = (life.execution.as_u128(), life.parent);
        stage.rewound(execution);
        self.tasks.reopen(execution);
        self.note(incarnation);
        parent
    }

    fn purged(&mut self, store: &MemoryStore, touched: &mut BTreeSet<InstanceId>) {
        let gone: Vec<_> = self
            .current
            .iter()
            .filter(|(id, incarnation)| {
                header(store, id).is_none_or(|header| header.incarnation != **incarnation)
            })
            .map(|(id, incarnation)| (id.clone(), *incarnation))
            .collect();
        for (id, incarnation) in gone {
            touched.insert(id.clone());
            let Some(life) = self.lives.get_mut(&incarnation) else {
                continue;
            };
            // One that lives is replaced by a later write of the same transaction, or was deleted against the rules.
            if !life.status.is_terminal() {
                continue;
            }
            let at = self.commits;
            life.gone = Some(at);
            self.current.remove(&id);
            let moments = self.moments.entry(id).or_default();
            moments.push(Moment { at, state: None });
        }
    }

    /// Writes down what an instance is now.
    fn note(&mut self, incarnation: Incarnation) {
        let Some(life) = self.lives.get(&incarnation) else {
            return;
        };
        let moment = Moment {
            at: self.commits,
            state: Some(life.state()),
        };
        self.moments
            .entry(life.id.clone())
            .or_default()
            .push(moment);
    }

    /// The store has of an instance what the ledger has.
    fn agrees(&mut self, id: &InstanceId, header: Option<InstanceHeader>) {
        let life = self.current.get(id).and_then(|id| self.lives.get(id));
        let of_life = life.map(|life| {
            let (state, episode) = (life.state(), life.episode);
            (state.cursor, state.status, episode, life.execution)
        });
        let of_header = header.map(|header| {
            let cursor = Cursor {
                incarnation: header.incarnation,
                sequence: header.sequence,
            };
            let status = header.runtime_status;
            (cursor, status, header.episode, header.execution_id)
        });
        self.expect(of_life == of_header, || {
            format!("`{id}` is {of_header:?} in the store, and was committed as {of_life:?}")
        });
    }

    /// An event is in the history or the inbox of an instance.
    pub(crate) fn stored(&mut self, nonce: u64, incarnation: Incarnation, id: &InstanceId) {
        let Some(raised) = self.events.get_mut(&nonce) else {
            return self.violate(format!("`{id}` got event {nonce}, which nobody raised"));
        };
        raised.stored.get_or_insert((incarnation, self.commits));
        let of = raised.id.clone();
        self.expect(of == *id, || {
            format!("event {nonce} for `{of}` went to `{id}`")
        });
    }

    pub(crate) fn raise(&mut self, nonce: u64, id: InstanceId, name: String) {
        let raised = Raised {
            id,
            name,
            sent: self.commits,
            acknowledged: None,
            stored: None,
        };
        self.events.insert(nonce, raised);
    }

    pub(crate) fn acknowledge(&mut self, nonce: u64) {
        let at = self.commits;
        let Some(raised) = self.events.get_mut(&nonce) else {
            return;
        };
        raised.acknowledged = Some(at);
        let (id, stored) = (raised.id.clone(), raised.stored);
        match stored {
            Some((incarnation, at)) => {
                let life = self.lives.get_mut(&incarnation);
                if let Some(life) = life.filter(|life| life.ended < at) {
                    life.expects.insert(nonce);
                }
            }
            None => self.violate(format!(
                "event {nonce} for `{id}` is acknowledged, and in no history, input or inbox"
            )),
        }
    }

    /// The names of these events.
    pub(crate) fn names_of(&self, nonces: &[u64]) -> BTreeSet<String> {
        let events = nonces.iter().filter_map(|nonce| self.events.get(nonce));
        events.map(|event| event.name.clone()).collect()
    }

    /// Those of this name.
    pub(crate) fn of_name(&self, nonces: &[u64], name: &str) -> Vec<u64> {
        let is_of = |nonce: &u64| self.raised(*nonce).is_some_and(|event| event.name == name);
        nonces.iter().copied().filter(is_of).collect()
    }

    pub(crate) fn raised(&self, nonce: u64) -> Option<&Raised> {
        self.events.get(&nonce)
    }

    pub(crate) fn child(&self, key: Key) -> Option<&Life> {
        self.lives.get(self.children.get(&key)?)
    }

    /// Whether one has failed in the place of this child that is gone.
    pub(crate) fn failed_before(&self, child: &Life) -> bool {
        let before = |life: &&Life| life.parent == child.parent && life.gone.is_some();
        self.lives
            .values()
            .filter(before)
            .any(|life| life.has_failed)
    }

    /// The instance that an execution was or is of, and whether a worker may not know that it is over.
    pub(crate) fn of_execution(&self, execution: u128) -> Option<(&Life, bool)> {
        let life = self.lives.get(self.executions.get(&execution)?)?;
        Some((life, self.untold_ends.contains(&execution)))
    }

    pub(crate) fn activity_begins(
        &mut self,
        beginning: &Beginning,
        id: &InstanceId,
        stage: &Stage,
    ) {
        let Beginning {
            key,
            attempt,
            told,
            begun,
            is_owner,
        } = *beginning;
        let task = format!("activity {} of `{id}`", key.1);
        // What the last episode of an execution asked for is in no row when it continued as new.
        let has_continued = self
            .of_execution(key.0)
            .is_some_and(|(life, _)| life.execution.as_u128() != key.0);
        let call = self.tasks.get(key).map(|task| task.call);
        if call.is_some() || !has_continued {
            if let Err(wrong) = self.tasks.begins(key, attempt, told, is_owner) {
                self.violate(format!("{task} {wrong}"));
            }
            let call = call.unwrap_or(key);
            let is_known = told.is_none_or(|told| stage.has_reported(call, told));
            self.expect(is_known, || {
                format!("{task} is told of the report {told:?}, which it never made")
            });
        }
        self.expect(begun == 1 || !is_owner, || {
            format!("{task} begins for the {begun}. time in one worker")
        });
    }

    /// What was true of an id at some time since a commit.
    pub(crate) fn was(
        &self,
        id: &InstanceId,
        since: u64,
        is: impl Fn(Option<&State>) -> bool,
    ) -> bool {
        let Some(moments) = self.moments.get(id) else {
            return is(None);
        };
        let first = moments.partition_point(|moment| moment.at <= since);
        if first == 0 && is(None) {
            return true;
        }
        moments[first.saturating_sub(1)..]
            .iter()
            .any(|moment| is(moment.state.as_ref()))
    }

    /// Whether an id was of several incarnations since a commit.
    pub(crate) fn was_replaced(&self, id: &InstanceId, since: u64) -> bool {
        let life = self.life(id);
        let incarnation = life.map(Life::incarnation);
        self.was(id, since, |state| {
            state.map(|state| state.cursor.incarnation) != incarnation
        })
    }

    /// Somebody was told of a state: it must have been committed.
    pub(crate) fn told(&mut self, id: &InstanceId, told: &State) {
        let was = self.was(id, 0, |state| state == Some(told));
        self.expect(was, || {
            format!("somebody was told of {told:?} of `{id}`, which was never committed")
        });
    }

    pub(crate) fn lives(&self) -> impl Iterator<Item = &Life> {
        self.lives.values().filter(|life| life.gone.is_none())
    }

    /// Whether there was an instance of this id and orchestrator since a commit.
    pub(crate) fn was_of(&self, id: &InstanceId, name: &str, since: u64) -> bool {
        self.lives.values().any(|life| {
            let was_there = life.gone.is_none_or(|gone| gone > since);
            life.id == *id && life.name == name && was_there
        })
    }

    /// Whether an instance of this id was created since a commit.
    pub(crate) fn was_created(&self, id: &InstanceId, since: u64) -> bool {
        let mut lives = self.lives.values();
        lives.any(|life| life.id == *id && life.created > since)
    }

    pub(crate) fn life(&self, id: &InstanceId) -> Option<&Life> {
        self.lives.get(self.current.get(id)?)
    }

    pub(crate) fn ids(&self) -> Vec<InstanceId> {
        self.current.keys().cloned().collect()
    }

    /// A write in a few words.
    pub(crate) fn describe(&self, write: &Write) -> String {
        let id = |incarnation: &Incarnation| {
            let life = self.lives.get(incarnation);
            life.map_or_else(|| "?".to_owned(), |life| life.id.to_string())
        };
        match write {
            Write::Create(create) => format!("create `{}`", create.id),
            Write::Episode(write) => format!(
                "episode {} of `{}`: {}",
                write.row.episode,
                id(&write.incarnation),
                Row::decode(&write.row.events).describe()
            ),
            Write::Enqueue {
                incarnation, event, ..
            } => format!(
                "enqueue for `{}`: {}",
                id(incarnation),
                Row::decode(event).describe()
            ),
            Write::SetStalled {
                incarnation,
                reason,
            } => format!(
                "`{}` is {}",
                id(incarnation),
                if reason.is_some() {
                    "stalled"
                } else {
                    "not stalled"
                }
            ),
            Write::Progress { incarnation, .. } => format!("progress of `{}`", id(incarnation)),
            Write::Rewind { id, .. } => format!("rewind `{id}`"),
            Write::Purge { id } => format!("purge `{id}`"),
            Write::PurgeWhere(_) => "purge by a filter".to_owned(),
            Write::Import(import) => format!("import `{}`", import.create.id),
        }
    }
}

fn purges(write: &Write, id: &InstanceId) -> bool {
    match write {
        Write::Purge { id: purged } => purged == id,
        Write::PurgeWhere(part) => part
            .filter
            .id_prefix
            .as_ref()
            .is_some_and(|prefix| id.as_str().starts_with(prefix)),
        _ => false,
    }
}

fn header(store: &MemoryStore, id: &InstanceId) -> Option<InstanceHeader> {
    let rows = now(store.read(id)).expect("a store in memory does not fail");
    rows.map(|rows| rows.header)
}
