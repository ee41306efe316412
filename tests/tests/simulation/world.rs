//! What outlives the workers of a simulation: chance, the faults in force, the stage of the activities, the ledger, the trace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::faults::Faults;
use crate::ledger::Ledger;
use crate::stage::{Key, Stage};
use crate::trace::Trace;

pub(crate) struct World {
    pub(crate) random: fastrand::Rng,
    pub(crate) faults: Faults,
    pub(crate) stage: Stage,
    pub(crate) ledger: Ledger,
    pub(crate) trace: Trace,
}

impl World {
    /// An activity reports by which run it does.
    pub(crate) fn reports(&mut self, key: Key, run: u64) {
        let call = self.ledger.tasks.get(key).map_or(key, |task| task.call);
        self.stage.reports(call, run);
    }
}

/// A [`World`], shared by the driver, the store and the activities. All of them are in one thread.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            random: fastrand::Rng::with_seed(seed),
            faults: Faults::default(),
            stage: Stage::default(),
            ledger: Ledger::default(),
            trace: Trace::default(),
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something happens that happens once in so many times.
    pub(crate) fn one_in(&self, times: u32) -> bool {
        self.lock().random.u32(0..times) == 0
    }

    pub(crate) fn below(&self, limit: usize) -> usize {
        self.lock().random.usize(0..limit)
    }

    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        self.lock().trace.note(what());
    }
}
