//! Where activities run: they wait at gates that the simulation opens, and everything that they do is written down.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::ActivityContext;
use tokio::sync::oneshot;

/// One scheduled activity: its execution, and the action that asked for it.
pub(crate) type Key = (u128, i32);

#[derive(Default)]
pub(crate) struct Stage {
    /// Whether what is fragile fails.
    pub(crate) broken: bool,
    /// Whether all activities wait at their gates.
    pub(crate) is_still: bool,
    /// The worker that owns the store.
    pub(crate) owner: u64,
    /// Whether its program lacks a definition.
    pub(crate) owner_lacks: bool,
    /// How often each activity was begun in each worker since it was asked for, since the last rewind of its instance, or since its end
    /// may have been lost with a thread.
    begun: BTreeMap<(u64, Key), u32>,
    /// Those that run now, by worker.
    running: BTreeSet<(u64, Key)>,
    /// Those of them that wait to be let go.
    gates: Vec<(u64, Key, oneshot::Sender<()>)>,
    /// What each returned, by the number of the run.
    returned: BTreeMap<Key, Vec<u64>>,
    /// What the attempts of each call have reported.
    reported: BTreeSet<(Key, u64)>,
    pub(crate) runs: u64,
}

impl Stage {
    /// An activity begins. The number of its run, and how often it has begun in this worker.
    pub(crate) fn enter(&mut self, worker: u64, key: Key) -> (u64, u32) {
        self.runs += 1;
        self.running.insert((worker, key));
        let begun = self.begun.entry((worker, key)).or_default();
        *begun += 1;
        (self.runs, *begun)
    }

    pub(crate) fn leave(&mut self, worker: u64, key: Key) {
        self.running.remove(&(worker, key));
    }

    /// Its end, by which the recorded one is known.
    pub(crate) fn returns(&mut self, key: Key, run: u64) {
        self.returned.entry(key).or_default().push(run);
    }

    pub(crate) fn gate(&mut self, worker: u64, key: Key) -> oneshot::Receiver<()> {
        let (open, opened) = oneshot::channel();
        self.gates.push((worker, key, open));
        opened
    }

    pub(crate) fn gates(&self) -> usize {
        self.gates.len()
    }

    pub(crate) fn open(&mut self, gate: usize) -> Key {
        let (_, key, open) = self.gates.swap_remove(gate);
        // It may have been cancelled.
        let _ = open.send(());
        key
    }

    pub(crate) fn runs(&self, worker: u64, key: Key) -> bool {
        self.running.contains(&(worker, key))
    }

    /// What runs in a worker.
    pub(crate) fn running(&self, worker: u64) -> impl Iterator<Item = Key> {
        let running = self.running.iter();
        running.filter_map(move |(of, key)| (*of == worker).then_some(*key))
    }

    pub(crate) fn has_begun(&self, worker: u64, key: Key) -> bool {
        self.begun.contains_key(&(worker, key))
    }

    pub(crate) fn reports(&mut self, call: Key, run: u64) {
        self.reported.insert((call, run));
    }

    pub(crate) fn has_reported(&self, call: Key, run: u64) -> bool {
        self.reported.contains(&(call, run))
    }

    pub(crate) fn has_returned(&self, key: Key, run: u64) -> bool {
        self.returned
            .get(&key)
            .is_some_and(|runs| runs.contains(&run))
    }

    /// A worker is gone, and with it what ran in it.
    pub(crate) fn worker_died(&mut self, worker: u64) {
        self.gates.retain(|(of, ..)| *of != worker);
        self.running.retain(|(of, _)| *of != worker);
        self.begun.retain(|(of, _), _| *of != worker);
    }

    /// A worker has given up its thread. What has ended may begin again, since that may have been known to this thread alone.
    pub(crate) fn thread_given_up(&mut self, worker: u64) {
        let running = &self.running;
        self.begun
            .retain(|of, _| of.0 != worker || running.contains(of));
    }

    /// The failed activities of an execution may be begun again.
    pub(crate) fn rewound(&mut self, execution: u128) {
        self.begun.retain(|(_, (of, _)), _| *of != execution);
    }
}

pub(crate) fn key_of(ctx: &ActivityContext) -> Key {
    (ctx.execution_id().as_u128(), ctx.task_id())
}
