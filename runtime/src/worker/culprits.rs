//! Instances whose code did not return. They are set aside, and not run again before somebody asks for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::model::instance::Incarnation;

/// The instances that the shards must not run, each with the reason. Kept for as long as the worker lives: the next one tries
/// them again.
#[derive(Debug, Default)]
pub(crate) struct Culprits {
    /// How many there are, so that those who look pay nothing while there are none.
    count: AtomicUsize,
    reasons: Mutex<HashMap<Incarnation, String>>,
}

impl Culprits {
    pub(super) fn add(&self, incarnation: Incarnation, reason: String) {
        let mut reasons = self.reasons();
        reasons.insert(incarnation, reason);
        self.count.store(reasons.len(), Ordering::Release);
    }

    /// Why an instance must not be run, if so.
    pub(super) fn reason(&self, incarnation: Incarnation) -> Option<String> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.reasons().get(&incarnation).cloned()
    }

    /// Lets an instance be tried again.
    pub(super) fn forgive(&self, incarnation: Incarnation) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut reasons = self.reasons();
        reasons.remove(&incarnation);
        self.count.store(reasons.len(), Ordering::Release);
    }

    fn reasons(&self) -> MutexGuard<'_, HashMap<Incarnation, String>> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
