//! The model: what the store has acknowledged, in the order in which it became durable. What clients, watchers and activities see is
//! held against it.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::model::instance::Incarnation;
use steadfast::store::memory::MemoryStore;
use steadfast::store::{
    CreateInstance, EpisodeWrite, InstanceHeader, Store as _, Write, WriteResult, Written,
};
use steadfast::{Cursor, InstanceId, RuntimeStatus};

use crate::faults::now;
use crate::life::{Life, Row};
use crate::stage::{Key, Stage};

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
    /// The commit before which it was raised, and that before which it was acknowledged.
    pub(crate) sent: u64,
    pub(crate) acknowledged: Option<u64>,
    pub(crate) stored: Option<Incarnation>,
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
    /// What activities were asked for, and whether their ends are recorded.
    tasks: BTreeMap<Key, Option<TaskEnd>>,
    events: BTreeMap<u64, Raised>,
    /// The starts of clients that created an instance.
    starts: BTreeSet<String>,
    pub(crate) instances: u64,
    pub(crate) violations: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Completed,
    Failed,
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

    /// A transaction was applied.
    pub(crate) fn committed(
        &mut self,
        writes: &[Write],
        results: &[WriteResult],
        store: &MemoryStore,
        stage: &mut Stage,
    ) {
        self.commits += 1;
        let mut touched = BTreeSet::new();
        for (write, result) in writes.iter().zip(results) {
            if let Ok(written) = result {
                self.apply(write, written, store, stage, &mut touched);
            }
        }
        for id in touched {
            self.agrees(&id, header(store, &id));
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
                for (nonce, _) in Row::decode(event).raised() {
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
                sequence,
                ..
            } => {
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
        if let Some(before) = self.current.insert(id.clone(), incarnation) {
            self.expect(before < incarnation, || {
                format!(
                    "`{id}` went from incarnation {} to {}",
                    before.0, incarnation.0
                )
            });
            if let Some(life) = self.lives.get_mut(&before) {
                life.gone = true;
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
        self.reopen(execution);
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
            life.gone = true;
            self.current.remove(&id);
            let at = self.commits;
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
        raised.stored.get_or_insert(incarnation);
        let of = raised.id.clone();
        self.expect(of == *id, || {
            format!("event {nonce} for `{of}` went to `{id}`")
        });
    }

    pub(crate) fn raise(&mut self, nonce: u64, id: InstanceId) {
        let raised = Raised {
            id,
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
        let (id, sent, stored) = (raised.id.clone(), raised.sent, raised.stored);
        // What the last episode of an execution takes is in no row when it continues as new.
        let may_be_taken = || {
            let lives = self.lives.values().filter(|life| life.id == id);
            lives.into_iter().any(|life| life.continued_since(sent))
        };
        match stored {
            Some(incarnation) => {
                if let Some(life) = self.lives.get_mut(&incarnation) {
                    life.expects.insert(nonce);
                }
            }
            None if may_be_taken() => {}
            None => self.violate(format!(
                "event {nonce} for `{id}` is acknowledged and in no history or inbox"
            )),
        }
    }

    pub(crate) fn raised(&self, nonce: u64) -> Option<&Raised> {
        self.events.get(&nonce)
    }

    pub(crate) fn scheduled(&mut self, key: Key) -> bool {
        self.tasks.insert(key, None).is_none()
    }

    pub(crate) fn task(&mut self, key: Key) -> Option<&mut Option<TaskEnd>> {
        self.tasks.get_mut(&key)
    }

    /// The failed activities of an execution count as open again.
    pub(crate) fn reopen(&mut self, execution: u128) {
        for (_, end) in self
            .tasks
            .range_mut((execution, i32::MIN)..=(execution, i32::MAX))
        {
            if *end == Some(TaskEnd::Failed) {
                *end = None;
            }
        }
    }

    pub(crate) fn child(&self, key: Key) -> Option<&Life> {
        self.lives.get(self.children.get(&key)?)
    }

    pub(crate) fn activity_begins(
        &mut self,
        key: Key,
        is_owner: bool,
        begun: u32,
        id: &InstanceId,
    ) {
        let task = format!("activity {} of `{id}`", key.1);
        match self.tasks.get(&key) {
            None => self.violate(format!("{task} begins before the commit that asks for it")),
            Some(Some(end)) if is_owner => {
                let end = *end;
                self.violate(format!("{task} begins again, and is recorded as {end:?}"));
            }
            Some(_) => {}
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
        self.lives.values().filter(|life| !life.gone)
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

fn header(store: &MemoryStore, id: &InstanceId) -> Option<InstanceHeader> {
    let rows = now(store.read(id)).expect("a store in memory does not fail");
    rows.map(|rows| rows.header)
}
